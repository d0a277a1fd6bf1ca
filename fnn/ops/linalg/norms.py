"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import wrap_dim
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import op
from fnn.ops._operands import FLOATING, array, axes_of, converted, require_inexact
from fnn.ops._promote import kind_of
from fnn.ops.linalg._operands import matrix
from fnn.ops.linalg.eigen import svdvals
from fnn.ops.reductions import norm_over
from fnn.typing import ArrayLike, DType, Ints

__all__ = ["cond", "matrix_norm", "norm", "vector_norm"]

_MATRIX_ORD = "``'fro'``, ``'nuc'``, infinity, minus infinity, 1, -1, 2 or -2."
_DTYPE = "what ``A`` is converted to first."


def _converted(x: jax.Array, dtype: DType | None, where: str) -> jax.Array:
    require_inexact(where, x)
    if dtype is None:
        return x
    wanted = np.dtype(dtype)
    if kind_of(wanted) < FLOATING or (kind_of(wanted) == FLOATING) != (kind_of(x.dtype) == FLOATING):
        raise ArgumentTypeError(f"{where}: dtype={wanted} cannot be used for an input of {x.dtype}")
    if wanted.itemsize < x.dtype.itemsize:
        raise ArgumentTypeError(f"{where}: dtype={wanted} is narrower than the input's {x.dtype}")
    return converted(x, dtype, where)


@op(ord="the order, any number or an infinite one.", x="floating or complex.",
    dim="the dimension or dimensions of the vectors; None: all.",
    dtype="what ``x`` is converted to first.")  # fmt: skip
def vector_norm(
    x: ArrayLike, ord: float = 2, dim: Ints | None = None, keepdim: bool = False, *, dtype: DType | None = None
) -> jax.Array:
    """``sum(|x|^ord)^(1/ord)`` over ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.vector_norm(jnp.array([3.0, 4.0]))
        Array(5., dtype=float32)
    """
    where = "linalg.vector_norm"
    values = _converted(array(x, where, "x"), dtype, where)
    axes = axes_of(dim, values.ndim, where)
    if isinstance(ord, (str, complex)):
        raise ArgumentTypeError(f"{where}: Expected a non-complex scalar as the order of norm, got ord={ord!r}")
    if math.prod(values.shape[a] for a in axes) == 0 and (ord < 0 or ord == math.inf):
        raise ArgumentError(
            f"{where}: cannot compute the {ord} norm of an empty tensor, got shape {list(values.shape)}"
        )
    return norm_over(values, ord, axes, keepdim)


def _extreme(where: str, values: jax.Array, ord: Any, axis: int, keepdims: bool = False) -> jax.Array:
    """The largest of non-negative values for a positive order, of none 0; the smallest for a negative one."""
    if values.shape[axis]:
        return (jnp.max if ord > 0 else jnp.min)(values, axis, keepdims=keepdims)
    if ord > 0:
        return jnp.sum(values, axis, keepdims=keepdims)
    raise IndexError(f"{where}: Expected reduction dim {axis} to have non-zero size for ord={ord}")


