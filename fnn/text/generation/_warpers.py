"""What is done to the scores before a token is drawn: the distribution tempered, its tail cut off.

Each takes the scores (N, V) of float32, the `Context` and its own number.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.text.generation._processors import Context


def temperature(scores: jax.Array, context: Context, value: jax.Array) -> jax.Array:
    """Divides the scores."""
    return scores / value


def top_k(scores: jax.Array, context: Context, k: jax.Array) -> jax.Array:
    """Keeps the k likeliest tokens."""
    size = scores.shape[-1]
    k = jnp.clip(jnp.maximum(k, context.kept), 1, size)
    least = jnp.take(jnp.sort(scores, -1), size - k, axis=-1)[:, None]
    return jnp.where(scores < least, -jnp.inf, scores)


def top_p(scores: jax.Array, context: Context, p: jax.Array) -> jax.Array:
    """Keeps the likeliest tokens that together have this probability (Holtzman et al., arXiv:1904.09751)."""
    size, order = scores.shape[-1], jnp.argsort(scores, -1)
    cumulative = jnp.cumsum(jax.nn.softmax(jnp.take_along_axis(scores, order, -1), -1), -1)
    out = (cumulative <= 1 - p) & (jnp.arange(size) < size - context.kept)[None]
    return jnp.where(_in_place(out, order), -jnp.inf, scores)


def min_p(scores: jax.Array, context: Context, share: jax.Array) -> jax.Array:
    """Keeps tokens by their share of the likeliest one's probability (Nguyen et al., arXiv:2407.01082)."""
    probabilities = jax.nn.softmax(scores, -1)
    out = probabilities < share * jnp.max(probabilities, -1, keepdims=True)
    return jnp.where(out & _dispensable(probabilities, context), -jnp.inf, scores)


def typical_p(scores: jax.Array, context: Context, mass: jax.Array) -> jax.Array:
    """Keeps the tokens whose information is nearest to the entropy (Meister et al., arXiv:2202.00666)."""
    logs = jax.nn.log_softmax(scores, -1)
    unlike = jnp.abs(-logs - _entropy(logs))
    order = jnp.argsort(unlike, -1)
    ordered = jnp.take_along_axis(unlike, order, -1)
    cumulative = jnp.cumsum(jnp.exp(jnp.take_along_axis(logs, order, -1)), -1)
    last = jnp.minimum(jnp.sum(cumulative < mass, -1, keepdims=True), scores.shape[-1] - 1)
    out = ordered > jnp.take_along_axis(ordered, last, -1)
    out &= (jnp.arange(scores.shape[-1]) >= context.kept)[None]
    return jnp.where(_in_place(out, order), -jnp.inf, scores)


def epsilon_cutoff(scores: jax.Array, context: Context, least: jax.Array) -> jax.Array:
    """Keeps tokens of at least this probability (Hewitt et al., arXiv:2210.15191)."""
    out = jax.nn.softmax(scores, -1) < least
    return jnp.where(out & _dispensable(scores, context), -jnp.inf, scores)


def eta_cutoff(scores: jax.Array, context: Context, epsilon: jax.Array) -> jax.Array:
    """Keeps tokens of at least the probability ``min(ε, sqrt(ε) exp(-entropy))``, of the same paper."""
    logs = jax.nn.log_softmax(scores, -1)
    least = jnp.minimum(epsilon, jnp.sqrt(epsilon) * jnp.exp(-_entropy(logs)))
    return jnp.where((jnp.exp(logs) < least) & _dispensable(scores, context), -jnp.inf, scores)


def renormalize_logits(scores: jax.Array, context: Context) -> jax.Array:
    """Logarithms of probabilities whose sum is 1."""
    return jax.nn.log_softmax(scores, -1)


def _entropy(logs: jax.Array) -> jax.Array:
    return -jnp.sum(jnp.where(jnp.isfinite(logs), logs * jnp.exp(logs), 0.0), -1, keepdims=True)


def _dispensable(scores: jax.Array, context: Context) -> jax.Array:
    """All but so many likeliest tokens as must be kept."""
    return scores < lax.top_k(scores, min(context.kept, scores.shape[-1]))[0][:, -1:]


def _in_place(sorted_out: jax.Array, order: jax.Array) -> jax.Array:
    rows = jnp.arange(order.shape[0])[:, None]
    return jnp.zeros_like(sorted_out).at[rows, order].set(sorted_out)
