"""Adadelta (Zeiler, arXiv:1212.5701), in PyTorch's exact form."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import Changed, Slots, Vectors, elementwise
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import counts, decayed, zeros
from fnn.typing import PyTree, Real

__all__ = ["Adadelta", "AdadeltaState", "adadelta"]


class AdadeltaState(NamedTuple):
    """The state of `adadelta`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.adadelta().init(jnp.ones(2))
        >>> print(state.step, state.square_avg, state.acc_delta)
        [0.] [0. 0.] [0. 0.]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    square_avg: PyTree  # like the parameters
    acc_delta: PyTree  # like the parameters


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    rho: Real
    rest: Real  # 1 - ρ
    eps: Real
    weight_decay: Real | None


class Form(NamedTuple):
    """What a program is compiled for."""

    maximize: bool


def _numbers(lr: Real, rho: float, eps: Real, weight_decay: Real | None) -> Numbers:
    return Numbers(lr, rho, 1 - rho, eps, weight_decay)


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params: PyTree) -> AdadeltaState:
        return AdadeltaState(counts(params), zeros(params), zeros(params))

    def vectors(state: AdadeltaState, present: np.ndarray) -> Vectors:
        return (), {"step": state.step + present}

    def rule(p: jax.Array, g: jax.Array, slots: Slots) -> Changed:
        g = decayed(g, n.weight_decay, p)
        square = n.rho * slots["square_avg"] + n.rest * (g * g)
        delta = jnp.sqrt(slots["acc_delta"] + n.eps) / jnp.sqrt(square + n.eps) * g
        return -n.lr * delta, {
            "square_avg": square,
            "acc_delta": n.rho * slots["acc_delta"] + n.rest * (delta * delta),
        }

    return elementwise("adadelta", init, vectors, rule, form.maximize)


_RULE = Rule(_numbers, Form, _transformation)


def adadelta(
    learning_rate: Real = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: Real = 0.0,
    *,
    maximize: bool = False,
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

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.adadelta(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.99841887 1.0015812 ]
    """
    return _RULE.make(lr=learning_rate, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)


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

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.Adadelta([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.99841887 1.0015812 ]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1.0,
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
