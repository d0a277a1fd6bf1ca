"""Strings among the arguments that a compiled step never looks at, such as the file names in a batch.

A string is part of what a program is compiled for.  Where a second program would differ in strings alone, the trace
is made with an `Unread` in the place of each: if nothing asks for its text, the program is for every text.
"""

from __future__ import annotations

from typing import Any

from fnn.state.numbers import Fixed

__all__ = ["Unread", "unread"]

_KEPT = frozenset({"__new__", "__class__", "__init__", "__init_subclass__", "__subclasshook__", "__getattribute__",
                   "__setattr__", "__delattr__", "__dir__", "__doc__", "__getnewargs__"})  # fmt: skip


class Unread:
    """What all stand-ins for texts have in common."""

    __slots__ = ()


def _refuse(self: object, *args: object, **kwargs: object) -> Any:
    raise Fixed


def _stand_in(cls: type) -> type:
    names = {name: _refuse for name in dir(cls) if callable(getattr(cls, name)) and name not in _KEPT}
    names |= {name: _refuse for name in ("__radd__", "__rmod__", "__fspath__", "__reduce_ex__", "__reduce__")}
    return type(f"Unread{cls.__name__.capitalize()}", (cls, Unread), names)


_STAND_INS = {cls: _stand_in(cls) for cls in (str, bytes)}


def unread(text: str | bytes) -> Any:
    """A stand-in for ``text``, which raises `Fixed` when somebody asks it anything."""
    cls = _STAND_INS[type(text)]
    return cls.__new__(cls, text)
