"""Pearson's correlation coefficient, batch by batch."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError
from fnn.metrics._arithmetic import warned
from fnn.metrics.functional.regression.errors import as_given, paired
from fnn.typing import Array, ArrayLike

__all__ = ["pearson_corrcoef"]
_CONSTANT = (
    "The variance of predictions or target is close to zero. This can cause instability in Pearson correlation"
    "coefficient, leading to wrong results. Setting the correlation coefficient to nan."
)


class Moments(NamedTuple):
    """What is known of all samples so far, each (M,); x are predictions, y targets, deviations those from the mean."""

    mean_x: Array
    mean_y: Array
    max_abs_dev_x: Array
    max_abs_dev_y: Array
    var_x: Array  # Σ deviation²
    var_y: Array
    corr_xy: Array  # Σ of the products
    n_total: Array


MOMENTS = Moments._fields


def no_moments(num_outputs: int, dtype: np.dtype | None = None) -> Moments:
    """Those of no sample."""
    return Moments(*(jnp.zeros(num_outputs, dtype or jnp.float32) for _ in Moments._fields))


def pearson_moments(before: Moments, preds: ArrayLike, target: ArrayLike, num_outputs: int) -> Moments:
    """The moments with a batch (N,) or (N, M) added (Chan, Golub and LeVeque's update)."""
    x, y = paired(preds, target)
    if x.ndim > 2:
        raise ArgumentError(
            "Expected both predictions and target to be either 1- or 2-dimensional tensors, "
            f"but got {y.ndim} and {x.ndim}."
        )
    if x.ndim == 2 and x.shape[1] != num_outputs:
        raise ArgumentError(
            "Expected argument `num_outputs` to match the second dimension of input, "
            f"but got {num_outputs} and {x.shape[1]}."
        )
    x, y = (value.reshape(len(value), -1) for value in (x, y))
    count, prior = len(x), before.n_total
    total = prior + count
    batch_x, batch_y = x.mean(0), y.mean(0)
    off_x, off_y = batch_x - before.mean_x, batch_y - before.mean_y
    mean_x, mean_y = before.mean_x + off_x * count / total, before.mean_y + off_y * count / total
    dx, dy = x - batch_x[None], y - batch_y[None]
    between = prior * count / total
    return Moments(
        mean_x,
        mean_y,
        jnp.maximum(before.max_abs_dev_x, jnp.abs(x - mean_x[None]).max(0)),
        jnp.maximum(before.max_abs_dev_y, jnp.abs(y - mean_y[None]).max(0)),
        before.var_x + (dx**2).sum(0) + off_x**2 * between,
        before.var_y + (dy**2).sum(0) + off_y**2 * between,
        before.corr_xy + (dx * dy).sum(0) + off_x * off_y * between,
        total,
    )


def pearson_of(moments: Moments) -> Array:
    """The coefficients; NaN where a variance, relative to the largest deviation, is below √ε."""
    m, free = moments, moments.n_total - 1
    var_x, var_y = m.var_x / free / m.max_abs_dev_x**2, m.var_y / free / m.max_abs_dev_y**2
    both = m.corr_xy / free / (m.max_abs_dev_x * m.max_abs_dev_y)
    bound = float(np.sqrt(jnp.finfo(var_x.dtype).eps))
    varies = (var_x >= bound) & (var_y >= bound) & jnp.isfinite(var_x) & jnp.isfinite(var_y) & jnp.isfinite(both)
    warned(~varies.all(), _CONSTANT)
    value = jnp.clip(both / jnp.sqrt(jnp.where(varies, var_x * var_y, 1)), -1, 1)
    return jnp.where(varies, value, jnp.nan).squeeze()


def pearson_corrcoef(preds: ArrayLike, target: ArrayLike) -> Array:
    """Pearson's correlation coefficient Cov(preds, target) / (σ(preds) σ(target)).

    Args:
        preds: (N,) or (N, M).
        target: the same shape.

    Returns:
        (), or (M,); NaN where one of both is (nearly) constant.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.pearson_corrcoef(jnp.array([1.0, 2.0, 3.0]), jnp.array([3.0, 2.0, 1.0])))
        -1.0
    """
    x, _ = paired(preds, target)
    outputs = x.shape[1] if x.ndim == 2 else 1
    return as_given(pearson_of(pearson_moments(no_moments(outputs, x.dtype), preds, target, outputs)), preds, target)
