"""Stochastic gradient descent, in PyTorch's form: the learning rate multiplies the velocity when it is applied."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import Gradient, Leaves, decayed, is_sparse, promoting, zeros
from fnn.typing import PyTree, Real

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

__all__ = ["SGD", "SGDState", "sgd"]


class SGDState(NamedTuple):
    """The state of `sgd`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.sgd(momentum=0.9, dampening=0.1).init(jnp.ones(2))
        >>> print(state.momentum_buffer, state.started)
        [0. 0.] [False]
    """

    momentum_buffer: PyTree  # like the parameters; None without momentum
    started: PyTree  # (n,) bool: which buffers hold a gradient; None without dampening


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    momentum: Real
    kept: Real  # 1 - τ
    weight_decay: Real | None


class Form(NamedTuple):
    """What a program is compiled for."""

    momentum: bool  # whether there is any
    dampened: bool
    nesterov: bool
    maximize: bool


def _numbers(lr: Real, momentum: Real, dampening: float, weight_decay: Real | None) -> Numbers:
    return Numbers(lr, momentum, 1 - dampening, weight_decay)


def _form(momentum: float, dampening: float, nesterov: bool, maximize: bool) -> Form:
    return Form(momentum != 0, dampening != 0, bool(nesterov), bool(maximize))


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params: PyTree) -> SGDState:
        if not form.momentum:
            return SGDState(None, None)
        count = len(Leaves(params, params, "sgd").params)
        return SGDState(zeros(params), jnp.zeros((count,), bool) if form.dampened else None)

    def update(updates: PyTree, state: SGDState, params: PyTree = None) -> tuple[PyTree, SGDState]:
        leaves = Leaves(updates, params, "sgd")
        buffers = leaves.slot(state.momentum_buffer)
        changes: list[Gradient] = []

        @functools.cache
        def scalars(dtype: jnp.dtype) -> tuple[jax.Array, Numbers]:
            # Of a half-precision parameter the scalars stay in float32, as PyTorch's do.
            wide = jnp.promote_types(dtype, jnp.float32)
            numbers: Numbers = jax.tree.map(lambda x: jnp.asarray(x, wide), n)
            return jnp.negative(numbers.lr), numbers

        for i, (p, g) in enumerate(zip(leaves.params, leaves.grads, strict=True)):
            if g is None:
                changes.append(jnp.zeros_like(p))
                continue
            against, own = scalars(p.real.dtype)
            g = g.astype(p.dtype)
            g = -g if form.maximize else g
            if is_sparse(g):  # from SGD, which has seen to it that there is no weight decay
                if not form.momentum and not g.n_batch:
                    changes.append(type(g)((against * g.data, g.indices), shape=g.shape))
                    continue
                g = g.todense()
            else:
                g = decayed(g, own.weight_decay, p).astype(p.dtype)
            if form.momentum:
                # The first velocity is the whole gradient. From a zero buffer that is what the formula gives,
                # unless the gradient is dampened.
                velocity = (own.momentum * buffers[i] + (own.kept * g if form.dampened else g)).astype(p.dtype)
                if state.started is not None:
                    velocity = jnp.where(state.started[i], velocity, g)
                buffers[i] = velocity
                g = (g + own.momentum * velocity).astype(p.dtype) if form.nesterov else velocity
            changes.append(against * g)
        started = None if state.started is None else state.started | leaves.present
        return leaves.build(changes), SGDState(leaves.build(buffers) if form.momentum else None, started)

    return optax.GradientTransformation(init, promoting(update))


_RULE = Rule(_numbers, _form, _transformation, updated="started", velocity="momentum_buffer")


def sgd(
    learning_rate: Real = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: Real = 0.0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """SGD as an optax transformation, with PyTorch's rule.

    v ← μ v + (1 - τ) (g + λ p),  p ← p - η v   (Nesterov: p ← p - η (g + λ p + μ v)); the first v is g + λ p.

    Args:
        learning_rate: η; a number or a traced scalar.
        momentum: μ. Whether it is zero decides about the state, so it must be a number.
        dampening: τ, a number.
        weight_decay: λ; a number or a traced scalar.
        nesterov: whether to use Nesterov's form.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> tx = optim.sgd(0.1, momentum=0.9)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = tx.update({"w": jnp.ones(2)}, tx.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.9 0.9]
    """
    if nesterov and (momentum <= 0 or dampening != 0):
        raise ArgumentError("Nesterov momentum requires a momentum and zero dampening")
    return _RULE.make(
        lr=learning_rate, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
        maximize=maximize,
    )  # fmt: skip


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum.

    v ← μ v + (1 - τ) (g + λ p),  p ← p - η v. Gradients may be sparse (`jax.experimental.sparse.BCOO`) where λ = 0;
    without momentum a step then touches only the entries that they have.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        momentum: μ.
        dampening: τ.
        weight_decay: λ, added to the gradient (L2).
        nesterov: whether to use Nesterov's momentum.
        maximize: whether to go up the gradient.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        differentiable: kept likewise; `sgd` is the form to differentiate through.
        fused: kept likewise.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> p = nn.Parameter(jnp.ones(1))
        >>> optimizer = fnn.optim.SGD([p], lr=0.1)
        >>> optimizer.step([jnp.ones(1)])
        >>> print(p.data)
        [0.9]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Real = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        at_least_zero(lr, "Invalid learning rate")
        at_least_zero(momentum, "Invalid momentum value")
        at_least_zero(weight_decay, "Invalid weight_decay value")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ArgumentError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def _sparse(self, grad: BCOO, group: Mapping[str, Any]) -> Gradient:
        if group["fused"]:
            raise ArgumentError("`_fused_sgd` does not support sparse gradients")
        if group["weight_decay"] != 0:
            raise ArgumentError(
                "SGD: weight_decay is not compatible with sparse gradients: add(sparse, dense) is not supported. "
                f"Got weight_decay={group['weight_decay']}"
            )
        return grad
