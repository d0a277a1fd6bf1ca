"""NAdam (Dozat, Incorporating Nesterov Momentum into Adam, 2016), in PyTorch's exact form."""

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

__all__ = ["NAdam", "NAdamState", "nadam"]


class NAdamState(NamedTuple):
    """The state of `nadam`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.nadam().init(jnp.ones(2))
        >>> print(state.step, state.mu_product, state.exp_avg)
        [0.] [1.] [0. 0.]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    mu_product: jax.Array  # (n,) float32: the product of the momenta so far
    exp_avg: PyTree  # like the parameters
    exp_avg_sq: PyTree  # like the parameters


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    beta1: Real
    rest1: Real  # 1 - β₁
    beta2: Real
    rest2: Real  # 1 - β₂
    log2: Real  # log β₂
    eps: Real
    weight_decay: Real | None
    log_decay: Real  # ψ log 0.96


class Form(NamedTuple):
    """What a program is compiled for."""

    decoupled_weight_decay: bool
    maximize: bool


def _numbers(
    lr: Real, betas: tuple[float, float], eps: Real, weight_decay: Real | None, momentum_decay: float
) -> Numbers:
    b1, b2 = betas
    return Numbers(lr, b1, 1 - b1, b2, 1 - b2, log(b2), eps, weight_decay, momentum_decay * math.log(0.96))


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    decoupled = form.decoupled_weight_decay

    def init(params: PyTree) -> NAdamState:
        step = counts(params)
        return NAdamState(step, jnp.ones_like(step), zeros(params), zeros(params))

    def momentum(t: jax.Array) -> jax.Array:
        return n.beta1 * (1 - 0.5 * jnp.exp(t * n.log_decay))

    def vectors(state: NAdamState, present: np.ndarray) -> Vectors:
        step = state.step + present
        t = wide(step)
        mu, mu_next = momentum(t), momentum(t + 1)
        before = jnp.where(state.step == 0, 1, state.mu_product)
        product = jnp.where(present, before * mu, before).astype(before.dtype)
        of_gradient = n.lr * (1 - mu) / (1 - product)
        of_moment = n.lr * mu_next / (1 - product * mu_next)
        return (of_gradient, of_moment, -jnp.expm1(t * n.log2)), {"step": step, "mu_product": product}

    def rule(
        p: jax.Array, g: jax.Array, slots: Slots, of_gradient: jax.Array, of_moment: jax.Array, correction: jax.Array
    ) -> Changed:
        if not decoupled:
            g = decayed(g, n.weight_decay, p)
        first = slots["exp_avg"] + n.rest1 * (g - slots["exp_avg"])
        second = n.beta2 * slots["exp_avg_sq"] + n.rest2 * (g * g)
        denominator = jnp.sqrt(second / correction) + n.eps
        change = -(of_gradient * (g / denominator) + of_moment * (first / denominator))
        if decoupled:
            change = shrunk(change, n.lr, n.weight_decay, p)
        return change, {"exp_avg": first, "exp_avg_sq": second}

    return elementwise("nadam", init, vectors, rule, form.maximize)


_RULE = Rule(_numbers, Form, _transformation)


def nadam(
    learning_rate: Real = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Real = 0.0,
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

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.nadam(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.47177416 1.5282259 ]
    """
    betas_in_range(betas)
    return _RULE.make(
        lr=learning_rate, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
        decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
    )  # fmt: skip


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

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.NAdam([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.47177416 1.5282259 ]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 2e-3,
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
