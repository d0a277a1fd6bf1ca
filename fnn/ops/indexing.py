"""Elements by index or mask: ``gather``, ``index_select``, ``take``, ``where``, ``nonzero``, ..."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import integer, listed, wrap_dim
from fnn.dtypes import index_dtype, is_floating, operand_in, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._given import ints_of
from fnn.ops._indices import check_bounds, in_front, index_array, line_of, values_of
from fnn.ops._promote import result_type
from fnn.typing import ArrayLike, Ints

__all__ = [
    "argwhere", "gather", "index_select", "masked_select", "nonzero", "nonzero_static", "take", "take_along_dim",
    "unravel_index", "where",
]  # fmt: skip


def gather(input: ArrayLike, dim: int, index: ArrayLike) -> jax.Array:
    """For each place in ``index`` the element that it names along ``dim``: ``out[i][j] = input[i][index[i][j]]``.

    Args:
        input: any shape.
        dim: the dimension.
        index: as many dimensions, and along all but ``dim`` at most as large.

    Returns:
        The shape of ``index``.

    Raises:
        IndexError: an index is out of bounds; a compiled program cannot tell and gives NaN there.

    >>> gather(jnp.array([[1, 2], [3, 4]]), 1, jnp.array([[0], [1]]))
    Array([[1],
           [4]], dtype=int32)
    """
    where = "gather: "
    x, at = to_array(input, "input", where), index_array(index, where)
    axis = wrap_dim(dim, x.ndim, where)
    if not at.size:
        return jnp.zeros(at.shape, x.dtype)
    _fitting(x, at, axis, where)
    check_bounds(at, x.shape[axis] if x.ndim else 1, where, axis)
    if not x.ndim or not at.ndim:
        return x.reshape(1)[at.reshape(-1)].reshape(at.shape) if x.ndim < 2 else x
    kept = tuple(slice(None if n == axis else size) for n, size in enumerate(at.shape))
    return jnp.take_along_axis(x[kept], at, axis)


def take_along_dim(input: ArrayLike, indices: ArrayLike, dim: int | None = None) -> jax.Array:
    """As `gather`, with both arrays broadcast along all other dimensions; without ``dim`` of the flat elements.

    >>> take_along_dim(jnp.array([[3, 1, 2]]), jnp.array([[1, 2, 0]]), 1)
    Array([[1, 2, 3]], dtype=int32)
    """
    where = "take_along_dim: "
    x, at = to_array(input, "input", where), index_array(indices, where, "indices")
    if dim is None:
        x, at, dim = x.reshape(-1), at.reshape(-1), 0
    if x.ndim != at.ndim:
        raise ArgumentError(
            f"{where}input and indices should have the same number of dimensions, but got {x.ndim} dimensions for "
            "input, "
            f"and {at.ndim} dimensions for indices"
        )
    axis = wrap_dim(dim, x.ndim, where)
    sizes = [list(shape) for shape in (x.shape, at.shape)]
    for shape in sizes:
        shape[axis : axis + 1] = [1]
    try:
        common = list(jnp.broadcast_shapes(*sizes))
    except ValueError:
        raise ArgumentError(f"{where}shapes {listed(x.shape)} and {listed(at.shape)} cannot be broadcast") from None
    if not x.ndim:
        return x
    check_bounds(at, x.shape[axis], where, axis, negative=True)
    at = in_front(at, x.shape[axis])
    wide = [[*common[:axis], n, *common[axis + 1 :]] for n in (x.shape[axis], at.shape[axis])]
    return gather(jnp.broadcast_to(x, wide[0]), axis, jnp.broadcast_to(at, wide[1]))


def index_select(input: ArrayLike, dim: int, index: ArrayLike) -> jax.Array:
    """The slices along a dimension that a vector of indices names.

    >>> index_select(jnp.array([[1, 2, 3]]), 1, jnp.array([2, 0]))
    Array([[3, 1]], dtype=int32)
    """
    where = "index_select: "
    x, at = to_array(input, "input", where), line_of(index, where)
    axis = wrap_dim(dim, x.ndim, where)
    check_bounds(at, x.shape[axis] if x.ndim else 1, where, axis)
    if not x.ndim:
        if at.size != 1:
            raise ArgumentError(f"{where}Index to scalar can have only 1 value, got {at.size} value(s)")
        return x
    return jnp.take(x, at, axis)


def take(input: ArrayLike, index: ArrayLike) -> jax.Array:
    """The elements at numbers in row-major order; negative ones count from the end.

    >>> take(jnp.array([[1, 2], [3, 4]]), jnp.array([0, -1]))
    Array([1, 4], dtype=int32)
    """
    where = "take: "
    x, at = to_array(input, "input", where), index_array(index, where)
    if at.size and not x.size:
        raise IndexError(f"{where}tried to take from an empty tensor")
    check_bounds(at, x.size, where, negative=True)
    return x.reshape(-1)[in_front(at, x.size)] if at.size else jnp.zeros(at.shape, x.dtype)


def masked_select(input: ArrayLike, mask: ArrayLike) -> jax.Array:
    """The elements where ``mask``, in one dimension; both are broadcast.

    Raises:
        ArgumentError: in a compiled program, where the values are not those of numbers that it holds itself.

    >>> masked_select(jnp.array([1, 2, 3]), jnp.array([True, False, True]))
    Array([1, 3], dtype=int32)
    """
    where = "masked_select: "
    x, chosen = to_array(input, "input", where), mask_of(mask, where)
    shape = jnp.broadcast_shapes(x.shape, chosen.shape)
    instead = "use fnn.where, or fnn.masked_fill, and reduce with a weight"
    places = np.nonzero(values_of(jnp.broadcast_to(chosen, shape), where, "mask", instead).reshape(-1))[0]
    return jnp.broadcast_to(x, shape).reshape(-1)[places]


def where(condition: ArrayLike, input: ArrayLike | None = None, other: ArrayLike | None = None) -> Any:
    """``input`` where ``condition``, else ``other``; without both `nonzero` as a tuple.

    Args:
        condition: booleans.
        input: an array or a number.
        other: the same.

    Returns:
        All broadcast, in the common dtype of the two.

    >>> where(jnp.array([True, False]), jnp.ones(2), 0.0)
    Array([1., 0.], dtype=float32)
    """
    name = "where: "
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise ArgumentTypeError(f"{name}expected both input and other, or none of them")
    chosen = to_array(condition, "condition", name)
    if chosen.dtype != np.bool_ and chosen.dtype != np.uint8:
        raise ArgumentTypeError(
            f"{name}expected condition to be a boolean tensor, but got a tensor with dtype {chosen.dtype}"
        )
    dtype = result_type(input, other)
    a, b = (
        jnp.asarray(operand_in(value, dtype, name))
        if isinstance(value, (bool, int, float, complex))
        else to_array(value, "input", name).astype(dtype)
        for value in (input, other)
    )
    try:
        shape = jnp.broadcast_shapes(chosen.shape, a.shape, b.shape)
    except ValueError:
        raise ArgumentError(
            f"{name}the shapes of condition {listed(chosen.shape)}, input {listed(a.shape)} and other "
            f"{listed(b.shape)} "
            "cannot be broadcast"
        ) from None
    return jnp.where(*(jnp.broadcast_to(value, shape) for value in (chosen.astype(bool), a, b)))


def nonzero(input: ArrayLike, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero, one a row, (n, dimensions); or a tuple with a vector a dimension.

    Raises:
        ArgumentError: in a compiled program, where the values are not those of numbers that it holds itself.

    >>> nonzero(jnp.array([0, 1, 2]))
    Array([[1],
           [2]], dtype=int32)
    """
    x = to_array(input, "input", "nonzero: ")
    values = values_of(x, "nonzero: ", "input", "use fnn.nonzero_static, which is told their number")
    found = np.nonzero(values.reshape(1) if as_tuple and not values.ndim else values) if values.ndim or as_tuple else ()
    if as_tuple:
        return tuple(jnp.asarray(part.astype(index_dtype())) for part in found)
    rows = np.stack(found, 1) if values.ndim else np.zeros((int(bool(values)), 0))
    return jnp.asarray(rows.astype(index_dtype()))


