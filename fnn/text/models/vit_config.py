"""ViT's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fnn.text.config import Config

__all__ = ["ViTConfig"]


@dataclass(frozen=True, kw_only=True)
class ViTConfig(Config):
    """ViT's configuration.

    Args:
        hidden_size: E.
        num_hidden_layers: the number of blocks.
        num_attention_heads: H.
        intermediate_size: the features between the two layers of a block's MLP.
        hidden_act: the activation between them.
        hidden_dropout_prob: the probability of dropping elements.
        attention_probs_dropout_prob: of dropping weights of attention.
        initializer_range: the standard deviation of initial weights.
        layer_norm_eps: of the norms.
        image_size: of the images, a number or height and width.
        patch_size: of the patches that they are cut into.
        num_channels: of the images.
        qkv_bias: whether queries, keys and values have biases.
        pooler_output_size: the features of the pooled state; None: E.
        pooler_act: its activation.
        encoder_stride: height and width of the square of pixels that a head restores from each state.
    """

    model_type: ClassVar[str] = "vit"

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    image_size: int | list[int] = 224
    patch_size: int | list[int] = 16
    num_channels: int = 3
    qkv_bias: bool = True
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"
    encoder_stride: int = 16
