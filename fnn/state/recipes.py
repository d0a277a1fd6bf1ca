"""Recipes: how to make a value again, with other arrays in it.

What a traced function leaves behind (an attribute that it assigned, a list to which it appended) is no value but a way
to make one at every call: `Packer.pack` takes a value apart into a recipe and the traced arrays in it, `build` makes it
again from the arrays that a call computed.  Objects, Modules and boxes that were born in the trace are made anew; what
was there before is referred to by its number.
"""

from __future__ import annotations

import copy
import functools
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnn.errors import TracerEscapeError
from fnn.state.box import Box
from fnn.state.code import is_library
from fnn.state.describe import by_value, has_state
from fnn.state.numbers import Fixed, Number
from fnn.state.texts import Unread
from fnn.tracing import Tracer, alive

__all__ = ["Packer", "build"]

_HIDDEN = """\
A traced value would outlive its trace inside {what}, from which nothing can carry it out.

    self.later = lambda: h          # wrong: h is a tracer, and no value after the trace
    self.last = h                   # right: fnn carries an array in an attribute, list, dict or plain object out

Store the array itself, or return it from the function."""

_DEAD = """\
a traced value of an inner transform, which has ended, would be kept.

    jax.grad(lambda w: aux.append(f(w)) or loss(w))(w)      # wrong: what is appended is a tracer of grad's own
    fnn.value_and_grad(loss_and_aux, has_aux=True)(model)    # right: return it, with has_aux=True

Return the value from the inner function instead of storing it."""


_ITERATORS = (type(iter([])), type(iter(())))  # of which a copy tells what is left


class Packer:
    """Takes values apart.

    Args:
        known: ``known(object)`` is the object's number if it was there before the trace, else None.
        read: the present value of a box.
        every: whether every array becomes a leaf, or only traced ones.
        boxes: whether a box born in the trace is made anew; else its array stands for it, as in a result.
    """

    def __init__(
        self, known: Callable[[Any], Any], read: Callable[[Box], Any], every: bool, boxes: bool = True
    ) -> None:
        self.known, self.read, self.every, self.boxes = known, read, every, boxes
        self.leaves: list[Any] = []
        self._made: dict[int, int] = {}
        self._kept: list[Any] = []

    def pack(self, value: object) -> tuple[Any, ...]:
        """The recipe of ``value``; its arrays are appended to `leaves`."""
        if isinstance(value, Unread):
            raise Fixed
        if type(value) is Number:
            return ("known", ("number", value._expression))
        if isinstance(value, Box) and not self.boxes:
            value = self.read(value)
        if isinstance(value, Tracer):
            if not alive(value):
                raise TracerEscapeError(_DEAD)
            return self._leaf(value)
        if self.every and isinstance(value, (jax.Array, np.ndarray)) and not isinstance(value, Box):
            return self._leaf(value)
        if (
            by_value(value)
            or isinstance(value, np.ndarray)
            or (isinstance(value, jax.Array) and not isinstance(value, Box))
        ):
            return ("value", value)
        number = self.known(value)
        if number is not None:
            return ("known", number)
        at = self._made.get(id(value))
        if at is not None:
            return ("made", at)
        if isinstance(value, types.FunctionType):
            refuse_hidden(value, lambda content: True)
            return ("value", value)
        if isinstance(value, (type, types.ModuleType, types.BuiltinFunctionType)):
            return ("value", value)
        at = self._made[id(value)] = len(self._made)
        self._kept.append(value)
        return (*self._made_of(value), at)

    def _leaf(self, value: object) -> tuple[Any, ...]:
        self.leaves.append(value)
        return ("leaf", len(self.leaves) - 1)

    def _made_of(self, value: object) -> tuple[Any, ...]:
        cls = type(value)
        if isinstance(value, Box):
            now = self.read(value)
            return ("box", cls, dict(value._meta()), None if now is None else self.pack(now))
        if isinstance(value, types.MethodType):
            return ("method", self.pack(value.__func__), self.pack(value.__self__))
        if isinstance(value, dict):
            return ("dict", _emptied(value), [(self.pack(k), self.pack(v)) for k, v in value.items()])
        if isinstance(value, tuple):
            return ("tuple", cls, [self.pack(v) for v in value])
        if isinstance(value, (list, deque)):
            return ("list", _emptied(value), [self.pack(v) for v in value])
        if isinstance(value, functools.partial):
            return ("partial", cls, self.pack(value.func), self.pack(value.args), self.pack(value.keywords))
        if callable(value) and is_library(cls.__module__) and not has_state(cls):
            return ("value", value)  # jnp.tanh, a function of jax.jit's
        attributes, slots = _attributes(value)
        if isinstance(value, (set, frozenset)) or attributes is None:
            refuse_hidden(value, lambda content: True)
            return ("value", value)
        return ("object", cls, {name: self.pack(v) for name, v in attributes.items()}, slots)


