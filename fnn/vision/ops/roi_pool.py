"""RoIPool: the maxima of regions of feature maps (Girshick, arXiv:1504.08083)."""

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike, Ints
from fnn.vision.ops._bins import Boxes, checked_rois, pair, pixel_bins

__all__ = ["RoIPool", "roi_pool", "rounded"]


def rounded(x: jax.Array) -> jax.Array:
    """To the nearest whole number, halves away from 0."""
    return jnp.where(x < 0, -1, 1).astype(x.dtype) * jnp.floor(jnp.abs(x) + 0.5)


def roi_pool(input: ArrayLike, boxes: Boxes, output_size: Ints, spatial_scale: float = 1.0) -> jax.Array:
    """Regions of feature maps, cut into bins of whole pixels, and of each the maximum; 0 for an empty bin.

    Args:
        input: (N, C, H, W).
        boxes: (K, 5), the image's number and the corners x1, y1, x2, y2; or for each image (L, 4). Without gradient.
        output_size: PH and PW, or one for both.
        spatial_scale: from the boxes' coordinates to those of ``input``.

    Returns:
        (K, C, PH, PW).

    Raises:
        ArgumentError: a shape is wrong.

    >>> image = jnp.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_pool(image, [jnp.array([[0.0, 0.0, 3.0, 1.0]])], (1, 2))
    Array([[[[5., 7.]]]], dtype=float32)
    """
    x = jnp.asarray(input)
    if x.ndim != 4:
        raise ArgumentError(f"roi_pool: input must be (N, C, H, W), got {x.shape}")
    rois = checked_rois(boxes, "roi_pool")
    size = pair(output_size, "roi_pool")
    _, channels, height, width = x.shape
    inside = []  # for each axis (K, bins, length)
    for i, (bins, length) in enumerate(zip(size, (height, width), strict=True)):
        start, end = rounded(rois[:, 2 - i] * spatial_scale), rounded(rois[:, 4 - i] * spatial_scale)
        low, high = pixel_bins(start, jnp.maximum(end - start + 1, 1) / bins, bins, length)
        places = jnp.arange(length)[None, None]
        inside.append((places >= low[..., None]) & (places < high[..., None]))
    seen = lax.stop_gradient(x)

    def one(region: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        """The first of the maxima in the order of pixels, which alone gets the gradient."""
        i, rows, columns = region
        maps = seen[i]
        wide = jnp.where(columns[None, None], maps[:, :, None, :], -jnp.inf)  # (C, H, PW, W)
        column = wide.argmax(-1)
        high = jnp.where(rows[None, :, :, None], wide.max(-1)[:, None], -jnp.inf)  # (C, PH, H, PW)
        row = high.argmax(2)  # (C, PH, PW)
        chosen = jnp.take_along_axis(column, row.reshape(channels, -1, size[1]), 1)
        return (row * width + chosen).reshape(channels, *size)

    batch = rois[:, 0].astype(jnp.int32)
    rows, columns = inside
    places = lax.map(one, (batch, rows, columns))  # (K, C, PH, PW)
    pixels = x.reshape(*x.shape[:2], -1)
    found = pixels[batch[:, None, None], jnp.arange(channels)[None, :, None], places.reshape(len(rois), channels, -1)]
    there = rows.any(-1)[:, None, :, None] & columns.any(-1)[:, None, None, :]
    return jnp.where(there, found.reshape(places.shape), 0)


class RoIPool(nn.Module):
    """`roi_pool` as a Module.

    Args:
        output_size: PH and PW, or one for both.
        spatial_scale: from the boxes' coordinates to those of the input.

    >>> RoIPool((3, 4), 0.5)
    RoIPool(output_size=(3, 4), spatial_scale=0.5)
    """

    def __init__(self, output_size: Ints, spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: ArrayLike, rois: Boxes) -> jax.Array:
        return roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{self._get_name()}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
