"""Eigenvalues, singular values, and what follows from them: ranks, pseudo-inverses, condition numbers."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError
from fnn.ops._document import op
from fnn.ops._operands import array, same_rank
from fnn.ops.linalg._operands import adjoint, from_triangle, identity, matrix
from fnn.ops.returns import Eigen, Singular
from fnn.tracing import Tracer
from fnn.typing import ArrayLike, Real

__all__ = ["eig", "eigh", "eigvals", "eigvalsh", "matrix_rank", "pinv", "svd", "svdvals"]

_ATOL = "the least singular value that counts, absolute; 0 if only ``rtol`` is given."
_RTOL = "the same relative to the largest; the larger size times the dtype's epsilon if neither is given."
_DRIVER = "PyTorch's algorithm on CUDA; must be None."


@op()
def eig(A: ArrayLike) -> Eigen:
    """Eigenvalues and eigenvectors of a square matrix; XLA computes them on CPU and GPU only.

    Returns:
        ``(eigenvalues, eigenvectors)``, complex: (..., n), (..., n, n).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.eig(jnp.array([[2.0, 0.0], [0.0, 3.0]])).eigenvalues
        Array([2.+0.j, 3.+0.j], dtype=complex64)
    """
    return Eigen(*_eig(_finite_square(A, "linalg.eig")))


@jax.custom_jvp
def _eig(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    values, vectors = jnp.linalg.eig(x)
    return values, vectors


@_eig.defjvp
def _eig_jvp(
    primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    # Boeddeker et al., arXiv:1701.00392, 4.13, for vectors of length 1.
    values, vectors = _eig(primals[0])
    rotated = jnp.linalg.solve(vectors, tangents[0].astype(vectors.dtype) @ vectors)
    gaps = values[..., None, :] - values[..., :, None]
    same = jnp.broadcast_to(identity(gaps, gaps.shape[-1]) != 0, gaps.shape)
    change = vectors @ jnp.where(same, 0, rotated / jnp.where(same, 1, gaps))
    along = jnp.sum(jnp.real(jnp.conj(vectors) * change), -2, keepdims=True)
    return (values, vectors), (jnp.diagonal(rotated, axis1=-2, axis2=-1), change - vectors * along)


def _finite_square(A: ArrayLike, where: str) -> jax.Array:
    x = matrix(A, where, square=True)
    if not isinstance(x, Tracer) and not np.isfinite(np.asarray(x)).all():
        raise ArgumentError(f"{where}: input tensor should not contain infs or NaNs.")
    return x


@op()
def eigvals(A: ArrayLike) -> jax.Array:
    """Eigenvalues of a square matrix; XLA computes them on CPU and GPU only.

    Returns:
        (..., n), complex.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.eigvals(jnp.array([[2.0, 0.0], [0.0, 3.0]]))
        Array([2.+0.j, 3.+0.j], dtype=complex64)
    """
    return jnp.linalg.eigvals(_finite_square(A, "linalg.eigvals"))


def _uplo(where: str, UPLO: str) -> str:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise ArgumentError(f"{where}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


@op()
def eigh(A: ArrayLike, UPLO: str = "L") -> Eigen:
    """Eigenvalues, in ascending order, and eigenvectors of a Hermitian matrix.

    Returns:
        ``(eigenvalues, eigenvectors)``: (..., n), real; (..., n, n).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.eigh(jnp.array([[3.0, 0.0], [0.0, 2.0]])).eigenvalues
        Array([2., 3.], dtype=float32)
    """
    x = from_triangle(matrix(A, "linalg.eigh", square=True), _uplo("linalg.eigh", UPLO) == "U")
    return Eigen(*jnp.linalg.eigh(x, symmetrize_input=False))


@op()
def eigvalsh(A: ArrayLike, UPLO: str = "L") -> jax.Array:
    """Eigenvalues, in ascending order, of a Hermitian matrix.

    Returns:
        (..., n), real.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.eigvalsh(jnp.array([[3.0, 0.0], [0.0, 2.0]]))
        Array([2., 3.], dtype=float32)
    """
    x = from_triangle(matrix(A, "linalg.eigvalsh", square=True), _uplo("linalg.eigvalsh", UPLO) == "U")
    return jnp.linalg.eigh(x, symmetrize_input=False)[0]


def _no_driver(where: str, driver: str | None) -> None:
    if driver is not None:
        raise ArgumentError(
            f"{where}: keyword argument `driver=` is only supported on CUDA inputs, got driver={driver!r}"
        )


@op(A="(..., m, n).", full_matrices="whether U and Vh are square; else they have k columns and rows.", driver=_DRIVER)
def svd(A: ArrayLike, full_matrices: bool = True, *, driver: str | None = None) -> Singular:
    """Singular vectors and values: ``A = U diag(S) Vh``, S in descending order.

    Returns:
        ``(U, S, Vh)``: (..., m, m), (..., k), (..., n, n) with k the smaller of m and n.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.svd(jnp.array([[0.0, 2.0], [3.0, 0.0]])).S
        Array([3., 2.], dtype=float32)
    """
    _no_driver("linalg.svd", driver)
    return Singular(*singular(matrix(A, "linalg.svd"), full_matrices))


def singular(x: jax.Array, full: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    """U, S, Vh; as in PyTorch the columns of U and V that belong to no singular value have no gradient."""
    u, s, vh = jnp.linalg.svd(x, full_matrices=False)
    least = min(x.shape[-2:])
    if not full or x.shape[-2] == x.shape[-1]:
        return u, s, vh
    whole_u, _, whole_vh = jnp.linalg.svd(lax.stop_gradient(x), full_matrices=True)
    # Both have their own signs (or phases): those of the whole ones count.
    phase = jnp.sum(jnp.conj(lax.stop_gradient(u)) * whole_u[..., :, :least], -2)
    u, vh = u * phase[..., None, :], vh * jnp.conj(phase)[..., :, None]
    u = jnp.concatenate([u, whole_u[..., :, least:]], -1)
    return u, s, jnp.concatenate([vh, whole_vh[..., least:, :]], -2)


@op(A="(..., m, n).", driver=_DRIVER)
def svdvals(A: ArrayLike, *, driver: str | None = None) -> jax.Array:
    """The singular values in descending order, (..., k) with k the smaller of m and n.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.svdvals(jnp.array([[0.0, 2.0], [3.0, 0.0]]))
        Array([3., 2.], dtype=float32)
    """
    _no_driver("linalg.svdvals", driver)
    return jnp.linalg.svd(matrix(A, "linalg.svdvals"), compute_uv=False)


# -- what counts as zero ------------------------------------------------------------------------------


def _tolerances(
    x: jax.Array, atol: Real | ArrayLike | None, rtol: Real | ArrayLike | None, where: str
) -> tuple[jax.Array, jax.Array]:
    """``atol`` and ``rtol`` with PyTorch's defaults, as arrays."""
    real = jnp.finfo(x.dtype).dtype
    eps = jnp.asarray(jnp.finfo(x.dtype).eps * max(x.shape[-2:]), real)
    absolute = jnp.zeros((), real) if atol is None else array(atol, where, "atol").astype(real)
    if rtol is not None:
        return absolute, array(rtol, where, "rtol").astype(real)
    return absolute, jnp.where(absolute > 0, 0, eps)


