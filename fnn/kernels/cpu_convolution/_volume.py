"""Three dimensions as two, for one group: depths under the kernel as channels, those of input or output as images."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry

Plane = Callable[[jax.Array, jax.Array, Geometry], jax.Array]


def forward(x: jax.Array, w: jax.Array, g: Geometry, plane: Plane) -> jax.Array:
    """``plane`` over the folded input."""
    return _unfold_output(plane(_fold_input(x, g), _fold_weight(w), g.axes(slice(1, None))), x.shape[0])


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry, plane: Plane) -> jax.Array:
    """``plane``, then the adjoint of the folding."""
    folded = plane(_fold_output(y), _fold_weight(w), g.axes(slice(1, None)))
    folded = folded.reshape(y.shape[0], g.out[0], g.kernel[0], -1, *g.size[1:])
    folded = jnp.moveaxis(folded, 1, 3)  # (N, k_d, C, T_d, H, W)
    depth = g.axes(slice(1))
    parts = [_arrays.lay_down(folded[:, i], depth, (i,)) for i in range(g.kernel[0])]
    return functools.reduce(lax.add, parts)


def slices_forward(x: jax.Array, w: jax.Array, g: Geometry, plane: Plane) -> jax.Array:
    """The kernel's depths as channels out: ``plane`` of every depth with each of them, the matching ones added up."""
    n, k_d = x.shape[0], g.kernel[0]
    images = jnp.swapaxes(x, 1, 2).reshape(-1, x.shape[1], *g.size[1:])
    weights = jnp.moveaxis(w, 2, 0).reshape(-1, w.shape[1], *g.kernel[1:])
    y = plane(images, weights, g.axes(slice(1, None)))
    depth = g.axes(slice(1))
    y = _arrays.pad(y.reshape(n, g.size[0], k_d, -1, *g.out[1:]), depth.pads, 1)
    parts = [_arrays.windows(y[:, :, i], depth.offset((i,)), depth.out, depth.stride, 1) for i in range(k_d)]
    return jnp.swapaxes(functools.reduce(lax.add, parts), 1, 2)


def _fold_input(x: jax.Array, g: Geometry) -> jax.Array:
    """(N, C, D, H, W) to (N * T_d, k_d * C, H, W)."""
    depth = g.axes(slice(1))
    parts = _arrays.met(x, depth, depth.taps)
    return jnp.moveaxis(jnp.concatenate(parts, 1), 2, 1).reshape(x.shape[0] * g.out[0], -1, *g.size[1:])


def _fold_weight(w: jax.Array) -> jax.Array:
    return jnp.swapaxes(w, 1, 2).reshape(w.shape[0], -1, *w.shape[3:])


def _fold_output(y: jax.Array) -> jax.Array:
    return jnp.swapaxes(y, 1, 2).reshape(-1, y.shape[1], *y.shape[3:])


def _unfold_output(y: jax.Array, n: int) -> jax.Array:
    return jnp.swapaxes(y.reshape(n, -1, *y.shape[1:]), 1, 2)
