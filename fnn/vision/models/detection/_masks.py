"""Masks of objects: cut out of an image for training, and put back into it."""

import jax
import jax.numpy as jnp

from fnn.typing import DType

__all__ = ["paste_masks_in_image"]


def _weights(start: jax.Array, length: jax.Array, pixels: int, mask: int, dtype: DType) -> jax.Array:
    """The weights of a mask's rows in an image's rows, by bilinear interpolation: (N, pixels, mask).

    Args:
        start: (N,), integers: the first row that the resized mask covers.
        length: (N,), integers: how many it covers.
        pixels: the image's rows.
        mask: the mask's rows.
        dtype: of the weights.
    """
    places = jnp.arange(pixels)[None] - start[:, None]  # (N, pixels)
    inside = (places >= 0) & (places < length[:, None])
    ratio = (mask / length.astype(dtype))[:, None]
    source = jnp.maximum(ratio * (places + 0.5) - 0.5, 0)
    low = jnp.minimum(source.astype(jnp.int32), mask - 1)
    high = jnp.minimum(low + 1, mask - 1)
    fraction = source - low
    rows = jnp.arange(mask)[None, None]
    weights = jnp.where(rows == low[..., None], (1 - fraction)[..., None], 0) + jnp.where(
        rows == high[..., None], fraction[..., None], 0
    )
    return jnp.where(inside[..., None], weights, 0)


def paste_masks_in_image(masks: jax.Array, boxes: jax.Array, img_shape: tuple[int, int], padding: int = 1) -> jax.Array:
    """Masks of boxes as masks of an image.

    Args:
        masks: (N, 1, M, M).
        boxes: (N, 4).
        img_shape: height and width.
        padding: zeros around each mask, by which its box grows.

    Returns:
        (N, 1, height, width).

    >>> paste_masks_in_image(jnp.ones((1, 1, 4, 4)), jnp.array([[2.0, 2.0, 6.0, 6.0]]), (8, 8)).shape
    (1, 1, 8, 8)
    """
    size = masks.shape[-1]
    padded = jnp.pad(masks[:, 0], [(0, 0), (padding, padding), (padding, padding)])
    scale = float(size + 2 * padding) / size
    centre, half = (boxes[:, 2:] + boxes[:, :2]) * 0.5, (boxes[:, 2:] - boxes[:, :2]) * 0.5 * scale
    low, high = (centre - half).astype(jnp.int32), (centre + half).astype(jnp.int32)
    length = jnp.maximum(high - low + 1, 1)
    dtype = jnp.promote_types(masks.dtype, jnp.float32)
    rows, columns = (
        _weights(low[:, axis], length[:, axis], pixels, size + 2 * padding, dtype)
        for axis, pixels in zip((1, 0), img_shape, strict=True)
    )
    return jnp.einsum("nhp,npq,nwq->nhw", rows, padded, columns)[:, None]
