"""T5's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fnn.text.config import Config

__all__ = ["T5Config"]


@dataclass(frozen=True, kw_only=True)
class T5Config(Config):
    """T5's configuration.

    Args:
        vocab_size: V.
        d_model: E.
        d_kv: D.
        d_ff: the features inside a block's MLP.
        num_layers: the encoder's blocks.
        num_decoder_layers: the decoder's; None: as many.
        num_heads: H.
        relative_attention_num_buckets: the number of distances that are told apart.
        relative_attention_max_distance: the distance from which on they are all one.
        dropout_rate: the probability of dropping elements.
        layer_norm_epsilon: of the norms.
        feed_forward_proj: the activation of the MLP, ``"relu"``, ``"gated-gelu"``, ...
        scale_decoder_outputs: whether the decoder's last states are divided by the root of E; None: if embeddings are
            tied, as in the first version.
        decoder_start_token_id: what the decoder begins with.
        initializer_range: the standard deviation of initial weights.
        classifier_dropout: the probability of dropping elements before a classifier.
    """

    model_type: ClassVar[str] = "t5"
    renamed: ClassVar[Mapping[str, str]] = {
        "hidden_size": "d_model", "num_attention_heads": "num_heads", "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }  # fmt: skip

    vocab_size: int = 32128
    d_model: int = 512
    d_kv: int = 64
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None
    num_heads: int = 8
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    feed_forward_proj: str = "relu"
    scale_decoder_outputs: bool | None = None
    decoder_start_token_id: int | None = None
    initializer_range: float = 0.05
    classifier_dropout: float = 0.0
    is_encoder_decoder: bool = True
    pad_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_decoder_layers is None:
            self._set(num_decoder_layers=self.num_layers)
        if self.scale_decoder_outputs is None:
            self._set(scale_decoder_outputs=self.tie_word_embeddings)

    @property
    def act(self) -> tuple[bool, str]:
        """Whether the MLP is gated, and its activation."""
        gated, name = self.feed_forward_proj.startswith("gated-"), self.feed_forward_proj.removeprefix("gated-")
        return gated, "gelu_new" if gated and name == "gelu" else name
