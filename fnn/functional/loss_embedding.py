"""Losses of embeddings: cosine and triplet margins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax import lax

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import _loss_common as common
from fnn.functional import _promotion as promotion
from fnn.functional.distance import pairwise_distance
from fnn.functional.reduction import Unreduced, reduced
from fnn.kernels.squares import scaled_squares
from fnn.typing import ArrayLike

__all__ = ["cosine_embedding_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss"]


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
