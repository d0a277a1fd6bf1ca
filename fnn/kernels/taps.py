"""Weighted sums of a few elements for each of many places, which are known at run time only."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.kernels.elements import elements
from fnn.kernels.mesh import like_rows, reshape, select

# The elements that a place touches along one axis, and their weights: both (N, taps, *out).
Taps = tuple[jax.Array, jax.Array]


def weighted_elements(x: jax.Array, taps: list[Taps]) -> jax.Array:
    """The weighted sum (N, C, *out) over all combinations of the axes' taps; an element outside counts as zero.

    A term a combination, of three axes: sums over an array of all combinations have seven axes and more, which the
    kernels of XLA's CPU compiler do not survive (jaxlib 0.10).
    """
    x = like_rows(x, x)
    taps = [(like_rows(i, x), like_rows(w, x)) for i, w in taps]
    sizes, out = x.shape[2:], taps[0][0].shape[2:]
    n, c = x.shape[:2]
    plane = reshape(x, (n, c, math.prod(sizes)))
    axes = [[(_flat(i, k), _flat(w, k)) for k in range(i.shape[1])] for i, w in taps]
    insides = [[(i >= 0) & (i < size) for i, _ in axis] for axis, size in zip(axes, sizes, strict=True)]
    places, weights, met = [], [], []
    for numbers in itertools.product(*(range(len(axis)) for axis in axes)):
        flat, weight, inside = jnp.zeros((), np.int32), jnp.ones((), x.dtype), jnp.ones((), bool)
        for axis, of, k, size in zip(axes, insides, numbers, sizes, strict=True):
            index, w = axis[k]
            flat, weight, inside = flat * size + index, weight * w, inside & of[k]
        places.append(select(inside, flat, lax.full_like(flat, 0)))
        weights.append(weight)
        met.append(inside)
    terms = []
    for taken, weight, inside in zip(elements(plane, places), weights, met, strict=True):
        seen = select(lax.broadcast_in_dim(inside, taken.shape, (0, 2)), taken, lax.full_like(taken, 0))
        terms.append(seen * lax.expand_dims(weight, [1]))
    return reshape(functools.reduce(lax.add, terms), (n, c, *out))


def _flat(of_taps: jax.Array, k: int) -> jax.Array:
    """Tap ``k`` of (N, taps, *out) as (N, places)."""
    one = lax.index_in_dim(of_taps, k, 1, keepdims=False)
    return reshape(one, (one.shape[0], math.prod(one.shape[1:])))
