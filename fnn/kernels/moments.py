"""Standardisation: the one computation that every normalisation layer makes.

Value and derivative are one primitive each.  The derivative of ``y = (x - mean) * rstd`` is the symmetric linear map
``t -> rstd * (t - mean(t) - y * mean(y * t))``, its own transpose: a backward pass keeps ``y`` and ``rstd`` alone, and
a trace has three operations where the formulas have thirty.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels.axes import at_front, others
from fnn.kernels.lines import lines
from fnn.kernels.mesh import on_mesh
from fnn.kernels.portable import Own
from fnn.kernels.squares import in_range, scaled_squares, shrinking
from fnn.kernels.sums import SMALL, spread, total


class Standardised(NamedTuple):
    """What has mean 0 and variance 1 over the reduced axes, and the moments it was made with, without gradients."""

    y: jax.Array  # the shape of the input
    mean: jax.Array  # the shape of the axes that were kept, as the next one
    var: jax.Array  # the biased variance


def standardise(x: jax.Array, axes: tuple[int, ...], eps: float) -> Standardised:
    """``(x - mean) / sqrt(var + eps)`` over ``axes``.

    The variance is the mean of squared deviations, since E[x^2] - E[x]^2 cancels where the mean is large.  Where it
    overflows it is infinite, but ``y`` is right.
    """
    axes = tuple(axes)
    if on_mesh(x) or not isinstance(eps, (int, float)):
        y, mean, var, _ = _standardised(x, axes=axes, eps=eps)
    else:
        y, mean, var, _ = standardise_p.bind(x, axes=axes, eps=float(eps))
    return Standardised(y, lax.stop_gradient(mean), lax.stop_gradient(var))


def change(t: jax.Array, y: jax.Array, rstd: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """What a change ``t`` of ``x`` does to ``y`` and ``rstd``."""
    return tuple(change_p.bind(t, y, rstd, axes=axes))


class Statistics(NamedTuple):
    """Of each reduced set; two factors of ``1 / sqrt(var + eps)``, whose product is subnormal where x is huge."""

    mean: jax.Array
    var: jax.Array
    scale: jax.Array
    rate: jax.Array


def statistics(x: jax.Array, axes: tuple[int, ...], eps: float | jax.Array) -> Statistics:
    """By the formulas."""
    mean = total(x, axes) / math.prod(x.shape[i] for i in axes)
    return Statistics(mean, *_variance(x, mean, axes, eps))


def statistics_in_one_pass(x: jax.Array, axes: tuple[int, ...], eps: float) -> Statistics:
    """The same with the variance from the sum of squares, wherever that loses no digits.

    XLA's CPU backend sums an array, or its squares, without writing anything, but writes the deviations out before it
    sums their squares.  Where the mean is at most twice the deviation, the difference of the moments is as good.
    """
    least, most = in_range(x.dtype, eps)
    if x.size < SMALL or least:
        return statistics(x, axes, eps)
    n = math.prod(x.shape[i] for i in axes)
    mean, raw = total(x, axes) / n, total(x * x, axes) / n
    var = raw - mean * mean
    tame = raw <= most / n
    kept = others(x.ndim, axes)

    def centred(scale: jax.Array | None) -> jax.Array:
        deviations = x - spread(mean, x.shape, kept)
        if scale is not None:
            deviations = deviations * spread(scale, x.shape, kept)
        return total(deviations * deviations, axes) / n

    def wild() -> tuple[jax.Array, jax.Array]:
        # Where squares leave the range, deviations other than 0 are at least an ulp of a number whose square does: they
        # may be scaled before they are known.
        scale = lax.select(tame, lax.full_like(raw, 1), lax.full_like(raw, shrinking(x.dtype)))
        return centred(scale), scale

    one, none = lax.full_like(var, 1), lax.full_like(var, 0, np.int32)
    case = lax.select(tame, lax.select(raw <= 5 * var, none, none + 1), none + 2)
    which = lax.reduce_max(case, tuple(range(case.ndim)))
    var, scale = lax.switch(which, [lambda: (var, one), lambda: (centred(None), one), wild])
    return Statistics(mean, var / scale / scale, scale, lax.rsqrt(var + eps * scale * scale))


def with_statistics(x: jax.Array, s: Statistics, axes: tuple[int, ...]) -> jax.Array:
    """``(x - mean) / sqrt(var + eps)``."""
    mean, scale, rate = (spread(v, x.shape, others(x.ndim, axes)) for v in (s.mean, s.scale, s.rate))
    return (x - mean) * scale * rate


def _standardised(x: jax.Array, *, axes: tuple[int, ...], eps: float | jax.Array) -> tuple[jax.Array, ...]:
    """The formula: ``y``, the mean, the variance and ``1 / sqrt(var + eps)``."""
    s = statistics(x, axes, eps)
    return with_statistics(x, s, axes), s.mean, s.var, s.scale * s.rate


def _standardised_cpu(x: jax.Array, *, axes: tuple[int, ...], eps: float) -> tuple[jax.Array, ...]:
    few = lines(x.shape, axes)
    flat = lax.reshape(x, few.shape)
    s = statistics_in_one_pass(flat, few.axes, eps)
    y = few.loop(lambda x, *s: with_statistics(x, Statistics(*s), few.axes), flat, *s)
    kept = tuple(x.shape[i] for i in others(x.ndim, axes))
    return lax.reshape(y, x.shape), *(lax.reshape(v, kept) for v in (s.mean, s.var, s.scale * s.rate))


def _variance(
    x: jax.Array, mean: jax.Array, axes: tuple[int, ...], eps: float | jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The variance, and two factors of ``1 / sqrt(var + eps)``, right where the variance overflows, too."""
    n = math.prod(x.shape[i] for i in axes)
    squares, scale = scaled_squares(x, axes, mean, eps)
    return squares / n / scale / scale, scale, lax.rsqrt(squares / n + eps * scale * scale)


