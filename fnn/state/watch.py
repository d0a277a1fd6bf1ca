"""Noticing reads of attributes while a function is traced.

For the time of a trace the classes of the objects that it can reach get a ``__getattribute__`` that tells the recorder
of this thread what is read.  Afterwards they are as they were, so that an attribute costs nothing outside a trace.
Other threads meanwhile take the same road and find no recorder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["Watch", "always", "recorder"]


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


recorder: ContextVar[Recorder | None] = ContextVar("fnn_recorder", default=None)

# Classes that every trace watches, whether it knows of an instance or not.
always: list[type] = []

_lock = threading.RLock()
_uses: dict[type, int] = {}


class Watch:
    """The classes that one trace watches; `close` lets go of them."""

    def __init__(self) -> None:
        self.classes: list[type] = []
        for cls in always:
            self.add(cls)

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
