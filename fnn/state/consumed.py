"""What a trace uses up: iterators, generators of Python and of random numbers, streams, queues.

Python runs the traced function once, so what it takes out of one of these would be the same at every later call.  None
of them tells anybody that it is asked; `position` is where it stands, without moving it, for a comparison afterwards.
"""

from __future__ import annotations

import gc
import importlib
import io
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from fnn.host_random import Generator
from fnn.state.compared import Identity
from fnn.state.contents import SHUT, content_of

__all__ = ["Consumables", "is_consumable", "text_of"]

CONSUMED = """\
{function} {does} {what} while it is traced, which happens once and not at each call.

    step = fnn.jit(lambda x: model(x) * {example})          # wrong: the first one again at every call
    step = fnn.jit(lambda x, value: model(x) * value)       # right: step(x, {example})

Why:   the compiled program is what was traced; no Python runs at a later call
Right: take it outside and pass it in as an argument{instead}"""

_RANDOM = "; fnn.rand, fnn.randn and their kin draw anew at each call of a compiled function"
_STREAMS = (io.StringIO, io.BytesIO, io.FileIO, io.BufferedReader, io.BufferedRandom, io.TextIOWrapper)
_DEEP = 4  # iterators over iterators


def is_consumable(value: object) -> bool:
    """Whether ``value`` gives something else each time it is asked, and no attribute of a user's class says so."""
    return issubclass(type(value), (*_sources(), *_STREAMS)) or issubclass(type(value), Iterator)


def _sources() -> tuple[type, ...]:
    """Classes of generators of random numbers, of the modules that are loaded: `import fnn` needs none of them."""
    found: list[type] = [Generator]
    if "random" in sys.modules:
        found.append(sys.modules["random"].Random)
    if "numpy.random" in sys.modules:
        found += [np.random.Generator, np.random.RandomState, np.random.BitGenerator]
    return tuple(found)


def _hidden(load: bool = False) -> dict[str, Any]:
    """The generators of which the functions of a module are methods, of the modules that are loaded or to be loaded."""
    found = {}
    for name, function in (("random", "random"), ("numpy.random", "rand")):
        if load or name in sys.modules:
            found[name] = getattr(importlib.import_module(name), function).__self__
    return found


class Consumables:
    """Those that one trace has met, and where they stood."""

    def __init__(self) -> None:
        self._met: dict[int, tuple[Any, Any]] = {}
        self.memos: list[Any] = []  # functions with a cache of functools

    def add(self, value: object) -> None:
        """Notes where ``value`` stands."""
        if id(value) not in self._met:
            self._met[id(value)] = value, position(value)

    def add_hidden(self, load: bool) -> None:
        """The same for the generators of the modules ``random``.

        Args:
            load: whether code names such a module, and not only something of this name.
        """
        for value in _hidden(load).values():
            self.add(value)

    def __contains__(self, value: object) -> bool:
        return id(value) in self._met

    def moved(self) -> Any:
        """One of those that stand elsewhere than they did, or None; generators of random numbers are put back."""
        found = [(value, before) for value, before in self._met.values() if position(value) != before]
        for value, before in found:
            if isinstance(before, _Numbers):
                before.restore(value)
        return found[0][0] if found else None

    def forget(self, traced: Callable[[Any], bool]) -> None:
        """Empties the caches of functools in which values of the trace stand, which are nothing after it.

        Args:
            traced: says whether a value is, or holds, one of them.
        """
        for memo in self.memos:
            if any(traced(value) for value in _remembered(memo)):
                memo.cache_clear()


def text_of(value: object, function: str) -> str:
    """Why ``value`` must not be asked in the traced function of this name."""
    cls = type(value)
    name = cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"
    what = f"{'an' if name[0] in 'aeiou' else 'a'} {name} from outside"
    does, example, instead = "takes something out of", "next(values)", ""
    if isinstance(value, types.GeneratorType):
        what = f"the generator {value.__name__!r}"
    elif isinstance(value, SHUT):
        does = "changes"
    elif isinstance(value, _sources()):
        example, instead = "rng.random()", _RANDOM
        what = next((f"the global generator of {name!r}" for name, g in _hidden().items() if g is value), what)
    return CONSUMED.format(function=function, does=does, what=what, example=example, instead=instead)


def _remembered(memo: Any) -> list[Any]:
    """The arguments and results that a function with a cache of functools has kept."""
    held = [value for value in gc.get_referents(memo) if value is not memo.__dict__ and value is not memo.__wrapped__]
    return [value for value in held if not isinstance(value, (type, types.FunctionType))]


def position(value: Any, depth: int = 0) -> Any:
    """Where ``value`` stands: equal again if nothing was taken out of it."""
    if isinstance(value, _sources()):
        return _Numbers(value)
    if isinstance(value, SHUT):
        content = content_of(value)
        return _part(list(content) if isinstance(content, tuple) else content, depth)
    if isinstance(value, _STREAMS):
        try:
            return None if value.closed else value.tell()
        except OSError:  # of a pipe
            return None
    if isinstance(value, types.GeneratorType):
        frame = value.gi_frame
        return frame if frame is None else (frame.f_lasti, _parts(frame.f_locals, depth))
    own = getattr(value, "__dict__", None)
    if own:
        return _parts(own, depth)
    if type(value).__module__ in ("builtins", "itertools"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # from Python 3.12 on, for itertools
                return _part(value.__reduce__()[1:], depth)
        except (TypeError, AttributeError):
            return None
    return None


def _parts(table: Mapping[str, Any], depth: int) -> dict[str, Any]:
    return {name: _part(value, depth) for name, value in list(table.items())}


def _part(value: Any, depth: int) -> Any:
    if type(value) in (int, float, str, bytes, type(None)):
        return value
    if depth < _DEEP and type(value) in (tuple, list):
        return [_part(inner, depth + 1) for inner in value]
    if depth < _DEEP and is_consumable(value):
        return position(value, depth + 1)
    return Identity(value)


class _Numbers:
    """The state of a generator of random numbers."""

    __slots__ = ("comparable", "state")

    def __init__(self, source: Any) -> None:
        if isinstance(source, Generator):
            self.state = source.get_state()
        elif not type(source).__module__.startswith("numpy"):
            try:
                self.state = source.getstate()
            except NotImplementedError:  # the operating system's
                self.state = None
        elif hasattr(source, "get_state"):
            self.state = source.get_state(legacy=False)
        else:
            self.state = getattr(source, "bit_generator", source).state
        self.comparable = _comparable(self.state)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Numbers) and self.comparable == other.comparable

    __hash__ = None  # type: ignore[assignment]

    def restore(self, source: Any) -> None:
        """Puts ``source`` back."""
        if hasattr(source, "setstate"):
            source.setstate(self.state)
        elif hasattr(source, "set_state"):
            source.set_state(self.state)
        else:
            getattr(source, "bit_generator", source).state = self.state


def _comparable(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _comparable(value) for name, value in state.items()}
    return np.asarray(state).tobytes() if isinstance(state, (np.ndarray, jax.Array)) else state
