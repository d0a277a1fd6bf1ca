"""Losses of boxes and of dense detection, with torchvision's names."""

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.typing import ArrayLike

__all__ = ["complete_box_iou_loss", "distance_box_iou_loss", "generalized_box_iou_loss", "sigmoid_focal_loss"]


def _reduced(loss: jax.Array, reduction: str) -> jax.Array:
    if reduction == "none":
        return loss
    if reduction == "mean":
        return loss.mean() if loss.size else 0.0 * loss.sum()
    if reduction == "sum":
        return loss.sum()
    raise ArgumentError(
        f"Invalid Value for arg 'reduction': '{reduction} \n Supported reduction modes: 'none', 'mean', 'sum'"
    )


def _floats(x: ArrayLike) -> jax.Array:
    x = jnp.asarray(x)
    return x if x.dtype in (jnp.float32, jnp.float64) else x.astype(jnp.float32)


def _overlap(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Areas of intersection and union of each pair."""
    low, high = jnp.maximum(a[..., :2], b[..., :2]), jnp.minimum(a[..., 2:], b[..., 2:])
    apart = (high <= low).any(-1)
    sides = jnp.where(apart[..., None], 0, high - low)
    inter = sides[..., 0] * sides[..., 1]
    area_a, area_b = ((x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b))
    return inter, area_a + area_b - inter


def _hull(a: jax.Array, b: jax.Array) -> jax.Array:
    """Width and height of the smallest box around each pair."""
    return jnp.maximum(a[..., 2:], b[..., 2:]) - jnp.minimum(a[..., :2], b[..., :2])


def generalized_box_iou_loss(
    boxes1: ArrayLike, boxes2: ArrayLike, reduction: str = "none", eps: float = 1e-7
) -> jax.Array:
    """``1 - GIoU`` of each pair of boxes (Rezatofighi et al., arXiv:1902.09630).

    Args:
        boxes1: (N, 4) or (4,), corners x1, y1, x2, y2.
        boxes2: of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.
        eps: added to denominators.

    Returns:
        (N,) or (); a scalar if reduced.

    >>> generalized_box_iou_loss(jnp.array([0.0, 0.0, 1.0, 1.0]), jnp.array([1.0, 0.0, 3.0, 1.0]))
    Array(1., dtype=float32)
    """
    a, b = _floats(boxes1), _floats(boxes2)
    inter, union = _overlap(a, b)
    sides = _hull(a, b)
    hull = sides[..., 0] * sides[..., 1]
    return _reduced(1 - (inter / (union + eps) - (hull - union) / (hull + eps)), reduction)


def _distance(a: jax.Array, b: jax.Array, eps: float) -> tuple[jax.Array, jax.Array]:
    inter, union = _overlap(a, b)
    iou = inter / (union + eps)
    diagonal = (_hull(a, b) ** 2).sum(-1) + eps
    centres = (a[..., 2:] + a[..., :2]) / 2 - (b[..., 2:] + b[..., :2]) / 2
    return 1 - iou + (centres**2).sum(-1) / diagonal, iou


def distance_box_iou_loss(
    boxes1: ArrayLike, boxes2: ArrayLike, reduction: str = "none", eps: float = 1e-7
) -> jax.Array:
    """``1 - IoU`` plus the squared distance of the centres in terms of the hull's diagonal (arXiv:1911.08287).

    Args:
        boxes1: (N, 4) or (4,), corners x1, y1, x2, y2.
        boxes2: of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.
        eps: added to denominators.

    Returns:
        (N,) or (); a scalar if reduced.

    >>> distance_box_iou_loss(jnp.array([0.0, 0.0, 1.0, 1.0]), jnp.array([1.0, 0.0, 2.0, 1.0]))
    Array(1.2, dtype=float32)
    """
    return _reduced(_distance(_floats(boxes1), _floats(boxes2), eps)[0], reduction)


def complete_box_iou_loss(
    boxes1: ArrayLike, boxes2: ArrayLike, reduction: str = "none", eps: float = 1e-7
) -> jax.Array:
    """`distance_box_iou_loss` plus a term for different aspect ratios (arXiv:1911.08287).

    Args:
        boxes1: (N, 4) or (4,), corners x1, y1, x2, y2.
        boxes2: of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.
        eps: added to the denominator of that term's weight.

    Returns:
        (N,) or (); a scalar if reduced.

    >>> complete_box_iou_loss(jnp.array([0.0, 0.0, 1.0, 1.0]), jnp.array([1.0, 0.0, 2.0, 1.0]))
    Array(1.2, dtype=float32)
    """
    a, b = _floats(boxes1), _floats(boxes2)
    distance, iou = _distance(a, b, 1e-7)
    angle_a, angle_b = (jnp.arctan((x[..., 2] - x[..., 0]) / (x[..., 3] - x[..., 1])) for x in (a, b))
    v = (4 / math.pi**2) * (angle_b - angle_a) ** 2
    return _reduced(distance + lax.stop_gradient(v / (1 - iou + v + eps)) * v, reduction)


def sigmoid_focal_loss(
    inputs: ArrayLike, targets: ArrayLike, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> jax.Array:
    """Binary cross-entropy that counts what is predicted well for less (Lin et al., arXiv:1708.02002).

    ``-alpha_t * (1 - p_t) ** gamma * log(p_t)``, where ``p_t`` is the probability of the true class.

    Args:
        inputs: logits, of any shape.
        targets: 0 or 1, of the same shape.
        alpha: the weight of the positive class, that of the negative one being ``1 - alpha``; -1: no weights.
        gamma: the exponent.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        An array like ``inputs``; a scalar if reduced.

    Raises:
        ArgumentError: ``alpha`` or ``reduction`` is none of these.

    >>> sigmoid_focal_loss(jnp.array([0.0]), jnp.array([1.0]), reduction="sum")
    Array(0.04332169, dtype=float32)
    """
    if not 0 <= alpha <= 1 and alpha != -1:
        raise ArgumentError(f"Invalid alpha value: {alpha}. alpha must be in the range [0,1] or -1 for ignore.")
    logits, truth = jnp.asarray(inputs), jnp.asarray(targets)
    p = jax.nn.sigmoid(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    loss = entropy * (1 - (p * truth + (1 - p) * (1 - truth))) ** gamma
    if alpha >= 0:
        loss = (alpha * truth + (1 - alpha) * (1 - truth)) * loss
    return _reduced(loss, reduction)
