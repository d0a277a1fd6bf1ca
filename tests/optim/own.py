"""Optimizers that torch lacks: what the tables of rules say of them beside their names.

The one that stands here is no part of fnn.  It is written by the guide in CONTRIBUTING.md, and shows that the guide
is enough and that the tables admit it.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import optax

from fnn import optim
from fnn.optim._checks import at_least_zero, betas_in_range, learning_rate
from fnn.optim._each import elementwise
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import shrunk, zeros
from fnn.typing import PyTree, Real
from tests import reference
from tests.optim.published import TorchLion


class LionState(NamedTuple):
    exp_avg: PyTree


class Numbers(NamedTuple):
    lr: Real
    beta1: Real
    rest1: Real  # 1 - β₁
    beta2: Real
    rest2: Real  # 1 - β₂
    weight_decay: Real | None


class Form(NamedTuple):
    """No flags."""


def _numbers(lr: Real, betas: tuple[float, float], weight_decay: Real | None) -> Numbers:
    return Numbers(lr, betas[0], 1 - betas[0], betas[1], 1 - betas[1], weight_decay)


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params):
        return LionState(zeros(params))

    def vectors(state, present):
        return (), {}

    def rule(p, g, slots):
        average = slots["exp_avg"]
        change = -n.lr * jnp.sign(n.beta1 * average + n.rest1 * g)
        return shrunk(change, n.lr, n.weight_decay, p), {"exp_avg": n.beta2 * average + n.rest2 * g}

    return elementwise("lion", init, vectors, rule, False)


class Lion(Optimizer):
    """Chen et al., arXiv:2302.06675."""

    _rule = Rule(_numbers, Form, _transformation, updated=None, velocity="exp_avg")

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        lr = learning_rate(lr)
        betas_in_range(betas)
        at_least_zero(weight_decay, "Invalid weight_decay value")
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})


# By name: the class, what it is held to, of torch's Optimizer and written without fnn's rule, and (for the table of
# numbers that change without compiling anew) other values of its numbers.
OWN = {"Lion": (Lion, TorchLion, {"lr": 0.5, "betas": (0.5, 0.6), "weight_decay": 0.2})}


def of_fnn(name: str) -> type[Optimizer]:
    """fnn's class of this name."""
    return OWN[name][0] if name in OWN else getattr(optim, name)


def of_torch(name: str) -> type:
    """torch's class of this name, or what an optimizer that it lacks is held to."""
    return OWN[name][1] if name in OWN else getattr(reference.torch.optim, name)
