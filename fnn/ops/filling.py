"""The array with a part replaced: by a mask, along a dimension, on a diagonal, or whole."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import integer, listed, wrap_dim
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.ops._indices import number_for, values_for
from fnn.ops.indexing import mask_of
from fnn.ops.parts import strided_places
from fnn.tracing import concrete
from fnn.typing import ArrayLike, Ints, Scalar

__all__ = [
    "as_strided_scatter", "copy", "diagonal_scatter", "fill", "fill_diagonal", "masked_fill", "masked_scatter",
    "select_scatter", "slice_scatter", "zero",
]  # fmt: skip


def masked_fill(input: ArrayLike, mask: ArrayLike, value: Scalar) -> jax.Array:
    """One number where ``mask``, the array elsewhere.

    Args:
        input: any shape.
        mask: booleans; both are broadcast.
        value: a number that the dtype of ``input`` can hold, or an array without dimensions.

    >>> masked_fill(jnp.ones(2), jnp.array([True, False]), -jnp.inf)
    Array([-inf,   1.], dtype=float32)
    """
    where = "masked_fill: "
    x, chosen = to_array(input, "input", where), mask_of(mask, where)
    number = number_for(value, x.dtype, where)
    try:
        shape = jnp.broadcast_shapes(x.shape, chosen.shape)
    except ValueError:
        raise ArgumentError(
            f"{where}the shapes of input {listed(x.shape)} and mask {listed(chosen.shape)} cannot be broadcast"
        ) from None
    return jnp.where(jnp.broadcast_to(chosen, shape), number, jnp.broadcast_to(x, shape))


def masked_scatter(input: ArrayLike, mask: ArrayLike, source: ArrayLike) -> jax.Array:
    """The elements of ``source``, one after the other, where ``mask``; the array elsewhere.

    Args:
        input: any shape.
        mask: booleans, broadcast with it.
        source: at least as many elements as the mask has ones; the dtype of ``input``.

    >>> masked_scatter(jnp.zeros(3), jnp.array([True, False, True]), jnp.array([5.0, 6.0]))
    Array([5., 0., 6.], dtype=float32)
    """
    where = "masked_scatter: "
    x, chosen = to_array(input, "input", where), mask_of(mask, where)
    values = values_for(source, x, where, "source").reshape(-1)
    shape = jnp.broadcast_shapes(x.shape, chosen.shape)
    chosen = jnp.broadcast_to(chosen, shape).reshape(-1)
    known = concrete(chosen)
    if known is not None and int(known.sum()) > values.size:
        raise ArgumentError(
            f"{where}number of elements of source ({values.size}) < number of ones in mask ({int(known.sum())})"
        )
    x = jnp.broadcast_to(x, shape)
    if not values.size or not x.size:
        return x
    number = jnp.clip(jnp.cumsum(chosen) - 1, 0, values.size - 1)
    return jnp.where(chosen, values[number], x.reshape(-1)).reshape(shape)


def select_scatter(input: ArrayLike, src: ArrayLike, dim: int, index: int) -> jax.Array:
    """The array with one slice along a dimension replaced.

    >>> select_scatter(jnp.zeros((2, 2)), jnp.ones(2), 0, 1)
    Array([[0., 0.],
           [1., 1.]], dtype=float32)
    """
    where = "select_scatter: "
    x, values = to_array(input, "input", where), to_array(src, "src", where)
    axis, at = wrap_dim(dim, x.ndim, where), integer(index, "index", where)
    if not x.ndim or not -x.shape[axis] <= at < x.shape[axis]:
        raise IndexError(f"select(): index {at} out of range for tensor of size {listed(x.shape)} at dimension {axis}")
    return _replaced(x, (slice(None),) * axis + (at,), values, where)


def slice_scatter(
    input: ArrayLike, src: ArrayLike, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> jax.Array:
    """The array with the slice ``start:end:step`` along a dimension replaced.

    >>> slice_scatter(jnp.zeros(4), jnp.ones(2), start=1, end=3)
    Array([0., 1., 1., 0.], dtype=float32)
    """
    where = "slice_scatter: "
    x, values = to_array(input, "input", where), to_array(src, "src", where)
    axis = wrap_dim(dim, x.ndim, where)
    if step <= 0:
        raise ArgumentError(f"{where}slice step must be positive, got step={step}")
    return _replaced(x, (slice(None),) * axis + (slice(start, end, step),), values, where)


def diagonal_scatter(input: ArrayLike, src: ArrayLike, offset: int = 0, dim1: int = 0, dim2: int = 1) -> jax.Array:
    """The array with the diagonal of two dimensions replaced; see `diagonal`.

    >>> diagonal_scatter(jnp.zeros((2, 2)), jnp.ones(2))
    Array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    where = "diagonal_scatter: "
    x, values = to_array(input, "input", where), to_array(src, "src", where)
    first, second = wrap_dim(dim1, x.ndim, where), wrap_dim(dim2, x.ndim, where)
    if first == second:
        raise ArgumentError(f"{where}diagonal dimensions cannot be identical {dim1}, {dim2}")
    last = jnp.moveaxis(x, (first, second), (-2, -1))
    at = np.arange(max(min(last.shape[-2] + min(offset, 0), last.shape[-1] - max(offset, 0)), 0))
    done = _replaced(last, (..., at + max(-offset, 0), at + max(offset, 0)), values, where)
    return jnp.moveaxis(done, (-2, -1), (first, second))


