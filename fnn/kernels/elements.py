"""Weighted elements of planes at places that are known at run time only, and what is adjoint to that.

One trilinear form in planes X, weights W and results Y, given by any two of the three, as three primitives that are
each other's transposes::

    sampled    Y[n, c, q] = sum over k of W[n, k, q] * X[n, c, places[n, k, q]]
    laid down  X[n, c, s] = sum over the k, q whose place is s of W[n, k, q] * Y[n, c, q]
    compared   W[n, k, q] = sum over c of Y[n, c, q] * X[n, c, places[n, k, q]]

A place of -1 is none: its element is zero, and nothing is laid down there.

XLA's CPU backend takes what makes the places and weights into the loops over the elements, and computes it again for
each channel; so these loops are kept apart. And it adds up one element after the other: with the channels last, what
is added is a row of channels (python benchmarks/neighbours.py grid_sample).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.experimental.layout import Layout, with_layout_constraint
from jax.interpreters import ad, batching, mlir

from fnn.kernels import apart
from fnn.kernels.axes import at_front
from fnn.kernels.mesh import on_mesh, select
from fnn.kernels.portable import Own
from fnn.kernels.sums import SMALL

_AT_ONCE = 4  # channels: more compile longer and run alike


def sampled(planes: jax.Array, weights: jax.Array, places: jax.Array) -> jax.Array:
    """(N, C, S), (N, K, Q) and (N, K, Q) -> (N, C, Q); see the head of this module."""
    if on_mesh(planes):
        return _sampled(planes, weights, places)
    return sampled_p.bind(planes, weights, places)


# -- on any backend -----------------------------------------------------------------------------------


def _nth(of_taps: jax.Array, k: int) -> jax.Array:
    """Tap k of (N, K, Q) as (N, 1, Q)."""
    return lax.slice_in_dim(of_taps, k, k + 1, axis=1)


def _taken(planes: jax.Array, place: jax.Array) -> jax.Array:
    """The elements (N, C, Q) at places (N, 1, Q)."""
    none = lax.full_like(place, 0)
    taken = jnp.take_along_axis(planes, lax.max(place, none), 2, mode="promise_in_bounds")
    return _where(lax.ge(place, none), taken)


def _where(there: jax.Array, values: jax.Array) -> jax.Array:
    return select(jnp.broadcast_to(there, values.shape), values, lax.full_like(values, 0))


def _sampled(planes: jax.Array, weights: jax.Array, places: jax.Array) -> jax.Array:
    taps = range(places.shape[1])
    return functools.reduce(lax.add, [_taken(planes, _nth(places, k)) * _nth(weights, k) for k in taps])


def _laid_down(weights: jax.Array, values: jax.Array, places: jax.Array, *, size: int) -> jax.Array:
    taps = range(places.shape[1])
    there = lax.ge(places, lax.full_like(places, 0))
    each = jnp.concatenate([_where(_nth(there, k), values * _nth(weights, k)) for k in taps], -1)
    at = jnp.concatenate([_nth(lax.max(places, lax.full_like(places, 0)), k) for k in taps], -1)  # (N, 1, K * Q)
    n, channels, _ = values.shape
    image, channel = (np.arange(k, dtype=np.int32) for k in (n, channels))
    empty = jnp.zeros((n, channels, size), values.dtype)
    return empty.at[image[:, None, None], channel[:, None], at].add(each, mode="promise_in_bounds")


def _compared(planes: jax.Array, values: jax.Array, places: jax.Array) -> jax.Array:
    each = [lax.reduce_sum(_taken(planes, _nth(places, k)) * values, (1,)) for k in range(places.shape[1])]
    return jnp.stack(each, 1)


# -- on a CPU -----------------------------------------------------------------------------------------


def _apart(run: Callable[..., jax.Array], *operands: jax.Array) -> jax.Array:
    """A call whose result's last axis is contiguous: XLA lets a computation choose, and copies what it returned."""

    def constrained(*operands: jax.Array) -> jax.Array:
        out = run(*operands)
        return with_layout_constraint(out, Layout(tuple(range(out.ndim))))

    return apart.call(constrained, *operands)


def _sampled_cpu(planes: jax.Array, weights: jax.Array, places: jax.Array) -> jax.Array:
    formula = _sampled if planes.size + weights.size < SMALL else functools.partial(_apart, _sampled)
    return formula(planes, weights, places)


def _compared_cpu(planes: jax.Array, values: jax.Array, places: jax.Array) -> jax.Array:
    """Channels are added one after the other to the sums of all places, a vector; XLA's sum takes place by place."""
    if values.size < SMALL:
        return _compared(planes, values, places)
    n, taps, q = places.shape
    channels = planes.shape[1]
    at = lax.max(places, lax.full_like(places, 0)).reshape(n, taps * q)

    def add(total: jax.Array, planes: jax.Array, values: jax.Array, at: jax.Array) -> jax.Array:
        for c in range(planes.shape[1]):
            taken = jnp.take_along_axis(planes[:, c], at, 1, mode="promise_in_bounds").reshape(n, taps, q)
            total = total + taken * values[:, c, None]
        return total

    def turn(i: jax.Array, carry: jax.Array) -> jax.Array:
        some, theirs = (lax.dynamic_slice_in_dim(a, i * _AT_ONCE, _AT_ONCE, 1) for a in (planes, values))
        return add(carry, some, theirs, at)

    whole = channels // _AT_ONCE
    total = lax.fori_loop(0, whole, turn, jnp.zeros((n, taps, q), planes.dtype)) if whole > 1 else None
    left = 0 if total is None else whole * _AT_ONCE
    if left < channels:
        total = jnp.zeros((n, taps, q), planes.dtype) if total is None else total
        total = _apart(add, total, planes[:, left:], values[:, left:], at)
    assert total is not None
    return select(lax.ge(places, lax.full_like(places, 0)), total, lax.full_like(total, 0))


