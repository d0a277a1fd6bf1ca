"""Which blocks of a matrix there are: a dense table of them, or for each row how many and at which columns."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def ordered_to_dense(counts: jax.Array, columns: jax.Array, width: int) -> jax.Array:
    r"""The first ``counts`` (\*, R) of the ``columns`` (\*, R, C) as a table (\*, R, width) of ones and zeros."""
    valid = lax.broadcasted_iota(np.int32, columns.shape, columns.ndim - 1) < counts[..., None]
    columns = jnp.where(valid, columns, width)  # beyond the table
    table = jnp.zeros((*columns.shape[:-1], width), np.int32)
    return jnp.put_along_axis(table, columns, 1, axis=-1, inplace=False, mode="drop")


def dense_to_ordered(dense: jax.Array) -> tuple[jax.Array, jax.Array]:
    """How many blocks each row has, and the columns: those of its blocks first, then the others."""
    there = dense.astype(np.int32)
    order = jnp.argsort(there, axis=-1, stable=True, descending=True)
    return there.sum(-1).astype(np.int32), order.astype(np.int32)


def transpose_ordered(counts: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
    """For each column how many rows have a block there, and which."""
    return dense_to_ordered(ordered_to_dense(counts, columns, columns.shape[-1]).swapaxes(-1, -2))


def blocks_of(mask: jax.Array, q: int, kv: int) -> tuple[jax.Array, jax.Array]:
    """Of a mask (B, H, L, S): which of its q x kv blocks allow something but not all, and which allow all."""
    b, h, rows, columns = mask.shape
    mask = jnp.pad(mask, ((0, 0), (0, 0), (0, -rows % q), (0, -columns % kv)))
    allowed = mask.reshape(b, h, -(-rows // q), q, -(-columns // kv), kv).sum((3, 5))
    return (allowed > 0) & (allowed < q * kv), allowed == q * kv


def cropped(counts: jax.Array, columns: jax.Array, rows: int, width: int) -> tuple[jax.Array, jax.Array]:
    """The upper left corner: (B, H, R), (B, H, R, C) -> (B, H, rows), (B, H, rows, width)."""
    dense = ordered_to_dense(counts, columns, columns.shape[-1])
    return dense_to_ordered(dense[:, :, :rows, :width])


def write_order(dense: jax.Array, q_indices: jax.Array, descending: bool) -> jax.Array:
    """For each block in the order of ``q_indices`` (B, H, C, R) its rank among those of its row.

    Args:
        dense: (B, H, R, C), the blocks there are.
        q_indices: (B, H, C, R), the rows of each column's blocks.
        descending: whether the last column comes first.
    """
    upto = dense.cumsum(-1)
    rank = upto - dense
    if descending:
        rank = upto[..., -1:] - 1 - rank
    rank = jnp.broadcast_to(rank.swapaxes(-1, -2), q_indices.shape)  # (B, H, C, R)
    return jnp.take_along_axis(rank, jnp.clip(q_indices, 0, dense.shape[-2] - 1), axis=-1).astype(np.int32)
