"""Objects of the standard library that hold values without saying so by an attribute: what is in them now."""

from __future__ import annotations

import array
import collections
import contextlib
import contextvars
import io
import os
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["SHUT", "content_of"]

_UNSET = ("unset",)
_READERS: dict[type, Callable[[Any], Any]] = {
    collections.UserDict: lambda held: held.data,
    collections.UserList: lambda held: held.data,
    collections.UserString: lambda held: held.data,
    collections.ChainMap: lambda held: held.maps,
    array.array: lambda held: (held.typecode, held.tobytes()),
    bytearray: lambda held: bytes(held),
    memoryview: lambda held: (held.format, held.shape, held.tobytes()),
    contextvars.ContextVar: lambda held: [held.get(_UNSET)],
    contextvars.Context: lambda held: dict(held.items()),
    **dict.fromkeys(map(type, ({}.keys(), {}.values(), {}.items())), lambda held: dict(held.mapping)),
    contextlib.nullcontext: lambda held: [held.enter_result],
    threading.Event: lambda held: held.is_set(),
    queue.Queue: lambda held: list(held.queue),
    weakref.WeakKeyDictionary: lambda held: held.data,
    weakref.WeakValueDictionary: lambda held: list(held.items()),
    weakref.WeakSet: lambda held: list(held),
    threading.local: lambda held: held.__dict__,
    type(os.environ): lambda held: dict(held._data),
    **dict.fromkeys((io.StringIO, io.BytesIO), lambda held: (held.closed or held.getvalue(),)),
}


# Of modules that need not be loaded.
_NAMED: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("logging", "Logger"): lambda held: (held.level, held.getEffectiveLevel(), held.disabled, held.manager.disable),
    ("configparser", "RawConfigParser"): lambda held: [held._sections, held._defaults],
    ("configparser", "SectionProxy"): lambda held: [held.name, held.parser._sections, held.parser._defaults],
    ("_ctypes", "_SimpleCData"): bytes,
    ("_ctypes", "Array"): bytes,
    ("_ctypes", "Structure"): bytes,
    ("multiprocessing.sharedctypes", "SynchronizedBase"): lambda held: bytes(held.get_obj()),
}
# Those whose content is no container that `Survey` follows.
SHUT: tuple[type, ...] = (array.array, bytearray, contextvars.ContextVar, threading.Event, queue.Queue)


def content_of(value: object) -> Any:
    """What ``value`` holds, as plain containers and values; None for objects of other classes."""
    for base in type(value).__mro__:
        read = _READERS.get(base) or _NAMED.get((base.__module__, base.__name__))
        if read is not None:
            return read(value)
    return None
