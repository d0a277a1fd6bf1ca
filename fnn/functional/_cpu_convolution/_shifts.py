"""Depthwise convolution, and groups of very few channels: a sum of shifted copies, each times its weight.

There is no product worth the name to make, so the sum is one elementwise loop. A barrier now and then keeps XLA
from recomputing the padding for every term, and from compiling one loop of hundreds of terms.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.functional._cpu_convolution import _arrays
from fnn.functional._cpu_convolution._geometry import Geometry

_TERMS = 12  # of a loop over shifts: a longer one compiles slowly and runs out of registers
_IMAGES = 16  # whose products one loop of the weight gradient adds up


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The sum over the kernel's elements and the group's channels."""
    n, groups, per_group = x.shape[0], g.groups, w.shape[1]
    padded = lax.optimization_barrier(_arrays.pad(x, g.pads))
    padded = padded.reshape(n, groups, per_group, *padded.shape[2:])
    weights = w.reshape(groups, -1, per_group, *g.kernel)
    y, terms = None, 0
    for channel in range(per_group):
        for i, tap in enumerate(g.taps):
            if terms >= _TERMS and i % g.kernel[-1] == 0:
                y, terms = lax.optimization_barrier(y), 0
            shifted = _arrays.windows(padded[:, :, channel], g.offset(tap), g.out, g.stride)
            scale = weights[(slice(None), slice(None), channel, *tap)]
            term = shifted[:, :, None] * scale.reshape(1, *scale.shape, *(1,) * g.rank)
            y = term if y is None else y + term
            terms += 1
    assert y is not None  # a kernel has at least one element
    return y.reshape(n, w.shape[0], *g.out)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The sum of shifted copies of y times the mirrored kernel; for strides of 1."""
    return forward(y, _arrays.mirror(w, g.groups), g.mirrored)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """Products of y and shifted copies of x: added up over the images elementwise, over the positions as a product."""
    n, groups = y.shape[0], g.groups
    per_group, area = x.shape[1] // groups, math.prod(g.out)
    padded = lax.optimization_barrier(_arrays.pad(x, g.pads))
    padded = padded.reshape(n, groups, per_group, *padded.shape[2:])
    y = y.reshape(n, groups, -1, *g.out)
    ones, last = jnp.ones(area, x.dtype), g.kernel[-1]
    rows = []
    for channel in range(per_group):
        for row in range(0, len(g.taps), last):
            total = None
            for first in range(0, n, _IMAGES):
                sums = []
                for tap in g.taps[row : row + last]:
                    shifted = _arrays.windows(padded[:, :, channel], g.offset(tap), g.out, g.stride)[:, :, None]
                    images = range(first, min(n, first + _IMAGES))
                    sums.append(sum((y[i] * shifted[i] for i in images[1:]), y[first] * shifted[first]))
                stacked = lax.optimization_barrier(jnp.stack(sums, 2))  # (g, og, last, *T)
                part = stacked.reshape(-1, area) @ ones
                total = part if total is None else total + part
            assert total is not None  # an empty batch takes the definition
            rows.append(total.reshape(-1, last))
    return jnp.stack(rows, 1).reshape(-1, per_group, *g.kernel)
