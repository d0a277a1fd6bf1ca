"""Weighted sums of a few elements for each of many places, which are known at run time only."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.kernels.elements import sampled
from fnn.kernels.mesh import like_rows, reshape, select

# The elements that a place touches along one axis, and their weights: arrays (N, places), one of each for each tap.
Taps = list[tuple[jax.Array, jax.Array]]


def weighted_elements(x: jax.Array, taps: list[Taps]) -> jax.Array:
    """The weighted sum (N, C, places) over all combinations of the axes' taps; an element outside counts as zero."""
    x = like_rows(x, x)
    sizes = x.shape[2:]
    axes = [[(like_rows(i, x), like_rows(w, x)) for i, w in axis] for axis in taps]
    insides = [[(i >= 0) & (i < size) for i, _ in axis] for axis, size in zip(axes, sizes, strict=True)]
    places, weights = [], []
    for numbers in itertools.product(*(range(len(axis)) for axis in axes)):
        flat = functools.reduce(
            lambda flat, one: flat * one[1] + one[0],
            [(axis[k][0], size) for axis, k, size in zip(axes, numbers, sizes, strict=True)],
            jnp.zeros((), np.int32),
        )
        inside = functools.reduce(lax.bitwise_and, [of[k] for of, k in zip(insides, numbers, strict=True)])
        places.append(select(inside, flat, lax.full_like(flat, -1)))
        weights.append(functools.reduce(lax.mul, [axis[k][1] for axis, k in zip(axes, numbers, strict=True)]))
    planes = reshape(x, (*x.shape[:2], math.prod(sizes)))
    return sampled(planes, jnp.stack(weights, 1), jnp.stack(places, 1))
