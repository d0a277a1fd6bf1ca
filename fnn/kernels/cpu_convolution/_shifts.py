"""Depthwise convolution, and groups of very few channels: a sum of shifted copies, each times its weight.

There is no product worth the name to make, so the sum is one elementwise loop, and the weight gradient one reduction
with an output for every element of the kernel. Each is kept apart from what uses it (`apart`).
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels import apart
from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry, Ints

_SUMS = 25  # of one reduction: as many as the registers hold, more or less
_SMALL = 64  # positions, up to which one reduction adds up the images, too
_MANY = 25  # terms of a sum that is worth some preparation
_LANES = 8  # numbers in a vector register
_SPAN = 20  # windows in a row, from which the ones that do not fill a vector are worth filling up


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The sum over the kernel's elements and the group's channels."""
    many, width = w.shape[1] * len(g.taps) >= _MANY, g.out[-1]
    if many and g.stride[-1] == 1 and width >= _SPAN:
        g = _widened(g, -width % _LANES)
    # Columns a stride apart are brought together if they are read often: loads of neighbours, not of single numbers.
    count = g.stride[-1] if many and len(g.taps) > 12 * g.stride[-1] and width >= _LANES - 1 else 1
    step = (*g.stride[:-1], g.stride[-1] // count)

    def prepare(x: jax.Array) -> jax.Array:
        x = _arrays.pad(x, g.pads)
        x = _arrays.pad(x, [(0, -x.shape[-1] % count)], x.ndim - 1)
        return jnp.stack([lax.slice_in_dim(x, i, None, count, x.ndim - 1) for i in range(count)])

    def run(parts: jax.Array, w: jax.Array) -> jax.Array:
        parts = parts.reshape(*parts.shape[:2], g.groups, -1, *parts.shape[3:])
        weights = w.reshape(g.groups, -1, w.shape[1], *g.kernel)
        y = None
        for channel, tap in _elements(w.shape[1], g):
            *lead, last = g.offset(tap)
            met = parts[last % count, :, :, channel]
            shifted = _arrays.windows(met, (*lead, last // count), g.out, step)[:, :, None]
            scale = weights[(slice(None), slice(None), channel, *tap)]
            term = shifted * scale.reshape(1, *scale.shape, *(1,) * g.rank)
            y = term if y is None else y + term
        assert y is not None  # a kernel has at least one element
        return y.reshape(parts.shape[1], w.shape[0], *g.out)

    if count == 1:
        y = apart.call(lambda x, w: run(_arrays.pad(x, g.pads)[None], w), x, w)
    else:
        y = apart.call(run, apart.call(prepare, x), w)
    return y[..., :width]


def _widened(g: Geometry, more: int) -> Geometry:
    """With ``more`` windows in a row, which see padding."""
    low, high = g.pads[-1]
    return g.replace(pads=(*g.pads[:-1], (low, high + more)))


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The sum of shifted copies of y times the mirrored kernel; for strides of 1."""
    return forward(y, _arrays.mirror(w, g.groups), g.mirrored)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """Products of y and shifted copies of x, added up over the positions of each image and over the images.

    One reduction has many outputs, so that what it reads serves all of them.
    """
    per_group = x.shape[1] // g.groups
    padded = apart.call(lambda x: _arrays.pad(x, g.pads), x)

    def run(padded: jax.Array, y: jax.Array) -> jax.Array:
        y, zero = y.reshape(y.shape[0], g.groups, -1, *g.out), jnp.zeros((), y.dtype)
        axes = (0,) * (math.prod(g.out) <= _SMALL) + tuple(range(3, y.ndim))
        shifted, sums = _shifted(padded, g), []
        count = -(-len(shifted) // -(-len(shifted) // _SUMS))  # parts of nearly one size
        for first in range(0, len(shifted), count):
            products = [y * one for one in shifted[first : first + count]]
            sums += lax.reduce(products, [zero] * len(products), _add, axes)
        w = jnp.stack(sums, -1)
        w = w if 0 in axes else jnp.sum(w, 0)
        return w.reshape(-1, per_group, *g.kernel)

    return apart.call(run, padded, y)


def _elements(channels: int, g: Geometry) -> list[tuple[int, Ints]]:
    """What an output sums over: a channel of the group and an element of the kernel."""
    return [(channel, tap) for channel in range(channels) for tap in g.taps]


def _shifted(padded: jax.Array, g: Geometry) -> list[jax.Array]:
    r"""For each of `_elements` what it meets: (N, g, 1, \*T)."""
    padded = padded.reshape(padded.shape[0], g.groups, -1, *padded.shape[2:])
    return [
        _arrays.windows(padded[:, :, channel], g.offset(tap), g.out, g.stride)[:, :, None]
        for channel, tap in _elements(padded.shape[2], g)
    ]


def _add(a: list[jax.Array], b: list[jax.Array]) -> list[jax.Array]:
    return [i + j for i, j in zip(a, b, strict=True)]
