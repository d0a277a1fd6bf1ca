"""Features by the names of nodes: torchvision's names, values, keys and errors."""

import copy
import warnings
from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.nn import functional as F
from fnn.vision import models
from fnn.vision.models.feature_extraction import create_feature_extractor, get_graph_node_names
from tests import extent
from tests.vision import quick
from tests.vision.test_models_numerics import _two

# Where no shapes are computed on the way, so that the names are equal to the last one.
SAME = {
    "resnet18": {},
    "mobilenet_v2": {},
    "regnet_y_400mf": {},
    "googlenet": {"init_weights": False},
    "efficientnet_b0": {},
    "mobilenet_v3_small": {},
    "mnasnet0_5": {},
    "squeezenet1_1": {},
    "vgg11_bn": {},
    "alexnet": {},
}


@pytest.mark.parametrize("name", extent.some(SAME, 4))
def test_names_are_torchvisions(name):
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    theirs_too = import_module("torchvision.models.feature_extraction").get_graph_node_names
    with quick.zeros():
        model = models.get_model(name, **SAME[name])
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)(**SAME[name])
    expected = theirs_too(theirs, suppress_diff_warning=True)
    assert get_graph_node_names(model, suppress_diff_warning=True) == expected


def test_names_of_a_transformer():
    """torchvision's: the second of ``ln_1`` and ``ln_2`` is ``ln_1``."""
    block = "encoder.layers.encoder_layer_0"
    train, evaluation = get_graph_node_names(models.VisionTransformer(8, 4, 1, 2, 8, 12, num_classes=7))
    assert train == evaluation == [
        "x", "conv_proj", "reshape", "permute", "class_token", "expand", "cat", "encoder.encoder_pos_embedding",
        "encoder.add", "encoder.dropout", f"{block}.ln", f"{block}.self_attention", f"{block}.dropout", f"{block}.add",
        f"{block}.ln_1", f"{block}.mlp", f"{block}.add_1", "encoder.ln", "getitem", "heads.head",
    ]  # fmt: skip


