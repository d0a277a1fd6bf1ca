"""Which keys a query may attend to, as booleans that broadcast to (N, 1, L, S)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike


def padding_mask(attention_mask: ArrayLike | None, keys: int, what: str) -> jax.Array | None:
    """The mask of (N, S) that a tokenizer gives, for S = ``keys``; one of (N, 1, L, S) is taken as it is."""
    if attention_mask is None:
        return None
    mask = to_array(attention_mask, "attention_mask", f"{what}: ")
    if mask.ndim not in (2, 4) or mask.shape[-1] != keys:
        raise ArgumentError(
            f"{what}: attention_mask must be of shape (N, {keys}) or (N, 1, L, {keys}), got {mask.shape}"
        )
    mask = mask if mask.dtype == jnp.bool_ else mask != 0
    return mask if mask.ndim == 4 else mask[:, None, None, :]


def causal_mask(
    queries: int,
    keys: int,
    start: jax.Array | int,
    padding: jax.Array | None,
    window: int | None = None,
    causal: bool = True,
) -> jax.Array:
    """Each query attends to the keys up to its own, ``start`` being the place of the first query among the keys.

    Args:
        queries: L.
        keys: S.
        start: how many keys there are before the first query.
        padding: see `padding_mask`.
        window: the number of keys that a query sees; None: all before it.
        causal: whether later keys are hidden.
    """
    at = jnp.arange(queries)[:, None] + start
    key = jnp.arange(keys)[None, :]
    mask = (key <= at) if causal else jnp.ones((queries, keys), bool)
    if window is not None:
        mask &= (key > at - window) if causal else (abs(at - key) < window)
    mask = mask[None, None]
    return mask if padding is None else jnp.logical_and(*jnp.broadcast_arrays(mask, padding))
