"""Position-sensitive pooling: each bin has channels of its own (Dai et al., arXiv:1605.06409; arXiv:1711.07264)."""

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike, Ints
from fnn.vision.ops._bins import Boxes, checked_rois, pair, pixel_bins, sampled_weights, weighted
from fnn.vision.ops.roi_pool import rounded

__all__ = ["PSRoIAlign", "PSRoIPool", "ps_roi_align", "ps_roi_pool"]


def _own_maps(input: ArrayLike, size: tuple[int, int], where: str) -> jax.Array:
    """(N, C, PH, PW, H, W)."""
    x = jnp.asarray(input)
    if x.ndim != 4:
        raise ArgumentError(f"{where}: input must be (N, C, H, W), got {x.shape}")
    n, channels, height, width = x.shape
    if channels % (size[0] * size[1]):
        raise ArgumentError(
            f"{where}: input channels must be a multiple of pooling height * pooling width, got {channels} channels "
            f"and output_size {size}"
        )
    return x.reshape(n, -1, *size, height, width)


def ps_roi_align(
    input: ArrayLike, boxes: Boxes, output_size: Ints, spatial_scale: float = 1.0, sampling_ratio: int = -1
) -> jax.Array:
    """As `roi_align` with ``aligned=True``, but each bin looks at channels of its own.

    Args:
        input: (N, C * PH * PW, H, W).
        boxes: (K, 5), the image's number and the corners x1, y1, x2, y2; or for each image (L, 4). Without gradient.
        output_size: PH and PW, or one for both.
        spatial_scale: from the boxes' coordinates to those of ``input``.
        sampling_ratio: the samples of a bin along each axis; if it is not positive, the bin's size, rounded up.

    Returns:
        (K, C, PH, PW).

    Raises:
        ArgumentError: a shape is wrong.

    >>> ps_roi_align(jnp.ones((1, 8, 6, 6)), [jnp.array([[1.0, 1.0, 5.0, 5.0]])], 2).shape
    (1, 2, 2, 2)
    """
    size = pair(output_size, "ps_roi_align")
    maps = _own_maps(input, size, "ps_roi_align")
    rois = checked_rois(boxes, "ps_roi_align")
    weights = []
    for i, (bins, length) in enumerate(zip(size, maps.shape[-2:], strict=True)):
        start, end = (rois[:, j - i] * spatial_scale - 0.5 for j in (2, 4))
        step = (end - start) / bins
        samples = jnp.ceil(step).astype(jnp.int32) if sampling_ratio <= 0 else jnp.full(len(rois), sampling_ratio)
        weights.append(sampled_weights(start, step, samples, bins, length).astype(maps.dtype))
    return weighted(maps, rois[:, 0].astype(jnp.int32), *weights, own=True)


def ps_roi_pool(input: ArrayLike, boxes: Boxes, output_size: Ints, spatial_scale: float = 1.0) -> jax.Array:
    """Means over bins of whole pixels, where each bin looks at channels of its own; 0 for an empty bin.

    Args:
        input: (N, C * PH * PW, H, W).
        boxes: (K, 5), the image's number and the corners x1, y1, x2, y2; or for each image (L, 4). Without gradient.
        output_size: PH and PW, or one for both.
        spatial_scale: from the boxes' coordinates to those of ``input``.

    Returns:
        (K, C, PH, PW).

    Raises:
        ArgumentError: a shape is wrong.

    >>> ps_roi_pool(jnp.ones((1, 8, 6, 6)), [jnp.array([[1.0, 1.0, 5.0, 5.0]])], 2)[0, :, 0, 0]
    Array([1., 1.], dtype=float32)
    """
    size = pair(output_size, "ps_roi_pool")
    maps = _own_maps(input, size, "ps_roi_pool")
    rois = checked_rois(boxes, "ps_roi_pool")
    weights = []
    for i, (bins, length) in enumerate(zip(size, maps.shape[-2:], strict=True)):
        start, end = rounded(rois[:, 2 - i] * spatial_scale), rounded(rois[:, 4 - i] * spatial_scale)
        low, high = pixel_bins(start, jnp.maximum(end - start, 1) / bins, bins, length - 1)
        places = jnp.arange(length)[None, None]
        inside = (places >= low[..., None]) & (places < high[..., None])
        weights.append(inside.astype(maps.dtype) / jnp.maximum(high - low, 1)[..., None].astype(maps.dtype))
    return weighted(maps, rois[:, 0].astype(jnp.int32), *weights, own=True)


class PSRoIAlign(nn.Module):
    """`ps_roi_align` as a Module.

    Args:
        output_size: PH and PW, or one for both.
        spatial_scale: from the boxes' coordinates to those of the input.
        sampling_ratio: the samples of a bin along each axis.

    >>> PSRoIAlign(3, 0.5, 2)
    PSRoIAlign(output_size=3, spatial_scale=0.5, sampling_ratio=2)
    """

    def __init__(self, output_size: Ints, spatial_scale: float, sampling_ratio: int) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio

    def forward(self, input: ArrayLike, rois: Boxes) -> jax.Array:
        return ps_roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio)

    def __repr__(self) -> str:
        return (
            f"{self._get_name()}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio})"
        )


class PSRoIPool(nn.Module):
    """`ps_roi_pool` as a Module.

    Args:
        output_size: PH and PW, or one for both.
        spatial_scale: from the boxes' coordinates to those of the input.

    >>> PSRoIPool(3, 0.5)
    PSRoIPool(output_size=3, spatial_scale=0.5)
    """

    def __init__(self, output_size: Ints, spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: ArrayLike, rois: Boxes) -> jax.Array:
        return ps_roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{self._get_name()}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
