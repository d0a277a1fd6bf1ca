"""What every leaf module has from its layer: signature, attributes, pickling, subclassing, surgery."""

import inspect
import pickle
import pydoc
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import layers, nn, random
from fnn.nn.modules.layer_module import LayerModule
from tests.layers.table import OWN_KEYWORDS
from tests.nn.both import FNN, TORCH, same, same_error, torch

CLASSES = {name: cls for name in nn.modules.__all__ if isinstance(cls := getattr(nn, name), type)}
LEAVES = sorted(name for name, cls in CLASSES.items() if issubclass(cls, LayerModule) and cls is not LayerModule)


@pytest.mark.parametrize("name", [name for name in LEAVES if hasattr(torch.nn, name)])
def test_constructor_has_torchs_signature(name):
    ours = inspect.signature(getattr(nn, name)).parameters
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    if any(p.kind is p.VAR_POSITIONAL for p in theirs.values()):
        return  # torch hides it behind *args, **kwargs
    ours = {k: p for k, p in ours.items() if k not in OWN_KEYWORDS or k in theirs}
    assert list(ours) == list(theirs)
    assert {k: p.default for k, p in ours.items()} == {k: p.default for k, p in theirs.items()}


@pytest.mark.parametrize("name", LEAVES)
def test_help_shows_the_layers_documentation(name):
    cls = getattr(nn, name)
    text = pydoc.render_doc(cls, renderer=pydoc.plaintext)
    assert cls.__doc__ and cls.__doc__.strip().splitlines()[0] in text
    assert cls.__module__.startswith("fnn.nn.modules.") and cls.__init__.__qualname__.endswith("__init__")
    assert "params" not in inspect.signature(cls.forward).parameters


@pytest.mark.parametrize("cls", [nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.ReLU])
def test_it_is_its_layer(cls):
    args = {nn.Conv2d: (2, 3, 1), nn.Linear: (2, 3), nn.BatchNorm2d: (2,), nn.ReLU: ()}[cls]
    module = cls(*args)
    assert module._layer == getattr(layers, cls.__name__)(*args)
    x = jnp.ones((2, 2, 2, 2))
    params = {k: p.data for k, p in module.named_parameters()}
    state = {k: b.data for k, b in module.named_buffers()}
    out, new = module._layer.apply(params, state, x, training=True)
    np.testing.assert_allclose(module(x), out, rtol=1e-6)
    for key, value in new.items():
        np.testing.assert_allclose(module.get_buffer(key), value)


def test_attributes_come_from_the_layer():
    def act(api):
        conv = api.nn.Conv2d(2, 4, 3, stride=2, bias=False)
        norm = api.nn.BatchNorm1d(3)
        return [
            *(conv.stride, conv.kernel_size, conv.padding, conv.groups, conv.in_channels, conv.bias),
            *(norm.eps, norm.momentum, norm.affine, norm.num_features),
        ]

    same(act)


def test_assigning_an_attribute_replaces_the_layer():
    conv = nn.Conv2d(1, 1, 3)
    layer = conv._layer
    conv.stride = 2
    assert conv.stride == (2, 2) and layer.stride == (1, 1) and conv(jnp.ones((1, 1, 5, 5))).shape == (1, 1, 2, 2)
    assert repr(conv) == "Conv2d(1, 1, kernel_size=(3, 3), stride=(2, 2))"
    with pytest.raises(ValueError, match="groups must be a positive integer, got groups=0"):
        conv.groups = 0
    conv.anything = 3
    assert conv.anything == 3 and "anything" not in repr(conv)


def test_taking_the_bias_away():
    def act(api):
        (torch if api is TORCH else random).manual_seed(0)
        layer = api.nn.Linear(2, 2)
        layer.bias = None
        log = [repr(layer), layer(api.array(1, 2)), list(layer.state_dict())]
        layer.reset_parameters()
        other = api.nn.Linear(2, 2, bias=False)
        other.bias = api.nn.Parameter(api.array(2))
        return [*log, layer.weight, repr(other), other(api.array(1, 2))]

    same(act)


def test_a_deleted_parameter_is_gone():
    def act(api):
        layer = api.nn.Linear(2, 2)
        del layer.bias
        return layer.bias

    same_error(act)
    layer = nn.Linear(2, 2)
    del layer.bias
    layer.register_parameter("bias", nn.Parameter(jnp.ones(2)))
    np.testing.assert_array_equal(layer.bias, np.ones(2))


def test_a_weight_may_be_computed():
    """The way of weight_norm: the parameter is replaced by a plain array of the same name."""

    def act(api):
        layer = api.nn.Linear(2, 2, bias=False)
        del layer.weight
        layer.weight_v = api.nn.Parameter(api.array(2, 2))
        layer.weight = layer.weight_v.data * 2
        return [layer(api.array(1, 2)), [n for n, _ in layer.named_parameters()]]

    same(act)