def as_strided_scatter(
    input: ArrayLike, src: ArrayLike, size: Ints, stride: Ints, storage_offset: int | None = None
) -> jax.Array:
    """The array with the elements that `as_strided` names replaced.

    >>> as_strided_scatter(jnp.zeros(4), jnp.ones(2), (2,), (2,))
    Array([1., 0., 1., 0.], dtype=float32)
    """
    where = "as_strided_scatter: "
    x, values = to_array(input, "input", where), to_array(src, "src", where)
    places = strided_places(x.size, size, stride, storage_offset, where)
    return _replaced(x.reshape(-1), (places,), values, where).reshape(x.shape)


def fill(input: ArrayLike, value: Scalar) -> jax.Array:
    """One number in the place of every element.

    >>> fill(jnp.ones(2), 3)
    Array([3., 3.], dtype=float32)
    """
    x = to_array(input, "input", "fill: ")
    return jnp.broadcast_to(number_for(value, x.dtype, "fill: "), x.shape)


def zero(input: ArrayLike) -> jax.Array:
    """Zero in the place of every element.

    >>> zero(jnp.ones(2))
    Array([0., 0.], dtype=float32)
    """
    return jnp.zeros_like(to_array(input, "input", "zero: "))


def copy(input: ArrayLike, src: ArrayLike) -> jax.Array:
    """The values of another array in the shape and dtype of this one, as ``input.copy_(src)`` leaves them.

    >>> copy(jnp.zeros((2, 2)), jnp.array([1, 2])).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    x, values = to_array(input, "input", "copy: "), to_array(src, "src", "copy: ")
    try:
        return jnp.broadcast_to(values, x.shape).astype(x.dtype)
    except ValueError:
        raise ArgumentError(
            f"copy: The size of tensor a {x.shape} must match the size of tensor b {values.shape}"
        ) from None


def fill_diagonal(input: ArrayLike, fill_value: Scalar, wrap: bool = False) -> jax.Array:
    """One number on the main diagonal.

    Args:
        input: at least two dimensions; of more than two all of one size.
        fill_value: the number.
        wrap: whether the diagonal goes on below, after one row, in a matrix with more rows than columns.

    >>> fill_diagonal(jnp.zeros((2, 2)), 1)
    Array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    where = "fill_diagonal: "
    x = to_array(input, "input", where)
    if x.ndim < 2:
        raise ArgumentError(f"{where}dimensions must larger than 1, got shape={x.shape}")
    if x.ndim > 2 and len(set(x.shape)) > 1:
        raise ArgumentError(f"{where}all dimensions of input must be of equal length, got shape={x.shape}")
    number = number_for(fill_value, x.dtype, where)
    at = np.arange(min(x.shape))
    x = x.at[(at,) * x.ndim].set(number)
    if wrap and x.ndim == 2 and x.shape[0] > x.shape[1] + 1:
        rows, columns = x.shape
        places = np.arange(columns * (columns + 1), rows * columns, columns + 1)
        x = x.reshape(-1).at[places].set(number).reshape(x.shape)
    return x


def _replaced(x: jax.Array, places: tuple, values: jax.Array, where: str) -> jax.Array:
    shape = jax.eval_shape(lambda v: v[places], x).shape
    if values.shape != shape:
        raise ArgumentError(
            f"{where}expected src to have a size equal to the slice of self. src size = {listed(values.shape)}, "
            "slice size = "
            f"{listed(shape)}"
        )
    return x.at[places].set(values.astype(x.dtype))