def argwhere(input: ArrayLike) -> jax.Array:
    """The indices of the elements that are not zero, one a row.

    >>> argwhere(jnp.array([0, 1]))
    Array([[1]], dtype=int32)
    """
    return nonzero(input)


def nonzero_static(input: ArrayLike, *, size: int, fill_value: int = -1) -> jax.Array:
    """`nonzero` with a given number of rows, for compiled programs; what is missing is ``fill_value``.

    Args:
        input: any shape.
        size: the number of rows.
        fill_value: stands in the rows beyond the last index.

    >>> nonzero_static(jnp.array([0, 1]), size=2)
    Array([[ 1],
           [-1]], dtype=int32)
    """
    where = "nonzero_static: "
    x, count = to_array(input, "input", where), integer(size, "size", where)
    if count < 0:
        raise ArgumentError(f"{where}`size` must be an non-negative integer, got size={size}")
    if not x.size or not x.ndim:
        return jnp.full((count, x.ndim), fill_value, index_dtype())
    return jnp.argwhere(x, size=count, fill_value=fill_value).astype(index_dtype())


def unravel_index(indices: ArrayLike, shape: Ints) -> tuple[jax.Array, ...]:
    """The indices along each dimension of elements given by their numbers in row-major order.

    >>> [at.tolist() for at in unravel_index(jnp.array([0, 3]), (2, 2))]
    [[0, 1], [0, 1]]
    """
    where = "unravel_index: "
    at, sizes = to_array(indices, "indices", where), ints_of((shape,), "shape", where)
    if is_floating(at) or at.dtype == np.bool_ or jnp.iscomplexobj(at):
        raise ArgumentTypeError(f"{where}expected 'indices' to be integer dtype, but got {at.dtype}")
    if any(n < 0 for n in sizes):
        raise ArgumentError(f"{where}'shape' cannot have negative values, but got {sizes}")
    found, rest = [], at
    for n in reversed(sizes):
        found.append(rest % max(n, 1))
        rest = rest // max(n, 1)
    return tuple(reversed(found))


def mask_of(mask: ArrayLike, where: str) -> jax.Array:
    """A mask as an array of booleans.

    Raises:
        ArgumentTypeError: another dtype.
    """
    chosen = to_array(mask, "mask", where)
    if chosen.dtype != np.bool_:
        raise ArgumentTypeError(f"{where}only supports boolean masks, but got mask.dtype={chosen.dtype}")
    return chosen


def _fitting(x: jax.Array, index: jax.Array, axis: int, where: str) -> None:
    if max(x.ndim, 1) != max(index.ndim, 1):
        raise ArgumentError(
            f"{where}Index tensor must have the same number of dimensions as input tensor, got {listed(index.shape)} "
            "and "
            f"{listed(x.shape)}"
        )
    for n, (a, b) in enumerate(zip(index.shape, x.shape, strict=False)):
        if n != axis and a > b:
            raise ArgumentError(
                f"{where}Size does not match at dimension {n} expected index {listed(index.shape)} to be no larger "
                "than "
                f"self {listed(x.shape)} apart from dimension {axis}"
            )
