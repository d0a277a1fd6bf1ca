"""Adam and AdamW (Kingma and Ba, arXiv:1412.6980; Loshchilov and Hutter, arXiv:1711.05101), in PyTorch's exact form."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, betas_in_range
from fnn.optim._each import elementwise, wide
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts, zeros

__all__ = ["Adam", "AdamState", "AdamW", "adam", "adamw"]


class AdamState(NamedTuple):
    """The state of `adam`."""

    step: Any  # (n,) float32: updates made of each parameter
    exp_avg: Any  # like the parameters
    exp_avg_sq: Any  # like the parameters
    max_exp_avg_sq: Any  # like the parameters; None without amsgrad


def _log(beta: float) -> float:
    return math.log(beta) if beta > 0 else -math.inf


def _derived(lr: Any, betas: Any, eps: Any, weight_decay: Any) -> tuple[Any, Any, Any, Any, Any, Any, Any, Any]:
    # 1 - β and log β are formed in double precision: 1 - 0.999 in float32 is off by 1e-5.
    b1, b2 = betas
    return lr, 1 - b1, _log(b1), b2, 1 - b2, _log(b2), eps, weight_decay


def _rule(
    lr: Any, rest1: Any, log1: Any, beta2: Any, rest2: Any, log2: Any, eps: Any, weight_decay: Any,
    amsgrad: bool, maximize: bool, decoupled: bool,
) -> optax.GradientTransformation:  # fmt: skip
    def init(params: Any) -> AdamState:
        return AdamState(counts(params), zeros(params), zeros(params), zeros(params) if amsgrad else None)

    def vectors(state: AdamState, present: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        step = state.step + present
        t = wide(step)
        # 1 - βᵗ = -expm1(t log β), exact where βᵗ is near 1.
        return (lr / -jnp.expm1(t * log1), jnp.sqrt(-jnp.expm1(t * log2))), {"step": step}

    def rule(p: Any, g: Any, slots: dict[str, Any], step_size: Any, root: Any) -> tuple[Any, dict[str, Any]]:
        if not decoupled:
            g = g + weight_decay * p
        first = slots["exp_avg"] + rest1 * (g - slots["exp_avg"])
        second = beta2 * slots["exp_avg_sq"] + rest2 * (g * g)
        after = {"exp_avg": first, "exp_avg_sq": second}
        if amsgrad:
            second = after["max_exp_avg_sq"] = jnp.maximum(slots["max_exp_avg_sq"], second)
        change = -step_size * (first / (jnp.sqrt(second) / root + eps))
        return (change - (lr * weight_decay) * p if decoupled else change), after

    return elementwise("adam", init, vectors, rule, maximize)


def adam(
    learning_rate: Any = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Any = 0.0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> optax.GradientTransformation:
    """Adam as an optax transformation, with PyTorch's rule for weight decay and amsgrad.

    Args:
        learning_rate: η; a number or a traced scalar.
        betas: decay rates of the two moments, numbers in [0, 1).
        eps: added to the root of the second moment.
        weight_decay: λ; added to the gradient, or (decoupled) taken off the parameter as η λ p.
        amsgrad: whether to divide by the largest second moment so far.
        maximize: whether to go up the gradient.
        decoupled_weight_decay: AdamW's decay.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    betas_in_range(betas)
    return _rule(*_derived(learning_rate, betas, eps, weight_decay), amsgrad, maximize, decoupled_weight_decay)


def adamw(
    learning_rate: Any = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Any = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """`adam` with decoupled weight decay."""
    return adam(learning_rate, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)


class Adam(Optimizer):
    """Adam.

    m ← β₁ m + (1 - β₁) g,  v ← β₂ v + (1 - β₂) g²,  p ← p - η (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε).

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        amsgrad: whether to divide by the largest second moment so far.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        capturable: kept likewise.
        differentiable: kept likewise; `adam` is the form to differentiate through.
        fused: kept likewise.
        decoupled_weight_decay: AdamW's decay: p ← p - η λ p.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        at_least_zero(lr, "Invalid learning rate")
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
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return bool(group["amsgrad"]), bool(group["maximize"]), bool(group["decoupled_weight_decay"])

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return _derived(group["lr"], group["betas"], group["eps"], group["weight_decay"])

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)

    def _sparse(self, grad: Any, group: dict[str, Any]) -> Any:
        del grad, group
        raise ArgumentError("Adam does not support sparse gradients, please consider SparseAdam instead")


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← p - η λ p beside Adam's step.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ.
        amsgrad: whether to divide by the largest second moment so far.
        maximize: whether to go up the gradient.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        capturable: kept likewise.
        differentiable: kept likewise.
        fused: kept likewise.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
