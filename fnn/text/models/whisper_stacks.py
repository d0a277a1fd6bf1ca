"""Whisper's encoder and decoder."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.text._activations import activation
from fnn.text._heads import embedded, positions_of
from fnn.text._masks import causal_mask, padding_mask
from fnn.text._projected import ProjectedAttention
from fnn.text.cache import KVCache, length_of
from fnn.text.models.whisper_config import WhisperConfig
from fnn.typing import ArrayLike

Given = ArrayLike | None
_BIASES = (True, False, True, True)


class _Layer(nn.Module):
    """A block; the decoder's attends to the encoder's output, too."""

    def __init__(self, config: WhisperConfig, n: int, decodes: bool) -> None:
        super().__init__()
        size = config.d_model
        heads = config.decoder_attention_heads if decodes else config.encoder_attention_heads
        inner = config.decoder_ffn_dim if decodes else config.encoder_ffn_dim
        names = ("q_proj", "k_proj", "v_proj", "out_proj")

        def attention() -> nn.Module:
            return ProjectedAttention(size, heads, names, _BIASES, dropout=config.attention_dropout, layer=n)

        self.decodes, self.dropout, self.inner_dropout = decodes, config.dropout, config.activation_dropout
        self.self_attn = attention()
        self.self_attn_layer_norm = nn.LayerNorm(size)
        if decodes:
            self.encoder_attn = attention()
            self.encoder_attn_layer_norm = nn.LayerNorm(size)
        self.fc1 = nn.Linear(size, inner)
        self.fc2 = nn.Linear(inner, size)
        self.final_layer_norm = nn.LayerNorm(size)
        self.act = activation(config.activation_function)

    def _dropped(self, x: jax.Array, p: float) -> jax.Array:
        return F.dropout(x, p, training=self.training)

    def forward(
        self,
        x: jax.Array,
        mask: jax.Array | None = None,
        source: jax.Array | None = None,
        cache: KVCache | None = None,
    ) -> jax.Array:
        x = x + self._dropped(self.self_attn(self.self_attn_layer_norm(x), mask, cache=cache), self.dropout)
        if self.decodes:
            normed = self.encoder_attn_layer_norm(x)
            crossed = self.encoder_attn(normed, None, cache=cache, crosses=True, source=source)
            x = x + self._dropped(crossed, self.dropout)
        inner = self._dropped(self.act(self.fc1(self.final_layer_norm(x))), self.inner_dropout)
        return x + self._dropped(self.fc2(inner), self.dropout)


def _sinusoids(length: int, size: int) -> np.ndarray:
    """The encoder's positions: sines, then cosines, of falling frequencies."""
    rates = np.exp(-math.log(10000) / (size // 2 - 1) * np.arange(size // 2, dtype=np.float32))
    angles = np.arange(length, dtype=np.float32)[:, None] * rates[None]
    return np.concatenate((np.sin(angles), np.cos(angles)), 1).astype(np.float32)


class _Encoder(nn.Module):
    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        size = config.d_model
        self.length, self.dropout = config.max_source_positions, config.dropout
        self.conv1 = nn.Conv1d(config.num_mel_bins, size, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(size, size, kernel_size=3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(self.length, size)
        self.embed_positions.requires_grad_(False)
        self.layers = nn.ModuleList([_Layer(config, n, False) for n in range(config.encoder_layers)])
        self.layer_norm = nn.LayerNorm(size)

    def set_positions(self) -> None:
        """Puts sines and cosines where random weights were drawn."""
        table = self.embed_positions.weight
        table.data = jnp.asarray(_sinusoids(*table.shape))

    def forward(self, input_features: ArrayLike) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        features = to_array(input_features, "input_features")
        if features.ndim != 3 or features.shape[-1] != 2 * self.length:
            raise ArgumentError(
                f"Whisper: input_features must be of shape (N, mel bands, {2 * self.length}), got {features.shape}; "
                "pad the spectrograms"
            )
        x = F.gelu(self.conv2(F.gelu(self.conv1(features))))
        x = jnp.swapaxes(x, 1, 2) + self.embed_positions(jnp.arange(self.length)[None])
        x = F.dropout(x, self.dropout, training=self.training)
        states = []
        for layer in self.layers:
            states.append(x)
            x = layer(x)
        x = self.layer_norm(x)
        return x, (*states, x)


class _Decoder(nn.Module):
    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model, config.pad_token_id)
        self.embed_positions = nn.Embedding(config.max_target_positions, config.d_model)
        self.layers = nn.ModuleList([_Layer(config, n, True) for n in range(config.decoder_layers)])
        self.layer_norm = nn.LayerNorm(config.d_model)

    def forward(
        self,
        input_ids: Given,
        attention_mask: Given,
        position_ids: Given,
        inputs_embeds: Given,
        source: jax.Array | None,
        cache: KVCache | None,
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        x = embedded("Whisper's decoder", self.embed_tokens, input_ids, inputs_embeds)
        queries, start = x.shape[1], length_of(cache)
        keys = queries if cache is None else cache.capacity
        mask = causal_mask(queries, keys, start, padding_mask(attention_mask, keys, "Whisper's decoder"))
        x = x + self.embed_positions(positions_of(position_ids, start, queries))
        x = F.dropout(x, self.dropout, training=self.training)
        states = []
        for layer in self.layers:
            states.append(x)
            x = layer(x, mask, source, cache)
        if cache is not None:
            cache.advance(queries)
        x = self.layer_norm(x)
        return x, (*states, x)
