"""Adamax (Kingma and Ba, arXiv:1412.6980, section 7), in PyTorch's exact form."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from fnn.optim._checks import at_least_zero, betas_in_range, learning_rate, log
from fnn.optim._each import elementwise, wide
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts, zeros

__all__ = ["Adamax", "AdamaxState", "adamax"]


class AdamaxState(NamedTuple):
    """The state of `adamax`."""

    step: Any  # (n,) float32: updates made of each parameter
    exp_avg: Any  # like the parameters
    exp_inf: Any  # like the parameters


def _derived(lr: Any, betas: Any, eps: Any, weight_decay: Any) -> Any:
    return lr, 1 - betas[0], log(betas[0]), betas[1], eps, weight_decay


def _rule(
    lr: Any, rest1: Any, log1: Any, beta2: Any, eps: Any, weight_decay: Any, maximize: bool
) -> optax.GradientTransformation:
    def init(params: Any) -> AdamaxState:
        return AdamaxState(counts(params), zeros(params), zeros(params))

    def vectors(state: AdamaxState, present: Any) -> Any:
        step = state.step + present
        return (lr / -jnp.expm1(wide(step) * log1),), {"step": step}

    def rule(p: Any, g: Any, slots: dict[str, Any], rate: Any) -> Any:
        g = g + weight_decay * p
        first = slots["exp_avg"] + rest1 * (g - slots["exp_avg"])
        largest = jnp.maximum(beta2 * slots["exp_inf"], jnp.abs(g) + eps)
        return -rate * (first / largest), {"exp_avg": first, "exp_inf": largest}

    return elementwise("adamax", init, vectors, rule, maximize)


def adamax(
    learning_rate: Any = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Any = 0.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adamax as an optax transformation, with PyTorch's rule.

    Args:
        learning_rate: η; a number or a traced scalar.
        betas: β₁ and β₂, numbers in [0, 1).
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    betas_in_range(betas)
    return _rule(*_derived(learning_rate, betas, eps, weight_decay), maximize=maximize)


class Adamax(Optimizer):
    """Adamax: Adam with the infinity norm in place of the second moment.

    m ← β₁ m + (1 - β₁) g,  u ← max(β₂ u, |g| + ε),  p ← p - η / (1 - β₁ᵗ) m / u.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        differentiable: kept likewise; `adamax` is the form to differentiate through.
        capturable: kept likewise.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        lr = learning_rate(lr)
        at_least_zero(eps, "Invalid epsilon value")
        betas_in_range(betas)
        at_least_zero(weight_decay, "Invalid weight_decay value")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (bool(group["maximize"]),)

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return _derived(group["lr"], group["betas"], group["eps"], group["weight_decay"])

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
