"""Adadelta (Zeiler, arXiv:1212.5701), in PyTorch's exact form."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import elementwise
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts, zeros

__all__ = ["Adadelta", "AdadeltaState", "adadelta"]


class AdadeltaState(NamedTuple):
    """The state of `adadelta`."""

    step: Any  # (n,) float32: updates made of each parameter
    square_avg: Any  # like the parameters
    acc_delta: Any  # like the parameters


def _rule(lr: Any, rho: Any, rest: Any, eps: Any, weight_decay: Any, maximize: bool) -> optax.GradientTransformation:
    def init(params: Any) -> AdadeltaState:
        return AdadeltaState(counts(params), zeros(params), zeros(params))

    def vectors(state: AdadeltaState, present: Any) -> Any:
        return (), {"step": state.step + present}

    def rule(p: Any, g: Any, slots: dict[str, Any]) -> Any:
        g = g + weight_decay * p
        square = rho * slots["square_avg"] + rest * (g * g)
        delta = jnp.sqrt(slots["acc_delta"] + eps) / jnp.sqrt(square + eps) * g
        return -lr * delta, {
            "square_avg": square,
            "acc_delta": rho * slots["acc_delta"] + rest * (delta * delta),
        }

    return elementwise("adadelta", init, vectors, rule, maximize)


def adadelta(
    learning_rate: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: Any = 0.0, *, maximize: bool = False
) -> optax.GradientTransformation:
    """Adadelta as an optax transformation, with PyTorch's rule.

    Args:
        learning_rate: η; a number or a traced scalar.
        rho: ρ, a number.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    return _rule(learning_rate, rho, 1 - rho, eps, weight_decay, maximize)


class Adadelta(Optimizer):
    """Adadelta: a step whose size follows from the sizes of the gradients and of the past steps.

    v ← ρ v + (1 - ρ) g²,  δ = √(u + ε) / √(v + ε) g,  u ← ρ u + (1 - ρ) δ²,  p ← p - η δ.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: η, which scales δ.
        rho: ρ, the decay of both averages.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        capturable: kept likewise.
        maximize: whether to go up the gradient.
        differentiable: kept likewise; `adadelta` is the form to differentiate through.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        lr = learning_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ArgumentError(f"Invalid rho value: {rho}")
        at_least_zero(eps, "Invalid epsilon value")
        at_least_zero(weight_decay, "Invalid weight_decay value")
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (bool(group["maximize"]),)

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["lr"], group["rho"], 1 - group["rho"], group["eps"], group["weight_decay"]

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
