"""Sums over axes and their transposes, broadcasts, as a pair of linear primitives.

What follows a sum is usually a broadcast back (``x - mean(x)``).  XLA's CPU compiler takes all of that into the
kernel of the sum, which then writes the broadcast out, and every product with it: two to three times the traffic
of the sum and one loop.  There the sum ends in a selection that changes nothing and stops it; because the transpose
of a broadcast is a sum again, this holds for every derivative.  On a mesh of devices JAX's own operations are used,
which know how their results are split.
"""

from __future__ import annotations

import jax
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels.axes import others
from fnn.kernels.mesh import on_mesh
from fnn.kernels.portable import Own

# Arrays of fewer elements stay in the first cache, and a kernel more costs more than the traffic
# (python benchmarks/kernels.py sums).
SMALL = 1 << 12


def total(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """The sum of a floating ``x`` over ``axes``."""
    return _total(x, axes=tuple(axes)) if on_mesh(x) else total_p.bind(x, axes=tuple(axes))


def spread(x: jax.Array, shape: tuple[int, ...], dims: tuple[int, ...]) -> jax.Array:
    """A floating ``x``, whose axes are the ``dims`` of ``shape``, broadcast to ``shape``."""
    bind = _spread if on_mesh(x) else spread_p.bind
    return bind(x, shape=tuple(shape), kept=tuple(dims))


def _total(x: jax.Array, *, axes: tuple[int, ...]) -> jax.Array:
    return lax.reduce_sum(x, axes)


def _total_apart(x: jax.Array, *, axes: tuple[int, ...]) -> jax.Array:
    y = lax.reduce_sum(x, axes)
    if x.size < SMALL:
        return y
    return lax.select(lax.ne(y, y), lax.full_like(y, np.nan), y)


def _spread(x: jax.Array, *, shape: tuple[int, ...], kept: tuple[int, ...]) -> jax.Array:
    return lax.broadcast_in_dim(x, shape, kept)


def _total_shape(x: ShapedArray, *, axes: tuple[int, ...]) -> ShapedArray:
    return x.update(shape=tuple(x.shape[i] for i in others(x.ndim, axes)), weak_type=False)


def _total_batched(args, dims, *, axes: tuple[int, ...]):
    (x,), (dim,) = args, dims
    shifted = tuple(i + (i >= dim) for i in axes)
    return total(x, shifted), dim - sum(i < dim for i in shifted)


def _spread_batched(args, dims, *, shape: tuple[int, ...], kept: tuple[int, ...]):
    (x,), (dim,) = args, dims
    x = lax.transpose(x, (dim, *others(x.ndim, (dim,))))
    return spread(x, (x.shape[0], *shape), (0, *(i + 1 for i in kept))), 0


total_p, spread_p = Own("fnn_total"), Own("fnn_spread")
total_p.formula, spread_p.formula = _total, _spread
total_p.def_impl(jax.jit(_total, static_argnames="axes"))
total_p.def_abstract_eval(_total_shape)
ad.deflinear2(total_p, lambda ct, x, *, axes: [spread(ct, x.aval.shape, others(len(x.aval.shape), axes))])
batching.primitive_batchers[total_p] = _total_batched
mlir.register_lowering(total_p, mlir.lower_fun(_total, multiple_results=False))
mlir.register_lowering(total_p, mlir.lower_fun(_total_apart, multiple_results=False), platform="cpu")

spread_p.def_impl(jax.jit(_spread, static_argnames=("shape", "kept")))
spread_p.def_abstract_eval(lambda x, *, shape, kept: x.update(shape=shape, weak_type=False))
ad.deflinear2(spread_p, lambda ct, x, *, shape, kept: [total(ct, others(len(shape), kept))])
batching.primitive_batchers[spread_p] = _spread_batched
mlir.register_lowering(spread_p, mlir.lower_fun(_spread, multiple_results=False))
