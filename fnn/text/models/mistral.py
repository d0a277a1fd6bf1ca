"""Mistral: Llama with a window (Jiang et al., arXiv:2310.06825)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fnn.text.models.decoder import DecoderModel
from fnn.text.models.decoder_config import FULL, SLIDING, DecoderConfig
from fnn.text.models.decoder_heads import CausalLM, QuestionAnswering, SequenceClassification, TokenClassification

__all__ = [
    "MistralConfig",
    "MistralForCausalLM",
    "MistralForQuestionAnswering",
    "MistralForSequenceClassification",
    "MistralForTokenClassification",
    "MistralModel",
]


@dataclass(frozen=True, kw_only=True)
class MistralConfig(DecoderConfig):
    """Mistral's configuration; see `DecoderConfig`.  All layers have the window, if there is one."""

    model_type: ClassVar[str] = "mistral"

    intermediate_size: int = 14336
    num_key_value_heads: int | None = 8
    max_position_embeddings: int = 4096 * 32
    sliding_window: int | None = 4096
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2

    @property
    def biases(self) -> tuple[bool, bool]:
        """None."""
        return False, False

    def kind(self, layer: int) -> str:
        """The same for all."""
        return FULL if self.sliding_window is None else SLIDING


class MistralModel(DecoderModel[MistralConfig]):
    """Mistral without a head; see `DecoderModel`."""

    config_class = MistralConfig


class MistralForCausalLM(CausalLM[MistralConfig]):
    """Mistral with the logits of the next token."""

    config_class = MistralConfig
    model_class = MistralModel


class MistralForSequenceClassification(SequenceClassification[MistralConfig]):
    """Mistral with classes of texts."""

    config_class = MistralConfig
    model_class = MistralModel


class MistralForTokenClassification(TokenClassification[MistralConfig]):
    """Mistral with classes of tokens."""

    config_class = MistralConfig
    model_class = MistralModel


class MistralForQuestionAnswering(QuestionAnswering[MistralConfig]):
    """Mistral with the ends of an answer."""

    config_class = MistralConfig
    model_class = MistralModel
