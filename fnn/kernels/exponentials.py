"""Softmax and its logarithm: exponentials of the distances from the largest element, and their sums.

XLA's CPU backend writes exponentials out before it adds them up.  Where the axis is neither long nor the last one, the
sum is one elementwise loop over its slices, which writes nothing but the results.

The derivative of ``y = softmax(x)`` is the symmetric linear map ``t -> y * (t - sum(y * t))``, so a backward pass keeps
``y`` alone.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
from jax import lax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels import apart
from fnn.kernels.axes import others
from fnn.kernels.mesh import on_mesh
from fnn.kernels.portable import Own
from fnn.kernels.sums import SMALL, spread, total

FEW = 32  # slices: more compile slowly
LONG = 64  # elements of a slice that are worth a loop


def log_softmax(x: jax.Array, axis: int) -> jax.Array:
    """``x - log(sum(exp(x)))`` over ``axis``, of a full floating dtype and at least one dimension."""
    kept = others(x.ndim, (axis,))
    highest, sums = exponentials(x, axis)
    return x - spread(highest, x.shape, kept) - spread(lax.log(sums), x.shape, kept)


def softmax(x: jax.Array, axis: int) -> jax.Array:
    """``exp(x) / sum(exp(x))`` over ``axis``, of a full floating dtype and at least one dimension."""
    return _softmax(x, axis=axis) if on_mesh(x) else softmax_p.bind(x, axis=axis)


def _softmax(x: jax.Array, *, axis: int) -> jax.Array:
    highest, sums = exponentials(x, axis)
    return _exponential(x, highest, axis) / spread(sums, x.shape, others(x.ndim, (axis,)))


def _softmax_jvp(primals: tuple, tangents: tuple, *, axis: int) -> tuple[jax.Array, Any]:
    y, t = softmax_p.bind(*primals, axis=axis), tangents[0]
    if isinstance(t, ad.Zero):
        return y, t
    return y, y * (t - spread(total(y * t, (axis,)), y.shape, others(y.ndim, (axis,))))


def exponentials(x: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """The largest elements m of a floating ``x`` over ``axis``, without gradient, and the sums of ``exp(x - m)``."""
    if on_mesh(x):
        return _exponentials(lax.stop_gradient(x), axis=axis)[0], _exponentials(x, axis=axis)[1]
    highest, sums = exponentials_p.bind(x, axis=axis)
    return lax.stop_gradient(highest), sums


def _exponentials(x: jax.Array, *, axis: int) -> tuple[jax.Array, jax.Array]:
    highest = lax.reduce_max(x, (axis,))
    return highest, total(_exponential(x, lax.stop_gradient(highest), axis), (axis,))


def _exponential(x: jax.Array, highest: jax.Array, axis: int) -> jax.Array:
    return lax.exp(x - spread(highest, x.shape, others(x.ndim, (axis,))))


def _exponentials_cpu(x: jax.Array, *, axis: int) -> tuple[jax.Array, jax.Array]:
    before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    if x.size < SMALL or size > FEW or math.prod(after) < LONG:
        return _exponentials(x, axis=axis)

    def run(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        slices = [lax.index_in_dim(x, i, 1, keepdims=False) for i in range(size)]
        highest = functools.reduce(lax.max, slices)
        return highest, functools.reduce(lax.add, [lax.exp(one - highest) for one in slices])

    highest, sums = apart.call(run, lax.reshape(x, (math.prod(before), size, math.prod(after))))
    return lax.reshape(highest, (*before, *after)), lax.reshape(sums, (*before, *after))


def _shapes(x: ShapedArray, *, axis: int) -> list[ShapedArray]:
    kept = x.update(shape=tuple(x.shape[i] for i in others(x.ndim, (axis,))), weak_type=False)
    return [kept, kept]


def _jvp(primals: tuple, tangents: tuple, *, axis: int) -> tuple[list, list]:
    highest, sums = exponentials_p.bind(*primals, axis=axis)
    none = ad.Zero(jax.typeof(highest))
    if isinstance(tangents[0], ad.Zero):
        return [highest, sums], [none, none]
    change = total(_exponential(primals[0], highest, axis) * tangents[0], (axis,))
    return [highest, sums], [none, change]


def _in_front(args: tuple, dims: tuple) -> jax.Array:
    return lax.transpose(args[0], (dims[0], *others(args[0].ndim, dims)))


exponentials_p, softmax_p = Own("fnn_exponentials"), Own("fnn_softmax")
exponentials_p.multiple_results = True
exponentials_p.formula, softmax_p.formula = _exponentials, _softmax
for primitive in (exponentials_p, softmax_p):
    primitive.def_impl(jax.jit(primitive.bind, static_argnames="axis"))
exponentials_p.def_abstract_eval(_shapes)
softmax_p.def_abstract_eval(lambda x, *, axis: x.update(weak_type=False))
ad.primitive_jvps[exponentials_p], ad.primitive_jvps[softmax_p] = _jvp, _softmax_jvp
batching.primitive_batchers[exponentials_p] = lambda args, dims, *, axis: (
    exponentials_p.bind(_in_front(args, dims), axis=axis + 1),
    (0, 0),
)
batching.primitive_batchers[softmax_p] = lambda args, dims, *, axis: (
    softmax_p.bind(_in_front(args, dims), axis=axis + 1),
    0,
)
mlir.register_lowering(exponentials_p, mlir.lower_fun(_exponentials, multiple_results=True))
mlir.register_lowering(exponentials_p, mlir.lower_fun(_exponentials_cpu, multiple_results=True), platform="cpu")
mlir.register_lowering(softmax_p, mlir.lower_fun(_softmax, multiple_results=False))
