"""The model as generation sees it: the prompt once, then a token at a time, or several."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp

from fnn.text.generation._form import Form, Numbers
from fnn.text.generation._processors import Context
from fnn.text.generation._scores import processed


class Steps:
    """The model, its cache, and what is the same at each step.

    Args:
        model: with the cache protocol.
        ids: (N, P) tokens to begin with.
        mask: (N, P), where they are no padding.
        inputs: of an encoder, (N, S) or as it takes them; None without one.
        inputs_mask: (N, S); None: all are there.
        form: see `Form`.
        numbers: see `Numbers`.
    """

    def __init__(
        self,
        model: Any,
        ids: jax.Array,
        mask: jax.Array,
        inputs: jax.Array | None,
        inputs_mask: jax.Array | None,
        form: Form,
        numbers: Numbers,
    ) -> None:
        self.model, self.ids, self.start, self.form, self.numbers = model, ids, ids.shape[1], form, numbers
        room = form.room + form.drafts  # an assistant may propose tokens behind the last
        self.capacity = self.start + room
        self.mask = jnp.pad(mask, ((0, 0), (0, room)), constant_values=True)
        self.filled = jnp.sum(mask, -1).astype(jnp.int32)  # the place of the first new token in each text
        self.inputs, self.inputs_mask = inputs, inputs_mask

    def prompt(self) -> jax.Array:
        """The logits behind the prompt, (N, V); each text is then there as often as it is continued."""
        parameters = inspect.signature(self.model.forward).parameters
        last: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        n = self.ids.shape[0]
        if self.form.encodes:
            encoded = self.model.encode(self.inputs, **self._encoder_mask())
            self.cache = self.model.make_cache(n, self.capacity, encoded.shape[1])
            out = self.model(
                decoder_input_ids=self.ids, encoder_outputs=encoded, cache=self.cache, **self._encoder_mask(), **last
            )
        else:
            self.cache = self.model.make_cache(n, self.capacity)
            positions = jnp.maximum(jnp.cumsum(self.mask[:, : self.start], axis=-1) - 1, 0)
            out = self.model(self.ids, attention_mask=self.mask, position_ids=positions, cache=self.cache, **last)
        logits = out.logits[:, -1].astype(jnp.float32)
        times = self.form.beams if self.form.beams > 1 else self.form.copies
        if times > 1:
            self.cache.repeat(times)
            self.ids, self.mask, self.filled, logits = (
                jnp.repeat(x, times, axis=0) for x in (self.ids, self.mask, self.filled, logits)
            )
            self.inputs, self.inputs_mask = (
                None if x is None else jnp.repeat(x, times, axis=0) for x in (self.inputs, self.inputs_mask)
            )
        return logits

    def _encoder_mask(self) -> dict[str, jax.Array]:
        return {} if self.inputs_mask is None else {"attention_mask": self.inputs_mask}

    def next(self, tokens: jax.Array, made: jax.Array) -> jax.Array:
        """The logits behind the tokens (N,) that were made last, ``made`` in all."""
        return self._forward(tokens[:, None], made - 1)[:, -1]

    def again(self, tokens: jax.Array, at: jax.Array) -> jax.Array:
        """The logits (N, T, V) behind each of the tokens (N, T), the first of which is the ``at``-th that was made.

        What the cache has of later tokens is forgotten.
        """
        self.cache.rewind(self.start + at)
        return self._forward(tokens, at)

    def _forward(self, tokens: jax.Array, at: jax.Array) -> jax.Array:
        # What is proposed behind the last token is not used, but must not be looked up behind a table of positions.
        at = jnp.minimum(at + jnp.arange(tokens.shape[1]), self.numbers.most - 1)[None]
        if self.form.encodes:
            how = dict(self._encoder_mask())
            if "decoder_position_ids" in inspect.signature(self.model.forward).parameters:
                how["decoder_position_ids"] = self.start + at
            out = self.model(decoder_input_ids=tokens, cache=self.cache, **how)
        else:
            positions = self.filled[:, None] + at
            out = self.model(tokens, attention_mask=self.mask, position_ids=positions, cache=self.cache)
        return out.logits.astype(jnp.float32)

    def texts(self, fill: jax.Array) -> jax.Array:
        """(N, P + room): the prompts, with room behind."""
        room = jnp.broadcast_to(fill.astype(self.ids.dtype), (self.ids.shape[0], self.capacity - self.start))
        return jnp.concatenate((self.ids, room), 1)

    def processed(self, scores: jax.Array, texts: jax.Array, made: jax.Array | int) -> jax.Array:
        """The scores (N, V) of the next token as they are chosen from, ``made`` being there in the texts."""
        numbers, form = self.numbers, self.form
        place, first = self.start + made, self.start - numbers.length
        ids = self.inputs is not None and self.inputs.ndim == 2 and jnp.issubdtype(self.inputs.dtype, jnp.integer)
        context = Context(
            texts, self.mask & (jnp.arange(self.capacity) < place)[None], first, place, made, numbers.most,
            numbers.ends,
            source=(self.inputs if ids else None) if form.encodes else self.ids,
            source_range=(0, numbers.source_length) if form.encodes else (first, self.start),
            kept=max(numbers.ends.shape[0], 1) + 1 if form.beams > 1 else 1,
        )  # fmt: skip
        return processed(scores, context, numbers.processors)
