"""Several arrays as one: ``cat``, ``stack`` and their kin; and what pairs the elements of several."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import integer, listed, wrap_dim
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.ops._given import arrays_of, ints_of
from fnn.ops._promote import result_type
from fnn.typing import ArrayLike, Ints

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors", "cartesian_prod",
    "cat", "column_stack", "combinations", "concat", "concatenate", "dstack", "hstack", "meshgrid", "row_stack",
    "stack", "vstack",
]  # fmt: skip


def cat(tensors: Sequence[ArrayLike], dim: int = 0) -> jax.Array:
    """Arrays one after the other along a dimension.

    Args:
        tensors: of one shape but for ``dim``; an empty vector, (0,), is left out.
        dim: the dimension.

    Returns:
        Their common dtype, by PyTorch's rules.

    Raises:
        ArgumentError: there is none, or the shapes differ.

    >>> cat([jnp.ones((1, 2)), jnp.zeros((2, 2))]).shape
    (3, 2)
    """
    return _joined(arrays_of(tensors, "cat: "), dim, "cat: ")


concat = concatenate = cat


def stack(tensors: Sequence[ArrayLike], dim: int = 0) -> jax.Array:
    """Arrays of one shape as slices along a new dimension.

    Args:
        tensors: the arrays.
        dim: where the new dimension stands.

    >>> stack([jnp.ones(2), jnp.zeros(2)], dim=1).shape
    (2, 2)
    """
    where = "stack: "
    arrays = arrays_of(tensors, where)
    _some(arrays, where)
    axis = wrap_dim(dim, arrays[0].ndim + 1, where)
    for n, x in enumerate(arrays):
        if x.shape != arrays[0].shape:
            raise ArgumentError(
                f"{where}stack expects each tensor to be equal size, but got {listed(arrays[0].shape)} at entry 0 and "
                f"{listed(x.shape)} at entry {n}"
            )
    dtype = result_type(*arrays)
    return jnp.stack([x.astype(dtype) for x in arrays], axis)


def hstack(tensors: Sequence[ArrayLike]) -> jax.Array:
    """Arrays side by side: along the second dimension, vectors along the first.

    >>> hstack([jnp.ones((2, 1)), jnp.zeros((2, 2))]).shape
    (2, 3)
    """
    arrays = [_at_least_1d(x) for x in arrays_of(tensors, "hstack: ")]
    _some(arrays, "hstack: ")
    return _joined(arrays, 0 if arrays[0].ndim == 1 else 1, "hstack: ")


def vstack(tensors: Sequence[ArrayLike]) -> jax.Array:
    """Arrays one below the other: along the first dimension, vectors as rows.

    >>> vstack([jnp.ones(2), jnp.zeros(2)]).shape
    (2, 2)
    """
    return _joined([_at_least_2d(x) for x in arrays_of(tensors, "vstack: ")], 0, "vstack: ")


row_stack = vstack


def dstack(tensors: Sequence[ArrayLike]) -> jax.Array:
    """Arrays one behind the other: along the third dimension.

    >>> dstack([jnp.ones(2), jnp.zeros(2)]).shape
    (1, 2, 2)
    """
    return _joined([_at_least_3d(x) for x in arrays_of(tensors, "dstack: ")], 2, "dstack: ")


def column_stack(tensors: Sequence[ArrayLike]) -> jax.Array:
    """Arrays side by side, vectors as columns.

    >>> column_stack([jnp.ones(2), jnp.zeros((2, 2))]).shape
    (2, 3)
    """
    arrays = arrays_of(tensors, "column_stack: ")
    return _joined([x.reshape(x.size, 1) if x.ndim < 2 else x for x in arrays], 1, "column_stack: ")


def block_diag(*tensors: ArrayLike) -> jax.Array:
    """A matrix with matrices along its diagonal and zeros elsewhere; a vector counts as a row.

    >>> block_diag(jnp.ones((1, 2)), 2 * jnp.ones(1))
    Array([[1., 1., 0.],
           [0., 0., 2.]], dtype=float32)
    """
    where = "block_diag: "
    arrays = [_at_least_2d(x) for x in arrays_of(tensors, where)]
    for n, x in enumerate(arrays):
        if x.ndim > 2:
            raise ArgumentError(
                f"{where}Input tensors must have 2 or fewer dimensions. Input {n} has {x.ndim} dimensions"
            )
    if not arrays:
        return jnp.zeros((1, 0))
    dtype = result_type(*arrays)
    out = jnp.zeros((sum(x.shape[0] for x in arrays), sum(x.shape[1] for x in arrays)), dtype)
    row = col = 0
    for x in arrays:
        out = jax.lax.dynamic_update_slice(out, x.astype(dtype), (row, col))
        row, col = row + x.shape[0], col + x.shape[1]
    return out


def cartesian_prod(*tensors: ArrayLike) -> jax.Array:
    """All ways to choose one element of each vector, one a row, (n, number of vectors).

    >>> cartesian_prod(jnp.array([1, 2]), jnp.array([3, 4])).tolist()
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    where = "cartesian_prod: "
    arrays = arrays_of(tensors, where)
    _some(arrays, where)
    for x in arrays:
        if x.ndim != 1:
            raise ArgumentError(f"{where}Expect a 1D vector, but got shape {listed(x.shape)}")
    if len(arrays) == 1:
        return arrays[0]
    return jnp.stack([x.reshape(-1) for x in _grid(arrays, "ij", where)], 1)


