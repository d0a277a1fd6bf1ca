"""Windows that lie side by side as tiles; the first of the largest elements of a tile, found by two reductions.

For windows that neither overlap nor leave the input: a running maximum keeps a selection a step for its backward
pass, of which long windows have many; here the backward pass is one comparison, whatever the length.
"""

import functools
from typing import Any

import jax
import numpy as np
from jax import lax

from fnn import dtypes
from fnn.kernels.axes import others
from fnn.kernels.mesh import select

LONG = 4  # elements of a window, from which reductions are faster than folds (python benchmarks/kernels.py tiles)


def fit(size: int, kernel: int, stride: int, padding: int, dilation: int, out: int) -> bool:
    """Whether windows on ``size`` elements are such tiles, long enough to be worth a reduction."""
    apart = (stride == kernel or out == 1) and padding == 0 and dilation == 1
    return apart and kernel >= LONG and out * kernel <= size


def split(x: jax.Array, axis: int, kernel: int, out: int) -> jax.Array:
    """(..., S, ...) to (..., out, kernel, ...), without what follows the last tile."""
    shape = (*x.shape[:axis], out, kernel, *x.shape[axis + 1 :])
    return lax.reshape(lax.slice_in_dim(x, 0, out * kernel, axis=axis), shape)


def largest(
    x: jax.Array, axis: int, position: jax.Array | None, kernel: int, out: int
) -> tuple[jax.Array, jax.Array | None]:
    """The largest element of each of ``out`` neighbouring tiles of ``kernel`` elements, as `windows.largest`."""
    axis %= x.ndim
    x = split(x, axis, kernel, out)
    best = _largest(x, axis + 1) if dtypes.is_floating(x) else lax.reduce_max(x, (axis + 1,))
    if position is None:
        return best, None
    chosen = _chosen(x, axis + 1)
    least = lax.full_like(chosen, np.iinfo(position.dtype).min, position.dtype)
    taken = select(chosen, split(position, axis, kernel, out), least)
    return best, lax.reduce_max(taken, (axis + 1,))


def _chosen(x: jax.Array, axis: int) -> jax.Array:
    """Where the element stands that wins its row along ``axis``: the last NaN, or else the first maximum."""
    x, size = lax.stop_gradient(x), x.shape[axis]
    small: Any = np.int16 if 2 * size < np.iinfo(np.int16).max else np.int32
    place = lax.broadcasted_iota(small, x.shape, axis)
    highest = _along(lax.reduce_max(x, (axis,)), x.shape, axis)
    full = functools.partial(lax.full_like, x, dtype=small)
    score = lax.select(lax.eq(x, highest), lax.sub(full(size - 1), place), full(-1))
    if dtypes.is_floating(x):
        score = lax.select(lax.ne(x, x), lax.add(full(size), place), score)
    return lax.eq(score, _along(lax.reduce_max(score, (axis,)), x.shape, axis))


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _largest(x: jax.Array, axis: int) -> jax.Array:
    return lax.reduce_max(x, (axis,))


@_largest.defjvp
def _largest_jvp(axis: int, primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (t,) = primals, tangents
    tangent = lax.reduce_sum(lax.select(_chosen(x, axis), t, lax.full_like(t, 0)), (axis,))
    return _largest(x, axis), tangent


def _along(values: jax.Array, shape: tuple[int, ...], axis: int) -> jax.Array:
    return lax.broadcast_in_dim(values, shape, others(len(shape), (axis,)))
