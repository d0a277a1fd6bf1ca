"""Whether what a program read is as it was: the fast form of `template`'s question, for the objects of the last walk.

Nearly all checks are one look-up and one comparison by identity.  What a Module's own ``__setattr__`` sees (nearly
everything about Modules) needs no check: the structure epoch moves.  Nothing here keeps an object of the user's alive.
"""

from __future__ import annotations

import functools
import sys
import types
import weakref
from collections import defaultdict, deque
from collections.abc import Callable
from operator import is_
from typing import Any, cast

import jax
import numpy as np

from fnn.state.box import Box
from fnn.state.code import is_library
from fnn.state.contents import content_of
from fnn.state.describe import Content, Survey, has_state, is_constant, of_container
from fnn.state.places import MISSING, Place, fetch, in_library, own_dict
from fnn.state.scope import epoch
from fnn.state.template import Log, Template, is_number
from fnn.tracing import Tracer

__all__ = ["Guards"]


class Guards:
    """The fast checks for the objects of one survey."""

    __slots__ = ("checks", "classes", "codes", "moves", "numbers", "own", "refs", "slow", "structure", "typed", "weak")

    def __init__(self, template: Template, survey: Survey, roots: list[Any], lost: Callable[[Any], None]) -> None:
        self.structure = epoch.structure
        self.moves = epoch.numbers
        self.numbers: list[tuple[Callable[[], Any], str, Any]] = []  # of Modules: reference, name, value
        self.checks: list[tuple[Callable, Any, Any]] = []  # get, key, the immutable expected
        self.weak: list[tuple[Callable, Any, Callable[[], Any]]] = []  # get, key, reference to the expected
        self.codes: list[tuple[Callable[[], Any], types.CodeType]] = []  # of functions, which may be reloaded
        self.slow: list[Callable[[], bool]] = []
        self.classes: set[tuple[type, str]] = set()
        self.typed: set[int] = set()  # plain objects whose class is checked
        self.own: dict[type, list[tuple[str, Any]]] = {}  # what users' classes have under names
        # ``lost`` is called when one of the objects is gone.
        self.refs = []
        for thing in [*roots, *survey.nodes]:
            if not is_constant(thing) and not isinstance(thing, (Box, type, types.ModuleType)):
                try:
                    self.refs.append(weakref.ref(thing, lost))
                except TypeError:
                    pass
        for place, described in zip(template.places, template.prints, strict=True):
            if is_number(described):
                ref, cls = _reference(survey.nodes[place.node]), described[1]
                self.slow.append(lambda ref=ref, place=place, cls=cls: type(fetch(ref(), place)) is cls)
            elif type(described) is Log:
                ref = _reference(survey.nodes[place.node])
                self.slow.append(lambda ref=ref, place=place, log=described: log.admits(fetch(ref(), place)))
            else:
                node = survey.nodes[place.node]
                self._guard(place, node, fetch(node, place))
        for node in survey.nodes:
            if has_state(type(node)):
                self._hooks(node)
        self.classes.clear()
        self.slow += [_same_entries(base, entries) for base, entries in self.own.items()]
        self.own.clear()
        self.typed.clear()
        for array in survey.numpy:  # a read-only one, too: it can be made writeable, written to and made read-only
            self.slow.append(_same_content(array))

    def hold(self) -> bool:
        """Whether everything that was read is as it was."""
        if self.structure != epoch.structure:
            return False
        if self.moves != epoch.numbers:
            moves = epoch.numbers
            for ref, name, value in self.numbers:
                if own_dict(ref()).get(name, MISSING) is not value:
                    return False
            self.moves = moves
        for get, key, expected in self.checks:
            if get(key, MISSING) is not expected:
                return False
        for get, key, ref in self.weak:
            if get(key, MISSING) is not ref():
                return False
        for ref, code in self.codes:
            if getattr(ref(), "__code__", None) is not code:
                return False
        for check in self.slow:
            if not check():
                return False
        return True

    def _guard(self, place: Place, node: Any, value: Any) -> None:
        kind, name = place.kind, place.name
        if kind == "code":
            self.codes.append((weakref.ref(node), value))
            return None
        simple = not isinstance(value, _CONTAINERS) and content_of(value) is None and not of_container(value)
        if kind == "attr" and "_parameters" in own_dict(node):
            if simple:  # seen by Module.__setattr__: the epoch moves
                if type(value) in (int, float):
                    self.numbers.append((weakref.ref(node), name, value))
                return None
        elif kind in ("class", "of class"):
            cls = node if kind == "of class" else type(node)
            if kind == "class" and not has_state(cls) and id(node) not in self.typed:
                self.typed.add(id(node))
                ref, of = _reference(node), weakref.ref(cls)
                self.slow.append(lambda: type(ref()) is of())
            if (cls, name) in self.classes:
                return None
            self.classes.add((cls, name))
            if simple:
                for base in cls.__mro__:
                    found = base.__dict__.get(name, MISSING)
                    if is_library(base.__module__):
                        self._expect(base.__dict__.get, name, found)
                    else:
                        self.own.setdefault(base, []).append((name, found))
                    if found is not MISSING:
                        break
                return None
        elif simple and kind == "global" and name in node.__globals__:
            return self._expect(node.__globals__.get, name, value)
        elif simple and kind == "attr" and isinstance(node, types.ModuleType):
            return self._expect(vars(node).get, name, value)
        elif simple and kind == "library":
            return self._expect(vars(in_library(node, name[:-1])).get, name[-1], value)
        elif simple and kind == "module":
            return self._expect(sys.modules.get, name, value)
        same = _matcher(value, set())
        if kind == "cell" and place.node == 0:
            cell = node.__closure__[name]  # of the jitted function itself, which holds it

            def check() -> bool:
                try:
                    return same(cell.cell_contents)
                except ValueError:
                    return value is MISSING

        else:
            ref = _reference(node)

            def check() -> bool:
                node = ref()
                return node is not None and same(fetch(node, place))

        self.slow.append(check)

    def _expect(self, get: Callable, key: object, value: object) -> None:
        if value is MISSING or is_constant(value) or isinstance(value, types.ModuleType):
            self.checks.append((get, key, value))
        else:
            self.weak.append((get, key, _reference(value)))

    def _hooks(self, node: object) -> None:
        # Registering and removing a hook moves the epoch; clearing the table by hand does not.
        for name, table in vars(node).items():
            if isinstance(table, dict) and table and name[0] == "_" and name.endswith("_hooks"):
                ref, keys = weakref.ref(node), list(table)
                self.slow.append(lambda ref=ref, name=name, keys=keys: list(getattr(ref(), name, ())) == keys)


