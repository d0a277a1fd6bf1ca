"""RAdam (Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, arXiv:1908.03265), PyTorch's form."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from fnn.optim._checks import at_least_zero, betas_in_range, learning_rate, log
from fnn.optim._each import elementwise, wide
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts, zeros

__all__ = ["RAdam", "RAdamState", "radam"]


class RAdamState(NamedTuple):
    """The state of `radam`."""

    step: Any  # (n,) float32: updates made of each parameter
    exp_avg: Any  # like the parameters
    exp_avg_sq: Any  # like the parameters


def _derived(lr: Any, betas: Any, eps: Any, weight_decay: Any) -> Any:
    b1, b2 = betas
    limit = 2 / (1 - b2) - 1
    scale = limit / ((limit - 4) * (limit - 2)) if limit > 5 else 0.0
    # Half of -log β₂, and coth x - 1/x of it: what the length of the average is made from while it is short.
    half = -log(b2) / 2
    bend = 1 / math.tanh(half) - 1 / half if half > 1e-2 else half / 3
    return lr, 1 - b1, log(b1), b2, 1 - b2, log(b2), limit, scale, bend, eps, weight_decay


def _rule(
    lr: Any, rest1: Any, log1: Any, beta2: Any, rest2: Any, log2: Any, limit: Any, scale: Any, bend: Any,
    eps: Any, weight_decay: Any, decoupled: bool, maximize: bool,
) -> optax.GradientTransformation:  # fmt: skip
    def init(params: Any) -> RAdamState:
        return RAdamState(counts(params), zeros(params), zeros(params))

    def length(t: Any) -> Any:
        # ρₜ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ). With x = -t log β₂ small that is 1999 - 1994 in float32; there
        # t + L(-log β₂ / 2) - t L(x / 2), where L(y) = coth y - 1/y = y/3 - y³/45 + ..., is the same without the loss.
        x = -t * log2
        y = x / 2
        z = y * y
        series = y * (1 / 3 - z * (1 / 45 - z * (2 / 945 - z * (1 / 4725 - z * (2 / 93555)))))
        return jnp.where(x < 1, t + bend - t * series, limit - 2 * t / jnp.expm1(x))

    def vectors(state: RAdamState, present: Any) -> Any:
        step = state.step + present
        t = wide(step)
        rho = length(t)
        rectified = rho > 5
        factor = jnp.sqrt(jnp.maximum((rho - 4) * (rho - 2) / rho * scale, 0)) * jnp.sqrt(-jnp.expm1(t * log2))
        return (lr / -jnp.expm1(t * log1), factor, rectified.astype(t.dtype)), {"step": step}

    def rule(p: Any, g: Any, slots: dict[str, Any], rate: Any, factor: Any, rectified: Any) -> Any:
        if not decoupled:
            g = g + weight_decay * p
        first = slots["exp_avg"] + rest1 * (g - slots["exp_avg"])
        second = beta2 * slots["exp_avg_sq"] + rest2 * (g * g)
        adapted = jnp.where(rectified > 0, factor / (jnp.sqrt(second) + eps), 1)
        change = -rate * first * adapted
        if decoupled:
            change = change - (lr * weight_decay) * p
        return change, {"exp_avg": first, "exp_avg_sq": second}

    return elementwise("radam", init, vectors, rule, maximize)


def radam(
    learning_rate: Any = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Any = 0.0,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """RAdam as an optax transformation, with PyTorch's rule.

    Args:
        learning_rate: η; a number or a traced scalar.
        betas: β₁ and β₂, numbers in [0, 1).
        eps: ε.
        weight_decay: λ; added to the gradient as λ p, or (decoupled) taken off the parameter as η λ p.
        decoupled_weight_decay: AdamW's decay.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    betas_in_range(betas)
    return _rule(
        *_derived(learning_rate, betas, eps, weight_decay), decoupled=decoupled_weight_decay, maximize=maximize
    )


class RAdam(Optimizer):
    """RAdam: Adam that divides by the second moment only once that is known well enough.

    m ← β₁ m + (1 - β₁) g,  v ← β₂ v + (1 - β₂) g²,  m̂ = m / (1 - β₁ᵗ),
    ρ∞ = 2 / (1 - β₂) - 1,  ρₜ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ),
    p ← p - η m̂ r √(1 - β₂ᵗ) / (√v + ε) with r = √((ρₜ - 4)(ρₜ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρₜ)) where ρₜ > 5,
    p ← p - η m̂ before.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        decoupled_weight_decay: whether the decay is AdamW's: p ← p - η λ p.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        capturable: kept likewise.
        differentiable: kept likewise; `radam` is the form to differentiate through.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return bool(group["decoupled_weight_decay"]), bool(group["maximize"])

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return _derived(group["lr"], group["betas"], group["eps"], group["weight_decay"])

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
