"""`segment_reduce`: reductions of the pieces into which a dimension falls, one after the other."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import listed, narrow, widen, wrap_dim
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._indices import index_array, number_for, places_along
from fnn.ops._operands import require_inexact
from fnn.tracing import concrete
from fnn.typing import ArrayLike, Scalar

__all__ = ["segment_reduce"]

_WHERE = "segment_reduce(): "
_KINDS = {"sum": "sum", "mean": "mean", "max": "max", "amax": "max", "min": "min", "amin": "min", "prod": "prod"}
_NEUTRAL = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -jnp.inf, "min": jnp.inf}


def segment_reduce(
    data: ArrayLike,
    reduce: str,
    *,
    lengths: ArrayLike | None = None,
    indices: None = None,
    offsets: ArrayLike | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Scalar | None = None,
) -> jax.Array:
    """Reduces the segments of a dimension, which lie one after the other, each to one element.

    A segment of length 0 is ``initial``, or else what the reduction begins with: 0, 1, an infinity; a mean is NaN.

    Args:
        data: floating, any shape but ().
        reduce: ``"sum"``, ``"mean"``, ``"max"``, ``"min"`` or ``"prod"``.
        lengths: integers, how long each segment is; its last dimension counts the segments of ``axis``, those before
            it are those of ``data``, whose rows so may fall into different segments.
        indices: None; PyTorch has no such reduction yet, either.
        offsets: instead of ``lengths`` where each segment begins, and at the end where the last one ends.
        axis: the last dimension of ``lengths`` or ``offsets``.
        unsafe: whether not to check that the lengths add up to the size; what lies behind all segments is left out
            then. Of lengths in a compiled program nobody can tell.
        initial: what each reduction begins with, also a mean: ``(initial + sum) / length``.

    Returns:
        As ``data``, with as many elements along ``axis`` as there are segments.

    Raises:
        ArgumentError: there are neither lengths nor offsets, or they do not fit ``data``.

    >>> segment_reduce(jnp.array([1.0, 2.0, 3.0]), "sum", lengths=jnp.array([2, 0, 1]))
    Array([3., 0., 3.], dtype=float32)
    """
    x = to_array(data, "data", _WHERE)
    require_inexact("segment_reduce", x, complex_too=False)
    if indices is not None:
        raise ArgumentError(f"{_WHERE}indices based reduction is not supported yet.")
    if reduce not in _KINDS:
        raise ArgumentError(f"{_WHERE}reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    axis = wrap_dim(axis, x.ndim, _WHERE)
    starts, sizes = _segments(x, lengths, offsets, axis, unsafe)
    kind = _KINDS[reduce]
    first = None if initial is None else widen(number_for(initial, x.dtype, _WHERE))
    return narrow(_reduced(widen(x), kind, starts, sizes, first), x)


def _segments(
    x: jax.Array, lengths: ArrayLike | None, offsets: ArrayLike | None, axis: int, unsafe: bool
) -> tuple[jax.Array, jax.Array]:
    """Where each segment begins, and its length."""
    name, given = ("lengths", lengths) if offsets is None else ("offsets", offsets)
    if given is None:
        raise ArgumentError(f"{_WHERE}Either lengths or offsets must be defined.")
    if isinstance(given, (list, tuple)):
        raise ArgumentTypeError(f"{_WHERE}argument '{name}' must be an array, not {type(given).__name__}")
    at = index_array(given, _WHERE, name)
    if at.ndim != axis + 1:
        raise ArgumentError(f"{_WHERE}Expected axis to be the last dimension of {name} but got {axis}.")
    if at.shape[:axis] != x.shape[:axis]:
        raise ArgumentError(
            f"{_WHERE}expected the dimensions of {name} before axis={axis} to be those of data, got "
            f"{name}.shape={listed(at.shape)} and data.shape={listed(x.shape)}"
        )
    if offsets is not None and not at.shape[-1]:
        raise ArgumentError(f"{_WHERE}expected offsets to hold at least where the first segment begins, got none")
    sizes = at if offsets is None else jnp.diff(at, axis=-1)
    starts = jnp.cumsum(at, axis=-1, dtype=at.dtype) - at if offsets is None else at[..., :-1]
    _check(concrete(at), x.shape[axis], name, unsafe)
    return starts, sizes


def _check(at: np.ndarray | None, size: int, name: str, unsafe: bool) -> None:
    """Whether the segments lie in a dimension of this size; of those of a compiled program nobody knows."""
    if at is None:
        return
    if name == "lengths":
        if (at < 0).any():
            raise ArgumentError(f"{_WHERE}lengths contains negative value! Got lengths={at.tolist()}")
        if not unsafe and (at.sum(-1) != size).any():
            raise ArgumentError(
                f"{_WHERE}Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe, "
                f"got lengths={at.tolist()} and a size of {size}"
            )
    elif (np.diff(at) < 0).any():
        raise ArgumentError(f"{_WHERE}expected offsets that do not decrease, got offsets={at.tolist()}")
    elif not unsafe and ((at[..., 0] < 0) | (at[..., -1] > size)).any():
        raise ArgumentError(f"{_WHERE}expected offsets from 0 to the size {size}, got offsets={at.tolist()}")


def _reduced(x: jax.Array, kind: str, starts: jax.Array, sizes: jax.Array, initial: jax.Array | None) -> jax.Array:
    axis, many = sizes.ndim - 1, sizes.shape[-1]
    begin = jnp.asarray(_NEUTRAL[kind], x.dtype) if initial is None else initial
    # What is in no segment goes to one more, which is cut off.
    segment = _numbered(starts, sizes, x.shape[axis])
    if kind == "prod":
        return begin * _products(x, segment, starts, sizes)
    places = _along(segment)
    room = jnp.full((*x.shape[:axis], many + 1, *x.shape[axis + 1 :]), begin)
    if kind in ("max", "min"):
        found = _extremes(room, places, x, kind == "max")
    else:
        found = room.at[places].add(x)
    found = lax.slice_in_dim(found, 0, many, axis=axis)
    if kind != "mean":
        return found
    counts = lax.expand_dims(sizes, range(sizes.ndim, x.ndim))
    empty = jnp.asarray(jnp.nan, x.dtype) if initial is None else begin
    return jnp.where(counts == 0, empty, found / jnp.maximum(counts, 1).astype(x.dtype))


def _numbered(starts: jax.Array, sizes: jax.Array, size: int) -> jax.Array:
    """In which segment each element is: as many have ended before it; the number of segments if it is in none."""
    many = sizes.shape[-1]
    if not many:
        return jnp.zeros((*sizes.shape[:-1], size), jnp.int32)
    ends = jnp.minimum(starts + sizes, size)
    ended = jnp.zeros((*sizes.shape[:-1], size + 1), jnp.int32).at[_along(ends)].add(1)
    segment = jnp.cumsum(ended, axis=-1)[..., :size]
    place = lax.broadcasted_iota(starts.dtype, segment.shape, segment.ndim - 1)
    return jnp.where(place < starts[..., :1], many, segment)


def _along(index: jax.Array) -> tuple[jax.Array, ...]:
    """Indices along the last dimension as indices of all dimensions."""
    return places_along(index, index.ndim - 1)


def _products(x: jax.Array, segment: jax.Array, starts: jax.Array, sizes: jax.Array) -> jax.Array:
    """The product of each segment: by a scan, so that the derivative divides by no factor."""
    axis, size = sizes.ndim - 1, x.shape[sizes.ndim - 1]
    if not size:
        return jnp.ones((*x.shape[:axis], sizes.shape[-1], *x.shape[axis + 1 :]), x.dtype)
    apart = lambda v: lax.expand_dims(v, range(v.ndim, x.ndim))  # noqa: E731
    before = jnp.concatenate([jnp.full_like(segment[..., :1], -1), segment[..., :-1]], -1)

    def joined(left: Any, right: Any) -> Any:
        begins = right[1]
        return jnp.where(begins, jnp.ones_like(left[0]), left[0]) * right[0], left[1] | begins

    begins = jnp.broadcast_to(apart(segment != before), x.shape)
    scanned, _ = lax.associative_scan(joined, (x, begins), axis=axis)
    last = jnp.clip(starts + sizes - 1, 0, size - 1)
    return jnp.where(apart(sizes == 0), jnp.ones((), x.dtype), scanned[_along(last)])


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def _extremes(room: jax.Array, places: tuple[jax.Array, ...], x: jax.Array, largest: bool) -> jax.Array:
    return room.at[places].max(x) if largest else room.at[places].min(x)


@_extremes.defjvp
def _extremes_jvp(largest: bool, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    # All elements that reach it have an equal part of it, and where it is NaN those that are; what it began with none.
    room, places, x = primals
    result = _extremes(room, places, x, largest)
    reached = ((x == result[places]) | jnp.isnan(x)).astype(x.dtype)
    count = jnp.zeros_like(room).at[places].add(reached)
    return result, jnp.zeros_like(room).at[places].add(tangents[2] * reached) / jnp.maximum(count, 1)
