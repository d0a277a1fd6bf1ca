"""Adam (Kingma and Ba, arXiv:1412.6980), in PyTorch's exact form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, betas_in_range, log
from fnn.optim._each import Changed, Slots, Vectors, elementwise, wide
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import Gradient, counts, decayed, shrunk, zeros
from fnn.typing import PyTree, Real

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

__all__ = ["Adam", "AdamState", "adam"]


class AdamState(NamedTuple):
    """The state of `adam`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.adam(amsgrad=True).init(jnp.ones(2))
        >>> print(state.step, state.exp_avg, state.max_exp_avg_sq)
        [0.] [0. 0.] [0. 0.]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    exp_avg: PyTree  # like the parameters
    exp_avg_sq: PyTree  # like the parameters
    max_exp_avg_sq: PyTree  # like the parameters; None without amsgrad


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    rest1: Real  # 1 - β₁
    log1: Real  # log β₁
    beta2: Real
    rest2: Real  # 1 - β₂
    log2: Real  # log β₂
    eps: Real
    weight_decay: Real | None


class Form(NamedTuple):
    """What a program is compiled for."""

    amsgrad: bool
    decoupled_weight_decay: bool
    maximize: bool


def _numbers(lr: Real, betas: tuple[float, float], eps: Real, weight_decay: Real | None) -> Numbers:
    # 1 - β and log β are formed in double precision: 1 - 0.999 in float32 is off by 1e-5.
    b1, b2 = betas
    return Numbers(lr, 1 - b1, log(b1), b2, 1 - b2, log(b2), eps, weight_decay)


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    decoupled = form.decoupled_weight_decay

    def init(params: PyTree) -> AdamState:
        return AdamState(counts(params), zeros(params), zeros(params), zeros(params) if form.amsgrad else None)

    def vectors(state: AdamState, present: np.ndarray) -> Vectors:
        step = state.step + present
        t = wide(step)
        # 1 - βᵗ = -expm1(t log β), exact where βᵗ is near 1.
        return (n.lr / -jnp.expm1(t * n.log1), jnp.sqrt(-jnp.expm1(t * n.log2))), {"step": step}

    def rule(p: jax.Array, g: jax.Array, slots: Slots, step_size: jax.Array, root: jax.Array) -> Changed:
        if not decoupled:
            g = decayed(g, n.weight_decay, p)
        first = slots["exp_avg"] + n.rest1 * (g - slots["exp_avg"])
        second = n.beta2 * slots["exp_avg_sq"] + n.rest2 * (g * g)
        after = {"exp_avg": first, "exp_avg_sq": second}
        if form.amsgrad:
            second = after["max_exp_avg_sq"] = jnp.maximum(slots["max_exp_avg_sq"], second)
        change = -step_size * (first / (jnp.sqrt(second) / root + n.eps))
        return (shrunk(change, n.lr, n.weight_decay, p) if decoupled else change), after

    return elementwise("adam", init, vectors, rule, form.maximize)


_RULE = Rule(_numbers, Form, _transformation)


def adam(
    learning_rate: Real = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Real = 0.0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> optax.GradientTransformation:
    """Adam as an optax transformation, with PyTorch's rule for weight decay and amsgrad.

    Args:
        learning_rate: η; a number or a traced scalar.
        betas: decay rates of the two moments, numbers in [0, 1).
        eps: added to the root of the second moment.
        weight_decay: λ; added to the gradient, or (decoupled) taken off the parameter as η λ p.
        amsgrad: whether to divide by the largest second moment so far.
        maximize: whether to go up the gradient.
        decoupled_weight_decay: AdamW's decay.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.adam(0.5)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.5 1.5]
    """
    betas_in_range(betas)
    return _RULE.make(
        lr=learning_rate, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
        decoupled_weight_decay=decoupled_weight_decay,
    )  # fmt: skip


class Adam(Optimizer):
    """Adam.

    m ← β₁ m + (1 - β₁) g,  v ← β₂ v + (1 - β₂) g²,  p ← p - η (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε).

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ, added to the gradient as λ p.
        amsgrad: whether to divide by the largest second moment so far.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        maximize: whether to go up the gradient.
        capturable: kept likewise.
        differentiable: kept likewise; `adam` is the form to differentiate through.
        fused: kept likewise.
        decoupled_weight_decay: AdamW's decay: p ← p - η λ p.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.Adam([p], lr=0.5)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.5 1.5]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        at_least_zero(lr, "Invalid learning rate")
        at_least_zero(eps, "Invalid epsilon value")
        betas_in_range(betas)
        at_least_zero(weight_decay, "Invalid weight_decay value")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _sparse(self, grad: BCOO, group: Mapping[str, Any]) -> Gradient:
        del grad, group
        raise ArgumentError("Adam does not support sparse gradients, please consider SparseAdam instead")
