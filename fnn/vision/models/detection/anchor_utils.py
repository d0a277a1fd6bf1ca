"""Anchors: boxes of several sizes and shapes around each place of a feature map."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models.detection.image_list import ImageList

__all__ = ["AnchorGenerator"]


class AnchorGenerator(nn.Module):
    """Anchors for each place of each feature map.

    Args:
        sizes: for each map the sides of squares.
        aspect_ratios: for each map the ratios of height to width.

    >>> AnchorGenerator(((32,),), ((0.5, 1.0),)).num_anchors_per_location()
    [2]
    """

    def __init__(
        self,
        sizes: Sequence[Any] = ((128, 256, 512),),
        aspect_ratios: Sequence[Any] = ((0.5, 1.0, 2.0),),
    ) -> None:
        super().__init__()
        if not isinstance(sizes[0], (list, tuple)):
            sizes = tuple((s,) for s in sizes)
        if not isinstance(aspect_ratios[0], (list, tuple)):
            aspect_ratios = (aspect_ratios,) * len(sizes)
        self.sizes = sizes
        self.aspect_ratios = aspect_ratios

    def generate_anchors(self, scales: Sequence[float], aspect_ratios: Sequence[float]) -> np.ndarray:
        """The anchors around the origin: (ratios * scales, 4), whole numbers."""
        heights = np.sqrt(np.asarray(aspect_ratios, np.float32))
        sides = np.asarray(scales, np.float32)[None]
        w, h = ((1 / heights)[:, None] * sides).reshape(-1), (heights[:, None] * sides).reshape(-1)
        return np.round(np.stack([-w, -h, w, h], 1) / 2)

    def num_anchors_per_location(self) -> list[int]:
        """For each map."""
        return [len(s) * len(a) for s, a in zip(self.sizes, self.aspect_ratios, strict=False)]

    def forward(self, image_list: ImageList, feature_maps: Sequence[jax.Array]) -> list[jax.Array]:
        """For each image the anchors of all maps, (sum of H * W * A, 4)."""
        if len(feature_maps) != len(self.sizes) or len(feature_maps) != len(self.aspect_ratios):
            raise ArgumentError(
                f"AnchorGenerator: there must be as many sizes and aspect ratios as feature maps, got "
                f"{len(self.sizes)}, {len(self.aspect_ratios)} and {len(feature_maps)}"
            )
        height, width = image_list.tensors.shape[-2:]
        every = []
        for feature, sizes, ratios in zip(feature_maps, self.sizes, self.aspect_ratios, strict=True):
            h, w = feature.shape[-2:]
            y, x = np.meshgrid(np.arange(h) * (height // h), np.arange(w) * (width // w), indexing="ij")
            places = np.stack([x, y, x, y], -1).reshape(-1, 1, 4)
            every.append((places + self.generate_anchors(sizes, ratios)[None]).reshape(-1, 4))
        anchors = jnp.asarray(np.concatenate(every), feature_maps[0].dtype)
        return [anchors] * len(image_list.image_sizes)
