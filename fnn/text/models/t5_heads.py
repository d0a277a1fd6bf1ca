"""T5's classifiers of texts, tokens and spans."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._losses import shifted_right, span_loss, text_loss, token_loss
from fnn.text.models.t5 import _T5, T5EncoderModel, T5Model
from fnn.text.models.t5_config import T5Config
from fnn.text.outputs import LMOutput, Seq2SeqLMOutput, Seq2SeqQuestionAnsweringOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["T5ForQuestionAnswering", "T5ForSequenceClassification", "T5ForTokenClassification"]

Given = ArrayLike | None


def _decoder_inputs(what: str, config: T5Config, input_ids: Given, ids: Given, embeds: Given) -> Given:
    """The decoder's tokens: as given, or else the encoder's behind the start token."""
    if ids is not None or embeds is not None:
        return ids
    if input_ids is None:
        raise ArgumentError(f"{what}: give input_ids, decoder_input_ids or decoder_inputs_embeds")
    start, pad = config.decoder_start_token_id, config.pad_token_id
    return shifted_right(to_array(input_ids, "input_ids"), start, pad, what)


class _ClassificationHead(nn.Module):
    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.d_model, config.d_model)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.out_proj = nn.Linear(config.d_model, config.num_labels)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.out_proj(self.dropout(jnp.tanh(self.dense(self.dropout(x)))))


class T5ForSequenceClassification(PreTrainedModel[T5Config]):
    """T5 with classes of texts, of the decoder's state at the token that ends the text."""

    config_class = T5Config
    base_model_prefix = "transformer"
    obsolete = _T5.obsolete

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.transformer = T5Model(config)
        self.classification_head = _ClassificationHead(config)
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        decoder_inputs_embeds: Given = None,
        labels: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqLMOutput:
        """The logits of each text's class, (N, C); see `T5Model.forward`.

        The decoder is given the encoder's tokens, shifted, if it is given none.
        """
        what, config = "T5ForSequenceClassification", self.config
        if input_ids is None:
            raise ArgumentError(f"{what}: give input_ids, of which the one that ends a text says where its state is")
        ids = to_array(input_ids, "input_ids", f"{what}: ")
        out = self.transformer(
            ids, attention_mask, _decoder_inputs(what, config, ids, decoder_input_ids, decoder_inputs_embeds),
            decoder_attention_mask, encoder_outputs, decoder_inputs_embeds=decoder_inputs_embeds,
            output_hidden_states=output_hidden_states,
        )  # fmt: skip
        ends = ids == config.eos_token_id
        counts = concrete(jnp.sum(ends, 1))
        if counts is not None and (counts.min() != counts.max() or counts.min() < 1):
            raise ArgumentError(
                f"{what}: each text must have the token that ends it ({config.eos_token_id}), and all equally often, "
                f"got {counts.tolist()} of them"
            )
        at = jnp.argmax(jnp.where(ends, jnp.arange(ids.shape[1])[None], -1), 1)
        state = jnp.take_along_axis(out.last_hidden_state, at[:, None, None], 1)[:, 0]
        logits = self.classification_head(state)
        return Seq2SeqLMOutput(
            text_loss(logits, labels, config), logits, out.decoder_hidden_states, out.encoder_last_hidden_state,
            out.encoder_hidden_states,
        )  # fmt: skip


class T5ForTokenClassification(PreTrainedModel[T5Config]):
    """T5's encoder with classes of tokens."""

    config_class = T5Config
    base_model_prefix = "transformer"
    obsolete = _T5.obsolete

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.transformer = T5EncoderModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.d_model, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        inputs_embeds: Given = None,
        labels: Given = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits of each token's class, (N, L, C); see `T5EncoderModel.forward`."""
        out = self.transformer(input_ids, attention_mask, inputs_embeds, output_hidden_states)
        logits = self.classifier(self.dropout(out.last_hidden_state))
        return LMOutput(token_loss(logits, labels), logits, out.hidden_states)


class T5ForQuestionAnswering(_T5):
    """T5 with the ends of an answer, of the decoder's states."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.qa_outputs = nn.Linear(config.d_model, config.num_labels)
        if config.num_labels != 2:
            raise ArgumentError(f"T5ForQuestionAnswering: num_labels must be 2, got {config.num_labels}")
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        start_positions: Given = None,
        end_positions: Given = None,
        inputs_embeds: Given = None,
        decoder_inputs_embeds: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqQuestionAnsweringOutput:
        """The logits of an answer's first and last token, (N, L) each; see `T5Model.forward`.

        The decoder is given the encoder's tokens, shifted, if it is given none.
        """
        what = "T5ForQuestionAnswering"
        decoder_input_ids = _decoder_inputs(what, self.config, input_ids, decoder_input_ids, decoder_inputs_embeds)
        x, states, source, encoder_states = self._run(
            input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, encoder_outputs, None, inputs_embeds,
            decoder_inputs_embeds,
        )  # fmt: skip
        both, keep = self.qa_outputs(x), output_hidden_states
        start, end = both[..., 0], both[..., 1]
        return Seq2SeqQuestionAnsweringOutput(
            span_loss(start, end, start_positions, end_positions), start, end, states if keep else None, source,
            encoder_states if keep else None,
        )  # fmt: skip
