"""`Grouped`: the part of an optimizer that keeps its parameters, in groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.optim._groups import ParamGroup, Params, adopted
from fnn.state.box import Box, type_name
from fnn.state.parameter import Parameter, is_lazy
from fnn.state.scope import epoch

__all__ = ["Grouped"]


class Grouped:
    """The part of `Optimizer` that keeps groups of parameters."""

    param_groups: list[Any]  # of `ParamGroup`, dicts
    defaults: dict[str, Any]
    _own_step = False  # whether a subclass of the user's defines step

    def _start(self, params: Params) -> None:
        """Makes the first groups."""
        self.param_groups = []
        if isinstance(params, Box) or not isinstance(params, Iterable) or hasattr(params, "dtype"):
            raise ArgumentTypeError(
                "params argument given to the optimizer should be an iterable of Parameters or dicts, but got "
                f"{type(params).__name__}"
            )
        found = list(params)
        if not found:
            raise ArgumentError("optimizer got an empty parameter list")
        groups: list[Any] = found if isinstance(found[0], dict) else [{"params": found}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group of parameters with hyper-parameters of its own.

        Args:
            param_group: ``{"params": ..., "lr": ..., ...}``; what is not given is taken from the defaults.

        Raises:
            ArgumentTypeError: something that is no Parameter, or an unordered collection.
            ArgumentError: a parameter that is in another group, or a required hyper-parameter missing.
        """
        if not isinstance(param_group, dict):
            raise ArgumentTypeError(f"param_group must be a dict, but got {type(param_group)}")
        found, names = _checked(param_group["params"])
        if names and len(names) != len(found):
            raise ArgumentError("all optimizer params should be with/without names. Some param names are missing")
        names = names or param_group.get("param_names", [])
        if self.param_groups and bool(names) != ("param_names" in self.param_groups[0]):
            raise ArgumentError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group with{'' if names else 'out'} names to the optimizer"
            )
        if len(set(map(id, found))) != len(found):
            raise ArgumentError("optimizer contains a parameter group with duplicate parameters")
        taken = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in taken for p in found):
            raise ArgumentError("some parameters appear in more than one parameter group")
        group = {"params": found, **({"param_names": names} if names else {})}
        for name, value in self.defaults.items():
            group[name] = param_group.get(name, value)
        group.update({k: v for k, v in param_group.items() if k not in group})
        if isinstance(param_group, ParamGroup):
            # Of the optimizer that wraps this one: it stays one group, as in torch.
            param_group.update(group)
            param_group.hyper.names.update(self.defaults)
            group = param_group
        self.param_groups.append(adopted(group, self._own_step))
        epoch.structure += 1

    def _adopt(self) -> None:
        """Sees to it that the groups, which a subclass may have assigned, are `ParamGroup`s."""
        groups = self.param_groups
        for n, group in enumerate(groups):
            if not isinstance(group, ParamGroup) or group.hyper.asked < self._own_step:
                groups[n] = adopted(group, self._own_step)

    def _lazy(self, n: int) -> bool:
        return any(is_lazy(p) for p in self.param_groups[n]["params"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears ``p.grad`` of every parameter: None, or zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p._clear_grad(set_to_none)


def _checked(params: Iterable[object] | Parameter) -> tuple[list[Parameter], list[str]]:
    """The parameters of a group, and their names if they have any."""
    if isinstance(params, Box):
        params = [params]
    elif isinstance(params, (set, frozenset)):
        raise ArgumentTypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
            "will change between runs. Please use a list instead."
        )
    names: list[str] = []
    found: list[Parameter] = []
    for entry in params:
        if isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str):
            names.append(str(entry[0]))
            entry = entry[1]
        if not isinstance(entry, Parameter):
            raise ArgumentTypeError(
                "optimizer can only optimize Parameters, but one of the params is "
                f"{type_name(entry)}" + ("; wrap arrays in fnn.nn.Parameter" if hasattr(entry, "dtype") else "")
            )
        found.append(entry)
    return found, names
