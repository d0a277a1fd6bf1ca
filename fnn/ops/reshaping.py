"""The same elements in another shape: ``view``, ``expand``, ``squeeze``, ``flatten``, ..."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import integer, listed, wrap_dim
from fnn.dtypes import canonical, index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.shape import flatten, unflatten
from fnn.ops._given import ints_of, wrap_dims
from fnn.ops._promote import kind_of
from fnn.typing import ArrayLike, DType, Ints

__all__ = [
    "broadcast_to", "expand", "expand_as", "flatten", "numel", "ravel", "reshape", "reshape_as", "squeeze",
    "sum_to_size", "unflatten", "unsqueeze", "view", "view_as", "dim", "element_size", "is_contiguous", "ndimension",
    "nelement", "size",
]  # fmt: skip


def view(input: ArrayLike, size: Ints | DType | None = None, *others: int, dtype: DType | None = None) -> jax.Array:
    """The array in another shape; given a dtype, its bytes as numbers of that dtype.

    Args:
        input: any shape.
        size: the shape, as one sequence or the first of several integers, of which one may be -1; or a dtype.
        *others: the other integers.
        dtype: the dtype, by name.

    >>> view(jnp.arange(6), 2, -1).shape
    (2, 3)
    >>> view(jnp.ones(1), jnp.int32)
    Array([1065353216], dtype=int32)
    """
    where = "view: "
    x = to_array(input, "input", where)
    if isinstance(size, (int, np.integer, Sequence)) and not isinstance(size, str):
        return _reshaped(x, (size, *others), where)
    if size is None and dtype is None:
        raise ArgumentTypeError(f"{where}expected a shape or a dtype, got none")
    return _bytes_as(x, canonical(size if dtype is None else dtype, where), where)


def reshape(input: ArrayLike, shape: Ints, *others: int) -> jax.Array:
    """The array in another shape, of which one size may be -1.

    >>> reshape(jnp.arange(6), (2, -1)).shape
    (2, 3)
    """
    return _reshaped(to_array(input, "input", "reshape: "), (shape, *others), "reshape: ")


def view_as(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The array in the shape of another.

    >>> view_as(jnp.arange(4), jnp.ones((2, 2))).shape
    (2, 2)
    """
    return _reshaped(to_array(input, "input", "view_as: "), (np.shape(to_array(other, "other")),), "view_as: ")


