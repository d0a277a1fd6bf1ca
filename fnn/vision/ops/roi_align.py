"""RoIAlign: regions of feature maps, resampled to one size (He et al., arXiv:1703.06870)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike, Ints
from fnn.vision.ops._bins import Boxes, checked_rois, pair, row_weights, sampled_weights, weighted

__all__ = ["Maps", "RoIAlign", "roi_align", "sampled_regions"]


class Maps(NamedTuple):
    """Where each region finds its feature map among all rows of pixels, (R, C).

    Attributes:
        first: (K,), the number of the map's first pixel.
        height: (K,).
        width: (K,).
        scale: (K,), from the boxes' coordinates to the map's.
    """

    first: jax.Array
    height: jax.Array
    width: jax.Array
    scale: jax.Array


def _region(
    low: jax.Array, high: jax.Array, scale: jax.Array | float, aligned: bool, bins: int
) -> tuple[jax.Array, jax.Array]:
    """Where a region begins in the map's coordinates, and how large a bin is."""
    shift = 0.5 if aligned else 0.0
    start = low * scale - shift
    length = high * scale - shift - start
    return start, (length if aligned else jnp.maximum(length, 1.0)) / bins


def sampled_regions(
    pixels: jax.Array, maps: Maps, rois: jax.Array, output_size: tuple[int, int], ratio: int, aligned: bool
) -> jax.Array:
    """The means of ``ratio * ratio`` bilinear samples of each bin.

    Args:
        pixels: (R, C), of all maps.
        maps: where each region's map is.
        rois: (K, 5).
        output_size: PH and PW.
        ratio: positive.
        aligned: whether coordinates are shifted by half a pixel.

    Returns:
        (K, C, PH, PW).
    """
    axes = []
    for i, (bins, length) in enumerate(zip(output_size, (maps.height, maps.width), strict=True)):
        start, size = _region(rois[:, 2 - i], rois[:, 4 - i], maps.scale, aligned, bins)
        numbers = (jnp.arange(bins)[:, None] + (jnp.arange(ratio)[None] + 0.5) / ratio).astype(rois.dtype)
        positions = start[:, None, None] + numbers[None] * size[:, None, None]
        axes.append(row_weights(positions, length[:, None, None]))  # (K, bins, ratio) each
    rows, columns = axes
    width, first = maps.width[:, None, None], maps.first[:, None, None]
    total: jax.Array | None = None
    for i in range(ratio):
        for j in range(ratio):
            for y, wy in ((rows[0], rows[2]), (rows[1], rows[3])):
                for x, wx in ((columns[0], columns[2]), (columns[1], columns[3])):
                    places = first + y[:, :, i, None] * width + x[:, None, :, j]  # (K, PH, PW)
                    weight = (wy[:, :, i, None] * wx[:, None, :, j])[..., None].astype(pixels.dtype)
                    part = pixels[places] * weight
                    total = part if total is None else total + part
    assert total is not None
    return jnp.moveaxis(total / (ratio * ratio), -1, 1)


def as_pixels(input: jax.Array) -> jax.Array:
    """(N, C, H, W) to (N * H * W, C)."""
    return jnp.moveaxis(input, 1, -1).reshape(-1, input.shape[1])


def roi_align(
    input: ArrayLike,
    boxes: Boxes,
    output_size: Ints,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> jax.Array:
    """Regions of feature maps, cut into bins, of each of which bilinear samples are averaged.

    Args:
        input: (N, C, H, W).
        boxes: (K, 5), the image's number and the corners x1, y1, x2, y2; or for each image (L, 4). Without gradient.
        output_size: PH and PW, or one for both.
        spatial_scale: from the boxes' coordinates to those of ``input``.
        sampling_ratio: the samples of a bin along each axis; if it is not positive, the bin's size, rounded up.
        aligned: whether a pixel's centre lies half a pixel from its corner; otherwise regions have at least the size 1.

    Returns:
        (K, C, PH, PW).

    Raises:
        ArgumentError: a shape is wrong.

    >>> image = jnp.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_align(image, [jnp.array([[0.0, 0.0, 2.0, 2.0]])], 1, sampling_ratio=1)
    Array([[[[5.]]]], dtype=float32)
    """
    x = jnp.asarray(input)
    if x.ndim != 4:
        raise ArgumentError(f"roi_align: input must be (N, C, H, W), got {x.shape}")
    rois = checked_rois(boxes, "roi_align")
    size = pair(output_size, "roi_align")
    _, _, height, width = x.shape
    batch = rois[:, 0].astype(jnp.int32)
    if sampling_ratio > 0:
        every = jnp.ones_like(batch)
        maps = Maps(batch * (height * width), every * height, every * width, every.astype(rois.dtype) * spatial_scale)
        return sampled_regions(as_pixels(x), maps, rois, size, sampling_ratio, aligned)
    weights = []
    for i, (bins, length) in enumerate(zip(size, (height, width), strict=True)):
        start, step = _region(rois[:, 2 - i], rois[:, 4 - i], spatial_scale, aligned, bins)
        weights.append(sampled_weights(start, step, jnp.ceil(step).astype(jnp.int32), bins, length).astype(x.dtype))
    return weighted(x, batch, *weights, own=False)


class RoIAlign(nn.Module):
    """`roi_align` as a Module.

    Args:
        output_size: PH and PW, or one for both.
        spatial_scale: from the boxes' coordinates to those of the input.
        sampling_ratio: the samples of a bin along each axis.
        aligned: see `roi_align`.

    >>> RoIAlign(7, 0.25, 2)
    RoIAlign(output_size=7, spatial_scale=0.25, sampling_ratio=2, aligned=False)
    """

    def __init__(self, output_size: Ints, spatial_scale: float, sampling_ratio: int, aligned: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, input: ArrayLike, rois: Boxes) -> jax.Array:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self) -> str:
        return (
            f"{self._get_name()}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned})"
        )
