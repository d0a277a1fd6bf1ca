"""Losses between real values: squared, absolute, Huber, Poisson and Gaussian likelihoods."""

from __future__ import annotations

import math
from typing import Any

import jax
from jax import lax

from fnn.arguments import widen
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import _loss_common as common
from fnn.functional import _promotion as promotion
from fnn.functional.reduction import Unreduced, reduced, total
from fnn.tracing import concrete
from fnn.typing import ArrayLike, DType

__all__ = ["gaussian_nll_loss", "huber_loss", "l1_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss"]


@reduced
def mse_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: ArrayLike | None = None,
) -> Unreduced:
    """The squared error ``(input - target)**2``; with weights, the mean is divided by their sum.

    Args:
        input: any shape.
        target: the shape of ``input``; another one broadcasts, with a warning.
        weight: weights of the shape of ``input``.

    Returns:
        A scalar, or the shape of ``input`` if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.mse_loss(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0]))
        Array(2., dtype=float32)
    """
    x, y = common.match("mse_loss", input, target)
    allowed, result = ("real", "floating") if weight is None else ("number", "any")
    x, y, dtype = common.promote("mse_loss", allowed, result, input=x, target=y)
    difference = x - y
    return _weighted("mse_loss", difference * difference, input, weight, dtype)


@reduced
def l1_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: ArrayLike | None = None,
) -> Unreduced:
    """The absolute error ``|input - target|``; with weights, the mean is divided by their sum.

    The gradient where the two are equal is 0.

    Args:
        input: any shape.
        target: the shape of ``input``; another one broadcasts, with a warning.
        weight: weights of the shape of ``input``.

    Returns:
        A scalar, or the shape of ``input`` if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.l1_loss(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0]))
        Array(1., dtype=float32)
    """
    x, y = common.match("l1_loss", input, target)
    x, y, dtype = common.promote("l1_loss", "number", "any", input=x, target=y)
    return _weighted("l1_loss", common.absolute(x - y), input, weight, promotion.real_type(dtype))


@reduced
def smooth_l1_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Unreduced:
    """``0.5 * d**2 / beta`` where ``d = |input - target| < beta``, and ``d - 0.5 * beta`` elsewhere.

    Girshick 2015, https://arxiv.org/abs/1504.08083.  With ``beta=0`` it is `l1_loss`.

    Args:
        input: any shape.
        target: the shape of ``input``; another one broadcasts, with a warning.
        beta: where the quadratic part ends; not negative.

    Returns:
        A scalar, or the shape of ``input`` if ``reduction='none'``.

    Raises:
        ArgumentError: ``beta`` is negative, shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.smooth_l1_loss(jnp.array([0.5, 3.0]), jnp.array([0.0, 0.0]), reduction="none")
        Array([0.125, 2.5  ], dtype=float32)
    """
    if beta < 0:
        raise ArgumentError(f"smooth_l1_loss: does not support negative values for beta, got beta={beta}")
    x, y = common.match("smooth_l1_loss", input, target)
    allowed, result = ("real", "floating") if beta else ("number", "any")
    x, y, dtype = common.promote("smooth_l1_loss", allowed, result, input=x, target=y)
    size = common.absolute(x - y)
    if beta != 0:
        size = lax.select(size < beta, 0.5 * size * size / beta, size - 0.5 * beta)
    return Unreduced(size, promotion.real_type(dtype))


@reduced
def huber_loss(
    input: ArrayLike, target: ArrayLike, reduction: str = "mean", delta: float = 1.0, weight: ArrayLike | None = None
) -> Unreduced:
    """``0.5 * d**2`` where ``d = |input - target| <= delta``, and ``delta * (d - 0.5 * delta)`` elsewhere.

    Huber 1964, https://doi.org/10.1214/aoms/1177703732.  With weights, the mean is still over the elements.

    Args:
        input: any shape.
        target: the shape of ``input``; another one broadcasts, with a warning.
        delta: where the quadratic part ends; positive.
        weight: weights of the shape of ``input``.

    Returns:
        A scalar, or the shape of ``input`` if ``reduction='none'``.

    Raises:
        ArgumentError: ``delta`` is not positive, shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.huber_loss(jnp.array([0.5, 3.0]), jnp.array([0.0, 0.0]), reduction="none", delta=2.0)
        Array([0.125, 4.   ], dtype=float32)
    """
    if delta <= 0:
        raise ArgumentError(f"huber_loss: does not support non-positive values for delta, got delta={delta}")
    x, y = common.match("huber_loss", input, target)
    x, y, dtype = common.like_input("huber_loss", input=x, target=y)
    size = common.absolute(x - y)
    loss = lax.select(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta))
    if weight is not None:
        loss, _, dtype = _apply_weight("huber_loss", loss, input, weight, dtype)
    return Unreduced(loss, dtype)


