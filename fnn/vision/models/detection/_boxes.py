"""Boxes as what a network predicts about anchors, and which anchors learn from which objects."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import random
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.tracing import concrete
from fnn.vision.ops.losses import complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss
from fnn.vision.ops.nms import padded_nms

__all__ = [
    "BalancedPositiveNegativeSampler",
    "BoxCoder",
    "BoxLinearCoder",
    "Matcher",
    "SSDMatcher",
    "box_loss",
    "kept_detections",
]


def _capped(x: jax.Array, high: float) -> jax.Array:
    return jnp.where(x > high, high, x)  # the gradient at the limit is that of x, as of torch.clamp


class BoxCoder:
    """Boxes in terms of others: the centre's shift in terms of their size, and the logarithm of the sizes' ratio.

    Args:
        weights: factors of x, y, width and height.
        bbox_xform_clip: the largest logarithm that is decoded.
    """

    def __init__(
        self, weights: tuple[float, float, float, float], bbox_xform_clip: float = math.log(1000.0 / 16)
    ) -> None:
        self.weights = weights
        self.bbox_xform_clip = bbox_xform_clip

    def encode_single(self, reference_boxes: jax.Array, proposals: jax.Array) -> jax.Array:
        """``reference_boxes`` in terms of ``proposals``, (N, 4) each."""
        weights = jnp.asarray(self.weights, reference_boxes.dtype)[None]
        size = proposals[:, 2:] - proposals[:, :2]
        centre = proposals[:, :2] + 0.5 * size
        wanted = reference_boxes[:, 2:] - reference_boxes[:, :2]
        shift = reference_boxes[:, :2] + 0.5 * wanted - centre
        return jnp.concatenate([weights[:, :2] * shift / size, weights[:, 2:] * jnp.log(wanted / size)], 1)

    def decode_single(self, rel_codes: jax.Array, boxes: jax.Array) -> jax.Array:
        """Boxes of (N, 4 * K) codes in terms of (N, 4) boxes: (N, 4 * K)."""
        boxes = boxes.astype(rel_codes.dtype)
        n = len(boxes)
        codes = rel_codes.reshape(n, -1, 4) / jnp.asarray(self.weights, rel_codes.dtype)[None, None]
        size = (boxes[:, 2:] - boxes[:, :2])[:, None]
        centre = codes[..., :2] * size + (boxes[:, None, :2] + 0.5 * size)
        half = 0.5 * (jnp.exp(_capped(codes[..., 2:], self.bbox_xform_clip)) * size)
        return jnp.concatenate([centre - half, centre + half], -1).reshape(n, -1)


class BoxLinearCoder:
    """Boxes in terms of others: the distances of their sides from the other's centre, left, top, right and bottom.

    Args:
        normalize_by_size: whether distances are in terms of the other's width and height.
    """

    def __init__(self, normalize_by_size: bool = True) -> None:
        self.normalize_by_size = normalize_by_size

    def encode(self, reference_boxes: jax.Array, proposals: jax.Array) -> jax.Array:
        """``proposals`` in terms of ``reference_boxes``, (..., 4) each."""
        centre = 0.5 * (reference_boxes[..., :2] + reference_boxes[..., 2:])
        codes = jnp.concatenate([centre - proposals[..., :2], proposals[..., 2:] - centre], -1)
        return codes / _sizes(reference_boxes) if self.normalize_by_size else codes

    def decode(self, rel_codes: jax.Array, boxes: jax.Array) -> jax.Array:
        """Boxes of codes in terms of ``boxes``, (..., 4) each."""
        boxes = boxes.astype(rel_codes.dtype)
        centre = 0.5 * (boxes[..., :2] + boxes[..., 2:])
        codes = rel_codes * _sizes(boxes) if self.normalize_by_size else rel_codes
        return jnp.concatenate([centre - codes[..., :2], centre + codes[..., 2:]], -1)


def _sizes(boxes: jax.Array) -> jax.Array:
    """Width, height, width, height."""
    size = boxes[..., 2:] - boxes[..., :2]
    return jnp.concatenate([size, size], -1)


class Matcher:
    """Which object each anchor belongs to, by their overlaps.

    Args:
        high_threshold: from it up an anchor belongs to the object that it overlaps most.
        low_threshold: below it to none; between the two it is left out.
        allow_low_quality_matches: whether the anchors that overlap an object most belong to it, however little.
    """

    BELOW_LOW_THRESHOLD = -1
    BETWEEN_THRESHOLDS = -2

    def __init__(self, high_threshold: float, low_threshold: float, allow_low_quality_matches: bool = False) -> None:
        if low_threshold > high_threshold:
            raise ArgumentError(f"low_threshold should be <= high_threshold, got {low_threshold} and {high_threshold}")
        self.high_threshold = high_threshold
        self.low_threshold = low_threshold
        self.allow_low_quality_matches = allow_low_quality_matches

    def __call__(self, match_quality_matrix: jax.Array) -> jax.Array:
        """The object of each of N anchors, or one of the negative numbers: (M, N) to (N,)."""
        quality = lax.stop_gradient(match_quality_matrix)
        if quality.size == 0:
            what = "ground-truth" if quality.shape[0] == 0 else "proposal"
            raise ArgumentError(f"No {what} boxes available for one of the images during training")
        best, matches = quality.max(0), quality.argmax(0)
        found = jnp.where(best < self.high_threshold, self.BETWEEN_THRESHOLDS, matches)
        found = jnp.where(best < self.low_threshold, self.BELOW_LOW_THRESHOLD, found)
        if self.allow_low_quality_matches:
            nearest = (quality == quality.max(1, keepdims=True)).any(0)
            found = jnp.where(nearest, matches, found)
        return found


class SSDMatcher(Matcher):
    """A `Matcher` by which the anchor that an object overlaps most belongs to it in any case.

    Args:
        threshold: from it up an anchor belongs to the object that it overlaps most.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__(threshold, threshold, allow_low_quality_matches=False)

    def __call__(self, match_quality_matrix: jax.Array) -> jax.Array:
        matches = super().__call__(match_quality_matrix)
        nearest = match_quality_matrix.argmax(1)
        objects = jnp.arange(len(nearest), dtype=matches.dtype)
        forced = jnp.full_like(matches, -1).at[nearest].max(objects)  # of several objects the last one
        return jnp.where(forced >= 0, forced, matches)


