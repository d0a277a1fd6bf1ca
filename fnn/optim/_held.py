"""`Held`: an optimizer's attributes, which a step under `fnn.jit` may write, and its copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fnn.optim._births import Source
from fnn.optim._compiled import INTERNAL, Compiled
from fnn.optim._kinds import is_array, is_number
from fnn.optim._rule_state import RuleState
from fnn.optim._slots import ABSENT, Slot
from fnn.optim._state import State
from fnn.state.scope import epoch, innermost

__all__ = ["Held"]


class Held(Compiled):
    """The part of `Optimizer` that holds attributes and the state that a subclass keeps for itself."""

    @property
    def state(self) -> State:
        """``{parameter: {name: array or number}}``: torch's ``state``, see `fnn.optim._state`."""
        return self._state

    @state.setter
    def state(self, value: State | Mapping[Any, Mapping[str, Any]]) -> None:
        if isinstance(value, State):  # of the optimizer that this one wraps
            self.__dict__["_state"] = value
            return
        self._state.clear()
        for key, entries in dict(value).items():
            self._state[key] = entries

    def __setattr__(self, name: str, value: object) -> None:
        if name in INTERNAL or isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
            return
        slot, scope = self._own.get(name), innermost.get()
        if slot is None and scope is not None and self._born < scope.serial and (is_number(value) or is_array(value)):
            # Written by a trace, which carries it out: no plain attribute any more.
            slot = self._own[name] = Slot(name, self._born)
            if name in self.__dict__:
                slot.start(self.__dict__.pop(name))
            epoch.structure += 1
        if slot is not None:
            slot.write(value)
        else:
            object.__setattr__(self, name, value)
            epoch.structure += 1

    def __getattr__(self, name: str) -> Any:
        slot = self.__dict__.get("_own", {}).get(name)
        if slot is not None and (value := slot.read(self._level > 1)) is not ABSENT:
            return value
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("_structures", "_token", "_born", "_programs_seen"):
            state.pop(name, None)
        state["_own"] = {name: value for name, slot in self._own.items() if (value := slot.read()) is not ABSENT}
        host = innermost.get() is None
        state.pop("_source", None)
        if not host:
            state["_source"] = Source(self if self._source is None else self._source.owner)
        state["_groups"] = [
            None if g is None else (g.tree(host=host), g.params, g.started, g.shelf) for g in self._groups
        ]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        groups, own = state.pop("_groups"), state.pop("_own")
        self.__dict__.update(state)
        for entry in groups:
            if entry is None:
                self._groups.append(None)
                continue
            tree, params, started, shelf = entry
            group = RuleState(tree, params, shelf, self._born)
            if started:
                group.mark_started()
            self._groups.append(group)
        for name, value in own.items():
            self._own[name] = Slot(name, self._born)
            self._own[name].write(value)
        epoch.structure += 1
