"""Three dimensions as two: the depths under the kernel as channels, the depths of input or output as images.

And one dimension as two, with a height of 1.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from fnn.functional._cpu_convolution import _arrays
from fnn.functional._cpu_convolution._geometry import Geometry

Plane = Callable[[jax.Array, jax.Array, Geometry], jax.Array]


def forward(x: jax.Array, w: jax.Array, g: Geometry, plane: Plane) -> jax.Array:
    """``plane`` over the folded input."""
    return _unfold_output(plane(_fold_input(x, g), _fold_weight(w), g.axes(slice(1, None))), x.shape[0])


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry, plane: Plane) -> jax.Array:
    """``plane``, then the adjoint of the folding."""
    folded = plane(_fold_output(y), _fold_weight(w), g.axes(slice(1, None)))
    folded = folded.reshape(y.shape[0], g.out[0], g.groups, g.kernel[0], -1, *g.size[1:])
    folded = jnp.moveaxis(folded, 1, 4)  # (N, g, k_d, cg, T_d, H, W)
    depth = g.axes(slice(1))
    parts = [_arrays.spread(folded[:, :, i], depth, (i,), 3) for i in range(g.kernel[0])]
    return functools.reduce(lax.add, parts).reshape(y.shape[0], -1, *g.size)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry, plane: Plane) -> jax.Array:
    """``plane`` over the folded input and output."""
    w = plane(_fold_input(x, g), _fold_output(y), g.axes(slice(1, None)))
    return jnp.swapaxes(w.reshape(w.shape[0], g.kernel[0], -1, *g.kernel[1:]), 1, 2)


def slices_forward(x: jax.Array, w: jax.Array, g: Geometry, plane: Plane) -> jax.Array:
    """The kernel's depths as channels out: ``plane`` of every depth with each of them, the matching ones added up."""
    n, groups, k_d = x.shape[0], g.groups, g.kernel[0]
    images = jnp.swapaxes(x, 1, 2).reshape(-1, x.shape[1], *g.size[1:])
    weights = jnp.moveaxis(w.reshape(groups, -1, *w.shape[1:]), 3, 1)  # (g, k_d, og, cg, k_h, k_w)
    y = plane(images, weights.reshape(-1, w.shape[1], *g.kernel[1:]), g.axes(slice(1, None)))
    depth = g.axes(slice(1))
    y = _arrays.pad(y.reshape(n, g.size[0], groups, k_d, -1, *g.out[1:]), depth.pads, 1)
    parts = [_arrays.windows(y[:, :, :, i], depth.offset((i,)), depth.out, depth.stride, 1) for i in range(k_d)]
    return jnp.moveaxis(functools.reduce(lax.add, parts), 1, 3).reshape(n, -1, *g.out)


def _fold_input(x: jax.Array, g: Geometry) -> jax.Array:
    """(N, C, D, H, W) to (N * T_d, C * k_d, H, W), the channels of a group together."""
    n, channels = x.shape[:2]
    padded = _arrays.pad(x, g.pads[:1])
    padded = padded.reshape(n, g.groups, channels // g.groups, *padded.shape[2:])
    starts = [i * g.dilation[0] for i in range(g.kernel[0])]
    parts = [_arrays.windows(padded, (i,), g.out[:1], g.stride[:1], 3) for i in starts]
    return jnp.moveaxis(jnp.concatenate(parts, 2), 3, 1).reshape(n * g.out[0], -1, *g.size[1:])


def _fold_weight(w: jax.Array) -> jax.Array:
    return jnp.swapaxes(w, 1, 2).reshape(w.shape[0], -1, *w.shape[3:])


def _fold_output(y: jax.Array) -> jax.Array:
    return jnp.swapaxes(y, 1, 2).reshape(-1, y.shape[1], *y.shape[3:])


def _unfold_output(y: jax.Array, n: int) -> jax.Array:
    return jnp.swapaxes(y.reshape(n, -1, *y.shape[1:]), 1, 2)


# -- one dimension ----------------------------------------------------------------------------------------


def lifted(g: Geometry) -> Geometry:
    """The geometry with an axis of height 1 in front."""
    return Geometry((1, *g.size), (1, *g.kernel), (1, *g.stride), ((0, 0), *g.pads), (1, *g.dilation), g.groups)


def lift(a: jax.Array) -> jax.Array:
    """(N, C, L) to (N, C, 1, L)."""
    return lax.expand_dims(a, (2,))


def lower(a: jax.Array) -> jax.Array:
    """(N, C, 1, L) to (N, C, L)."""
    return lax.squeeze(a, (2,))
