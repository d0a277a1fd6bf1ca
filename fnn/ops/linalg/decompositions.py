"""Cholesky, LU and QR decompositions, and products of Householder reflections."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.errors import ArgumentError
from fnn.ops._document import op
from fnn.ops.linalg._operands import (
    LinAlgError,
    adjoint,
    from_triangle,
    identity,
    matrix,
    raise_if,
)
from fnn.ops.returns import PLU, QR, LUFactors, LUFactorsEx, TriangularAndInfo
from fnn.typing import ArrayLike

__all__ = ["LinAlgError", "cholesky", "cholesky_ex", "lu", "lu_factor", "lu_factor_ex", "qr"]

_PIVOT = "whether rows are exchanged; without, PyTorch has no kernel on the CPU, nor has JAX."


def _by_elimination(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The lower triangle, column by column, and the order of the first leading minor that is not positive, or 0.

    From that minor on the triangle is what is left to be factored, as LAPACK's ``potf2`` leaves it.
    """
    n = x.shape[-1]
    if not n:
        return x, jnp.zeros(x.shape[:-2], np.int32)
    rows = jnp.arange(n)

    def eliminate(k: int, carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        rest, factor, found = carry
        column = lax.dynamic_index_in_dim(rest, k, -1, keepdims=False)
        pivot = jnp.real(lax.dynamic_index_in_dim(column, k, -1, keepdims=False))
        found = jnp.where((found == 0) & ~(pivot > 0), k + 1, found).astype(np.int32)
        root = jnp.sqrt(jnp.where(pivot > 0, pivot, 1)).astype(x.dtype)
        done = jnp.where(rows.reshape((1,) * (x.ndim - 2) + (n,)) >= k, column / root[..., None], 0)
        failed = (found > 0)[..., None]
        written = jnp.where(failed, lax.dynamic_index_in_dim(factor, k, -1, keepdims=False), done)
        factor = lax.dynamic_update_index_in_dim(factor, written, k, -1)
        update = done[..., :, None] * jnp.conj(done)[..., None, :]
        return jnp.where(failed[..., None], rest, rest - update), factor, found

    x = lax.stop_gradient(x)
    start = (x, jnp.tril(x), jnp.zeros(x.shape[:-2], np.int32))
    rest, factor, found = lax.fori_loop(0, n, eliminate, start)
    # what LAPACK has computed of the minor that failed: its element of the diagonal
    at = jnp.maximum(found - 1, 0)[..., None, None]
    here = (rows[:, None] == rows[None, :]).reshape((1,) * (x.ndim - 2) + (n, n)) & (
        rows.reshape((1,) * (x.ndim - 2) + (n, 1)) == at
    )
    return jnp.where(here & (found > 0)[..., None, None], rest, factor), found


@op(
    A="(..., n, n), Hermitian positive definite.",
    upper="whether the upper triangle is read, and an upper one returned.",
)
def cholesky(A: ArrayLike, *, upper: bool = False) -> jax.Array:
    """The triangle ``L`` with a positive diagonal of which ``A = L L^H`` (or ``A = U^H U``).

    Raises:
        LinAlgError: A is not positive definite; under a transform the result is NaN.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.cholesky(jnp.array([[4.0, 2.0], [2.0, 5.0]]))
        Array([[2., 0.],
               [1., 2.]], dtype=float32)
    """
    x = matrix(A, "linalg.cholesky", square=True)
    result = _cholesky(x, upper)
    bad = jnp.isnan(result).any((-2, -1))
    raise_if(
        "linalg.cholesky", bad, "The factorization could not be completed because the input is not positive-definite"
    )
    return result


def _cholesky(x: jax.Array, upper: bool) -> jax.Array:
    lower = lax.linalg.cholesky(from_triangle(x, upper), symmetrize_input=False)
    return adjoint(lower) if upper else lower


@op(
    A="(..., n, n), Hermitian positive definite.",
    upper="whether the upper triangle is read, and an upper one returned.",
)
def cholesky_ex(A: ArrayLike, *, upper: bool = False, check_errors: bool = False) -> TriangularAndInfo:
    """`cholesky`, which tells of failures instead of raising them.

    Returns:
        ``(L, info)``: info is the order of the first leading minor that is not positive, 0 if there is none;
        where there is one, the columns of ``L`` before it are those of the triangle, and the rest is of no use.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.cholesky_ex(-jnp.eye(2)).info
        Array(1, dtype=int32)
    """
    x = matrix(A, "linalg.cholesky_ex", square=True)
    partial, info = _by_elimination(from_triangle(x, upper))
    if check_errors:
        raise_if("linalg.cholesky_ex", info > 0, "The input is not positive-definite")
    failed = (info > 0)[..., None, None]
    whole = _cholesky(jnp.where(failed, identity(x, x.shape[-1]), x), upper)
    return TriangularAndInfo(jnp.where(failed, adjoint(partial) if upper else partial, whole), info)


# -- LU -----------------------------------------------------------------------------------------------


def _lu(where: str, A: ArrayLike, pivot: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    x = matrix(A, where)
    if not pivot:
        raise ArgumentError(f"{where}: LU without pivoting is not implemented, got pivot={pivot}")
    return lax.linalg.lu(x)


def triangles(LU: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The unit lower and the upper triangle that an LU factorisation holds."""
    rows, columns = LU.shape[-2:]
    least = min(rows, columns)
    return jnp.tril(LU[..., :, :least], -1) + identity(LU, rows, least), jnp.triu(LU[..., :least, :])


def permutation_matrix(permutation: jax.Array, dtype: np.dtype) -> jax.Array:
    """P of ``A = P L U``, from the order of A's rows."""
    n = permutation.shape[-1]
    return (permutation[..., None, :] == jnp.arange(n)[:, None].reshape((1,) * (permutation.ndim - 1) + (n, 1))).astype(
        dtype
    )


@op(A="(..., m, n).", pivot=_PIVOT)
def lu(A: ArrayLike, *, pivot: bool = True) -> PLU:
    """A permutation, a lower triangle with a unit diagonal and an upper triangle: ``A = P L U``.

    Returns:
        ``(P, L, U)``: (..., m, m), (..., m, k), (..., k, n) with k the smaller of m and n.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> P, L, U = fnn.linalg.lu(jnp.array([[1.0, 2.0], [2.0, 2.0]]))
        >>> U
        Array([[2., 2.],
               [0., 1.]], dtype=float32)
    """
    factors, _, permutation = _lu("linalg.lu", A, pivot)
    return PLU(permutation_matrix(permutation, factors.dtype), *triangles(factors))


@op(A="(..., m, n).", pivot=_PIVOT)
def lu_factor(A: ArrayLike, *, pivot: bool = True) -> LUFactors:
    """The LU factorisation in one matrix, for `lu_solve`.

    Returns:
        ``(LU, pivots)``: the triangles, and the row, from 1, that each row was exchanged with.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.lu_factor(jnp.array([[1.0, 2.0], [2.0, 2.0]])).pivots
        Array([2, 2], dtype=int32)
    """
    factors, pivots, _ = _lu("linalg.lu_factor", A, pivot)
    return LUFactors(factors, pivots + 1)


@op(A="(..., m, n).", pivot=_PIVOT)
def lu_factor_ex(A: ArrayLike, *, pivot: bool = True, check_errors: bool = False) -> LUFactorsEx:
    """`lu_factor`, and where the upper triangle is singular.

    Returns:
        ``(LU, pivots, info)``: info is the first index, from 1, of a 0 on the diagonal, 0 if there is none.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.lu_factor_ex(jnp.zeros((2, 2))).info
        Array(1, dtype=int32)
    """
    factors, pivots, _ = _lu("linalg.lu_factor_ex", A, pivot)
    info = singular_at(factors)
    if check_errors:
        raise_if("linalg.lu_factor_ex", info > 0, "U has a zero on its diagonal and using it to solve will fail")
    return LUFactorsEx(factors, pivots + 1, info)


def singular_at(factors: jax.Array) -> jax.Array:
    """The first index, from 1, of a 0 on the diagonal, 0 if there is none."""
    zero = lax.stop_gradient(jnp.diagonal(factors, axis1=-2, axis2=-1)) == 0
    if not zero.shape[-1]:
        return jnp.zeros(zero.shape[:-1], np.int32)
    return jnp.where(zero.any(-1), jnp.argmax(zero, -1) + 1, 0).astype(np.int32)


# -- QR -----------------------------------------------------------------------------------------------


@op(A="(..., m, n).", mode="``'reduced'``: k columns of Q; ``'complete'``: m; ``'r'``: no Q, an empty array.")
def qr(A: ArrayLike, mode: str = "reduced") -> QR:
    """A matrix with orthonormal columns and an upper triangle: ``A = Q R``.

    Returns:
        ``(Q, R)``: (..., m, k), (..., k, n) with k the smaller of m and n.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> Q, R = fnn.linalg.qr(jnp.ones((3, 2)))
        >>> Q.shape, R.shape
        ((3, 2), (2, 2))
    """
    x = matrix(A, "linalg.qr")
    if mode not in ("reduced", "complete", "r"):
        raise ArgumentError(
            f"linalg.qr received unrecognized mode '{mode}' but expected one of 'reduced', 'r', or 'complete'"
        )
    if mode == "r":
        return QR(jnp.zeros((0,), x.dtype), jnp.linalg.qr(x, "r"))
    return QR(*jnp.linalg.qr(x, mode))