def _shapes(x: ShapedArray, *, axes: tuple[int, ...], eps: float) -> list[ShapedArray]:
    del eps
    kept = x.update(shape=tuple(x.shape[i] for i in others(x.ndim, axes)), weak_type=False)
    return [x.update(weak_type=False), kept, kept, kept]


def _jvp(primals: tuple, tangents: tuple, *, axes: tuple[int, ...], eps: float) -> tuple[list, list]:
    y, mean, var, rstd = standardise_p.bind(*primals, axes=axes, eps=eps)
    none = ad.Zero(jax.typeof(mean))
    if isinstance(tangents[0], ad.Zero):
        return [y, mean, var, rstd], [ad.Zero(jax.typeof(y)), none, none, none]
    change, slope = change_p.bind(tangents[0], y, rstd, axes=axes)
    return [y, mean, var, rstd], [change, none, none, slope]


# -- the derivative: of y and of rstd ---------------------------------------------------------------------


def _change(t: jax.Array, y: jax.Array, rstd: jax.Array, *, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    means, slope = _change_means(t, y, rstd, axes=axes)
    return _changed(t, y, rstd, *means, axes=axes), slope


def _change_means(
    t: jax.Array, y: jax.Array, rstd: jax.Array, *, axes: tuple[int, ...]
) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    """The means of t and of y t, and what t does to ``rstd``."""
    n = math.prod(y.shape[i] for i in axes)
    along = total(y * t, axes) / n
    return (total(t, axes) / n, along), -rstd * rstd * along


def _changed(
    t: jax.Array, y: jax.Array, rstd: jax.Array, mean: jax.Array, along: jax.Array, *, axes: tuple[int, ...]
) -> jax.Array:
    mean, along, rstd = (spread(v, y.shape, others(y.ndim, axes)) for v in (mean, along, rstd))
    return rstd * (t - mean - y * along)


def _change_cpu(t: jax.Array, y: jax.Array, rstd: jax.Array, *, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    few = lines(y.shape, axes)
    t, y_, rstd_ = lax.reshape(t, few.shape), lax.reshape(y, few.shape), lax.reshape(rstd, few.kept)
    means, slope = _change_means(t, y_, rstd_, axes=few.axes)
    change = few.loop(functools.partial(_changed, axes=few.axes), t, y_, rstd_, *means)
    return lax.reshape(change, y.shape), lax.reshape(slope, rstd.shape)


def _change_shapes(t: ShapedArray, y: ShapedArray, rstd: ShapedArray, *, axes: tuple[int, ...]) -> list[ShapedArray]:
    del axes, t
    return [y.update(weak_type=False), rstd.update(weak_type=False)]


def _change_jvp(primals: tuple, tangents: tuple, *, axes: tuple[int, ...]) -> tuple[Any, Any]:
    t, y, rstd = primals
    out = change_p.bind(t, y, rstd, axes=axes)
    zeros = [isinstance(v, ad.Zero) for v in tangents]
    if zeros[1] and zeros[2]:
        return out, change_p.bind(tangents[0], y, rstd, axes=axes)
    given = [ad.instantiate_zeros(v) for v in tangents]
    return out, jax.jvp(lambda *a: _change(*a, axes=axes), primals, tuple(given))[1]


def _change_transposed(
    cotangents: Sequence[jax.Array | ad.Zero],
    t: ad.UndefinedPrimal,
    y: jax.Array,
    rstd: jax.Array,
    *,
    axes: tuple[int, ...],
) -> list[Any]:
    ct, ct_slope = cotangents
    parts = []
    if not isinstance(ct, ad.Zero):
        parts.append(change_p.bind(ct, y, rstd, axes=axes)[0])
    if not isinstance(ct_slope, ad.Zero):
        n = math.prod(y.shape[i] for i in axes)
        parts.append(y * spread(-rstd * rstd * ct_slope / n, y.shape, others(y.ndim, axes)))
    return [sum(parts[1:], parts[0]) if parts else ad.Zero(t.aval), None, None]


# -- under vmap ---------------------------------------------------------------------------------------------


def _batched(args: tuple, dims: tuple, *, axes: tuple[int, ...], eps: float) -> tuple[list, tuple[int, ...]]:
    return standardise_p.bind(*at_front(args, dims), axes=tuple(i + 1 for i in axes), eps=eps), (0, 0, 0, 0)


def _change_batched(args: tuple, dims: tuple, *, axes: tuple[int, ...]) -> tuple[list, tuple[int, ...]]:
    return change_p.bind(*at_front(args, dims), axes=tuple(i + 1 for i in axes)), (0, 0)


standardise_p, change_p = Own("fnn_standardise"), Own("fnn_standardise_change")
for primitive, formula, static in ((standardise_p, _standardised, ("axes", "eps")), (change_p, _change, ("axes",))):
    primitive.multiple_results = True
    primitive.formula = formula
    primitive.def_impl(jax.jit(primitive.bind, static_argnames=static))
    mlir.register_lowering(primitive, mlir.lower_fun(formula, multiple_results=True))
mlir.register_lowering(standardise_p, mlir.lower_fun(_standardised_cpu, multiple_results=True), platform="cpu")
mlir.register_lowering(change_p, mlir.lower_fun(_change_cpu, multiple_results=True), platform="cpu")
standardise_p.def_abstract_eval(_shapes)
change_p.def_abstract_eval(_change_shapes)
ad.primitive_jvps[standardise_p], ad.primitive_jvps[change_p] = _jvp, _change_jvp
ad.primitive_transposes[change_p] = _change_transposed
batching.primitive_batchers[standardise_p], batching.primitive_batchers[change_p] = _batched, _change_batched
