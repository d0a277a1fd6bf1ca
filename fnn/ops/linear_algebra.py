"""What of linear algebra stands in ``torch`` itself: older signatures over those of `fnn.linalg`."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError
from fnn.ops import linalg
from fnn.ops._document import alias, op
from fnn.ops._operands import array
from fnn.ops._promote import kind_of
from fnn.ops.linalg import reflections
from fnn.ops.returns import PLU, QR, LUFactors, LUFactorsEx, SingularValues, Solved
from fnn.typing import ArrayLike

__all__ = [
    "cholesky", "cholesky_inverse", "cholesky_solve", "det", "frobenius_norm", "geqrf", "inverse", "logdet", "lu",
    "lu_solve", "lu_unpack", "matrix_exp", "matrix_power", "nuclear_norm", "orgqr", "ormqr", "pinverse", "qr",
    "slogdet", "svd", "trace", "triangular_solve", "vander",
]  # fmt: skip

inverse, det, slogdet = alias(linalg.inv, "inverse"), alias(linalg.det, "det"), alias(linalg.slogdet, "slogdet")
matrix_exp, matrix_power = alias(linalg.matrix_exp, "matrix_exp"), alias(linalg.matrix_power, "matrix_power")
orgqr = alias(linalg.householder_product, "orgqr")
geqrf, ormqr = alias(reflections.geqrf, "geqrf"), alias(reflections.ormqr, "ormqr")


def _adjoint(x: jax.Array) -> jax.Array:
    return jnp.conj(jnp.swapaxes(x, -1, -2))


@op(input="(..., n, n), positive definite.", upper="whether the upper triangle is read and returned.")
def cholesky(input: ArrayLike, upper: bool = False) -> jax.Array:
    """The triangle ``L`` of which ``input = L L^H``; see ``fnn.linalg.cholesky``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cholesky(jnp.array([[4.0, 0.0], [0.0, 9.0]]))
        Array([[2., 0.],
               [0., 3.]], dtype=float32)
    """
    return linalg.cholesky(input, upper=upper)


def trace(input: ArrayLike) -> jax.Array:
    """The sum of the diagonal of a matrix.

    Args:
        input: (n, m).

    Returns:
        (); of integers and booleans PyTorch's int64, or int32 without x64.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.trace(jnp.array([[1.0, 2.0], [3.0, 4.0]])))
        5.0
    """
    x = array(input, "trace")
    if x.ndim != 2:
        raise ArgumentError(f"trace: expected a matrix, but got tensor with dim {x.ndim}")
    return jnp.trace(x, dtype=x.dtype if kind_of(x.dtype) > 1 else index_dtype())


@op(L="(..., n, n), a triangle of `cholesky`.", upper="whether it is the upper one.")
def cholesky_inverse(L: ArrayLike, upper: bool = False) -> jax.Array:
    """The inverse of the matrix whose `cholesky` triangle is given.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cholesky_inverse(jnp.array([[2.0, 0.0], [0.0, 1.0]]))
        Array([[0.25, 0.  ],
               [0.  , 1.  ]], dtype=float32)
    """
    x = array(L, "cholesky_inverse", "L")
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ArgumentError(f"cholesky_inverse: The input tensor L must be square matrices, got shape {list(x.shape)}")
    eye = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    return cholesky_solve(eye, x, upper)


@op(B="(..., n, k).", L="(..., n, n), a triangle of `cholesky`.", upper="whether it is the upper one.")
def cholesky_solve(B: ArrayLike, L: ArrayLike, upper: bool = False) -> jax.Array:
    """The solution X of ``A X = B`` by the `cholesky` triangle of A.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cholesky_solve(jnp.ones((1, 1)), jnp.array([[2.0]]))
        Array([[0.25]], dtype=float32)
    """
    triangle = array(L, "cholesky_solve", "L")
    if triangle.ndim < 2:
        raise ArgumentError(f"cholesky_solve: u should have at least 2 dimensions, got shape {list(triangle.shape)}")
    return _solved(_adjoint(triangle) if upper else triangle, array(B, "cholesky_solve", "B"))


@jax.custom_jvp
def _solved(lower: jax.Array, b: jax.Array) -> jax.Array:
    middle = linalg.solve_triangular(lower, b, upper=False)
    return linalg.solve_triangular(_adjoint(lower), middle, upper=True)


@_solved.defjvp
def _solved_jvp(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    # As PyTorch's, that of L L^H with all of L: the gradient is no triangle.
    (lower, b), (t_lower, t_b) = primals, tangents
    x = _solved(lower, b)
    half = t_lower @ _adjoint(lower)
    return x, _solved(lower, t_b - (half + _adjoint(half)) @ x)


@op(input="(..., n, n).")
def logdet(input: ArrayLike) -> jax.Array:
    """The logarithm of the determinant: minus infinity if it is 0, NaN if it is negative.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.logdet(jnp.eye(2))
        Array(0., dtype=float32)
    """
    sign, size = linalg.slogdet(input)
    if kind_of(sign.dtype) == 3:
        return lax.log(sign) + size
    return jnp.where(sign == -1, jnp.nan, size)


@op(input="(..., m, n).", some="whether Q has the smaller of m and n columns; else m.")
def qr(input: ArrayLike, some: bool = True) -> QR:
    """``input = Q R``; see ``fnn.linalg.qr``.

    Returns:
        ``(Q, R)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.qr(jnp.ones((3, 2)), some=False).Q.shape
        (3, 3)
    """
    return linalg.qr(input, "reduced" if some else "complete")


@op(input="(..., m, n).", some="whether U and V have only as many columns as there are singular values.",
    compute_uv="whether U and V are wanted; else they are 0.")  # fmt: skip
def svd(input: ArrayLike, some: bool = True, compute_uv: bool = True) -> SingularValues:
    """``input = U diag(S) V^H``; see ``fnn.linalg.svd``, which gives ``V^H``.

    Returns:
        ``(U, S, V)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.svd(jnp.array([[0.0, 2.0], [3.0, 0.0]])).S
        Array([3., 2.], dtype=float32)
    """
    if not compute_uv:
        x, values = array(input, "svd"), linalg.svdvals(input)
        rows, columns = (jnp.zeros((*x.shape[:-2], n, n), x.dtype) for n in x.shape[-2:])
        return SingularValues(rows, values, columns)
    U, S, Vh = linalg.svd(input, full_matrices=not some)
    return SingularValues(U, S, _adjoint(Vh))


@op(input="(..., m, n).", rcond="the singular values below ``rcond`` times the largest count as 0.")
def pinverse(input: ArrayLike, rcond: float = 1e-15) -> jax.Array:
    """The pseudo-inverse; see ``fnn.linalg.pinv``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.pinverse(jnp.array([[2.0, 0.0]]))
        Array([[0.5],
               [0. ]], dtype=float32)
    """
    return linalg.pinv(input, rtol=rcond)


# -- LU -----------------------------------------------------------------------------------------------


@op(A="(..., m, n).", pivot="whether rows are exchanged; False is refused.", get_infos="whether to return info, too.")
def lu(A: ArrayLike, pivot: bool = True, get_infos: bool = False) -> LUFactors | LUFactorsEx:
    """The LU factorisation in one matrix; see ``fnn.linalg.lu_factor``.

    Returns:
        ``(LU, pivots)``, or ``(LU, pivots, info)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.lu(jnp.array([[1.0, 2.0], [2.0, 2.0]]))[1]
        Array([2, 2], dtype=int32)
    """
    found = linalg.lu_factor_ex(A, pivot=pivot)
    return found if get_infos else LUFactors(found.LU, found.pivots)


@op(b="(..., n, k).", LU_data="(..., n, n), of `lu`.", LU_pivots="(..., n), of `lu`.")
def lu_solve(b: ArrayLike, LU_data: ArrayLike, LU_pivots: ArrayLike) -> jax.Array:
    """The solution X of ``A X = b`` by the LU factorisation of A.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.lu_solve(jnp.array([[3.0], [4.0]]), *fnn.lu(jnp.array([[1.0, 2.0], [2.0, 2.0]])))
        Array([[1.],
               [1.]], dtype=float32)
    """
    return linalg.lu_solve(LU_data, LU_pivots, b)


@op(LU_data="(..., m, n), of `lu`.", LU_pivots="(..., k), of `lu`.",
    unpack_data="whether L and U are wanted; else empty.",
    unpack_pivots="whether P is wanted; else empty.")  # fmt: skip
def lu_unpack(LU_data: ArrayLike, LU_pivots: ArrayLike, unpack_data: bool = True, unpack_pivots: bool = True) -> PLU:
    """The matrices of an LU factorisation: ``A = P L U``.

    Returns:
        ``(P, L, U)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.lu_unpack(*fnn.lu(jnp.array([[1.0, 2.0], [2.0, 2.0]]))).U
        Array([[2., 2.],
               [0., 1.]], dtype=float32)
    """
    x, pivots = array(LU_data, "lu_unpack", "LU_data"), array(LU_pivots, "lu_unpack", "LU_pivots")
    if unpack_pivots and pivots.dtype != np.int32:
        raise ArgumentError(f"lu_unpack: LU_pivots is expected to be int32, got {pivots.dtype}")
    empty = jnp.zeros((0,), x.dtype)
    rows, columns = x.shape[-2:]
    least = min(rows, columns)
    eye = jnp.eye(rows, least, dtype=x.dtype)
    lower = jnp.tril(x[..., :, :least], -1) + eye.reshape((1,) * (x.ndim - 2) + eye.shape) if unpack_data else empty
    upper = jnp.triu(x[..., :least, :]) if unpack_data else empty
    if not unpack_pivots:
        return PLU(empty, lower, upper)
    order = lax.linalg.lu_pivots_to_permutation(pivots - 1, rows)
    counted = jnp.arange(rows).reshape((1,) * (order.ndim - 1) + (rows, 1))
    return PLU((order[..., None, :] == counted).astype(x.dtype), lower, upper)


@op(b="(..., n, k).", A="(..., n, n), of which one triangle is read.", upper="which triangle that is.")
def triangular_solve(
    b: ArrayLike, A: ArrayLike, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Solved:
    """The solution X of ``A X = b`` with a triangle A; see ``fnn.linalg.solve_triangular``.

    Returns:
        ``(solution, cloned_coefficient)``: X, and A.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.triangular_solve(jnp.array([[2.0]]), jnp.array([[4.0]])).solution
        Array([[0.5]], dtype=float32)
    """
    x = array(A, "triangular_solve", "A")
    if x.ndim < 2:
        raise ArgumentError(f"triangular_solve: A must have at least 2 dimensions, got shape {list(x.shape)}")
    used = jnp.swapaxes(x, -1, -2) if transpose else x
    return Solved(linalg.solve_triangular(used, b, upper=upper != transpose, unitriangular=unitriangular), x)


# -- norms, powers ------------------------------------------------------------------------------------


@op(input="floating or complex.", dim="the dimensions; ``()``: all.")
def frobenius_norm(input: ArrayLike, dim: int | Sequence[int] = (), keepdim: bool = False) -> jax.Array:
    """The square root of the sum of squares.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.frobenius_norm(jnp.array([[3.0, 4.0]]))
        Array(5., dtype=float32)
    """
    return linalg.vector_norm(input, 2, dim, keepdim)


@op(input="matrices, floating or complex.", dim="the two dimensions of the matrices.")
def nuclear_norm(input: ArrayLike, dim: Sequence[int] = (-2, -1), keepdim: bool = False) -> jax.Array:
    """The sum of the singular values.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.nuclear_norm(jnp.eye(2))
        Array(2., dtype=float32)
    """
    return linalg.matrix_norm(input, "nuc", dim, keepdim)


@op(x="(n,).", N="how many columns; None: n.", increasing="whether the powers ascend from 0.")
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> jax.Array:
    """The powers of each element of a vector, the highest first: a Vandermonde matrix.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.vander(jnp.array([2, 3]), 3)
        Array([[4, 2, 1],
               [9, 3, 1]], dtype=int32)
    """
    values = array(x, "vander", "x")
    if values.ndim != 1:
        raise ArgumentError(f"vander: x must be a one-dimensional tensor, got shape {list(values.shape)}")
    count = values.shape[0] if N is None else N
    if count < 0:
        raise ArgumentError(f"vander: N must be non-negative, got N={N}")
    values = values.astype(array(0, "vander").dtype) if kind_of(values.dtype) < 2 else values
    ones = jnp.ones((values.shape[0], 1), values.dtype)
    powers = jnp.concatenate(
        [ones, jnp.cumprod(jnp.broadcast_to(values[:, None], (values.shape[0], max(count - 1, 0))), 1)], 1
    )
    powers = powers[:, :count]
    return powers if increasing else powers[:, ::-1]
