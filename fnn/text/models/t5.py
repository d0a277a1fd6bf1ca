"""T5 (Raffel et al., arXiv:1910.10683)."""

from __future__ import annotations

from typing import Any

import jax

from fnn import nn
from fnn.dtypes import to_array
from fnn.text._losses import shifted_right, token_loss
from fnn.text._masks import padding_mask
from fnn.text.cache import KVCache
from fnn.text.models.t5_config import T5Config
from fnn.text.models.t5_stack import _Stack
from fnn.text.outputs import BaseModelOutput, Seq2SeqLMOutput, Seq2SeqModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike, DType

__all__ = ["T5EncoderModel", "T5ForConditionalGeneration", "T5Model"]


Given = ArrayLike | None


class _T5(PreTrainedModel[T5Config]):
    config_class = T5Config
    obsolete = ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",)
    tied = {"encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight"}

    def __init__(self, config: T5Config, decodes: bool = True) -> None:
        super().__init__(config)
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = _Stack(config, config.num_layers, False)
        if decodes:
            self.decoder = _Stack(config, config.num_decoder_layers or config.num_layers, True)

    def post_init(self) -> None:
        if not self.config.tie_word_embeddings:  # only the output layer may have a weight of its own
            for name in ("encoder", "decoder"):
                if hasattr(self, name):
                    getattr(self, name).embed_tokens.weight = self.shared.weight
        super().post_init()

    def encode(self, input_ids: ArrayLike, attention_mask: Given = None) -> jax.Array:
        """The encoder's last states, (N, S, E)."""
        return self.encoder(input_ids, attention_mask, None)[0]

    def make_cache(self, batch_size: int, length: int, encoder_length: int, dtype: DType | None = None) -> KVCache:
        """An empty cache for ``batch_size`` texts of up to ``length`` tokens, of inputs of ``encoder_length``."""
        heads, size = self.config.num_heads, self.config.d_kv
        dtype = self.shared.weight.dtype if dtype is None else dtype
        cross = (batch_size, heads, encoder_length, size)
        return KVCache(len(self.decoder.block), (batch_size, heads, length, size), dtype, cross)

    def _run(
        self,
        input_ids: Given,
        attention_mask: Given,
        decoder_input_ids: Given,
        decoder_attention_mask: Given,
        encoder_outputs: Any,
        cache: KVCache | None,
        inputs_embeds: Given,
        decoder_inputs_embeds: Given,
    ) -> tuple[jax.Array, tuple[jax.Array, ...], jax.Array | None, tuple[jax.Array, ...] | None]:
        """The decoder's and the encoder's last states and all of theirs."""
        states = None
        if encoder_outputs is not None:
            source = (
                encoder_outputs.last_hidden_state if isinstance(encoder_outputs, BaseModelOutput) else encoder_outputs
            )
        elif input_ids is None and inputs_embeds is None and cache is not None:
            source = None  # what is needed of it is in the cache
        else:
            source, states = self.encoder(input_ids, attention_mask, inputs_embeds)
        mask = None
        if attention_mask is not None:
            given = to_array(attention_mask, "attention_mask")
            mask = padding_mask(given, given.shape[-1], type(self).__name__)
        x, decoder_states = self.decoder(
            decoder_input_ids, decoder_attention_mask, decoder_inputs_embeds, source, mask, cache
        )
        return x, decoder_states, source, states


class T5Model(_T5):
    """T5 without a head."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        cache: KVCache | None = None,
        inputs_embeds: Given = None,
        decoder_inputs_embeds: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqModelOutput:
        """The states of all tokens.

        Args:
            input_ids: (N, S) tokens of the encoder.
            attention_mask: (N, S), 0 for padding.
            decoder_input_ids: (N, L) tokens of the decoder.
            decoder_attention_mask: (N, L), 0 for padding.
            encoder_outputs: (N, S, E), in place of the encoder's inputs.
            cache: of the decoder's tokens before, and of the encoder's output.
            inputs_embeds: (N, S, E), in place of the tokens.
            decoder_inputs_embeds: (N, L, E), in place of the tokens.
            output_hidden_states: whether to return the states after each block.
        """
        x, states, source, encoder_states = self._run(
            input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, encoder_outputs, cache,
            inputs_embeds, decoder_inputs_embeds,
        )  # fmt: skip
        keep = output_hidden_states
        return Seq2SeqModelOutput(x, states if keep else None, source, encoder_states if keep else None)


class T5EncoderModel(_T5):
    """T5's encoder."""

    tied = {"encoder.embed_tokens.weight": "shared.weight"}

    def __init__(self, config: T5Config) -> None:
        super().__init__(config, decodes=False)
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        inputs_embeds: Given = None,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """The states of all tokens; see `T5Model.forward`."""
        x, states = self.encoder(input_ids, attention_mask, inputs_embeds)
        return BaseModelOutput(x, hidden_states=states if output_hidden_states else None)


class T5ForConditionalGeneration(_T5):
    """T5 with the logits of the decoder's next token."""

    tied = {**_T5.tied, "lm_head.weight": "shared.weight"}

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.scale = config.d_model**-0.5 if config.scale_decoder_outputs else 1.0
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        cache: KVCache | None = None,
        inputs_embeds: Given = None,
        decoder_inputs_embeds: Given = None,
        labels: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqLMOutput:
        """The logits of the token after each of the decoder's; see `T5Model.forward`.

        ``labels``, (N, L) with -100 where there is no loss, are also the decoder's inputs, shifted, if there are none.
        """
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            start, pad = self.config.decoder_start_token_id, self.config.pad_token_id
            decoder_input_ids = shifted_right(to_array(labels, "labels"), start, pad, "T5ForConditionalGeneration")
        x, states, source, encoder_states = self._run(
            input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, encoder_outputs, cache,
            inputs_embeds, decoder_inputs_embeds,
        )  # fmt: skip
        logits = self.lm_head(x * self.scale)
        keep = output_hidden_states
        return Seq2SeqLMOutput(
            token_loss(logits, labels), logits, states if keep else None, source, encoder_states if keep else None
        )
