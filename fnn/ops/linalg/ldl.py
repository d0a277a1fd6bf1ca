"""``linalg.ldl_factor`` and its kin: ``A = L D L^T`` (or ``L D L^H``) of indefinite matrices, with diagonal pivoting.

The pivots are chosen as LAPACK's ``sytf2`` and ``hetf2`` choose them (Bunch and Kaufman, 1977), from the lower
triangle: each step takes one column, or two for a block of D that is 2 by 2.  As in PyTorch there is no gradient.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.errors import ArgumentError
from fnn.ops._document import op
from fnn.ops._operands import array
from fnn.ops.linalg._operands import adjoint, matrix, raise_if, same_dtype
from fnn.ops.returns import LDLFactors, LDLFactorsEx
from fnn.typing import ArrayLike

__all__ = ["ldl_factor", "ldl_factor_ex", "ldl_solve"]

_ALPHA = (1 + math.sqrt(17)) / 8  # bounds how much the elements grow

_HERMITIAN = "whether a complex matrix is Hermitian, or symmetric; real ones are both."


def _size(x: jax.Array) -> jax.Array:
    """What LAPACK compares in place of absolute values."""
    return lax.abs(jnp.real(x)) + lax.abs(jnp.imag(x)) if jnp.iscomplexobj(x) else lax.abs(x)


def _exchanged(x: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """``x`` with two rows exchanged."""
    return x.at[a].set(x[b]).at[b].set(x[a])


def _factor(a: jax.Array, hermitian: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    """``(LD, pivots, info)`` of one matrix."""
    n = a.shape[-1]
    rows = jnp.arange(n)
    lower = jnp.tril(a, -1)
    diagonal = jnp.diag(a)
    if hermitian:
        diagonal = jnp.real(diagonal).astype(a.dtype)
    whole = lower + (adjoint(lower) if hermitian else lower.T) + jnp.diag(diagonal)

    def turned(x: jax.Array) -> jax.Array:
        return jnp.conj(x) if hermitian else x

    def step(carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        k, rest, factor, pivots, info = carry  # rest: what is left to be factored, all of it
        column = jnp.where(rows > k, _size(rest[:, k]), -1)
        at = jnp.argmax(column)
        most = jnp.maximum(column[at], 0)
        pivot = _size(rest[k, k])
        empty = (jnp.maximum(pivot, most) == 0) | jnp.isnan(pivot)
        other = jnp.max(jnp.where((rows >= k) & (rows != at), _size(rest[at]), 0))
        stays = empty | (pivot >= _ALPHA * most) | (pivot * other >= _ALPHA * most * most)
        alone = stays | (_size(rest[at, at]) >= _ALPHA * other)
        chosen = jnp.where(stays, k, at)
        moved = jnp.where(alone, k, k + 1)  # which row is exchanged with the chosen one
        rest = _exchanged(_exchanged(rest, moved, chosen).T, moved, chosen).T
        info = jnp.where(empty & (info == 0), k + 1, info)

        def one() -> tuple[jax.Array, jax.Array, jax.Array]:
            d = rest[k, k]
            safe = jnp.where(empty, 1, d)
            x = jnp.where(rows > k, rest[:, k], 0)
            scaled = jnp.where(empty, x, x / safe)
            left = jnp.where(empty, rest, rest - jnp.outer(scaled, turned(x)))
            return left, factor.at[:, k].set(jnp.where(rows == k, d, scaled)), pivots.at[k].set(chosen + 1)

        def two() -> tuple[jax.Array, jax.Array, jax.Array]:
            below = rows > k + 1
            x, y = jnp.where(below, rest[:, k], 0), jnp.where(below, rest[:, k + 1], 0)
            d11, d21, d22 = rest[k, k], rest[k + 1, k], rest[k + 1, k + 1]
            determinant = d11 * d22 - d21 * turned(d21)
            l1, l2 = (x * d22 - y * d21) / determinant, (y * d11 - x * turned(d21)) / determinant
            left = rest - jnp.outer(l1, turned(x)) - jnp.outer(l2, turned(y))
            first = jnp.where(rows == k, d11, jnp.where(rows == k + 1, d21, l1))
            second = jnp.where(rows == k + 1, d22, l2)
            marks = pivots.at[k].set(-chosen - 1).at[k + 1].set(-chosen - 1)
            return left, factor.at[:, k].set(first).at[:, k + 1].set(second), marks

        rest, factor, pivots = lax.cond(alone, one, two)
        return k + jnp.where(alone, 1, 2), rest, factor, pivots, info

    start = (jnp.zeros((), np.int32), whole, jnp.zeros_like(a), jnp.zeros(n, np.int32), jnp.zeros((), np.int32))
    _, _, factor, pivots, info = lax.while_loop(lambda carry: carry[0] < n, step, start)
    return factor, pivots, info


def _batched(x: jax.Array, hermitian: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    n = x.shape[-1]
    batch = x.shape[:-2]
    if not x.size:
        return x, jnp.zeros((*batch, n), np.int32), jnp.zeros(batch, np.int32)
    flat = lax.stop_gradient(x).reshape(-1, n, n)
    LD, pivots, info = jax.vmap(lambda a: _factor(a, hermitian))(flat)
    return LD.reshape(x.shape), pivots.reshape(*batch, n), info.reshape(batch)


@op(A="(..., n, n), symmetric or Hermitian; the lower triangle is read.", hermitian=_HERMITIAN)
def ldl_factor(A: ArrayLike, *, hermitian: bool = False) -> LDLFactors:
    """A unit lower triangle and a block diagonal: ``A = L D L^T`` with rows and columns exchanged, for `ldl_solve`.

    Returns:
        ``(LD, pivots)``: L below the blocks of D (zeros above the diagonal), and LAPACK's pivots, counted
        from 1, negative for blocks of two.

    Raises:
        LinAlgError: D has a zero on its diagonal; under a transform nothing is raised.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.ldl_factor(jnp.array([[0.0, 2.0], [2.0, 0.0]])).pivots
        Array([-2, -2], dtype=int32)
    """
    LD, pivots, info = _batched(matrix(A, "linalg.ldl_factor", square=True), hermitian)
    raise_if("linalg.ldl_factor", info > 0, "The diagonal element of D is zero: the matrix is singular")
    return LDLFactors(LD, pivots)


@op(A="(..., n, n), symmetric or Hermitian; the lower triangle is read.", hermitian=_HERMITIAN,
    check_errors="whether a zero on the diagonal of D is an error.")  # fmt: skip
def ldl_factor_ex(A: ArrayLike, *, hermitian: bool = False, check_errors: bool = False) -> LDLFactorsEx:
    """`ldl_factor`, which tells of failures instead of raising them.

    Returns:
        ``(LD, pivots, info)``: info is the first index, from 1, of a zero on the diagonal of D, 0 if there is none.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.ldl_factor_ex(jnp.zeros((2, 2))).info
        Array(1, dtype=int32)
    """
    LD, pivots, info = _batched(matrix(A, "linalg.ldl_factor_ex", square=True), hermitian)
    if check_errors:
        raise_if("linalg.ldl_factor_ex", info > 0, "The diagonal element of D is zero: the matrix is singular")
    return LDLFactorsEx(LD, pivots, info)


def _solve(LD: jax.Array, pivots: jax.Array, B: jax.Array, hermitian: bool) -> jax.Array:
    """X of one system: ``L D L^T X = B``."""
    n = LD.shape[-1]
    rows = jnp.arange(n)

    def turned(x: jax.Array) -> jax.Array:
        return jnp.conj(x) if hermitian else x

    def down(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        k, x = carry
        at = jnp.abs(pivots[k]) - 1

        def one() -> jax.Array:
            y = _exchanged(x, k, at)
            y = y - jnp.outer(jnp.where(rows > k, LD[:, k], 0), y[k])
            return y.at[k].divide(LD[k, k])

        def two() -> jax.Array:
            y = _exchanged(x, k + 1, at)
            below = rows > k + 1
            a, b = y[k], y[k + 1]
            y = y - jnp.outer(jnp.where(below, LD[:, k], 0), a) - jnp.outer(jnp.where(below, LD[:, k + 1], 0), b)
            d11, d21, d22 = LD[k, k], LD[k + 1, k], LD[k + 1, k + 1]
            determinant = d11 * d22 - d21 * turned(d21)
            first, second = (d22 * a - turned(d21) * b) / determinant, (d11 * b - d21 * a) / determinant
            return y.at[k].set(first).at[k + 1].set(second)

        alone = pivots[k] > 0
        return k + jnp.where(alone, 1, 2), lax.cond(alone, one, two)

    def up(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        k, x = carry
        at = jnp.abs(pivots[k]) - 1

        def less(x: jax.Array, column: jax.Array) -> jax.Array:
            part = turned(jnp.where(rows > k, LD[:, column], 0))
            return x.at[column].add(-(part @ x))

        def one() -> jax.Array:
            return _exchanged(less(x, k), k, at)

        def two() -> jax.Array:
            return _exchanged(less(less(x, k), k - 1), k, at)

        alone = pivots[k] > 0
        return k - jnp.where(alone, 1, 2), lax.cond(alone, one, two)

    _, x = lax.while_loop(lambda carry: carry[0] < n, down, (jnp.zeros((), np.int32), B))
    return lax.while_loop(lambda carry: carry[0] >= 0, up, (jnp.full((), n - 1, np.int32), x))[1]


@op(LD="(..., n, n), of `ldl_factor`.", pivots="(..., n), of `ldl_factor`.", B="(..., n, k).", hermitian=_HERMITIAN)
def ldl_solve(LD: ArrayLike, pivots: ArrayLike, B: ArrayLike, *, hermitian: bool = False) -> jax.Array:
    """The solution X of ``A X = B`` by the LDL factorisation of A.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> LD, pivots = fnn.linalg.ldl_factor(jnp.array([[0.0, 2.0], [2.0, 0.0]]))
        >>> fnn.linalg.ldl_solve(LD, pivots, jnp.array([[2.0], [4.0]]))
        Array([[2.],
               [1.]], dtype=float32)
    """
    where = "linalg.ldl_solve"
    x, y = matrix(LD, where, "LD", square=True), matrix(B, where, "B")
    same_dtype(where, x, y)
    order = array(pivots, where, "pivots")
    if not jnp.issubdtype(order.dtype, jnp.integer):
        raise ArgumentError(f"{where}: Expected pivots to be integers. Got {order.dtype}")
    n = x.shape[-1]
    if y.shape[-2] != n or order.shape != x.shape[:-1]:
        raise ArgumentError(
            f"{where}: LD, pivots and B do not fit: {list(x.shape)}, {list(order.shape)}, {list(y.shape)}"
        )
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    result = (*batch, *y.shape[-2:])
    if not math.prod(result):
        return jnp.zeros(result, y.dtype)
    x, order, y = lax.stop_gradient((x, order, y))
    x = jnp.broadcast_to(x, (*batch, n, n)).reshape(-1, n, n)
    order = jnp.broadcast_to(order, (*batch, n)).reshape(-1, n)
    flat = jnp.broadcast_to(y, result).reshape(-1, *y.shape[-2:])
    return jax.vmap(lambda *one: _solve(*one, hermitian=hermitian))(x, order, flat).reshape(result)
