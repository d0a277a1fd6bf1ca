"""Margin losses: hinge, ranking, multi-class and multi-label margins; those of embeddings are in `loss_embedding`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import widen
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import _loss_common as common
from fnn.functional import _promotion as promotion
from fnn.functional.reduction import Unreduced, reduced
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss"]


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


def _scores(name: str, x: jax.Array) -> jax.Array:
    """The input of a margin loss as (N, C), half types widened."""
    if x.ndim > 2 or (x.ndim and x.shape[-1] == 0):
        raise ArgumentError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(x.shape)}"
        )
    x = widen(x)
    return x if x.ndim == 2 else x.reshape(1, -1)
