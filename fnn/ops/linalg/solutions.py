"""Systems of linear equations, inverses, determinants, least squares."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import wrap_dim
from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError
from fnn.ops._document import op
from fnn.ops._operands import array
from fnn.ops.linalg._operands import matrix, numeric, raise_if, same_dtype
from fnn.ops.linalg.decompositions import singular_at
from fnn.ops.linalg.eigen import pseudo_inverse, svdvals
from fnn.ops.returns import InverseAndInfo, LeastSquares, SignAndLogAbsDet, SolutionAndInfo
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

__all__ = [
    "det", "inv", "inv_ex", "lstsq", "lu_solve", "slogdet", "solve", "solve_ex", "solve_triangular", "tensorinv",
    "tensorsolve",
]  # fmt: skip

_SINGULAR = "The solver failed because the input matrix is singular."


@op()
def det(A: ArrayLike) -> jax.Array:
    """The determinant.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.det(jnp.array([[2.0, 0.0], [0.0, 3.0]]))
        Array(6., dtype=float32)
    """
    x = matrix(A, "linalg.det", square=True)
    return jnp.linalg.det(x) if x.shape[-1] else jnp.ones(x.shape[:-2], x.dtype)


@op()
def slogdet(A: ArrayLike) -> SignAndLogAbsDet:
    """The sign of the determinant, and the logarithm of its absolute value.

    Returns:
        ``(sign, logabsdet)``; 0 and minus infinity for a singular matrix.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.slogdet(jnp.array([[-1.0, 0.0], [0.0, 1.0]]))
        SignAndLogAbsDet(sign=Array(-1., dtype=float32), logabsdet=Array(0., dtype=float32))
    """
    x = matrix(A, "linalg.slogdet", square=True)
    if not x.shape[-1]:
        return SignAndLogAbsDet(jnp.ones(x.shape[:-2], x.dtype), jnp.zeros(x.shape[:-2], jnp.finfo(x.dtype).dtype))
    return SignAndLogAbsDet(*jnp.linalg.slogdet(x))


def _info(x: jax.Array) -> jax.Array:
    return singular_at(lax.linalg.lu(lax.stop_gradient(x))[0])


@op()
def inv(A: ArrayLike) -> jax.Array:
    """The inverse.

    Raises:
        LinAlgError: A is singular; under a transform the result has infinities or NaN.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.inv(jnp.array([[2.0, 0.0], [0.0, 4.0]]))
        Array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    x = matrix(A, "linalg.inv", square=True)
    if not isinstance(x, Tracer):
        raise_if(
            "linalg.inv", _info(x) > 0, "The diagonal has a zero, the inversion could not be completed: A is singular"
        )
    return jnp.linalg.inv(x)


@op()
def inv_ex(A: ArrayLike, *, check_errors: bool = False) -> InverseAndInfo:
    """`inv`, which tells of singular matrices instead of raising.

    Returns:
        ``(inverse, info)``: info is the first index, from 1, of a 0 on the diagonal of U in ``A = P L U``, else 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.inv_ex(jnp.zeros((2, 2))).info
        Array(1, dtype=int32)
    """
    x = matrix(A, "linalg.inv_ex", square=True)
    info = _info(x)
    if check_errors:
        raise_if("linalg.inv_ex", info > 0, "The diagonal has a zero, the inversion could not be completed")
    return InverseAndInfo(jnp.linalg.inv(x), info)


def _sides(where: str, A: ArrayLike, B: ArrayLike, left: bool, name: str = "B") -> tuple[jax.Array, jax.Array, bool]:
    """The matrices, the right-hand sides as matrices, and whether they are vectors; PyTorch's rule for which."""
    x, y = matrix(A, where, square=True), array(B, where, name)
    numeric(y, where, name)
    same_dtype(where, x, y)
    vector = y.ndim == 1 or (y.ndim == x.ndim - 1 and y.shape == x.shape[:-1])
    if vector and not left:
        raise ArgumentError(f"{where}: Vector broadcasting of the left hand side is not supported for left=False")
    y = y[..., None] if vector else y
    if y.ndim < 2 or y.shape[-2 if left else -1] != x.shape[-1]:
        raise ArgumentError(f"{where}: Incompatible shapes of A and {name}: {list(x.shape)} and {list(y.shape)}")
    return (*_broadcast(where, x, y), vector)


