"""`ParamGroup`: a parameter group, a dict whose numbers are values to a compiled step and not constants.

In a trace of `fnn.jit`, ``group["lr"]`` is the traced value of what the group holds when the compiled step is called,
so a scheduler's step takes effect and compiles nothing.  What a trace writes (``group["t"] += 1``) is held in a slot
and carried out.  Outside of traces a group is a plain dict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from fnn.optim._births import Source
from fnn.optim._hyper import Hyper
from fnn.optim._slots import ABSENT
from fnn.state.box import Box
from fnn.state.parameter import Parameter
from fnn.state.scope import innermost

__all__ = ["ParamGroup", "Params", "adopted"]

# What an optimizer is made from: Parameters, pairs with their names, or groups, dicts with an entry "params".
Params: TypeAlias = Iterable["Parameter | tuple[str, Parameter] | dict[str, Any]"]


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

    def get(self, name: str, default: object = None) -> Any:
        """The hyper-parameter, or ``default``."""
        return self[name] if name in self else default

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name):
            return True
        slot = self.hyper.slots.get(name) if self.hyper.slots else None  # pyright: ignore[reportArgumentType]
        return slot is not None and slot.present

    def __setitem__(self, name: str, value: object) -> None:
        if not self.hyper.write(name, value):
            super().__setitem__(name, value)
        self.hyper.version += 1

    def __delitem__(self, name: str) -> None:
        slot = self.hyper.slots.pop(name, None)
        if slot is None or super().__contains__(name):
            super().__delitem__(name)
        self.hyper.version += 1

    def setdefault(self, name: str, default: object = None) -> Any:
        """The hyper-parameter, which is set to ``default`` if it is not there."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, *others: object, **values: object) -> None:
        """Sets several."""
        for name, value in dict(*cast(Any, others), **values).items():
            self[name] = value

    def pop(self, name: str, *default: object) -> Any:
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

    def __reduce__(self) -> tuple[Any, ...]:
        if innermost.get() is None:
            return _rebuilt, (None,), None, None, iter(self.items())
        aside = [(name, self[name]) for name in self.hyper.slots if name in self]
        return _rebuilt, (Source(self.hyper),), None, None, iter([*self.plain().items(), *aside])


def _rebuilt(source: Source | None) -> ParamGroup:
    group = ParamGroup({})
    group.hyper.source = None if source is None else source.owner
    return group


def adopted(group: dict[str, Any], asked: bool) -> ParamGroup:
    """``group`` itself, or the `ParamGroup` of a plain dict; ``asked``: whether a step of the user's reads it."""
    if not isinstance(group, ParamGroup):
        group = ParamGroup(group)
    hyper = group.hyper
    if not hyper.names:
        hyper.names.update(name for name in group if name not in ("params", "param_names"))
    if asked and not hyper.asked:
        hyper.asked = True
    return group