_CONTAINERS = (
    list, dict, set, frozenset, tuple, deque, types.MappingProxyType, types.SimpleNamespace, functools.partial,
    types.MethodType,
)  # fmt: skip


def _matcher(value: Any, above: set[int]) -> Callable[[Any], bool]:
    """A test for being ``value``, or a container of the same content; it keeps neither alive."""
    if id(value) in above:
        return lambda now: True
    above = above | {id(value)}
    cls = type(value)
    if isinstance(value, functools.partial):
        inner = _matcher((value.func, value.args, value.keywords, value.__dict__), above)
        return lambda now: type(now) is cls and inner((now.func, now.args, now.keywords, now.__dict__))
    if isinstance(value, types.MethodType):
        inner = _matcher((value.__self__, value.__func__), above)
        return lambda now: type(now) is cls and inner((now.__self__, now.__func__))
    if of_container(value):
        inner, name = _matcher(value.__self__, above), value.__name__
        return lambda now: type(now) is cls and now.__name__ == name and inner(now.__self__)
    content = content_of(value)
    if content is not None:
        if isinstance(content, (list, dict)):
            inner = _matcher(content, above)
            return lambda now: type(now) is cls and inner(content_of(now))
        return lambda now: type(now) is cls and content_of(now) == content
    if isinstance(value, types.SimpleNamespace):
        inner = _matcher(value.__dict__, above)
        return lambda now: type(now) is cls and inner(now.__dict__)
    if isinstance(value, defaultdict):
        inner, made_by = _matcher(dict(value), above), _reference(value.default_factory)
        return lambda now: type(now) is cls and now.default_factory is made_by() and inner(dict(now))
    if isinstance(value, (dict, types.MappingProxyType)):
        keys, items = list(value), [_matcher(v, above) for v in value.values()]
        size = len(keys)
        return lambda now: (
            type(now) is cls
            and len(now) == size
            and (all(map(is_, now, keys)) or list(now) == keys)
            and all(same(v) for same, v in zip(items, now.values(), strict=True))
        )
    if isinstance(value, deque) and value.maxlen is not None:
        inner, longest = _matcher(deque(value), above), value.maxlen
        return lambda now: type(now) is cls and now.maxlen == longest and inner(deque(now))
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        if isinstance(value, (list, deque)) and all(type(v) in _ATOMS for v in value):
            plain = list(value)
            size = len(plain)
            return lambda now: type(now) is cls and len(now) == size and all(map(is_, now, plain))
        items = [_matcher(v, above) for v in value]
        size = len(items)
        return lambda now: (
            type(now) is cls and len(now) == size and all(same(v) for same, v in zip(items, now, strict=True))
        )
    ref = _reference(value)
    return lambda now: now is ref()


_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})


def _same_entries(cls: type, entries: list[tuple[str, Any]]) -> Callable[[], bool]:
    ref, line = weakref.ref(cls), [*map(id, cls.__mro__)]
    plain = [(name, value) for name, value in entries if value is MISSING or is_constant(value)]
    weak = [(name, _reference(value)) for name, value in entries if not (value is MISSING or is_constant(value))]

    def check() -> bool:
        cls = ref()
        if cls is None or [*map(id, cls.__mro__)] != line:
            return False
        get = cls.__dict__.get
        for name, value in plain:
            if get(name, MISSING) is not value:
                return False
        for name, held in weak:
            if get(name, MISSING) is not held():
                return False
        return True

    return check


def _same_content(array: np.ndarray) -> Callable[[], bool]:
    content, ref = Content(array), weakref.ref(array)
    if not array.dtype.hasobject:
        return lambda: content.matches(ref())
    inside = _matcher(array.ravel().tolist(), set())
    return lambda: content.matches(ref()) and inside(cast(Any, ref()).ravel().tolist())


def _reference(value: object) -> Callable[[], Any]:
    """A call that gives ``value``; it does not keep alive what can be referred to weakly."""
    if value is MISSING or is_constant(value) or isinstance(value, (jax.Array, Tracer)):
        return lambda: value
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value
