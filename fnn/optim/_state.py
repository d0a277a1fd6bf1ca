"""`State`: an optimizer's ``state``, a dict of dicts as torch's, whose entries a step under `fnn.jit` may replace.

``state[p]`` is there for every parameter, empty at first (torch's is a ``defaultdict``).  What a subclass of the
user's stores in it is held in slots (`fnn.optim._slots`).  For the optimizers of this package the entries are views
of the update rule's state: reading gives the present values, writing moves the rule's boxes, and deleting begins anew.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, cast

from fnn.optim._births import birth
from fnn.optim._slots import ABSENT, Slot
from fnn.state.box import Box
from fnn.state.scope import epoch, innermost
from fnn.typing import ArrayLike

__all__ = ["Entries", "State"]


class Rule(Protocol):
    """What `Entries` needs of an optimizer with an update rule: the rule's state of one parameter."""

    def rule_parameters(self) -> Sequence[Box]:
        """All parameters."""
        ...

    def rule_entries(self, parameter: Box) -> Mapping[str, Any]:
        """The rule's state of ``parameter``, by torch's names; empty before its first update."""
        ...

    def set_rule_entry(self, parameter: Box, name: str, value: ArrayLike) -> bool:
        """Replaces one of them; False where the rule has none of this name."""
        ...

    def reset_rule_entries(self, parameter: Box) -> None:
        """Sets all of them to what they were before the first update."""
        ...


