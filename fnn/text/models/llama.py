"""Llama (Touvron et al., arXiv:2302.13971, 2307.09288; Dubey et al., arXiv:2407.21783)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fnn.text.models.decoder import DecoderModel
from fnn.text.models.decoder_config import DecoderConfig
from fnn.text.models.decoder_heads import CausalLM, QuestionAnswering, SequenceClassification, TokenClassification

__all__ = [
    "LlamaConfig",
    "LlamaForCausalLM",
    "LlamaForQuestionAnswering",
    "LlamaForSequenceClassification",
    "LlamaForTokenClassification",
    "LlamaModel",
]


@dataclass(frozen=True, kw_only=True)
class LlamaConfig(DecoderConfig):
    """Llama's configuration; see `DecoderConfig`."""

    model_type: ClassVar[str] = "llama"

    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2


class LlamaModel(DecoderModel[LlamaConfig]):
    """Llama without a head; see `DecoderModel`."""

    config_class = LlamaConfig


class LlamaForCausalLM(CausalLM[LlamaConfig]):
    """Llama with the logits of the next token."""

    config_class = LlamaConfig
    model_class = LlamaModel


class LlamaForSequenceClassification(SequenceClassification[LlamaConfig]):
    """Llama with classes of texts."""

    config_class = LlamaConfig
    model_class = LlamaModel


class LlamaForTokenClassification(TokenClassification[LlamaConfig]):
    """Llama with classes of tokens."""

    config_class = LlamaConfig
    model_class = LlamaModel


class LlamaForQuestionAnswering(QuestionAnswering[LlamaConfig]):
    """Llama with the ends of an answer."""

    config_class = LlamaConfig
    model_class = LlamaModel
    base_model_prefix = "transformer"  # as its files have it
