"""Qwen 2 and Qwen 3 (arXiv:2407.10671, 2505.09388)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fnn.text.models.decoder import DecoderModel
from fnn.text.models.decoder_config import FULL, SLIDING, DecoderConfig
from fnn.text.models.decoder_heads import CausalLM, QuestionAnswering, SequenceClassification, TokenClassification

__all__ = [
    "Qwen2Config",
    "Qwen2ForCausalLM",
    "Qwen2ForQuestionAnswering",
    "Qwen2ForSequenceClassification",
    "Qwen2ForTokenClassification",
    "Qwen2Model",
    "Qwen3Config",
    "Qwen3ForCausalLM",
    "Qwen3ForQuestionAnswering",
    "Qwen3ForSequenceClassification",
    "Qwen3ForTokenClassification",
    "Qwen3Model",
]


@dataclass(frozen=True, kw_only=True)
class Qwen2Config(DecoderConfig):
    """Qwen2's configuration; see `DecoderConfig`.

    Args:
        use_sliding_window: whether layers have a window at all.
        max_window_layers: the first layer that has one.
    """

    model_type: ClassVar[str] = "qwen2"

    vocab_size: int = 151936
    intermediate_size: int = 22016
    num_key_value_heads: int | None = 32
    max_position_embeddings: int = 32768
    use_sliding_window: bool = False
    sliding_window: int | None = 4096
    max_window_layers: int = 28

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.use_sliding_window:
            self._set(sliding_window=None)

    def kind(self, layer: int) -> str:
        """As `layer_types` says, or else by ``max_window_layers``."""
        if self.layer_types is not None:
            return self.layer_types[layer]
        return SLIDING if self.sliding_window is not None and layer >= self.max_window_layers else FULL

    @property
    def biases(self) -> tuple[bool, bool]:
        """Of queries, keys and values only."""
        return True, False


class Qwen2Model(DecoderModel[Qwen2Config]):
    """Qwen2 without a head; see `DecoderModel`."""

    config_class = Qwen2Config


class Qwen2ForCausalLM(CausalLM[Qwen2Config]):
    """Qwen2 with the logits of the next token."""

    config_class = Qwen2Config
    model_class = Qwen2Model


class Qwen2ForSequenceClassification(SequenceClassification[Qwen2Config]):
    """Qwen2 with classes of texts."""

    config_class = Qwen2Config
    model_class = Qwen2Model


class Qwen2ForTokenClassification(TokenClassification[Qwen2Config]):
    """Qwen2 with classes of tokens."""

    config_class = Qwen2Config
    model_class = Qwen2Model


class Qwen2ForQuestionAnswering(QuestionAnswering[Qwen2Config]):
    """Qwen2 with the ends of an answer."""

    config_class = Qwen2Config
    model_class = Qwen2Model
    base_model_prefix = "transformer"  # as its files have it


@dataclass(frozen=True, kw_only=True)
class Qwen3Config(Qwen2Config):
    """Qwen3's configuration; see `Qwen2Config`."""

    model_type: ClassVar[str] = "qwen3"

    head_dim: int | None = 128

    @property
    def biases(self) -> tuple[bool, bool]:
        """As ``attention_bias`` says."""
        return self.attention_bias, self.attention_bias

    @property
    def normalises_heads(self) -> bool:
        """They are."""
        return True


class Qwen3Model(DecoderModel[Qwen3Config]):
    """Qwen3 without a head; see `DecoderModel`."""

    config_class = Qwen3Config


class Qwen3ForCausalLM(CausalLM[Qwen3Config]):
    """Qwen3 with the logits of the next token."""

    config_class = Qwen3Config
    model_class = Qwen3Model


class Qwen3ForSequenceClassification(SequenceClassification[Qwen3Config]):
    """Qwen3 with classes of texts."""

    config_class = Qwen3Config
    model_class = Qwen3Model


class Qwen3ForTokenClassification(TokenClassification[Qwen3Config]):
    """Qwen3 with classes of tokens."""

    config_class = Qwen3Config
    model_class = Qwen3Model


class Qwen3ForQuestionAnswering(QuestionAnswering[Qwen3Config]):
    """Qwen3 with the ends of an answer."""

    config_class = Qwen3Config
    model_class = Qwen3Model
    base_model_prefix = "transformer"  # as its files have it
