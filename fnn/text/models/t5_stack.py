"""T5's encoder and decoder: attention by distance, blocks, the stack."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.text._activations import activation
from fnn.text._heads import embedded
from fnn.text._masks import causal_mask, padding_mask
from fnn.text._norms import RMSNorm
from fnn.text._projected import ProjectedAttention
from fnn.text.cache import KVCache, length_of
from fnn.text.models.t5_config import T5Config
from fnn.typing import ArrayLike

Given = ArrayLike | None


class _MLP(nn.Module):
    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.gated, name = config.act
        for layer in ("wi_0", "wi_1") if self.gated else ("wi",):
            setattr(self, layer, nn.Linear(config.d_model, config.d_ff, bias=False))
        self.wo = nn.Linear(config.d_ff, config.d_model, bias=False)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.act = activation(name)

    def forward(self, x: jax.Array) -> jax.Array:
        inner = self.act(self.wi_0(x)) * self.wi_1(x) if self.gated else self.act(self.wi(x))
        return self.wo(self.dropout(inner))


class _Attention(ProjectedAttention):
    """T5's attention: scores are not scaled; the first of a stack has the table of distances."""

    def __init__(self, config: T5Config, layer: int, two_sided: bool | None) -> None:
        names, inner = ("q", "k", "v", "o"), config.num_heads * config.d_kv
        super().__init__(
            config.d_model, config.num_heads, names, (False, False, False, False), inner=inner, scale=1.0,
            dropout=config.dropout_rate, layer=layer,
        )  # fmt: skip
        self.two_sided = bool(two_sided)
        self.buckets, self.farthest = config.relative_attention_num_buckets, config.relative_attention_max_distance
        if two_sided is not None:
            self.relative_attention_bias = nn.Embedding(self.buckets, config.num_heads)

    def distances(self, queries: int, keys: int, start: jax.Array | int) -> jax.Array:
        """(1, H, L, S): what is added to the scores, by the distance from query to key."""
        distance = jnp.arange(keys)[None, :] - (jnp.arange(queries)[:, None] + start)
        count, first = self.buckets, jnp.zeros_like(distance)
        if self.two_sided:
            count //= 2
            first = jnp.where(distance > 0, count, 0)
            distance = jnp.abs(distance)
        else:
            distance = -jnp.minimum(distance, 0)
        exact = count // 2
        far = jnp.log(jnp.maximum(distance, 1).astype(jnp.float32) / exact) / math.log(self.farthest / exact)
        far = jnp.minimum(exact + (far * (count - exact)).astype(jnp.int32), count - 1)
        bucket = first + jnp.where(distance < exact, distance, far)
        return jnp.moveaxis(self.relative_attention_bias(bucket), -1, 0)[None]


class _SelfAttention(nn.Module):
    def __init__(self, config: T5Config, layer: int, two_sided: bool | None) -> None:
        super().__init__()
        self.SelfAttention = _Attention(config, layer, two_sided)
        self.layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(self, x: jax.Array, mask: jax.Array | None, bias: jax.Array, cache: KVCache | None) -> jax.Array:
        return x + self.dropout(self.SelfAttention(self.layer_norm(x), mask, cache=cache, bias=bias))


class _CrossAttention(nn.Module):
    def __init__(self, config: T5Config, layer: int) -> None:
        super().__init__()
        self.EncDecAttention = _Attention(config, layer, None)
        self.layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(
        self, x: jax.Array, mask: jax.Array | None, source: jax.Array | None, cache: KVCache | None
    ) -> jax.Array:
        attended = self.EncDecAttention(self.layer_norm(x), mask, cache=cache, crosses=True, source=source)
        return x + self.dropout(attended)


class _FF(nn.Module):
    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.DenseReluDense = _MLP(config)
        self.layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(self, x: jax.Array) -> jax.Array:
        return x + self.dropout(self.DenseReluDense(self.layer_norm(x)))


class _Block(nn.Module):
    def __init__(self, config: T5Config, n: int, decodes: bool) -> None:
        super().__init__()
        parts: list[nn.Module] = [_SelfAttention(config, n, (not decodes) if n == 0 else None)]
        if decodes:
            parts.append(_CrossAttention(config, n))
        self.layer = nn.ModuleList([*parts, _FF(config)])


class _Stack(nn.Module):
    """The encoder or the decoder."""

    def __init__(self, config: T5Config, layers: int, decodes: bool) -> None:
        super().__init__()
        self.decodes = decodes
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.block = nn.ModuleList([_Block(config, n, decodes) for n in range(layers)])
        self.final_layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(
        self,
        input_ids: Given,
        attention_mask: Given,
        inputs_embeds: Given,
        source: jax.Array | None = None,
        source_mask: jax.Array | None = None,
        cache: KVCache | None = None,
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """The last states, and those before each block with the last."""
        what = "T5's decoder" if self.decodes else "T5's encoder"
        x = self.dropout(embedded(what, self.embed_tokens, input_ids, inputs_embeds))
        queries, start = x.shape[1], length_of(cache)
        keys = queries if cache is None else cache.capacity
        mask = padding_mask(attention_mask, keys, what)
        if self.decodes:
            mask = causal_mask(queries, keys, start, mask)
        bias = self.block[0].layer[0].SelfAttention.distances(queries, keys, start)
        states = []
        for block in self.block:
            states.append(x)
            x = block.layer[0](x, mask, bias, cache)
            if self.decodes:
                x = block.layer[1](x, source_mask, source, cache)
            x = block.layer[-1](x)
        if cache is not None:
            cache.advance(queries)
        x = self.dropout(self.final_layer_norm(x))
        return x, (*states, x)
