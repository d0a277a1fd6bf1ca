"""ViT (Dosovitskiy et al., arXiv:2010.11929) and what image models share: patches, positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from fnn import functional as F
from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._losses import text_loss
from fnn.text._projected import ProjectedAttention
from fnn.text.config import Config
from fnn.text.models.bert import Dense
from fnn.text.outputs import BaseModelOutput, LMOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = ["ImageEmbeddings", "ViTConfig", "ViTForImageClassification", "ViTModel"]


def pair(size: int | list[int]) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


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


class PatchEmbeddings(nn.Module):
    """Each patch of an image, projected.

    Args:
        channels: of the images.
        size: E.
        patch: height and width of a patch.
    """

    def __init__(self, channels: int, size: int, patch: tuple[int, int]) -> None:
        super().__init__()
        self.channels = channels
        self.projection = nn.Conv2d(channels, size, kernel_size=patch, stride=patch)

    def forward(self, pixel_values: jax.Array) -> jax.Array:
        """(N, C, H, W) -> (N, patches, E)."""
        if pixel_values.ndim != 4 or pixel_values.shape[1] != self.channels:
            raise ArgumentError(
                f"pixel_values must be of shape (N, {self.channels}, H, W), got {tuple(pixel_values.shape)}"
            )
        x = self.projection(pixel_values.astype(self.projection.weight.dtype))
        return jnp.swapaxes(x.reshape(*x.shape[:2], -1), 1, 2)


def resized_positions(positions: jax.Array, size: tuple[int, int]) -> jax.Array:
    """(1, 1 + n², E), the table of a square image, for one of other patches: the first stays, the rest is resampled."""
    side = int((positions.shape[1] - 1) ** 0.5)
    grid = jnp.moveaxis(positions[:, 1:].reshape(1, side, side, -1), -1, 1)
    grid = F.interpolate(grid.astype(jnp.float32), size=size, mode="bicubic", align_corners=False)
    rest = jnp.moveaxis(grid, 1, -1).reshape(1, size[0] * size[1], -1).astype(positions.dtype)
    return jnp.concatenate((positions[:, :1], rest), 1)


class ImageEmbeddings(nn.Module):
    """Patches behind a learned first state, with the embeddings of their positions.

    Args:
        config: of the model.
        masks: whether there is a state in place of patches that are masked.
    """

    def __init__(self, config: ViTConfig, masks: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.image, self.patch = pair(config.image_size), pair(config.patch_size)
        count = (self.image[0] // self.patch[0]) * (self.image[1] // self.patch[1])
        self.cls_token = nn.Parameter(jnp.zeros((1, 1, config.hidden_size)))
        self.mask_token = None if masks is None else nn.Parameter(jnp.zeros((*masks, config.hidden_size)))
        self.patch_embeddings = PatchEmbeddings(config.num_channels, config.hidden_size, self.patch)
        self.position_embeddings = nn.Parameter(jnp.zeros((1, count + 1, config.hidden_size)))
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, pixel_values: ArrayLike, resizes: bool, bool_masked_pos: ArrayLike | None = None) -> jax.Array:
        """(N, C, H, W) -> (N, 1 + patches, E)."""
        pixels = to_array(pixel_values, "pixel_values")
        x = self.patch_embeddings(pixels)
        size = pixels.shape[2:]
        if bool_masked_pos is not None:
            if self.mask_token is None:
                raise ArgumentError("bool_masked_pos needs use_mask_token=True in the configuration")
            masked = to_array(bool_masked_pos, "bool_masked_pos").astype(bool)[:, :, None]
            x = jnp.where(masked, jnp.broadcast_to(self.mask_token.data.reshape(1, 1, -1), x.shape).astype(x.dtype), x)
        first = jnp.broadcast_to(self.cls_token.data, (x.shape[0], 1, x.shape[2])).astype(x.dtype)
        positions = self.position_embeddings.data
        if size != self.image:
            if not resizes:
                raise ArgumentError(
                    f"Input image size ({size[0]}*{size[1]}) doesn't match model ({self.image[0]}*{self.image[1]}); "
                    "interpolate_pos_encoding=True resamples the positions"
                )
            positions = resized_positions(positions, (size[0] // self.patch[0], size[1] // self.patch[1]))
        return self.dropout(jnp.concatenate((first, x), 1) + positions)


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
    """

    config_class = ViTConfig
    base_model_prefix = "vit"

    def __init__(self, config: ViTConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = ImageEmbeddings(config)
        self.encoder = Layers([ViTLayer(config) for _ in range(config.num_hidden_layers)])
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        out = config.pooler_output_size or config.hidden_size
        self.pooler = Dense(config.hidden_size, out, config.pooler_act) if add_pooling_layer else None
        self.post_init()

    def forward(
        self, pixel_values: ArrayLike, interpolate_pos_encoding: bool = False, output_hidden_states: bool = False
    ) -> BaseModelOutput:
        """The states of all patches.

        Args:
            pixel_values: (N, C, H, W).
            interpolate_pos_encoding: whether images may be of another size than the configuration's.
            output_hidden_states: whether to return the states after each block.
        """
        states = self.encoder(self.embeddings(pixel_values, interpolate_pos_encoding))
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
