"""The configurations of CLIP and its towers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fnn.text.config import Config

__all__ = ["CLIPConfig", "CLIPTextConfig", "CLIPVisionConfig"]


@dataclass(frozen=True, kw_only=True)
class CLIPTextConfig(Config):
    """The text tower's configuration.

    Args:
        vocab_size: V.
        hidden_size: E.
        intermediate_size: the features between the two layers of a block's MLP.
        projection_dim: P.
        num_hidden_layers: the number of blocks.
        num_attention_heads: H.
        max_position_embeddings: the longest text.
        hidden_act: the activation of the MLP.
        layer_norm_eps: of the norms.
        attention_dropout: the probability of dropping weights of attention.
        initializer_range: the standard deviation of initial weights.
    """

    model_type: ClassVar[str] = "clip_text_model"

    vocab_size: int = 49408
    hidden_size: int = 512
    intermediate_size: int = 2048
    projection_dim: int = 512
    num_hidden_layers: int = 12
    num_attention_heads: int = 8
    max_position_embeddings: int = 77
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    attention_dropout: float = 0.0
    initializer_range: float = 0.02
    pad_token_id: int | None = 1
    bos_token_id: int | None = 49406
    eos_token_id: int | list[int] | None = 49407


@dataclass(frozen=True, kw_only=True)
class CLIPVisionConfig(Config):
    """The image tower's configuration; see `CLIPTextConfig`.

    Args:
        num_channels: of the images.
        image_size: their height and width.
        patch_size: of the patches that they are cut into.
    """

    model_type: ClassVar[str] = "clip_vision_model"

    hidden_size: int = 768
    intermediate_size: int = 3072
    projection_dim: int = 512
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_channels: int = 3
    image_size: int = 224
    patch_size: int = 32
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    attention_dropout: float = 0.0
    initializer_range: float = 0.02


@dataclass(frozen=True, kw_only=True)
class CLIPConfig(Config):
    """CLIP's configuration.

    Args:
        text_config: of the text tower, or a dict of it.
        vision_config: of the image tower, or a dict of it.
        projection_dim: P.
        logit_scale_init_value: the initial logarithm of what similarities are multiplied with.
        initializer_range: the standard deviation of initial weights.
    """

    model_type: ClassVar[str] = "clip"

    text_config: Any = field(default_factory=dict)
    vision_config: Any = field(default_factory=dict)
    projection_dim: int = 512
    logit_scale_init_value: float = 2.6592
    initializer_range: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in (("text_config", CLIPTextConfig), ("vision_config", CLIPVisionConfig)):
            given = getattr(self, name)
            if isinstance(given, Mapping) or given is None:
                self._set(**{name: kind.from_dict(given or {})})
