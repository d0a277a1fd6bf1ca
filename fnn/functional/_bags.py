"""Sums, means and maxima of rows in bags, those of `embedding_bag`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["of_one_length", "of_places"]


def of_one_length(rows: jax.Array, kept: jax.Array | None, mode: str) -> jax.Array:
    """One value a bag, of bags that have equally many rows.

    These are reductions of an axis: nothing is scattered, and bags on several devices stay where they are.

    Args:
        rows: (B, L, E).
        kept: (B, L), which rows count; None: all of them.
        mode: "sum", "mean" or "max"; a bag without rows gives 0.

    Returns:
        (B, E).
    """
    wide = None if kept is None else lax.broadcast_in_dim(kept, rows.shape, (0, 1))
    if mode == "max":
        return _first_maxima(rows, wide)
    out = (rows if wide is None else jnp.where(wide, rows, 0)).sum(1)
    if mode == "sum":
        return out
    if kept is None:
        return out / max(rows.shape[1], 1)
    return out / jnp.maximum(kept.sum(1, dtype=out.dtype), 1)[:, None]


def _first_maxima(rows: jax.Array, kept: jax.Array | None) -> jax.Array:
    """The maxima over axis 1, whose gradient goes to the first place that has them."""
    if rows.shape[1] == 0:
        return jnp.zeros((rows.shape[0], rows.shape[2]), rows.dtype)
    values = rows if kept is None else jnp.where(kept, rows, -jnp.inf)
    first = lax.argmax(lax.stop_gradient(values), 1, jnp.int32)[:, None]  # (B, 1, E)
    here = lax.broadcasted_iota(jnp.int32, rows.shape, 1) == first
    if kept is not None:
        here = here & kept  # of a bag without rows nothing
    return jnp.where(here, rows, 0).sum(1)


def of_places(rows: jax.Array, bag: jax.Array, bags: int, mode: str) -> jax.Array:
    """One value a bag, of rows that stand one behind the other.

    Args:
        rows: (L, E).
        bag: (L,), the bag of each row; ``bags`` for one that is in none.
        bags: B.
        mode: "sum", "mean" or "max"; a bag without rows gives 0.

    Returns:
        (B, E).
    """
    if mode == "max":
        return _maxima(rows, bag, bags)
    out = jax.ops.segment_sum(rows, bag, bags)
    if mode == "mean":
        count = jax.ops.segment_sum(jnp.ones(bag.shape, rows.dtype), bag, bags)
        out = out / jnp.maximum(count, 1)[:, None]
    return out


def _maxima(rows: jax.Array, bag: jax.Array, bags: int) -> jax.Array:
    """The maxima (B, E) of bags of rows (L, E), found without a gradient and then looked up with one."""
    if rows.shape[0] == 0:
        return jnp.zeros((bags, rows.shape[1]), rows.dtype)
    values = lax.stop_gradient(rows)
    most = jax.ops.segment_max(values, bag, bags)
    here = values == most.at[bag].get(mode="fill", fill_value=jnp.nan)
    place = jnp.where(here, jnp.arange(rows.shape[0])[:, None], rows.shape[0])
    first = jax.ops.segment_min(place, bag, bags)  # (B, E); nowhere if the bag is empty
    found = jnp.take_along_axis(rows, jnp.minimum(first, rows.shape[0] - 1), 0)
    empty = jax.ops.segment_sum(jnp.ones_like(bag), bag, bags) == 0
    return jnp.where(empty[:, None], 0, found)