class BalancedPositiveNegativeSampler:
    """A random choice of anchors with a part of those that belong to objects.

    Args:
        batch_size_per_image: how many are chosen, if there are so many.
        positive_fraction: how many of them belong to objects at most.
    """

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        self.batch_size_per_image = batch_size_per_image
        self.positive_fraction = positive_fraction

    @property
    def most_positive(self) -> int:
        """How many of an image's chosen anchors belong to objects at most."""
        return int(self.batch_size_per_image * self.positive_fraction)

    def __call__(self, matched_idxs: Sequence[jax.Array]) -> tuple[list[jax.Array], list[jax.Array]]:
        """For each image which of its anchors are chosen: those of objects (>= 1), and others (== 0); (N,) each."""
        chosen = [self._one(labels) for labels in matched_idxs]
        return [positive for positive, _ in chosen], [negative for _, negative in chosen]

    def _one(self, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        most = self.most_positive
        known = concrete(labels)
        key = random.resolve(random.AMBIENT, "BalancedPositiveNegativeSampler")
        if known is not None and isinstance(key, random.Generator):
            positive = _drawn(key, known >= 1, most)
            negative = _drawn(key, known == 0, self.batch_size_per_image - int(positive.sum()))
            return jnp.asarray(positive), jnp.asarray(negative)
        stream = random.stream(key)
        positive = _ranked(labels >= 1, most, random.uniform(stream(), labels.shape))
        rest = self.batch_size_per_image - positive.sum()
        return positive, _ranked(labels == 0, rest, random.uniform(stream(), labels.shape))


def _drawn(key: random.Generator, among: np.ndarray, most: int) -> np.ndarray:
    """A mask of at most so many, by a permutation as PyTorch draws it."""
    places = np.flatnonzero(among)
    order = np.asarray(random.randperm(key, len(places)))
    chosen = np.zeros(among.shape, bool)
    chosen[places[order[: min(most, len(places))]]] = True
    return chosen


def _ranked(among: jax.Array, most: jax.Array | int, numbers: jax.Array) -> jax.Array:
    """A mask of at most so many: those with the smallest of random numbers."""
    order = jnp.argsort(jnp.where(among, numbers, 2.0))
    rank = jnp.zeros_like(order).at[order].set(jnp.arange(len(order)))
    return among & (rank < most)


def box_loss(
    kind: str, coder: BoxCoder, anchors: jax.Array, objects: jax.Array, codes: jax.Array, counted: jax.Array
) -> jax.Array:
    """The sum of a loss of predicted codes over the anchors that are counted.

    Args:
        kind: ``"l1"``, ``"smooth_l1"``, ``"ciou"``, ``"diou"`` or ``"giou"``.
        coder: what the codes mean.
        anchors: (N, 4).
        objects: (N, 4), each anchor's object.
        codes: (N, 4).
        counted: (N,), booleans.
    """
    # What is not counted gets a box that has a finite loss: a NaN times 0 would be one in the gradient.
    objects = jnp.where(counted[:, None], objects, anchors)
    if kind in ("l1", "smooth_l1"):
        loss = F.l1_loss if kind == "l1" else F.smooth_l1_loss
        each = loss(codes, coder.encode_single(objects, anchors), reduction="none")
        return jnp.where(counted[:, None], each, 0).sum()
    losses = {"ciou": complete_box_iou_loss, "diou": distance_box_iou_loss, "giou": generalized_box_iou_loss}
    if kind not in losses:
        raise ArgumentError(f"Unsupported loss: {kind}")
    return jnp.where(counted, losses[kind](coder.decode_single(codes, anchors), objects, reduction="none"), 0).sum()


def kept_detections(
    boxes: jax.Array, scores: jax.Array, labels: jax.Array, nms_thresh: float, most: int
) -> dict[str, jax.Array]:
    """What non-maximum suppression leaves of the boxes of one image, as ``most`` rows; ``"valid"`` says which hold it.

    Args:
        boxes: (N, 4).
        scores: (N,), minus infinity where there is no box.
        labels: (N,); boxes of one label suppress each other.
        nms_thresh: the overlap from which on the worse of two is dropped.
        most: how many there are at most.
    """
    kept, valid = padded_nms(boxes, scores, labels, nms_thresh, most)
    return {
        "boxes": jnp.where(valid[:, None], boxes[kept], 0),
        "scores": jnp.where(valid, scores[kept], 0),
        "labels": jnp.where(valid, labels[kept], 0),
        "valid": valid,
    }
