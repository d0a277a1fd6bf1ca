"""Keypoints of objects: which place of a heat map is theirs, and which place a heat map tells."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnn.errors import ArgumentError
from fnn.nn import functional as F

__all__ = ["heatmaps_to_keypoints", "keypointrcnn_loss"]


def _places(keypoints: jax.Array, rois: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """Which of ``size * size`` places of the heat map each keypoint is at, and whether it is seen there.

    Args:
        keypoints: (S, K, 3): x, y, seen.
        rois: (S, 4).
        size: of the heat map.
    """
    low, high = rois[:, None, :2], rois[:, None, 2:]
    xy = keypoints[..., :2]
    place = jnp.floor((xy - low) * (size / (high - low))).astype(jnp.int32)
    place = jnp.where(xy == high, size - 1, place)
    seen = ((place >= 0) & (place < size)).all(-1) & (keypoints[..., 2] > 0)
    return jnp.where(seen, place[..., 1] * size + place[..., 0], 0), seen


def keypointrcnn_loss(
    keypoint_logits: jax.Array,
    boxes: Sequence[jax.Array],
    keypoints: Sequence[jax.Array],
    counted: Sequence[jax.Array],
) -> jax.Array:
    """The mean cross-entropy of the places of keypoints that are seen.

    Args:
        keypoint_logits: (S, K, M, M), all images' samples.
        boxes: for each image its samples, (S_i, 4).
        keypoints: of their objects, (S_i, K, 3).
        counted: (S_i,), which of them have an object.
    """
    n, k, height, width = keypoint_logits.shape
    if height != width:
        raise ArgumentError(
            "keypoint_logits height and width (last two elements of shape) should be equal. Instead got "
            f"H = {height} and W = {width}"
        )
    there = jnp.concatenate(counted)
    rois = jnp.where(there[:, None], jnp.concatenate(boxes), jnp.asarray([[0.0, 0.0, 1.0, 1.0]]))
    places, seen = _places(jnp.concatenate(keypoints), rois, height)
    seen &= there[:, None]
    entropy = F.cross_entropy(keypoint_logits.reshape(n * k, -1), places.reshape(-1), reduction="none")
    return jnp.where(seen.reshape(-1), entropy, 0).sum() / jnp.maximum(seen.sum(), 1)


def _cubic(length: jax.Array, pixels: int, size: int) -> jax.Array:
    """The weights by which bicubic interpolation makes ``length`` of ``pixels`` values of ``size``: (pixels, size)."""
    a = -0.75
    source = (size / length) * (jnp.arange(pixels) + 0.5) - 0.5
    low = jnp.floor(source)
    t = (source - low)[:, None]
    columns = jnp.arange(size)[None]
    weights = jnp.zeros((pixels, size), source.dtype)
    for offset in (-1, 0, 1, 2):
        x = jnp.abs(t - offset)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        place = jnp.clip(low.astype(jnp.int32) + offset, 0, size - 1)[:, None]
        weights += jnp.where(columns == place, jnp.where(x <= 1, near, far), 0)
    return weights


def heatmaps_to_keypoints(maps: jax.Array, rois: jax.Array, image_size: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    """The places where heat maps, resized to their boxes, are highest.

    Args:
        maps: (N, K, M, M).
        rois: (N, 4), within the image.
        image_size: height and width.

    Returns:
        (N, K, 3), x, y and 1; and the heights there, (N, K).

    >>> maps = jnp.zeros((1, 1, 4, 4)).at[0, 0, 1, 2].set(1.0)
    >>> heatmaps_to_keypoints(maps, jnp.array([[2.0, 2.0, 6.0, 6.0]]), (8, 8))[0]
    Array([[[4.5, 3.5, 1. ]]], dtype=float32)
    """
    height, width = image_size

    def one(args: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        heat, box = args  # (K, M, M), (4,)
        size = jnp.maximum(box[2:] - box[:2], 1)
        pixels = jnp.ceil(size)
        rows, columns = _cubic(pixels[1], height, heat.shape[1]), _cubic(pixels[0], width, heat.shape[2])
        whole = jnp.einsum("hp,kpq,wq->khw", rows, heat, columns, precision=lax.Precision.HIGHEST)
        inside = (jnp.arange(height) < pixels[1])[:, None] & (jnp.arange(width) < pixels[0])[None]
        flat = jnp.where(inside[None], whole, -jnp.inf).reshape(len(heat), -1)
        best = flat.argmax(1)
        xy = (jnp.stack([best % width, best // width], -1) + 0.5) * (size / pixels)[None] + box[None, :2]
        return jnp.concatenate([xy, jnp.ones_like(xy[:, :1])], 1), flat.max(1)

    return lax.map(one, (maps, rois))  # one box at a time: a map has as many places as the image
