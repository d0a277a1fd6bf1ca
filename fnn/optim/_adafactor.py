"""Adafactor (Shazeer and Stern, arXiv:1804.04235), in PyTorch's exact form."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._each import wide
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import Leaves, counts, promoting, shrunk
from fnn.typing import PyTree, Real

__all__ = ["Adafactor", "AdafactorState", "adafactor"]


class AdafactorState(NamedTuple):
    """The state of `adafactor`: of each parameter either both factors or the variance; the others are None.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.adafactor().init([jnp.ones((2, 3)), jnp.ones(3)])
        >>> print(state.row_var[0].shape, state.col_var[0].shape, state.variance)
        (2, 1) (1, 3) [None, Array([0., 0., 0.], dtype=float32)]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    row_var: PyTree  # (..., rows, 1), for parameters of two dimensions and more
    col_var: PyTree  # (..., 1, columns), likewise
    variance: PyTree  # like the parameter, for vectors and scalars


def _rms(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(jnp.square(x))) / math.sqrt(max(x.size, 1))


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    beta2_decay: Real
    eps1: Real  # 0 where it is the dtype's own
    eps2: Real
    d: Real
    weight_decay: Real | None


class Form(NamedTuple):
    """What a program is compiled for."""

    own_eps: bool  # whether ε₁ is the machine epsilon of the parameter's dtype
    maximize: bool


def _numbers(
    lr: Real, beta2_decay: Real, eps: tuple[float | None, float], d: Real, weight_decay: Real | None
) -> Numbers:
    return Numbers(lr, beta2_decay, 0.0 if eps[0] is None else eps[0], eps[1], d, weight_decay)


def _form(eps: tuple[float | None, float], maximize: bool) -> Form:
    return Form(eps[0] is None, bool(maximize))


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params: PyTree) -> AdafactorState:
        leaves, treedef = jax.tree.flatten(params)
        rows = [jnp.zeros((*p.shape[:-1], 1), p.dtype) if p.ndim > 1 else None for p in leaves]
        columns = [jnp.zeros((*p.shape[:-2], 1, p.shape[-1]), p.dtype) if p.ndim > 1 else None for p in leaves]
        plain = [None if p.ndim > 1 else jnp.zeros(p.shape, p.dtype) for p in leaves]
        return AdafactorState(counts(params), *map(treedef.unflatten, (rows, columns, plain)))

    def update(updates: PyTree, state: AdafactorState, params: PyTree = None) -> tuple[PyTree, AdafactorState]:
        leaves = Leaves(updates, params, "adafactor")
        rows, columns, plain = (leaves.slot(s) for s in (state.row_var, state.col_var, state.variance))
        step = state.step + leaves.present
        t = wide(step)
        rests, rates = t**n.beta2_decay, jnp.minimum(n.lr, 1 / jnp.sqrt(t))
        changes: list[jax.Array] = []
        for i, (p, g) in enumerate(zip(leaves.params, leaves.grads, strict=True)):
            if g is None:
                changes.append(jnp.zeros_like(p))
                continue
            if jnp.iscomplexobj(p):
                raise ArgumentError("Adafactor does not support complex parameters")
            kind = jnp.promote_types(p.dtype, jnp.float32)
            rest, rate = rests[i].astype(kind), rates[i].astype(kind)
            tiny = float(jnp.finfo(p.dtype).eps) if form.own_eps else n.eps1
            g = g.astype(kind)
            g = -g if form.maximize else g
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
            size = jnp.maximum(n.eps2, _rms(p.astype(kind))) * rate / jnp.maximum(1.0, _rms(change) / n.d)
            changes.append(shrunk(-size * change, n.lr, n.weight_decay, p).astype(p.dtype))
        slots = (leaves.build(s) for s in (rows, columns, plain))
        return leaves.build(changes), AdafactorState(step, *slots)

    return optax.GradientTransformation(init, promoting(update))


_RULE = Rule(_numbers, _form, _transformation)


def adafactor(
    learning_rate: Real = 1e-2,
    beta2_decay: Real = -0.8,
    eps: tuple[float | None, float] = (None, 1e-3),
    d: Real = 1.0,
    weight_decay: Real = 0.0,
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

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.adafactor(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.5 1.5]
    """
    return _RULE.make(
        lr=learning_rate, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay, maximize=maximize
    )


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

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.Adafactor([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.5 1.5]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-2,
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