@reduced
def poisson_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """The negative log likelihood of counts under a Poisson distribution, up to a constant.

    ``exp(input) - target * input`` if ``log_input``, else ``input - target * log(input + eps)``.

    Args:
        input: the logarithm of the rate, or the rate; any shape.
        target: the counts, of a shape that broadcasts.  Integers, here and in ``input``, count as numbers of the
            default float dtype.
        log_input: whether ``input`` is the logarithm of the rate.
        full: add Stirling's approximation of ``log(target!)`` where ``target > 1``.
        eps: keeps the logarithm finite when ``log_input`` is False.

    Returns:
        A scalar, or the broadcast shape if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.poisson_nll_loss(jnp.array([0.0, 0.0]), jnp.array([1.0, 2.0]))
        Array(1., dtype=float32)
    """
    name, where = "poisson_nll_loss", "poisson_nll_loss: "
    x, y = common.arrays(name, "any", input=input, target=target)
    promotion.require(where, "any" if log_input else "number", input=x)
    promotion.require(where, "real number" if full else "any", target=y)
    # The product of two booleans is one, and cannot be subtracted.
    promotion.require_result(where, "number", promotion.result_type(x, y), input=x, target=y)
    x = x.astype(promotion.floating_type(x.dtype))
    x, y, dtype = common.promote(name, "any", "any", input=x, target=y)
    x, y = common.expand(name, x, y)
    loss = lax.exp(x) - y * x if log_input else x - y * lax.log(x + eps)
    if full:
        y = y.real
        large = y > 1
        count = lax.select(large, y, lax.full_like(y, 1))
        stirling = count * lax.log(count) - count + 0.5 * lax.log(2 * math.pi * count)
        loss = loss + lax.select(large, stirling, lax.full_like(y, 0))
    return Unreduced(loss, dtype)


@reduced
def gaussian_nll_loss(
    input: ArrayLike, target: ArrayLike, var: ArrayLike, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Unreduced:
    """The negative log likelihood of ``target`` under a normal distribution of mean ``input`` and variance ``var``.

    ``0.5 * (log(var) + (input - target)**2 / var)`` with ``var`` raised to at least ``eps``, which the gradient
    does not see.  Nix and Weigend 1994, https://doi.org/10.1109/ICNN.1994.374138.

    Args:
        input: the means, (N, *) or (*).
        target: the observations, of a shape that broadcasts.
        var: the variances: the shape of ``input``, or that shape without its last axis or with one axis of size 1,
            or a number.  A negative entry raises, where the values are known (not under ``jit``).
        full: add the constant ``0.5 * log(2 * pi)``.
        eps: the least variance.

    Returns:
        A scalar, or the broadcast shape if ``reduction='none'``.

    Raises:
        ArgumentError: ``var`` is negative or of the wrong shape, or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.gaussian_nll_loss(jnp.array([0.0, 1.0]), jnp.array([0.0, 3.0]), jnp.array([1.0, 1.0]))
        Array(1., dtype=float32)
    """
    name = "gaussian_nll_loss"
    x, y = common.arrays(name, "number", input=input, target=target)
    if isinstance(var, (int, float)):
        if var < 0:
            raise ArgumentError(f"{name}: var has negative entry/entries, got var={var}")
        v = lax.full(x.shape, var, promotion.floating_type(x.dtype))
        promotion.require(f"{name}: ", "real number", input=x)
    else:
        (v,) = common.arrays(name, "floating", var=var)
        values = concrete(v)
        if values is not None and (values < 0).any():
            raise ArgumentError(f"{name}: var has negative entry/entries, the least is {values.min()}")
    if v.shape != x.shape:
        if x.shape[:-1] == v.shape:
            v = v[..., None]
        elif x.ndim != v.ndim or sum(b for a, b in zip(x.shape, v.shape, strict=True) if a != b) != 1:
            raise ArgumentError(
                f"{name}: var is of incorrect size {list(v.shape)} for an input of size {list(x.shape)}"
            )
    scale, _ = common.promote(name, "floating", "floating", var=v)
    x, y, _, dtype = common.promote(name, "number", "any", input=x, target=y, var=v)
    v = scale.astype(promotion.real_type(x.dtype))
    v = common.straight_through(lax.max(v, lax.full_like(v, eps)), v)
    x, y, v = common.expand(name, x, y, v.astype(x.dtype))
    difference = x - y
    loss = 0.5 * (lax.log(v) + difference * difference / v)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return Unreduced(loss, dtype)


def _apply_weight(
    name: str, loss: jax.Array, input: ArrayLike, weight: ArrayLike | None, dtype: DType
) -> tuple[jax.Array, jax.Array, Any]:
    """The weighted elements, the weights, and the promoted dtype of the result."""
    w = to_array(weight, "weight", f"{name}: ")
    shape = to_array(input).shape
    if w.shape != shape:
        raise ArgumentError(f"{name}: Weights and input must have the same size, got {list(w.shape)} and {list(shape)}")
    dtype = promotion.result_type(lax.full(loss.shape, 0, dtype), w)
    w = widen(w.astype(dtype))
    product, factor = common.expand(name, loss.astype(w.dtype), w)
    return product * factor, w, dtype


def _weighted(name: str, loss: jax.Array, input: ArrayLike, weight: ArrayLike | None, dtype: DType) -> Unreduced:
    """The terms of `mse_loss` and `l1_loss`, whose weighted mean divides by the sum of the weights."""
    if weight is None:
        return Unreduced(loss, dtype)
    loss, w, dtype = _apply_weight(name, loss, input, weight, dtype)
    return Unreduced(loss, dtype, mean=lambda: total(loss).astype(widen(loss).dtype) / total(w))