def test_dir_and_missing_attributes():
    conv = nn.Conv2d(1, 1, 1)
    assert {"stride", "weight", "bias", "forward", "kernel_size"} <= set(dir(conv))
    assert not hasattr(conv, "init") and not hasattr(conv, "nowhere")
    with pytest.raises(AttributeError, match="'Conv2d' object has no attribute 'nowhere'"):
        _ = conv.nowhere


class Shouting(nn.Linear):
    """A subclass as in torch: own arguments, super().__init__, super().forward, its own attributes."""

    def __init__(self, size, loud=True):
        super().__init__(size, size, bias=False)
        self.loud = loud

    def forward(self, input):
        out = super().forward(input)
        return out * 2 if self.loud else out

    def extra_repr(self):
        return super().extra_repr() + f", loud={self.loud}"


def test_subclassing():
    module = Shouting(2)
    x = jnp.ones((1, 2))
    np.testing.assert_allclose(module(x), 2 * x @ module.weight.data.T, rtol=1e-6)
    assert repr(module) == "Shouting(in_features=2, out_features=2, bias=False, loud=True)"
    assert str(inspect.signature(Shouting)) == "(size, loud=True)" and isinstance(module, nn.Linear)
    new = pickle.loads(pickle.dumps(module))
    np.testing.assert_array_equal(new(x), module(x))


def test_overriding_a_parameter_hook_of_the_constructor():
    class Zeros(nn.Conv2d):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.reset_parameters()

        def reset_parameters(self):
            nn.init.zeros_(self.weight)

    assert not np.any(np.asarray(Zeros(1, 1, 1).weight))


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "BatchNorm1d", "Embedding", "Bilinear", "LayerNorm"])
def test_reset_parameters_draws_as_torch_does(name):
    args = {"Linear": (2, 3), "Conv2d": (2, 3, 1), "BatchNorm1d": (2,), "Embedding": (3, 2), "LayerNorm": (2,)}

    def act(api):
        module = getattr(api.nn, name)(*args.get(name, (2, 2, 2)))
        with torch.no_grad():
            for box in module.state_dict(keep_vars=True).values():
                box.fill_(7)
        (torch if api is TORCH else random).manual_seed(5)
        module.reset_parameters()
        return module.state_dict()

    same(act)


def test_reset_keeps_boxes_dtype_and_state():
    norm = nn.BatchNorm1d(2).half()
    box = norm.running_mean
    norm(jnp.ones((2, 2), jnp.float16))
    norm.reset_parameters()
    assert norm.running_mean is box and box.dtype == jnp.float16 and not np.any(np.asarray(box))
    assert int(norm.num_batches_tracked) == 0


def test_wrong_arguments():
    same_error(lambda api: api.nn.Linear(2))
    same_error(lambda api: api.nn.Linear(2, 3, wrong=1))
    with pytest.raises(TypeError, match=r"Linear.forward\(self, input: ArrayLike\).*: too many positional arguments"):
        nn.Linear(2, 3)(jnp.ones((1, 2)), 1)
    with pytest.raises(TypeError, match="missing a required argument: 'input'"):
        nn.Linear(2, 3)()


def test_parameters_are_made_once_and_belong_to_nobody_else():
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    assert a.weight.data is not b.weight.data
    with random.constructing(jax.random.key(0)):
        c = nn.Linear(2, 2)
    np.testing.assert_array_equal(c.weight, jax.jit(layers.Linear(2, 2).init)(_first_key())[0]["weight"])


def _first_key():
    return random.stream(jax.random.key(0))()


def test_eval_and_training_reach_the_layer():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5))
    x = FNN.array(4, 2)
    model(x)
    mean = np.asarray(model[0].running_mean)
    assert np.any(mean)
    model.eval()
    np.testing.assert_array_equal(model(x), model(x))
    np.testing.assert_array_equal(model[0].running_mean, mean)


def test_an_eager_call_takes_a_short_way():
    """A normalisation that updates its statistics: at most 11 of fnn's files, and 29 calls from one into another."""
    norm, x, root = nn.BatchNorm2d(3), FNN.array(2, 3, 4, 4), str(Path(layers.__file__).parents[1])
    entered = []

    def note(frame, event, argument):
        here, caller = frame.f_code.co_filename, frame.f_back.f_code.co_filename
        if event == "call" and here.startswith(root) and here != caller:
            entered.append(here)

    norm(x)
    sys.setprofile(note)
    try:
        norm(x)
    finally:
        sys.setprofile(None)
    assert 5 < len(set(entered)) <= 11 and len(entered) <= 29, entered
