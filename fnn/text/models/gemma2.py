"""Gemma 2 (arXiv:2408.00118)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fnn.text.models.decoder_config import FULL, SLIDING
from fnn.text.models.decoder_heads import CausalLM, SequenceClassification, TokenClassification
from fnn.text.models.gemma import GemmaConfig, GemmaModel

__all__ = [
    "Gemma2Config",
    "Gemma2ForCausalLM",
    "Gemma2ForSequenceClassification",
    "Gemma2ForTokenClassification",
    "Gemma2Model",
]


@dataclass(frozen=True, kw_only=True)
class Gemma2Config(GemmaConfig):
    """Gemma 2's configuration; see `GemmaConfig`.

    Args:
        query_pre_attn_scalar: scores are divided by its root.
        final_logit_softcapping: c of ``c * tanh(logits / c)``.
        attn_logit_softcapping: the same, of scores.
    """

    model_type: ClassVar[str] = "gemma2"

    hidden_size: int = 2304
    intermediate_size: int = 9216
    num_hidden_layers: int = 26
    num_attention_heads: int = 8
    num_key_value_heads: int | None = 4
    hidden_activation: str = "gelu_pytorch_tanh"
    query_pre_attn_scalar: int = 256
    sliding_window: int | None = 4096
    final_logit_softcapping: float | None = 30.0
    attn_logit_softcapping: float | None = 50.0

    def kind(self, layer: int) -> str:
        """As `layer_types` says, or else in turn."""
        return (FULL if layer % 2 else SLIDING) if self.layer_types is None else self.layer_types[layer]

    @property
    def mlp_activation(self) -> str:
        """The activation."""
        return self.hidden_activation

    @property
    def sandwiched(self) -> bool:
        """They are there."""
        return True

    @property
    def score_scale(self) -> float:
        """By the number of the configuration."""
        return self.query_pre_attn_scalar**-0.5

    @property
    def score_cap(self) -> float | None:
        """As the configuration says."""
        return self.attn_logit_softcapping


class Gemma2Model(GemmaModel):
    """Gemma2 without a head; see `DecoderModel`."""

    config_class = Gemma2Config


class Gemma2ForCausalLM(CausalLM[Gemma2Config]):
    """Gemma2 with the logits of the next token."""

    config_class = Gemma2Config
    model_class = Gemma2Model

    def make_head(self, config: Gemma2Config) -> None:
        super().make_head(config)
        self.softcap = config.final_logit_softcapping


class Gemma2ForSequenceClassification(SequenceClassification[Gemma2Config]):
    """Gemma2 with classes of texts."""

    config_class = Gemma2Config
    model_class = Gemma2Model


class Gemma2ForTokenClassification(TokenClassification[Gemma2Config]):
    """Gemma2 with classes of tokens."""

    config_class = Gemma2Config
    model_class = Gemma2Model
