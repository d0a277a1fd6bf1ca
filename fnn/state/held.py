"""What a function of a transform can put traced values into besides boxes and attributes of Modules.

Under `fnn.jit` a `Recorder` knows all that a trace reads.  The other transforms are called anew each time; for them
`Held` looks once, before the call, at the lists, dicts, sets, attributes and variables that the function leads to, and
tells afterwards where something else stands.
"""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Callable
from typing import Any

import jax

from fnn.state.code import is_library, names_of
from fnn.state.describe import by_value, copied, has_state, is_whole, watchable
from fnn.state.places import MISSING, own_dict
from fnn.state.watch import recorder

__all__ = ["Held", "held_by", "refill"]

_MOST = 20_000  # objects that are looked at
_LONGEST = 1_000  # elements of a container that are
_CONTAINERS = (list, dict, set, deque)
_NUMBERS = frozenset({bool, complex, float, int, str, bytes, type(None)})  # most of what data sets hold

# What was there before and is there now, how to store a value there, and where it is in words.
Difference = tuple[Any, Any, Callable[[Any], None], str]


class Held:
    """The containers and variables that ``roots`` (functions, their arguments) lead to, with what is in them."""

    def __init__(self, roots: tuple[object, ...]) -> None:
        self.containers: list[tuple[Any, Any, str]] = []
        self.tables: list[tuple[dict[str, Any], dict[str, Any], str]] = []  # attributes of objects, and globals
        self.cells: list[tuple[types.CellType, Any, str]] = []
        self._seen: set[int] = set()
        self._next: deque[tuple[Any, str]] = deque((root, "") for root in roots)
        while self._next and len(self._seen) < _MOST:
            self._look(*self._next.popleft())

    def _look(self, value: Any, name: str) -> None:
        cls = type(value)
        if id(value) in self._seen or by_value(value) or isinstance(value, (jax.Array, type, types.ModuleType)):
            return
        self._seen.add(id(value))
        if isinstance(value, _CONTAINERS):
            what = f"the {cls.__name__} {name!r}" if name else f"a {cls.__name__}"
            if len(value) <= _LONGEST:
                self.containers.append((value, copied(value), what))
                self._all(value.values() if isinstance(value, dict) else value, name)
        elif isinstance(value, tuple):
            self._all(value, name)
        elif isinstance(value, types.MethodType):
            self._all((value.__self__, value.__func__), name)
        elif isinstance(value, functools.partial):
            self._all((value.func, value.args, value.keywords), name)
        elif isinstance(value, types.BuiltinFunctionType):
            self._all((value.__self__,), name)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif has_state(cls):
            self._module(value)
        elif watchable(cls):
            own = own_dict(value)
            self.tables.append((own, dict(own), cls.__name__))
            for key, inner in own.items():
                self._next.append((inner, f"{cls.__name__}.{key}"))
            self._methods(cls)
        elif callable(value):
            self._next.append((getattr(value, "__wrapped__", None), name))

    def _all(self, values: Any, name: str) -> None:
        self._next.extend((value, name) for value in values if type(value) not in _NUMBERS)

    def _module(self, module: Any) -> None:
        """What is in plain attributes and hooks; its tables and assignments are seen by the scope."""
        own = own_dict(module)
        if "_parameters" not in own:
            return  # an optimizer
        for key, value in own.items():
            if key == "_modules":
                self._all(value.values(), "")
            elif key.endswith("_hooks"):
                self._all(value.values() if isinstance(value, dict) else (), "")
            elif not is_whole(key) and isinstance(value, (*_CONTAINERS, tuple)):
                self._next.append((value, f"{type(module).__name__}.{key}"))
            elif not is_whole(key) and watchable(type(value)):
                self._next.append((value, ""))
        self._methods(type(module))

    def _methods(self, cls: type) -> None:
        for base in cls.__mro__:
            if not is_library(base.__module__) and id(base) not in self._seen:
                self._seen.add(id(base))
                self._all((f for f in vars(base).values() if isinstance(f, types.FunctionType)), "")

    def _function(self, function: types.FunctionType) -> None:
        if is_library(function.__module__):
            if function.__module__.startswith("fnn."):  # a transform's own function, with the user's in its closure
                self._all(filter(callable, map(_content, function.__closure__ or ())), "")
            return
        names = names_of(function.__code__)
        for path in names.globals:
            if path[0] in function.__globals__:
                self._next.append((function.__globals__[path[0]], path[0]))
        for stored in names.stored_globals:
            table = function.__globals__
            self.tables.append((table, {stored: table.get(stored, MISSING)}, ""))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            content = _content(cell)
            self._next.append((content, name))
            if name in names.stored_cells:
                self.cells.append((cell, content, f"the variable {name!r}"))
        self._all((function.__defaults__ or (), function.__kwdefaults__ or {}), "")

    def differences(self) -> list[Difference]:
        """Where something else stands now."""
        found: list[Difference] = []
        for container, before, what in self.containers:
            now = copied(container)
            if not _same(before, now):
                found.append((before, now, functools.partial(refill, container), what))
        for table, before, owner in self.tables:
            for key in [*before, *(k for k in (table if owner else ()) if k not in before)]:
                old, new = before.get(key, MISSING), table.get(key, MISSING)
                if old is not new:
                    what = f"'{key}' of {owner}" if owner else f"the variable {key!r}"
                    found.append((old, new, functools.partial(_put, table, key), what))
        for cell, before, what in self.cells:
            if _content(cell) is not before:
                found.append((before, _content(cell), functools.partial(_fill, cell), what))
        return found


def held_by(*roots: object) -> Held | None:
    """What these lead to; None where a recorder knows it."""
    return Held(roots) if recorder.get() is None else None


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def _same(before: Any, now: Any) -> bool:
    if len(before) != len(now):
        return False
    if isinstance(before, dict):
        return all(k in now and now[k] is v for k, v in before.items())
    return all(a is b for a, b in zip(before, now, strict=True))


def refill(container: Any, content: Any) -> None:
    """Makes ``content`` the content of a list, a dict, a set or a deque."""
    container.clear()
    if isinstance(container, (dict, set)):
        container.update(content)
    else:
        container.extend(content)


def _put(table: dict[str, Any], key: str, value: object) -> None:
    if value is MISSING:
        table.pop(key, None)
    else:
        table[key] = value


def _fill(cell: types.CellType, value: object) -> None:
    if value is MISSING:
        del cell.cell_contents
    else:
        cell.cell_contents = value
