"""RMSprop (Hinton, lecture 6e of Neural Networks for Machine Learning, 2012), in PyTorch's exact form."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import Changed, Slots, Vectors, elementwise
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import counts, decayed, zeros
from fnn.typing import PyTree, Real

__all__ = ["RMSprop", "RMSpropState", "rmsprop"]


class RMSpropState(NamedTuple):
    """The state of `rmsprop`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.rmsprop().init(jnp.ones(2))
        >>> print(state.step, state.square_avg, state.momentum_buffer)
        [0.] [0. 0.] None
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    square_avg: PyTree  # like the parameters
    momentum_buffer: PyTree  # like the parameters; None without momentum
    grad_avg: PyTree  # like the parameters; None if not centered


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    alpha: Real
    rest: Real  # 1 - α
    eps: Real
    weight_decay: Real | None
    momentum: Real


class Form(NamedTuple):
    """What a program is compiled for."""

    momentum: bool  # whether there is any
    centered: bool
    maximize: bool


def _numbers(lr: Real, alpha: float, eps: Real, weight_decay: Real | None, momentum: Real) -> Numbers:
    return Numbers(lr, alpha, 1 - alpha, eps, weight_decay, momentum)


def _form(momentum: float, centered: bool, maximize: bool) -> Form:
    return Form(momentum > 0, bool(centered), bool(maximize))


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params: PyTree) -> RMSpropState:
        velocity = zeros(params) if form.momentum else None
        return RMSpropState(counts(params), zeros(params), velocity, zeros(params) if form.centered else None)

    def vectors(state: RMSpropState, present: np.ndarray) -> Vectors:
        return (), {"step": state.step + present}

    def rule(p: jax.Array, g: jax.Array, slots: Slots) -> Changed:
        g = decayed(g, n.weight_decay, p)
        variance = square = n.alpha * slots["square_avg"] + n.rest * (g * g)
        after = {"square_avg": square}
        if form.centered:
            mean = slots["grad_avg"] + n.rest * (g - slots["grad_avg"])
            after["grad_avg"] = mean
            variance = square - mean * mean
        change = g / (jnp.sqrt(variance) + n.eps)
        if form.momentum:
            after["momentum_buffer"] = change = n.momentum * slots["momentum_buffer"] + change
        return -n.lr * change, after

    return elementwise("rmsprop", init, vectors, rule, form.maximize)


_RULE = Rule(_numbers, _form, _transformation)


def rmsprop(
    learning_rate: Real = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: Real = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """RMSprop as an optax transformation, with PyTorch's rule: ε is added to the root, not under it.

    Args:
        learning_rate: η; a number or a traced scalar.
        alpha: α, the decay of the average square; a number.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        momentum: μ. Whether it is zero decides about the state, so it must be a number.
        centered: whether to divide by the deviation in place of the root mean square.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.rmsprop(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [-3.9999995  5.9999995]
    """
    return _RULE.make(
        lr=learning_rate, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered,
        maximize=maximize,
    )  # fmt: skip


class RMSprop(Optimizer):
    """RMSprop, plain or centered (Graves, arXiv:1308.0850), with momentum.

    v ← α v + (1 - α) g²,  b ← μ b + g / (√v + ε),  p ← p - η b; centered: m ← α m + (1 - α) g, √(v - m²) for √v.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        alpha: α.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        momentum: μ.
        centered: whether to divide by the deviation in place of the root mean square.
        capturable: kept in the groups for torch's sake.
        foreach: kept likewise; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        differentiable: kept likewise; `rmsprop` is the form to differentiate through.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.RMSprop([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [-3.9999995  5.9999995]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        lr = learning_rate(lr)
        at_least_zero(eps, "Invalid epsilon value")
        at_least_zero(momentum, "Invalid momentum value")
        at_least_zero(weight_decay, "Invalid weight_decay value")
        at_least_zero(alpha, "Invalid alpha value")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )
