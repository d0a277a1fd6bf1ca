"""Tokens that a smaller model proposes and the model checks, several at a time (Leviathan et al., arXiv:2211.17192).

A round: the assistant makes K tokens; the model gives the scores behind each of them in one call; those that it would
have made itself stay, and the first that it would not is replaced by one of its own.  Greedily these are the tokens
that the model makes alone; a drawn one stays with probability min(1, p / q), and its replacement is drawn from what p
has more than q, so that tokens have the model's distribution p.  The texts of a batch go on together: a round makes as
many tokens as are settled in each of them, which are at least one.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import lax

from fnn import random
from fnn.func import fori_loop, while_loop
from fnn.text.generation._form import Form, Numbers
from fnn.text.generation._listening import tell
from fnn.text.generation._single import drawn
from fnn.text.generation._steps import Steps
from fnn.text.generation._stopping import Stops


class _State(NamedTuple):
    made: jax.Array
    texts: jax.Array  # (N, P + room)
    finished: jax.Array  # (N,)
    stopped: jax.Array
    places: jax.Array | None  # (N,), in what the strings that end a text begin with


def speculative(steps: Steps, helper: Steps, form: Form, numbers: Numbers) -> tuple[jax.Array, jax.Array]:
    """The texts (N, P + room), and how many tokens were made; ``helper`` is the assistant's."""
    logits = steps.prompt()
    helper.prompt()
    rows = logits.shape[0]

    def round_(state: _State) -> _State:
        texts, proposed = _proposed(steps, helper, state, logits.shape[-1])
        tokens, settled = _checked(steps, state._replace(texts=texts), proposed)
        return _committed(steps, state, tokens, settled)

    places = None if numbers.stops is None else numbers.stops.behind_prompts(rows)
    state = _State(
        jnp.zeros((), jnp.int32), steps.texts(numbers.pad), jnp.zeros(rows, bool), jnp.zeros((), bool), places
    )
    first = drawn(steps.processed(logits, state.texts, 0), form)[:, None]
    state = _committed(steps, state, first, jnp.zeros(rows, jnp.int32))
    state = while_loop(lambda s: (s.made < numbers.most) & ~jnp.all(s.finished) & ~s.stopped, round_, state)
    return state.texts, state.made


def _put(texts: jax.Array, tokens: jax.Array, place: jax.Array) -> jax.Array:
    return lax.dynamic_update_slice(texts, tokens.astype(texts.dtype), (jnp.zeros_like(place), place))


def _proposed(steps: Steps, helper: Steps, state: _State, size: int) -> tuple[jax.Array, jax.Array]:
    """The texts with the assistant's tokens, and the scores (N, K, V) that it has chosen these from."""
    drafts, made, samples = steps.form.drafts, state.made, steps.form.samples

    def chosen(logits: jax.Array, n: jax.Array | int, texts: jax.Array, all_scores: jax.Array) -> tuple[Any, ...]:
        scores = steps.processed(_fitted(logits, size), texts, made + n)
        token = drawn(scores, steps.form).astype(texts.dtype)
        texts = _put(texts, token[:, None], steps.start + made + n)
        return token, texts, all_scores.at[:, n].set(scores) if samples else all_scores

    def further(n: jax.Array, carry: tuple[Any, ...]) -> tuple[Any, ...]:
        token, texts, all_scores = carry
        return chosen(helper.next(token, made + n), n, texts, all_scores)

    # Of the tokens that the last round made, the assistant may not have seen the last two.
    last = lax.dynamic_slice_in_dim(state.texts, steps.start + made - 2, 2, axis=1)
    scores = jnp.zeros((last.shape[0], drafts, size) if samples else (), jnp.float32)
    carry = chosen(helper.again(last, made - 2)[:, -1], 0, state.texts, scores)
    _, texts, scores = fori_loop(1, drafts, further, carry)
    return texts, scores


def _fitted(logits: jax.Array, size: int) -> jax.Array:
    """Scores of as many tokens as the model has: vocabularies may be rounded up differently."""
    more = size - logits.shape[-1]
    return jnp.pad(logits, ((0, 0), (0, max(more, 0))), constant_values=-jnp.inf)[:, :size]


