"""Patches (im2col): every window written out as a column, then one product a group; and its adjoints.

It moves as many times more data as the kernel has elements: right for few channels, for groups, or where all
patches stay in the caches. Any rank, stride, dilation and number of groups.
"""

import math

import jax
import jax.numpy as jnp

from fnn.functional._cpu_convolution import _arrays
from fnn.functional._cpu_convolution._geometry import Geometry
from fnn.functional._cpu_convolution._pointwise import correlate


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Weights times patches, batched over images and groups."""
    patches = _patches(x, g)
    matrix = _matrix(w, g)
    y = jnp.matmul(jnp.broadcast_to(matrix, (x.shape[0], *matrix.shape)), patches)
    return y.reshape(x.shape[0], w.shape[0], *g.out)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Transposed weights times y, then each element of the kernel added where it was taken from (col2im)."""
    n, groups, taps = y.shape[0], g.groups, len(g.taps)
    matrix = jnp.swapaxes(_matrix(w, g), 1, 2)
    columns = jnp.matmul(jnp.broadcast_to(matrix, (n, *matrix.shape)), y.reshape(n, groups, -1, math.prod(g.out)))
    columns = columns.reshape(n, groups, taps, w.shape[1], *g.out)
    return _arrays.collect(jnp.moveaxis(columns, 2, 0).reshape(taps, n, -1, *g.out), g)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """Products of y and the patches."""
    per_group = x.shape[1] // g.groups
    y = y.reshape(y.shape[0], g.groups, -1, math.prod(g.out))
    w = correlate(y, _patches(x, g))
    w = w.reshape(-1, *g.kernel, per_group)
    return _arrays.channels_first(w)


def _patches(x: jax.Array, g: Geometry) -> jax.Array:
    """(N, g, taps * cg, T)."""
    padded = _arrays.pad(x, g.pads)
    padded = padded.reshape(x.shape[0], g.groups, x.shape[1] // g.groups, *padded.shape[2:])
    parts = [_arrays.windows(padded, g.offset(tap), g.out, g.stride, 3) for tap in g.taps]
    return _arrays.flat(jnp.concatenate(parts, 2), g.rank)


def _matrix(w: jax.Array, g: Geometry) -> jax.Array:
    """(g, og, taps * cg)."""
    return _arrays.channels_last(w).reshape(g.groups, w.shape[0] // g.groups, -1)
