"""The layers of einops against ``einops.layers.torch``."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn

einops = pytest.importorskip("einops")
torch = pytest.importorskip("torch")
theirs = pytest.importorskip("einops.layers.torch")
ours = pytest.importorskip("fnn.nn.einops")

CASES = {
    "rearrange": ("Rearrange", ("b c (h p) -> b h (p c)",), {"p": 2}),
    "reduce": ("Reduce", ("b c (h 2) -> b c h", "max"), {}),
    "mean": ("Reduce", ("b c h -> b h", "mean"), {}),
    "mix": ("EinMix", ("b c h -> b o h", "c o"), {"c": 3, "o": 5}),
    "heads": ("EinMix", ("b (g c) h -> b h (g o)", "g c o", "g o"), {"g": 3, "c": 1, "o": 2}),
}


@pytest.mark.parametrize("name", CASES)
def test_layers_are_einops(name):
    kind, args, lengths = CASES[name]
    torch.manual_seed(0)
    fnn.manual_seed(0)
    expected, given = getattr(theirs, kind)(*args, **lengths), getattr(ours, kind)(*args, **lengths)
    x = np.random.RandomState(0).randn(2, 3, 4).astype(np.float32)
    assert repr(given) == repr(expected) and list(given.state_dict()) == list(expected.state_dict())
    for key, value in expected.state_dict().items():
        np.testing.assert_array_equal(np.asarray(given.state_dict()[key]), value.numpy())
    at = torch.tensor(x, requires_grad=True)
    out = expected(at)
    (out**2).sum().backward()
    np.testing.assert_allclose(fnn.jit(given)(x), out.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        jax.grad(lambda x: (given(x) ** 2).sum())(jnp.asarray(x)), at.grad.numpy(), rtol=1e-5, atol=1e-6
    )
    assert repr(copy.deepcopy(nn.Sequential(given))[0]) == repr(given)


def test_a_bad_pattern_is_refused():
    with pytest.raises(einops.EinopsError, match="a b"):
        ours.Rearrange("a b -> a c")
