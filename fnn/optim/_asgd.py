"""Averaged SGD (Polyak and Juditsky, SIAM J. Control and Optimization 30, 1992), in PyTorch's exact form."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import Changed, Slots, Vectors, elementwise, wide
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import counts, decayed, zeros
from fnn.typing import PyTree, Real

__all__ = ["ASGD", "ASGDState", "asgd"]


class ASGDState(NamedTuple):
    """The state of `asgd`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.asgd(0.5).init(jnp.ones(2))
        >>> print(state.step, state.eta, state.mu, state.ax)
        [0.] [0.5] [1.] [0. 0.]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    eta: jax.Array  # (n,) float32: the rate of the next step
    mu: jax.Array  # (n,) float32: the weight of the next step's parameters in the average
    ax: PyTree  # like the parameters: their average


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    lambd: Real
    alpha: Real
    t0: Real
    weight_decay: Real | None


class Form(NamedTuple):
    """What a program is compiled for."""

    maximize: bool


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params: PyTree) -> ASGDState:
        step = counts(params)
        return ASGDState(step, jnp.full_like(step, n.lr), jnp.ones_like(step), zeros(params))

    def vectors(state: ASGDState, present: np.ndarray) -> Vectors:
        step = state.step + present
        t, fresh = wide(step), state.step == 0
        eta = jnp.where(fresh, jnp.asarray(n.lr, state.eta.dtype), state.eta)
        mu = jnp.where(fresh, 1, state.mu)
        later = {
            "step": step,
            "eta": jnp.where(present, n.lr / (1 + n.lambd * n.lr * t) ** n.alpha, eta).astype(eta.dtype),
            "mu": jnp.where(present, 1 / jnp.maximum(1, t - n.t0), mu).astype(mu.dtype),
        }
        return (eta, mu), later

    def rule(p: jax.Array, g: jax.Array, slots: Slots, eta: jax.Array, mu: jax.Array) -> Changed:
        g = decayed(g, n.weight_decay, p)
        change = -eta * (g + n.lambd * p)
        after, mean = p + change, slots["ax"]
        return change, {"ax": jnp.where(mu == 1, after, mean + mu * (after - mean))}

    return elementwise("asgd", init, vectors, rule, form.maximize)


_RULE = Rule(Numbers, Form, _transformation)


def asgd(
    learning_rate: Real = 1e-2,
    lambd: Real = 1e-4,
    alpha: Real = 0.75,
    t0: Real = 1e6,
    weight_decay: Real = 0.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Averaged SGD as an optax transformation, with PyTorch's rule; the average is ``state.ax``.

    Args:
        learning_rate: η; a number or a traced scalar.
        lambd: λ, the decay of the parameters and of the rate.
        alpha: α, the power of the rate's decay.
        t0: the step from which on to average.
        weight_decay: added to the gradient, times p.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.asgd(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.49995   1.9999499]
    """
    return _RULE.make(lr=learning_rate, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, maximize=maximize)


class ASGD(Optimizer):
    """Averaged stochastic gradient descent. The average of a parameter is ``optimizer.state[p]["ax"]``.

    p ← (1 - λ ηₜ) p - ηₜ g,  a ← a + μₜ (p - a),  ηₜ₊₁ = η / (1 + λ η t)^α,  μₜ₊₁ = 1 / max(1, t - t₀).

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        lambd: λ.
        alpha: α.
        t0: t₀, the step from which on to average; before it, the average is the parameter.
        weight_decay: added to the gradient, times p.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        differentiable: kept likewise; `asgd` is the form to differentiate through.
        capturable: kept likewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.ASGD([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.49995   1.9999499]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        lr = learning_rate(lr)
        at_least_zero(weight_decay, "Invalid weight_decay value")
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )
