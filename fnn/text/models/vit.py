"""ViT (Dosovitskiy et al., arXiv:2010.11929)."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._losses import text_loss
from fnn.text._projected import ProjectedAttention
from fnn.text.models.bert import Dense
from fnn.text.models.image_embeddings import ImageEmbeddings, pair
from fnn.text.models.vit_config import ViTConfig
from fnn.text.outputs import BaseModelOutput, LMOutput, MaskedImageOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = ["ViTForImageClassification", "ViTForMaskedImageModeling", "ViTModel"]


class ImageAttention(nn.Module):
    """Attention under the names of the files of ViT and DINOv2.

    Args:
        config: of the model.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        biases = (config.qkv_bias, config.qkv_bias, config.qkv_bias, True)
        self.attention = ProjectedAttention(
            config.hidden_size, config.num_attention_heads, ("query", "key", "value", None), biases,
            dropout=config.attention_probs_dropout_prob,
        )  # fmt: skip
        self.output = Dense(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.dropout(self.output(self.attention(x)))


class ViTLayer(nn.Module):
    """A block.

    Args:
        config: of the model.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.attention = ImageAttention(config)
        self.intermediate = Dense(config.hidden_size, config.intermediate_size, config.hidden_act)
        self.output = Dense(config.intermediate_size, config.hidden_size)
        self.layernorm_before = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.layernorm_after = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: jax.Array) -> jax.Array:
        x = x + self.attention(self.layernorm_before(x))
        return x + self.dropout(self.output(self.intermediate(self.layernorm_after(x))))


class Layers(nn.Module):
    """The blocks, under the name ``layer``.

    Args:
        layers: the blocks.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layer = nn.ModuleList(layers)

    def forward(self, x: jax.Array) -> list[jax.Array]:
        """The states before the first block and after each."""
        states = [x]
        for layer in self.layer:
            states.append(layer(states[-1]))
        return states


class ViTModel(PreTrainedModel[ViTConfig]):
    """ViT without a head.

    Its parameters have the names of its files, on the hub and as transformers saves them.

    Args:
        config: of the model.
        add_pooling_layer: whether to have the layer that is fed the first state.
        use_mask_token: whether to have a state in place of patches that are masked.
    """

    config_class = ViTConfig
    base_model_prefix = "vit"

    def __init__(self, config: ViTConfig, add_pooling_layer: bool = True, use_mask_token: bool = False) -> None:
        super().__init__(config)
        self.embeddings = ImageEmbeddings(config, (1, 1) if use_mask_token else None)
        self.encoder = Layers([ViTLayer(config) for _ in range(config.num_hidden_layers)])
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        out = config.pooler_output_size or config.hidden_size
        self.pooler = Dense(config.hidden_size, out, config.pooler_act) if add_pooling_layer else None
        self.post_init()

    def forward(
        self,
        pixel_values: ArrayLike,
        interpolate_pos_encoding: bool = False,
        output_hidden_states: bool = False,
        bool_masked_pos: ArrayLike | None = None,
    ) -> BaseModelOutput:
        """The states of all patches.

        Args:
            pixel_values: (N, C, H, W).
            interpolate_pos_encoding: whether images may be of another size than the configuration's.
            output_hidden_states: whether to return the states after each block.
            bool_masked_pos: (N, patches), which are masked.
        """
        states = self.encoder(self.embeddings(pixel_values, interpolate_pos_encoding, bool_masked_pos))
        x = self.layernorm(states[-1])
        pooled = None if self.pooler is None else self.pooler(x[:, 0])
        return BaseModelOutput(x, pooled, tuple(states) if output_hidden_states else None)


class ViTForImageClassification(PreTrainedModel[ViTConfig]):
    """ViT with classes of images."""

    config_class = ViTConfig
    base_model_prefix = "vit"

    def __init__(self, config: ViTConfig) -> None:
        super().__init__(config)
        self.vit = ViTModel(config, add_pooling_layer=False)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        pixel_values: ArrayLike,
        labels: ArrayLike | None = None,
        interpolate_pos_encoding: bool = False,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits, (N, C); see `ViTModel.forward`."""
        out = self.vit(pixel_values, interpolate_pos_encoding, output_hidden_states)
        logits = self.classifier(out.last_hidden_state[:, 0])
        return LMOutput(text_loss(logits, labels, self.config), logits, out.hidden_states)


class ViTForMaskedImageModeling(PreTrainedModel[ViTConfig]):
    """ViT that restores masked patches (Xie et al., arXiv:2111.09886)."""

    config_class = ViTConfig
    base_model_prefix = "vit"

    def __init__(self, config: ViTConfig) -> None:
        super().__init__(config)
        self.vit = ViTModel(config, add_pooling_layer=False, use_mask_token=True)
        pixels = config.encoder_stride**2 * config.num_channels
        self.decoder = nn.Sequential(nn.Conv2d(config.hidden_size, pixels, 1), nn.PixelShuffle(config.encoder_stride))
        self.post_init()

    def forward(
        self,
        pixel_values: ArrayLike,
        bool_masked_pos: ArrayLike | None = None,
        interpolate_pos_encoding: bool = False,
        output_hidden_states: bool = False,
    ) -> MaskedImageOutput:
        """The images restored, and where patches are masked the mean of the absolute errors there.

        Args:
            pixel_values: (N, C, H, W).
            bool_masked_pos: (N, patches), which are masked.
            interpolate_pos_encoding: whether images may be of another size than the configuration's.
            output_hidden_states: whether to return the states after each block.
        """
        config = self.config
        size, patch = pair(config.image_size), pair(config.patch_size)
        if bool_masked_pos is not None and patch != pair(config.encoder_stride):
            raise ArgumentError(
                "ViTForMaskedImageModeling: bool_masked_pos needs patch_size equal to encoder_stride, got "
                f"{config.patch_size} and {config.encoder_stride}"
            )
        out = self.vit(pixel_values, interpolate_pos_encoding, output_hidden_states, bool_masked_pos)
        x = jnp.swapaxes(out.last_hidden_state[:, 1:], 1, 2)
        side = math.isqrt(x.shape[2])
        restored = self.decoder(x.reshape(*x.shape[:2], side, side))
        loss = None
        if bool_masked_pos is not None:
            masked = to_array(bool_masked_pos, "bool_masked_pos").astype(restored.dtype)
            masked = masked.reshape(-1, size[0] // patch[0], size[1] // patch[1])
            masked = jnp.repeat(jnp.repeat(masked, patch[0], 1), patch[1], 2)[:, None]
            errors = jnp.abs(to_array(pixel_values, "pixel_values") - restored)
            loss = jnp.sum(errors * masked) / (jnp.sum(masked) + 1e-5) / config.num_channels
        return MaskedImageOutput(loss, restored, out.hidden_states)
