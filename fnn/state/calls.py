"""Calls that are noticed: of built-in functions that look up a name or a text made at run time, or use something up.

While a trace runs whose code names one of them, it stands in for the one of `builtins` (see `watch`): it tells the
recorder of this thread, if there is one, and does what the original does.
"""

from __future__ import annotations
import __future__ as features

import builtins
import sys
import types
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["NOTICED", "ORIGINAL", "Recorder", "recorder"]


class Recorder(Protocol):
    """Who is told."""

    materialised: bool

    def attribute(self, value: object, name: str) -> None:
        """``value.name`` is about to be read."""
        ...

    def shown(self, value: object, name: str, found: object) -> Any:
        """What the reader of ``value.name`` gets, which is ``found``."""
        ...

    def born(self, value: object) -> None:
        """``value`` has just been made."""
        ...

    def looked_up(self, value: object, name: str) -> None:
        """``getattr(value, name)`` is about to be read, of a class or a function."""
        ...

    def namespace(self, table: dict[str, Any]) -> dict[str, Any]:
        """What code whose globals are ``table`` gets of ``globals()``."""
        ...

    def taken_from(self, value: object) -> None:
        """``next(value)`` is about to be called."""
        ...

    def evaluates(self, code: types.CodeType, table: dict[str, Any]) -> None:
        """``code`` is about to run, with ``table`` as its globals."""
        ...


recorder: ContextVar[Recorder | None] = ContextVar("fnn_recorder", default=None)

_getattr, _hasattr, _next = builtins.getattr, builtins.hasattr, builtins.next
_eval, _exec = builtins.eval, builtins.exec


def _noticed_globals() -> dict[str, Any]:
    table = sys._getframe(1).f_globals
    told = recorder.get()
    return table if told is None else told.namespace(table)


def _noticed_getattr(value: object, name: str, /, *default: object) -> Any:
    if issubclass(type(value), _UNNOTICED):
        told = recorder.get()
        if told is not None:
            told.looked_up(value, name)
    return _getattr(value, name, *default)


def _noticed_hasattr(value: object, name: str, /) -> bool:
    if issubclass(type(value), _UNNOTICED):
        told = recorder.get()
        if told is not None:
            told.looked_up(value, name)
    return _hasattr(value, name)


def _noticed_next(iterator: Iterator[Any], /, *default: object) -> Any:
    told = recorder.get()
    if told is not None:
        told.taken_from(iterator)
    return _next(iterator, *default)


def _noticed_eval(source: Any, /, globals: Any = None, locals: Any = None) -> Any:
    return _evaluated("eval", _eval, source, globals, locals, {})


def _noticed_exec(source: Any, /, globals: Any = None, locals: Any = None, **closure: Any) -> None:
    _evaluated("exec", _exec, source, globals, locals, closure)


def _evaluated(mode: str, run: Callable[..., Any], source: Any, table: Any, names: Any, options: dict[str, Any]) -> Any:
    frame = sys._getframe(2)
    if table is None:
        table = frame.f_globals
        if names is None:
            names = frame.f_locals
            if not isinstance(names, dict):  # from Python 3.13 on; assigning to what the built-in one gives is no store
                names = dict(names)
    elif names is None:
        names = table
    told = recorder.get()
    if told is not None:
        if isinstance(source, (str, bytes, bytearray)):
            if mode == "eval":
                source = source.lstrip(" \t") if isinstance(source, str) else source.lstrip(b" \t")
            source = compile(source, "<string>", mode, frame.f_code.co_flags & _FUTURE, dont_inherit=True)
        if isinstance(source, types.CodeType) and isinstance(table, dict):
            told.evaluates(source, table)
    return run(source, table, names, **options)


_UNNOTICED = (type, types.FunctionType)
_FUTURE = sum(getattr(features, name).compiler_flag for name in features.all_feature_names if name != "nested_scopes")
NOTICED: dict[str, Callable[..., Any]] = {
    "globals": _noticed_globals, "getattr": _noticed_getattr, "hasattr": _noticed_hasattr, "next": _noticed_next,
    "eval": _noticed_eval, "exec": _noticed_exec,
}  # fmt: skip
ORIGINAL = {name: getattr(builtins, name) for name in NOTICED}
