"""Attention as the models have it: heads split and joined, keys masked, few queries at a time while generating.

The legend: N rows of a batch, L queries, S keys, H heads of queries, G of keys (H a multiple of G), D their size.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.nn import functional as F

FEW = 4  # queries for which repeating the keys for each head would cost more than the products


def split_heads(x: jax.Array, size: int) -> jax.Array:
    """(N, L, H * D) -> (N, H, L, D)."""
    return jnp.swapaxes(x.reshape(*x.shape[:-1], -1, size), -2, -3)


def join_heads(x: jax.Array) -> jax.Array:
    """(N, H, L, D) -> (N, L, H * D)."""
    x = jnp.swapaxes(x, -2, -3)
    return x.reshape(*x.shape[:-2], -1)


def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    mask: jax.Array | None = None,
    *,
    scale: float,
    bias: jax.Array | None = None,
    softcap: float | None = None,
    dropout: float = 0.0,
) -> jax.Array:
    """``softmax(cap(q @ k.T * scale) + bias) @ v`` over the keys that the mask leaves.

    Args:
        q: (N, H, L, D).
        k: (N, G, S, D).
        v: (N, G, S, D).
        mask: broadcasts to (N, 1, L, S): True where a query may attend to a key. A query that has no key (one of the
            padding) gets zeros; where scores are capped the mean of all values, as the originals have it.
        scale: of the scores.
        bias: broadcasts to (N, H, L, S), added to the scores.
        softcap: c of ``c * tanh(scores / c)``.
        dropout: the probability of a weight to be dropped; 0 in evaluation.

    Returns:
        (N, H, L, D).
    """
    if softcap is None and q.shape[-2] > FEW:
        if bias is not None:
            mask = bias if mask is None else jnp.where(mask, bias, jnp.asarray(-jnp.inf, bias.dtype))
        return F.scaled_dot_product_attention(
            q, k, v, mask, dropout_p=dropout, scale=scale, enable_gqa=k.shape[1] != q.shape[1]
        )
    n, heads, length, size = q.shape
    grouped = q.reshape(n, k.shape[1], -1, length, size)
    scores = jnp.einsum("ngrld,ngsd->ngrls", grouped, k, preferred_element_type=jnp.float32) * scale
    if softcap is not None:
        scores = softcap * jnp.tanh(scores / softcap)
    if bias is not None:
        scores += jnp.broadcast_to(bias, (n, heads, length, k.shape[2])).reshape(scores.shape)
    if mask is not None:
        if softcap is not None:
            alone = ~jnp.any(mask, -1, keepdims=True)
            mask, scores = mask | alone, jnp.where(alone[:, :, None], 0, scores)
        scores = jnp.where(mask[:, :, None], scores, -jnp.inf)
    highest = jnp.max(scores, -1, keepdims=True)
    weights = jnp.exp(scores - jnp.where(jnp.isfinite(highest), highest, 0))
    total = jnp.sum(weights, -1, keepdims=True)
    weights = (weights / jnp.where(total == 0, 1, total)).astype(q.dtype)
    weights = F.dropout(weights, dropout, training=dropout > 0)
    return jnp.einsum("ngrls,ngsd->ngrld", weights, v).reshape(q.shape[:-1] + v.shape[-1:])
