"""Whisper (Radford et al., arXiv:2212.04356): speech, as mel spectrograms, to text."""

from __future__ import annotations

from typing import Any

import jax

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._losses import shifted_right, token_loss
from fnn.text.cache import KVCache
from fnn.text.models.whisper_config import WhisperConfig
from fnn.text.models.whisper_stacks import _Decoder, _Encoder
from fnn.text.outputs import BaseModelOutput, Seq2SeqLMOutput, Seq2SeqModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike, DType

__all__ = ["WhisperForConditionalGeneration", "WhisperModel"]


Given = ArrayLike | None


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
