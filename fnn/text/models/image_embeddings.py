"""What image models share: patches of an image, and the embeddings of their positions."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn import functional as F
from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text.models.vit_config import ViTConfig
from fnn.typing import ArrayLike

__all__ = ["ImageEmbeddings"]


def pair(size: int | list[int]) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


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
