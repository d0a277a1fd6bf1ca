"""`Optax`: any optax transformation behind the facade of torch.optim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.errors import ArgumentTypeError, StateDictError
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._rule_state import RuleState
from fnn.optim._tree import Gradient
from fnn.state.scope import no_scope
from fnn.typing import PyTree

__all__ = ["Optax"]

_KEY = "optax"


class Numbers(NamedTuple):
    """None: those of the transformation are its own."""


class Form(NamedTuple):
    """What a program is compiled for."""

    transformation: optax.GradientTransformation


def _filled(numbers: Numbers, form: Form) -> optax.GradientTransformation:
    transformation = form.transformation

    def update(updates: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        given = [jnp.zeros_like(p) if g is None else g for g, p in zip(updates, params, strict=True)]
        return transformation.update(given, state, params)

    return optax.GradientTransformation(transformation.init, update)


def _paths(tree: PyTree) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


class Optax(Optimizer):
    """An optax transformation as an optimizer of Modules.

    The transformation sees the parameters of a group as a list, in their order.  It has no notion of a parameter
    without a gradient: where torch's optimizers leave such a parameter alone, here its gradient is taken as zeros,
    so that momentum and weight decay still move it.  (If no parameter of a group has a gradient, or the parameter
    has ``requires_grad=False``, it does stay as it is.)

    The learning rate is the transformation's own; one that is to change without compiling anew belongs in its state
    (`optax.inject_hyperparams`, a schedule).  ``state_dict`` holds the transformation's state as
    ``{"state": {first parameter of the group: {"optax": {path: array}}}, ...}``.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        transformation: an `optax.GradientTransformation`; a group may have its own, under the key "transformation".

    Example:
        >>> import jax.numpy as jnp, optax
        >>> import fnn
        >>> from fnn import nn
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = fnn.optim.Optax([p], optax.chain(optax.clip(1.0), optax.sgd(0.1)))
        >>> optimizer.step([jnp.array([1.0, 5.0])])
        >>> print(p.data)
        [0.9 0.9]
    """

    _rule = Rule(Numbers, Form, _filled, updated=None)

    def __init__(self, params: Params, transformation: optax.GradientTransformation) -> None:
        if not (hasattr(transformation, "init") and hasattr(transformation, "update")):
            raise ArgumentTypeError(
                "Optax: transformation must be an optax.GradientTransformation, got "
                f"{type(transformation).__name__}; for example optax.adamw(1e-3)"
            )
        super().__init__(params, {"transformation": transformation})

    def _update(self, grads: list[list[Gradient | None]]) -> None:
        completed = []
        for group, some in zip(self.param_groups, grads, strict=True):
            if any(g is not None for g in some):
                some = [
                    jnp.zeros_like(p._read_whole()) if g is None and p.requires_grad else g
                    for p, g in zip(group["params"], some, strict=True)
                ]
            completed.append(some)
        super()._update(completed)

    def _entry(self, n: int, i: int, live: bool = False) -> dict[str, Any]:
        del live
        group = self._rule_state(n)
        return {} if i or group is None or not group.started else {_KEY: _paths(group.tree())}

    def _rule_names(self, n: int) -> frozenset[str]:
        del n
        return frozenset({_KEY})

    def state_dict(self) -> dict[str, Any]:
        """The state in torch's format; the transformations, which are functions, are left out."""
        result = super().state_dict()
        for group in result["param_groups"]:
            group.pop("transformation", None)
        return result

    def _loaded_group(self, n: int, group: dict[str, Any], entries: list[Mapping[str, Any]]) -> RuleState | None:
        if not any(entries):
            return None
        saved = entries[0].get(_KEY)
        with no_scope():
            tree = group["transformation"].init([p._value for p in group["params"]])
        wanted = _paths(tree)
        if not isinstance(saved, Mapping) or set(saved) != set(wanted):
            raise StateDictError(
                f"Optax: the state in the state_dict is not of this transformation: expected {sorted(wanted)}, got "
                f"{sorted(saved) if isinstance(saved, Mapping) else type(saved).__name__}"
            )
        leaves = []
        for path, like in wanted.items():
            array = jnp.array(np.asarray(saved[path]))
            if array.shape != np.shape(like):
                raise StateDictError(f"size mismatch for {path}: got {array.shape}, expected {np.shape(like)}")
            leaves.append(array.astype(like.dtype))
        result = RuleState(jax.tree.unflatten(jax.tree.structure(tree), leaves), group["params"], born=self._born)
        result.mark_started()
        return result
