"""One array as several: ``split``, ``chunk``, ``unbind`` and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from fnn.arguments import integer, listed, wrap_dim
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._given import ints_of
from fnn.typing import ArrayLike, Ints

__all__ = [
    "chunk", "dsplit", "hsplit", "split", "split_with_sizes", "tensor_split", "unbind", "unsafe_chunk", "unsafe_split",
    "unsafe_split_with_sizes", "vsplit",
]  # fmt: skip


def split(tensor: ArrayLike, split_size_or_sections: Ints, dim: int = 0) -> tuple[jax.Array, ...]:
    """Pieces of one size, of which the last may be smaller, or of given sizes.

    Args:
        tensor: at least one dimension.
        split_size_or_sections: the size, or a list of sizes that add up to that of ``dim``.
        dim: the dimension that is split.

    Raises:
        ArgumentError: a size is negative, or they do not add up.

    >>> import jax.numpy as jnp
    >>> [x.tolist() for x in split(jnp.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    where = "split: "
    if isinstance(split_size_or_sections, Sequence):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    x = to_array(tensor, "tensor", where)
    size = integer(split_size_or_sections, "split_size", where)
    axis = _axis(x, dim, where)
    length = x.shape[axis]
    if size < 0 or (size == 0 and length):
        raise ArgumentError(f"{where}split expects split_size be non-negative, but got split_size={size}")
    return _cut(x, axis, list(range(0, length, size)) if length else [0])


def split_with_sizes(input: ArrayLike, split_sizes: Sequence[int], dim: int = 0) -> tuple[jax.Array, ...]:
    """Pieces of given sizes, which add up to that of ``dim``.

    >>> import jax.numpy as jnp
    >>> [x.tolist() for x in split_with_sizes(jnp.arange(5), [1, 4])]
    [[0], [1, 2, 3, 4]]
    """
    where = "split: "
    x = to_array(input, "input", where)
    axis, sizes = _axis(x, dim, where), ints_of((split_sizes,), "split_sizes", where)
    if any(size < 0 for size in sizes):
        raise ArgumentError(f"{where}split_sizes expects only non-negative entries, but got split_sizes={list(sizes)}")
    if sum(sizes) != x.shape[axis]:
        raise ArgumentError(
            f"{where}split_sizes expects to sum exactly to {x.shape[axis]} (input tensor's size at dimension {dim}), "
            "but "
            f"got split_sizes={list(sizes)}"
        )
    return _cut(x, axis, [sum(sizes[:n]) for n in range(len(sizes))])


unsafe_split, unsafe_split_with_sizes = split, split_with_sizes


def chunk(input: ArrayLike, chunks: int, dim: int = 0) -> tuple[jax.Array, ...]:
    """At most ``chunks`` pieces of one size; the last may be smaller.

    >>> import jax.numpy as jnp
    >>> [x.tolist() for x in chunk(jnp.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    where = "chunk: "
    x, count = to_array(input, "input", where), integer(chunks, "chunks", where)
    axis = _axis(x, dim, where)
    if count <= 0:
        raise ArgumentError(f"{where}chunk expects `chunks` to be greater than 0, got: {count}")
    length = x.shape[axis]
    if not length:
        return (x,) * count
    return _cut(x, axis, list(range(0, length, -(-length // count))))


unsafe_chunk = chunk


def tensor_split(input: ArrayLike, indices_or_sections: Ints | ArrayLike, dim: int = 0) -> tuple[jax.Array, ...]:
    """So many pieces, their sizes different by at most one, or pieces that begin at given indices.

    Args:
        input: at least one dimension.
        indices_or_sections: how many, or the indices where all but the first begin.
        dim: the dimension that is split.

    >>> import jax.numpy as jnp
    >>> [x.tolist() for x in tensor_split(jnp.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    >>> [x.tolist() for x in tensor_split(jnp.arange(5), (1, 3))]
    [[0], [1, 2], [3, 4]]
    """
    return _tensor_split(to_array(input, "input", "tensor_split: "), indices_or_sections, dim, "tensor_split: ")


def hsplit(input: ArrayLike, indices_or_sections: Ints) -> tuple[jax.Array, ...]:
    """`tensor_split` along the second dimension, of a vector along the first; the pieces are of one size.

    >>> import jax.numpy as jnp
    >>> [x.shape for x in hsplit(jnp.ones((2, 4)), 2)]
    [(2, 2), (2, 2)]
    """
    return _even(input, indices_or_sections, 1, 1, "hsplit")


def vsplit(input: ArrayLike, indices_or_sections: Ints) -> tuple[jax.Array, ...]:
    """`tensor_split` along the first of at least two dimensions; the pieces are of one size.

    >>> import jax.numpy as jnp
    >>> [x.shape for x in vsplit(jnp.ones((4, 2)), [1])]
    [(1, 2), (3, 2)]
    """
    return _even(input, indices_or_sections, 0, 2, "vsplit")


def dsplit(input: ArrayLike, indices_or_sections: Ints) -> tuple[jax.Array, ...]:
    """`tensor_split` along the third dimension; the pieces are of one size.

    >>> import jax.numpy as jnp
    >>> [x.shape for x in dsplit(jnp.ones((1, 2, 4)), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return _even(input, indices_or_sections, 2, 3, "dsplit")


def unbind(input: ArrayLike, dim: int = 0) -> tuple[jax.Array, ...]:
    """The slices along a dimension, without it.

    >>> import jax.numpy as jnp
    >>> [x.tolist() for x in unbind(jnp.array([[1, 2], [3, 4]]), 1)]
    [[1, 3], [2, 4]]
    """
    x = to_array(input, "input", "unbind: ")
    axis = _axis(x, dim, "unbind: ")
    return tuple(jax.lax.index_in_dim(x, n, axis, keepdims=False) for n in range(x.shape[axis]))


def _axis(x: jax.Array, dim: int, where: str) -> int:
    if not x.ndim:
        raise ArgumentError(f"{where}expects at least a 1-dimensional tensor, got one without dimensions")
    return wrap_dim(dim, x.ndim, where)


def _cut(x: jax.Array, axis: int, starts: list[int]) -> tuple[jax.Array, ...]:
    ends = [*starts[1:], x.shape[axis]]
    return tuple(jax.lax.slice_in_dim(x, a, b, axis=axis) for a, b in zip(starts, ends, strict=True))


def _tensor_split(x: jax.Array, given: Any, dim: int, where: str) -> tuple[jax.Array, ...]:
    axis = _axis(x, dim, where)
    length = x.shape[axis]
    if isinstance(given, (jax.Array, np.ndarray)) or hasattr(given, "__jax_array__"):
        given = _host(given, where)
    if isinstance(given, Sequence):
        # As Python's slices: negative ones count from the end, and what lies outside is cut off.
        places = [slice(at).indices(length)[1] for at in ints_of((given,), "indices", where)]
        starts, ends = [0, *places], [*places, length]
        return tuple(jax.lax.slice_in_dim(x, a, max(a, b), axis=axis) for a, b in zip(starts, ends, strict=True))
    sections = integer(given, "sections", where)
    if sections <= 0:
        raise ArgumentError(f"{where}number of sections must be larger than 0, got {sections}")
    small, larger = divmod(length, sections)
    return _cut(x, axis, [n * small + min(n, larger) for n in range(sections)])


def _host(given: Any, where: str) -> Any:
    try:
        values = np.asarray(given)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        raise ArgumentError(
            f"{where}the shapes of the results depend on indices_or_sections, which has no value while a program is "
            "traced"
        ) from None
    if values.ndim > 1 or values.dtype.kind not in "iu":
        raise ArgumentTypeError(
            f"{where}tensor_indices_or_sections must be a zero- or one-dimensional array of integers, got "
            f"shape={values.shape}, dtype={values.dtype}"
        )
    return values.tolist()


def _even(input: ArrayLike, given: Ints, dim: int, least: int, name: str) -> tuple[jax.Array, ...]:
    x = to_array(input, "input", f"{name}: ")
    if x.ndim < least:
        raise ArgumentError(
            f"{name}: torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {x.ndim} "
            "dimensions!"
        )
    axis = min(dim, x.ndim - 1)
    if isinstance(given, int) and (given <= 0 or x.shape[axis] % given):
        raise ArgumentError(
            f"{name}: torch.{name} attempted to split along dimension {axis}, but the size of the dimension "
            f"{x.shape[axis]} is not divisible by the split_size {given}! got shape={listed(x.shape)}"
        )
    return _tensor_split(x, given, axis, f"{name}: ")
