"""Metrics of images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp

from fnn.arguments import widen
from fnn.dtypes import to_array
from fnn.metrics._arithmetic import floats, warned
from fnn.metrics._checks import arrays, one_of
from fnn.typing import Array, ArrayLike

__all__ = ["peak_signal_noise_ratio"]
REDUCTIONS = ("elementwise_mean", "sum", "none", None)


def check_options(reduction: str | None, dim: int | Sequence[int] | None) -> None:
    """Raises on an unknown reduction; warns if it has no effect."""
    one_of(reduction, "reduction", REDUCTIONS)
    warned(
        dim is None and reduction != "elementwise_mean",
        f"The `reduction={reduction}` will not have any effect when `dim` is None.",
    )


def value_range(data_range: float | tuple[float, float]) -> float:
    """The width of the values' range."""
    return float(data_range[1] - data_range[0]) if isinstance(data_range, tuple) else float(data_range)


def squared_errors(
    preds: ArrayLike,
    target: ArrayLike,
    data_range: float | tuple[float, float],
    dim: int | Sequence[int] | None,
) -> tuple[Array, Array]:
    """The sums of squared errors over ``dim``, and how many elements each has."""
    preds, target = (widen(floats(x)) for x in arrays(preds, target))
    if isinstance(data_range, tuple):
        preds, target = jnp.clip(preds, *data_range), jnp.clip(target, *data_range)
    squares = (preds - target) ** 2
    axes = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if not axes:
        axes = None
    total = squares.sum(axes)
    return total, jnp.full(total.shape, squares.size // max(total.size, 1))


def psnr_of(total: Array, count: Array, width: ArrayLike, base: float, reduction: str | None) -> Array:
    """The ratio in decibels (of another base: scaled alike)."""
    values = (2 * jnp.log(to_array(width)) - jnp.log(total / count)) * (10 / math.log(base))
    return values.mean() if reduction == "elementwise_mean" else values.sum() if reduction == "sum" else values


def peak_signal_noise_ratio(
    preds: ArrayLike,
    target: ArrayLike,
    data_range: float | tuple[float, float],
    base: float = 10.0,
    reduction: str | None = "elementwise_mean",
    dim: int | tuple[int, ...] | None = None,
) -> Array:
    """The peak signal-to-noise ratio 10 log10(range² / MSE).

    Args:
        preds: any shape.
        target: the same shape.
        data_range: the width of the values' range; a pair of the least and the largest clips to it.
        base: of the logarithm.
        reduction: of the ratios along ``dim``: ``"elementwise_mean"``, ``"sum"``, ``"none"`` or None.
        dim: the dimensions over which errors are averaged; None: all.

    Returns:
        (), or the shape without ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.peak_signal_noise_ratio(jnp.array([0.0, 1.0]), jnp.array([0.1, 0.9]), data_range=1.0))
        20.0
    """
    check_options(reduction, dim)
    total, count = squared_errors(preds, target, data_range, dim)
    return psnr_of(total, count, value_range(data_range), base, reduction)
