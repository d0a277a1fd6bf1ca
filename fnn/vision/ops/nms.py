"""Non-maximum suppression: of boxes that overlap, the one with the highest score is kept."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.errors import ArgumentError
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["Kept", "batched_nms", "nms"]

_TRICK = 1000  # boxes up to which torchvision sets the categories apart by adding to coordinates


class Kept(NamedTuple):
    """What is kept, at a size that is known.

    Attributes:
        indices: (size,), of boxes in decreasing order of their scores, and then 0.
        valid: (size,), True for the indices of boxes.
    """

    indices: jax.Array
    valid: jax.Array


def nms(boxes: ArrayLike, scores: ArrayLike, iou_threshold: float, *, size: int | None = None) -> jax.Array | Kept:
    """The boxes of which none with a higher score that is kept has an IoU above ``iou_threshold``.

    Args:
        boxes: (N, 4), corners x1, y1, x2, y2.
        scores: (N,).
        iou_threshold: above it, of two boxes the one with the lower score is dropped.
        size: how many indices to give, whatever is found; needed where the boxes are traced. A score of minus
            infinity then says that there is no box.

    Returns:
        The indices (K,) of the boxes that are kept, in decreasing order of scores; with ``size`` a named tuple of
        ``size`` indices and whether each is one.

    Raises:
        ArgumentError: a shape is wrong, or boxes or scores are traced and ``size`` is None.

    >>> boxes = jnp.array([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
    >>> nms(boxes, jnp.array([0.2, 0.9, 0.5]), 0.5)
    Array([1, 2], dtype=int32)
    >>> jax.jit(lambda boxes, scores: nms(boxes, scores, 0.5, size=3))(boxes, jnp.array([0.2, 0.9, 0.5])).valid
    Array([ True,  True, False], dtype=bool)
    """
    boxes, scores = _checked("nms", boxes, scores)
    return _nms("nms", boxes, scores, None, iou_threshold, size)


def batched_nms(
    boxes: ArrayLike, scores: ArrayLike, idxs: ArrayLike, iou_threshold: float, *, size: int | None = None
) -> jax.Array | Kept:
    """`nms` within each category.

    Args:
        boxes: (N, 4), corners x1, y1, x2, y2.
        scores: (N,).
        idxs: (N,), the boxes' categories.
        iou_threshold: as for `nms`.
        size: as for `nms`.

    Returns:
        As `nms`.

    >>> boxes = jnp.array([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]])
    >>> batched_nms(boxes, jnp.array([0.2, 0.9]), jnp.array([0, 1]), 0.5)
    Array([1, 0], dtype=int32)
    """
    boxes, scores = _checked("batched_nms", boxes, scores)
    categories = jnp.asarray(idxs)
    if categories.shape != scores.shape:
        raise ArgumentError(f"batched_nms: idxs must have the shape of scores, {scores.shape}, got {categories.shape}")
    if 0 < len(boxes) <= _TRICK:
        boxes = boxes + (categories.astype(boxes.dtype) * (boxes.max() + 1))[:, None]
        return _nms("batched_nms", boxes, scores, None, iou_threshold, size)
    return _nms("batched_nms", boxes, scores, categories, iou_threshold, size)


def _checked(where: str, boxes: ArrayLike, scores: ArrayLike) -> tuple[jax.Array, jax.Array]:
    boxes, scores = jnp.asarray(boxes), jnp.asarray(scores)
    if boxes.ndim != 2:
        raise ArgumentError(f"{where}: boxes should be a 2d tensor, got {boxes.ndim}D")
    if boxes.shape[1] != 4:
        raise ArgumentError(f"{where}: boxes should have 4 elements in dimension 1, got {boxes.shape[1]}")
    if scores.ndim != 1:
        raise ArgumentError(f"{where}: scores should be a 1d tensor, got {scores.ndim}D")
    if len(boxes) != len(scores):
        raise ArgumentError(
            f"{where}: boxes and scores should have same number of elements in dimension 0, got {len(boxes)} and "
            f"{len(scores)}"
        )
    return boxes, scores


def _nms(
    where: str, boxes: jax.Array, scores: jax.Array, idxs: jax.Array | None, threshold: float, size: int | None
) -> jax.Array | Kept:
    if size is not None:
        return padded_nms(boxes, scores, idxs, threshold, size)
    known = [concrete(x) for x in (boxes, scores)]
    categories = None if idxs is None else concrete(idxs)
    if any(x is None for x in known) or (idxs is not None and categories is None):
        raise ArgumentError(
            f"{where}: how many boxes are kept depends on values, which are traced here; pass size=..., the number of "
            "indices to give, and use the mask in the result"
        )
    return jnp.asarray(_on_host(np.asarray(known[0]), np.asarray(known[1]), categories, threshold))


def _on_host(boxes: np.ndarray, scores: np.ndarray, idxs: np.ndarray | None, threshold: float) -> np.ndarray:
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    x1, y1, x2, y2 = boxes[order].T
    areas = (x2 - x1) * (y2 - y1)
    categories = None if idxs is None else idxs[order]
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if not alive[i]:
            continue
        later = slice(i + 1, None)
        width = np.maximum(np.minimum(x2[i], x2[later]) - np.maximum(x1[i], x1[later]), 0)
        height = np.maximum(np.minimum(y2[i], y2[later]) - np.maximum(y1[i], y1[later]), 0)
        inter = width * height
        with np.errstate(invalid="ignore", divide="ignore"):
            over = (inter / (areas[i] + areas[later] - inter)).astype(np.float64) > threshold
        if categories is not None:
            over &= categories[later] == categories[i]
        alive[later] &= ~over
    return order[alive]


def padded_nms(boxes: jax.Array, scores: jax.Array, idxs: jax.Array | None, threshold: float, size: int) -> Kept:
    """`nms` for traced values; ``idxs`` None: all boxes are of one category.

    As many times as there is a box left, at most ``size`` times: the one with the highest score is kept, and what it
    covers is dropped. So it costs ``size * N``, and not the square of N.
    """
    indices, valid = jnp.zeros(size, jnp.int32), jnp.zeros(size, bool)
    if len(boxes) == 0 or size == 0:
        return Kept(indices, valid)
    boxes, scores = lax.stop_gradient((boxes, scores))
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1) * (y2 - y1)
    places = jnp.arange(len(boxes))

    def more(state: tuple[jax.Array, ...]) -> jax.Array:
        i, left, _, _ = state
        return (i < size) & (left > -jnp.inf).any()

    def keep(state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        i, left, indices, valid = state
        best = left.argmax()
        width = jnp.maximum(jnp.minimum(x2[best], x2) - jnp.maximum(x1[best], x1), 0)
        height = jnp.maximum(jnp.minimum(y2[best], y2) - jnp.maximum(y1[best], y1), 0)
        inter = width * height
        over = inter / (areas[best] + areas - inter) > threshold
        if idxs is not None:
            over &= idxs == idxs[best]
        left = jnp.where(over | (places == best), -jnp.inf, left)
        return i + 1, left, indices.at[i].set(best.astype(jnp.int32)), valid.at[i].set(True)

    *_, indices, valid = lax.while_loop(more, keep, (jnp.zeros((), jnp.int32), scores, indices, valid))
    return Kept(indices, valid)
