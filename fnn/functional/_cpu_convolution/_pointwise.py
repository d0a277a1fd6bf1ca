"""Convolutions that are one product: kernels of one element, and kernels as large as the image.

A kernel of one element mixes channels at every position by itself, so with strides it only sees the positions
that it starts from. The product is batched over N, which needs no transpose, unless the image is so small that
one product over all images is worth a transpose.
"""

import math

import jax
import jax.numpy as jnp

from fnn.functional._cpu_convolution import _arrays
from fnn.functional._cpu_convolution._geometry import Geometry

_POSITIONS = 128  # an image with fewer makes too small a product by itself


def fits(g: Geometry) -> bool:
    """Whether the kernel has one element and sees no padding."""
    return g.unpadded and math.prod(g.kernel) == 1


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Each group's (og, cg) matrix times its channels at the positions that have a window."""
    n, groups = x.shape[0], g.groups
    x = _arrays.windows(x, (0,) * g.rank, g.out, g.stride)
    y = _mix(w.reshape(groups, w.shape[0] // groups, -1), x.reshape(n, groups, -1, math.prod(g.out)))
    return y.reshape(n, w.shape[0], *g.out)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The product with the transposed matrix, laid down at the positions that had a window."""
    n, groups = y.shape[0], g.groups
    matrix = w.reshape(groups, w.shape[0] // groups, -1)
    if groups == 1:  # y is transposed and not the weights, which XLA would do up to 20 times slower
        rows = _arrays.channels_last(y).reshape(-1, y.shape[1])
        x = _arrays.channels_first((rows @ matrix[0]).reshape(n, *g.out, -1))
    else:
        x = _mix(jnp.swapaxes(matrix, 1, 2), y.reshape(n, groups, -1, math.prod(g.out))).reshape(n, -1, *g.out)
    return _arrays.spread(x, g, (0,) * g.rank)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """The product of y and x over positions and batch."""
    n, groups, area = x.shape[0], g.groups, math.prod(g.out)
    x = _arrays.windows(x, (0,) * g.rank, g.out, g.stride)
    a, b = y.reshape(n, groups, -1, area), x.reshape(n, groups, -1, area)
    w = correlate(a, b)
    return w.reshape(y.shape[1], -1, *g.kernel)


def correlate(a: jax.Array, b: jax.Array) -> jax.Array:
    """(N, g, A, L) and (N, g, B, L) to (g, A, B): products summed over N and L."""
    a, b = jnp.moveaxis(a, 0, 2), jnp.moveaxis(b, (0, 2), (1, 3))  # b as rows: a transposed operand is slow
    return _arrays.flat(a, 2) @ b.reshape(b.shape[0], -1, b.shape[3])


def _mix(matrix: jax.Array, x: jax.Array) -> jax.Array:
    """(g, A, B) times (N, g, B, L): (N, g, A, L)."""
    n, groups, inner, area = x.shape
    if n == 1:
        return (matrix[0] @ x[0, 0])[None, None] if groups == 1 else jnp.matmul(matrix, x[0])[None]
    if area >= _POSITIONS or groups > 1:
        return jnp.matmul(jnp.broadcast_to(matrix, (n, *matrix.shape)), x)
    y = matrix[0] @ jnp.moveaxis(x[:, 0], 0, 1).reshape(inner, n * area)
    return jnp.moveaxis(y.reshape(-1, n, area), 1, 0)[:, None]


# -- kernels as large as the image ------------------------------------------------------------------------


def covers(g: Geometry) -> bool:
    """Whether one window sees the whole image and nothing else."""
    return g.groups == 1 and g.size == g.kernel and all(p == (0, 0) for p in g.pads) and max(g.dilation) == 1


def whole_forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """A linear layer over the flattened image."""
    y = x.reshape(x.shape[0], -1) @ w.reshape(w.shape[0], -1).T
    return y.reshape(*y.shape, *g.out)


def whole_input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The adjoint of `whole_forward` in x."""
    return (y.reshape(y.shape[0], -1) @ w.reshape(w.shape[0], -1)).reshape(y.shape[0], w.shape[1], *g.size)


def whole_weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """The adjoint of `whole_forward` in w."""
    return (y.reshape(y.shape[0], -1).T @ x.reshape(x.shape[0], -1)).reshape(y.shape[1], *x.shape[1:])
