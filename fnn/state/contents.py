"""Objects of the standard library that hold values without saying so by an attribute: what is in them now."""

from __future__ import annotations

import array
import collections
import contextvars
import os
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["content_of"]

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
    queue.Queue: lambda held: list(held.queue),
    weakref.WeakKeyDictionary: lambda held: list(held.items()),
    weakref.WeakValueDictionary: lambda held: list(held.items()),
    weakref.WeakSet: lambda held: list(held),
    threading.local: lambda held: dict(held.__dict__),
    type(os.environ): lambda held: dict(held._data),
}


def content_of(value: object) -> Any:
    """What ``value`` holds, as plain containers and values; None for objects of other classes."""
    for base in type(value).__mro__:
        read = _READERS.get(base)
        if read is not None:
            return read(value)
    return None
