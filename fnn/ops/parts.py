"""Parts of an array by their place: slices, windows, diagonals and triangles."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import integer, listed, wrap_dim
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._given import ints_of
from fnn.tracing import Tracer
from fnn.typing import ArrayLike, Ints

__all__ = [
    "as_strided", "diag", "diag_embed", "diagflat", "diagonal", "narrow", "narrow_copy", "select", "tril", "triu",
    "unfold",
]  # fmt: skip


def narrow(input: ArrayLike, dim: int, start: int | ArrayLike, length: int) -> jax.Array:
    """``length`` slices from ``start`` on.

    Args:
        input: at least one dimension.
        dim: the dimension.
        start: the first one; negative numbers count from the end. May be an integer array without dimensions, whose
            bounds a compiled program does not check.
        length: how many.

    >>> narrow(jnp.arange(5), 0, 1, 3)
    Array([1, 2, 3], dtype=int32)
    """
    where = "narrow: "
    x, count = to_array(input, "input", where), integer(length, "length", where)
    if not x.ndim:
        raise ArgumentError(f"{where}narrow() cannot be applied to a 0-dim tensor.")
    axis = wrap_dim(dim, x.ndim, where)
    size = x.shape[axis]
    if count < 0:
        raise ArgumentError(f"{where}narrow(): length must be non-negative, got length={length}")
    if isinstance(start, Tracer):
        return jax.lax.dynamic_slice_in_dim(x, start, count, axis)
    if hasattr(start, "dtype"):
        at = np.asarray(start)
        if at.ndim or at.dtype.kind not in "iu":
            raise ArgumentTypeError(f"{where}start must be an 0-dim integral Tensor, got start={start}")
        start = int(at)
    first = integer(start, "start", where)
    if not -size <= first <= size:
        raise IndexError(f"{where}start out of range (expected to be in range of [{-size}, {size}], but got {first})")
    first += size if first < 0 else 0
    if first + count > size:
        raise ArgumentError(f"{where}start ({first}) + length ({count}) exceeds dimension size ({size}).")
    return jax.lax.slice_in_dim(x, first, first + count, axis=axis)


narrow_copy = narrow


def select(input: ArrayLike, dim: int, index: int | ArrayLike) -> jax.Array:
    """One slice along a dimension, without it.

    >>> select(jnp.array([[1, 2], [3, 4]]), 1, -1)
    Array([2, 4], dtype=int32)
    """
    where = "select: "
    x = to_array(input, "input", where)
    if not x.ndim:
        raise IndexError(f"{where}select() cannot be applied to a 0-dim tensor.")
    axis = wrap_dim(dim, x.ndim, where)
    size = x.shape[axis]
    if isinstance(index, Tracer):
        return jax.lax.dynamic_index_in_dim(x, index, axis, keepdims=False)
    at = integer(index, "index", where)
    if not -size <= at < size:
        raise IndexError(f"select(): index {at} out of range for tensor of size {listed(x.shape)} at dimension {axis}")
    return jax.lax.index_in_dim(x, at, axis, keepdims=False)


def unfold(input: ArrayLike, dimension: int, size: int, step: int) -> jax.Array:
    """Windows along a dimension, whose elements stand in a new last one.

    Args:
        input: any shape.
        dimension: along which the windows lie.
        size: how long a window is.
        step: from the start of one to that of the next.

    >>> unfold(jnp.arange(5), 0, 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    where = "unfold: "
    x, length, by = to_array(input, "input", where), integer(size, "size", where), integer(step, "step", where)
    axis = wrap_dim(dimension, x.ndim, where)
    whole = x.shape[axis] if x.ndim else 1
    if length < 0:
        raise ArgumentError(f"{where}size is {length} but must be >= 0")
    if length > whole:
        raise ArgumentError(f"{where}maximum size for tensor at dimension {axis} is {whole} but size is {length}")
    if by <= 0:
        raise ArgumentError(f"{where}step is {by} but must be > 0")
    if not x.ndim:
        return jnp.broadcast_to(x, (length,))
    starts = np.arange(0, whole - length + 1, by)
    places = starts[:, None] + np.arange(length)
    windows = jnp.take(x, places.reshape(-1), axis, mode="clip")
    windows = windows.reshape(*x.shape[:axis], len(starts), length, *x.shape[axis + 1 :])
    return jnp.moveaxis(windows, axis + 1, -1)


def diagonal(input: ArrayLike, offset: int = 0, dim1: int = 0, dim2: int = 1) -> jax.Array:
    """The diagonal of two dimensions, as the last one of the result.

    Args:
        input: at least two dimensions.
        offset: which diagonal: above the main one if positive, below it if negative.
        dim1: the rows.
        dim2: the columns.

    >>> diagonal(jnp.array([[1, 2], [3, 4]]))
    Array([1, 4], dtype=int32)
    """
    where = "diagonal: "
    x, shift = to_array(input, "input", where), integer(offset, "offset", where)
    first, second = _two(dim1, dim2, x.ndim, where)
    return jnp.diagonal(x, shift, first, second)


def diag(input: ArrayLike, diagonal: int = 0) -> jax.Array:
    """A matrix with a vector as its diagonal; of a matrix the diagonal.

    >>> diag(jnp.array([1, 2]))
    Array([[1, 0],
           [0, 2]], dtype=int32)
    """
    where = "diag: "
    x, shift = to_array(input, "input", where), integer(diagonal, "diagonal", where)
    if x.ndim not in (1, 2):
        raise ArgumentError(f"{where}diag(): Supports 1D or 2D tensors. Got {x.ndim}D")
    return _embedded(x, shift) if x.ndim == 1 else jnp.diagonal(x, shift)


def diagflat(input: ArrayLike, offset: int = 0) -> jax.Array:
    """A matrix with all elements as its diagonal.

    >>> diagflat(jnp.array([[1, 2]]))
    Array([[1, 0],
           [0, 2]], dtype=int32)
    """
    x = to_array(input, "input", "diagflat: ")
    return _embedded(x.reshape(-1), integer(offset, "offset", "diagflat: "))


def diag_embed(input: ArrayLike, offset: int = 0, dim1: int = -2, dim2: int = -1) -> jax.Array:
    """Matrices with the last dimension as their diagonal.

    Args:
        input: at least one dimension.
        offset: which diagonal.
        dim1: where the rows stand in the result.
        dim2: where the columns stand.

    >>> diag_embed(jnp.ones((3, 2))).shape
    (3, 2, 2)
    """
    where = "diag_embed: "
    x, shift = to_array(input, "input", where), integer(offset, "offset", where)
    if not x.ndim:
        raise ArgumentError(f"{where}expected at least one dimension, got none")
    first, second = _two(dim1, dim2, x.ndim + 1, where)
    return jnp.moveaxis(_embedded(x, shift), (-2, -1), (first, second))


def tril(input: ArrayLike, diagonal: int = 0) -> jax.Array:
    """The lower triangle of matrices, with zeros above ``diagonal``.

    >>> tril(jnp.ones((2, 2)))
    Array([[1., 0.],
           [1., 1.]], dtype=float32)
    """
    return jnp.tril(_matrix(input, "tril: "), integer(diagonal, "diagonal", "tril: "))


def triu(input: ArrayLike, diagonal: int = 0) -> jax.Array:
    """The upper triangle of matrices, with zeros below ``diagonal``.

    >>> triu(jnp.ones((2, 2)))
    Array([[1., 1.],
           [0., 1.]], dtype=float32)
    """
    return jnp.triu(_matrix(input, "triu: "), integer(diagonal, "diagonal", "triu: "))


def as_strided(input: ArrayLike, size: Ints, stride: Ints, storage_offset: int | None = None) -> jax.Array:
    """Elements at ``storage_offset + sum(index * stride)`` of the array, taken as it lies in row-major order.

    A JAX array has no strides: unlike PyTorch's, the order that counts is that of the array itself, also where it came
    from a transposed one.

    Args:
        input: any shape.
        size: the shape of the result.
        stride: how many elements lie between neighbours along each dimension.
        storage_offset: where the first element is; 0 if None.

    >>> as_strided(jnp.arange(5), (2, 2), (1, 2)).tolist()
    [[0, 2], [1, 3]]
    """
    x = to_array(input, "input", "as_strided: ")
    return x.reshape(-1)[strided_places(x.size, size, stride, storage_offset, "as_strided: ")]


def strided_places(whole: int, size: Ints, stride: Ints, storage_offset: int | None, where: str) -> np.ndarray:
    """The numbers of the elements that `as_strided` takes."""
    shape, by = ints_of((size,), "size", where), ints_of((stride,), "stride", where)
    if len(shape) != len(by):
        raise ArgumentError(
            f"{where}mismatch in length of strides and shape, got size={list(shape)}, stride={list(by)}"
        )
    if any(n < 0 for n in by):
        raise ArgumentError(f"{where}Negative strides are not supported at the moment, got strides: {list(by)}")
    first = 0 if storage_offset is None else integer(storage_offset, "storage_offset", where)
    places = np.full(shape, first)
    for axis, (length, step) in enumerate(zip(shape, by, strict=True)):
        places += (np.arange(length) * step).reshape([-1 if n == axis else 1 for n in range(len(shape))])
    if first < 0 or (places.size and places.max() >= whole):
        raise ArgumentError(
            f"{where}setStorage: sizes {list(shape)}, strides {list(by)}, storage offset {first} are out of bounds for "
            f"storage of {whole} elements"
        )
    return places


def _two(dim1: int, dim2: int, ndim: int, where: str) -> tuple[int, int]:
    first, second = wrap_dim(dim1, ndim, where), wrap_dim(dim2, ndim, where)
    if first == second or ndim < 2:
        raise ArgumentError(f"{where}diagonal dimensions cannot be identical {dim1}, {dim2}")
    return first, second


def _embedded(x: jax.Array, shift: int) -> jax.Array:
    size = x.shape[-1] + abs(shift)
    at = np.arange(x.shape[-1])
    return jnp.zeros((*x.shape[:-1], size, size), x.dtype).at[..., at + max(-shift, 0), at + max(shift, 0)].set(x)


def _matrix(input: ArrayLike, where: str) -> jax.Array:
    x = to_array(input, "input", where)
    if x.ndim < 2:
        raise ArgumentError(f"{where}input tensor must have at least 2 dimensions, got shape={x.shape}")
    return x
