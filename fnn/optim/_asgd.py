"""Averaged SGD (Polyak and Juditsky, SIAM J. Control and Optimization 30, 1992), in PyTorch's exact form."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import elementwise, wide
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts, zeros

__all__ = ["ASGD", "ASGDState", "asgd"]


class ASGDState(NamedTuple):
    """The state of `asgd`."""

    step: Any  # (n,) float32: updates made of each parameter
    eta: Any  # (n,) float32: the rate of the next step
    mu: Any  # (n,) float32: the weight of the next step's parameters in the average
    ax: Any  # like the parameters: their average


def _rule(lr: Any, lambd: Any, alpha: Any, t0: Any, weight_decay: Any, maximize: bool) -> optax.GradientTransformation:
    def init(params: Any) -> ASGDState:
        step = counts(params)
        return ASGDState(step, jnp.full_like(step, lr), jnp.ones_like(step), zeros(params))

    def vectors(state: ASGDState, present: Any) -> Any:
        step = state.step + present
        t, fresh = wide(step), state.step == 0
        eta = jnp.where(fresh, jnp.asarray(lr, state.eta.dtype), state.eta)
        mu = jnp.where(fresh, 1, state.mu)
        later = {
            "step": step,
            "eta": jnp.where(present, lr / (1 + lambd * lr * t) ** alpha, eta).astype(eta.dtype),
            "mu": jnp.where(present, 1 / jnp.maximum(1, t - t0), mu).astype(mu.dtype),
        }
        return (eta, mu), later

    def rule(p: Any, g: Any, slots: dict[str, Any], eta: Any, mu: Any) -> Any:
        g = g + weight_decay * p
        change = -eta * (g + lambd * p)
        after, mean = p + change, slots["ax"]
        return change, {"ax": jnp.where(mu == 1, after, mean + mu * (after - mean))}

    return elementwise("asgd", init, vectors, rule, maximize)


def asgd(
    learning_rate: Any = 1e-2,
    lambd: Any = 1e-4,
    alpha: Any = 0.75,
    t0: Any = 1e6,
    weight_decay: Any = 0.0,
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
    """
    return _rule(learning_rate, lambd, alpha, t0, weight_decay, maximize)


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
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
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

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (bool(group["maximize"]),)

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(group[name] for name in ("lr", "lambd", "alpha", "t0", "weight_decay"))

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
