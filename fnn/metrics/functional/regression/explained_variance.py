"""The share of the targets' variance that is explained."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.metrics.functional.regression.errors import as_given, paired
from fnn.metrics.functional.regression.r2 import MULTIOUTPUT
from fnn.typing import Array, ArrayLike

__all__ = ["explained_variance"]


class Moments(NamedTuple):
    """Σ error, Σ error², Σ target, Σ target² over the first axis."""

    error: Array
    squared_error: Array
    target: Array
    squared_target: Array


def check_multioutput(multioutput: str) -> None:
    """Raises if it is none of those there are."""
    if multioutput not in MULTIOUTPUT:
        raise ArgumentError(
            f"Invalid input to argument `multioutput`. Choose one of the following: {MULTIOUTPUT}, got {multioutput!r}"
        )


def variance_sums(preds: ArrayLike, target: ArrayLike) -> tuple[Moments, int]:
    """The sums of arrays (N, ...), and N."""
    preds, target = paired(preds, target)
    error = target - preds
    return Moments(error.sum(0), (error * error).sum(0), target.sum(0), (target * target).sum(0)), len(target)


def explained_variance_of(sums: Moments, count: ArrayLike, multioutput: str) -> Array:
    """1 - Var error / Var target."""
    count = to_array(count)
    left = sums.squared_error / count - (sums.error / count) ** 2
    whole = sums.squared_target / count - (sums.target / count) ** 2
    score = 1 - left / jnp.where(whole != 0, whole, 1)
    score = jnp.where(left != 0, jnp.where(whole != 0, score, 0), 1)
    if multioutput == "raw_values":
        return score
    return score.mean() if multioutput == "uniform_average" else (whole / whole.sum() * score).sum()


def explained_variance(preds: ArrayLike, target: ArrayLike, multioutput: str = "uniform_average") -> Array:
    """1 - Var(target - preds) / Var(target).

    Args:
        preds: (N, ...).
        target: the same shape.
        multioutput: ``"raw_values"`` (...), ``"uniform_average"`` or ``"variance_weighted"``.

    Returns:
        (), or (...).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.explained_variance(jnp.array([2.0, 3.0, 4.0]), jnp.array([1.0, 2.0, 3.0])))
        1.0
    """
    check_multioutput(multioutput)
    return as_given(explained_variance_of(*variance_sums(preds, target), multioutput), preds, target)
