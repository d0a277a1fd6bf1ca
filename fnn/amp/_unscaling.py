"""Gradients divided by the scale, and whether one of them is infinite or NaN."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.arguments import narrow, widen
from fnn.errors import ArgumentError
from fnn.state.box import Box
from fnn.typing import PyTree

__all__ = ["unscaled"]


def unscaled(grads: PyTree, scale: jax.Array) -> tuple[PyTree, jax.Array | None]:
    """``grads / scale``, and whether any is not finite; None if there is none.

    Args:
        grads: a nest of arrays; None and integers (the indices of sparse arrays) stay.
        scale: (), float32.

    Raises:
        ArgumentError: one is float16: what was scaled for it has been rounded already.
    """
    leaves, treedef = jax.tree.flatten(grads, is_leaf=lambda x: isinstance(x, Box))
    arrays = [jnp.asarray(leaf) for leaf in leaves]
    places = [i for i, a in enumerate(arrays) if jnp.issubdtype(a.dtype, jnp.inexact)]
    if any(arrays[i].dtype == jnp.float16 for i in places):
        raise ArgumentError("Attempting to unscale FP16 gradients.")
    if not places:
        return grads, None
    new, found = _divided([arrays[i] for i in places], scale)
    for i, array in zip(places, new, strict=True):
        arrays[i] = array
    return treedef.unflatten(arrays), found


@jax.jit
def _divided(grads: list[jax.Array], scale: jax.Array) -> tuple[list[jax.Array], jax.Array]:
    """As PyTorch: times the reciprocal, in float32 for bfloat16."""
    found = jnp.zeros((), bool)
    for g in grads:
        found = found | ~jnp.isfinite(g).all()
    return [narrow(widen(g) * (1 / scale), g) for g in grads], found
