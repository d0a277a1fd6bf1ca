"""The heads of decoders: language models, and classifiers of texts, tokens and spans."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import jax.numpy as jnp

from fnn import nn
from fnn.text._heads import last_logits, last_token
from fnn.text._losses import next_token_loss, span_loss, text_loss, token_loss
from fnn.text.cache import KVCache
from fnn.text.models.decoder import DecoderModel
from fnn.text.models.decoder_config import DecoderConfig
from fnn.text.outputs import LMOutput, QuestionAnsweringOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike, DType

__all__ = ["CausalLM", "QuestionAnswering", "SequenceClassification", "TokenClassification"]

D = TypeVar("D", bound=DecoderConfig)


class _Head(PreTrainedModel[D]):
    """A decoder with a head; `model_class` is the decoder's."""

    config_class = DecoderConfig
    base_model_prefix = "model"
    obsolete = ("rotary_emb.inv_freq",)
    model_class: ClassVar[type[DecoderModel[Any]]] = DecoderModel

    def __init__(self, config: D) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, self.model_class(config))
        self.make_head(config)
        self.post_init()

    def make_head(self, config: D) -> None:
        """Makes the layers on top."""


class CausalLM(_Head[D]):
    """A decoder with the logits of the next token."""

    tied = {"lm_head.weight": "model.embed_tokens.weight"}
    softcap: float | None = None

    def make_head(self, config: D) -> None:
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def make_cache(self, batch_size: int, length: int, dtype: DType | None = None) -> KVCache:
        """An empty cache for ``batch_size`` texts of up to ``length`` tokens."""
        return self.base_model.make_cache(batch_size, length, dtype)

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        cache: KVCache | None = None,
        inputs_embeds: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        output_hidden_states: bool = False,
        logits_to_keep: int = 0,
    ) -> LMOutput:
        """The logits of the token after each one.

        Args:
            input_ids: see `DecoderModel.forward`, as the others.
            attention_mask: (N, S).
            position_ids: (N, L).
            cache: of the tokens before.
            inputs_embeds: (N, L, E).
            labels: (N, L), the tokens themselves; -100 where there is no loss.
            output_hidden_states: whether to return all states.
            logits_to_keep: compute the logits of so many last places only; 0: of all.
        """
        out = self.base_model(input_ids, attention_mask, position_ids, cache, inputs_embeds, output_hidden_states)
        logits = self.lm_head(last_logits(out.last_hidden_state, logits_to_keep))
        if self.softcap is not None:
            logits = self.softcap * jnp.tanh(logits / self.softcap)
        return LMOutput(loss=next_token_loss(logits, labels), logits=logits, hidden_states=out.hidden_states)


class SequenceClassification(_Head[D]):
    """A decoder with classes of texts."""

    def make_head(self, config: D) -> None:
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        inputs_embeds: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits of each text's class, at its last token that is no padding; see `DecoderModel.forward`."""
        out = self.base_model(input_ids, attention_mask, position_ids, None, inputs_embeds, output_hidden_states)
        each = self.score(out.last_hidden_state)
        logits = last_token(input_ids, each, self.config.pad_token_id, type(self).__name__)
        return LMOutput(text_loss(logits, labels, self.config), logits, out.hidden_states)


class TokenClassification(_Head[D]):
    """A decoder with classes of tokens."""

    def make_head(self, config: D) -> None:
        dropout = config.extra.get("classifier_dropout")
        self.dropout = nn.Dropout(0.1 if dropout is None else dropout)
        self.score = nn.Linear(config.hidden_size, config.num_labels)

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        inputs_embeds: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits of each token's class; see `DecoderModel.forward`."""
        out = self.base_model(input_ids, attention_mask, position_ids, None, inputs_embeds, output_hidden_states)
        logits = self.score(self.dropout(out.last_hidden_state))
        return LMOutput(token_loss(logits, labels), logits, out.hidden_states)


class QuestionAnswering(_Head[D]):
    """A decoder with the ends of an answer."""

    def make_head(self, config: D) -> None:
        self.qa_outputs = nn.Linear(config.hidden_size, 2)

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        inputs_embeds: ArrayLike | None = None,
        start_positions: ArrayLike | None = None,
        end_positions: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> QuestionAnsweringOutput:
        """The logits of an answer's first and last token; see `DecoderModel.forward`."""
        out = self.base_model(input_ids, attention_mask, position_ids, None, inputs_embeds, output_hidden_states)
        logits = self.qa_outputs(out.last_hidden_state)
        start, end = logits[..., 0], logits[..., 1]
        return QuestionAnsweringOutput(
            span_loss(start, end, start_positions, end_positions), start, end, out.hidden_states
        )
