"""Anchors: boxes of several sizes and shapes around each place of a feature map."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models.detection.image_list import ImageList

__all__ = ["AnchorGenerator", "DefaultBoxGenerator"]


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


class DefaultBoxGenerator(nn.Module):
    """The default boxes of SSD: for each place of each feature map two squares, and two boxes for each ratio.

    Args:
        aspect_ratios: for each map the ratios of width to height; their inverses come with them.
        min_ratio: the first map's scale in terms of the image, if there are no ``scales``.
        max_ratio: the last map's.
        scales: of each map, and one more.
        steps: for each map how many pixels there are from place to place. Default: those that the maps' sizes give.
        clip: whether no width or height is larger than the image.

    Raises:
        ArgumentError: there are not as many steps as maps.

    >>> DefaultBoxGenerator([[2], [2, 3]]).num_anchors_per_location()
    [4, 6]
    """

    def __init__(
        self,
        aspect_ratios: Sequence[Sequence[float]],
        min_ratio: float = 0.15,
        max_ratio: float = 0.9,
        scales: Sequence[float] | None = None,
        steps: Sequence[int] | None = None,
        clip: bool = True,
    ) -> None:
        super().__init__()
        if steps is not None and len(aspect_ratios) != len(steps):
            raise ArgumentError("aspect_ratios and steps should have the same length")
        self.aspect_ratios = aspect_ratios
        self.steps = steps
        self.clip = clip
        count = len(aspect_ratios)
        if scales is not None:
            self.scales = scales
        elif count > 1:
            self.scales = [*(min_ratio + (max_ratio - min_ratio) * k / (count - 1.0) for k in range(count)), 1.0]
        else:
            self.scales = [min_ratio, max_ratio]

    def _shapes(self, level: int) -> np.ndarray:
        """Width and height of the boxes of a map, in terms of the image's."""
        scale, following = self.scales[level], self.scales[level + 1]
        between = math.sqrt(scale * following)
        shapes = [(scale, scale), (between, between)]
        for ratio in self.aspect_ratios[level]:
            w, h = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
            shapes += [(w, h), (h, w)]
        array = np.asarray(shapes, np.float32)
        return array.clip(0, 1) if self.clip else array

    def num_anchors_per_location(self) -> list[int]:
        """For each map."""
        return [2 + 2 * len(ratios) for ratios in self.aspect_ratios]

    def forward(self, image_list: ImageList, feature_maps: Sequence[jax.Array]) -> list[jax.Array]:
        """For each image the boxes of all maps, (sum of H * W * A, 4)."""
        height, width = image_list.tensors.shape[-2:]
        every = []
        for level, feature in enumerate(feature_maps):
            h, w = feature.shape[-2:]
            step = None if self.steps is None else self.steps[level]
            down, across = (h, w) if step is None else (height / step, width / step)
            y, x = (
                (np.arange(n, dtype=np.float32) + np.float32(0.5)) / np.float32(s) for n, s in ((h, down), (w, across))
            )
            centre = np.stack(np.meshgrid(x, y), -1).reshape(-1, 1, 2)
            half = np.float32(0.5) * self._shapes(level)[None]
            size = np.asarray([width, height], np.float32)
            boxes = np.concatenate([(centre - half) * size, (centre + half) * size], -1)
            every.append(boxes.reshape(-1, 4))
        anchors = jnp.asarray(np.concatenate(every), feature_maps[0].dtype)
        return [anchors] * len(image_list.image_sizes)

    def __repr__(self) -> str:
        return (
            f"{self._get_name()}(aspect_ratios={self.aspect_ratios}, clip={self.clip}, scales={self.scales}, "
            f"steps={self.steps})"
        )
