"""Normalisation with a weight and a bias, whose gradients come from one set of sums.

The derivative of ``standardise(x) * w + b`` is the linear map ``change(dx) * w + y * dw + db`` (see `moments`).
Its transpose takes a cotangent t to those of x, w and b::

    db = sum(t),  dw = sum(t * y),  dx = rstd * (t * w - mean(t * w) - y * mean(t * w * y))

where all four sums follow from ``t`` and ``t * y``, summed first over the axes along which ``w`` is constant.  The two
maps are primitives and each other's transposes, so that this holds for every derivative.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
from jax import lax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels.axes import at_front, others
from fnn.kernels.lines import lines
from fnn.kernels.mesh import on_mesh
from fnn.kernels.moments import (
    Standardised,
    Statistics,
    change,
    standardise,
    statistics,
    statistics_in_one_pass,
    with_statistics,
)
from fnn.kernels.portable import Own
from fnn.kernels.sums import SMALL, spread, total

Axes = tuple[int, ...]


def normalise(
    x: jax.Array, axes: Axes, eps: float, weight: jax.Array | None, bias: jax.Array | None, along: Axes
) -> Standardised:
    """``standardise(x, axes, eps)``, times ``weight`` and plus ``bias``, whose axes are the ``along`` of ``x``."""
    if weight is None or on_mesh(x) or on_mesh(weight) or not isinstance(eps, (int, float)):
        result = standardise(x, axes, eps)
        return result._replace(y=scaled(result.y, weight, bias, along))
    given = (x, weight) if bias is None else (x, weight, bias)
    y, _, mean, var, _ = normalise_p.bind(*given, axes=tuple(axes), eps=float(eps), along=tuple(along))
    return Standardised(y, lax.stop_gradient(mean), lax.stop_gradient(var))


def scaled(y: jax.Array, weight: jax.Array | None, bias: jax.Array | None, along: Axes) -> jax.Array:
    """``y * weight + bias``, each of which may be None."""
    if weight is not None:
        y = y * spread(weight, y.shape, along)
    return y if bias is None else y + spread(bias, y.shape, along)


def _normalised(
    x: jax.Array, weight: jax.Array, *bias: jax.Array, axes: Axes, eps: float, along: Axes
) -> tuple[jax.Array, ...]:
    s = statistics(x, axes, eps)
    y = with_statistics(x, s, axes)
    return scaled(y, weight, bias[0] if bias else None, along), y, s.mean, s.var, s.scale * s.rate


def _normalised_cpu(
    x: jax.Array, weight: jax.Array, *bias: jax.Array, axes: Axes, eps: float, along: Axes
) -> tuple[jax.Array, ...]:
    few = lines(x.shape, axes, along)
    flat, *affine = lax.reshape(x, few.shape), *(lax.reshape(p, few.fine) for p in (weight, *bias))
    s = statistics_in_one_pass(flat, few.axes, eps)

    def finish(x: jax.Array, *rest: jax.Array) -> jax.Array:
        y, affine = with_statistics(x, Statistics(*rest[:4]), few.axes), rest[4:]
        return scaled(y, affine[0], affine[1] if affine[1:] else None, few.along) if affine else y

    whole = (lax.reshape(few.loop(finish, flat, *s, *last), x.shape) for last in (affine, ()))  # the two separately:
    kept = tuple(x.shape[i] for i in others(x.ndim, axes))  # without a derivative the second is not made
    return *whole, *(lax.reshape(v, kept) for v in (s.mean, s.var, s.scale * s.rate))


def _shapes(
    x: ShapedArray, weight: ShapedArray, *bias: ShapedArray, axes: Axes, eps: float, along: Axes
) -> list[ShapedArray]:
    del weight, bias, eps, along
    whole = x.update(weak_type=False)
    kept = x.update(shape=tuple(x.shape[i] for i in others(x.ndim, axes)), weak_type=False)
    return [whole, whole, kept, kept, kept]


def _jvp(primals: tuple, tangents: tuple, *, axes: Axes, eps: float, along: Axes) -> tuple[list, list]:
    out, y, mean, var, rstd = normalise_p.bind(*primals, axes=axes, eps=eps, along=along)
    given = [ad.instantiate_zeros(t) for t in tangents]
    dx, dw = given[:2]
    db = given[2] if len(given) > 2 else lax.full_like(primals[1], 0)
    d_out = tangent_p.bind(dx, dw, db, y, rstd, primals[1], axes=axes, along=along)
    none = ad.Zero(jax.typeof(mean))
    if isinstance(tangents[0], ad.Zero):
        return [out, y, mean, var, rstd], [d_out, ad.Zero(jax.typeof(y)), none, none, none]
    dy, slope = change(dx, y, rstd, axes)
    return [out, y, mean, var, rstd], [d_out, dy, none, none, slope]


# -- the derivative and its transpose --------------------------------------------------------------------


def _tangent(
    dx: jax.Array, dw: jax.Array, db: jax.Array, y: jax.Array, rstd: jax.Array, w: jax.Array, *, axes: Axes, along: Axes
) -> jax.Array:
    def whole(v: jax.Array) -> jax.Array:
        return spread(v, y.shape, along)

    return change(dx, y, rstd, axes)[0] * whole(w) + y * whole(dw) + whole(db)


def _cotangents(
    t: jax.Array, y: jax.Array, rstd: jax.Array, w: jax.Array, *, axes: Axes, along: Axes
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Of x, the weight and the bias."""
    mean, mean_y, dw, db = _sums(t, y, w, axes=axes, along=along)
    return _cotangent(t, y, rstd, w, mean, mean_y, axes=axes, along=along), dw, db


