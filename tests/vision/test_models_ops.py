"""The blocks that models are made of, dropout in a whole model, and DenseNet's saving of memory."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.vision import models, ops
from tests.vision.oracle import torch, torchvision

BOTH = (
    lambda o, nn: o.Conv2dNormActivation(3, 8, stride=2),
    lambda o, nn: o.Conv2dNormActivation(3, 8, (3, 5), dilation=2, norm_layer=None, activation_layer=None),
    lambda o, nn: o.Conv2dNormActivation(4, 8, 3, padding="same", groups=2, dilation=(2, 1), inplace=None),
    lambda o, nn: o.Conv2dNormActivation(4, 8, 3, bias=True, norm_layer=partial(nn.GroupNorm, 2)),
    lambda o, nn: o.Conv3dNormActivation(2, 4, 3, dilation=(1, 2, 1)),
    lambda o, nn: o.SqueezeExcitation(4, 2, activation=nn.SiLU, scale_activation=nn.Hardsigmoid),
    lambda o, nn: o.MLP(3, [5, 4], norm_layer=nn.LayerNorm, dropout=0.0),
    lambda o, nn: o.MLP(3, [4], inplace=True, bias=False),
    lambda o, nn: o.FrozenBatchNorm2d(4, eps=1e-3),
    lambda o, nn: o.Permute([0, 2, 3, 1]),
    lambda o, nn: o.StochasticDepth(0.5, "row"),
)
SHAPES = [(2, 3, 9, 8), (2, 3, 9, 9), (2, 4, 9, 9), (2, 4, 5, 5), (1, 2, 5, 5, 5), (2, 4, 3, 3), (2, 3), (2, 3)]
SHAPES += [(2, 4, 3, 3), (2, 3, 4, 5), (6, 2)]


@pytest.mark.parametrize("case", range(len(BOTH)))
def test_blocks(case):
    torch.manual_seed(0), fnn.manual_seed(0)
    theirs, ours = BOTH[case](torchvision.ops, torch.nn), BOTH[case](ops, nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for value in theirs.state_dict().values():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal(SHAPES[case]).astype(np.float32)
    torch.manual_seed(1), fnn.manual_seed(1)
    out, expected = ours(jnp.asarray(x)), theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(np.asarray(out), expected, rtol=1e-5, atol=1e-5)


def test_a_bare_block_warns():
    with pytest.warns(UserWarning, match=r"Don't use ConvNormActivation directly"):
        ops.ConvNormActivation(1, 2)


def test_frozen_batch_norm_takes_an_ordinary_ones_state():
    ordinary = nn.BatchNorm2d(4)
    ordinary(jnp.ones((2, 4, 3, 3)) * 5)
    frozen = ops.FrozenBatchNorm2d(4)
    frozen.load_state_dict(ordinary.state_dict())
    x = jnp.arange(8.0).reshape(2, 4, 1, 1)
    np.testing.assert_allclose(np.asarray(frozen(x)), np.asarray(ordinary.eval()(x)), rtol=1e-5)
    assert not list(frozen.parameters())


@pytest.mark.parametrize("mode", ["row", "batch"])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_stochastic_depth_draws_as_torchs(mode, p):
    x = np.ones((40, 2, 1), np.float32)
    torch.manual_seed(2), fnn.manual_seed(2)
    expected = torchvision.ops.stochastic_depth(torch.from_numpy(x), p, mode).numpy()
    np.testing.assert_array_equal(np.asarray(ops.stochastic_depth(jnp.asarray(x), p, mode)), expected)
    assert ops.StochasticDepth(p, mode).eval()(x) is x
    np.testing.assert_array_equal(np.asarray(fnn.rand(2)), torch.rand(2).numpy())


@pytest.mark.parametrize(
    ("p", "mode", "text"),
    [
        (-0.1, "row", "drop probability has to be between 0 and 1, but got -0.1"),
        (0.5, "column", "mode has to be either 'batch' or 'row', but got column"),
    ],
)
def test_stochastic_depth_refuses(p, mode, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        ops.stochastic_depth(jnp.ones(2), p, mode)


def test_dropout_of_a_model_in_training_is_torchs():
    """Eager, where masks come from the host generator."""
    torch.manual_seed(0), fnn.manual_seed(0)
    theirs, ours = torchvision.models.squeezenet1_1(num_classes=2), models.squeezenet1_1(num_classes=2)
    theirs.features, ours.features = torch.nn.Identity(), nn.Identity()
    x = np.random.default_rng(0).standard_normal((2, 512, 2, 2)).astype(np.float32)
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(np.asarray(ours(jnp.asarray(x))), expected, rtol=1e-5, atol=1e-6)


def test_memory_efficient_densenet():
    """The same numbers; fewer are kept for the backward pass; the statistics move once."""
    make = partial(models.DenseNet, 4, (3,), 4, bn_size=2, num_classes=2)
    fnn.manual_seed(0)
    plain = make()
    thrifty = make(memory_efficient=True)
    thrifty.load_state_dict(plain.state_dict())
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 16, 16)), jnp.float32)

    def step(model):
        return fnn.value_and_grad(lambda model: (model(x) ** 2).sum())(model)

    one, two = fnn.jit(step)(plain), fnn.jit(step)(thrifty)
    np.testing.assert_allclose(one[0], two[0], rtol=1e-5)
    for name, gradient in one[1].items():
        np.testing.assert_allclose(np.asarray(two[1][name]), np.asarray(gradient), rtol=1e-4, atol=1e-5)
    for (name, a), (_, b) in zip(plain.named_buffers(), thrifty.named_buffers(), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, err_msg=name)

    def remats(model):
        pure = jax.make_jaxpr(lambda x: fnn.func.functional_call(model, dict(model.named_parameters()), (x,)))
        return str(pure(x)).count("remat")

    plain.eval(), thrifty.eval()
    assert remats(plain) == 0 and remats(thrifty) > 0
    np.testing.assert_allclose(np.asarray(thrifty(x)), np.asarray(plain(x)), rtol=1e-5)
