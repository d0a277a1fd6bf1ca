"""Margin losses: hinge, ranking, multi-class and multi-label margins, cosine and triplet embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import widen
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import _loss_common as common
from fnn.functional import _promotion as promotion
from fnn.functional.distance import pairwise_distance
from fnn.functional.reduction import Unreduced, reduced
from fnn.kernels.squares import scaled_squares
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


@reduced
def hinge_embedding_loss(
    input: ArrayLike,
    target: ArrayLike,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """``input`` where the target is 1, and ``max(0, margin - input)`` where it is -1.

    Args:
        input: distances, any shape.
        target: 1 or -1, of a shape that broadcasts.
        margin: how far dissimilar pairs should be apart.

    Returns:
        A scalar, or the broadcast shape if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.hinge_embedding_loss(jnp.array([0.5, 0.25]), jnp.array([1, -1]), reduction="none")
        Array([0.5 , 0.75], dtype=float32)
    """
    name = "hinge_embedding_loss"
    (x,) = common.arrays(name, "real number", input=input)
    dtype, x = x.dtype, widen(x)
    t = to_array(target, "target", f"{name}: ")
    x, t = common.expand(name, x, t)
    zero = lax.full_like(x, 0)
    apart = lax.select(t == 1, zero, common.clamp_min_zero(lax.full_like(x, margin) - x))
    loss = apart + lax.select(t == -1, zero, x)
    return Unreduced(loss, dtype)


@reduced
def margin_ranking_loss(
    input1: ArrayLike,
    input2: ArrayLike,
    target: ArrayLike,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """``max(0, -target * (input1 - input2) + margin)``: 1 wants the first input larger, -1 the second.

    Args:
        input1: (N,) or any shape.
        input2: a shape of as many dimensions that broadcasts.
        target: 1 or -1, likewise.
        margin: by how much they should differ.

    Returns:
        A scalar, or the broadcast shape if ``reduction='none'``.

    Raises:
        ArgumentError: numbers of dimensions differ, shapes do not broadcast or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.margin_ranking_loss(jnp.array([1.0]), jnp.array([3.0]), jnp.array([1.0]))
        Array(2., dtype=float32)
    """
    name = "margin_ranking_loss"
    x1, x2, t, dtype = common.promote(name, "real number", "any", input1=input1, input2=input2, target=target)
    dtype = promotion.floating_type(dtype)
    if not x1.ndim == x2.ndim == t.ndim:
        raise ArgumentError(
            f"{name}: All input tensors should have same dimension but got sizes: input1: {list(x1.shape)}, "
            f"input2: {list(x2.shape)}, target: {list(t.shape)}"
        )
    x1, x2, t = common.expand(name, x1, x2, t)
    return Unreduced(common.clamp_min_zero(widen((-t * (x1 - x2)).astype(dtype)) + margin), dtype)


@reduced
def multi_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    p: int = 1,
    margin: float = 1.0,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """``sum_i max(0, margin - x[y] + x[i])**p * weight[y] / C`` over the classes ``i != y``.

    Args:
        input: scores (N, C) or (C,).
        target: class indices (N,) or ().  An index outside [0, C) raises IndexError; where the target is traced
            it cannot be checked, and gives NaN.
        p: 1 or 2.
        margin: by how much the right class should lead.
        weight: a weight for each class (C,).

    Returns:
        A scalar, or (N,) if ``reduction='none'``.

    Raises:
        ArgumentError: ``p`` is neither 1 nor 2, shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.multi_margin_loss(jnp.array([[1.0, 0.5, 0.0, -1.0]]), jnp.array([0]))
        Array(0.125, dtype=float32)
    """
    name = "multi_margin_loss"
    if p not in (1, 2):
        raise ArgumentError(f"{name}: only p == 1 and p == 2 supported, got p={p}")
    (x,) = common.arrays(name, "floating", input=input)
    t = to_array(target, "target", f"{name}: ")
    common.index_target(name, t)
    scores, scalar = _scores(name, x), x.ndim <= 1
    labels = t.reshape(1) if scalar and t.size == 1 else t
    if labels.shape != scores.shape[:1]:
        raise ArgumentError(
            f"{name}: inconsistent target size, expected {list(scores.shape[:1])} but got {list(t.shape)}"
        )
    classes = scores.shape[1]
    common.check_class_range(name, labels, classes)
    right = common.pick_class(scores, labels)  # (N,)
    others = lax.broadcasted_iota(labels.dtype, scores.shape, 1) != labels[:, None]
    lead = margin - right[:, None] + scores
    active = others & ~(lead <= 0)  # so that NaN, of an unknown class too, goes through
    lead = lax.select(active, lead, lax.full_like(lead, 0))
    loss = jnp.sum(lead if p == 1 else lead * lead, 1) / classes
    if weight is not None:
        w = to_array(weight, "weight", f"{name}: ")
        if w.ndim != 1:
            raise ArgumentError(f"{name}: weight must be one-dimensional, got shape {list(w.shape)}")
        if w.shape[0] != classes or w.dtype != x.dtype:
            raise ArgumentError(
                f"{name}: inconsistent weight size, expected {x.dtype}[{classes}] but got {w.dtype}{list(w.shape)}"
            )
        loss = loss * widen(w).at[labels].get(mode="fill", fill_value=jnp.nan)
    return Unreduced(loss[0] if scalar and t.ndim == 0 else loss, x.dtype)


@reduced
def multilabel_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """``sum_ij max(0, 1 - x[y[j]] + x[i]) / C`` over the labels ``y[j]`` and the classes ``i`` that are no label.

    Args:
        input: scores (N, C) or (C,).
        target: class indices of the same shape; the labels of a sample are those before its first -1.

    Returns:
        A scalar, or (N,) if ``reduction='none'``.

    Raises:
        ArgumentError: shapes differ or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.multilabel_margin_loss(jnp.array([[0.25, 0.5, 0.5, 1.0]]), jnp.array([[3, 0, -1, 1]])).round(4)
        Array(0.875, dtype=float32)
    """
    name = "multilabel_margin_loss"
    (x,) = common.arrays(name, "floating", input=input)
    t = to_array(target, "target", f"{name}: ")
    common.index_target(name, t)
    if t.shape != x.shape:
        raise ArgumentError(f"{name}: inconsistent target size: {list(t.shape)} for input of size: {list(x.shape)}")
    scores = _scores(name, x)
    labels = t.reshape(scores.shape)
    classes = scores.shape[1]
    values = concrete(labels)
    if values is not None and ((values < -1) | (values >= classes)).any():
        raise ArgumentError(f"{name}: expected targets in [-1, {classes - 1}], got {list(values.ravel())}")
    listed = jnp.cumsum(labels < 0, axis=1) == 0  # (N, C): before the first -1
    one_hot = (labels[:, :, None] == jnp.arange(classes, dtype=labels.dtype)[None, None]) & listed[:, :, None]
    is_label = jnp.any(one_hot, 1)  # (N, C)
    right = jnp.take_along_axis(scores, jnp.where(listed, labels, 0), 1, mode="fill")
    lead = 1 - right[:, :, None] + scores[:, None, :]  # (N, label, class)
    active = listed[:, :, None] & ~is_label[:, None, :] & ~(lead <= 0)
    loss = jnp.sum(jnp.where(active, lead, 0), (1, 2)) / classes
    return Unreduced(loss[0] if x.ndim <= 1 else loss, x.dtype)


@reduced
def cosine_embedding_loss(
    input1: ArrayLike,
    input2: ArrayLike,
    target: ArrayLike,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """``1 - cos(input1, input2)`` where the target is 1, and ``max(0, cos(input1, input2) - margin)`` where it is -1.

    Args:
        input1: (N, D) or (D,).
        input2: likewise.
        target: 1 or -1, (N,) or ().
        margin: the cosine that dissimilar pairs may have, in [-1, 1].

    Returns:
        A scalar, or the shape of ``target`` if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.cosine_embedding_loss(jnp.ones((1, 4)), jnp.array([[2.0, 0.0, 0.0, 0.0]]), jnp.array([1])).round(4)
        Array(0.5, dtype=float32)
    """
    name = "cosine_embedding_loss"
    x1, x2 = common.arrays(name, "real", input1=input1, input2=input2)
    t = to_array(target, "target", f"{name}: ")
    x1, x2 = (x.astype(promotion.floating_type(x.dtype)) for x in (x1, x2))
    x1, x2, dtype = common.promote(name, input1=x1, input2=x2)
    if t.ndim > 1:
        raise ArgumentError(f"{name}: 0D or 1D target tensor expected, multi-target not supported, got {t.ndim}D")
    if x1.ndim != t.ndim + 1 or x2.ndim != t.ndim + 1:
        raise ArgumentError(
            f"{name}: {t.ndim}D target tensor expects {t.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(x1.shape)} and {list(x2.shape)}."
        )
    x1, x2 = common.expand(name, x1, x2)
    units = [x * _inverse_size(x)[..., None] for x in (x1, x2)]
    cosine, t = common.expand(name, lax.reduce_sum(units[0] * units[1], (t.ndim,)), t)
    zero = lax.full_like(cosine, 0)
    similar = lax.select(t == 1, 1 - cosine, zero)
    loss = similar + lax.select(t == -1, common.clamp_min_zero(cosine - margin), zero)
    return Unreduced(loss, dtype)


def _inverse_size(x: jax.Array) -> jax.Array:
    """``1 / sqrt(|x|^2 + 1e-12)`` over the last axis."""
    squares, scale = scaled_squares(x, (x.ndim - 1,), eps=1e-12)
    return scale * lax.rsqrt(squares + 1e-12 * scale * scale)


@reduced
def triplet_margin_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with ``d`` the p-norm distance.

    Balntas et al. 2016, http://www.bmva.org/bmvc/2016/papers/paper119/index.html.

    Args:
        anchor: (N, D) or (D,).
        positive: of as many dimensions.
        negative: of as many dimensions.
        margin: by how much the negative should be farther; positive.
        p: the order of the norm.
        eps: as in `pairwise_distance`.
        swap: use the distance of positive and negative where it is the smaller one.

    Returns:
        A scalar, or (N,) if ``reduction='none'``.

    Raises:
        ArgumentError: ``margin`` is not positive, shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> a = jnp.array([[0.0, 0.0]])
        >>> F.triplet_margin_loss(a, jnp.array([[3.0, 4.0]]), jnp.array([[0.0, 2.0]])).round(4)
        Array(4., dtype=float32)
    """
    name = "triplet_margin_loss"
    return _triplet(name, lambda x, y: pairwise_distance(x, y, p, eps), anchor, positive, negative, margin, swap)


