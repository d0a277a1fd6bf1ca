"""nn.grad and nn.common_types against torch.nn's."""

import inspect

import jax.numpy as jnp
import pytest

from fnn import nn
from tests import reference

torch = reference.torch
NAMES = nn.grad.__all__
OPTIONS = [{}, {"stride": 2, "padding": 1, "groups": 2}, {"stride": 3, "dilation": 2}]


def arrays(rank, options):
    rng = torch.Generator().manual_seed(0)
    size = (8, 7, 6)[:rank]
    x = torch.randn((2, 4, *size), generator=rng)
    w = torch.randn((6, 4 // options.get("groups", 1), *(2, 3, 2)[:rank]), generator=rng)
    y = getattr(torch.nn.functional, f"conv{rank}d")(x, w, None, **options)
    return x, w, torch.randn(y.shape, generator=rng)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_values(name, options):
    x, w, g = arrays(int(name[4]), options)
    ours, theirs = getattr(nn.grad, name), getattr(torch.nn.grad, name)
    if name.endswith("input"):
        got, want = ours(x.shape, jnp.asarray(w), jnp.asarray(g), **options), theirs(x.shape, w, g, **options)
    else:
        got, want = ours(jnp.asarray(x), w.shape, jnp.asarray(g), **options), theirs(x, w.shape, g, **options)
    reference.assert_equal(got, want)


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    ours, theirs = (inspect.signature(getattr(m, name)).parameters.values() for m in (nn.grad, torch.nn.grad))
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


BAD = [
    ((3, 7), (4, 3, 2), (4, 6), {}, "Expected 3-dimensional input"),
    ((2, 3, 7), (4, 3, 2), (2, 4, 5), {}, r"expected \[2, 4, 6\], got \[2, 4, 5\]"),
    ((2, 5, 7), (4, 3, 2), (2, 4, 6), {}, "Given groups=1, .* 3 channels, but got 5 channels"),
    ((2, 3, 7), (4, 3, 2), (2, 4, 6), {"padding": "same"}, "padding must be one int or one an axis"),
    ((2, 3, 7), (4, 3, 2), (2, 4, 6), {"groups": 0}, "groups=0"),
]


@pytest.mark.parametrize("x, w, g, options, text", BAD)
def test_errors(x, w, g, options, text):
    for call, theirs in (
        (lambda: nn.grad.conv1d_input(x, jnp.ones(w), jnp.ones(g), **options), "conv1d_input"),
        (lambda: nn.grad.conv1d_weight(jnp.ones(x), w, jnp.ones(g), **options), "conv1d_weight"),
    ):
        with pytest.raises(RuntimeError, match=text):
            call()
        first, second = (x, torch.ones(w)) if theirs.endswith("input") else (torch.ones(x), w)
        with pytest.raises(RuntimeError):
            getattr(torch.nn.grad, theirs)(first, second, torch.ones(g), **options)
    with pytest.raises(TypeError, match="float32 and grad_output of float16"):
        nn.grad.conv1d_input((2, 3, 7), jnp.ones((4, 3, 2)), jnp.ones((2, 4, 6), jnp.float16))


def test_common_types():
    theirs = {name for name in vars(torch.nn.common_types) if name.endswith("_t")}
    assert theirs == {name for name in vars(nn.common_types) if name.endswith("_t")}
    assert nn.common_types._size_2_t == int | tuple[int, int]
