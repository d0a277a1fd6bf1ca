"""The configuration of decoders with rotary embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fnn.errors import ArgumentError
from fnn.text._rotary import Rope, rope_parameters
from fnn.text.config import Config

__all__ = ["FULL", "SLIDING", "DecoderConfig"]

SLIDING, FULL = "sliding_attention", "full_attention"


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(Config):
    """What the configurations of decoders with rotary embeddings share.

    Args:
        vocab_size: V.
        hidden_size: E.
        intermediate_size: the features between the two projections of a block's MLP.
        num_hidden_layers: the number of blocks.
        num_attention_heads: H.
        num_key_value_heads: G, the heads of keys and values; None: H.
        head_dim: D; None: E / H.
        hidden_act: the activation of the MLP.
        max_position_embeddings: the length of the texts that the model was made for.
        initializer_range: the standard deviation of initial weights.
        rms_norm_eps: of the norms.
        rope_parameters: ``rope_theta``, ``rope_type`` and what the type needs (``factor``, ...). Older files say it in
            ``rope_theta`` and ``rope_scaling``, which are understood.
        attention_bias: whether the projections of attention have biases.
        attention_dropout: the probability of a weight of attention to be dropped in training.
        mlp_bias: whether the MLP's projections have biases.
        sliding_window: how many tokens a query of a ``"sliding_attention"`` layer sees.
        layer_types: ``"full_attention"`` or ``"sliding_attention"`` for each layer.
    """

    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    hidden_act: str = "silu"
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    rope_parameters: Mapping[str, Any] | None = None
    attention_bias: bool = False
    attention_dropout: float = 0.0
    mlp_bias: bool = False
    sliding_window: int | None = None
    layer_types: list[str] | None = None
    tie_word_embeddings: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_key_value_heads is None:
            self._set(num_key_value_heads=self.num_attention_heads)
        if self.head_dim is None:
            self._set(head_dim=self.hidden_size // self.num_attention_heads)
        if self.num_attention_heads % self.kv_heads:
            raise ArgumentError(
                f"{type(self).__name__}: num_attention_heads must be a multiple of num_key_value_heads, got "
                f"{self.num_attention_heads} and {self.kv_heads}"
            )

    @property
    def kv_heads(self) -> int:
        """G."""
        return self.num_key_value_heads or self.num_attention_heads

    @property
    def head_size(self) -> int:
        """D."""
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def biases(self) -> tuple[bool, bool]:
        """Whether the projections to queries, keys and values have a bias, and whether that of the output has."""
        return self.attention_bias, self.attention_bias

    @property
    def normalises_heads(self) -> bool:
        """Whether queries and keys are normalised."""
        return False

    def kind(self, layer: int) -> str:
        """The type of a layer's attention."""
        return FULL if self.layer_types is None else self.layer_types[layer]

    def rope(self, kind: str) -> Rope:
        """What the rotary embeddings of layers of this kind are."""
        return rope_parameters(self.rope_parameters, self.extra, self.max_position_embeddings)