class Entries(MutableMapping[str, Any]):
    """The state of one parameter."""

    __slots__ = ("_alone", "_key", "_state", "slots")

    def __init__(self, owner: State, key: Hashable) -> None:
        # Weakly: what an optimizer holds is freed with it, without waiting for the garbage collector.
        self._state, self._key = weakref.ref(owner), key
        self._alone: State | None = None
        self.slots: dict[str, Slot] = {}

    @property
    def _owner(self) -> State:
        owner = self._state() if self._alone is None else self._alone
        if owner is None:
            raise ReferenceError("the optimizer of this state is gone")
        return owner

    def detach(self) -> None:
        """Keeps the present entries for whoever holds them, apart from the optimizer, which begins anew."""
        kept = self.values_now()
        self.clear()
        self._alone, self._key, self.slots = State(), None, {}
        self.update(kept)

    def _of_rule(self) -> Mapping[str, Any]:
        rule = self._owner.rule
        return {} if rule is None or not isinstance(self._key, Box) else rule.rule_entries(self._key)

    def __getitem__(self, name: str) -> Any:
        slot = self.slots.get(name)
        if slot is not None and (value := slot.read(self._owner.pinned)) is not ABSENT:
            return value
        return self._of_rule()[name]

    def __setitem__(self, name: str, value: object) -> None:
        rule = self._owner.rule
        if (
            rule is not None
            and isinstance(self._key, Box)
            and rule.set_rule_entry(self._key, name, cast(ArrayLike, value))
        ):
            return
        slot = self.slots.get(name)
        if slot is None:
            slot = self.slots[name] = Slot(str(name), self._owner._born)
        count = len(slot.boxes)
        slot.write(value)
        if len(slot.boxes) != count:
            self._owner.grown()

    def __delitem__(self, name: str) -> None:
        slot = self.slots.get(name)
        if slot is not None and slot.present:
            slot.clear()
        elif name in self._of_rule():
            raise KeyError(f"'{name}' belongs to the optimizer's update rule; delete the parameter's whole state")
        else:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        names = list(self._of_rule())
        yield from names
        for name, slot in list(self.slots.items()):
            if slot.present and name not in names:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Begins anew."""
        for slot in self.slots.values():
            slot.clear()
        if self._owner.rule is not None and isinstance(self._key, Box):
            self._owner.rule.reset_rule_entries(self._key)

    def values_now(self) -> dict[str, Any]:
        """A snapshot: arrays for boxes."""
        return {name: value.data if isinstance(value, Box) else value for name, value in self.items()}

    def own_now(self) -> dict[str, Any]:
        """A snapshot of what does not belong to the update rule."""
        found = {name: slot.read() for name, slot in self.slots.items() if slot.present}
        return {name: value.data if isinstance(value, Box) else value for name, value in found.items()}

    def hold(self, values: Mapping[str, Any]) -> None:
        """Sets what does not belong to the update rule."""
        for slot in self.slots.values():
            slot.clear()
        for name, value in values.items():
            if name not in self.slots:
                self.slots[name] = Slot(str(name), self._owner._born)
            self.slots[name].write(value)
        self._owner.grown()

    def copy(self) -> dict[str, Any]:
        """A dict of the same entries."""
        return dict(self)

    def __repr__(self) -> str:
        return repr(dict(self))


class State(MutableMapping[Hashable, Entries]):
    """The state of all parameters; see the module's text."""

    def __init__(self, rule: Rule | None = None) -> None:
        self._born = birth()
        self._rule = None if rule is None else weakref.ref(rule)
        self.pinned = False  # whether Python must know the numbers
        self._entries: dict[Any, Entries] = {}
        self._boxes: list[Box] | None = None
        self._layout: tuple[Any, ...] = ()

    @property
    def rule(self) -> Rule | None:
        """The optimizer whose update rule has a state of its own, if one has."""
        return None if self._rule is None else self._rule()

    def __getitem__(self, key: Hashable) -> Entries:
        found = self._entries.get(key)
        if found is None:
            found = self._entries[key] = Entries(self, key)
        return found

    def get(self, key: Hashable, default: object = None) -> Any:
        """The state of ``key`` if there is any, else ``default``."""
        return self[key] if key in self else default

    def __setitem__(self, key: Hashable, value: Mapping[str, Any]) -> None:
        values = value.values_now() if isinstance(value, Entries) else dict(value)
        entries = self[key]
        entries.clear()
        entries.update(values)

    def __delitem__(self, key: Hashable) -> None:
        if key not in self:
            raise KeyError(key)
        entries = self[key]
        entries.detach()
        # In a trace the boxes live on: the deletion may not come to pass.
        if not entries.slots or innermost.get() is None:
            self._entries.pop(key)
            self.grown()

    def __contains__(self, key: object) -> bool:
        if self.rule is None and key not in self._entries:
            return False
        return len(self[key]) > 0

    def __iter__(self) -> Iterator[Any]:
        known = list(self._entries)
        if self.rule is not None:
            known = list(dict.fromkeys([*self.rule.rule_parameters(), *known]))
        return (key for key in known if key in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Begins anew."""
        for key in list(self):
            del self[key]

    def __repr__(self) -> str:
        return repr({key: dict(entries) for key, entries in self.items()})

    @property
    def held(self) -> dict[Any, Entries]:
        """What was asked for so far, also what is empty."""
        return self._entries

    def restart(self, entries: list[tuple[Any, dict[str, Any]]]) -> None:
        """Holds these entries and no others, beside those of the update rule."""
        for key in self._entries:
            self[key].hold({})
        for key, values in entries:
            if values:
                self[key].hold(values)

    # -- for fnn.jit ------------------------------------------------------------------------------------------

    def grown(self) -> None:
        """Notes that there are more boxes than before."""
        self._boxes = None
        epoch.structure += 1

    def _slots(self) -> Iterator[Slot]:
        for entries in self._entries.values():
            yield from entries.slots.values()

    @property
    def boxes(self) -> list[Box]:
        """The boxes of all slots, in the order of their making."""
        if self._boxes is None:
            self._boxes = [box for slot in self._slots() for box in slot.boxes]
            self._layout = tuple(
                (place, name, tuple(type(box) for box in slot.boxes))
                for place, entries in enumerate(self._entries.values())
                for name, slot in entries.slots.items()
            )
        return self._boxes

    def fixed(self) -> tuple[Any, ...]:
        """What of it a program is compiled for, beside shapes."""
        boxes, scope = self.boxes, innermost.get()
        if scope is None:
            absent = [box._value is None for box in boxes]
        else:
            absent = [scope.read(box) is None for box in boxes]
        constants = [slot.fixed(self.pinned) for slot in self._slots() if self.pinned or slot.constant is not None]
        return self._layout, tuple(absent), tuple(constants), self.pinned

    # -- copies -----------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        return {"rule": self.rule, "own": [(key, entries.own_now()) for key, entries in self._entries.items()]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        State.__init__(self, state["rule"])
        self.restart(state["own"])
