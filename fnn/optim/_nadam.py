"""NAdam (Dozat, Incorporating Nesterov Momentum into Adam, 2016), in PyTorch's exact form."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from fnn.optim._checks import at_least_zero, betas_in_range, learning_rate, log
from fnn.optim._each import elementwise, wide
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts, zeros

__all__ = ["NAdam", "NAdamState", "nadam"]


class NAdamState(NamedTuple):
    """The state of `nadam`."""

    step: Any  # (n,) float32: updates made of each parameter
    mu_product: Any  # (n,) float32: the product of the momenta so far
    exp_avg: Any  # like the parameters
    exp_avg_sq: Any  # like the parameters


def _derived(lr: Any, betas: Any, eps: Any, weight_decay: Any, momentum_decay: Any) -> Any:
    b1, b2 = betas
    return lr, b1, 1 - b1, b2, 1 - b2, log(b2), eps, weight_decay, momentum_decay * math.log(0.96)


def _rule(
    lr: Any, beta1: Any, rest1: Any, beta2: Any, rest2: Any, log2: Any, eps: Any, weight_decay: Any, log_decay: Any,
    decoupled: bool, maximize: bool,
) -> optax.GradientTransformation:  # fmt: skip
    def init(params: Any) -> NAdamState:
        step = counts(params)
        return NAdamState(step, jnp.ones_like(step), zeros(params), zeros(params))

    def momentum(t: Any) -> Any:
        return beta1 * (1 - 0.5 * jnp.exp(t * log_decay))

    def vectors(state: NAdamState, present: Any) -> Any:
        step = state.step + present
        t = wide(step)
        mu, mu_next = momentum(t), momentum(t + 1)
        before = jnp.where(state.step == 0, 1, state.mu_product)
        product = jnp.where(present, before * mu, before).astype(before.dtype)
        of_gradient = lr * (1 - mu) / (1 - product)
        of_moment = lr * mu_next / (1 - product * mu_next)
        return (of_gradient, of_moment, -jnp.expm1(t * log2)), {"step": step, "mu_product": product}

    def rule(p: Any, g: Any, slots: dict[str, Any], of_gradient: Any, of_moment: Any, correction: Any) -> Any:
        if not decoupled:
            g = g + weight_decay * p
        first = slots["exp_avg"] + rest1 * (g - slots["exp_avg"])
        second = beta2 * slots["exp_avg_sq"] + rest2 * (g * g)
        denominator = jnp.sqrt(second / correction) + eps
        change = -(of_gradient * (g / denominator) + of_moment * (first / denominator))
        if decoupled:
            change = change - (lr * weight_decay) * p
        return change, {"exp_avg": first, "exp_avg_sq": second}

    return elementwise("nadam", init, vectors, rule, maximize)


def nadam(
    learning_rate: Any = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Any = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """NAdam as an optax transformation, with PyTorch's rule (optax's own has no schedule of momenta).

    Args:
        learning_rate: η; a number or a traced scalar.
        betas: β₁ and β₂, numbers in [0, 1).
        eps: ε.
        weight_decay: λ; added to the gradient as λ p, or (decoupled) taken off the parameter as η λ p.
        momentum_decay: ψ, a number.
        decoupled_weight_decay: AdamW's decay.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    betas_in_range(betas)
    values = _derived(learning_rate, betas, eps, weight_decay, momentum_decay)
    return _rule(*values, decoupled=decoupled_weight_decay, maximize=maximize)


class NAdam(Optimizer):
    """NAdam: Adam with Nesterov's momentum.

    μₜ = β₁ (1 - ½ 0.96^(t ψ)),  m ← β₁ m + (1 - β₁) g,  v ← β₂ v + (1 - β₂) g²,
    m̂ = μₜ₊₁ m / (1 - μ₁ … μₜ₊₁) + (1 - μₜ) g / (1 - μ₁ … μₜ),  p ← p - η m̂ / (√(v / (1 - β₂ᵗ)) + ε).

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        momentum_decay: ψ.
        decoupled_weight_decay: whether the decay is AdamW's: p ← p - η λ p.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        capturable: kept likewise.
        differentiable: kept likewise; `nadam` is the form to differentiate through.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        lr = learning_rate(lr)
        at_least_zero(eps, "Invalid epsilon value")
        betas_in_range(betas)
        at_least_zero(weight_decay, "Invalid weight_decay value")
        at_least_zero(momentum_decay, "Invalid momentum_decay value")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return bool(group["decoupled_weight_decay"]), bool(group["maximize"])

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return _derived(*(group[name] for name in ("lr", "betas", "eps", "weight_decay", "momentum_decay")))

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
