"""Noticing reads of attributes while a function is traced.

For the time of a trace the classes of the objects that it can reach get a ``__getattribute__`` that tells the recorder
of this thread what is read; so do Python modules, and ``globals()`` gives a table that tells it (`namespace`).
Afterwards they are as they were, so that an attribute costs nothing outside a trace.  Other threads meanwhile take the
same road and find no recorder.
"""

from __future__ import annotations

import builtins
import threading
import types
from collections.abc import Callable, Iterable
from typing import Any

from fnn.state.calls import NOTICED, ORIGINAL, recorder

__all__ = ["Watch", "always", "recorder"]


# Classes that every trace watches, whether it knows of an instance or not.
always: list[type] = []

_lock = threading.RLock()
_uses: dict[type, int] = {}
_modules: dict[types.ModuleType, int] = {}  # Python modules that are watched, and by how many
_calls: dict[str, int] = {}  # built-in functions that are noticed, likewise


class Watch:
    """The classes that one trace watches; `close` lets go of them."""

    def __init__(self) -> None:
        self.classes: list[type] = []
        self.modules: list[types.ModuleType] = []
        self.calls: list[str] = []
        self._add_call("globals")
        for cls in always:
            self.add(cls)

    def add_calls(self, names: Iterable[str]) -> None:
        """Notices calls of those of these built-in functions of which their names alone tell nothing."""
        for name in NOTICED.keys() & set(names):
            self._add_call(name)

    def _add_call(self, name: str) -> None:
        with _lock:
            if name not in self.calls:
                self.calls.append(name)
                _calls[name] = _calls.get(name, 0) + 1
                setattr(builtins, name, NOTICED[name])

    def add_module(self, module: types.ModuleType) -> None:
        """Watches a Python module, unless it is of a class of its own."""
        with _lock:
            if type(module) is types.ModuleType:
                module.__class__ = _Module
            if type(module) is _Module and module not in self.modules:
                _modules[module] = _modules.get(module, 0) + 1
                self.modules.append(module)

    def add(self, cls: type) -> None:
        """Watches the instances of ``cls``, unless a class above is watched already."""
        if cls in self.classes:
            return
        with _lock:
            if any(getattr(vars(c).get("__getattribute__"), "watches", False) for c in cls.__mro__):
                # Watched through a base class, or by another trace.
                holder = next(c for c in cls.__mro__ if getattr(vars(c).get("__getattribute__"), "watches", False))
                _uses[holder] += 1
                self.classes.append(holder)
                return
            own = cls.__dict__.get("__getattribute__")
            read: Any = own or cls.__getattribute__
            watched: Any = _watched(read)
            watched.own = own
            type.__setattr__(cls, "__getattribute__", watched)
            _uses[cls] = 1
            self.classes.append(cls)

    def close(self) -> None:
        """Gives every class back what it had."""
        with _lock:
            for name in self.calls:
                _calls[name] -= 1
                if not _calls[name]:
                    setattr(builtins, name, ORIGINAL[name])
            self.calls = []
            for module in self.modules:
                _modules[module] -= 1
                if not _modules[module]:
                    del _modules[module]
                    module.__class__ = types.ModuleType
            self.modules = []
            for cls in self.classes:
                _uses[cls] -= 1
                if not _uses[cls]:
                    del _uses[cls]
                    own = vars(cls)["__getattribute__"].own
                    if own is None:
                        type.__delattr__(cls, "__getattribute__")
                    else:
                        type.__setattr__(cls, "__getattribute__", own)
            self.classes = []


def _watched(read: Callable[[Any, str], Any]) -> Any:
    def __getattribute__(self: object, name: str) -> Any:
        told = recorder.get()
        if told is None:
            return read(self, name)
        told.attribute(self, name)
        return told.shown(self, name, read(self, name))

    watched: Any = __getattribute__
    watched.watches = True
    return watched


class _Module(types.ModuleType):
    """The class of a Python module while it is watched."""


type.__setattr__(_Module, "__getattribute__", _watched(types.ModuleType.__getattribute__))
