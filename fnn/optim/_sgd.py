"""Stochastic gradient descent, in PyTorch's form: the learning rate multiplies the velocity when it is applied."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import Leaves, is_sparse, promoting, zeros

__all__ = ["SGD", "SGDState", "sgd"]


class SGDState(NamedTuple):
    """The state of `sgd`."""

    momentum_buffer: Any  # like the parameters; None without momentum
    started: Any  # (n,) bool: which buffers hold a gradient; None without dampening


def _rule(
    lr: Any,
    momentum: Any,
    kept: Any,
    weight_decay: Any,
    has_momentum: bool,
    dampened: bool,
    nesterov: bool,
    maximize: bool,
) -> optax.GradientTransformation:
    def init(params: Any) -> SGDState:
        n = len(Leaves(params, params, "sgd").params)
        return SGDState(
            zeros(params) if has_momentum else None, jnp.zeros((n,), bool) if has_momentum and dampened else None
        )

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, SGDState]:
        leaves = Leaves(updates, params, "sgd")
        buffers = leaves.slot(state.momentum_buffer)
        changes: list[Any] = []

        @functools.cache
        def scalars(dtype: Any) -> tuple[Any, ...]:
            # Of a half-precision parameter the scalars stay in float32, as PyTorch's do.
            wide = jnp.promote_types(dtype, jnp.float32)
            rate, decay, inertia, share = (jnp.asarray(c, wide) for c in (lr, weight_decay, momentum, kept))
            return -rate, decay, inertia, share

        for i, (p, g) in enumerate(zip(leaves.params, leaves.grads, strict=True)):
            if g is None:
                changes.append(jnp.zeros_like(p))
                continue
            against, decay, inertia, share = scalars(p.real.dtype)
            g = g.astype(p.dtype)
            g = -g if maximize else g
            if is_sparse(g):  # from SGD, which has seen to it that there is no weight decay
                if not has_momentum and not g.n_batch:
                    changes.append(type(g)((against * g.data, g.indices), shape=g.shape))
                    continue
                g = g.todense()
            else:
                g = (g + decay * p).astype(p.dtype)
            if has_momentum:
                # The first velocity is the whole gradient. From a zero buffer that is what the formula gives,
                # unless the gradient is dampened.
                velocity = (inertia * buffers[i] + (share * g if dampened else g)).astype(p.dtype)
                if dampened:
                    velocity = jnp.where(state.started[i], velocity, g)
                buffers[i] = velocity
                g = (g + inertia * velocity).astype(p.dtype) if nesterov else velocity
            changes.append(against * g)
        started = state.started if state.started is None else state.started | leaves.present
        return leaves.build(changes), SGDState(leaves.build(buffers) if has_momentum else None, started)

    return optax.GradientTransformation(init, promoting(update))


def sgd(
    learning_rate: Any = 1e-3,
    momentum: Any = 0.0,
    dampening: Any = 0.0,
    weight_decay: Any = 0.0,
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
    return _rule(
        learning_rate, momentum, 1 - dampening, weight_decay, momentum != 0, dampening != 0, nesterov, maximize
    )


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

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
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

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["momentum"] != 0, group["dampening"] != 0, bool(group["nesterov"]), bool(group["maximize"])

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["lr"], group["momentum"], 1 - group["dampening"], group["weight_decay"]

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)

    def _sparse(self, grad: Any, group: dict[str, Any]) -> Any:
        if group["fused"]:
            raise ArgumentError("`_fused_sgd` does not support sparse gradients")
        if group["weight_decay"] != 0:
            raise ArgumentError(
                "SGD: weight_decay is not compatible with sparse gradients: add(sparse, dense) is not supported. "
                f"Got weight_decay={group['weight_decay']}"
            )
        return grad
