"""R², the coefficient of determination."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.metrics._arithmetic import warned
from fnn.metrics.functional.regression.errors import as_given, paired
from fnn.tracing import concrete
from fnn.typing import Array, ArrayLike

__all__ = ["r2_score"]
MULTIOUTPUT = ("raw_values", "uniform_average", "variance_weighted")
_NEAR = 1e-4  # below it a sum of squares counts as zero


class Sums(NamedTuple):
    """Σ target², Σ target, Σ (target - preds)² over the first axis."""

    squares: Array
    targets: Array
    residual: Array


def check_options(adjusted: int, multioutput: str) -> None:
    """Raises on a bad option."""
    if not isinstance(adjusted, int) or adjusted < 0:
        raise ArgumentError(f"`adjusted` parameter should be an integer larger or equal to 0, got {adjusted}.")
    if multioutput not in MULTIOUTPUT:
        raise ArgumentError(
            f"Invalid input to argument `multioutput`. Choose one of the following: {MULTIOUTPUT}, got {multioutput!r}"
        )


def r2_sums(preds: ArrayLike, target: ArrayLike) -> tuple[Sums, int]:
    """The sums of arrays (N,) or (N, M), and N."""
    preds, target = paired(preds, target)
    if preds.ndim > 2:
        raise ArgumentError(
            "Expected both prediction and target to be 1D or 2D tensors, "
            f"but received tensors with dimension {preds.shape}"
        )
    return Sums((target * target).sum(0), target.sum(0), ((target - preds) ** 2).sum(0)), len(target)


def r2_of(sums: Sums, count: ArrayLike, adjusted: int, multioutput: str) -> Array:
    """R² from the sums; NaN for fewer than two samples in a compiled step."""
    count = to_array(count)
    known = concrete(count)
    if known is not None and known < 2:
        raise ArgumentError(f"Needs at least two samples to calculate r2 score, got {int(known)}.")
    variation = sums.squares - sums.targets * (sums.targets / count)
    wrong, varies = jnp.abs(sums.residual) > _NEAR, jnp.abs(variation) > _NEAR
    score = 1 - sums.residual / jnp.where(varies, variation, 1)
    score = jnp.where(wrong, jnp.where(varies, score, 0), 1)
    if multioutput == "uniform_average":
        score = score.mean()
    elif multioutput == "variance_weighted":
        score = (variation / variation.sum() * score).sum()
    score = jnp.where(count < 2, jnp.nan, score)
    if adjusted == 0:
        return score
    too_many = "More independent regressions than data points in adjusted r2 score. Falls back to standard r2 score."
    warned(adjusted > count - 1, too_many)
    warned(adjusted == count - 1, "Division by zero in adjusted r2 score. Falls back to standard r2 score.")
    free = count - adjusted - 1
    return jnp.where(free > 0, 1 - (1 - score) * (count - 1) / jnp.where(free > 0, free, 1), score)


def r2_score(preds: ArrayLike, target: ArrayLike, adjusted: int = 0, multioutput: str = "uniform_average") -> Array:
    """R² = 1 - Σ (target - preds)² / Σ (target - mean)².

    Args:
        preds: (N,) or (N, M).
        target: the same shape.
        adjusted: the number of regressors k of the adjusted R², 1 - (1 - R²) (N - 1) / (N - k - 1).
        multioutput: ``"raw_values"`` (M,), ``"uniform_average"`` or ``"variance_weighted"``.

    Returns:
        (), or (M,).

    Raises:
        ArgumentError: a bad option, fewer than two samples, more than two dimensions.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.r2_score(jnp.array([1.0, 2.0, 4.0]), jnp.array([1.0, 2.0, 3.0])))
        0.5
    """
    check_options(adjusted, multioutput)
    return as_given(r2_of(*r2_sums(preds, target), adjusted, multioutput), preds, target)