def _cotangents_cpu(
    t: jax.Array, y: jax.Array, rstd: jax.Array, w: jax.Array, *, axes: Axes, along: Axes
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """In few axes: beside those of one element XLA's CPU backend takes five times as long."""
    few = lines(y.shape, axes, along)

    t, y_ = lax.reshape(t, few.shape), lax.reshape(y, few.shape)
    rstd, w_ = lax.reshape(rstd, few.kept), lax.reshape(w, few.fine)
    sums = functools.partial(_sums, axes=few.axes, along=few.along, cpu=True)
    # Where the weight is constant along no axis of them, whole products are added up, and had better be flat, too.
    inside = few.loop if all(i in few.along for i in few.axes) else lambda function, *operands: function(*operands)
    mean, mean_y, dw, db = inside(sums, t, y_, w_)
    finish = functools.partial(_cotangent, axes=few.axes, along=few.along)
    dx = few.loop(finish, t, y_, rstd, w_, mean, mean_y)
    return lax.reshape(dx, y.shape), lax.reshape(dw, w.shape), lax.reshape(db, w.shape)


def _sums(
    t: jax.Array, y: jax.Array, w: jax.Array, *, axes: Axes, along: Axes, cpu: bool = False
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """The means of t w and t w y over ``axes``, and the cotangents of the weight and the bias."""
    n = math.prod(y.shape[i] for i in axes)
    constant = tuple(i for i in axes if i not in along)  # along which the weight is
    fine = others(y.ndim, constant)  # the axes of the partial sums
    product = t * y
    partial = [total(v, constant) if constant else v for v in (t, product)]
    across = tuple(k for k, i in enumerate(fine) if i not in along)
    db, dw = (total(v, across) if across else v for v in partial)
    last = y.ndim - 1
    if cpu and not constant and axes == along == (last,) and y.size >= SMALL:
        # A product with a vector reads each of them once; XLA would write the products with the weight out.  Of small
        # arrays it costs more to compile (3 ms each) than it saves.
        numbers = (((last,), (0,)), ((), ()))
        sums = [lax.dot_general(v, w, numbers, precision=lax.Precision.HIGHEST) for v in partial]
    else:
        inner = tuple(k for k, i in enumerate(fine) if i in axes)
        weighed = [v * spread(w, v.shape, tuple(fine.index(i) for i in along)) for v in partial]
        sums = [total(v, inner) if inner else v for v in weighed]
    return sums[0] / n, sums[1] / n, dw, db


def _cotangent(
    t: jax.Array,
    y: jax.Array,
    rstd: jax.Array,
    w: jax.Array,
    mean: jax.Array,
    mean_y: jax.Array,
    *,
    axes: Axes,
    along: Axes,
) -> jax.Array:
    """Of x, with the means over ``axes`` of t w and t w y."""
    rstd, mean, mean_y = (spread(v, y.shape, others(y.ndim, axes)) for v in (rstd, mean, mean_y))
    return rstd * (t * spread(w, y.shape, along) - mean - y * mean_y)


def _like_y(*args: ShapedArray, axes: Axes, along: Axes) -> ShapedArray:
    del axes, along
    return args[3].update(weak_type=False)


def _like_all(t: ShapedArray, y: ShapedArray, rstd: ShapedArray, w: ShapedArray, *, axes: Axes, along: Axes) -> list:
    del t, rstd, axes, along
    return [v.update(weak_type=False) for v in (y, w, w)]


def _tangent_jvp(primals: tuple, tangents: tuple, *, axes: Axes, along: Axes) -> tuple[Any, Any]:
    out = tangent_p.bind(*primals, axes=axes, along=along)
    given = [ad.instantiate_zeros(t) for t in tangents]
    if all(isinstance(t, ad.Zero) for t in tangents[3:]):
        return out, tangent_p.bind(*given[:3], *primals[3:], axes=axes, along=along)
    return out, jax.jvp(lambda *a: _tangent(*a, axes=axes, along=along), primals, tuple(given))[1]


def _tangent_transposed(ct: Any, *args: Any, axes: Axes, along: Axes) -> list[Any]:
    found = cotangents_p.bind(ct, *args[3:], axes=axes, along=along)
    linear = [v if ad.is_undefined_primal(a) else None for v, a in zip(found, args[:3], strict=True)]
    return [*linear, None, None, None]


def _cotangents_jvp(primals: tuple, tangents: tuple, *, axes: Axes, along: Axes) -> tuple[Any, Any]:
    out = cotangents_p.bind(*primals, axes=axes, along=along)
    given = [ad.instantiate_zeros(t) for t in tangents]
    if all(isinstance(t, ad.Zero) for t in tangents[1:]):
        return out, cotangents_p.bind(given[0], *primals[1:], axes=axes, along=along)
    return out, list(jax.jvp(lambda *a: _cotangents(*a, axes=axes, along=along), primals, tuple(given))[1])


def _cotangents_transposed(cts: Sequence[Any], *args: Any, axes: Axes, along: Axes) -> list[Any]:
    given = [ad.instantiate_zeros(ct) for ct in cts]
    return [tangent_p.bind(*given, *args[1:], axes=axes, along=along), None, None, None]


def _shifted(axes: Axes) -> Axes:
    return tuple(i + 1 for i in axes)


def _batched(args: tuple, batched: tuple, *, axes: Axes, eps: float, along: Axes) -> tuple[Any, Any]:
    out = normalise_p.bind(*at_front(args, batched), axes=_shifted(axes), eps=eps, along=(0, *_shifted(along)))
    return out, (0,) * 5


def _tangent_batched(args: tuple, batched: tuple, *, axes: Axes, along: Axes) -> tuple[Any, Any]:
    return tangent_p.bind(*at_front(args, batched), axes=_shifted(axes), along=(0, *_shifted(along))), 0


def _cotangents_batched(args: tuple, batched: tuple, *, axes: Axes, along: Axes) -> tuple[Any, Any]:
    return cotangents_p.bind(*at_front(args, batched), axes=_shifted(axes), along=(0, *_shifted(along))), (0, 0, 0)


normalise_p, tangent_p = Own("fnn_normalise"), Own("fnn_normalise_tangent")
cotangents_p = Own("fnn_normalise_cotangents")
normalise_p.multiple_results = cotangents_p.multiple_results = True
normalise_p.formula, tangent_p.formula, cotangents_p.formula = _normalised, _tangent, _cotangents
normalise_p.def_impl(jax.jit(normalise_p.bind, static_argnames=("axes", "eps", "along")))
for primitive in (tangent_p, cotangents_p):
    primitive.def_impl(jax.jit(primitive.bind, static_argnames=("axes", "along")))
normalise_p.def_abstract_eval(_shapes)
tangent_p.def_abstract_eval(_like_y)
cotangents_p.def_abstract_eval(_like_all)

mlir.register_lowering(normalise_p, mlir.lower_fun(_normalised, multiple_results=True))
mlir.register_lowering(normalise_p, mlir.lower_fun(_normalised_cpu, multiple_results=True), platform="cpu")
mlir.register_lowering(tangent_p, mlir.lower_fun(_tangent, multiple_results=False))
mlir.register_lowering(cotangents_p, mlir.lower_fun(_cotangents, multiple_results=True))
mlir.register_lowering(cotangents_p, mlir.lower_fun(_cotangents_cpu, multiple_results=True), platform="cpu")
for primitive, jvp, batched in (
    (normalise_p, _jvp, _batched),
    (tangent_p, _tangent_jvp, _tangent_batched),
    (cotangents_p, _cotangents_jvp, _cotangents_batched),
):
    ad.primitive_jvps[primitive] = jvp
    batching.primitive_batchers[primitive] = batched
ad.primitive_transposes[tangent_p] = _tangent_transposed
ad.primitive_transposes[cotangents_p] = _cotangents_transposed
