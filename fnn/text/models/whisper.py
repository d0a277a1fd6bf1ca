"""Whisper (Radford et al., arXiv:2212.04356): speech, as mel spectrograms, to text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.text._activations import activation
from fnn.text._heads import embedded, positions_of
from fnn.text._losses import shifted_right, token_loss
from fnn.text._masks import causal_mask, padding_mask
from fnn.text._projected import ProjectedAttention
from fnn.text.cache import KVCache, length_of
from fnn.text.config import Config
from fnn.text.outputs import BaseModelOutput, Seq2SeqLMOutput, Seq2SeqModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike, DType

__all__ = ["WhisperConfig", "WhisperForConditionalGeneration", "WhisperModel"]

Given = ArrayLike | None
_BIASES = (True, False, True, True)


@dataclass(frozen=True, kw_only=True)
class WhisperConfig(Config):
    """Whisper's configuration.

    Args:
        vocab_size: V.
        num_mel_bins: the bands of a spectrogram.
        d_model: E.
        encoder_layers: the encoder's blocks.
        encoder_attention_heads: its heads.
        encoder_ffn_dim: the features inside its MLPs.
        decoder_layers: the same of the decoder.
        decoder_attention_heads: the same of the decoder.
        decoder_ffn_dim: the same of the decoder.
        dropout: the probability of dropping elements.
        attention_dropout: of dropping weights of attention.
        activation_dropout: of dropping elements inside an MLP.
        activation_function: of the MLPs.
        scale_embedding: whether embeddings are multiplied with the root of E; the original has the field and does not
            use it.
        max_source_positions: half the length of a spectrogram.
        max_target_positions: the longest text.
        init_std: the standard deviation of initial weights.
        decoder_start_token_id: what the decoder begins with.
        encoder_layerdrop: must be 0.
        decoder_layerdrop: must be 0.
        apply_spec_augment: must be False.
    """

    model_type: ClassVar[str] = "whisper"
    renamed: ClassVar[Mapping[str, str]] = {"hidden_size": "d_model"}

    vocab_size: int = 51865
    num_mel_bins: int = 80
    d_model: int = 384
    encoder_layers: int = 4
    encoder_attention_heads: int = 6
    encoder_ffn_dim: int = 1536
    decoder_layers: int = 4
    decoder_attention_heads: int = 6
    decoder_ffn_dim: int = 1536
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    activation_function: str = "gelu"
    scale_embedding: bool = False
    max_source_positions: int = 1500
    max_target_positions: int = 448
    init_std: float = 0.02
    decoder_start_token_id: int | None = 50257
    encoder_layerdrop: float = 0.0
    decoder_layerdrop: float = 0.0
    apply_spec_augment: bool = False
    is_encoder_decoder: bool = True
    pad_token_id: int | None = 50256
    bos_token_id: int | None = 50256
    eos_token_id: int | list[int] | None = 50256

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.encoder_layerdrop or self.decoder_layerdrop or self.apply_spec_augment:
            raise ArgumentError(
                "WhisperConfig: layers that are left out and masked spectrograms in training are not supported: "
                "encoder_layerdrop and decoder_layerdrop must be 0, apply_spec_augment False"
            )


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


class _Whisper(PreTrainedModel[WhisperConfig]):
    config_class = WhisperConfig
    base_model_prefix = "model"
    weight_std = "init_std"

    def encode(self, input_features: ArrayLike) -> jax.Array:
        """The encoder's last states, (N, S, E), of (N, mel bands, 2 S)."""
        return self.base_model.encoder(input_features)[0]

    def make_cache(self, batch_size: int, length: int, encoder_length: int, dtype: DType | None = None) -> KVCache:
        """An empty cache for ``batch_size`` texts of up to ``length`` tokens."""
        config, decoder = self.config, self.base_model.decoder
        heads = config.decoder_attention_heads
        size = config.d_model // heads
        dtype = decoder.embed_tokens.weight.dtype if dtype is None else dtype
        cross = (batch_size, heads, encoder_length, size)
        return KVCache(config.decoder_layers, (batch_size, heads, length, size), dtype, cross)


class WhisperModel(_Whisper):
    """Whisper without a head."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        self.post_init()

    def post_init(self) -> None:
        super().post_init()
        self.encoder.set_positions()

    def forward(
        self,
        input_features: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        cache: KVCache | None = None,
        decoder_inputs_embeds: Given = None,
        decoder_position_ids: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqModelOutput:
        """The states of all tokens.

        Args:
            input_features: (N, mel bands, 2 S), the spectrograms.
            decoder_input_ids: (N, L) tokens.
            decoder_attention_mask: (N, L), 0 for padding.
            encoder_outputs: (N, S, E), in place of the spectrograms.
            cache: of the tokens before, and of the encoder's output.
            decoder_inputs_embeds: (N, L, E), in place of the tokens.
            decoder_position_ids: (N, L).
            output_hidden_states: whether to return the states after each block.
        """
        encoder_states = None
        if isinstance(encoder_outputs, BaseModelOutput):
            source = encoder_outputs.last_hidden_state
        elif encoder_outputs is not None:
            source = encoder_outputs
        elif input_features is None and cache is not None:
            source = None  # what is needed of it is in the cache
        elif input_features is None:
            raise ArgumentError(f"{type(self).__name__}: give input_features or encoder_outputs")
        else:
            source, encoder_states = self.encoder(input_features)
        x, states = self.decoder(
            decoder_input_ids, decoder_attention_mask, decoder_position_ids, decoder_inputs_embeds, source, cache
        )
        keep = output_hidden_states
        return Seq2SeqModelOutput(x, states if keep else None, source, encoder_states if keep else None)


class WhisperForConditionalGeneration(_Whisper):
    """Whisper with the logits of the next token."""

    tied = {"proj_out.weight": "model.decoder.embed_tokens.weight"}

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        self.model = WhisperModel(config)
        self.proj_out = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()

    def post_init(self) -> None:
        super().post_init()
        self.model.encoder.set_positions()

    def forward(
        self,
        input_features: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        cache: KVCache | None = None,
        decoder_inputs_embeds: Given = None,
        decoder_position_ids: Given = None,
        labels: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqLMOutput:
        """The logits of the token after each one; see `WhisperModel.forward`.

        ``labels``, (N, L) with -100 where there is no loss, are also the decoder's inputs, shifted, if there are none.
        """
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            start, pad = self.config.decoder_start_token_id, self.config.pad_token_id
            what = "WhisperForConditionalGeneration"
            decoder_input_ids = shifted_right(to_array(labels, "labels"), start, pad, what)
        out = self.model(
            input_features, decoder_input_ids, decoder_attention_mask, encoder_outputs, cache, decoder_inputs_embeds,
            decoder_position_ids, output_hidden_states,
        )  # fmt: skip
        logits = self.proj_out(out.last_hidden_state)
        return Seq2SeqLMOutput(
            token_loss(logits, labels), logits, out.decoder_hidden_states, out.encoder_last_hidden_state,
            out.encoder_hidden_states,
        )  # fmt: skip
