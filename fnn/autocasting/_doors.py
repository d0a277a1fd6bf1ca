"""The doors of the functions that stand in the tables."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from fnn.autocasting._policies import admit
from fnn.autocasting._regions import closed, ever, region
from fnn.autocasting._tables import TABLES

__all__ = ["governed", "governed_as", "install"]

P = ParamSpec("P")
R = TypeVar("R")


def governed(function: Callable[P, R]) -> Callable[P, R]:
    """``function`` with a door, by its own name; the decorator of a function that stands in the tables."""
    return governed_as(function.__name__, function)


def governed_as(name: str, function: Callable[P, R]) -> Callable[P, R]:
    """``function`` with a door, by this name in the tables; as it is if none has the name."""
    if not any(name in table for table in TABLES.values()) or hasattr(function, "_fnn_door"):
        return function

    @functools.wraps(function)
    def door(*args: P.args, **kwargs: P.kwargs) -> R:
        if not ever.opened:
            return function(*args, **kwargs)
        where = region()
        admitted = None if where is None else admit(where, name, function, (args, kwargs))
        if admitted is None:
            return function(*args, **kwargs)
        with closed():
            return function(*admitted[0], **admitted[1])

    vars(door)["_fnn_door"] = name
    return door


def install(namespace: dict[str, Any], prefix: str = "") -> None:
    """Gives every function of a package that stands in the tables its door.

    The package has collected its functions from modules below it; there, too, the name means the function with the door
    from now on, so that it can be pickled and is the same wherever it is imported from.

    Args:
        namespace: the package's ``globals()``.
        prefix: what the tables put in front of the package's names: ``"linalg_"``.
    """
    for name in list(namespace):
        if not name.startswith("_"):
            install_one(namespace, name, prefix)


def install_one(namespace: dict[str, Any], name: str, prefix: str = "") -> None:
    """`install` for one function."""
    function = namespace[name]
    if not callable(function) or isinstance(function, type):
        return
    door = governed_as(prefix + name, function)
    if door is function:
        return
    namespace[name] = door
    home = sys.modules.get(getattr(function, "__module__", ""))
    if home is not None and vars(home).get(function.__name__) is function:
        setattr(home, function.__name__, door)
