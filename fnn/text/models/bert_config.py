"""The configurations of BERT and RoBERTa."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fnn.errors import ArgumentError
from fnn.text.config import Config

__all__ = ["BertConfig", "RobertaConfig"]


@dataclass(frozen=True, kw_only=True)
class BertConfig(Config):
    """BERT's configuration.

    Args:
        vocab_size: V.
        hidden_size: E.
        num_hidden_layers: the number of blocks.
        num_attention_heads: H.
        intermediate_size: the features between the two layers of a block's MLP.
        hidden_act: the activation between them.
        hidden_dropout_prob: the probability of dropping elements.
        attention_probs_dropout_prob: of dropping weights of attention.
        max_position_embeddings: the longest text.
        type_vocab_size: the kinds of segments.
        initializer_range: the standard deviation of initial weights.
        layer_norm_eps: of the norms.
        classifier_dropout: of dropping elements before a classifier; None: ``hidden_dropout_prob``.
        is_decoder: not supported.
        add_cross_attention: not supported.
    """

    model_type: ClassVar[str] = "bert"

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    classifier_dropout: float | None = None
    is_decoder: bool = False
    add_cross_attention: bool = False
    pad_token_id: int | None = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_size % self.num_attention_heads:
            raise ArgumentError(
                f"{type(self).__name__}: num_attention_heads must divide hidden_size, got {self.num_attention_heads} "
                f"and {self.hidden_size}"
            )
        if self.is_decoder or self.add_cross_attention:
            raise ArgumentError(f"{type(self).__name__}: is_decoder and add_cross_attention are not supported")


@dataclass(frozen=True, kw_only=True)
class RobertaConfig(BertConfig):
    """RoBERTa's configuration; see `BertConfig`."""

    model_type: ClassVar[str] = "roberta"

    vocab_size: int = 50265
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 2
