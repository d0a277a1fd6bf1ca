"""One token after the other: the likeliest, or a drawn one."""

from __future__ import annotations

from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import lax

from fnn import random
from fnn.func import while_loop
from fnn.text.generation._form import Form, Numbers
from fnn.text.generation._listening import tell
from fnn.text.generation._steps import Steps


def drawn(scores: jax.Array, form: Form) -> jax.Array:
    """A token for each row of (..., V): the likeliest, or by chance."""
    if not form.samples:
        return jnp.argmax(scores, -1)
    key = cast(jax.Array, random.resolve(random.AMBIENT, "generate"))
    return jax.random.categorical(key, scores)


def single(steps: Steps, form: Form, numbers: Numbers) -> tuple[jax.Array, jax.Array]:
    """The texts (N, P + room), and how many tokens were made."""
    logits = steps.prompt()

    def chosen(logits: jax.Array, state: tuple[Any, ...]) -> tuple[Any, ...]:
        made, texts, _, finished, stopped, place = state
        token = drawn(steps.processed(logits, texts, made), form).astype(texts.dtype)
        if form.ends:
            token = jnp.where(finished, numbers.pad.astype(token.dtype), token)
            finished |= jnp.isin(token, numbers.ends)
        if numbers.stops is not None:
            place, completed = numbers.stops.after(place, token)
            finished |= completed
        texts = lax.dynamic_update_slice(texts, token[:, None], (jnp.zeros_like(made), steps.start + made))
        if form.listens:
            _, stopped = tell(numbers.listener, token[:, None], jnp.ones_like(made))
        return made + 1, texts, token, finished, stopped, place

    rows = steps.ids.shape[0]
    state = (
        jnp.zeros((), jnp.int32), steps.texts(numbers.pad), jnp.zeros(rows, steps.ids.dtype), jnp.zeros(rows, bool),
        jnp.zeros((), bool), None if numbers.stops is None else numbers.stops.behind_prompts(rows),
    )  # fmt: skip

    def goes_on(state: tuple[Any, ...]) -> jax.Array:
        made, _, _, finished, stopped, _ = state
        return (made < numbers.most) & ~jnp.all(finished) & ~stopped

    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        return chosen(steps.next(state[2], state[0]), state)

    made, texts, *_ = while_loop(goes_on, step, chosen(logits, state))
    return texts, made
