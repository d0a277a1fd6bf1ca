"""Rprop (Riedmiller and Braun, A Direct Adaptive Method for Faster Backpropagation Learning, 1993), PyTorch's form."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import learning_rate
from fnn.optim._each import elementwise
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts, zeros

__all__ = ["Rprop", "RpropState", "rprop"]


class RpropState(NamedTuple):
    """The state of `rprop`."""

    step: Any  # (n,) float32: updates made of each parameter
    prev: Any  # like the parameters: the last gradients
    step_size: Any  # like the parameters


def _rule(lr: Any, shrink: Any, grow: Any, least: Any, most: Any, maximize: bool) -> optax.GradientTransformation:
    def filled(p: Any) -> Any:
        full = jnp.full_like(p, lr)
        return full + 1j * full if jnp.iscomplexobj(p) else full

    def init(params: Any) -> RpropState:
        return RpropState(counts(params), zeros(params), jax.tree.map(filled, params))

    def vectors(state: RpropState, present: Any) -> Any:
        return (state.step == 0,), {"step": state.step + present}

    def rule(p: Any, g: Any, slots: dict[str, Any], fresh: Any) -> Any:
        # A parameter starts with the learning rate of its first step.
        size = jnp.where(fresh > 0, jnp.asarray(lr, p.dtype), slots["step_size"])
        agreement = g * slots["prev"]
        size = size * jnp.where(agreement > 0, grow, jnp.where(agreement < 0, shrink, 1.0))
        size = jnp.minimum(jnp.maximum(size, least), most)
        g = jnp.where(agreement < 0, jnp.zeros_like(g), g)
        return -jnp.sign(g) * size, {"prev": g, "step_size": size}

    return elementwise("rprop", init, vectors, rule, maximize)


def rprop(
    learning_rate: Any = 1e-2,
    etas: tuple[float, float] = (0.5, 1.2),
    step_sizes: tuple[float, float] = (1e-6, 50),
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Rprop as an optax transformation, with PyTorch's rule.

    Args:
        learning_rate: the first step size.
        etas: the factors by which a step size shrinks and grows.
        step_sizes: the least and the greatest step size.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    return _rule(learning_rate, *etas, *step_sizes, maximize)


class Rprop(Optimizer):
    """Resilient backpropagation: steps by the signs of the gradients, for full batches.

    s grows by η₊ where g has the sign it had, shrinks by η₋ (and g is taken as 0) where it changed;
    p ← p - s sign(g).

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the first step size.
        etas: η₋ and η₊.
        step_sizes: the least and the greatest s.
        capturable: kept in the groups for torch's sake.
        foreach: kept likewise; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        differentiable: kept likewise.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        lr = learning_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ArgumentError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (bool(group["maximize"]),)

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["lr"], *group["etas"], *group["step_sizes"]

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
