"""A *place*: where a value was found, as an attribute of a node, a cell of a function's closure, one of its globals."""

from __future__ import annotations

import abc
import builtins
import functools
import sys
import types
from typing import Any, NamedTuple

from fnn.state.code import is_library
from fnn.state.settings import SETTINGS

__all__ = [
    "ANYTHING",
    "MISSING",
    "ROOT",
    "Place",
    "data_of",
    "definitions",
    "fetch",
    "in_library",
    "is_data",
    "module_of",
    "on_class",
    "own_dict",
    "slot",
]


class _Missing:
    def __repr__(self) -> str:
        return "(missing)"


MISSING = _Missing()


class _Anything:
    """The description of a place whose value does not matter."""

    def __repr__(self) -> str:
        return "(anything)"


ANYTHING = _Anything()
ROOT = -1


class Place(NamedTuple):
    """Where a value is found: ``kind`` of ``name``, of the node with this number."""

    node: int
    kind: str
    name: Any


def fetch(node: Any, place: Place) -> Any:
    """The value at ``place``, whose node this is; MISSING if there is none."""
    kind, name = place.kind, place.name
    if kind == "attr":
        return own_dict(node).get(name, MISSING)
    if kind == "slot":
        return slot(node, name)
    if kind == "class":
        return on_class(type(node), name)
    if kind == "of class":
        return on_class(node, name)
    if kind == "cell":
        try:
            return node.__closure__[name].cell_contents
        except ValueError:
            return MISSING
    if kind == "global":
        value = node.__globals__.get(name, MISSING)
        return vars(builtins).get(name, MISSING) if value is MISSING else value
    if kind == "defaults":
        return (node.__defaults__, node.__kwdefaults__)
    if kind == "code":
        return node.__code__
    if kind == "definitions":
        return definitions(node, name)
    if kind == "subclasses":
        classes = (node if isinstance(node, type) else type(node)).__mro__
        return tuple(tuple(type.__subclasses__(c)) for c in classes if not is_library(c.__module__))
    if kind == "registered":
        return abc.get_cache_token()  # moves when a class is registered with any abstract one
    if kind == "setting":
        return SETTINGS[name].read()
    if kind == "library":
        return in_library(node, name)
    if kind == "names":
        return tuple(node.__globals__ if isinstance(node, types.FunctionType) else vars(node))
    if kind == "module":
        return sys.modules.get(name, MISSING)
    return own_dict(node)  # the whole of it


def in_library(function: Any, path: tuple[str, ...]) -> Any:
    """What a path of names leads to below a library's module that is a global of ``function``: ``F.relu``."""
    found = function.__globals__.get(path[0], MISSING)
    for name in path[1:]:
        if not isinstance(found, types.ModuleType):
            return MISSING
        found = vars(found).get(name, MISSING)
    return found


def own_dict(value: object) -> dict[str, Any]:
    """``value.__dict__``, which does not count as reading it; empty if there is none."""
    try:
        return object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}


def on_class(cls: type, name: str) -> Any:
    """What the classes of ``cls``'s method resolution order have under ``name``, as it stands there."""
    for base in cls.__mro__:
        found = base.__dict__.get(name, MISSING)
        if found is not MISSING:
            return found
    return MISSING


def definitions(value: object, name: str) -> tuple[Any, ...]:
    """What the user's classes among those of an object, or of a class, define under a name."""
    classes = (value if isinstance(value, type) else type(value)).__mro__
    return tuple(c.__dict__[name] for c in classes if name in c.__dict__ and not is_library(c.__module__))


def module_of(found: object) -> Any:
    """Where a function, a class or another descriptor is from; of plain data, nothing."""
    if isinstance(found, functools.singledispatchmethod):
        return found.func.__module__
    if type(found).__module__ == "functools":  # whose classes are no sign of where it is from
        return None
    if isinstance(found, type) or hasattr(type(found), "__get__"):
        return getattr(found, "__module__", None)
    return None


def data_of(cls: type) -> dict[str, Any]:
    """What a user's class itself holds besides methods and descriptors."""
    if is_library(cls.__module__):
        return {}
    return {name: value for name, value in vars(cls).items() if name[:2] != "__" and is_data(value)}


def is_data(value: object) -> bool:
    """Whether what a class holds under a name is data, neither method nor descriptor nor class."""
    return value is not MISSING and not isinstance(value, type) and not hasattr(type(value), "__get__")


def slot(value: object, name: str) -> Any:
    """The content of a slot."""
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return MISSING
