"""Adamax (Kingma and Ba, arXiv:1412.6980, section 7), in PyTorch's exact form."""

from __future__ import annotations

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
from fnn.optim._tree import counts, decayed, zeros
from fnn.typing import PyTree, Real

__all__ = ["Adamax", "AdamaxState", "adamax"]


class AdamaxState(NamedTuple):
    """The state of `adamax`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.adamax().init(jnp.ones(2))
        >>> print(state.step, state.exp_avg, state.exp_inf)
        [0.] [0. 0.] [0. 0.]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    exp_avg: PyTree  # like the parameters
    exp_inf: PyTree  # like the parameters


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    rest1: Real  # 1 - β₁
    log1: Real  # log β₁
    beta2: Real
    eps: Real
    weight_decay: Real | None


class Form(NamedTuple):
    """What a program is compiled for."""

    maximize: bool


def _numbers(lr: Real, betas: tuple[float, float], eps: Real, weight_decay: Real | None) -> Numbers:
    return Numbers(lr, 1 - betas[0], log(betas[0]), betas[1], eps, weight_decay)


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params: PyTree) -> AdamaxState:
        return AdamaxState(counts(params), zeros(params), zeros(params))

    def vectors(state: AdamaxState, present: np.ndarray) -> Vectors:
        step = state.step + present
        return (n.lr / -jnp.expm1(wide(step) * n.log1),), {"step": step}

    def rule(p: jax.Array, g: jax.Array, slots: Slots, rate: jax.Array) -> Changed:
        g = decayed(g, n.weight_decay, p)
        first = slots["exp_avg"] + n.rest1 * (g - slots["exp_avg"])
        largest = jnp.maximum(n.beta2 * slots["exp_inf"], jnp.abs(g) + n.eps)
        return -rate * (first / largest), {"exp_avg": first, "exp_inf": largest}

    return elementwise("adamax", init, vectors, rule, form.maximize)


_RULE = Rule(_numbers, Form, _transformation)


def adamax(
    learning_rate: Real = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Real = 0.0,
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

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.adamax(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.49999994 1.5       ]
    """
    betas_in_range(betas)
    return _RULE.make(lr=learning_rate, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)


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

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.Adamax([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.49999994 1.5       ]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 2e-3,
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
