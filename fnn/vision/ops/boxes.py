"""Boxes: areas, overlaps, and the boxes of masks.

A box is (x1, y1, x2, y2), its upper left and its lower right corner, unless a format says something else.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.errors import ArgumentError
from fnn.tracing import concrete
from fnn.typing import ArrayLike
from fnn.vision.ops._rotated import rotated_iou
from fnn.vision.ops.box_convert import box_convert

__all__ = [
    "box_area",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "masks_to_boxes",
    "remove_small_boxes",
]

_ALIGNED = ("xyxy", "xywh", "cxcywh")
_ROTATED = ("cxcywhr", "xywhr", "xyxyxyxy")


def _wide(x: ArrayLike) -> jax.Array:
    """In a type whose products do not overflow."""
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.floating):
        return x if x.dtype in (jnp.float32, jnp.float64) else x.astype(jnp.float32)
    return x if x.dtype in (jnp.int32, jnp.int64) else x.astype(jnp.int32)


def _not_negative(x: jax.Array) -> jax.Array:
    return jnp.where(x < 0, 0, x)  # the gradient at 0 is that of x, as of torch.clamp


def remove_small_boxes(boxes: ArrayLike, min_size: float) -> jax.Array:
    """The indices of the boxes both of whose sides are at least ``min_size``.

    Args:
        boxes: (N, 4).
        min_size: in pixels.

    Returns:
        (K,), ascending.

    Raises:
        ArgumentError: the boxes are traced: how many are left depends on their values.

    >>> remove_small_boxes(jnp.array([[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 1.0]]), 2)
    Array([0], dtype=int32)
    """
    x = jnp.asarray(boxes)
    keep = ((x[..., 2] - x[..., 0]) >= min_size) & ((x[..., 3] - x[..., 1]) >= min_size)
    if concrete(keep) is None:
        raise ArgumentError(
            f"remove_small_boxes: argument 'boxes' is traced (={x!r}), and how many boxes are left depends on its "
            "values; compare the sides with min_size and keep the mask"
        )
    return jnp.nonzero(keep)[0]


def clip_boxes_to_image(boxes: ArrayLike, size: tuple[int, int]) -> jax.Array:
    """Moves corners outside of an image to its border.

    Args:
        boxes: (..., 4).
        size: height and width of the image.

    Returns:
        (..., 4).

    >>> clip_boxes_to_image(jnp.array([-1.0, 2.0, 30.0, 4.0]), (10, 20))
    Array([ 0.,  2., 20.,  4.], dtype=float32)
    """
    x = jnp.asarray(boxes)
    height, width = size
    limit = jnp.asarray([width, height] * (x.shape[-1] // 2), x.dtype).reshape((1,) * (x.ndim - 1) + (-1,))
    x = _not_negative(x)
    return jnp.where(x > limit, limit, x)


def box_area(boxes: ArrayLike, fmt: str = "xyxy") -> jax.Array:
    """The areas.

    Args:
        boxes: (..., 4).
        fmt: ``"xyxy"``, ``"xywh"`` or ``"cxcywh"``.

    Returns:
        (...).

    >>> box_area(jnp.array([0.0, 1.0, 2.0, 4.0]))
    Array(6., dtype=float32)
    """
    if fmt not in _ALIGNED:
        raise ArgumentError(f"Unsupported Bounding Box area for given format {fmt}")
    x = _wide(boxes)
    if fmt == "xyxy":
        return (x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1])
    return x[..., 2] * x[..., 3]


def _corners(boxes: ArrayLike, fmt: str) -> tuple[jax.Array, jax.Array]:
    x = jnp.asarray(boxes)
    first, second = x[..., :2], x[..., 2:]
    if fmt == "xyxy":
        return first, second
    return (first, first + second) if fmt == "xywh" else (first - second / 2, first + second / 2)


def _overlap(boxes1: ArrayLike, boxes2: ArrayLike, fmt: str = "xyxy") -> tuple[jax.Array, jax.Array]:
    """Areas of intersection and of union of all pairs, (..., N, M) each."""
    area1, area2 = box_area(boxes1, fmt), box_area(boxes2, fmt)
    (low1, high1), (low2, high2) = _corners(boxes1, fmt), _corners(boxes2, fmt)
    low = jnp.maximum(low1[..., :, None, :], low2[..., None, :, :])
    high = jnp.minimum(high1[..., :, None, :], high2[..., None, :, :])
    sides = _not_negative(_wide(high - low))
    inter = sides[..., 0] * sides[..., 1]
    return inter, area1[..., :, None] + area2[..., None, :] - inter


def _hull(boxes1: jax.Array, boxes2: jax.Array) -> jax.Array:
    """Width and height of the smallest box around each pair, (..., N, M, 2)."""
    low = jnp.minimum(boxes1[..., :, None, :2], boxes2[..., None, :, :2])
    high = jnp.maximum(boxes1[..., :, None, 2:], boxes2[..., None, :, 2:])
    return _not_negative(_wide(high - low))


def box_iou(boxes1: ArrayLike, boxes2: ArrayLike, fmt: str = "xyxy") -> jax.Array:
    """Intersection over union of all pairs: ``out[n, m] = |a_n & b_m| / |a_n | b_m|``.

    Args:
        boxes1: (..., N, K).
        boxes2: (..., M, K).
        fmt: ``"xyxy"``, ``"xywh"`` or ``"cxcywh"`` (K = 4); rotated ones: ``"cxcywhr"`` or ``"xywhr"`` (K = 5) or
            ``"xyxyxyxy"`` (K = 8), see `box_convert`. Rotated boxes have no gradient.

    Returns:
        (..., N, M).

    Raises:
        ArgumentError: there is no such format.

    >>> box_iou(jnp.array([[0.0, 0.0, 2.0, 2.0]]), jnp.array([[1.0, 0.0, 3.0, 2.0], [0.0, 0.0, 2.0, 2.0]]))
    Array([[0.33333334, 1.        ]], dtype=float32)
    """
    if fmt in _ALIGNED:
        inter, union = _overlap(boxes1, boxes2, fmt)
        return inter / union
    if fmt not in _ROTATED:
        raise ArgumentError(
            f"Unsupported format '{fmt}'. Supported axis-aligned formats: {_ALIGNED}. Supported rotated formats: "
            f"{_ROTATED}."
        )
    return rotated_iou(box_convert(boxes1, fmt, "cxcywhr"), box_convert(boxes2, fmt, "cxcywhr"))


def generalized_box_iou(boxes1: ArrayLike, boxes2: ArrayLike) -> jax.Array:
    """Intersection over union less the part of the smallest box around both that neither covers.

    Rezatofighi et al., arXiv:1902.09630: ``iou - (hull - union) / hull``.

    Args:
        boxes1: (..., N, 4).
        boxes2: (..., M, 4).

    Returns:
        (..., N, M).

    >>> generalized_box_iou(jnp.array([[0.0, 0.0, 1.0, 1.0]]), jnp.array([[1.0, 0.0, 3.0, 1.0]]))
    Array([[0.]], dtype=float32)
    """
    inter, union = _overlap(boxes1, boxes2)
    sides = _hull(jnp.asarray(boxes1), jnp.asarray(boxes2))
    hull = sides[..., 0] * sides[..., 1]
    return inter / union - (hull - union) / hull


def distance_box_iou(boxes1: ArrayLike, boxes2: ArrayLike, eps: float = 1e-7) -> jax.Array:
    """Intersection over union less the squared distance of the centres in terms of the hull's diagonal.

    Zheng et al., arXiv:1911.08287.

    Args:
        boxes1: (..., N, 4).
        boxes2: (..., M, 4).
        eps: added to the squared diagonal.

    Returns:
        (..., N, M).

    >>> distance_box_iou(jnp.array([[0.0, 0.0, 2.0, 2.0]]), jnp.array([[0.0, 0.0, 2.0, 2.0]]))
    Array([[1.]], dtype=float32)
    """
    return _distance_and_iou(_wide(boxes1), _wide(boxes2), eps)[0]


def _distance_and_iou(boxes1: jax.Array, boxes2: jax.Array, eps: float) -> tuple[jax.Array, jax.Array]:
    iou = box_iou(boxes1, boxes2)
    diagonal = (_hull(boxes1, boxes2) ** 2).sum(-1) + eps
    centre1, centre2 = (boxes1[..., :2] + boxes1[..., 2:]) / 2, (boxes2[..., :2] + boxes2[..., 2:]) / 2
    distance = (_wide(centre1[..., :, None, :] - centre2[..., None, :, :]) ** 2).sum(-1)
    return iou - distance / diagonal, iou


def complete_box_iou(boxes1: ArrayLike, boxes2: ArrayLike, eps: float = 1e-7) -> jax.Array:
    """`distance_box_iou` less a term for different aspect ratios (arXiv:1911.08287).

    Args:
        boxes1: (..., N, 4).
        boxes2: (..., M, 4).
        eps: added to denominators.

    Returns:
        (..., N, M).

    >>> complete_box_iou(jnp.array([[0.0, 0.0, 2.0, 2.0]]), jnp.array([[0.0, 0.0, 2.0, 2.0]]))
    Array([[1.]], dtype=float32)
    """
    first, second = _wide(boxes1), _wide(boxes2)
    distance, iou = _distance_and_iou(first, second, eps)
    angle1, angle2 = (jnp.arctan((x[..., 2] - x[..., 0]) / (x[..., 3] - x[..., 1])) for x in (first, second))
    v = (4 / math.pi**2) * (angle1[..., :, None] - angle2[..., None, :]) ** 2
    return distance - lax.stop_gradient(v / (1 - iou + v + eps)) * v


def masks_to_boxes(masks: ArrayLike) -> jax.Array:
    """The smallest box around what is not 0 in each mask; (0, 0, 0, 0) for an empty one.

    Args:
        masks: (N, H, W).

    Returns:
        (N, 4), float32: the first and the last column and row that hold something.

    >>> masks_to_boxes(jnp.zeros((1, 5, 5)).at[0, 1:3, 2:5].set(1))
    Array([[2., 1., 4., 2.]], dtype=float32)
    """
    x = jnp.asarray(masks)
    if x.size == 0:
        return jnp.zeros((0, 4), jnp.float32)
    filled = x.astype(bool)
    rows, columns = filled.any(2), filled.any(1)

    def ends(there: jax.Array) -> tuple[jax.Array, jax.Array]:
        return there.argmax(1), there.shape[1] - 1 - there[:, ::-1].argmax(1)

    (y1, y2), (x1, x2) = ends(rows), ends(columns)
    found = jnp.stack([x1, y1, x2, y2], 1).astype(jnp.float32)
    return jnp.where(rows.any(1)[:, None], found, 0)