def _spectrum(x: jax.Array, hermitian: bool) -> jax.Array:
    return jnp.abs(eigvalsh(x)) if hermitian else svdvals(x)


@op(A="(..., m, n).", tol="the same as ``atol``.", atol=_ATOL, rtol=_RTOL)
def matrix_rank(
    A: ArrayLike, tol: Real | ArrayLike | None = None, hermitian: bool = False, *, atol: Real | ArrayLike | None = None,
    rtol: Real | ArrayLike | None = None,
) -> jax.Array:  # fmt: skip
    """How many singular values count as not 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.matrix_rank(jnp.ones((3, 2)))
        Array(1, dtype=int32)
    """
    where = "linalg.matrix_rank"
    x = matrix(A, where, square=hermitian)
    values = lax.stop_gradient(_spectrum(x, hermitian))
    if values.shape[-1] == 0:
        return jnp.zeros(x.shape[:-2], index_dtype())
    absolute = tol if tol is not None else atol
    relative = 0.0 if tol is not None else rtol
    first, second = _tolerances(x, absolute, relative, where)
    largest, first, second = same_rank(where, jnp.max(values, -1), first, second)
    least = jnp.maximum(first, second * largest)[..., None]
    return jnp.sum(values.reshape((1,) * (least.ndim - values.ndim) + values.shape) > least, -1, dtype=index_dtype())


@op(A="(..., m, n).", rcond="the same as ``rtol``.", atol=_ATOL, rtol=_RTOL)
def pinv(
    A: ArrayLike, rcond: Real | ArrayLike | None = None, hermitian: bool = False,
    *, atol: Real | ArrayLike | None = None, rtol: Real | ArrayLike | None = None,
) -> jax.Array:  # fmt: skip
    """The pseudo-inverse (Moore-Penrose), (..., n, m).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.pinv(jnp.array([[2.0, 0.0]]))
        Array([[0.5],
               [0. ]], dtype=float32)
    """
    where = "linalg.pinv"
    relative = rcond if rtol is None else rtol
    return pseudo_inverse(matrix(A, where, square=hermitian), atol, relative, hermitian, where)


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def _filtered_inverse(x: jax.Array, absolute: jax.Array, relative: jax.Array, hermitian: bool) -> jax.Array:
    u, s, vh = jnp.linalg.svd(from_triangle(x, False) if hermitian else x, full_matrices=False)
    keep = s > jnp.maximum(absolute, relative * jnp.max(s, -1))[..., None]
    inverse = jnp.where(keep, 1 / jnp.where(keep, s, 1), 0).astype(x.dtype)
    return (adjoint(vh) * inverse[..., None, :]) @ adjoint(u)


@_filtered_inverse.defjvp
def _filtered_inverse_jvp(
    hermitian: bool, primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[jax.Array, jax.Array]:
    # Golub and Pereyra (1973), for a constant rank.  As PyTorch's, that of any matrix, with both triangles.
    x, t = primals[0], tangents[0]
    p = _filtered_inverse(*primals, hermitian)
    th, ph = adjoint(t), adjoint(p)
    change = p @ ph @ th @ (identity(x, x.shape[-2]) - x @ p) - p @ t @ p
    return p, change + (identity(x, x.shape[-1]) - p @ x) @ th @ ph @ p


def pseudo_inverse(
    x: jax.Array, atol: Real | ArrayLike | None, rtol: Real | ArrayLike | None, hermitian: bool, where: str
) -> jax.Array:
    """The pseudo-inverse, by singular values that are not below a tolerance."""
    if x.size == 0:
        return jnp.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    absolute, relative = (lax.stop_gradient(v) for v in _tolerances(x, atol, rtol, where))
    shape = jnp.broadcast_shapes(absolute.shape, relative.shape, x.shape[:-2])
    x = jnp.broadcast_to(x.reshape((1,) * (len(shape) + 2 - x.ndim) + x.shape), (*shape, *x.shape[-2:]))
    return _filtered_inverse(x, jnp.broadcast_to(absolute, shape), jnp.broadcast_to(relative, shape), hermitian)
