"""Folds over sliding windows, along one axis: the largest element of each, and the sum.

A fold over a box-shaped window is done one axis after the other, in a number of steps that grows with the
logarithm of the window's length.  Each step is elementwise on strided slices, which XLA fuses; on a CPU it is
several times faster than ``lax.reduce_window``, and its backward pass 6 to 20 times faster than
``select_and_scatter``.  It is differentiable any number of times in both modes.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import dtypes
from fnn.kernels import tiles
from fnn.kernels.mesh import select
from fnn.typing import DType, Scalar


def largest(
    x: jax.Array, axis: int, position: jax.Array | None, kernel: int, stride: int, padding: int, dilation: int, out: int
) -> tuple[jax.Array, jax.Array | None]:
    """The first of the largest elements of each window along ``axis``, NaN counting as larger than all.

    Args:
        x: the values.
        axis: the axis that the windows slide along.
        position: integers of the shape of ``x`` that are carried along with the values, or None.
        kernel: the window's length; then its ``stride``, ``padding`` and ``dilation``, and the number of windows.
        stride: see ``kernel``.
        padding: see ``kernel``.
        dilation: see ``kernel``.
        out: see ``kernel``.
    """
    size = x.shape[axis]
    if tiles.fit(size, kernel, stride, padding, dilation, out):
        return tiles.largest(x, axis, position, kernel, out)
    span = (out - 1) * stride + (kernel - 1) * dilation + 1
    x = _pad(x, axis, padding, max(0, span - padding - size), lowest(x.dtype))
    real = np.zeros(x.shape[axis], bool)
    real[padding : padding + size] = True
    if position is not None:
        position = _pad(position, axis, padding, x.shape[axis] - padding - size, 0)
    steps = [(j * dilation) for j in range(kernel)]
    if kernel > 3:  # double the length of the windows at every position, then let two of them cover each
        length = 1
        while 2 * length < kernel:
            count = x.shape[axis] - length * dilation
            x, position, real = _fold(x, axis, position, real, [0, length * dilation], 1, count)
            length *= 2
        steps = [0, (kernel - length) * dilation]
    x, position, _ = _fold(x, axis, position, real, steps, stride, out)
    return x, position


def total(x: jax.Array, axis: int, kernel: int, stride: int, padding: int, out: int) -> jax.Array:
    """The sum of each window along ``axis``, with zeros for padding; see `largest` for the arguments."""
    if tiles.fit(x.shape[axis], kernel, stride, padding, 1, out):
        return lax.reduce_sum(tiles.split(x, axis, kernel, out), (axis + 1,))
    span = (out - 1) * stride + kernel
    x = _pad(x, axis, padding, max(0, span - padding - x.shape[axis]), 0)
    pieces, offset, length = [], 0, 1
    while True:  # the binary digits of `kernel` are the lengths of the pieces that make up the window
        if kernel & length:
            pieces.append(lax.slice_in_dim(x, offset, offset + (out - 1) * stride + 1, stride, axis))
            offset += length
        if offset == kernel:
            return functools.reduce(lax.add, pieces)
        count = x.shape[axis] - length
        x = lax.add(lax.slice_in_dim(x, 0, count, 1, axis), lax.slice_in_dim(x, length, length + count, 1, axis))
        length *= 2


def pick(a: jax.Array, b: jax.Array, otherwise: jax.Array | None = None) -> jax.Array:
    """Where ``b`` replaces ``a`` in a running maximum: it is larger or NaN (or ``otherwise``)."""
    better = lax.gt(b, a)
    if dtypes.is_floating(b):
        better = lax.bitwise_or(better, lax.ne(b, b))
    return better if otherwise is None else lax.bitwise_or(better, otherwise)


def lowest(dtype: DType) -> Any:
    """The number that loses against all others of this dtype."""
    return np.array(-np.inf if jnp.issubdtype(dtype, jnp.floating) else np.iinfo(dtype).min, dtype)[()]


def flat_positions(sizes: tuple[int, ...], ndim: int) -> np.ndarray:
    """The index of every element in its flattened plane, with ones for the leading axes."""
    flat = np.arange(int(np.prod(sizes)), dtype=dtypes.index_dtype())
    return flat.reshape((1,) * (ndim - len(sizes)) + sizes)


def _fold(
    x: jax.Array, axis: int, position: jax.Array | None, real: np.ndarray, steps: list[int], stride: int, count: int
) -> tuple[jax.Array, jax.Array | None, np.ndarray]:
    def at(values: jax.Array, start: int) -> jax.Array:
        return lax.slice_in_dim(values, start, start + (count - 1) * stride + 1, stride, axis)

    def real_at(start: int) -> np.ndarray:
        return real[start : start + (count - 1) * stride + 1 : stride]

    best, is_real = at(x, steps[0]), real_at(steps[0])
    where = None if position is None else at(position, steps[0])
    for start in steps[1:]:
        value, here = at(x, start), real_at(start)
        # Padding never wins: a window of nothing but -inf still belongs to its first real element.
        first_real = here & ~is_real
        over = lax.broadcast_in_dim(first_real, best.shape, (axis,)) if first_real.any() else None
        better = pick(best, value, over)
        best, is_real = lax.select(better, value, best), is_real | here
        if position is not None and where is not None:
            where = select(better, at(position, start), where)
    return best, where, is_real


def _pad(x: jax.Array, axis: int, low: int, high: int, value: Scalar) -> jax.Array:
    if not (low or high):
        return x
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (low, high, 0)
    return lax.pad(x, np.array(value, x.dtype)[()], config)