def _attributes(value: object) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """What an object has in its ``__dict__`` and its slots (None if it has neither), and the names of the slots."""
    own = getattr(value, "__dict__", None)
    slots = slots_of(type(value))
    if not isinstance(own, dict):
        if not slots:
            return None, ()
        own = {}
    filled = tuple(name for name in slots if hasattr(value, name))
    return own | {name: getattr(value, name) for name in filled}, filled


def slots_of(cls: type) -> list[str]:
    """The slots of a class of a user's."""
    return [
        name
        for base in cls.__mro__
        if "__slots__" in vars(base) and not is_library(base.__module__)
        for name, member in vars(base).items()
        if isinstance(member, types.MemberDescriptorType)
    ]


def _emptied(container: Any) -> Any:
    """A container of the same class and settings without content: a recipe holds no traced value."""
    empty = copy.copy(container)
    empty.clear()
    return empty


def refuse_hidden(value: Any, here: Callable[[Tracer], bool]) -> None:
    """Refuses a function or an iterator that holds a traced value, of which ``here`` is true.

    Raises:
        TracerEscapeError: it holds one.
    """
    if isinstance(value, types.FunctionType):
        contents, what = list(_cells(value)), f"the closure of {value.__qualname__}"
    elif type(value) in _ITERATORS:
        contents, what = list(copy.copy(value)), f"a {type(value).__name__}"
    else:
        return
    if any(isinstance(content, Tracer) and here(content) for content in contents):
        raise TracerEscapeError(_HIDDEN.format(what=what))


def _cells(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue


def build(recipe: tuple[Any, ...], leaves: list[Any], known: Callable[[Any], Any], made: dict[int, Any]) -> Any:
    """The value of a recipe.

    Args:
        recipe: what `Packer.pack` returned.
        leaves: the arrays in place of the packer's.
        known: the object with a number.
        made: objects made so far, of all recipes of one packer; begin with an empty dict.
    """
    kind = recipe[0]
    if kind == "leaf":
        return leaves[recipe[1]]
    if kind == "value":
        return recipe[1]
    if kind == "known":
        return known(recipe[1])
    if kind == "made":
        return made[recipe[1]]
    at = recipe[-1]
    if kind == "box":
        _, cls, meta, inner, _ = recipe
        new = Box._rebuild(cls, None if inner is None else build(inner, leaves, known, made), meta, {})
        made[at] = new
    elif kind == "method":
        made[at] = types.MethodType(build(recipe[1], leaves, known, made), build(recipe[2], leaves, known, made))
    elif kind == "dict":
        made[at] = new = copy.copy(recipe[1])
        for key, value in recipe[2]:
            new[build(key, leaves, known, made)] = build(value, leaves, known, made)
    elif kind == "list":
        made[at] = new = copy.copy(recipe[1])
        new.extend(build(value, leaves, known, made) for value in recipe[2])
    elif kind == "tuple":
        parts = [build(value, leaves, known, made) for value in recipe[2]]
        made[at] = tuple(parts) if recipe[1] is tuple else tuple.__new__(recipe[1], parts)
    elif kind == "partial":
        function, args, keywords = (build(part, leaves, known, made) for part in recipe[2:5])
        made[at] = recipe[1](function, *args, **keywords)
    elif kind == "object":
        _, cls, attributes, slots, _ = recipe
        made[at] = new = cls() if cls is types.SimpleNamespace else object.__new__(cls)
        for name, value in attributes.items():
            if name in slots:
                object.__setattr__(new, name, build(value, leaves, known, made))
            else:
                new.__dict__[name] = build(value, leaves, known, made)
    else:
        made[at] = recipe[1]
    return made[at]
