"""Draws in the form of an array, and the few largest singular and eigenvalues, with PyTorch's numbers from a seed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError
from tests import reference

torch = reference.torch

IN_PLACE = {"exponential": (2.0,), "cauchy": (1.0, 2.0), "geometric": (0.3,), "log_normal": (0.3, 0.5)}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name):
    torch.manual_seed(3), fnn.manual_seed(3)
    box, x = fnn.nn.Buffer(jnp.zeros((3, 9))), jnp.zeros((3, 9))
    for draw in (
        lambda: getattr(box, f"{name}_")(*IN_PLACE[name]).data,
        fnn.jit(lambda: getattr(fnn, name)(x, *IN_PLACE[name]), random="torch"),
    ):
        want = getattr(torch.empty(3, 9), f"{name}_")(*IN_PLACE[name])
        np.testing.assert_allclose(draw(), want, rtol=2e-6, atol=1e-6)
    keyed = getattr(fnn, name)(jnp.zeros(20000), *IN_PLACE[name], generator=jax.random.key(0))
    wanted = getattr(torch.empty(20000), f"{name}_")(*IN_PLACE[name])
    np.testing.assert_allclose(np.median(keyed), wanted.median(), rtol=0.1)
    with pytest.raises(ArgumentError, match=f"{name}: expected (lambd|sigma|std|p)"):
        getattr(fnn, name)(x, *(-1.0,) * len(IN_PLACE[name]))


def test_counts():
    torch.manual_seed(3), fnn.manual_seed(3)
    rate, half = torch.full((30,), 4.0), torch.full((30,), 0.3)
    np.testing.assert_array_equal(fnn.poisson(jnp.full(30, 4.0)), torch.poisson(rate))
    drawn = fnn.binomial(jnp.full(30, 9.0), jnp.full(30, 0.3))
    np.testing.assert_array_equal(drawn, torch.binomial(rate + 5, half))
    with pytest.raises(ArgumentError, match="poisson: the host generator needs the numbers of input"):
        fnn.jit(fnn.poisson, random="torch")(jnp.ones(3))


def test_low_rank():
    a = torch.from_numpy(np.random.default_rng(0).standard_normal((12, 20)).astype(np.float32))
    for call in (lambda lib, x: lib.svd_lowrank(x, 4, 1, x[:1] * 0.5), lambda lib, x: lib.pca_lowrank(x, 5)):
        torch.manual_seed(1), fnn.manual_seed(1)
        (u, s, v), ours = call(torch, a), call(fnn, jnp.asarray(a.numpy()))
        np.testing.assert_allclose(ours.S, s, rtol=1e-4)
        np.testing.assert_allclose((ours.U * ours.S[None]) @ ours.V.T, (u * s) @ v.T, rtol=1e-3, atol=1e-4)
    with pytest.raises(ArgumentError, match=r"q\(=30\) must be non-negative integer and not greater than min"):
        fnn.pca_lowrank(jnp.zeros((12, 20)), 30)


@pytest.mark.parametrize("largest", [True, False])
def test_lobpcg(largest):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 20, 20))
    a, b = np.float32(a + a.T + np.diag(np.arange(20))), np.float32(b @ b.T / 20 + np.eye(20))
    for other in (None, b):
        given = {} if other is None else {"B": torch.from_numpy(other)}
        want = torch.lobpcg(torch.from_numpy(a), 3, largest=largest, **given)[0]
        values, vectors = fnn.lobpcg(a, 3, other, largest=largest)
        np.testing.assert_allclose(values, want, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(a @ vectors, (vectors if other is None else b @ vectors) * values[None], atol=1e-3)
    weights = jnp.array([1.0, 2.0, 3.0])

    def loss(values, vectors):
        return values @ weights + (vectors**2).sum(1) @ jnp.arange(20.0)

    whole = lambda a: (lambda e, v: (e[-3:][::-1], v[:, -3:]) if largest else (e[:3], v[:, :3]))(*jnp.linalg.eigh(a))  # noqa: E731
    gradient, wanted = (
        jax.grad(lambda a, f=f: loss(*f((a + a.T) / 2)))(a)
        for f in (lambda a: fnn.lobpcg(a, 3, largest=largest), whole)
    )
    np.testing.assert_allclose(gradient, wanted, rtol=1e-2, atol=2e-2)
    with pytest.raises(ArgumentError, match=r"lobpcg: is not applicable when the number of A rows \(=20\)"):
        fnn.lobpcg(a, 8)
