"""Layers of the losses between real values."""

from __future__ import annotations

import dataclasses

import jax

from fnn.errors import ArgumentTypeError
from fnn.functional import loss as functional
from fnn.layers._loss import _Loss, _PairLoss
from fnn.layers.layer import Params, State
from fnn.typing import ArrayLike, Key

__all__ = ["GaussianNLLLoss", "HuberLoss", "L1Loss", "MSELoss", "PoissonNLLLoss", "SmoothL1Loss"]


class MSELoss(_PairLoss):
    """The squared error ``(input - target)**2``.

    Example:
        >>> loss = layers.MSELoss()
        >>> loss.apply({}, {}, jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0]))[0].round(4)
        Array(2., dtype=float32)
    """

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        del state
        return functional.mse_loss(input, target, **self._how())


class L1Loss(_PairLoss):
    """The absolute error ``|input - target|``; its gradient is 0 where the two are equal.

    Example:
        >>> loss = layers.L1Loss()
        >>> loss.apply({}, {}, jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0]))[0].round(4)
        Array(1., dtype=float32)
    """

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        del state
        return functional.l1_loss(input, target, **self._how())


class SmoothL1Loss(_PairLoss):
    """``0.5 * d**2 / beta`` where ``d = |input - target| < beta``, and ``d - 0.5 * beta`` elsewhere.

    Girshick 2015, https://arxiv.org/abs/1504.08083.

    Args:
        beta: where the quadratic part ends; 0 gives `L1Loss`.

    Example:
        >>> loss = layers.SmoothL1Loss()
        >>> loss.apply({}, {}, jnp.array([0.5, 3.0]), jnp.array([0.0, 0.0]))[0].round(4)
        Array(1.3125, dtype=float32)
    """

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    beta: float = 1.0

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        del state
        return functional.smooth_l1_loss(input, target, beta=self.beta, **self._how())


class HuberLoss(_PairLoss):
    """``0.5 * d**2`` where ``d = |input - target| <= delta``, and ``delta * (d - 0.5 * delta)`` elsewhere.

    Huber 1964, https://doi.org/10.1214/aoms/1177703732.

    Args:
        delta: where the quadratic part ends; positive.

    Example:
        >>> loss = layers.HuberLoss(delta=2.0)
        >>> loss.apply({}, {}, jnp.array([0.5, 3.0]), jnp.array([0.0, 0.0]))[0].round(4)
        Array(2.0625, dtype=float32)
    """

    reduction: str = "mean"
    delta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.delta, (float, int)):
            raise ArgumentTypeError(f"HuberLoss: delta must be a float or int, got: {type(self.delta)}")

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        del state
        return functional.huber_loss(input, target, delta=self.delta, **self._how())


class PoissonNLLLoss(_Loss):
    """The negative log likelihood of counts under a Poisson distribution, up to a constant.

    Args:
        log_input: whether the input is the logarithm of the rate, or the rate.
        full: add Stirling's approximation of ``log(target!)`` where ``target > 1``.
        eps: keeps the logarithm finite when ``log_input`` is False.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> loss = layers.PoissonNLLLoss()
        >>> loss.apply({}, {}, jnp.array([0.0, 0.0]), jnp.array([1.0, 2.0]))[0].round(4)
        Array(1., dtype=float32)
    """

    log_input: bool = True
    full: bool = False
    size_average: bool | None = None
    eps: float = 1e-8
    reduce: bool | None = None
    reduction: str = "mean"

    def apply(
        self,
        params: Params,
        state: State,
        log_input: ArrayLike,
        target: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        loss = functional.poisson_nll_loss(log_input, target, self.log_input, self.full, eps=self.eps, **self._how())
        return loss, state


class GaussianNLLLoss(_Loss):
    """The negative log likelihood of the target under a normal distribution of mean ``input`` and variance ``var``.

    Nix and Weigend 1994, https://doi.org/10.1109/ICNN.1994.374138.

    Args:
        full: add the constant ``0.5 * log(2 * pi)``.
        eps: the least variance; the gradient does not see it.

    Shape:
        (N, *), (N, *), and variances of that shape, of (N,), or of a last axis of 1 -> (), or (N, *) with
        ``reduction='none'``.

    Example:
        >>> loss = layers.GaussianNLLLoss()
        >>> loss.apply({}, {}, jnp.array([0.0, 1.0]), jnp.array([0.0, 3.0]), jnp.array([1.0, 1.0]))[0].round(4)
        Array(1., dtype=float32)
    """

    _: dataclasses.KW_ONLY
    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        target: ArrayLike,
        var: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        loss = functional.gaussian_nll_loss(input, target, var, self.full, self.eps, **self._how())
        return loss, state
