"""fnn.linalg and torch's older functions of linear algebra, against op_db and by what decompositions must satisfy."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.ops import linalg, linear_algebra
from tests.extent import some
from tests.ops.families import Row, reference, run

torch = reference.torch
OTHERS = ("int64", "complex64")
LEFT_OUT = {
    "common_notes": "no function",
}
# Vectors are unique but for a factor, so that they are compared by what they are for.
UP_TO_A_PHASE = {"eig", "eigh", "svd", "LinAlgError"}
LOOSE = (2e-3, 2e-3)

ROWS = {
    "pinv": Row(others=OTHERS, marked=True, tolerance=LOOSE,
                variants={"singular": lambda a, b: linalg.pinv(a @ jnp.swapaxes(b, -1, -2))}),
    "lstsq": Row(others=OTHERS, tolerance=LOOSE, errors=("",),
                 variants={"grad_oriented": lambda a, b, driver: linalg.lstsq(a, b, driver=driver)[:2]}),
    "matrix_rank": Row(others=OTHERS, grad=False), "matrix_exp": Row(others=OTHERS, tolerance=LOOSE),
    "lu_solve": Row(others=OTHERS, grad=False), "cholesky_ex": Row(others=OTHERS),
    **{name: Row(others=OTHERS, grad=False, tolerance=LOOSE) for name in ("ldl_factor", "ldl_factor_ex", "ldl_solve")},
}  # fmt: skip
SINGULAR = ("singular", "U\\[", "not positive-definite", "sparse", "Expected all tensors", "out.*result", "same device")


@pytest.mark.parametrize("name", sorted(set(linalg.__all__) - UP_TO_A_PHASE))
def test_database(name):
    path = "" if name in ("matrix_exp", "matmul") else "linalg."
    run(name, getattr(linalg, name), ROWS.get(name, Row(others=OTHERS, tolerance=LOOSE)), path)


OLDER = {
    "orgqr": Row(entry="linalg.householder_product"), "inverse": Row(entry="linalg.inv"),
    "det": Row(entry="linalg.det"),
    "slogdet": Row(entry="linalg.slogdet"), "matrix_power": Row(entry="linalg.matrix_power"),
    "geqrf": Row(grad=False), "lu": Row(skip=lambda s: not s.args[0] if s.args else False), "vander": Row(entry=None),
}  # fmt: skip
OLDER_BY_HAND = {"frobenius_norm", "nuclear_norm", "svd", "vander"}


@pytest.mark.parametrize("name", sorted(set(linear_algebra.__all__) - OLDER_BY_HAND))
def test_older_names(name):
    row = OLDER.get(name, Row())
    run(name, getattr(linear_algebra, name), row._replace(others=OTHERS, tolerance=LOOSE))


@pytest.mark.parametrize(("name", "arguments"), [("frobenius_norm", ((0, 1),)), ("nuclear_norm", ()), ("vander", (3,))])
def test_older_names_by_hand(name, arguments):
    x = torch.from_numpy(np.float32([[1, 2], [3, 4], [5, 7]]))
    x = x[:, 0].clone() if name == "vander" else x
    theirs = {"nuclear_norm": lambda t: torch.linalg.matrix_norm(t, "nuc")}.get(name)
    # Of torch.vander itself the gradient fails: it writes in place.
    fun = theirs or getattr(torch, name)
    reference.check_call(fun, getattr(linear_algebra, name), (x, *arguments), grad=name != "vander")


# -- what the parts of a decomposition give together, and its gradient --------------------------------


def _rebuilt(module, kind, x):
    lib = module.linalg if module is torch else linalg
    if kind == "eigh":
        values, vectors = lib.eigh(x + x.mT if module is torch else x + jnp.swapaxes(x, -1, -2))
        return (vectors * vectors * values[..., None, :]).sum(-1)
    if kind == "eig":
        values, vectors = lib.eig(x)
        return (values * values).sum(-1).real, abs(vectors).sum((-1, -2))
    u, s, vh = lib.svd(x, full_matrices=kind == "svd full")
    k = s.shape[-1]
    return (u[..., :, :k] * u[..., :, :k] * s[..., None, :]).sum(-1), (
        vh[..., :k, :] * vh[..., :k, :] * s[..., :, None]
    ).sum(-2)


@pytest.mark.parametrize(("kind", "shape"), [
    ("eigh", (2, 4, 4)), ("eig", (2, 3, 3)), ("svd", (2, 3, 4)), ("svd full", (4, 3)), ("svd full", (3, 4)),
])  # fmt: skip
def test_decompositions(kind, shape):
    x = torch.from_numpy(np.random.default_rng(1).standard_normal(shape).astype(np.float32))
    reference.check_call(
        lambda v: _rebuilt(torch, kind, v), lambda v: _rebuilt(linalg, kind, v), (x,), rtol=2e-3, atol=2e-4
    )


@pytest.mark.parametrize(
    ("dtype", "hermitian"), some([("complex64", True), ("float32", False), ("complex64", False), ("float32", True)], 1)
)
def test_indefinite_systems(dtype, hermitian):
    rng = np.random.default_rng(4)
    for n in some((6, 1, 2, 9), 1):
        a = rng.standard_normal((3, n, n)) + (1j * rng.standard_normal((3, n, n)) if dtype == "complex64" else 0)
        a[0] *= 1 - np.eye(n) if n > 1 else 1
        a = torch.from_numpy((a + (a.conj() if hermitian else a).swapaxes(-1, -2)).astype(dtype))
        b = torch.from_numpy(rng.standard_normal((3, n, 2)).astype(dtype))
        LD, pivots = torch.linalg.ldl_factor(a, hermitian=hermitian)
        found = linalg.ldl_factor(jnp.asarray(a.numpy()), hermitian=hermitian)
        np.testing.assert_array_equal(found.pivots, pivots)
        np.testing.assert_allclose(jnp.tril(found.LD), torch.tril(LD), rtol=2e-3, atol=2e-3)
        x = linalg.ldl_solve(*found, jnp.asarray(b.numpy()), hermitian=hermitian)
        np.testing.assert_allclose(np.asarray(a) @ np.asarray(x), b, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("upper", [False, True])
def test_what_cholesky_ex_has_computed_before_it_fails(upper):
    a = np.random.default_rng(0).standard_normal((2, 4, 4)).astype(np.float32)
    a = a @ a.swapaxes(-1, -2) + np.eye(4, dtype=np.float32)
    a[1, 2, 2] = -1
    L, info = torch.linalg.cholesky_ex(torch.from_numpy(a), upper=upper)
    ours = linalg.cholesky_ex(jnp.asarray(a), upper=upper)
    np.testing.assert_array_equal(ours.info, info)
    np.testing.assert_allclose(ours.L, L, rtol=1e-4, atol=1e-5)


def test_older_svd():
    x = jnp.asarray(np.random.default_rng(0).standard_normal((4, 3)), jnp.float32)
    U, S, V = linear_algebra.svd(x)
    np.testing.assert_allclose((U * S[None]) @ V.T, x, rtol=1e-4, atol=1e-5)
    assert not linear_algebra.svd(x, compute_uv=False).U.any()


# -- names, errors, transforms ------------------------------------------------------------------------


def test_every_name_is_there():
    theirs = {n for n in dir(torch.linalg) if not n.startswith("_")}
    missing = {n for n in theirs if n not in linalg.__all__}
    assert missing == LEFT_OUT.keys()
    for name in theirs - missing - {"LinAlgError"}:
        ours = list(inspect.signature(getattr(linalg, name)).parameters)
        assert ours, name


@pytest.mark.parametrize("call", [
    lambda x: linalg.inv(x), lambda x: linalg.solve(x, x), lambda x: linalg.cholesky(-x - jnp.eye(2)[None]),
])  # fmt: skip
def test_singular_matrices(call):
    bad = jnp.zeros((3, 2, 2))
    with pytest.raises(linalg.LinAlgError, match=r"linalg\.\w+: \(Batch element 0\)"):
        call(bad)
    assert not np.isfinite(jax.jit(call)(bad)).all()


@pytest.mark.parametrize("name", ["inv", "det", "cholesky", "svdvals", "eigvalsh", "pinv", "matrix_norm", "lu_factor"])
def test_transforms(name):
    x = np.random.default_rng(0).standard_normal((2, 3, 3)).astype(np.float32)
    x = jnp.asarray(x @ x.transpose(0, 2, 1) + np.eye(3, dtype=np.float32)[None])
    call = getattr(linalg, name)
    for got in (jax.vmap(call)(x), jax.jit(call)(x)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), got, call(x))


def test_matrix_exp_of_halves():
    """PyTorch's overflows in places, so that it is compared with that of float32."""
    for dtype in (torch.float16, torch.bfloat16):
        x = torch.tensor([[0.5, 1.5], [-1.0, 0.25]], dtype=dtype)
        want = torch.matrix_exp(x.float()).to(dtype)
        reference.assert_equal(linalg.matrix_exp(reference.to_jax(x)), want)
        assert linalg.matrix_exp(reference.to_jax(x[:0, :0])).dtype == reference.to_jax(x).dtype
