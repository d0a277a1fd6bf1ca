"""The model as generation sees it: the prompt once, then a token at a time."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp

from fnn.text.generation._form import Form


class Steps:
    """The model, its cache, and what is the same at each step.

    Args:
        model: with the cache protocol.
        ids: (N, P) tokens to begin with.
        mask: (N, P), where they are no padding.
        inputs: of an encoder, (N, S) or as it takes them; None without one.
        inputs_mask: (N, S); None: all are there.
        form: see `Form`.
    """

    def __init__(
        self,
        model: Any,
        ids: jax.Array,
        mask: jax.Array,
        inputs: jax.Array | None,
        inputs_mask: jax.Array | None,
        form: Form,
    ) -> None:
        self.model, self.ids, self.start, self.form = model, ids, ids.shape[1], form
        self.capacity = self.start + form.room
        self.mask = jnp.pad(mask, ((0, 0), (0, form.room)), constant_values=True)
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
        if times == 1:
            return logits
        self.cache.repeat(times)
        self.ids, self.mask, self.filled, logits = (
            jnp.repeat(x, times, axis=0) for x in (self.ids, self.mask, self.filled, logits)
        )
        if self.inputs_mask is not None:
            self.inputs_mask = jnp.repeat(self.inputs_mask, times, axis=0)
        return logits

    def _encoder_mask(self) -> dict[str, jax.Array]:
        return {} if self.inputs_mask is None else {"attention_mask": self.inputs_mask}

    def next(self, tokens: jax.Array, made: jax.Array) -> jax.Array:
        """The logits behind the tokens (N,) that were made last, ``made`` in all."""
        if self.form.encodes:
            out = self.model(decoder_input_ids=tokens[:, None], cache=self.cache, **self._encoder_mask())
        else:
            positions = (self.filled + made - 1)[:, None]
            out = self.model(tokens[:, None], attention_mask=self.mask, position_ids=positions, cache=self.cache)
        return out.logits[:, -1].astype(jnp.float32)

    def texts(self, fill: jax.Array) -> jax.Array:
        """(N, P + room): the prompts, with room behind."""
        room = jnp.broadcast_to(fill.astype(self.ids.dtype), (self.ids.shape[0], self.form.room))
        return jnp.concatenate((self.ids, room), 1)

    def there(self, made: jax.Array | int) -> jax.Array:
        """(N, P + room): where the texts have tokens that are no padding."""
        return self.mask & (jnp.arange(self.capacity) < self.start + made)[None]
