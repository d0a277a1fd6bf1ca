"""Attention between four linear layers, whose names differ from one architecture to the next."""

from __future__ import annotations

import jax

from fnn import nn
from fnn.text._attention import attend, join_heads, split_heads
from fnn.text.cache import KVCache


class ProjectedAttention(nn.Module):
    """Attention of a text to itself or to another.

    Args:
        size: E.
        heads: H.
        names: of the layers for queries, keys, values and the output; None for the last leaves it out.
        biases: whether they have biases.
        inner: H * D; None: E.
        scale: of the scores; None: the root of D is divided by.
        dropout: the probability of a weight to be dropped in training.
        layer: the number of the layer in a cache.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        names: tuple[str, str, str, str | None],
        biases: tuple[bool, bool, bool, bool] = (True, True, True, True),
        *,
        inner: int | None = None,
        scale: float | None = None,
        dropout: float = 0.0,
        layer: int = 0,
    ) -> None:
        super().__init__()
        inner = size if inner is None else inner
        self.names, self.layer, self.dropout_p, self.size = names, layer, dropout, inner // heads
        self.scale = self.size**-0.5 if scale is None else scale
        for name, bias in zip(names[:3], biases, strict=False):
            setattr(self, name, nn.Linear(size, inner, bias=bias))
        if names[3] is not None:
            setattr(self, names[3], nn.Linear(inner, size, bias=biases[3]))

    def _projected(self, which: int, x: jax.Array) -> jax.Array:
        return split_heads(getattr(self, self.names[which] or "")(x), self.size)

    def forward(
        self,
        x: jax.Array,
        mask: jax.Array | None = None,
        *,
        cache: KVCache | None = None,
        bias: jax.Array | None = None,
        crosses: bool = False,
        source: jax.Array | None = None,
    ) -> jax.Array:
        """(N, L, E) -> (N, L, E).

        Args:
            x: what queries are made of, and keys and values too, unless it ``crosses``.
            mask: see `attend`.
            cache: of keys and values.
            bias: see `attend`.
            crosses: whether keys and values are of ``source``; without one they are in the cache.
            source: (N, S, E).
        """
        q = self._projected(0, x)
        if crosses and source is None:
            assert cache is not None
            k, v = cache.cross(self.layer)
        else:
            base = source if crosses and source is not None else x
            k, v = self._projected(1, base), self._projected(2, base)
            if cache is not None and crosses:
                cache.set_cross(self.layer, k, v)
            elif cache is not None:
                k, v = cache.update(self.layer, k, v)
        dropout = self.dropout_p if self.training else 0.0
        attended = join_heads(attend(q, k, v, mask, scale=self.scale, bias=bias, dropout=dropout))
        return attended if self.names[3] is None else getattr(self, self.names[3])(attended)
