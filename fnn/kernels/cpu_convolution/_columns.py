"""Patches in the order of the weights: columns (C * taps, N * T), so that the weights are used as they lie.

The other ways rearrange the weights at every call, which is what most of the time goes to where weights outweigh
pictures: the deep layers of a network, small batches. One group; any rank, stride and dilation.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """W times the columns."""
    y = lax.dot(_matrix(w), _columns(x, g))
    return jnp.swapaxes(y.reshape(w.shape[0], x.shape[0], *g.out), 0, 1)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Y transposed times W, each element of the kernel added where it was taken from (col2im)."""
    rows = _arrays.channels_last(y).reshape(-1, y.shape[1])
    columns = lax.dot(rows, _matrix(w))  # the other way round XLA would transpose W: up to 10 times slower
    columns = columns.reshape(y.shape[0], *g.out, w.shape[1], len(g.taps))
    return _arrays.collect(jnp.moveaxis(columns, (-1, -2), (0, 2)), g)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """Y times the columns transposed."""
    w = lax.dot_general(_rows(y), _columns(x, g), (((1,), (1,)), ((), ())))
    return w.reshape(y.shape[1], x.shape[1], *g.kernel)


def _matrix(w: jax.Array) -> jax.Array:
    return w.reshape(w.shape[0], math.prod(w.shape[1:]))


def _rows(y: jax.Array) -> jax.Array:
    """(O, N * T)."""
    return jnp.swapaxes(y, 0, 1).reshape(y.shape[1], -1)


def _columns(x: jax.Array, g: Geometry) -> jax.Array:
    """(C * taps, N * T)."""
    met = _arrays.met(jnp.swapaxes(x, 0, 1), g, g.taps)
    return jnp.stack(met, 1).reshape(x.shape[1] * len(g.taps), -1)
