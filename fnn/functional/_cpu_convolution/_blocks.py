"""Groups of middling size: neighbouring groups merged until a block has enough channels for a good product.

The weights of a merged block are block-diagonal, so it multiplies zeros; up to a few times the arithmetic is
still faster than many products of 8 channels. Each block is then a dense convolution.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from fnn.functional._cpu_convolution._geometry import Geometry

Dense = Callable[[jax.Array, jax.Array, Geometry], jax.Array]

ENOUGH = 16  # channels of a group that is left alone
CHANNELS = 32  # of a merged block


def merged(cg: int, og: int, groups: int) -> int:
    """How many groups make a block."""
    count = 1
    while min(cg, og) < ENOUGH and groups % (2 * count) == 0 and count * min(cg, og) < CHANNELS:
        count *= 2
    return count


def forward(x: jax.Array, w: jax.Array, g: Geometry, dense: Dense) -> jax.Array:
    """``dense`` on every block of channels."""
    wide, blocks, one = _diagonal(w, g)
    parts = zip(jnp.split(x, blocks, 1), jnp.split(wide, blocks, 0), strict=True)
    return jnp.concatenate([dense(a, b, one) for a, b in parts], 1)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry, dense: Dense) -> jax.Array:
    """As `forward`."""
    return forward(y, w, g, dense)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry, dense: Dense) -> jax.Array:
    """``dense`` on every block, of which the diagonal is kept."""
    cg, og = x.shape[1] // g.groups, y.shape[1] // g.groups
    count = merged(cg, og, g.groups)
    blocks, one = g.groups // count, g.replace(groups=1)
    parts = zip(jnp.split(x, blocks, 1), jnp.split(y, blocks, 1), strict=True)
    w = jnp.stack([dense(a, b, one) for a, b in parts]).reshape(blocks, count, og, count, cg, *g.kernel)
    return jnp.einsum("brorc...->broc...", w).reshape(y.shape[1], cg, *g.kernel)


def _diagonal(w: jax.Array, g: Geometry) -> tuple[jax.Array, int, Geometry]:
    r"""The weights (O, count * cg, \*K) of the blocks, their number and their geometry."""
    out, cg = w.shape[:2]
    count = merged(cg, out // g.groups, g.groups)
    w = w.reshape(g.groups // count, count, -1, cg, *g.kernel)
    wide = jnp.einsum("broc...,rs->brosc...", w, jnp.eye(count, dtype=w.dtype))
    return wide.reshape(out, count * cg, *g.kernel), g.groups // count, g.replace(groups=1)