def reshape_as(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """As `view_as`.

    >>> reshape_as(jnp.arange(4), jnp.ones((2, 2))).shape
    (2, 2)
    """
    return view_as(input, other)


def ravel(input: ArrayLike) -> jax.Array:
    """The elements in one dimension.

    >>> ravel(jnp.ones((2, 3))).shape
    (6,)
    """
    return to_array(input, "input", "ravel: ").reshape(-1)


def expand(input: ArrayLike, size: Ints, *others: int) -> jax.Array:
    """The array repeated along its dimensions of size 1, and along new ones in front.

    Args:
        input: any shape.
        size: the shape of the result, as one sequence or the first of several integers; -1 leaves a size as it is.
        *others: the other integers.

    >>> expand(jnp.ones((2, 1)), 3, -1, 4).shape
    (3, 2, 4)
    """
    where = "expand: "
    x, wanted = to_array(input, "input", where), ints_of((size, *others), "size", where)
    new = len(wanted) - x.ndim
    if new < 0:
        raise ArgumentError(
            f"{where}the number of sizes provided ({len(wanted)}) must be greater or equal to the number of dimensions "
            f"in the tensor ({x.ndim})"
        )
    shape = []
    for n, length in enumerate(wanted):
        old = x.shape[n - new] if n >= new else 1
        if length == -1 and n >= new:
            length = old
        if length < 0:
            raise ArgumentError(
                f"{where}The expanded size of the tensor ({length}) isn't allowed in dimension {n}, got "
                f"sizes={list(wanted)}"
            )
        if old not in (1, length):
            raise ArgumentError(
                f"{where}The expanded size of the tensor ({length}) must match the existing size ({old}) at "
                "non-singleton "
                f"dimension {n}. Target sizes: {list(wanted)}. Tensor sizes: {listed(x.shape)}"
            )
        shape.append(length)
    return jnp.broadcast_to(x, shape)


def expand_as(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The array expanded to the shape of another.

    >>> expand_as(jnp.ones(1), jnp.ones((2, 3))).shape
    (2, 3)
    """
    return expand(input, np.shape(to_array(other, "other", "expand_as: ")))


def broadcast_to(input: ArrayLike, size: Ints, *others: int) -> jax.Array:
    """The array expanded to a shape.

    >>> broadcast_to(jnp.ones(3), (2, 3)).shape
    (2, 3)
    """
    return expand(input, size, *others)


def sum_to_size(input: ArrayLike, size: Ints, *others: int) -> jax.Array:
    """The opposite of `expand`: sums along the dimensions that it would add or repeat.

    >>> sum_to_size(jnp.ones((2, 3)), 1, 3)
    Array([[2., 2., 2.]], dtype=float32)
    """
    where = "sum_to_size: "
    x, wanted = to_array(input, "input", where), ints_of((size, *others), "size", where)
    new = x.ndim - len(wanted)
    if new < 0 or any(b not in (1, a) for a, b in zip(x.shape[new:], wanted, strict=True)):
        raise ArgumentError(f"{where}size {{{list(wanted)}}} is not expandable to size {{{listed(x.shape)}}}")
    axes = [*range(new), *(new + n for n, b in enumerate(wanted) if b == 1 and x.shape[new + n] != 1)]
    if not axes and wanted:
        return x
    kept = index_dtype() if kind_of(x.dtype) < 2 else x.dtype
    return x.sum(tuple(axes), dtype=kept).reshape(wanted)


def squeeze(input: ArrayLike, dim: Ints | None = None) -> jax.Array:
    """The array without its dimensions of size 1, or without those named that are of size 1.

    >>> squeeze(jnp.ones((1, 2, 1)), 0).shape
    (2, 1)
    """
    x = to_array(input, "input", "squeeze: ")
    dims = range(x.ndim) if dim is None else wrap_dims(dim, x.ndim, "squeeze: ")
    return x.reshape([size for n, size in enumerate(x.shape) if not (n in dims and size == 1)])


def unsqueeze(input: ArrayLike, dim: int) -> jax.Array:
    """The array with a new dimension of size 1.

    >>> unsqueeze(jnp.ones((2, 3)), -1).shape
    (2, 3, 1)
    """
    x = to_array(input, "input", "unsqueeze: ")
    axis = wrap_dim(dim, x.ndim + 1, "unsqueeze: ")
    return x.reshape(*x.shape[:axis], 1, *x.shape[axis:])


def size(input: ArrayLike, dim: int | None = None) -> Any:
    """The shape, or the size of one dimension.

    >>> size(jnp.ones((2, 3))), size(jnp.ones((2, 3)), -1)
    ((2, 3), 3)
    """
    shape = np.shape(to_array(input, "input", "size: "))
    if dim is None:
        return shape
    if not shape:
        raise IndexError(f"size: Dimension specified as {dim} but tensor has no dimensions")
    return shape[wrap_dim(dim, len(shape), "size: ")]


def dim(input: ArrayLike) -> int:
    """The number of dimensions.

    >>> dim(jnp.ones((2, 3)))
    2
    """
    return to_array(input, "input", "dim: ").ndim


ndimension = dim


def numel(input: ArrayLike) -> int:
    """The number of elements.

    >>> numel(jnp.ones((2, 3)))
    6
    """
    return math.prod(to_array(input, "input", "numel: ").shape)


nelement = numel


def element_size(input: ArrayLike) -> int:
    """Bytes of one element.

    >>> element_size(jnp.ones(2, jnp.bfloat16))
    2
    """
    return to_array(input, "input", "element_size: ").dtype.itemsize


def is_contiguous(input: ArrayLike) -> bool:
    """True: JAX chooses the layout in memory, and every array can be viewed in every shape.

    >>> is_contiguous(jnp.ones((2, 3)).T)
    True
    """
    to_array(input, "input", "is_contiguous: ")
    return True


def _reshaped(x: jax.Array, given: tuple[Ints, ...], where: str) -> jax.Array:
    shape = list(ints_of(given, "shape", where))
    if shape.count(-1) > 1:
        raise ArgumentError(f"{where}only one dimension can be inferred, got shape={shape}")
    if any(n < -1 for n in shape):
        raise ArgumentError(f"{where}invalid shape dimension {min(shape)}, got shape={shape}")
    known = math.prod(n for n in shape if n != -1)
    if -1 in shape:
        if not known:
            raise ArgumentError(
                f"{where}cannot reshape tensor of {x.size} elements into shape {shape} because the unspecified "
                "dimension "
                "size -1 can be any value and is ambiguous"
            )
        shape[shape.index(-1)] = x.size // known
    if math.prod(shape) != x.size:
        raise ArgumentError(
            f"{where}shape '{listed(integer(n, 'shape') for n in ints_of(given, 'shape', where))}' is "
            f"invalid for input of size {x.size}"
        )
    return x.reshape(shape)


def _bytes_as(x: jax.Array, dtype: np.dtype, where: str) -> jax.Array:
    old, new = x.dtype.itemsize, dtype.itemsize
    if old != new:
        if not x.ndim:
            raise ArgumentError(f"{where}self.dim() cannot be 0 to view {x.dtype} as {dtype} (different element sizes)")
        if x.shape[-1] * old % new:
            raise ArgumentError(
                f"{where}self.size(-1) must be divisible by {new // old} to view {x.dtype} as {dtype} (different "
                "element "
                f"sizes), but got {x.shape[-1]}"
            )
    return x.view(dtype)
