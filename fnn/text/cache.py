"""Keys and values of the tokens so far, in arrays of fixed length.

**The cache protocol.**  `fnn.generate` takes any Module with these two methods, or with three if it has an encoder:

* ``make_cache(batch_size, length)`` returns a `KVCache`, or another Module whose Buffers hold what the model keeps of
  up to ``length`` tokens of each row, and which has ``length``, the Buffer that counts them,
  ``repeat(times)``, ``reorder(rows)`` for beams and ``rewind(length)`` for an assistant.
* ``forward(input_ids, attention_mask=..., position_ids=..., cache=...)`` takes (N, L) tokens that follow those in the
  cache, adds them to it, and returns an output whose ``logits`` are (N, L, V).  ``attention_mask`` is (N, length),
  False at the places of the cache that hold padding; ``position_ids`` is (N, L).
* ``encode(inputs, attention_mask=...)`` returns the (N, S, E) that ``forward`` takes as ``encoder_outputs`` with the
  prompt; later calls find in the cache what they need of it.  ``attention_mask``, (N, S), is then the encoder's and not
  given where all is there, tokens are ``decoder_input_ids``, and ``make_cache`` takes S as a third argument.

Buffers are carried through `fnn.jit` and `fnn.while_loop`, so the whole generation is one program.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.typing import DType

__all__ = ["KVCache"]


class KVCache(nn.Module):
    """The keys and values of each layer.

    Args:
        layers: how many layers there are.
        shape: (N, G, length, D) of the keys of a layer.
        dtype: of the arrays; None: float32.
        cross: (N, G, S, D) of what a decoder keeps of its encoder, in each layer; None without an encoder.

    Attributes:
        length: how many tokens it holds, a scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> cache = text.KVCache(1, (1, 2, 8, 4))
        >>> keys, values = cache.update(0, jnp.ones((1, 2, 3, 4)), jnp.ones((1, 2, 3, 4)))
        >>> cache.advance(3)
        >>> keys.shape, int(cache.length)
        ((1, 2, 8, 4), 3)
    """

    def __init__(
        self,
        layers: int,
        shape: tuple[int, int, int, int],
        dtype: DType | None = None,
        cross: tuple[int, int, int, int] | None = None,
    ) -> None:
        super().__init__()
        self.capacity = shape[2]
        dtype = jnp.float32 if dtype is None else dtype
        self.register_buffer("length", jnp.zeros((), jnp.int32), persistent=False)
        for n in range(layers):
            self.register_buffer(f"keys{n}", jnp.zeros(shape, dtype), persistent=False)
            self.register_buffer(f"values{n}", jnp.zeros(shape, dtype), persistent=False)
            if cross is not None:
                self.register_buffer(f"cross_keys{n}", jnp.zeros(cross, dtype), persistent=False)
                self.register_buffer(f"cross_values{n}", jnp.zeros(cross, dtype), persistent=False)

    def update(self, layer: int, keys: jax.Array, values: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Puts the keys and values of new tokens behind those of the old.

        Args:
            layer: the number of the layer.
            keys: (N, G, L, D).
            values: (N, G, L, D).

        Returns:
            The keys and values of all places, (N, G, length, D), of which those to come are zero.

        Raises:
            ArgumentError: more tokens than there are places.
        """
        if keys.shape[2] > self.capacity:
            raise ArgumentError(f"KVCache: {keys.shape[2]} tokens do not fit into a cache of length {self.capacity}")
        return self._stored(f"keys{layer}", keys), self._stored(f"values{layer}", values)

    def _stored(self, name: str, new: jax.Array) -> jax.Array:
        box = getattr(self, name)
        zero = jnp.zeros((), jnp.int32)
        place = (zero, zero, self.length.data, zero)
        box.data = lax.dynamic_update_slice(box.data, new.astype(box.dtype), place)
        return box.data

    def advance(self, tokens: int) -> None:
        """Counts the tokens, once all layers have stored them."""
        self.length.data = self.length.data + tokens

    def rewind(self, length: jax.Array | int) -> None:
        """Forgets the tokens behind the first ``length``."""
        self.length.data = jnp.asarray(length, jnp.int32)

    def set_cross(self, layer: int, keys: jax.Array, values: jax.Array) -> None:
        """Keeps the keys and values of an encoder's output, (N, G, S, D)."""
        for name, new in (("cross_keys", keys), ("cross_values", values)):
            box = getattr(self, f"{name}{layer}")
            box.data = new.astype(box.dtype)

    def cross(self, layer: int) -> tuple[jax.Array, jax.Array]:
        """What `set_cross` kept."""
        return getattr(self, f"cross_keys{layer}").data, getattr(self, f"cross_values{layer}").data

    def repeat(self, times: int) -> None:
        """Each row becomes as many rows, for the beams of its text."""
        for name, box in self.named_buffers():
            if name != "length":
                box.data = jnp.repeat(box.data, times, axis=0)

    def reorder(self, rows: jax.Array) -> None:
        """Row n becomes what row ``rows[n]`` was; what is kept of an encoder stays, for beams share it."""
        for name, box in self.named_buffers():
            if name.startswith(("keys", "values")):
                box.data = jnp.take(box.data, rows, axis=0)

    def extra_repr(self) -> str:
        """Its capacity."""
        return f"capacity={self.capacity}"


def length_of(cache: Any) -> jax.Array | int:
    """How many tokens a cache holds, 0 if there is none."""
    return 0 if cache is None else cache.length.data
