"""Beam search, as transformers has it.

Of each text K hypotheses are kept that go on, and K that are finished; a step looks at the best continuations of all,
so many that K of them do not end the text.  A score is the sum of the tokens' log-probabilities, for finished ones
divided by ``length ** length_penalty``.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import lax

from fnn import random
from fnn.func import while_loop
from fnn.text.generation._form import Form, Numbers
from fnn.text.generation._steps import Steps

_NEVER = -1e9  # the score of a hypothesis that is none


class _Beams(NamedTuple):
    made: jax.Array
    running: jax.Array  # (N, K, S)
    running_scores: jax.Array  # (N, K)
    finished: jax.Array  # (N, K, S)
    scores: jax.Array  # (N, K)
    lengths: jax.Array  # (N, K), of the finished ones
    is_finished: jax.Array  # (N, K)
    hopeful: jax.Array  # (N, 1): whether a running one may still be better than the finished ones
    over: jax.Array
    places: jax.Array | None  # (N, K), of the running ones, in what the strings that end a text begin with


def _rows(x: jax.Array, index: jax.Array) -> jax.Array:
    """Of (N, A, ...) the entries (N, B) of the second axis."""
    return jnp.take_along_axis(x, index.reshape(*index.shape, *(1,) * (x.ndim - 2)), 1)


def beams(steps: Steps, form: Form, numbers: Numbers) -> tuple[jax.Array, jax.Array]:
    """The best texts (N * copies, P + room), and how many tokens were made at most."""
    logits = steps.prompt()
    k = form.beams
    texts = steps.texts(numbers.fill)
    n, size = texts.shape[0] // k, texts.shape[1]
    texts = texts.reshape(n, k, size)
    never = jnp.full((n, k), _NEVER, jnp.float32)
    state = _Beams(
        jnp.zeros((), jnp.int32), texts, never.at[:, 0].set(0.0), texts, never, jnp.zeros((n, k), jnp.int32),
        jnp.zeros((n, k), bool), jnp.ones((n, 1), bool), jnp.zeros((), bool),
        None if numbers.stops is None else numbers.stops.behind_prompts(n * k).reshape(n, k),
    )  # fmt: skip

    def step(state: _Beams) -> _Beams:
        last = lax.dynamic_index_in_dim(state.running, steps.start + state.made - 1, 2, keepdims=False)
        return _advanced(steps.next(last.reshape(-1), state.made), state, steps, form, numbers)

    state = _advanced(logits, state, steps, form, numbers)
    state = while_loop(lambda state: ~state.over, step, state)
    best, lengths = state.finished[:, : form.copies], state.lengths[:, : form.copies]
    return best.reshape(-1, size), jnp.max(lengths)


def _advanced(logits: jax.Array, state: _Beams, steps: Steps, form: Form, numbers: Numbers) -> _Beams:
    n, k, size = state.running.shape
    made, ends = state.made, numbers.ends.shape[0] if form.ends else 0
    flat = state.running.reshape(n * k, size)
    scores = steps.processed(jax.nn.log_softmax(logits, -1), flat, made)
    vocabulary = scores.shape[-1]
    total = (scores.reshape(n, k, vocabulary) + state.running_scores[:, :, None]).reshape(n, -1)

    candidates = max(2, 1 + ends) * k
    if form.samples:  # draws without replacement
        key = cast(jax.Array, random.resolve(random.AMBIENT, "generate"))
        noise = jax.random.gumbel(key, total.shape)
        index = lax.top_k(jax.nn.log_softmax(total, -1) + noise, candidates)[1]
        index = _rows(index, jnp.argsort(-_rows(total, index), -1))
        best = _rows(total, index)
    else:
        best, index = lax.top_k(total, candidates)
    parents, tokens = index // vocabulary, (index % vocabulary).astype(flat.dtype)
    texts = _rows(state.running, parents)
    place = (jnp.zeros_like(made), jnp.zeros_like(made), steps.start + made)
    texts = lax.dynamic_update_slice(texts, tokens[:, :, None], place)

    ended = jnp.broadcast_to(made + 1 >= numbers.most, tokens.shape)
    if form.ends:
        ended |= jnp.isin(tokens, numbers.ends)
    places = state.places
    if numbers.stops is not None and places is not None:
        places, completed = numbers.stops.after(_rows(places, parents), tokens)
        ended |= completed

    # those that go on
    chosen = lax.top_k(best + ended * _NEVER, k)[1]
    running, running_scores = _rows(texts, chosen), _rows(best + ended * _NEVER, chosen)
    places = None if places is None else _rows(places, chosen)
    steps.cache.reorder((_rows(parents, chosen) + jnp.arange(n)[:, None] * k).reshape(-1))

    # those that are finished, of which there may be better ones now
    new = ended & (jnp.arange(candidates) < k)[None]
    worth = best / (made + 1).astype(jnp.float32) ** numbers.length_penalty
    full = jnp.all(state.is_finished, -1, keepdims=True) & (form.early is True)
    worth += (full.astype(jnp.float32) + (~state.hopeful) + (~new)) * _NEVER
    lengths = jnp.broadcast_to(made + 1, tokens.shape)
    keep = lax.top_k(jnp.concatenate((state.scores, worth), 1), k)[1]
    merged = [
        _rows(jnp.concatenate(pair, 1), keep)
        for pair in ((state.finished, texts), (state.scores, worth), (state.lengths, lengths), (state.is_finished, new))
    ]

    made = made + 1
    longest = made
    if form.early == "never":  # a longer text cannot be better if there is no reward for length
        longest = jnp.where(numbers.length_penalty > 0, numbers.most, made)
    hope = running_scores[:, :1] / longest.astype(jnp.float32) ** numbers.length_penalty
    worst = jnp.where(merged[3], jnp.min(merged[1], 1, keepdims=True), _NEVER)
    hopeful = state.hopeful & jnp.any(hope > worst, -1, keepdims=True)
    open_ = ~(jnp.all(merged[3]) & (form.early is True))
    over = ~(jnp.any(hopeful) & open_ & ~jnp.all(ended))
    return _Beams(made, running, running_scores, merged[0], merged[1], merged[2], merged[3], hopeful, over, places)