def _checked(steps: Steps, state: _State, proposed: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The tokens (N, K + 1) after the check, and how many of the proposed ones stay, (N,)."""
    drafts, made = steps.form.drafts, state.made
    block = lax.dynamic_slice_in_dim(state.texts, steps.start + made - 1, drafts + 1, axis=1)
    logits, drafted = steps.again(block, made - 1), block[:, 1:]
    at = jnp.arange(drafts + 1)
    scores = jax.vmap(lambda x, n: steps.processed(x, state.texts, made + n), (1, 0), 1)(logits, at)
    if steps.form.samples:
        stays, tokens = _rejected(scores, proposed, drafted)
    else:
        tokens = jnp.argmax(scores, -1)
        stays = tokens[:, :-1] == drafted
    settled = jnp.sum(jnp.cumprod(stays.astype(jnp.int32), 1), 1)
    return jnp.where(at[None] < settled[:, None], jnp.pad(drafted, ((0, 0), (0, 1))), tokens), settled


def _rejected(scores: jax.Array, proposed: jax.Array, drafted: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Which drafts (N, K) stay, and for each, and behind the last, the token in its place."""
    p, q = jax.nn.softmax(scores, -1), jax.nn.softmax(proposed, -1)
    of = drafted[..., None]
    share = jnp.take_along_axis(p[:, :-1], of, -1)[..., 0] / jnp.take_along_axis(q, of, -1)[..., 0]
    keys = [cast(jax.Array, random.resolve(random.AMBIENT, "generate")) for _ in range(2)]
    stays = jax.random.uniform(keys[0], share.shape) < share
    more = jnp.maximum(p - jnp.pad(q, ((0, 0), (0, 1), (0, 0))), 0)
    more = jnp.where(jnp.any(more > 0, -1, keepdims=True), more, p)  # both are the same, but for rounding
    return stays, jax.random.categorical(keys[1], jnp.log(more))


def _committed(steps: Steps, state: _State, tokens: jax.Array, settled: jax.Array) -> _State:
    """The texts with what is settled: of each row so many tokens and the one behind."""
    form, numbers, made, finished = steps.form, steps.numbers, state.made, state.finished
    width, counts = tokens.shape[1], settled + 1
    over = finished[:, None]
    ended, places = jnp.zeros(tokens.shape, bool), None
    if form.ends:
        ended |= jnp.isin(tokens, numbers.ends)
    if numbers.stops is not None:
        places, completed = _places(numbers.stops, state.places, tokens)
        ended |= completed
    ended &= jnp.arange(width)[None] < counts[:, None]
    ended_by = over | (jnp.cumsum(ended, 1) > 0)  # (N, T): whether the text has ended with this token or before
    if form.ends:  # else a text goes on until all have ended
        before = jnp.concatenate((over, ended_by[:, :-1]), 1)
        tokens = jnp.where(before, numbers.pad.astype(tokens.dtype), tokens)
        counts = jnp.where(ended_by[:, -1], width, counts)  # padding is settled
    all_ended = jnp.all(ended_by, 0)
    counts = jnp.where(jnp.any(all_ended), jnp.minimum(counts, jnp.argmax(all_ended) + 1), counts)
    count = jnp.minimum(jnp.min(counts), numbers.most - made).astype(jnp.int32)
    stopped = state.stopped
    if form.listens:
        heard, stopped = tell(numbers.listener, tokens.astype(state.texts.dtype), count)
        count = jnp.where(stopped, heard, count)
    finished = jnp.any(ended_by & (jnp.arange(width) < count)[None], 1) | finished
    if places is not None:
        places = lax.dynamic_index_in_dim(places, count - 1, 0, keepdims=False)
    return _State(made + count, _put(state.texts, tokens, steps.start + made), finished, stopped, places)


def _places(stops: Stops, place: jax.Array | None, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The places (T, N) behind each of the tokens (N, T), and where a string is completed (N, T)."""
    places, completed = [], []
    for column in jnp.moveaxis(tokens, 1, 0):
        place, by_this = stops.after(cast(jax.Array, place), column)
        places.append(place)
        completed.append(by_this)
    return jnp.stack(places), jnp.stack(completed, 1)
