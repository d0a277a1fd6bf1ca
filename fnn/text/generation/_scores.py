"""What is done to the logits of the next token before one is chosen, in transformers' order."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.text.generation._form import Form, Numbers


def processed(
    scores: jax.Array, tokens: jax.Array, there: jax.Array, made: jax.Array | int, form: Form, numbers: Numbers
) -> jax.Array:
    """The scores that remain; tokens that are ruled out have minus infinity.

    Args:
        scores: (N, V), float32.
        tokens: (N, S), the texts so far.
        there: (N, S), where they have a token that is no padding.
        made: how many tokens were made.
        form: see `Form`.
        numbers: see `Numbers`.
    """
    size = scores.shape[-1]
    if form.penalises:
        rows = jnp.arange(scores.shape[0])[:, None]
        seen = jnp.zeros((scores.shape[0], size + 1), bool).at[rows, jnp.where(there, tokens, size)].set(True)[:, :size]
        penalised = jnp.where(scores < 0, scores * numbers.penalty, scores / numbers.penalty)
        scores = jnp.where(seen, penalised, scores)
    if form.holds:
        scores = jnp.where((made < numbers.least) & _among(numbers.ends, size), -jnp.inf, scores)
    if form.suppresses:
        scores = jnp.where(_among(numbers.suppressed, size), -jnp.inf, scores)
    if form.begins:
        scores = jnp.where((made == 0) & _among(numbers.suppressed_first, size), -jnp.inf, scores)
    return _warped(scores, form, numbers) if form.samples else scores


def _among(tokens: jax.Array, size: int) -> jax.Array:
    """(1, V): which tokens are listed."""
    return jnp.isin(jnp.arange(size), tokens)[None]


def _warped(scores: jax.Array, form: Form, numbers: Numbers) -> jax.Array:
    """The distribution that is drawn from: tempered, without its tail."""
    size = scores.shape[-1]
    kept = numbers.ends.shape[0] + 1 if form.beams > 1 else 1
    if form.cools:
        scores = scores / numbers.temperature
    if form.top_k:
        ordered = jnp.sort(scores, -1)
        k = jnp.clip(jnp.maximum(numbers.top_k, kept), 1, size)
        scores = jnp.where(scores < jnp.take(ordered, size - k, axis=-1)[:, None], -jnp.inf, scores)
    if form.top_p:
        order = jnp.argsort(scores, -1)
        cumulative = jnp.cumsum(jax.nn.softmax(jnp.take_along_axis(scores, order, -1), -1), axis=-1)
        out = (cumulative <= 1 - numbers.top_p) & (jnp.arange(size) < size - kept)[None]
        rows = jnp.arange(scores.shape[0])[:, None]
        scores = jnp.where(jnp.zeros_like(out).at[rows, order].set(out), -jnp.inf, scores)
    if form.min_p:
        probabilities = jax.nn.softmax(scores, -1)
        out = probabilities < numbers.min_p * jnp.max(probabilities, -1, keepdims=True)
        if kept > 1:
            out &= probabilities < jax.lax.top_k(probabilities, min(kept, size))[0][:, -1:]
        scores = jnp.where(out, -jnp.inf, scores)
    return scores
