"""Whose gradient is whose: the forms in which ``step`` takes them."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.optim._grouping import Grouped
from fnn.optim._groups import ParamGroup
from fnn.optim._ruled import NOT_INITIALISED
from fnn.optim._tree import Gradient, is_sparse
from fnn.state.differentiated import records
from fnn.state.names import flatten
from fnn.state.parameter import Parameter, is_lazy
from fnn.typing import PyTree

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

__all__ = ["Gradients"]

# The gradients, by the identity of their parameters.
Chosen: TypeAlias = "dict[int, Gradient | None]"
# A gradient for each parameter of each group.
Choice: TypeAlias = "list[list[Gradient | None]]"

_ARRAY = """\
step: expected gradients, got an array of shape {shape}: the loss?

    loss, grads = fnn.value_and_grad(loss_of)(model)
    optimizer.step(grads)"""
_NONE = """\
{name}.step(): no parameter has a gradient, and none ever had, so nothing moves. Give it gradients,

    loss, grads = fnn.value_and_grad(loss_of)(model)
    optimizer.step(grads)

or fill p.grad first: loss = fnn.backward(loss_of)(model); optimizer.step()."""


class Gradients(Grouped):
    """The part of `Optimizer` that finds the gradient of each parameter."""

    _warned: bool = False

    def _own_grads(self) -> Choice:
        self._warn_of_none()
        return [
            [self._sparse(g, group.now()) if is_sparse(g := p.grad) else g for p in group["params"]]
            for group in self.param_groups
        ]

    def _warn_of_none(self) -> None:
        params = [p for group in self.param_groups for p in group["params"]]
        # A parameter that had a gradient once has a box for it.
        if self._warned or any(p._grad is not None for p in params) or not any(p._requires_grad for p in params):
            return
        self._warned = True
        warnings.warn(_NONE.format(name=type(self).__name__), UserWarning, stacklevel=4)

    def _given_grads(self, grads: PyTree) -> Choice:
        if hasattr(grads, "dtype") and not isinstance(grads, Mapping):
            raise ArgumentTypeError(_ARRAY.format(shape=tuple(grads.shape)))
        if isinstance(grads, Mapping):
            named, flat = self._owners(), flatten(grads)
            fits = "param_names" in self.param_groups[0] and any(name in named for name in flat)
            chosen = None if fits else self._by_record(grads)
            return self._spread(self._by_name(flat, named) if chosen is None else chosen)
        params = [p for group in self.param_groups for p in group["params"]]
        if isinstance(grads, (list, tuple)) and any(isinstance(part, (Mapping, list, tuple)) for part in grads):
            chosen = self._by_record(grads)
            if chosen is None:
                raise ArgumentError(
                    f"step: a {type(grads).__name__} of {len(grads)} gradients, dicts among them, must be in the form "
                    "in which fnn.value_and_grad returned it for parameters of this optimizer (their dicts whole and "
                    "in that order); otherwise give one dict, by the names of an optimizer built from "
                    "named_parameters()"
                )
            return self._spread(chosen)
        if not isinstance(grads, (list, tuple)) or len(grads) != len(params):
            raise ArgumentError(
                f"step: expected gradients as a dict by name or a list of {len(params)} arrays, got "
                f"{type(grads).__name__}{f' of {len(grads)}' if hasattr(grads, '__len__') else ''}"
            )
        it = iter(grads)
        return [
            [self._gradient(next(it), p, str(i), group) for i, p in enumerate(group["params"])]
            for group in self.param_groups
        ]

    def _spread(self, chosen: Chosen) -> Choice:
        return [[chosen.get(id(p)) for p in group["params"]] for group in self.param_groups]

    def _owners(self) -> dict[str, list[tuple[Parameter, ParamGroup]]]:
        """The parameters by name: the optimizer's own, or those under which they were differentiated."""
        owners: dict[str, list[tuple[Parameter, ParamGroup]]] = defaultdict(list)
        for group in self.param_groups:
            names = group.get("param_names")
            for i, p in enumerate(group["params"]):
                for name in (names[i],) if names else p._names:
                    owners[name].append((p, group))
        return owners

    def _by_record(self, grads: PyTree) -> Chosen | None:
        """The gradients by the parameters that were differentiated together; None if that leaves no one choice."""
        groups = {id(p): group for group in self.param_groups for p in group["params"]}
        found: dict[tuple[int, ...], list[tuple[str, Parameter, PyTree]]] = {}
        whole: set[tuple[int, ...]] = set()
        for record in records(p for group in self.param_groups for p in group["params"]):
            matched = record.matched(grads) or ()
            match = [entry for entry in matched if id(entry[1]) in groups]
            if match:
                key = tuple(id(p) for _, p, _ in match)
                found[key] = match
                if len(match) == len(matched):
                    whole.add(key)
        if len(whole) == 1:  # others are of a model that had other parts, and parameters that are not this optimizer's
            found = {key: found[key] for key in whole}
        if len(found) > 1 and not isinstance(grads, Mapping):
            raise ArgumentError(
                "step: the gradients fit several sets of parameters of this optimizer that were differentiated in this "
                "form, in different order; give one dict, by the names of an optimizer built from named_parameters()"
            )
        if len(found) != 1:
            return None
        (match,) = found.values()
        return {id(p): self._gradient(grad, p, name, groups[id(p)]) for name, p, grad in match}

    def _by_name(self, grads: dict[str, Any], owners: Mapping[str, list[tuple[Parameter, ParamGroup]]]) -> Chosen:
        chosen: Chosen = {}
        for name, grad in grads.items():
            for p, group in owners.get(name, ()):
                if len(owners[name]) > 1:
                    raise ArgumentError(
                        f"step: the name '{name}' belongs to {len(owners[name])} parameters of this optimizer; build "
                        "it from named_parameters() with distinct names, pass the gradients as a list, or "
                        "differentiate the models together (argnums=(0, 1)) and pass all that comes back"
                    )
                chosen[id(p)] = self._gradient(grad, p, name, group)
        if grads and not chosen:
            raise ArgumentError(
                f"step: none of the gradients {list(grads)[:5]} belongs to a parameter of this optimizer, whose "
                f"names are {sorted(owners)[:5]}; take them from fnn.value_and_grad of the same model, or build the "
                "optimizer from model.named_parameters()"
            )
        return chosen

    def _gradient(self, grad: PyTree, parameter: Parameter, name: str, group: ParamGroup) -> Gradient | None:
        if grad is None:
            return None
        grad = self._sparse(grad, group.now()) if is_sparse(grad) else to_array(grad, "grads", "step: ")
        if is_lazy(parameter):
            raise ArgumentError(f"step: {NOT_INITIALISED}")
        if grad.shape != parameter.shape:
            raise ArgumentError(
                f"step: the gradient of '{name}' has shape {grad.shape}, the parameter has {parameter.shape}"
            )
        return grad

    def _sparse(self, grad: BCOO, group: Mapping[str, Any]) -> Gradient:
        """What the rule makes of a sparse gradient of a parameter in ``group``."""
        del grad, group
        raise ArgumentError(f"{type(self).__name__} does not support sparse gradients")
