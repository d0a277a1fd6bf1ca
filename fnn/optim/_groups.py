"""`ParamGroup`: a parameter group, a dict whose numbers are values to a compiled step and not constants.

In a trace of `fnn.jit`, ``group["lr"]`` is the traced value of what the group holds when the compiled step is called,
so a scheduler's step takes effect and compiles nothing.  What a trace writes (``group["t"] += 1``) is held in a slot
and carried out.  Outside of traces a group is a plain dict.

A step written by a user may ask Python about a hyper-parameter (``if group["weight_decay"] != 0``), which no traced
value can answer.  There a number is a constant that the program is compiled for, all but ``"lr"``, until it is seen to
change between two calls; from then on it is a value, too, unless the step needs it in Python.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fnn.optim._slots import ABSENT, Slot, Source, birth, fingerprint, is_array, is_number, owned_values, same
from fnn.state.box import Box
from fnn.state.gather import Gather
from fnn.state.scope import innermost

__all__ = ["ParamGroup", "adopted"]


def _numeric(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return bool(value) and all(map(is_number, value))
    return is_number(value) or is_array(value)


def _floating(value: Any) -> Any:
    return float(value) if type(value) is int else value


class Hyper:
    """The hyper-parameters of one group as `fnn.jit` sees them: its owner, in the sense of `fnn.state.gather`."""

    param_groups = ()  # of which fnn.jit asks every owner whether a trace has changed them

    def __init__(self, group: ParamGroup) -> None:
        self._group = weakref.ref(group)
        self._born = birth()
        self.source: Hyper | None = None  # of what this is a copy, if it was made in a trace
        self.slots: dict[str, Slot] = {}
        # What schedulers add later is of no interest to a compiled step, unless it reads it.
        self.names: set[str] = set()
        self.version = 0  # moves when the group is written to
        self.asked = False  # whether a step of the user's reads it: numbers are constants until they change
        self.level = 0  # 1: also those that change are constants; 2: and "lr"
        self._last: dict[str, Any] = {}
        self._moving: set[str] = set()
        self._cache: tuple[Any, Any, dict[str, Any]] = (None, (), {})

    @property
    def group(self) -> ParamGroup:
        """The group, which holds this."""
        group = self._group()
        if group is None:
            raise ReferenceError("the parameter group is gone")
        return group

    def _fnn_gather(self, gather: Gather) -> Any:
        return tuple((name, *(gather.box(box) for box in slot.boxes)) for name, slot in self.slots.items())

    def _fnn_dynamic(self) -> tuple[Any, list[Any]]:
        stamp = self.version, self.level, self.asked
        if self._cache[0] != stamp:
            self._cache = (stamp, *self._sorted())
        static, values = self._cache[1:]
        if self.slots:
            static = (*static, *(slot.fixed(self.level > 0) for slot in self.slots.values()))
        return static, [values]

    def _sorted(self) -> tuple[Any, dict[str, Any]]:
        """The hyper-parameters that are structure, and those that are values."""
        static: list[Any] = []
        values: dict[str, Any] = {}
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

    def _is_value(self, name: str, value: Any) -> bool:
        if name == "lr":
            return self.level < 2
        if is_array(value):
            return True
        if name in self._last and self._last[name] != value:
            self._moving.add(name)
        self._last[name] = value
        return name in self._moving and self.level < 1

    def seen(self, name: str, value: Any) -> Any:
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

    def write(self, name: str, value: Any) -> bool:
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
        slot.write(value)
        return True

    def pinned(self, name: str) -> bool:
        return self.level > (1 if name == "lr" else 0)


class ParamGroup(dict[str, Any]):
    """A parameter group; see the module's text."""

    __slots__ = ("__weakref__", "hyper")

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.hyper = Hyper(self)
        super().__init__(content)

    def plain(self) -> dict[str, Any]:
        """The hyper-parameters outside of any trace; those that a trace has written aside."""
        return dict(dict.items(self))

    def now(self) -> dict[str, Any]:
        """What an update rule is to use: plain, but with what was written in a trace."""
        plain = self.plain()
        for name, slot in self.hyper.slots.items():
            value = slot.read(innermost.get() is None)
            if value is not ABSENT:
                plain[name] = value.data if isinstance(value, Box) else value
        return plain

    def structure(self) -> dict[str, Any]:
        """`plain`, but with the constants that were written in a trace."""
        plain = self.plain()
        for name, slot in self.hyper.slots.items():
            if slot.constant is not None and (value := slot.read()) is not ABSENT:
                plain[name] = value
        return plain

    def aside(self, names: Iterable[str]) -> bool:
        """Whether one of these hyper-parameters was written in a trace."""
        return bool(self.hyper.slots) and any(name in self.hyper.slots for name in names)

    def __getitem__(self, name: str) -> Any:
        hyper = self.hyper
        slot = hyper.slots.get(name)
        if slot is not None and (value := slot.read(hyper.pinned(name))) is not ABSENT:
            return value
        value = super().__getitem__(name)
        return value if innermost.get() is None or name == "params" else hyper.seen(name, value)

    def get(self, name: str, default: Any = None) -> Any:
        """The hyper-parameter, or ``default``."""
        return self[name] if name in self else default

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name):
            return True
        slot = self.hyper.slots.get(name) if self.hyper.slots else None  # pyright: ignore[reportArgumentType]
        return slot is not None and slot.present

    def __setitem__(self, name: str, value: Any) -> None:
        if not self.hyper.write(name, value):
            super().__setitem__(name, value)
        self.hyper.version += 1

    def __delitem__(self, name: str) -> None:
        slot = self.hyper.slots.pop(name, None)
        if slot is None or super().__contains__(name):
            super().__delitem__(name)
        self.hyper.version += 1

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The hyper-parameter, which is set to ``default`` if it is not there."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, *others: Any, **values: Any) -> None:
        """Sets several."""
        for name, value in dict(*others, **values).items():
            self[name] = value

    def pop(self, name: str, *default: Any) -> Any:
        """Removes one; returns its value."""
        if name not in self and default:
            return default[0]
        value = self[name]
        del self[name]
        return value

    def __iter__(self) -> Iterator[str]:
        yield from list(super().__iter__())
        for name, slot in list(self.hyper.slots.items()):
            if not super().__contains__(name) and slot.present:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def keys(self) -> Any:
        """The names."""
        return dict.fromkeys(self).keys()

    def values(self) -> Any:
        """The values."""
        return [self[name] for name in self]

    def items(self) -> Any:
        """The pairs."""
        return [(name, self[name]) for name in self]

    def copy(self) -> dict[str, Any]:
        """A plain dict of the same content."""
        return dict(self.items())

    def __eq__(self, other: object) -> bool:
        return self.copy() == other

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce__(self) -> Any:
        if innermost.get() is None:
            return _rebuilt, (None,), None, None, iter(self.items())
        aside = [(name, self[name]) for name in self.hyper.slots if name in self]
        return _rebuilt, (Source(self.hyper),), None, None, iter([*self.plain().items(), *aside])


def _rebuilt(source: Source | None) -> ParamGroup:
    group = ParamGroup({})
    group.hyper.source = None if source is None else source.owner
    return group


def adopted(group: Any, asked: bool) -> ParamGroup:
    """``group`` itself, or the `ParamGroup` of a plain dict; ``asked``: whether a step of the user's reads it."""
    if not isinstance(group, ParamGroup):
        group = ParamGroup(group)
    hyper = group.hyper
    if not hyper.names:
        hyper.names.update(name for name in group if name not in ("params", "param_names"))
    if asked and not hyper.asked:
        hyper.asked = True
    return group
