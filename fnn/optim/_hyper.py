"""`Hyper`: the hyper-parameters of one group as `fnn.jit` sees them, values and structure.

A step written by a user may ask Python about a hyper-parameter (``if group["weight_decay"] != 0``), which no traced
value can answer.  There a number is a constant that the program is compiled for, all but ``"lr"``, until it is seen to
change between two calls; from then on it is a value, too, unless the step needs it in Python.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from typing import Any, Protocol

from fnn.optim._births import birth, owned_values
from fnn.optim._kinds import fingerprint, is_array, is_number, same
from fnn.optim._slots import ABSENT, Slot
from fnn.state.describe import Survey
from fnn.state.numbers import Number
from fnn.state.scope import innermost

__all__ = ["Hyper"]


class Plain(Protocol):
    """A group of parameters."""

    def plain(self) -> dict[str, Any]:
        """The hyper-parameters outside of any trace."""
        ...


def _numeric(value: object) -> bool:
    if isinstance(value, (tuple, list)):
        return bool(value) and all(map(is_number, value))
    return is_number(value) or is_array(value)


def _floating(value: object) -> object:
    return float(value) if type(value) is int else value


class Hyper:
    """The hyper-parameters of one group as `fnn.jit` sees them: its owner, in the sense of `fnn.state.describe`."""

    param_groups = ()  # of which fnn.jit asks every owner whether a trace has changed them

    def __init__(self, group: Plain) -> None:
        self._group = weakref.ref(group)
        self._born = birth()
        self.source: Hyper | None = None  # of what this is a copy, if it was made in a trace
        self.slots: dict[str, Slot] = {}
        # What schedulers add later is of no interest to a compiled step, unless it reads it.
        self.names: set[str] = set()
        self.version = 0  # moves when the group is written to
        self.asked = False  # whether a step of the user's reads it: numbers are constants until they change
        self.level = 0  # 1: also those that change are constants; 2: and "lr"
        self._last: dict[str, object] = {}
        self._moving: set[str] = set()
        self._cache: tuple[object, tuple[Hashable, ...], dict[str, object]] = (None, (), {})

    @property
    def group(self) -> Plain:
        """The group, which holds this."""
        group = self._group()
        if group is None:
            raise ReferenceError("the parameter group is gone")
        return group

    def _fnn_gather(self, survey: Survey) -> tuple[Hashable, ...]:
        return tuple((name, *(survey.box(box) for box in slot.boxes)) for name, slot in self.slots.items())

    def _fnn_dynamic(self) -> tuple[tuple[Hashable, ...], list[dict[str, object]]]:
        stamp = self.version, self.level, self.asked
        if self._cache[0] != stamp:
            self._cache = (stamp, *self._sorted())
        static, values = self._cache[1:]
        if self.slots:
            static = (*static, *(slot.fixed(self.level > 0) for slot in self.slots.values()))
        return static, [values]

    def _sorted(self) -> tuple[tuple[Hashable, ...], dict[str, object]]:
        """The hyper-parameters that are structure, and those that are values."""
        static: list[Hashable] = []
        values: dict[str, object] = {}
        for name, value in self.group.plain().items():
            if name not in self.names or name in self.slots:
                continue
            if not _numeric(value):
                static.append((name, fingerprint(value)))
            elif not self.asked:
                # An int and a float would be two programs: weight_decay=0, later 0.1.
                pair = isinstance(value, (tuple, list))
                values[name] = tuple(map(_floating, value)) if pair else _floating(value)
            elif self._is_value(name, value):
                values[name] = value
            else:
                static.append((name, fingerprint(value)))
        return tuple(static), values

    def _is_value(self, name: str, value: object) -> bool:
        if name == "lr":
            return self.level < 2
        if is_array(value):
            return True
        if name in self._last and self._last[name] != value:
            self._moving.add(name)
        self._last[name] = value
        return name in self._moving and self.level < 1

    def seen(self, name: str, value: object) -> object:
        """``value``, or what stands for it in the trace."""
        source = self.source
        if source is not None and same(source.group.plain().get(name, ABSENT), value):
            return source.seen(name, value)
        passed = owned_values(self)
        if passed is None:
            return value
        if name not in self.names:
            self.names.add(name)
            self.version += 1
        return passed[0].get(name, value)

    def write(self, name: str, value: object) -> bool:
        """Holds ``value`` in a slot if a trace writes it; False where the group itself can hold it."""
        slot, scope = self.slots.get(name), innermost.get()
        if slot is None:
            if scope is None or self._born >= scope.serial or name in ("params", "param_names"):
                return False
            slot = self.slots[name] = Slot(name, self._born)
            before = self.group.plain().get(name, ABSENT)
            if before is not ABSENT:
                slot.start(before)
            self.version += 1
        if type(value) is Number and not self.pinned(name):
            value = value.__jax_array__()  # else the program were for this one rate
        slot.write(value)
        return True

    def pinned(self, name: str) -> bool:
        """Whether Python must know the number."""
        return self.level > (1 if name == "lr" else 0)
