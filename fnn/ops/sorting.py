"""Orders along a dimension: sorting, the largest k, places in a sorted sequence, quantiles."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import integer, wrap_dim
from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import op
from fnn.ops._operands import FLOATING, array, is_number, no_complex, refuse_bool
from fnn.ops._promote import kind_of, result_type
from fnn.ops.returns import ValuesAndIndices
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["argsort", "bucketize", "msort", "nanquantile", "quantile", "searchsorted", "sort", "topk"]

_STABLE = "whether equal elements keep their order: they always do."


def _order(x: jax.Array, axis: int, descending: bool) -> jax.Array:
    """Indices that sort; equal elements keep their order in both directions, NaN counts as the largest."""
    return jnp.argsort(lax.stop_gradient(x), axis, stable=True, descending=descending)


@op(stable=_STABLE)
def sort(input: ArrayLike, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesAndIndices:
    """The elements in order along ``dim``; NaN counts as the largest.

    Returns:
        ``(values, indices)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.sort(jnp.array([3, 1, 2])).indices
        Array([1, 2, 0], dtype=int32)
    """
    del stable
    x = array(input, "sort")
    no_complex("sort", x)
    axis = wrap_dim(dim, x.ndim, "sort: ")
    if x.ndim == 0:
        return ValuesAndIndices(x, jnp.zeros((), index_dtype()))
    index = _order(x, axis, descending)
    return ValuesAndIndices(jnp.take_along_axis(x, index, axis), index.astype(index_dtype()))


@op(stable=_STABLE)
def argsort(input: ArrayLike, dim: int = -1, descending: bool = False, *, stable: bool = False) -> jax.Array:
    """The indices that sort along ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.argsort(jnp.array([3, 1, 2]), descending=True)
        Array([0, 2, 1], dtype=int32)
    """
    return sort(input, dim, descending, stable).indices


@op()
def msort(input: ArrayLike) -> jax.Array:
    """The elements in order along the first dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.msort(jnp.array([3, 1, 2]))
        Array([1, 2, 3], dtype=int32)
    """
    return sort(input, 0).values


@op(
    k="how many.",
    largest="whether the largest or the smallest are wanted.",
    sorted="whether they are to be in order: they always are.",
)
def topk(input: ArrayLike, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """The k largest elements along ``dim``, in order.

    Returns:
        ``(values, indices)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.topk(jnp.array([3, 1, 2]), 2)
        ValuesAndIndices(values=Array([3, 2], dtype=int32), indices=Array([0, 2], dtype=int32))
    """
    del sorted
    x = array(input, "topk")
    no_complex("topk", x)
    refuse_bool("topk", x)
    axis = wrap_dim(dim, x.ndim, "topk: ")
    count = integer(k, "k", "topk: ")
    if not 0 <= count <= (x.shape[axis] if x.ndim else 1):
        raise ArgumentError(f"topk: selected index k out of range, got k={k} for shape {list(x.shape)}")
    if x.ndim == 0:
        return ValuesAndIndices(x if count else x[None][:0], jnp.zeros(() if count else (0,), index_dtype()))
    index = lax.slice_in_dim(_order(x, axis, largest), 0, count, axis=axis)
    return ValuesAndIndices(jnp.take_along_axis(x, index, axis), index.astype(index_dtype()))


# -- places in a sorted sequence ----------------------------------------------------------------------


def _side(where: str, right: bool, side: str | None) -> str:
    if side not in (None, "left", "right"):
        raise ArgumentError(f"{where}(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise ArgumentError(
            f"{where}(): side and right can't be set to opposites, got side of {side} while right was True"
        )
    return side or ("right" if right else "left")


def _index_type(where: str, out_int32: bool) -> np.dtype:
    return np.dtype(np.int32) if out_int32 else index_dtype()


@op(
    sorted_sequence="(..., n), in ascending order along the last dimension.",
    input="what is looked for: (..., m), or anything if the sequence is one-dimensional.",
    out_int32="whether the result is int32 in 64-bit mode too.",
    right="whether the place is behind equal elements; else in front of them.",
    side="``'left'`` or ``'right'``, the same as ``right``.",
    sorter="the indices that sort the sequence, if it is not in order.",
)
def searchsorted(
    sorted_sequence: ArrayLike, input: ArrayLike, *, out_int32: bool = False, right: bool = False,
    side: str | None = None, sorter: ArrayLike | None = None,
) -> jax.Array:  # fmt: skip
    """Where each element would have to be inserted into a sequence for it to stay in order.

    Returns:
        Indices of the shape of ``input``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.searchsorted(jnp.array([1, 3, 5]), jnp.array([0, 3, 9]))
        Array([0, 1, 3], dtype=int32)
    """
    where = "searchsorted"
    sequence, values = array(sorted_sequence, where, "sorted_sequence"), array(input, where)
    no_complex(where, sequence, values)
    if sequence.ndim == 0:
        raise ArgumentError("searchsorted(): sorted_sequence should have at least 1 dimension, got a scalar")
    if sequence.ndim > 1 and (values.ndim != sequence.ndim or values.shape[:-1] != sequence.shape[:-1]):
        raise ArgumentError(
            "searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and "
            f"input value tensor must match, got {list(sequence.shape)} and {list(values.shape)}"
        )
    if not is_number(input) and sequence.dtype != values.dtype:
        raise ArgumentTypeError(
            "searchsorted(): sorted_sequence and input should have the same dtype, got "
            f"{sequence.dtype} and {values.dtype}"
        )
    if sorter is not None:
        order = array(sorter, where, "sorter")
        if order.shape != sequence.shape or kind_of(order.dtype) != 1:
            raise ArgumentError(
                "searchsorted(): sorter must be integers of the shape of sorted_sequence, got "
                f"{list(order.shape)}, {order.dtype}"
            )
        known = concrete(order)
        if known is not None and known.size and (known.min() < 0 or known.max() >= sequence.shape[-1]):
            raise ArgumentError("searchsorted(): sorter index out of range")
        sequence = jnp.take_along_axis(sequence, order, -1)
    dtype, place = _index_type(where, out_int32), _side(where, right, side)
    common = result_type(sequence, values)
    sequence, values = sequence.astype(common), values.astype(common)
    sequence, values = lax.stop_gradient((sequence, values))
    if sequence.shape[-1] == 0:
        return jnp.zeros(values.shape, dtype)
    if sequence.ndim == 1:
        return jnp.searchsorted(sequence, values, side=place).astype(dtype)
    rows = jax.vmap(lambda s, v: jnp.searchsorted(s, v, side=place))
    if values.size == 0:
        return jnp.zeros(values.shape, dtype)
    flat = rows(sequence.reshape(-1, sequence.shape[-1]), values.reshape(-1, values.shape[-1]))
    return flat.reshape(values.shape).astype(dtype)


@op(
    boundaries="(n,), in ascending order.",
    out_int32="whether the result is int32 in 64-bit mode too.",
    right="whether the intervals are closed on the left; else on the right.",
)
def bucketize(input: ArrayLike, boundaries: ArrayLike, *, out_int32: bool = False, right: bool = False) -> jax.Array:
    """The number of the interval between boundaries that each element lies in.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.bucketize(jnp.array([0, 3, 9]), jnp.array([1, 3, 5]))
        Array([0, 1, 3], dtype=int32)
    """
    edges = array(boundaries, "bucketize", "boundaries")
    if edges.ndim != 1:
        raise ArgumentError(f"bucketize(): boundaries tensor must be 1 dimension, but got dim({edges.ndim})")
    values = array(input, "bucketize")
    common = result_type(edges, values)
    return searchsorted(edges.astype(common), values.astype(common), out_int32=out_int32, right=right)


# -- quantiles ----------------------------------------------------------------------------------------


def _quantile(
    where: str, input: ArrayLike, q: ArrayLike, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool
) -> jax.Array:
    x = array(input, where)
    if kind_of(x.dtype) != FLOATING or x.dtype.itemsize == 2:
        raise ArgumentTypeError(f"{where}() input tensor must be either float or double dtype, got {x.dtype}")
    if not is_number(q) and array(q, where, "q").dtype != x.dtype:
        raise ArgumentTypeError(
            f"{where}() q tensor must be same dtype as the input tensor, got {array(q, where).dtype}"
        )
    at = jnp.asarray(q, x.dtype) if is_number(q) else array(q, where, "q")
    if at.ndim > 1:
        raise ArgumentError(f"{where}() q must be a scalar or 1D tensor, got shape {list(at.shape)}")
    known = concrete(at)
    if known is not None and ((known < 0) | (known > 1)).any():
        raise ArgumentError(f"{where}() q values must be in the range [0, 1], got q={q}")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise ArgumentError(
            f"{where}() interpolation must be one of linear, lower, higher, midpoint or nearest, but "
            f"got {interpolation}"
        )
    if x.size == 0:
        raise ArgumentError(f"{where}() input tensor must be non-empty, got shape {list(x.shape)}")
    axis = wrap_dim(dim, x.ndim, f"{where}: ") if dim is not None else 0
    rows = jnp.moveaxis(x, axis, -1) if dim is not None and x.ndim else x.reshape(-1)
    ordered = sort(rows).values
    size, missing = rows.shape[-1], jnp.isnan(lax.stop_gradient(rows))
    valid = size - jnp.sum(missing, -1, keepdims=True) if ignore_nan else jnp.full((*rows.shape[:-1], 1), size)
    points = at.reshape((1,) * (rows.ndim - 1) + (-1,))
    rank = jnp.maximum(points * (valid - 1).astype(x.dtype), 0)
    if not ignore_nan:
        rank = jnp.where(jnp.any(missing, -1, keepdims=True), size - 1, rank)
    if interpolation == "lower":
        rank = jnp.floor(rank)  # which has no gradient, like all but "linear"
    elif interpolation == "higher":
        rank = jnp.ceil(rank)
    elif interpolation == "nearest":
        rank = lax.round(rank, lax.RoundingMethod.TO_NEAREST_EVEN)
    below = jnp.floor(rank)
    result = jnp.take_along_axis(ordered, below.astype(index_dtype()), -1)
    if interpolation in ("linear", "midpoint"):
        weight = jnp.full_like(rank, 0.5) if interpolation == "midpoint" else rank - below
        above = jnp.take_along_axis(ordered, jnp.ceil(rank).astype(index_dtype()), -1)
        step = above - result
        result = jnp.where(weight < 0.5, result + weight * step, above - step * (1 - weight))
    if keepdim:
        result = jnp.expand_dims(result, -2)  # (..., 1, q): the place of the reduced dimension
        result = jnp.moveaxis(result, -2, axis) if dim is not None and x.ndim else result.reshape((1,) * x.ndim + (-1,))
    result = jnp.moveaxis(result, -1, 0)
    return result[0] if at.ndim == 0 else result


@op(q="in [0, 1], a number or a vector.", dim="the dimension; None: all.")
def quantile(
    input: ArrayLike, q: ArrayLike, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> jax.Array:
    """The quantiles of the elements along ``dim``; NaN if one is.

    Returns:
        (q, *) for a vector ``q``, the reduced dimension gone or of size 1.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.quantile(jnp.array([1.0, 2.0, 4.0]), 0.75)
        Array(3., dtype=float32)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@op(q="in [0, 1], a number or a vector.", dim="the dimension; None: all.")
def nanquantile(
    input: ArrayLike, q: ArrayLike, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> jax.Array:
    """The quantiles of the elements along ``dim`` that are not NaN.

    Returns:
        (q, *) for a vector ``q``, the reduced dimension gone or of size 1.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.nanquantile(jnp.array([1.0, jnp.nan, 3.0]), 0.5)
        Array(2., dtype=float32)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)
