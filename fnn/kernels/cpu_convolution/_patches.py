"""Patches (im2col) image by image: every window written out as a column, then one product an image.

It moves as many times more data as the kernel has elements, and y not at all: right for few channels in, where all
patches stay in the caches. One group; any rank, stride and dilation.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry

Product = Callable[[jax.Array, jax.Array], jax.Array]


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Weights times patches, batched over images."""
    matrix = _arrays.channels_last(w).reshape(w.shape[0], -1)
    y = jnp.matmul(jnp.broadcast_to(matrix, (x.shape[0], *matrix.shape)), _patches(x, g))
    return y.reshape(x.shape[0], w.shape[0], *g.out)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    """(N, A, K) and (N, B, K) to (N, A, B)."""
    return lax.dot_general(a, b, (((2,), (2,)), ((0,), (0,))))


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry, product: Product = _product) -> jax.Array:
    """Patches times y transposed, image by image, added up over the images."""
    each = product(_patches(x, g), y.reshape(*y.shape[:2], math.prod(g.out)))
    w = jnp.sum(each, 0).reshape(len(g.taps), x.shape[1], y.shape[1])
    return lax.transpose(w, (2, 1, 0)).reshape(y.shape[1], x.shape[1], *g.kernel)


def _patches(x: jax.Array, g: Geometry) -> jax.Array:
    """(N, taps * C, T)."""
    return _arrays.flat(jnp.concatenate(_arrays.met(x, g, g.taps), 1), g.rank)
