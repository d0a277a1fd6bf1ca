"""What is done to the scores of the next token, drawn or not: tokens and sequences preferred, penalised, forbidden.

Each takes the scores (N, V) of float32, the `Context` and its own numbers.  What a text holds includes the padding that
it was given, as transformers counts; only the penalty of repetitions looks past it.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax


@dataclass(frozen=True)
class Context:
    """The texts for whose next token there are scores.

    Attributes:
        tokens: (N, S), the texts with room behind.
        there: (N, S), where they have a token that is no padding.
        first: the place at which they begin.
        place: that of the next token.
        made: how many tokens were made.
        most: how many are made at most.
        ends: (any,) tokens that end a text.
        source: (N, R), the encoder's inputs, or else the prompts.
        source_range: the places at which these begin and end.
        kept: how many tokens are never ruled out by what cuts the tail of a distribution.
    """

    tokens: jax.Array
    there: jax.Array
    first: jax.Array | int
    place: jax.Array | int
    made: jax.Array | int
    most: jax.Array
    ends: jax.Array
    source: jax.Array | None
    source_range: tuple[jax.Array | int, jax.Array | int]
    kept: int


def among(tokens: jax.Array, size: int) -> jax.Array:
    """(1, V): which tokens are listed."""
    return jnp.isin(jnp.arange(size), tokens)[None]


def _marked(tokens: jax.Array, where: jax.Array, size: int) -> jax.Array:
    """(N, V): which tokens (N, S) there are at the places ``where``."""
    rows = jnp.arange(tokens.shape[0])[:, None]
    seen = jnp.zeros((tokens.shape[0], size + 1), bool)  # the last column is for those elsewhere
    return seen.at[rows, jnp.where(where, tokens, size)].set(True)[:, :size]


def _scaled(scores: jax.Array, which: jax.Array, by: jax.Array) -> jax.Array:
    return jnp.where(which, jnp.where(scores < 0, scores * by, scores / by), scores)


def sequence_bias(scores: jax.Array, context: Context, sequences: jax.Array, biases: jax.Array) -> jax.Array:
    """Adds to the scores of tokens that would complete a sequence.

    Args:
        scores: (N, V).
        context: see `Context`.
        sequences: (B, M), shorter ones behind -1; one of -1 only is none.
        biases: (B,).
    """
    size, width = scores.shape[-1], sequences.shape[1] - 1
    places = context.place - width + jnp.arange(width)
    last = jnp.take(context.tokens, jnp.maximum(places, 0), axis=1)[:, None]  # (N, 1, M - 1)
    starts = sequences[:, :-1]
    fits = ((last == starts[None]) & (places >= context.first)[None, None]) | (starts < 0)[None]
    added = jnp.where(jnp.all(fits, -1), biases[None], 0.0)  # (N, B)
    ends = jnp.where(sequences[:, -1] < 0, size, sequences[:, -1])
    spare = jnp.zeros((scores.shape[0], size + 1), scores.dtype)
    return scores + spare.at[:, ends].add(added)[:, :size]


def encoder_repetition_penalty(scores: jax.Array, context: Context, penalty: jax.Array) -> jax.Array:
    """Makes the tokens of the source likelier."""
    assert context.source is not None
    at, (low, high) = jnp.arange(context.source.shape[1]), context.source_range
    where = jnp.broadcast_to((at >= low) & (at < high), context.source.shape)
    return _scaled(scores, _marked(context.source, where, scores.shape[-1]), 1 / penalty)


def repetition_penalty(scores: jax.Array, context: Context, penalty: jax.Array) -> jax.Array:
    """Makes the tokens of the text less likely (Keskar et al., arXiv:1909.05858)."""
    return _scaled(scores, _marked(context.tokens, context.there, scores.shape[-1]), penalty)


def _followers(source: jax.Array, low: jax.Array | int, high: jax.Array | int, context: Context, n: jax.Array):
    """(N, R): the tokens of a source that follow there on what are the last n - 1 tokens of the text."""
    place, at = context.place, jnp.arange(source.shape[1])

    def matches(i: jax.Array, so_far: jax.Array) -> jax.Array:
        own = jnp.take(context.tokens, jnp.maximum(place - i, 0), axis=1)[:, None]
        return so_far & (jnp.roll(source, i, axis=1) == own)

    whole = (at < high) & (at - n + 1 >= low) & (place - n + 1 >= context.first)
    return lax.fori_loop(1, n, matches, jnp.broadcast_to(whole, source.shape))


def no_repeat_ngram_size(scores: jax.Array, context: Context, n: jax.Array) -> jax.Array:
    """Rules out what would repeat a sequence of n tokens."""
    follows = _followers(context.tokens, context.first, context.place, context, n)
    return jnp.where(_marked(context.tokens, follows, scores.shape[-1]), -jnp.inf, scores)


def encoder_no_repeat_ngram_size(scores: jax.Array, context: Context, n: jax.Array) -> jax.Array:
    """Rules out what would repeat a sequence of n tokens of the source."""
    assert context.source is not None
    follows = _followers(context.source, *context.source_range, context, n)
    return jnp.where(_marked(context.source, follows, scores.shape[-1]), -jnp.inf, scores)


def min_new_tokens(scores: jax.Array, context: Context, least: jax.Array) -> jax.Array:
    """Rules out the end."""
    return jnp.where((context.made < least) & among(context.ends, scores.shape[-1]), -jnp.inf, scores)


def _only(scores: jax.Array, tokens: jax.Array, when: jax.Array | bool) -> jax.Array:
    forced = jnp.where(among(tokens, scores.shape[-1]), 0.0, -jnp.inf)
    return jnp.where(when, jnp.broadcast_to(forced, scores.shape), scores)


def forced_bos_token_id(scores: jax.Array, context: Context, token: jax.Array) -> jax.Array:
    """Leaves one token as the second of the text."""
    return _only(scores, token, context.place - context.first == 1)


def forced_eos_token_id(scores: jax.Array, context: Context, tokens: jax.Array) -> jax.Array:
    """Leaves some tokens as the last."""
    return _only(scores, tokens, context.made == context.most - 1)


def exponential_decay_length_penalty(
    scores: jax.Array, context: Context, start: jax.Array, factor: jax.Array
) -> jax.Array:
    """Makes the end likelier with each token behind ``start``."""
    over = (context.made - start).astype(jnp.float32)
    more = jnp.where(jnp.isfinite(scores), jnp.abs(scores) * (factor**over - 1), 0.0)
    return jnp.where((over > 0) & among(context.ends, scores.shape[-1]), scores + more, scores)


def suppress_tokens(scores: jax.Array, context: Context, tokens: jax.Array) -> jax.Array:
    """Rules tokens out."""
    return jnp.where(among(tokens, scores.shape[-1]), -jnp.inf, scores)


def begin_suppress_tokens(scores: jax.Array, context: Context, tokens: jax.Array, when: jax.Array) -> jax.Array:
    """Rules tokens out when so many were made."""
    return jnp.where((context.made == when) & among(tokens, scores.shape[-1]), -jnp.inf, scores)