def _broadcast(where: str, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    try:
        batch = jnp.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise ArgumentError(f"{where}: The batches of {list(x.shape)} and {list(y.shape)} do not broadcast") from None
    return jnp.broadcast_to(x, (*batch, *x.shape[-2:])), jnp.broadcast_to(y, (*batch, *y.shape[-2:]))


def _solved(x: jax.Array, y: jax.Array, left: bool) -> jax.Array:
    if left:
        return jnp.linalg.solve(x, y)
    return jnp.swapaxes(jnp.linalg.solve(jnp.swapaxes(x, -1, -2), jnp.swapaxes(y, -1, -2)), -1, -2)


@op(B="(..., n, k), or (..., n) for a batch of vectors.")
def solve(A: ArrayLike, B: ArrayLike, *, left: bool = True) -> jax.Array:
    """The solution X of ``A X = B``.

    Raises:
        LinAlgError: A is singular; under a transform the result has infinities or NaN.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.solve(jnp.array([[2.0, 0.0], [0.0, 4.0]]), jnp.array([1.0, 1.0]))
        Array([0.5 , 0.25], dtype=float32)
    """
    x, y, vector = _sides("linalg.solve", A, B, left)
    if not isinstance(x, Tracer):
        raise_if("linalg.solve", _info(x) > 0, _SINGULAR)
    result = _solved(x, y, left)
    return result[..., 0] if vector else result


@op(B="(..., n, k), or (..., n) for a batch of vectors.")
def solve_ex(A: ArrayLike, B: ArrayLike, *, left: bool = True, check_errors: bool = False) -> SolutionAndInfo:
    """`solve`, which tells of singular matrices instead of raising.

    Returns:
        ``(result, info)``; see `inv_ex`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.solve_ex(jnp.eye(2), jnp.ones(2)).info
        Array(0, dtype=int32)
    """
    x, y, vector = _sides("linalg.solve_ex", A, B, left)
    info = _info(x)
    if check_errors:
        raise_if("linalg.solve_ex", info > 0, _SINGULAR)
    result = _solved(x, y, left)
    return SolutionAndInfo(result[..., 0] if vector else result, info)


@op(A="(..., n, n), of which one triangle is read.", B="(..., n, k).", upper="which triangle that is.",
    unitriangular="whether the diagonal is taken to be 1.")  # fmt: skip
def solve_triangular(
    A: ArrayLike, B: ArrayLike, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> jax.Array:
    """The solution X of ``A X = B`` with a triangle A.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.solve_triangular(jnp.array([[2.0, 0.0], [1.0, 1.0]]), jnp.array([[2.0], [3.0]]), upper=False)
        Array([[1.],
               [2.]], dtype=float32)
    """
    where = "linalg.solve_triangular"
    x, y = matrix(A, where, square=True), matrix(B, where, "B")
    same_dtype(where, x, y)
    if y.shape[-2 if left else -1] != x.shape[-1]:
        raise ArgumentError(f"{where}: Incompatible shapes of A and B: {list(x.shape)} and {list(y.shape)}")
    x, y = _broadcast(where, x, y)
    return lax.linalg.triangular_solve(x, y, left_side=left, lower=not upper, unit_diagonal=unitriangular)


@op(LU="(..., n, n), of `lu_factor`.", pivots="(..., n), of `lu_factor`.", B="(..., n, k).",
    adjoint="whether the conjugate transpose of A is meant.")  # fmt: skip
def lu_solve(LU: ArrayLike, pivots: ArrayLike, B: ArrayLike, *, left: bool = True, adjoint: bool = False) -> jax.Array:
    """The solution X of ``A X = B`` by the LU factorisation of A.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> LU, pivots = fnn.linalg.lu_factor(jnp.array([[1.0, 2.0], [2.0, 2.0]]))
        >>> fnn.linalg.lu_solve(LU, pivots, jnp.array([[3.0], [4.0]]))
        Array([[1.],
               [1.]], dtype=float32)
    """
    where = "linalg.lu_solve"
    x, y = matrix(LU, where, "LU", square=True), matrix(B, where, "B")
    same_dtype(where, x, y)
    order = array(pivots, where, "pivots")
    if order.dtype != np.int32:
        raise ArgumentError(f"{where}: pivots should be int32, got {order.dtype}")
    if y.shape[-2 if left else -1] != x.shape[-1] or order.shape != x.shape[:-1]:
        raise ArgumentError(
            f"{where}: LU, pivots and B do not fit: {list(x.shape)}, {list(order.shape)}, {list(y.shape)}"
        )
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = _broadcast(where, x, y)
    rows = lax.linalg.lu_pivots_to_permutation(jnp.broadcast_to(order, (*batch, order.shape[-1])) - 1, x.shape[-1])
    if not left:  # X A = B is A^H X^H = B^H
        y, adjoint = jnp.conj(jnp.swapaxes(y, -1, -2)), not adjoint
    step = lax.linalg.triangular_solve
    if adjoint:
        y = step(x, y, left_side=True, lower=False, transpose_a=True, conjugate_a=True)
        y = step(x, y, left_side=True, lower=True, unit_diagonal=True, transpose_a=True, conjugate_a=True)
        y = jnp.take_along_axis(y, jnp.argsort(rows, -1)[..., None], -2)
    else:
        y = jnp.take_along_axis(y, rows[..., None], -2)
        y = step(x, y, left_side=True, lower=True, unit_diagonal=True)
        y = step(x, y, left_side=True, lower=False)
    return y if left else jnp.conj(jnp.swapaxes(y, -1, -2))


_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@op(A="(..., m, n).", B="(..., m, k), or (..., m) for a batch of vectors.",
    rcond="the singular values below ``rcond`` times the largest count as 0; None: the larger size times epsilon.",
    driver="``'gelsy'`` (the default), ``'gelsd'``, ``'gelss'``, ``'gels'``: what is returned besides the solution, "
    "which is always computed by singular values.")  # fmt: skip
def lstsq(A: ArrayLike, B: ArrayLike, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """The X of least norm that makes ``|A X - B|`` least.

    Returns:
        ``(solution, residuals, rank, singular_values)``: the residuals are empty unless m > n and the driver is
        ``'gels'``, or another one but ``'gelsy'`` (the default) and the rank n (in a transform, that is assumed); the
        rank is empty for ``'gels'``, the singular values for it and ``'gelsy'``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.lstsq(jnp.array([[1.0], [1.0]]), jnp.array([[1.0], [3.0]])).solution
        Array([[2.]], dtype=float32)
    """
    where = "linalg.lstsq"
    x, y = matrix(A, where), array(B, where, "B")
    if driver is not None and driver not in _DRIVERS:
        raise ArgumentError(f"{where}: parameter `driver` should be one of {_DRIVERS}, got driver={driver!r}")
    numeric(y, where, "B")
    same_dtype(where, x, y)
    vector = y.ndim == x.ndim - 1
    if vector:
        y = y[..., None]
    if y.ndim < 2 or y.shape[-2] != x.shape[-2]:
        raise ArgumentError(
            f"{where}: input.size(-2) should match other.size(-2), got {list(x.shape)}, {list(y.shape)}"
        )
    x, y = _broadcast(where, x, y)
    relative = jnp.finfo(x.dtype).eps * max(x.shape[-2:]) if rcond is None else rcond
    solution = pseudo_inverse(x, None, relative, False, where) @ y
    values = lax.stop_gradient(svdvals(x))
    most = jnp.max(values, -1, keepdims=True, initial=0)
    rank = jnp.sum(values > relative * most, -1, dtype=index_dtype())
    known = None if isinstance(rank, Tracer) else np.asarray(rank)
    full = known is None or bool((known == x.shape[-1]).all())
    residuals = jnp.zeros((0,), values.dtype)
    if x.shape[-2] > x.shape[-1] and (driver == "gels" or (full and driver in ("gelsd", "gelss"))):
        apart = x @ solution - y
        residuals = jnp.sum(jnp.real(apart) ** 2 + jnp.imag(apart) ** 2, -2)
    return LeastSquares(
        solution[..., 0] if vector else solution,
        residuals,
        jnp.zeros((0,), index_dtype()) if driver == "gels" else rank,
        values if driver in ("gelsd", "gelss") else jnp.zeros((0,), values.dtype),
    )


@op(ind="how many of the first dimensions are those of the inverse's last ones.",
    A="an array whose first ``ind`` sizes multiply to the same as the others.")  # fmt: skip
def tensorinv(A: ArrayLike, ind: int = 2) -> jax.Array:
    """The inverse of the map that `tensordot` with A is.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.tensorinv(jnp.eye(4).reshape(2, 2, 4)).shape
        (4, 2, 2)
    """
    x = array(A, "linalg.tensorinv", "A")
    numeric(x, "linalg.tensorinv")
    if ind <= 0:
        raise ArgumentError(f"linalg.tensorinv: expected a strictly positive integer for 'ind', got ind={ind}")
    first, last = x.shape[:ind], x.shape[ind:]
    if math.prod(first) != math.prod(last):
        raise ArgumentError(
            "linalg.tensorinv: Expected self to satisfy prod(shape[ind:]) == prod(shape[:ind]), got "
            f"{list(x.shape)}, ind={ind}"
        )
    return inv(x.reshape(math.prod(first), math.prod(last))).reshape(*last, *first)


@op(A="an array of the shape of B and then that of X.", dims="dimensions of A that are moved to its end first.")
def tensorsolve(A: ArrayLike, B: ArrayLike, dims: Sequence[int] | None = None) -> jax.Array:
    """The X of ``tensordot(A, X) = B``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.tensorsolve(jnp.eye(4).reshape(2, 2, 4), jnp.ones((2, 2))).shape
        (4,)
    """
    where = "linalg.tensorsolve"
    x, y = array(A, where, "A"), array(B, where, "B")
    numeric(x, where)
    same_dtype(where, x, y)
    if dims is not None:
        axes = [wrap_dim(d, x.ndim, f"{where}: ") for d in dims]
        x = jnp.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    result = x.shape[y.ndim :]
    if math.prod(result) != math.prod(x.shape[: y.ndim]) or y.size != math.prod(result):
        raise ArgumentError(
            f"{where}: Expected self to satisfy prod(A.shape[B.ndim:]) == prod(A.shape[:B.ndim]), got "
            f"{list(x.shape)}, {list(y.shape)}"
        )
    return solve(x.reshape(y.size, y.size), y.reshape(-1)).reshape(result)