def combinations(input: ArrayLike, r: int = 2, with_replacement: bool = False) -> jax.Array:
    """All choices of ``r`` elements of a vector, one a row, in the vector's order.

    Args:
        input: (n,).
        r: how many elements.
        with_replacement: whether one may be taken more than once.

    >>> combinations(jnp.array([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    where = "combinations: "
    x, count = to_array(input, "input", where), integer(r, "r", where)
    if x.ndim != 1:
        raise ArgumentError(f"{where}Expect a 1D vector, but got shape {listed(x.shape)}")
    if count < 0:
        raise ArgumentError(f"{where}Expect a non-negative number, but got r={r}")
    if not count:
        return jnp.zeros((0,), x.dtype)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    found = np.array(list(choose(range(x.size), count)), np.int32).reshape(-1, count)
    return x[found] if x.size else jnp.zeros(found.shape, x.dtype)


def meshgrid(*tensors: ArrayLike | Sequence[ArrayLike], indexing: str = "ij") -> tuple[jax.Array, ...]:
    """The coordinates of a grid: each vector, expanded along the dimensions of all others.

    Args:
        *tensors: vectors or numbers, or one sequence of them.
        indexing: ``"ij"``, dimensions in the order of the vectors, or ``"xy"``, the first two swapped.

    >>> rows, columns = meshgrid(jnp.arange(2), jnp.arange(3))
    >>> rows.shape, columns[0].tolist()
    ((2, 3), [0, 1, 2])
    """
    return _grid(arrays_of(tensors, "meshgrid: "), indexing, "meshgrid: ")  # type: ignore[arg-type]


def broadcast_tensors(*tensors: ArrayLike | Sequence[ArrayLike]) -> tuple[jax.Array, ...]:
    """Arrays, expanded to the shape that they have in common.

    >>> a, b = broadcast_tensors(jnp.ones((2, 1)), jnp.ones(3))
    >>> a.shape, b.shape
    ((2, 3), (2, 3))
    """
    arrays = arrays_of(tensors, "broadcast_tensors: ")  # type: ignore[arg-type]
    shape = broadcast_shapes(*(x.shape for x in arrays))
    return tuple(jnp.broadcast_to(x, shape) for x in arrays)


def broadcast_shapes(*shapes: Ints) -> tuple[int, ...]:
    """The shape that arrays of these shapes are expanded to.

    Raises:
        ArgumentError: two sizes differ of which none is 1.

    >>> broadcast_shapes((2, 1), 3)
    (2, 3)
    """
    where = "broadcast_shapes: "
    given = [ints_of((shape,), "shapes", where) for shape in shapes]
    if any(n < 0 for shape in given for n in shape):
        raise ArgumentError(f"{where}Trying to create tensor with negative dimension, got shapes={given}")
    try:
        return np.broadcast_shapes(*given)
    except ValueError:
        raise ArgumentError(
            f"{where}Shape mismatch: objects cannot be broadcast to a single shape, got {given}"
        ) from None


def atleast_1d(*tensors: ArrayLike | Sequence[ArrayLike]) -> jax.Array | tuple[jax.Array, ...]:
    """Each array with at least one dimension; of several a tuple.

    >>> atleast_1d(jnp.ones(())).shape
    (1,)
    """
    return _each(_at_least_1d, tensors, "atleast_1d: ")


def atleast_2d(*tensors: ArrayLike | Sequence[ArrayLike]) -> jax.Array | tuple[jax.Array, ...]:
    """Each array with at least two dimensions, new ones in front; of several a tuple.

    >>> atleast_2d(jnp.ones(3)).shape
    (1, 3)
    """
    return _each(_at_least_2d, tensors, "atleast_2d: ")


def atleast_3d(*tensors: ArrayLike | Sequence[ArrayLike]) -> jax.Array | tuple[jax.Array, ...]:
    """Each array with at least three dimensions: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1).

    >>> atleast_3d(jnp.ones((2, 3))).shape
    (2, 3, 1)
    """
    return _each(_at_least_3d, tensors, "atleast_3d: ")


def _at_least_1d(x: jax.Array) -> jax.Array:
    return x if x.ndim else x.reshape(1)


def _at_least_2d(x: jax.Array) -> jax.Array:
    return x if x.ndim > 1 else x.reshape(1, x.size)


def _at_least_3d(x: jax.Array) -> jax.Array:
    return x if x.ndim > 2 else x[..., None] if x.ndim == 2 else x.reshape(1, x.size, 1)


def _each(function, tensors, where: str):
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return function(to_array(tensors[0], "tensors", where))
    return tuple(function(x) for x in arrays_of(tensors, where))


def _some(arrays: list[jax.Array], where: str) -> None:
    if not arrays:
        raise ArgumentError(f"{where}expected a non-empty list of Tensors, got tensors=[]")


def _joined(arrays: list[jax.Array], dim: int, where: str) -> jax.Array:
    _some(arrays, where)
    dtype = result_type(*arrays)
    for n, x in enumerate(arrays):
        if not x.ndim:
            raise ArgumentError(f"{where}zero-dimensional tensor (at position {n}) cannot be concatenated")
    # PyTorch kept from its beginnings that an empty vector fits everywhere.
    kept = [x for x in arrays if x.shape != (0,)] or arrays[:1]
    axis = wrap_dim(dim, kept[0].ndim, where)
    for n, x in enumerate(kept):
        if x.ndim != kept[0].ndim:
            raise ArgumentError(
                f"{where}Tensors must have same number of dimensions: got {kept[0].ndim} and {x.ndim} (at position {n})"
            )
        for d, (a, b) in enumerate(zip(kept[0].shape, x.shape, strict=True)):
            if d != axis and a != b:
                raise ArgumentError(
                    f"{where}Sizes of tensors must match except in dimension {axis}. Expected size {a} but got size "
                    f"{b} for tensor number {n} in the list."
                )
    return jnp.concatenate([x.astype(dtype) for x in kept], axis)


def _grid(arrays: list[jax.Array], indexing: str, where: str) -> tuple[jax.Array, ...]:
    if indexing not in ("ij", "xy"):
        raise ArgumentError(f'{where}indexing must be one of "xy" or "ij", but received: {indexing}')
    _some(arrays, where)
    if len({x.dtype for x in arrays}) > 1:
        raise ArgumentError(f"{where}expects all tensors to have the same dtype, got {[x.dtype.name for x in arrays]}")
    for x in arrays:
        if x.ndim > 1:
            raise ArgumentError(f"{where}Expected 0D or 1D tensor in the tensor list but got: {listed(x.shape)}")
    swap = indexing == "xy" and len(arrays) > 1
    order = [1, 0, *range(2, len(arrays))] if swap else list(range(len(arrays)))
    shape = [arrays[n].size for n in order]
    at = [order.index(n) for n in range(len(arrays))]
    return tuple(
        jnp.broadcast_to(x.reshape([-1 if d == axis else 1 for d in range(len(shape))]), shape)
        if x.size
        else jnp.zeros(shape, x.dtype)
        for x, axis in zip(arrays, at, strict=True)
    )
