"""Sums of squares that neither overflow nor vanish: where they would, the numbers are scaled first.

The square of a float32 beyond 1.8e19 overflows and that below 1e-19 loses its digits, though norms, standard deviations
and everything that is divided by them are ordinary numbers.  As J. L. Blue does (A Portable Fortran Program to Find the
Euclidean Norm of a Vector, 1978), squares are also summed of the numbers times a fixed power of two, and for each sum
the one that is in range is taken.  (The largest element, for a scale that fits, costs several times as much on the
CPU.)  There the other sums of a large array stand in a conditional, and are taken if one is needed.  Elsewhere that
would make the device wait for the host, and of small arrays it costs more to compile than the sums to run.

The sum is a primitive, so that its derivative keeps one of the three.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels.axes import at_front, others
from fnn.kernels.mesh import on_mesh
from fnn.kernels.portable import Own
from fnn.kernels.sums import SMALL, spread, total
from fnn.typing import DType

# Squares smaller than this are ordinary numbers beside an epsilon that is added to them, if that exceeds `_SMALL_EPS`.
_SMALL_EPS = 1e-20

# The scales of what is too large and too small, such that squares and the powers -1/2 and -3/2 of a mean of them, which
# derivatives take, stay in range, for the largest and the smallest normal number, too.
_SCALES = {np.dtype("float32"): (2.0**-95, 2.0**90), np.dtype("float64"): (2.0**-760, 2.0**740)}


def scaled_squares(
    x: jax.Array, axes: tuple[int, ...], mean: jax.Array | None = None, eps: float | jax.Array = 0.0
) -> tuple[jax.Array, jax.Array]:
    """The sum over ``axes`` of ``(s * (x - mean))**2``, and ``s``, which has no gradient.

    Args:
        x: real and of a full floating dtype.
        axes: what is summed over.
        mean: the mean of ``x`` over ``axes``, of the shape of the other ones; None subtracts nothing.
        eps: what will be added to the mean of squares; an ordinary number makes small squares negligible.

    Returns:
        The sum and the scale, of the shape of the other axes.  The scale is 1 unless the squares leave the range of
        the dtype.
    """
    axes = tuple(axes)
    operands = (x,) if mean is None else (x, mean)
    known = isinstance(eps, (int, float))
    low = not known or eps < _SMALL_EPS
    if on_mesh(x):
        result, scale = _scaled(*operands, axes=axes, low=low)
    else:
        result, scale = scaled_squares_p.bind(*operands, axes=axes, low=low)
    scale = lax.stop_gradient(scale)
    return (result, scale) if known else _unless_small(result, scale, eps)


def _unless_small(result: jax.Array, scale: jax.Array, eps: float | jax.Array) -> tuple[jax.Array, jax.Array]:
    """The sum and the scale with small squares left out where ``eps``, known at run time only, is far larger."""
    negligible = (scale > 1) & (eps >= _SMALL_EPS)
    return (
        lax.select(negligible, lax.full_like(result, 0), result),
        lax.select(negligible, lax.full_like(scale, 1), scale),
    )


def _centred(operands: tuple[jax.Array, ...], axes: tuple[int, ...]) -> jax.Array:
    x = operands[0]
    return x if len(operands) == 1 else x - spread(operands[1], x.shape, others(x.ndim, axes))


def _scaled(*operands: jax.Array, axes: tuple[int, ...], low: bool) -> tuple[jax.Array, jax.Array]:
    """Of the three sums, for each element of the result the one that is in range."""
    centred = _centred(operands, axes)
    return _chosen(total(centred * centred, axes), centred, axes, low)


def in_range(dtype: DType, eps: float) -> tuple[float, float]:
    """The smallest and the largest sum of squares that needs no scale if ``eps`` is added to its mean."""
    info = jnp.finfo(dtype)
    # So far below the largest number that powers of -2 stay in range.
    return float(info.tiny) / float(info.eps) if eps < _SMALL_EPS else 0.0, float(info.max) / 2**10


def shrinking(dtype: DType) -> float:
    """The scale of what is too large."""
    return _SCALES[np.dtype(dtype)][0]


def _outside(plain: jax.Array, low: bool) -> tuple[jax.Array, jax.Array | None]:
    """Which sums are too large, and (``low``) too small; NaN is too large, and stays NaN."""
    least, most = in_range(plain.dtype, 0.0)
    return ~(plain <= most), plain < least if low else None


def _chosen(plain: jax.Array, centred: jax.Array, axes: tuple[int, ...], low: bool) -> tuple[jax.Array, jax.Array]:
    down, up = _SCALES[centred.dtype]
    large, small = _outside(plain, low)
    result, scale = plain, lax.full_like(plain, 1)
    # No number is below it.  Without it XLA takes (c x)^2 of a scalar for c^2 x^2, in which c^2 is infinite or 0.
    least = lax.full_like(centred, float(jnp.finfo(centred.dtype).min))
    for outside, factor in ((small, up), (large, down)):
        if outside is not None:
            scaled = lax.max(centred * factor, least)
            result = lax.select(outside, total(scaled * scaled, axes), result)
            scale = lax.select(outside, lax.full_like(plain, factor), scale)
    return result, scale


def _scaled_if_needed(*operands: jax.Array, axes: tuple[int, ...], low: bool) -> tuple[jax.Array, jax.Array]:
    """The other sums only if one is out of range: of a large array a sum more is felt, of a small one a kernel more."""
    if operands[0].size < SMALL:
        return _scaled(*operands, axes=axes, low=low)
    centred = _centred(operands, axes)
    plain = total(centred * centred, axes)
    large, small = _outside(plain, low)
    outside = large if small is None else large | small
    return lax.cond(
        lax.reduce_or(outside, tuple(range(outside.ndim))),
        lambda plain, *operands: _chosen(plain, _centred(operands, axes), axes, low),
        lambda plain, *operands: (plain, lax.full_like(plain, 1)),
        plain,
        *operands,
    )


def _shapes(x: ShapedArray, *mean: ShapedArray, axes: tuple[int, ...], low: bool) -> list[ShapedArray]:
    del mean, low
    kept = x.update(shape=tuple(x.shape[i] for i in others(x.ndim, axes)), weak_type=False)
    return [kept, kept]


def _jvp(primals: tuple, tangents: tuple, *, axes: tuple[int, ...], low: bool) -> tuple[list, list]:
    """The sum does not change with the mean to first order: the differences from it add up to 0."""
    result, scale = scaled_squares_p.bind(*primals, axes=axes, low=low)
    none, change = lax.full_like(scale, 0), tangents[0]
    if isinstance(change, ad.Zero):
        return [result, scale], [none, none]
    centred = _centred(primals, axes)
    kept = others(centred.ndim, axes)
    # The two factors are scaled one by one: the square of the scale may be out of range.
    scaled = centred * spread(scale, centred.shape, kept)
    return [result, scale], [total(scaled * (change * spread(2 * scale, centred.shape, kept)), axes), none]


def _batched(args: tuple, dims: tuple, *, axes: tuple[int, ...], low: bool) -> tuple[list, tuple[int, int]]:
    return scaled_squares_p.bind(*at_front(args, dims), axes=tuple(i + 1 for i in axes), low=low), (0, 0)


scaled_squares_p = Own("fnn_scaled_squares")
scaled_squares_p.multiple_results = True
scaled_squares_p.formula = _scaled
scaled_squares_p.def_impl(jax.jit(scaled_squares_p.bind, static_argnames=("axes", "low")))
scaled_squares_p.def_abstract_eval(_shapes)
ad.primitive_jvps[scaled_squares_p] = _jvp
batching.primitive_batchers[scaled_squares_p] = _batched
mlir.register_lowering(scaled_squares_p, mlir.lower_fun(_scaled, multiple_results=True))
mlir.register_lowering(scaled_squares_p, mlir.lower_fun(_scaled_if_needed, multiple_results=True), platform="cpu")
