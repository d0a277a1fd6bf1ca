"""Regions of a feature pyramid, each from the level that fits its size (Lin et al., arXiv:1612.03144)."""

import math
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.typing import ArrayLike, Ints
from fnn.vision.ops._bins import checked_rois, pair
from fnn.vision.ops.boxes import box_area
from fnn.vision.ops.roi_align import Maps, as_pixels, roi_align, sampled_regions

__all__ = ["LevelMapper", "MultiScaleRoIAlign"]


class LevelMapper:
    """The level of a pyramid for each box: ``floor(canonical_level + log2(sqrt(area) / canonical_scale) + eps)``.

    Args:
        k_min: the finest level.
        k_max: the coarsest one.
        canonical_scale: the side of a square that belongs to ``canonical_level``.
        canonical_level: its level.
        eps: added before rounding.
    """

    def __init__(
        self, k_min: int, k_max: int, canonical_scale: int = 224, canonical_level: int = 4, eps: float = 1e-6
    ) -> None:
        self.k_min = k_min
        self.k_max = k_max
        self.s0 = canonical_scale
        self.lvl0 = canonical_level
        self.eps = eps

    def __call__(self, boxlists: Sequence[ArrayLike]) -> jax.Array:
        """For each box its level, counted from ``k_min``: (K,)."""
        side = jnp.sqrt(jnp.concatenate([box_area(boxes) for boxes in boxlists]))
        level = jnp.floor(self.lvl0 + jnp.log2(side / self.s0) + self.eps)
        return jnp.clip(level, self.k_min, self.k_max).astype(jnp.int32) - self.k_min


class MultiScaleRoIAlign(nn.Module):
    """`roi_align` of each box at the level of a pyramid that fits its size.

    Args:
        featmap_names: the pyramid's levels that are used.
        output_size: PH and PW, or one for both.
        sampling_ratio: the samples of a bin along each axis.
        canonical_scale: see `LevelMapper`.
        canonical_level: see `LevelMapper`.

    Shape:
        A dict of (N, C, H_i, W_i), for each image (L, 4) boxes, and the images' sizes; output (K, C, PH, PW).

    >>> MultiScaleRoIAlign(["0", "1"], 7, 2)
    MultiScaleRoIAlign(featmap_names=['0', '1'], output_size=(7, 7), sampling_ratio=2)
    """

    def __init__(
        self,
        featmap_names: Sequence[str],
        output_size: Ints,
        sampling_ratio: int,
        *,
        canonical_scale: int = 224,
        canonical_level: int = 4,
    ) -> None:
        super().__init__()
        self.featmap_names = featmap_names
        self.sampling_ratio = sampling_ratio
        self.output_size = pair(output_size, "MultiScaleRoIAlign")
        self.canonical_scale = canonical_scale
        self.canonical_level = canonical_level

    def forward(
        self, x: Mapping[str, jax.Array], boxes: Sequence[ArrayLike], image_shapes: Sequence[tuple[int, int]]
    ) -> jax.Array:
        maps = [value for name, value in x.items() if name in self.featmap_names]
        height = max(shape[0] for shape in image_shapes)
        scales = [2.0 ** round(math.log2(value.shape[-2] / height)) for value in maps]
        rois = checked_rois(boxes, "MultiScaleRoIAlign")
        if len(maps) == 1:
            return roi_align(maps[0], rois, self.output_size, scales[0], self.sampling_ratio)
        mapper = LevelMapper(
            -int(math.log2(scales[0])), -int(math.log2(scales[-1])), self.canonical_scale, self.canonical_level
        )
        levels = mapper(boxes)
        if self.sampling_ratio <= 0:
            every = [
                roi_align(value, rois, self.output_size, scale, self.sampling_ratio)
                for value, scale in zip(maps, scales, strict=True)
            ]
            numbers = jnp.arange(len(maps))[:, None] == levels[None]
            return jnp.where(numbers[..., None, None, None], jnp.stack(every), 0).sum(0)
        heights, widths = (jnp.asarray([value.shape[axis] for value in maps]) for axis in (-2, -1))
        counts = [value.shape[0] * value.shape[-2] * value.shape[-1] for value in maps]
        before = jnp.asarray([sum(counts[:i]) for i in range(len(maps))])
        image = rois[:, 0].astype(jnp.int32)
        places = Maps(
            before[levels] + image * (heights * widths)[levels],
            heights[levels],
            widths[levels],
            jnp.asarray(scales, rois.dtype)[levels],
        )
        pixels = jnp.concatenate([as_pixels(value) for value in maps])
        return sampled_regions(pixels, places, rois, self.output_size, self.sampling_ratio, aligned=False)

    def __repr__(self) -> str:
        return (
            f"{self._get_name()}(featmap_names={self.featmap_names}, output_size={self.output_size}, "
            f"sampling_ratio={self.sampling_ratio})"
        )
