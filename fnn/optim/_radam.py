"""RAdam (Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, arXiv:1908.03265), PyTorch's form."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.optim._checks import at_least_zero, betas_in_range, learning_rate, log
from fnn.optim._each import Changed, Slots, Vectors, elementwise, wide
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import counts, decayed, shrunk, zeros
from fnn.typing import PyTree, Real

__all__ = ["RAdam", "RAdamState", "radam"]


class RAdamState(NamedTuple):
    """The state of `radam`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.radam().init(jnp.ones(2))
        >>> print(state.step, state.exp_avg, state.exp_avg_sq)
        [0.] [0. 0.] [0. 0.]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    exp_avg: PyTree  # like the parameters
    exp_avg_sq: PyTree  # like the parameters


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    rest1: Real  # 1 - β₁
    log1: Real  # log β₁
    beta2: Real
    rest2: Real  # 1 - β₂
    log2: Real  # log β₂
    limit: Real  # ρ∞
    scale: Real  # ρ∞ / ((ρ∞ - 4)(ρ∞ - 2))
    bend: Real  # L(-log β₂ / 2), see length
    eps: Real
    weight_decay: Real | None


class Form(NamedTuple):
    """What a program is compiled for."""

    decoupled_weight_decay: bool
    maximize: bool


def _numbers(lr: Real, betas: tuple[float, float], eps: Real, weight_decay: Real | None) -> Numbers:
    b1, b2 = betas
    limit = 2 / (1 - b2) - 1
    half = -log(b2) / 2
    return Numbers(
        lr,
        rest1=1 - b1,
        log1=log(b1),
        beta2=b2,
        rest2=1 - b2,
        log2=log(b2),
        limit=limit,
        scale=limit / ((limit - 4) * (limit - 2)) if limit > 5 else 0.0,
        bend=1 / math.tanh(half) - 1 / half if half > 1e-2 else half / 3,
        eps=eps,
        weight_decay=weight_decay,
    )


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    decoupled = form.decoupled_weight_decay

    def init(params: PyTree) -> RAdamState:
        return RAdamState(counts(params), zeros(params), zeros(params))

    def length(t: jax.Array) -> jax.Array:
        # ρₜ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ). With x = -t log β₂ small that is 1999 - 1994 in float32; there
        # t + L(-log β₂ / 2) - t L(x / 2), where L(y) = coth y - 1/y = y/3 - y³/45 + ..., is the same without the loss.
        x = -t * n.log2
        y = x / 2
        z = y * y
        series = y * (1 / 3 - z * (1 / 45 - z * (2 / 945 - z * (1 / 4725 - z * (2 / 93555)))))
        return jnp.where(x < 1, t + n.bend - t * series, n.limit - 2 * t / jnp.expm1(x))

    def vectors(state: RAdamState, present: np.ndarray) -> Vectors:
        step = state.step + present
        t = wide(step)
        rho = length(t)
        rectified = rho > 5
        factor = jnp.sqrt(jnp.maximum((rho - 4) * (rho - 2) / rho * n.scale, 0)) * jnp.sqrt(-jnp.expm1(t * n.log2))
        return (n.lr / -jnp.expm1(t * n.log1), factor, rectified.astype(t.dtype)), {"step": step}

    def rule(
        p: jax.Array, g: jax.Array, slots: Slots, rate: jax.Array, factor: jax.Array, rectified: jax.Array
    ) -> Changed:
        if not decoupled:
            g = decayed(g, n.weight_decay, p)
        first = slots["exp_avg"] + n.rest1 * (g - slots["exp_avg"])
        second = n.beta2 * slots["exp_avg_sq"] + n.rest2 * (g * g)
        change = -rate * first * jnp.where(rectified > 0, factor / (jnp.sqrt(second) + n.eps), 1)
        if decoupled:
            change = shrunk(change, n.lr, n.weight_decay, p)
        return change, {"exp_avg": first, "exp_avg_sq": second}

    return elementwise("radam", init, vectors, rule, form.maximize)


_RULE = Rule(_numbers, Form, _transformation)


def radam(
    learning_rate: Real = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Real = 0.0,
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

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.radam(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.49999994 2.        ]
    """
    betas_in_range(betas)
    return _RULE.make(
        lr=learning_rate, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
        decoupled_weight_decay=decoupled_weight_decay,
    )  # fmt: skip


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

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.RAdam([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.49999994 2.        ]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-3,
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
