"""Values written to, or reduced into, the elements that indices name: ``scatter``, ``index_add``, ``index_put``, ..."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import listed, wrap_dim
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._by_mask import put_by_mask, traced_mask
from fnn.ops._indices import check_bounds, in_front, index_array, line_of, number_for, places_along, values_for
from fnn.ops._promote import kind_of
from fnn.ops._scatter import REDUCTIONS, added, reduced_into
from fnn.typing import ArrayLike, Scalar

__all__ = [
    "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "put", "scatter", "scatter_add",
    "scatter_reduce",
]  # fmt: skip


def scatter(input: ArrayLike, dim: int, index: ArrayLike, src: ArrayLike, *, reduce: str | None = None) -> jax.Array:
    """The array with elements replaced: ``out[i][index[i][j]] = src[i][j]`` for ``dim=1``.

    Args:
        input: any shape.
        dim: the dimension along which ``index`` counts.
        index: as many dimensions; along all but ``dim`` at most as large.
        src: the values, at least as large as ``index``, of the dtype of ``input``; or one number.
        reduce: ``"add"`` or ``"multiply"`` instead of replacing.

    Raises:
        IndexError: an index is out of bounds; a compiled program cannot tell and leaves it out.

    >>> scatter(jnp.zeros((1, 3)), 1, jnp.array([[2]]), 5.0)
    Array([[0., 0., 5.]], dtype=float32)
    """
    where = "scatter: "
    if reduce not in (None, "add", "multiply"):
        raise ArgumentError(f"{where}reduce argument must be either add or multiply, got reduce={reduce!r}")
    how = {None: None, "add": "sum", "multiply": "prod"}[reduce]
    return _scattered(input, dim, index, src, how, True, where)


def scatter_add(input: ArrayLike, dim: int, index: ArrayLike, src: ArrayLike) -> jax.Array:
    """The array with values added to its elements; the arguments are those of `scatter`.

    >>> scatter_add(jnp.ones((1, 2)), 1, jnp.array([[0, 0]]), jnp.ones((1, 2)))
    Array([[3., 1.]], dtype=float32)
    """
    return _scattered(input, dim, index, _an_array(src, "src", "scatter_add: "), "sum", True, "scatter_add: ")


def scatter_reduce(
    input: ArrayLike, dim: int, index: ArrayLike, src: ArrayLike, reduce: str, *, include_self: bool = True
) -> jax.Array:
    """The array with values reduced into its elements; the other arguments are those of `scatter`.

    Args:
        input: any shape.
        dim: see `scatter`.
        index: see `scatter`.
        src: see `scatter`.
        reduce: ``"sum"``, ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``.
        include_self: whether the elements that are there count too.

    >>> scatter_reduce(jnp.ones(2), 0, jnp.array([0, 0]), jnp.array([4.0, 7.0]), "amax")
    Array([7., 1.], dtype=float32)
    """
    where = "scatter_reduce: "
    if reduce not in REDUCTIONS:
        raise ArgumentError(f"{where}reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    return _scattered(input, dim, index, _an_array(src, "src", where), reduce, include_self, where)


def index_add(input: ArrayLike, dim: int, index: ArrayLike, source: ArrayLike, *, alpha: Scalar = 1) -> jax.Array:
    """The array with slices added: ``out[index[i]] += alpha * source[i]`` for ``dim=0``.

    Args:
        input: any shape.
        dim: the dimension.
        index: (n,).
        source: the shape of ``input`` but for n along ``dim``; its dtype.
        alpha: a factor.

    >>> index_add(jnp.ones(3), 0, jnp.array([0, 0]), jnp.ones(2))
    Array([3., 1., 1.], dtype=float32)
    """
    where = "index_add: "
    x, axis, at, values = _slices(input, dim, index, source, where)
    return _as_lines(x, axis, at, values * number_for(alpha, x.dtype, where), "sum", True)


def index_copy(input: ArrayLike, dim: int, index: ArrayLike, source: ArrayLike) -> jax.Array:
    """The array with slices replaced; the arguments are those of `index_add`.

    >>> index_copy(jnp.zeros(3), 0, jnp.array([2]), jnp.ones(1))
    Array([0., 0., 1.], dtype=float32)
    """
    x, axis, at, values = _slices(input, dim, index, source, "index_copy: ")
    return _as_lines(x, axis, at, values, None, True)


def index_fill(input: ArrayLike, dim: int, index: ArrayLike, value: Scalar) -> jax.Array:
    """The array with slices set to one number; negative indices count from the end.

    >>> index_fill(jnp.zeros(3), 0, jnp.array([-1]), 5)
    Array([0., 0., 5.], dtype=float32)
    """
    where = "index_fill: "
    x, at = to_array(input, "input", where), line_of(index, where)
    axis = wrap_dim(dim, x.ndim, where)
    size = x.shape[axis] if x.ndim else 1
    check_bounds(at, size, where, axis, negative=True)
    if kind_of(x.dtype) != 3 and (isinstance(value, complex) or kind_of(getattr(value, "dtype", bool)) == 3):
        raise ArgumentError(f"{where}Converting complex Scalar to non-complex type is not supported, got value={value}")
    number = number_for(value, x.dtype, where)
    if not x.ndim:
        return number if at.size else x
    return x.at[(slice(None),) * axis + (in_front(at, size),)].set(number)


def index_reduce(
    input: ArrayLike, dim: int, index: ArrayLike, source: ArrayLike, reduce: str, *, include_self: bool = True
) -> jax.Array:
    """The array with slices reduced into it; the other arguments are those of `index_add`.

    Args:
        input: any shape.
        dim: see `index_add`.
        index: see `index_add`.
        source: see `index_add`.
        reduce: ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``.
        include_self: whether the elements that are there count too.

    >>> index_reduce(jnp.ones(2), 0, jnp.array([0]), jnp.array([4.0]), "prod")
    Array([4., 1.], dtype=float32)
    """
    where = "index_reduce: "
    if reduce not in REDUCTIONS[1:]:
        raise ArgumentError(f"{where}reduce argument must be either prod, mean, amax or amin, got {reduce}.")
    x, axis, at, values = _slices(input, dim, index, source, where)
    return _as_lines(x, axis, at, values, reduce, include_self)


def index_put(
    input: ArrayLike, indices: Sequence[ArrayLike | None], values: Scalar | ArrayLike, accumulate: bool = False
) -> jax.Array:
    """The array with ``input[indices] = values``; with ``accumulate``, ``+=`` over all that go to one element.

    Args:
        input: any shape.
        indices: integer arrays or masks, one a dimension; None for a dimension that is taken whole.  A mask with
            several dimensions stands for as many.
        values: broadcast to the shape of ``input[indices]``, of the dtype of ``input``; or one number.  Where a
            compiled program does not know how many elements a mask has that are true, it cannot tell either whether
            as many rows were given: the first are taken, in order.
        accumulate: see above.

    >>> index_put(jnp.zeros(3), (jnp.array([0, 0]),), jnp.ones(2), accumulate=True)
    Array([2., 0., 0.], dtype=float32)
    >>> index_put(jnp.zeros((2, 2)), (jnp.array([True, False]),), 5)
    Array([[5., 5.],
           [0., 0.]], dtype=float32)
    """
    where = "index_put: "
    x = to_array(input, "input", where)
    plain = isinstance(values, (bool, int, float, complex))
    values = number_for(values, x.dtype, where) if plain else values_for(values, x, where, "source")
    if isinstance(indices, (jax.Array, np.ndarray)) or not isinstance(indices, Sequence):
        raise ArgumentTypeError(f"{where}argument 'indices' must be tuple of Tensors, not {type(indices).__name__}")
    places: list[jax.Array | slice] = []
    axis = 0
    for index in indices:
        if index is None:
            places.append(slice(None))
            axis += 1
            continue
        at = to_array(index, "indices", where)
        if at.dtype != np.bool_:
            at = index_array(at, where, "indices")
            if axis >= x.ndim:
                raise IndexError(f"{where}too many indices for tensor of dimension {x.ndim}")
            check_bounds(at, x.shape[axis], where, axis, negative=True)
            at = in_front(at, x.shape[axis])
        places.append(at)
        axis += at.ndim if at.dtype == np.bool_ else 1
    if axis > x.ndim:
        raise IndexError(f"{where}too many indices for tensor of dimension {x.ndim}")
    mask = traced_mask(places)
    if mask is not None:
        return put_by_mask(x, places, mask, values, accumulate, where)
    try:
        shape = jax.eval_shape(lambda v: v[tuple(places)], x).shape if not _masked(places) else x[tuple(places)].shape
        values = jnp.broadcast_to(values, shape)
    except ValueError:
        raise ArgumentError(
            f"{where}shape mismatch: value tensor of shape {listed(values.shape)} cannot be broadcast to the "
            "indexing result"
        ) from None
    return added(x, tuple(places), values) if accumulate else x.at[tuple(places)].set(values)


def put(input: ArrayLike, index: ArrayLike, source: ArrayLike, accumulate: bool = False) -> jax.Array:
    """The array with the elements at numbers in row-major order replaced, or with ``accumulate`` added to.

    Args:
        input: any shape.
        index: integers of any shape; negative ones count from the end.
        source: as many elements, of the dtype of ``input``.
        accumulate: see above.

    >>> put(jnp.zeros((1, 3)), jnp.array([-1]), jnp.ones(1))
    Array([[0., 0., 1.]], dtype=float32)
    """
    where = "put: "
    x, at = to_array(input, "input", where), index_array(index, where)
    values = values_for(source, x, where, "source")
    if values.size != at.size:
        raise ArgumentError(
            f"{where}put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{values.size}, index.numel() = {at.size}"
        )
    check_bounds(at, x.size, where, negative=True)
    flat, places, values = x.reshape(-1), in_front(at.reshape(-1), x.size), values.reshape(-1)
    return (added(flat, (places,), values) if accumulate else flat.at[places].set(values)).reshape(x.shape)


# -- what they share ---------------------------------------------------------------------------------


def _masked(places: Sequence[jax.Array | slice]) -> bool:
    return any(not isinstance(at, slice) and at.dtype == np.bool_ for at in places)


def _an_array(src: ArrayLike, name: str, where: str) -> jax.Array:
    if isinstance(src, (bool, int, float, complex)):
        raise ArgumentTypeError(f"{where}argument '{name}' must be Tensor, not {type(src).__name__}")
    return to_array(src, name, where)


def _scattered(
    input: ArrayLike,
    dim: int,
    index: ArrayLike,
    src: ArrayLike,
    reduce: str | None,
    include_self: bool,
    where: str,
) -> jax.Array:
    x, at = to_array(input, "input", where), index_array(index, where)
    axis = wrap_dim(dim, x.ndim, where)
    if isinstance(src, (bool, int, float, complex)):
        values = jnp.broadcast_to(number_for(src, x.dtype, where), at.shape)
    else:
        values = values_for(src, x, where, "src")
    if not at.size:
        return x
    if len({max(n, 1) for n in (x.ndim, at.ndim, values.ndim)}) > 1:
        raise ArgumentError(
            f"{where}Index tensor must have the same number of dimensions as self tensor and src, got "
            f"{listed(at.shape)}, {listed(x.shape)}, {listed(values.shape)}"
        )
    shape, flat = x.shape, [v if v.ndim else v.reshape(1) for v in (x, at, values)]
    x, at, values = flat
    for n in range(x.ndim):
        if (n != axis and at.shape[n] > x.shape[n]) or at.shape[n] > values.shape[n]:
            raise ArgumentError(
                f"{where}Expected index {listed(at.shape)} to be no larger than self {listed(x.shape)} apart from "
                "dimension "
                f"{axis} and to be no larger than src {listed(values.shape)}"
            )
    check_bounds(at, x.shape[axis], where, axis)
    values = values[tuple(slice(n) for n in at.shape)]
    places = places_along(at, axis)
    if reduce is None:
        return x.at[places].set(values).reshape(shape)
    return reduced_into(x, places, values, reduce, include_self).reshape(shape)


def _slices(
    input: ArrayLike, dim: int, index: ArrayLike, source: ArrayLike, where: str
) -> tuple[jax.Array, int, jax.Array, jax.Array]:
    x, at = to_array(input, "input", where), line_of(index, where)
    values = values_for(_an_array(source, "source", where), x, where, "source")
    axis = wrap_dim(dim, x.ndim, where)
    length = values.shape[axis] if values.ndim > axis else 1
    if at.size != length:
        raise ArgumentError(
            f"{where}Number of indices ({at.size}) should be equal to source.size(dim): ({length}), for dim: {dim}"
        )
    fitting = (*x.shape[:axis], at.size, *x.shape[axis + 1 :])
    if values.shape not in (fitting, () if at.size == 1 and x.ndim < 2 else fitting):
        raise ArgumentError(
            f"{where}Source/destination tensor must have same slice shapes. Destination shape: {listed(x.shape)} at "
            f"dimension {axis} and source shape: {listed(values.shape)}"
        )
    check_bounds(at, x.shape[axis] if x.ndim else 1, where, axis)
    return x, axis, at, values


def _as_lines(
    x: jax.Array, axis: int, at: jax.Array, values: jax.Array, reduce: str | None, include_self: bool
) -> jax.Array:
    shape = x.shape
    if not x.ndim:
        x, values = x.reshape(1), values.reshape(-1)
    values = values if values.ndim else values.reshape(1)
    if not values.size:
        return x.reshape(shape)
    if reduce is None:
        return x.at[(slice(None),) * axis + (at,)].set(values).reshape(shape)
    at = jax.lax.broadcast_in_dim(at, values.shape, (axis,))
    places = places_along(at, axis)
    return reduced_into(x, places, values, reduce, include_self).reshape(shape)