def _matrix_norm(where: str, x: jax.Array, ord: float | str, dim: Sequence[int], keepdim: bool) -> jax.Array:
    if len(dim) != 2:
        raise ArgumentError(f"{where}: dim must be a 2-tuple. Got {dim}")
    rows, columns = (wrap_dim(d, x.ndim, f"{where}: ") for d in dim)
    if rows == columns:
        raise ArgumentError(f"{where}: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return norm_over(x, 2, (rows, columns), keepdim)
    if ord == "nuc" or (not isinstance(ord, str) and abs(ord) == 2):
        if x.dtype.itemsize == 2:
            raise ArgumentTypeError(f"{where}: not implemented for {x.dtype}")
        values = svdvals(jnp.moveaxis(x, (rows, columns), (-2, -1)))
        result = jnp.sum(values, -1) if ord == "nuc" else _extreme(where, values, ord, -1)
        return jnp.expand_dims(result, tuple(sorted((rows, columns)))) if keepdim else result
    if isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise ArgumentError(f"{where}: Order {ord} not supported.")
    summed, other = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = jnp.sum(norm_over(jnp.expand_dims(x, -1), 1, (x.ndim,), False), summed, keepdims=True)
    result = _extreme(where, sums, ord, other, keepdims=True)
    return result if keepdim else jnp.squeeze(result, (rows, columns))


@op(A="(..., m, n), floating or complex.", ord=_MATRIX_ORD, dim="the two dimensions of the matrices.", dtype=_DTYPE)
def matrix_norm(
    A: ArrayLike, ord: float | str = "fro", dim: Sequence[int] = (-2, -1), keepdim: bool = False,
    *, dtype: DType | None = None,
) -> jax.Array:  # fmt: skip
    """The norm of matrices.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.matrix_norm(jnp.array([[3.0, 0.0], [4.0, 0.0]]), ord=1)
        Array(7., dtype=float32)
    """
    where = "linalg.matrix_norm"
    x = array(A, where, "A")
    if x.ndim < 2:
        raise ArgumentError(f"{where}: The input tensor A must have at least 2 dimensions, got shape {list(x.shape)}")
    return _matrix_norm(where, _converted(x, dtype, where), ord, dim, keepdim)


@op(
    A="the vectors or matrices, floating or complex.",
    ord="the order, of vectors (numbers) or of matrices (see `matrix_norm`); None: 2 of the flattened array.",
    dim="one dimension: vectors; two: matrices; None: all of it.",
    dtype=_DTYPE,
)
def norm(
    A: ArrayLike, ord: float | str | None = None, dim: Ints | None = None, keepdim: bool = False,
    *, dtype: DType | None = None,
) -> jax.Array:  # fmt: skip
    """The norm of vectors or of matrices.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.norm(jnp.array([[3.0, 4.0]]))
        Array(5., dtype=float32)
    """
    where = "linalg.norm"
    x = array(A, where, "A")
    require_inexact(where, x)
    if ord is None:
        return vector_norm(x, 2, dim, keepdim, dtype=dtype)
    if dim is None and x.ndim not in (1, 2) and (x.ndim or isinstance(ord, str)):
        raise ArgumentError(f"{where}: If dim is not specified but ord is, the input must be 1D or 2D. Got {x.ndim}D.")
    count = x.ndim if dim is None else len(dim) if isinstance(dim, Sequence) else 1
    if count == 2:
        dims = (-2, -1) if dim is None else tuple(dim)  # type: ignore[arg-type]
        return _matrix_norm(where, _converted(x, dtype, where), ord, dims, keepdim)
    if isinstance(ord, str):
        raise ArgumentError(f"{where}: ord={ord!r} is a norm of matrices, got dim={dim} for shape {list(x.shape)}")
    return vector_norm(x, ord, dim, keepdim, dtype=dtype)


@op(A="(..., m, n); square unless p is None, 2 or -2.", p=f"the norm: {_MATRIX_ORD} None: 2.")
def cond(A: ArrayLike, p: float | str | None = None) -> jax.Array:
    """The condition number ``|A| |A^-1|``; infinity for a singular matrix.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.cond(jnp.array([[2.0, 0.0], [0.0, 4.0]]))
        Array(2., dtype=float32)
    """
    where = "linalg.cond"
    x = matrix(A, where)
    if p is None or (not isinstance(p, str) and abs(p) == 2):
        values = svdvals(x)
        if not values.shape[-1]:
            return jnp.zeros(x.shape[:-2], values.dtype)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    matrix(A, where, square=True)
    if (isinstance(p, str) and p not in ("fro", "nuc")) or (not isinstance(p, str) and abs(p) not in (1, math.inf)):
        raise ArgumentError(f"{where}: got an invalid norm type: {p}")
    if x.size == 0:
        return jnp.zeros(x.shape[:-2], jnp.finfo(x.dtype).dtype)
    product = matrix_norm(x, p) * matrix_norm(jnp.linalg.inv(x), p)
    return jnp.where(jnp.isnan(product), jnp.inf, product)
