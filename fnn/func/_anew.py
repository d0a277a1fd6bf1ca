"""The same code put under `fnn.jit` again and again, by objects that are gone before their programs have served.

A program belongs to the object that `fnn.jit` returns.  Objects that exist side by side, as one for each model of a
sweep, are meant; those that were dropped have left their compilations for nothing.
"""

from __future__ import annotations

import functools
import gc
import inspect
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from fnn.func._compiled import Program
from fnn.state.code import is_library
from fnn.state.compared import Same
from fnn.state.describe import has_state

__all__ = ["OFTEN", "Anew", "forerunners"]

OFTEN = 3  # objects that are gone, after which the next one is said to be made anew
_CODES = 256  # that are remembered, the last ones
_OBJECTS = 64  # of each of them


class Anew:
    """One code object, and what `fnn.jit` has made of it."""

    def __init__(self, code: types.CodeType) -> None:
        self.code = code  # kept, so that its identity stays unique
        self.objects: list[tuple[int, weakref.ref[Any]]] = []  # with the hash of what they were compiled for
        self.gone = 0  # of those that were compiled for what the last one was
        self.warned = False

    def add(self, jitted: object, fingerprint: int) -> None:
        alike = [ref for known, ref in list(self.objects) if known == fingerprint]
        few = sum(ref() is None for ref in alike) < OFTEN
        if few and len(alike) >= OFTEN and not len(alike) & (len(alike) + 1):  # seldom, as it takes long
            gc.collect()  # an object that holds its own method under fnn.jit is a cycle
        self.objects = [*self.objects[1 - _OBJECTS :], (fingerprint, weakref.ref(jitted))]
        self.gone = sum(ref() is None for ref in alike)


_seen: OrderedDict[int, Anew] = OrderedDict()  # by the identity of the code


def forerunners(
    jitted: object, function: Callable[..., Any], signature: tuple[Any, ...], program: Program
) -> Anew | None:
    """Notes a new object made by `fnn.jit`, and finds those of the same code and with the same program.

    Args:
        jitted: the object, which has just compiled its first program.
        function: the user's.
        signature: of the call.
        program: what was compiled.
    """
    code = _code(function)
    if code is None:
        return None
    try:
        fingerprint = hash((signature, _by_code(_described(program))))
    except Exception:  # what has no hash, or an own one that fails: what is said about a call must not fail it
        return None
    anew = _seen.setdefault(id(code), Anew(code))
    _seen.move_to_end(id(code))
    while len(_seen) > _CODES:
        _seen.popitem(last=False)
    anew.add(jitted, fingerprint)
    return anew


def _code(function: Any) -> types.CodeType | None:
    """What is alike in the functions that one line of a program makes, and in the objects of one class."""
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    if isinstance(function, types.FunctionType) and is_library(function.__module__):
        return None  # one of fnn's own, which is made for each of many objects
    if not isinstance(function, (types.FunctionType, types.MethodType)):
        function = getattr(type(function), "forward" if has_state(type(function)) else "__call__", None)
    return getattr(getattr(function, "__func__", function), "__code__", None)


def _described(program: Program) -> tuple[Any, ...]:
    template = program.template
    return template.roots, tuple(template.places), tuple(template.prints), tuple(template.avals)


def _by_code(described: Any) -> Any:
    """A description with the code of functions in the place of their identity."""
    if isinstance(described, tuple):
        return tuple(map(_by_code, described))
    if isinstance(described, Same):
        value = described.ref()
        return id(value.__code__) if isinstance(value, types.FunctionType) else described
    return described
