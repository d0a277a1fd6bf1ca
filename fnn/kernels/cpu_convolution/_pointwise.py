"""Convolutions that are one product: kernels of one element, and kernels as large as the image.

A kernel of one element mixes channels at every position by itself, so with strides it only sees the positions
that it starts from. The product is batched over N, which needs no transpose, unless the image is so small that
one product over all images is worth a transpose.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry

_POSITIONS = 512  # an image with fewer makes too small a product by itself
_GROUPED = 128  # the same for groups, whose products are done side by side


def fits(g: Geometry) -> bool:
    """Whether the kernel has one element and sees no padding."""
    return g.unpadded and math.prod(g.kernel) == 1


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Each group's (og, cg) matrix times its channels at the positions that have a window."""
    n, groups = x.shape[0], g.groups
    x = _arrays.windows(x, (0,) * g.rank, g.out, g.stride).reshape(n, groups, -1, math.prod(g.out))
    matrix = w.reshape(groups, w.shape[0] // groups, -1)
    y = _rows(jnp.swapaxes(matrix, 1, 2), x) if _small(x) and groups > 1 else _mix(matrix, x)
    return y.reshape(n, w.shape[0], *g.out)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The product with the transposed matrix, laid down at the positions that had a window."""
    n, groups = y.shape[0], g.groups
    matrix, y = w.reshape(groups, w.shape[0] // groups, -1), y.reshape(n, groups, -1, math.prod(g.out))
    # y is transposed and not the weights, which XLA would do up to 20 times slower
    x = _rows(matrix, y) if _small(y) or n == groups == 1 else _mix(jnp.swapaxes(matrix, 1, 2), y)
    return _arrays.lay_down(x.reshape(n, -1, *g.out), g, (0,) * g.rank)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """The product of y and x over positions and batch."""
    n, groups, area = x.shape[0], g.groups, math.prod(g.out)
    x = _arrays.windows(x, (0,) * g.rank, g.out, g.stride)
    a, b = y.reshape(n, groups, -1, area), x.reshape(n, groups, -1, area)
    a, b = jnp.moveaxis(a, 0, 2), jnp.moveaxis(b, (0, 2), (1, 3))  # b as rows: a transposed operand is slow
    w = _arrays.flat(a, 2) @ b.reshape(groups, n * area, -1)
    return w.reshape(y.shape[1], -1, *g.kernel)


def _small(x: jax.Array) -> bool:
    n, groups, _, area = x.shape
    return n > 1 and area < (_POSITIONS if groups == 1 else _GROUPED)


def _rows(matrix: jax.Array, x: jax.Array) -> jax.Array:
    """(g, B, A) and (N, g, B, L) to (N, g, A, L), by a product over all images of each group."""
    n, groups, inner, area = x.shape
    rows = lax.transpose(x, (1, 0, 3, 2)).reshape(groups, n * area, inner)
    return lax.transpose(jnp.matmul(rows, matrix).reshape(groups, n, area, -1), (1, 0, 3, 2))


def _mix(matrix: jax.Array, x: jax.Array) -> jax.Array:
    """(g, A, B) times (N, g, B, L): (N, g, A, L)."""
    n, groups, inner, area = x.shape
    if n == 1:
        return jnp.matmul(matrix, x[0])[None]
    if groups > 1 or not _small(x):
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
