"""Rprop (Riedmiller and Braun, A Direct Adaptive Method for Faster Backpropagation Learning, 1993), PyTorch's form."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import learning_rate
from fnn.optim._each import Changed, Slots, Vectors, elementwise
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import counts, full, zeros
from fnn.typing import PyTree, Real

__all__ = ["Rprop", "RpropState", "rprop"]


class RpropState(NamedTuple):
    """The state of `rprop`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.rprop(0.5).init(jnp.ones(2))
        >>> print(state.step, state.prev, state.step_size)
        [0.] [0. 0.] [0.5 0.5]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    prev: PyTree  # like the parameters: the last gradients
    step_size: PyTree  # like the parameters


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    shrink: Real  # η₋
    grow: Real  # η₊
    least: Real
    most: Real


class Form(NamedTuple):
    """What a program is compiled for."""

    maximize: bool


def _numbers(lr: Real, etas: tuple[float, float], step_sizes: tuple[float, float]) -> Numbers:
    return Numbers(lr, *etas, *step_sizes)


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def start(p: jax.Array) -> jax.Array:
        filled = full(p, n.lr)
        return filled + 1j * filled if jnp.iscomplexobj(p) else filled

    def init(params: PyTree) -> RpropState:
        return RpropState(counts(params), zeros(params), jax.tree.map(start, params))

    def vectors(state: RpropState, present: np.ndarray) -> Vectors:
        return (state.step == 0,), {"step": state.step + present}

    def rule(p: jax.Array, g: jax.Array, slots: Slots, fresh: jax.Array) -> Changed:
        # A parameter starts with the learning rate of its first step.
        size = jnp.where(fresh > 0, jnp.asarray(n.lr, p.dtype), slots["step_size"])
        agreement = g * slots["prev"]
        size = size * jnp.where(agreement > 0, n.grow, jnp.where(agreement < 0, n.shrink, 1.0))
        size = jnp.minimum(jnp.maximum(size, n.least), n.most)
        g = jnp.where(agreement < 0, jnp.zeros_like(g), g)
        return -jnp.sign(g) * size, {"prev": g, "step_size": size}

    return elementwise("rprop", init, vectors, rule, form.maximize)


_RULE = Rule(_numbers, Form, _transformation)


def rprop(
    learning_rate: Real = 1e-2,
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

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.rprop(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.5 1.5]
    """
    return _RULE.make(lr=learning_rate, etas=etas, step_sizes=step_sizes, maximize=maximize)


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

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.Rprop([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.5 1.5]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-2,
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
