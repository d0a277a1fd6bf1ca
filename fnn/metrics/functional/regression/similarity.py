"""Cosine similarity, and the Kullback-Leibler divergence."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.metrics.functional.regression.errors import paired
from fnn.typing import Array, ArrayLike

__all__ = ["cosine_similarity", "kl_divergence"]
REDUCTIONS = ("sum", "mean", "none", None)


def check_reduction(reduction: str | None) -> None:
    """Raises if it is none of those there are."""
    if reduction not in REDUCTIONS:
        raise ArgumentError(f"Expected argument `reduction` to be one of {REDUCTIONS} but got {reduction}")


def check_log_prob(log_prob: bool) -> None:
    """Raises if it is no bool."""
    if not isinstance(log_prob, bool):
        raise ArgumentTypeError(f"Expected argument `log_prob` to be bool but got {log_prob}")


def rows(preds: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Both as (N, D) in float32."""
    preds, target = paired(preds, target)
    if preds.ndim != 2:
        raise ArgumentError(
            "Expected input to cosine similarity to be 2D tensors of shape `[N,D]` where `N` is the number of samples "
            f"and `D` is the number of dimensions, but got tensor of shape {preds.shape}"
        )
    return preds.astype(jnp.float32), target.astype(jnp.float32)


def cosine_of(preds: Array, target: Array, reduction: str | None) -> Array:
    """The cosines of the rows."""
    lengths = jnp.sqrt((preds**2).sum(-1)) * jnp.sqrt((target**2).sum(-1))
    values = (preds * target).sum(-1) / lengths
    return values.sum() if reduction == "sum" else values.mean() if reduction == "mean" else values


def divergences(p: ArrayLike, q: ArrayLike, log_prob: bool) -> tuple[Array, int]:
    """The divergence of each row (N,), and N."""
    p, q = paired(p, q)
    if p.ndim != 2:
        raise ArgumentError(f"Expected both p and q distribution to be 2D but got {p.ndim} and {q.ndim} respectively")
    if log_prob:
        return (jnp.exp(p) * (p - q)).sum(-1), len(p)
    p, q = p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
    return jnp.where(p == 0, 0, p * jnp.log(jnp.where(p == 0, 1, p / q))).sum(-1), len(p)


def divergence_of(values: Array, count: ArrayLike, reduction: str | None) -> Array:
    """Their reduction."""
    return values.sum() if reduction == "sum" else values.sum() / to_array(count) if reduction == "mean" else values


def cosine_similarity(preds: ArrayLike, target: ArrayLike, reduction: str | None = "sum") -> Array:
    """The cosine of the angle between each row of ``preds`` and of ``target``.

    Args:
        preds: (N, D).
        target: (N, D).
        reduction: ``"sum"``, ``"mean"``, ``"none"`` or None.

    Returns:
        (), or (N,).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.cosine_similarity(jnp.array([[1.0, 0.0], [3.0, 4.0]]), jnp.array([[0.0, 1.0], [3.0, 4.0]])))
        1.0
    """
    check_reduction(reduction)
    return cosine_of(*rows(preds, target), reduction)


def kl_divergence(p: ArrayLike, q: ArrayLike, log_prob: bool = False, reduction: str | None = "mean") -> Array:
    """The Kullback-Leibler divergence Σ p log(p / q) of the rows.

    Args:
        p: (N, D), the data's distributions; they are divided by their sums.
        q: (N, D), the model's.
        log_prob: whether both are logarithms.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or None.

    Returns:
        (), or (N,).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.kl_divergence(jnp.array([[0.36, 0.48, 0.16]]), jnp.array([[1 / 3, 1 / 3, 1 / 3]])))
        0.0852996
    """
    check_log_prob(log_prob)
    check_reduction(reduction)
    return divergence_of(*divergences(p, q, log_prob), reduction)
