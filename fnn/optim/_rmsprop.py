"""RMSprop (Hinton, lecture 6e of Neural Networks for Machine Learning, 2012), in PyTorch's exact form."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import elementwise
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts, zeros

__all__ = ["RMSprop", "RMSpropState", "rmsprop"]


class RMSpropState(NamedTuple):
    """The state of `rmsprop`."""

    step: Any  # (n,) float32: updates made of each parameter
    square_avg: Any  # like the parameters
    momentum_buffer: Any  # like the parameters; None without momentum
    grad_avg: Any  # like the parameters; None if not centered


def _rule(
    lr: Any, alpha: Any, rest: Any, eps: Any, weight_decay: Any, momentum: Any,
    has_momentum: bool, centered: bool, maximize: bool,
) -> optax.GradientTransformation:  # fmt: skip
    def init(params: Any) -> RMSpropState:
        velocity = zeros(params) if has_momentum else None
        return RMSpropState(counts(params), zeros(params), velocity, zeros(params) if centered else None)

    def vectors(state: RMSpropState, present: Any) -> Any:
        return (), {"step": state.step + present}

    def rule(p: Any, g: Any, slots: dict[str, Any]) -> Any:
        g = g + weight_decay * p
        variance = square = alpha * slots["square_avg"] + rest * (g * g)
        after = {"square_avg": square}
        if centered:
            mean = slots["grad_avg"] + rest * (g - slots["grad_avg"])
            after["grad_avg"] = mean
            variance = square - mean * mean
        change = g / (jnp.sqrt(variance) + eps)
        if has_momentum:
            after["momentum_buffer"] = change = momentum * slots["momentum_buffer"] + change
        return -lr * change, after

    return elementwise("rmsprop", init, vectors, rule, maximize)


def rmsprop(
    learning_rate: Any = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: Any = 0.0,
    momentum: Any = 0.0,
    centered: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """RMSprop as an optax transformation, with PyTorch's rule: ε is added to the root, not under it.

    Args:
        learning_rate: η; a number or a traced scalar.
        alpha: α, the decay of the average square; a number.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        momentum: μ. Whether it is zero decides about the state, so it must be a number.
        centered: whether to divide by the deviation in place of the root mean square.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    return _rule(learning_rate, alpha, 1 - alpha, eps, weight_decay, momentum, momentum > 0, centered, maximize)


class RMSprop(Optimizer):
    """RMSprop, plain or centered (Graves, arXiv:1308.0850), with momentum.

    v ← α v + (1 - α) g²,  b ← μ b + g / (√v + ε),  p ← p - η b; centered: m ← α m + (1 - α) g, √(v - m²) for √v.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        alpha: α.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        momentum: μ.
        centered: whether to divide by the deviation in place of the root mean square.
        capturable: kept in the groups for torch's sake.
        foreach: kept likewise; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        differentiable: kept likewise; `rmsprop` is the form to differentiate through.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        lr = learning_rate(lr)
        at_least_zero(eps, "Invalid epsilon value")
        at_least_zero(momentum, "Invalid momentum value")
        at_least_zero(weight_decay, "Invalid weight_decay value")
        at_least_zero(alpha, "Invalid alpha value")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["momentum"] > 0, bool(group["centered"]), bool(group["maximize"])

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        alpha = group["alpha"]
        return group["lr"], alpha, 1 - alpha, group["eps"], group["weight_decay"], group["momentum"]

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