def _laid_down_cpu(weights: jax.Array, values: jax.Array, places: jax.Array, *, size: int) -> jax.Array:
    n, channels, _ = values.shape
    if values.size < SMALL:
        return _laid_down(weights, values, places, size=size)

    def rows(weights: jax.Array, values: jax.Array, places: jax.Array) -> jax.Array:
        """What is laid down, (N, K, Q, C)."""
        there = lax.ge(places, lax.full_like(places, 0))[..., None]
        each = [values * lax.index_in_dim(weights, k, 1, keepdims=False)[..., None] for k in range(places.shape[1])]
        return _where(there, jnp.stack(each, 1))

    last = _apart(lambda values: lax.transpose(values, (0, 2, 1)), values)  # (N, Q, C)
    laid = _apart(rows, weights, last, places)
    none = lax.full_like(places, 0)
    at = select(lax.ge(places, none), places + size * np.arange(n, dtype=np.int32)[:, None, None], none)
    empty = jnp.zeros((n * size, channels), values.dtype)
    whole = empty.at[at.reshape(-1)].add(laid.reshape(-1, channels), mode="promise_in_bounds")
    return lax.transpose(whole.reshape(n, size, channels), (0, 2, 1))


# -- shapes, derivatives, batches -----------------------------------------------------------------------


def _shape_of_sampled(planes: ShapedArray, weights: ShapedArray, places: ShapedArray) -> ShapedArray:
    del weights
    return planes.update(shape=(*planes.shape[:2], places.shape[2]), weak_type=False)


def _shape_of_laid_down(weights: ShapedArray, values: ShapedArray, places: ShapedArray, *, size: int) -> ShapedArray:
    del weights, places
    return values.update(shape=(*values.shape[:2], size), weak_type=False)


def _shape_of_compared(planes: ShapedArray, values: ShapedArray, places: ShapedArray) -> ShapedArray:
    del planes
    return values.update(shape=places.shape, weak_type=False)


sampled_p, laid_down_p, compared_p = Own("fnn_sampled"), Own("fnn_laid_down"), Own("fnn_compared")
_SHAPES = {sampled_p: _shape_of_sampled, laid_down_p: _shape_of_laid_down, compared_p: _shape_of_compared}
_FORMULAS = {sampled_p: _sampled, laid_down_p: _laid_down, compared_p: _compared}
_ON_CPU = {sampled_p: _sampled_cpu, laid_down_p: _laid_down_cpu, compared_p: _compared_cpu}


def _planes(weights: jax.Array, values: jax.Array, places: jax.Array, size: int) -> jax.Array:
    return laid_down_p.bind(weights, values, places, size=size)


# The cotangents of the first and second operand: of the cotangent of the result, the other operand and the places.
_COTANGENTS: dict[Own, tuple[Callable[..., jax.Array], Callable[..., jax.Array]]] = {
    sampled_p: (
        lambda ct, weights, places, size: _planes(weights, ct, places, size),
        lambda ct, planes, places, size: compared_p.bind(planes, ct, places),
    ),
    laid_down_p: (
        lambda ct, values, places, size: compared_p.bind(ct, values, places),
        lambda ct, weights, places, size: sampled_p.bind(ct, weights, places),
    ),
    compared_p: (
        lambda ct, values, places, size: _planes(ct, values, places, size),
        lambda ct, planes, places, size: sampled_p.bind(planes, ct, places),
    ),
}


def _jvp(primitive: Own, primals: tuple, tangents: tuple, **params: int) -> tuple[jax.Array, Any]:
    a, b, places = primals
    terms = [
        primitive.bind(*(t if i == k else v for i, v in enumerate((a, b))), places, **params)
        for k, t in enumerate(tangents[:2])
        if not isinstance(t, ad.Zero)
    ]
    out = primitive.bind(*primals, **params)
    return out, functools.reduce(lax.add, terms) if terms else ad.Zero(jax.typeof(out))


def _transposed(primitive: Own, ct: Any, a: Any, b: Any, places: jax.Array, **params: int) -> list[Any]:
    del params
    if isinstance(ct, ad.Zero):
        return [None, None, None]
    of_a, of_b = _COTANGENTS[primitive]
    if ad.is_undefined_primal(a):
        return [of_a(ct, b, places, a.aval.shape[2]), None, None]
    return [None, of_b(ct, a, places, b.aval.shape[2]), None]


def _batched(primitive: Own, args: tuple, dims: tuple, **params: int) -> tuple[jax.Array, int]:
    """The batch as part of the first axis."""
    operands = at_front(args, dims)
    size = operands[0].shape[0]
    joined = [lax.reshape(a, (a.shape[0] * a.shape[1], *a.shape[2:])) for a in operands]
    out = primitive.bind(*joined, **params)
    return lax.reshape(out, (size, out.shape[0] // size, *out.shape[1:])), 0


for _primitive, _formula in _FORMULAS.items():
    _primitive.formula = _formula
    _static = "size" if _primitive is laid_down_p else ()
    _primitive.def_impl(jax.jit(_primitive.bind, static_argnames=_static))
    _primitive.def_abstract_eval(_SHAPES[_primitive])
    ad.primitive_jvps[_primitive] = functools.partial(_jvp, _primitive)
    ad.primitive_transposes[_primitive] = functools.partial(_transposed, _primitive)
    batching.primitive_batchers[_primitive] = functools.partial(_batched, _primitive)
    mlir.register_lowering(_primitive, mlir.lower_fun(_formula, multiple_results=False))
    mlir.register_lowering(_primitive, mlir.lower_fun(_ON_CPU[_primitive], multiple_results=False), platform="cpu")
