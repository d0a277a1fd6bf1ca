"""Sums of squares that neither overflow nor vanish: where they would, the numbers are scaled first.

The square of a float32 beyond 1.8e19 overflows and that below 1e-19 loses its digits, though norms, standard deviations
and everything that is divided by them are ordinary numbers.  As J. L. Blue does (A Portable Fortran Program to Find the
Euclidean Norm of a Vector, 1978), squares are also summed of the numbers times a fixed power of two, and for each sum
the one that is in range is taken.  Each is a sum of its own: on the CPU the largest element, for a scale that fits,
costs several times as much, and a conditional around it keeps XLA from fusing what stands before and after.

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
from fnn.kernels.sums import spread, total
from fnn.tracing import Primitive

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
    centred = _centred(operands, axes)
    info = jnp.finfo(centred.dtype)
    down, up = _SCALES[centred.dtype]

    def squares(factor: float) -> jax.Array:
        scaled = centred if factor == 1 else centred * factor
        return total(scaled * scaled, axes)

    result = plain = squares(1)
    scale = lax.full_like(plain, 1)
    if low:
        vanish = plain < float(info.tiny) / float(info.eps)
        result, scale = lax.select(vanish, squares(up), result), lax.select(vanish, lax.full_like(plain, up), scale)
    overflow = ~(plain <= float(info.max) / 2**10)  # so far below that powers of -2 stay in range; NaN stays NaN
    result = lax.select(overflow, squares(down), result)
    return result, lax.select(overflow, lax.full_like(plain, down), scale)


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


scaled_squares_p = Primitive("fnn_scaled_squares")
scaled_squares_p.multiple_results = True
scaled_squares_p.def_impl(jax.jit(scaled_squares_p.bind, static_argnames=("axes", "low")))
scaled_squares_p.def_abstract_eval(_shapes)
ad.primitive_jvps[scaled_squares_p] = _jvp
batching.primitive_batchers[scaled_squares_p] = _batched
mlir.register_lowering(scaled_squares_p, mlir.lower_fun(_scaled, multiple_results=True))
