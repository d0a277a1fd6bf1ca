"""Reductions, extremes, running sums, sorting and counting against torch's op_db; ties, and what jit cannot do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import ops
from fnn.errors import ArgumentError
from fnn.ops import counting, cumulative, extremes, reductions, segments, sorting, spread
from tests.ops.families import Row, reference, run

torch = reference.torch
NAMES = {
    name: getattr(m, name)
    for m in (reductions, segments, spread, extremes, cumulative, sorting, counting)
    for name in m.__all__
}
RANKS = ("up to 64 dims",)  # NumPy, through which the cases come, has no more either
UNSTABLE = ("complex64",)  # among equal elements torch's order is not defined


def values_only(fun):
    return lambda *args, **kwargs: fun(*args, **kwargs)


ROWS = {
    "amax": Row(errors=RANKS), "amin": Row(errors=RANKS), "aminmax": Row(errors=RANKS),
    "kthvalue": Row(others=UNSTABLE), "topk": Row(others=UNSTABLE), "mode": Row(others=("int64",)),
    "sort": Row(others=("int64",), skip=lambda s: not s.kwargs.get("stable")),
    "msort": Row(others=("int64",)),
    "argsort": Row(others=("int64",), skip=lambda s: not s.kwargs.get("stable")),
    "unique": Row(eager=True, grad=False), "unique_consecutive": Row(eager=True, grad=False),
    "bincount": Row(eager=True, x64=True),
    "gradient": Row(errors=("",)),  # its cases need the meta device
    "logcumsumexp": Row(others=(), tolerance=(5e-3, 1e-3)),  # torch's gradient takes logarithms of float32
    "cumprod": Row(others=("int64", "complex64")), "prod": Row(others=("int64", "bool", "complex64")),
    "quantile": Row(marked=True), "nanquantile": Row(marked=True),
    "histogram": Row(grad=False), "histogramdd": Row(grad=False), "histc": Row(grad=False),
    "trapz": Row(entry="trapezoid"),
    "segment_reduce": Row(entry="_segment_reduce", others=()),  # torch rounds each sum of bfloat16
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(NAMES.keys()))
def test_database(name):
    run(name, NAMES[name], ROWS.get(name, Row()))


TIES = np.float32([[2, 5, 5, 1], [3, 3, 3, 3], [0, -1, 4, 4]])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("amax", (1,)), ("amin", ((0, 1),)), ("max", ()), ("min", ()), ("max", (1,)), ("min", (1, True)),
        ("median", ()), ("median", (1,)), ("nanmedian", ()), ("aminmax", ()), ("std", (1,)), ("var", (1, False)),
        ("std", (False,)), ("norm", ()), ("norm", (1, 1)), ("cummax", (1,)), ("cummin", (0,)), ("max", "other"),
        ("logsumexp", ((0, 1),)), ("prod", (1,)),
    ],
)  # fmt: skip
def test_ties(name, arguments):
    args = (torch.from_numpy(TIES.copy()), torch.from_numpy(TIES[:, ::-1].copy())) if arguments == "other" else (
        torch.from_numpy(TIES.copy()), *arguments)  # fmt: skip
    reference.check_call(getattr(torch, name), NAMES[name], args)


def test_named_results():
    x = jnp.array([[1.0, 3.0], [4.0, 2.0]])
    found = ops.max(x, dim=1)
    assert found.values.tolist() == [3, 4] and found.indices.tolist() == [1, 0]
    assert ops.max(x).shape == () and ops.max(x, x.T).shape == (2, 2) and ops.max(x, other=x).shape == (2, 2)


@pytest.mark.parametrize("name", ["unique", "unique_consecutive", "bincount"])
def test_shapes_that_depend_on_values(name):
    with pytest.raises(ArgumentError, match=rf"{name}: the shape of the result depends on the values of input"):
        jax.jit(NAMES[name])(jnp.array([1, 2, 2]))


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "std", "cumsum", "sort", "median", "argmax", "logsumexp"])
def test_transforms(name):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((3, 4, 5), np.float32))
    call = lambda v: NAMES[name](v, 1)  # noqa: E731
    rows = [call(v) for v in x]
    looped = jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows)
    for got in (jax.vmap(call)(x), jax.vmap(jax.jit(call))(x)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got, looped)
