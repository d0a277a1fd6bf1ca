"""Adagrad (Duchi, Hazan and Singer, JMLR 12, 2011), in PyTorch's exact form."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import elementwise, wide
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import counts

__all__ = ["Adagrad", "AdagradState", "adagrad"]


class AdagradState(NamedTuple):
    """The state of `adagrad`."""

    step: Any  # (n,) float32: updates made of each parameter
    sum: Any  # like the parameters


def _rule(
    lr: Any, lr_decay: Any, weight_decay: Any, initial: Any, eps: Any, maximize: bool
) -> optax.GradientTransformation:
    def filled(p: Any) -> Any:
        if jnp.iscomplexobj(p):
            return jnp.full_like(p, initial) + 1j * jnp.full_like(p, initial)
        return jnp.full_like(p, initial)

    def init(params: Any) -> AdagradState:
        return AdagradState(counts(params), jax.tree.map(filled, params))

    def vectors(state: AdagradState, present: Any) -> Any:
        step = state.step + present
        return (lr / (1 + (wide(step) - 1) * lr_decay),), {"step": step}

    def rule(p: Any, g: Any, slots: dict[str, Any], rate: Any) -> Any:
        g = g + weight_decay * p
        total = slots["sum"] + g * g
        return -rate * (g / (jnp.sqrt(total) + eps)), {"sum": total}

    return elementwise("adagrad", init, vectors, rule, maximize)


def adagrad(
    learning_rate: Any = 1e-2,
    lr_decay: Any = 0.0,
    weight_decay: Any = 0.0,
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
    """
    return _rule(learning_rate, lr_decay, weight_decay, initial_accumulator_value, eps, maximize)


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
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
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

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (bool(group["maximize"]),)

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        names = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
        return tuple(group[name] for name in names)

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)

    def _sparse(self, grad: Any, group: dict[str, Any]) -> Any:
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
