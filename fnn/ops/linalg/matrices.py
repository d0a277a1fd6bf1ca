"""Products, powers and exponentials of matrices; vectors along a dimension."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import linalg as scipy_linalg

from fnn.arguments import integer, narrow, widen, wrap_dim
from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import op
from fnn.ops._operands import array, pair, require_inexact
from fnn.ops._promote import kind_of
from fnn.ops.linalg._operands import identity, matrix
from fnn.ops.linalg.solutions import inv
from fnn.ops.products import cross_along, factors
from fnn.ops.products import matmul as _matmul
from fnn.typing import ArrayLike

__all__ = ["cross", "diagonal", "matmul", "matrix_exp", "matrix_power", "multi_dot", "vander", "vecdot"]


@op(input="(..., n, m), or a vector.", other="(..., m, p), or a vector.")
def matmul(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The product of matrices or vectors; the same as ``fnn.matmul``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.matmul(jnp.ones((5, 2, 3)), jnp.ones((3, 4))).shape
        (5, 2, 4)
    """
    return _matmul(input, other)


@op(dim="the dimension of the vectors, of size 3.")
def cross(input: ArrayLike, other: ArrayLike, *, dim: int = -1) -> jax.Array:
    """The cross product of vectors of three components, which are broadcast.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0]))
        Array([0, 0, 1], dtype=int32)
    """
    a, b = array(input, "linalg.cross"), array(other, "linalg.cross", "other")
    if a.ndim != b.ndim:
        raise ArgumentError(f"linalg.cross: inputs must have the same number of dimensions, got {a.shape}, {b.shape}")
    x, y = pair("linalg.cross", a, b)
    return cross_along("linalg.cross", x, y, dim)


@op(A="(..., m, n).", offset="0: the main diagonal; above it if positive, below if negative.", dim1="of the rows.",
    dim2="of the columns.")  # fmt: skip
def diagonal(A: ArrayLike, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> jax.Array:
    """The diagonals of matrices, as a last dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.diagonal(jnp.array([[1, 2], [3, 4]]))
        Array([1, 4], dtype=int32)
    """
    x = array(A, "linalg.diagonal", "A")
    first, second = (wrap_dim(d, x.ndim, "linalg.diagonal: ") for d in (dim1, dim2))
    if first == second:
        raise ArgumentError(f"linalg.diagonal: diagonal dimensions cannot be identical {dim1}, {dim2}")
    return jnp.diagonal(x, offset, first, second)


@op()
def matrix_exp(A: ArrayLike) -> jax.Array:
    """The matrix exponential ``I + A + A A / 2 + ...``, by Pade approximants.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.matrix_exp(jnp.zeros((2, 2)))
        Array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    given = array(A, "linalg.matrix_exp", "A")
    require_inexact("linalg.matrix_exp", given)
    x = matrix(widen(given), "linalg.matrix_exp", square=True)
    return narrow(scipy_linalg.expm(x, max_squarings=64), given) if x.shape[-1] else given


@op(n="the power, an integer; negative: of the inverse.")
def matrix_power(A: ArrayLike, n: int) -> jax.Array:
    """The product of ``n`` equal square matrices.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.matrix_power(jnp.array([[1.0, 1.0], [0.0, 1.0]]), 3)
        Array([[1., 3.],
               [0., 1.]], dtype=float32)
    """
    where = "linalg.matrix_power"
    x = array(A, where, "A")
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ArgumentError(f"{where}: A must be batches of square matrices, got shape {list(x.shape)}")
    power = integer(n, "n", f"{where}: ")
    if power < 0:
        x = inv(x)
    result, square, left = None, x, abs(power)
    while left:
        if left & 1:
            result = square if result is None else result @ square
        left >>= 1
        square = square @ square if left else square
    return jnp.broadcast_to(identity(x, x.shape[-1]), x.shape) if result is None else result


@op(tensors="two or more matrices; the first and the last may be vectors.")
def multi_dot(tensors: Sequence[ArrayLike]) -> jax.Array:
    """The product of several matrices, in the order that takes the fewest multiplications.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.multi_dot([jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.ones(4)]).shape
        (2,)
    """
    where = "linalg.multi_dot"
    arrays = [array(t, where, "tensors") for t in tensors]
    if len(arrays) < 2:
        raise ArgumentError(f"{where}: expected at least 2 tensors but got {len(arrays)}")
    for i, x in enumerate(arrays):
        edge = i in (0, len(arrays) - 1)
        if x.ndim != 2 and not (edge and x.ndim == 1):
            raise ArgumentError(f"{where}: tensor {i} must be {'1D or 2D' if edge else '2D'} but got {x.ndim}D")
    for x, following in itertools.pairwise(arrays):
        factors(where, x, following, ("a tensor", "the next"))
        if x.shape[-1] != following.shape[0]:
            raise ArgumentError(f"{where}: shapes {list(x.shape)} and {list(following.shape)} cannot be multiplied")
    return _matmul(*arrays) if len(arrays) == 2 else jnp.linalg.multi_dot(arrays)


@op(x="(..., n).", N="how many columns; None: n.")
def vander(x: ArrayLike, *, N: int | None = None) -> jax.Array:
    """The powers 0 to N - 1 of each element, (..., n, N): a Vandermonde matrix.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.vander(jnp.array([2, 3]), N=3)
        Array([[1, 2, 4],
               [1, 3, 9]], dtype=int32)
    """
    values = array(x, "linalg.vander", "x")
    if values.ndim == 0 and N is None:
        raise ArgumentError("linalg.vander: x must have at least one dimension, or N must be given, got a scalar")
    values = values[None] if values.ndim == 0 else values
    count = values.shape[-1] if N is None else integer(N, "N", "linalg.vander: ")
    if count <= 1:
        raise ArgumentError(f"linalg.vander: N must be greater than 1, got N={N}")
    values = values.astype(index_dtype()) if kind_of(values.dtype) < 2 else values
    repeated = jnp.broadcast_to(values[..., None], (*values.shape, count - 1))
    return jnp.concatenate([jnp.ones_like(values)[..., None], jnp.cumprod(repeated, -1)], -1)


@op(x="its conjugate is taken.", y="an array of the same dtype that broadcasts against ``x``.")
def vecdot(x: ArrayLike, y: ArrayLike, *, dim: int = -1) -> jax.Array:
    """The sum over ``dim`` of ``conj(x) * y``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.vecdot(jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0]]))
        Array([11.], dtype=float32)
    """
    a, b = factors("linalg.vecdot", x, y, ("x", "y"))
    if a.dtype == np.bool_:
        raise ArgumentTypeError("linalg.vecdot: not implemented for bool arrays")
    require_inexact("linalg.vecdot", a)
    a, b = pair("linalg.vecdot", a, b)
    return jnp.sum(jnp.conj(a) * b, wrap_dim(dim, a.ndim, "linalg.vecdot: "))
