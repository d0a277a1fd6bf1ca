"""Few groups of many channels: each a dense convolution of its own."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from fnn.kernels.cpu_convolution._geometry import Geometry

Dense = Callable[[jax.Array, jax.Array, Geometry], jax.Array]


def convolve(a: jax.Array, w: jax.Array, g: Geometry, dense: Dense) -> jax.Array:
    """``dense``, a forward or an input gradient, on the channels of every group."""
    return jnp.concatenate(_each(a, 1, w, 0, g, dense), 1)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry, dense: Dense) -> jax.Array:
    """``dense`` on the channels of every group."""
    return jnp.concatenate(_each(x, 1, y, 1, g, dense), 0)


def _each(a: jax.Array, axis_a: int, b: jax.Array, axis_b: int, g: Geometry, dense: Dense) -> list[jax.Array]:
    pairs = zip(jnp.split(a, g.groups, axis_a), jnp.split(b, g.groups, axis_b), strict=True)
    return [dense(one, other, g.replace(groups=1)) for one, other in pairs]
