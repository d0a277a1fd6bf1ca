"""SparseAdam: Adam that touches only the rows that have a gradient, in PyTorch's exact form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn.errors import ArgumentError
from fnn.optim._checks import betas_in_range, learning_rate, log
from fnn.optim._each import wide
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import Gradient, counts, is_gradient, is_sparse, promoting, zeros
from fnn.tracing import Tracer
from fnn.typing import PyTree, Real

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

__all__ = ["SparseAdam", "SparseAdamState", "sparse_adam"]

_DENSE = "SparseAdam does not support dense gradients, please consider Adam instead"


class SparseAdamState(NamedTuple):
    """The state of `sparse_adam`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.sparse_adam().init(jnp.ones(2))
        >>> print(state.step, state.exp_avg, state.exp_avg_sq)
        [0.] [0. 0.] [0. 0.]
    """

    step: jax.Array  # (n,) float32: updates made of each parameter
    exp_avg: PyTree  # like the parameters
    exp_avg_sq: PyTree  # like the parameters


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    rest1: Real  # 1 - β₁
    log1: Real  # log β₁
    rest2: Real  # 1 - β₂
    log2: Real  # log β₂
    eps: Real


class Form(NamedTuple):
    """What a program is compiled for."""

    maximize: bool


def _numbers(lr: Real, betas: tuple[float, float], eps: Real) -> Numbers:
    b1, b2 = betas
    return Numbers(lr, 1 - b1, log(b1), 1 - b2, log(b2), eps)


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params: PyTree) -> SparseAdamState:
        return SparseAdamState(counts(params), zeros(params), zeros(params))

    def update(updates: PyTree, state: SparseAdamState, params: PyTree = None) -> tuple[PyTree, SparseAdamState]:
        if params is None:
            raise ArgumentError("sparse_adam: update(grads, state, params) needs params, got None")
        leaves, treedef = jax.tree.flatten(params)
        grads = jax.tree.flatten(updates, is_leaf=is_gradient)[0]
        if len(grads) != len(leaves):
            raise ArgumentError(f"sparse_adam: got {len(grads)} gradients for {len(leaves)} parameters")
        first, second = treedef.flatten_up_to(state.exp_avg), treedef.flatten_up_to(state.exp_avg_sq)
        step = state.step + jnp.asarray([g is not None for g in grads], state.step.dtype)
        t = wide(step)
        rates = n.lr * jnp.sqrt(-jnp.expm1(t * n.log2)) / -jnp.expm1(t * n.log1)
        changes: list[PyTree] = []
        for i, (p, g) in enumerate(zip(leaves, grads, strict=True)):
            if g is None:
                changes.append(jnp.zeros_like(p))
                continue
            if not is_sparse(g):
                raise ArgumentError(_DENSE)
            if g.n_batch:
                raise ArgumentError(
                    f"sparse_adam: expected a gradient without batch dimensions, got n_batch={g.n_batch}"
                )
            # The update is not linear, so each index must stand once; the places that frees point out of bounds.
            g = g.sum_duplicates(nse=max(g.nse, 1))
            at = tuple(g.indices[:, k] for k in range(g.n_sparse))
            values = (-g.data if form.maximize else g.data).astype(p.dtype)
            old = first[i].at[at].get(mode="fill", fill_value=0)
            old_square = second[i].at[at].get(mode="fill", fill_value=0)
            change, change_square = n.rest1 * (values - old), n.rest2 * (values * values - old_square)
            first[i] = first[i].at[at].add(change, mode="drop")
            second[i] = second[i].at[at].add(change_square, mode="drop")
            rate = rates[i].astype(p.dtype)
            moved = -rate * ((old + change) / (jnp.sqrt(old_square + change_square) + n.eps))
            changes.append(type(g)((moved, g.indices), shape=g.shape))
        return treedef.unflatten(changes), SparseAdamState(step, treedef.unflatten(first), treedef.unflatten(second))

    return optax.GradientTransformation(init, promoting(update))


_RULE = Rule(_numbers, Form, _transformation)


def _dense(rule: optax.GradientTransformation) -> optax.GradientTransformation:
    """``rule`` with dense arrays for the sparse ones that it returns."""

    def update(updates: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        changes, state = rule.update(updates, state, params)
        return jax.tree.map(lambda x: x.todense() if is_sparse(x) else x, changes, is_leaf=is_sparse), state

    return optax.GradientTransformation(rule.init, promoting(update))


def sparse_adam(
    learning_rate: Real = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """SparseAdam as an optax transformation: takes `jax.experimental.sparse.BCOO` gradients, gives dense updates.

    Args:
        learning_rate: η; a number or a traced scalar.
        betas: β₁ and β₂, numbers in [0, 1).
        eps: ε.
        maximize: whether to go up the gradient.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> from jax.experimental.sparse import BCOO
        >>> rule = optim.sparse_adam(0.5)
        >>> table = jnp.ones((3, 2))
        >>> row = BCOO((jnp.array([[1.0, -2.0]]), jnp.array([[1]])), shape=(3, 2))
        >>> updates, state = rule.update(row, rule.init(table), table)
        >>> print(optax.apply_updates(table, updates))
        [[1.        1.       ]
         [0.5000002 1.5      ]
         [1.        1.       ]]
    """
    betas_in_range(betas)
    return _dense(_RULE.make(lr=learning_rate, betas=betas, eps=eps, maximize=maximize))


class SparseAdam(Optimizer):
    """Adam for sparse gradients, such as those of a large embedding: moments and rows without a gradient stay.

    Adam's rule (without weight decay) on the entries that the gradient has; ε is not divided by √(1 - β₂ᵗ), as in the
    paper's remark after algorithm 1: p ← p - η √(1 - β₂ᵗ) / (1 - β₁ᵗ) m / (√v + ε). Gradients are
    `jax.experimental.sparse.BCOO` arrays, given to ``step``; duplicate indices are added up.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        maximize: whether to go up the gradient.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> from jax.experimental.sparse import BCOO
        >>> table = nn.Parameter(jnp.ones((3, 2)))
        >>> optimizer = fnn.optim.SparseAdam([table], lr=0.1)
        >>> row = BCOO((jnp.ones((1, 2)), jnp.array([[1]])), shape=(3, 2))
        >>> optimizer.step([row])
        >>> print(jnp.abs(table.data[:, 0] - jnp.array([1.0, 0.9, 1.0])) < 1e-6)
        [ True  True  True]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        lr = learning_rate(lr)
        if not lr > 0.0:
            raise ArgumentError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ArgumentError(f"Invalid epsilon value: {eps}")
        betas_in_range(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        found = [
            [n, i]
            for n, group in enumerate(self.param_groups)
            for i, p in enumerate(group["params"])
            if jnp.issubdtype(p.dtype, jnp.complexfloating)
        ]
        if found:
            raise ArgumentError(f"Complex params at indices {found}: SparseAdam does not support complex parameters")

    def _sparse(self, grad: BCOO, group: Mapping[str, Any]) -> Gradient:
        del group
        return grad

    def _entry(self, n: int, i: int, live: bool = False) -> dict[str, Any]:
        # torch's SparseAdam counts in Python.
        return {k: _count(v) if k == "step" else v for k, v in super()._entry(n, i, live).items()}


def _count(step: jax.Array) -> int | jax.Array:
    return step if isinstance(step, Tracer) else int(step)
