"""Adafactor (Shazeer and Stern, arXiv:1804.04235), in PyTorch's exact form."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import wide
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import Leaves, counts, promoting

__all__ = ["Adafactor", "AdafactorState", "adafactor"]


class AdafactorState(NamedTuple):
    """The state of `adafactor`: of each parameter either both factors or the variance; the others are None."""

    step: Any  # (n,) float32: updates made of each parameter
    row_var: Any  # (..., rows, 1), for parameters of two dimensions and more
    col_var: Any  # (..., 1, columns), likewise
    variance: Any  # like the parameter, for vectors and scalars


def _rms(x: Any) -> Any:
    return jnp.sqrt(jnp.sum(jnp.square(x))) / math.sqrt(max(x.size, 1))


def _rule(
    lr: Any, beta2_decay: Any, eps1: Any, eps2: Any, d: Any, weight_decay: Any, own_eps: bool, maximize: bool
) -> optax.GradientTransformation:
    def init(params: Any) -> AdafactorState:
        leaves, treedef = jax.tree.flatten(params)
        rows = [jnp.zeros((*p.shape[:-1], 1), p.dtype) if p.ndim > 1 else None for p in leaves]
        columns = [jnp.zeros((*p.shape[:-2], 1, p.shape[-1]), p.dtype) if p.ndim > 1 else None for p in leaves]
        plain = [None if p.ndim > 1 else jnp.zeros(p.shape, p.dtype) for p in leaves]
        return AdafactorState(counts(params), *map(treedef.unflatten, (rows, columns, plain)))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, AdafactorState]:
        leaves = Leaves(updates, params, "adafactor")
        rows, columns, plain = (leaves.slot(s) for s in (state.row_var, state.col_var, state.variance))
        step = state.step + leaves.present
        t = wide(step)
        rests, rates = t**beta2_decay, jnp.minimum(lr, 1 / jnp.sqrt(t))
        changes: list[Any] = []
        for i, (p, g) in enumerate(zip(leaves.params, leaves.grads, strict=True)):
            if g is None:
                changes.append(jnp.zeros_like(p))
                continue
            if jnp.iscomplexobj(p):
                raise ArgumentError("Adafactor does not support complex parameters")
            kind = jnp.promote_types(p.dtype, jnp.float32)
            rest, rate = rests[i].astype(kind), rates[i].astype(kind)
            tiny = float(jnp.finfo(p.dtype).eps) if own_eps else eps1
            g = g.astype(kind)
            g = -g if maximize else g
            square = g * g
            if p.ndim > 1:
                row, column = rows[i].astype(kind), columns[i].astype(kind)
                row = row + rest * (jnp.mean(square, -1, keepdims=True) - row)
                column = column + rest * (jnp.mean(square, -2, keepdims=True) - column)
                estimate = row / jnp.maximum(jnp.mean(row, -2, keepdims=True), tiny) * column
                rows[i], columns[i] = row.astype(p.dtype), column.astype(p.dtype)
            else:
                variance = plain[i].astype(kind)
                estimate = variance + rest * (square - variance)
                plain[i] = estimate.astype(p.dtype)
            change = g / jnp.sqrt(jnp.maximum(estimate, tiny * tiny))
            size = jnp.maximum(eps2, _rms(p.astype(kind))) * rate / jnp.maximum(1.0, _rms(change) / d)
            changes.append((-size * change - (lr * weight_decay) * p).astype(p.dtype))
        slots = (leaves.build(s) for s in (rows, columns, plain))
        return leaves.build(changes), AdafactorState(step, *slots)

    return optax.GradientTransformation(init, promoting(update))


def _derived(lr: Any, beta2_decay: Any, eps: Any, d: Any, weight_decay: Any) -> Any:
    return lr, beta2_decay, 0.0 if eps[0] is None else eps[0], eps[1], d, weight_decay


def adafactor(
    learning_rate: Any = 1e-2,
    beta2_decay: Any = -0.8,
    eps: tuple[float | None, float] = (None, 1e-3),
    d: Any = 1.0,
    weight_decay: Any = 0.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adafactor as an optax transformation, with PyTorch's rule.

    Args:
        learning_rate: η, the greatest relative step; a number or a traced scalar.
        beta2_decay: τ: 1 - β₂ at step t is t^τ.
        eps: ε₁ (None: the machine epsilon of the parameter's dtype) and ε₂.
        d: the root mean square at which a change is clipped.
        weight_decay: λ, decoupled.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    return _rule(*_derived(learning_rate, beta2_decay, eps, d, weight_decay), own_eps=eps[0] is None, maximize=maximize)


class Adafactor(Optimizer):
    """Adafactor: second moments of matrices kept as a row and a column.

    r ← r + t^τ (rowmean g² - r),  c ← c + t^τ (colmean g² - c),  v = r c / max(mean r, ε₁);
    u = g / √max(v, ε₁²),  p ← p - η λ p - max(ε₂, RMS p) min(η, 1/√t) u / max(1, RMS u / d).
    Vectors keep v itself. Unlike in the paper ε₁ is applied to v and not to g², and η bounds the relative step.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: η.
        beta2_decay: τ.
        eps: ε₁ (None: the machine epsilon of the parameter's dtype) and ε₂.
        d: the root mean square at which u is clipped.
        weight_decay: λ.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        lr = learning_rate(lr, "Learning rate should be >= 0 but is")
        if not beta2_decay <= 0.0:
            raise ArgumentError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None:
            at_least_zero(eps[0], "epsilon1 should be >= 0 but is")
        at_least_zero(eps[1], "epsilon2 should be >= 0 but is")
        if not d >= 1.0:
            raise ArgumentError(f"Clipping threshold d should be >= 1 but is: {d}")
        at_least_zero(weight_decay, "weight_decay should be >= 0 but is")
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["eps"][0] is None, bool(group["maximize"])

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return _derived(*(group[name] for name in ("lr", "beta2_decay", "eps", "d", "weight_decay")))

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
