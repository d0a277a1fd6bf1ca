"""Whisper's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fnn.errors import ArgumentError
from fnn.text.config import Config

__all__ = ["WhisperConfig"]


@dataclass(frozen=True, kw_only=True)
class WhisperConfig(Config):
    """Whisper's configuration.

    Args:
        vocab_size: V.
        num_mel_bins: the bands of a spectrogram.
        d_model: E.
        encoder_layers: the encoder's blocks.
        encoder_attention_heads: its heads.
        encoder_ffn_dim: the features inside its MLPs.
        decoder_layers: the same of the decoder.
        decoder_attention_heads: the same of the decoder.
        decoder_ffn_dim: the same of the decoder.
        dropout: the probability of dropping elements.
        attention_dropout: of dropping weights of attention.
        activation_dropout: of dropping elements inside an MLP.
        activation_function: of the MLPs.
        scale_embedding: whether embeddings are multiplied with the root of E; the original has the field and does not
            use it.
        max_source_positions: half the length of a spectrogram.
        max_target_positions: the longest text.
        init_std: the standard deviation of initial weights.
        decoder_start_token_id: what the decoder begins with.
        encoder_layerdrop: must be 0.
        decoder_layerdrop: must be 0.
        apply_spec_augment: must be False.
        use_weighted_layer_sum: whether a classifier sees a weighted mean of all layers' states.
        classifier_proj_size: the features that a classifier's states are projected to.
    """

    model_type: ClassVar[str] = "whisper"
    renamed: ClassVar[Mapping[str, str]] = {"hidden_size": "d_model"}

    vocab_size: int = 51865
    num_mel_bins: int = 80
    d_model: int = 384
    encoder_layers: int = 4
    encoder_attention_heads: int = 6
    encoder_ffn_dim: int = 1536
    decoder_layers: int = 4
    decoder_attention_heads: int = 6
    decoder_ffn_dim: int = 1536
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    activation_function: str = "gelu"
    scale_embedding: bool = False
    max_source_positions: int = 1500
    max_target_positions: int = 448
    init_std: float = 0.02
    decoder_start_token_id: int | None = 50257
    encoder_layerdrop: float = 0.0
    decoder_layerdrop: float = 0.0
    apply_spec_augment: bool = False
    use_weighted_layer_sum: bool = False
    classifier_proj_size: int = 256
    is_encoder_decoder: bool = True
    pad_token_id: int | None = 50256
    bos_token_id: int | None = 50256
    eos_token_id: int | list[int] | None = 50256

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.encoder_layerdrop or self.decoder_layerdrop or self.apply_spec_augment:
            raise ArgumentError(
                "WhisperConfig: layers that are left out and masked spectrograms in training are not supported: "
                "encoder_layerdrop and decoder_layerdrop must be 0, apply_spec_augment False"
            )
