"""Adagrad (Duchi, Hazan and Singer, JMLR 12, 2011), in PyTorch's exact form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import Changed, Slots, Vectors, elementwise, wide
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import Gradient, counts, decayed, full
from fnn.typing import PyTree, Real

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

__all__ = ["Adagrad", "AdagradState", "adagrad"]


class AdagradState(NamedTuple):
    """The state of `adagrad`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.adagrad(initial_accumulator_value=0.5).init(jnp.ones(2))
        >>> print(state.step, state.sum)
        [0.] [0.5 0.5]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    sum: PyTree  # like the parameters


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    lr_decay: Real
    weight_decay: Real | None
    initial_accumulator_value: Real
    eps: Real


class Form(NamedTuple):
    """What a program is compiled for."""

    maximize: bool


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def start(p: jax.Array) -> jax.Array:
        filled = full(p, n.initial_accumulator_value)
        return filled + 1j * filled if jnp.iscomplexobj(p) else filled

    def init(params: PyTree) -> AdagradState:
        return AdagradState(counts(params), jax.tree.map(start, params))

    def vectors(state: AdagradState, present: np.ndarray) -> Vectors:
        step = state.step + present
        return (n.lr / (1 + (wide(step) - 1) * n.lr_decay),), {"step": step}

    def rule(p: jax.Array, g: jax.Array, slots: Slots, rate: jax.Array) -> Changed:
        g = decayed(g, n.weight_decay, p)
        total = slots["sum"] + g * g
        return -rate * (g / (jnp.sqrt(total) + n.eps)), {"sum": total}

    return elementwise("adagrad", init, vectors, rule, form.maximize)


_RULE = Rule(Numbers, Form, _transformation)


def adagrad(
    learning_rate: Real = 1e-2,
    lr_decay: Real = 0.0,
    weight_decay: Real = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adagrad as an optax transformation, with PyTorch's rule.

    Args:
        learning_rate: η; a number or a traced scalar.
        lr_decay: κ: the rate at step t is η / (1 + (t - 1) κ).
        weight_decay: λ, added to the gradient as λ p.
        initial_accumulator_value: what the sum of squares starts from.
        eps: ε.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.adagrad(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.5 1.5]
    """
    return _RULE.make(
        lr=learning_rate, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps, maximize=maximize,
        initial_accumulator_value=initial_accumulator_value,
    )  # fmt: skip


class Adagrad(Optimizer):
    """Adagrad: each number's step is divided by the root of the sum of its squared gradients.

    s ← s + g²,  p ← p - η / (1 + (t - 1) κ) g / (√s + ε).

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        lr_decay: κ.
        weight_decay: λ, added to the gradient as λ p.
        initial_accumulator_value: what s starts from.
        eps: ε.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        differentiable: kept likewise; `adagrad` is the form to differentiate through.
        fused: kept likewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.Adagrad([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.5 1.5]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        lr = learning_rate(lr)
        at_least_zero(lr_decay, "Invalid lr_decay value")
        at_least_zero(weight_decay, "Invalid weight_decay value")
        at_least_zero(initial_accumulator_value, "Invalid initial_accumulator_value value")
        at_least_zero(eps, "Invalid epsilon value")
        if fused and differentiable:
            raise ArgumentError("`fused` does not support `differentiable`")
        if fused and foreach:
            raise ArgumentError("`fused` and `foreach` cannot be `True` together.")
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def _sparse(self, grad: BCOO, group: Mapping[str, Any]) -> Gradient:
        # Where the gradient is zero the rule changes nothing.
        if group["fused"]:
            raise ArgumentError("`fused` does not support sparse grad or complex param")
        if group["weight_decay"] != 0:
            raise ArgumentError("weight_decay option is not compatible with sparse gradients")
        return grad.todense()

    def _entry(self, n: int, i: int, live: bool = False) -> dict[str, Any]:
        # torch's Adagrad has its state from the start.
        tree = self._state_of(n).box_tree()
        return {"step": tree.step[i], "sum": tree.sum[i] if live else tree.sum[i].data}