@reduced
def triplet_margin_with_distance_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Unreduced:
    """`triplet_margin_loss` with any distance.

    Args:
        anchor: (N, *).
        positive: of as many dimensions.
        negative: of as many dimensions.
        distance_function: takes two of these to their distances; `pairwise_distance` by default.
        margin: by how much the negative should be farther; positive.
        swap: use the distance of positive and negative where it is the smaller one.

    Returns:
        A scalar, or the shape of the distances if ``reduction='none'``.

    Raises:
        ArgumentError: ``margin`` is not positive, shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> a, p, n = jnp.array([[0.0]]), jnp.array([[3.0]]), jnp.array([[1.0]])
        >>> far = lambda x, y: jnp.max(jnp.abs(x - y), axis=1)
        >>> F.triplet_margin_with_distance_loss(a, p, n, distance_function=far)
        Array(3., dtype=float32)
    """
    name = "triplet_margin_with_distance_loss"
    return _triplet(name, distance_function or pairwise_distance, anchor, positive, negative, margin, swap)


def _triplet(
    name: str,
    distance: Callable[[Any, Any], Any],
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    margin: float,
    swap: bool,
) -> Unreduced:
    """The loss of three points under a distance."""
    if margin <= 0:
        raise ArgumentError(f"{name}: margin must be greater than 0, got {margin}")
    a, p, n = (
        to_array(x, what, f"{name}: ")
        for x, what in ((anchor, "anchor"), (positive, "positive"), (negative, "negative"))
    )
    if not a.ndim == p.ndim == n.ndim:
        raise ArgumentError(
            f"{name}: The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
            f"but got: anchor {a.ndim}D, positive {p.ndim}D, and negative {n.ndim}D inputs"
        )
    near, far = distance(a, p), distance(a, n)
    if swap:
        other = distance(p, n)
        far, other, dtype = common.promote(name, "any", "any", negative=far, swapped=other)
        far, other = common.expand(name, far, other)
        far = lax.min(far, other).astype(dtype)
    near, far, dtype = common.promote(name, "any", "any", positive=near, negative=far)
    near, far = common.expand(name, near, far)
    return Unreduced(common.clamp_min_zero(near - far + margin), dtype)


def _scores(name: str, x: jax.Array) -> jax.Array:
    """The input of a margin loss as (N, C), half types widened."""
    if x.ndim > 2 or (x.ndim and x.shape[-1] == 0):
        raise ArgumentError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(x.shape)}"
        )
    x = widen(x)
    return x if x.ndim == 2 else x.reshape(1, -1)