class Net(nn.Module):
    """With everything that has a name of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(jnp.full((1, 4), 2.0))
        self.first = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.unused = nn.Linear(4, 4)
        self.again = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.last = nn.Linear(4, 2)

    def forward(self, x, shift=0.0):
        x = self.norm(self.first(x) * self.scale)
        self.unused(x)
        x = x + self.again(F.relu(self.again(x)))
        if self.training:
            x = F.dropout(x, 0.5)
        return self.last(x + shift)


NODES = ["x", "first.0", "first.1", "scale", "mul", "norm", "unused", "again", "relu", "again_1", "add"]


def test_names_and_values():
    model = Net()
    with pytest.warns(UserWarning, match="in eval mode are a subsequence of those in train mode"):
        train, evaluation = get_graph_node_names(model)
    assert evaluation == [*NODES, "add_1", "last"] and train == [*NODES, "dropout", "add_1", "last"]
    assert model.training
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        get_graph_node_names(model, suppress_diff_warning=True)

    names = {"first": "a", "scale": "s", "mul": "m", "again": "b", "again_1": "c", "add": "d", "x": "given"}
    extractor = create_feature_extractor(model.eval(), names, suppress_diff_warning=True)
    x = jnp.asarray(np.random.default_rng(0).standard_normal((5, 3)), jnp.float32)
    first = model.first(x)
    normed = model.norm(first * model.scale)
    again = model.again(normed)
    expected = {
        "given": x, "a": first, "s": model.scale.data, "m": first * model.scale, "b": again,
        "c": model.again(F.relu(again)), "d": normed + model.again(F.relu(again)),
    }  # fmt: skip
    for found in (extractor(x), fnn.jit(lambda extractor, x: extractor(x))(extractor, x), extractor(x)):
        assert list(found) == list(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(np.asarray(found[name]), np.asarray(value), rtol=1e-6, atol=1e-6, err_msg=name)
    assert sorted(extractor.state_dict()) == sorted(
        k for k in model.state_dict() if not k.startswith(("unused", "last"))
    )
    assert extractor.again is model.again and not hasattr(extractor, "last")


def test_what_is_shared_trained_and_copied():
    model = Net()
    extractor = create_feature_extractor(
        model, train_return_nodes=["dropout"], eval_return_nodes={"add": "out"}, suppress_diff_warning=True
    )
    x = jnp.asarray(np.random.default_rng(0).standard_normal((5, 3)), jnp.float32)
    assert extractor.training and list(extractor(x)) == ["dropout"]
    assert int(model.norm.num_batches_tracked) == 1  # its buffers are the model's
    assert list(extractor.eval()(x)) == ["out"] and not extractor.first.training

    def loss(extractor):
        return (extractor(x)["out"] ** 2).sum()

    value, gradients = fnn.value_and_grad(loss)(extractor)
    assert set(gradients) == {name for name, _ in extractor.named_parameters()}
    other = copy.deepcopy(extractor)
    for module in (other, extractor):
        for parameter in module.parameters():
            parameter.data = parameter.data * 0.5
        assert float(loss(module)) < float(value)
        np.testing.assert_allclose(float(loss(other)), float(loss(module)), rtol=1e-6)
    extractor.again = nn.Identity()  # surgery is seen
    other.again = nn.Identity()
    np.testing.assert_allclose(float(loss(other)), float(loss(extractor)), rtol=1e-6)


def test_leaves_and_examples():
    class Block(nn.Module):
        def forward(self, x):
            return helper(x) * 2

    def helper(x):
        return jnp.sin(x) + 1

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, x, y, *, double=False):
            return self.block(x) - y if double else self.block(x)

    example = jax.ShapeDtypeStruct((3,), jnp.float32)
    given = {"x": example, "y": example}
    for options, expected in (
        (None, ["block.sin", "block.add", "block.mul"]),
        ({"leaf_modules": [Block]}, ["block"]),
        ({"autowrap_functions": [helper]}, ["block.helper", "block.mul"]),
    ):
        assert get_graph_node_names(Two(), options, concrete_args=given)[0] == ["x", "y", *expected]
    extractor = create_feature_extractor(Two(), ["sub"], concrete_args={**given, "double": True})
    np.testing.assert_allclose(extractor(jnp.zeros(3), jnp.ones(3))["sub"], np.ones(3))


def test_what_is_refused():
    model = Net()
    for kwargs, text in (
        ({}, "either 'return_nodes' or both 'train_return_nodes' and 'eval_return_nodes' must be given"),
        ({"train_return_nodes": ["add"]}, "'train_return_nodes' and 'eval_return_nodes' must be given together"),
        (
            {"return_nodes": ["add"], "train_return_nodes": ["add"], "eval_return_nodes": ["add"]},
            "'return_nodes' must not be given beside",
        ),
        ({"return_nodes": ["again_2"]}, "node: 'again_2' is not present in model .*near: 'again_1', 'again'"),
        ({"return_nodes": ["add"], "tracer_kwargs": {"leaves": []}}, "has no entries \\['leaves'\\]"),
        ({"return_nodes": ["add"], "concrete_args": {"z": 1}}, "names \\['z'\\], forward takes \\['x', 'shift'\\]"),
    ):
        with pytest.raises(ValueError, match=text):
            create_feature_extractor(model, suppress_diff_warning=True, **kwargs)
    with pytest.raises(ValueError, match="no input was found that fits Odd; give an example for each argument"):
        get_graph_node_names(Odd())


class Odd(nn.Module):
    def forward(self, x):
        return x["a"]


def test_values_and_keys_are_torchvisions():
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision  # noqa: F401  which can be imported then

    theirs_too = import_module("torchvision.models.feature_extraction").create_feature_extractor
    ours, theirs = _two(lambda v: v.resnet.ResNet(v.resnet.BasicBlock, [1, 1, 1, 1], 3))
    names = {"layer1.0.bn2": "a", "layer2": "b", "layer3.0.relu": "c"}  # torchvision writes into others
    extractor = create_feature_extractor(ours.eval(), names)
    expected = theirs_too(theirs.eval(), names)
    assert sorted(extractor.state_dict()) == sorted(expected.state_dict())
    x = np.random.default_rng(0).standard_normal((2, 3, 33, 33)).astype(np.float32)
    found, wanted = extractor(jnp.asarray(x)), expected(torch.from_numpy(x))
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(np.asarray(found[name]), value.detach().numpy(), rtol=1e-4, atol=1e-4)
