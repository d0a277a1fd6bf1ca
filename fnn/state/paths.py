"""Where in a model something happens: names of operations in a traced program, and notes on errors.

While a trace runs, every call of a Module opens a `jax.named_scope` with its path from the Module whose call is around
it; the outermost one is named by its class.  So an operation's name reads ``ResNet/layer1/0/conv1``, in the compiled
program, in profiles and in reports of memory.  Outside of traces nothing is opened.

An error on its way out of nested calls gets one note (PEP 678), which each call completes with what it knows: a child's
path is known to what is around it.  Nothing is done for a call that raises nothing.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
from jax.tree_util import tree_map

from fnn.state.box import Box
from fnn.state.hints import hint_on
from fnn.tracing import ARRAYS, tracing

__all__ = ["child_path", "entered", "listener", "noted", "part_entered", "shapes"]

_around: ContextVar[tuple[_Open, ...]] = ContextVar("fnn_modules_around", default=())
# Is told of the calls of Modules while a trace runs: ``entered(module, arguments)`` and ``left(module, output)``.
listener: ContextVar[Any] = ContextVar("fnn_modules_listener", default=None)
_SHOWN = 3  # calls, from the innermost on, that a note shows


def child_path(module: Any, child: object) -> str | None:
    """The dotted path from a Module to one below it; None if there is none."""
    return _Open(module).path_to(child)


def _paths(module: Any) -> dict[int, str]:
    """The paths of the Modules below one, by identity; of several the shortest."""
    found: dict[int, str] = {}
    open_ = deque([("", module)])
    while open_:
        path, value = open_.popleft()
        for name, child in (value.__dict__.get("_modules") or {}).items():
            if child is not None and id(child) not in found:
                found[id(child)] = f"{path}.{name}" if path else name
                open_.append((found[id(child)], child))
    return found


class _Open:
    """A Module whose call is open while a trace runs."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self._below: dict[int, str] | None = None

    def path_to(self, child: object) -> str | None:
        for name, value in (self.module.__dict__.get("_modules") or {}).items():
            if value is child:
                return name
        if self._below is None:
            self._below = _paths(self.module)
        return self._below.get(id(child))


@contextmanager
def entered(module: object) -> Iterator[None]:
    """Around the call of a Module while a trace runs: names the operations inside."""
    around = _around.get()
    path = None
    for outer in reversed(around):
        path = outer.path_to(module)
        if path is not None:
            break
    token = _around.set((*around, _Open(module)))
    try:
        with jax.named_scope(type(module).__name__ if path is None else path.replace(".", "/")):
            yield
    finally:
        _around.reset(token)


@contextmanager
def part_entered(name: str) -> Iterator[None]:
    """Around the application of a part of a combinator: names the operations inside, if a trace runs."""
    if not tracing():
        yield
        return
    with jax.named_scope(name.replace(".", "/")):
        yield


def shapes(value: Any) -> str:
    """A nest of arguments for a message: arrays by dtype and shape, the rest by class or value."""

    def shown(leaf: Any) -> Any:
        if isinstance(leaf, (Box, *ARRAYS)) or (hasattr(leaf, "dtype") and hasattr(leaf, "shape")):
            return _Raw(f"{leaf.dtype}{list(leaf.shape)}")
        if leaf is None or isinstance(leaf, (bool, int, float, complex, str)):
            text = repr(leaf)
            return _Raw(text if len(text) <= 40 else f"{text[:36]}...")
        return _Raw(type(leaf).__name__)

    try:
        return repr(tree_map(shown, value, is_leaf=lambda x: x is None or isinstance(x, Box)))
    except Exception:  # an argument that cannot be shown must not hide the error
        return type(value).__name__


class _Raw:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class _Note(str):
    """The note on an error, with what it takes to complete it."""

    calls: list[tuple[str, str, str]]  # path from what is around, class, arguments; from the innermost on
    outermost: Any  # a reference to the Module whose call was noted last

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def noted(error: BaseException, owner: object, args: tuple, kwargs: dict[str, Any], name: str | None = None) -> None:
    """Notes on an error that it left the call of a Module or, under ``name``, of a part of a combinator."""
    hint_on(error)
    notes = getattr(error, "__notes__", None)
    old = next((note for note in notes or () if isinstance(note, _Note)), None)
    calls = [] if old is None else list(old.calls)
    if old is not None and calls and name is None:
        last = old.outermost()
        if last is owner:
            return  # the same call, seen twice
        path = None if last is None else child_path(owner, last)
        calls[-1] = (path if path is not None else calls[-1][0], *calls[-1][1:])
    given = [shapes(value) for value in args] + [f"{key}={shapes(value)}" for key, value in kwargs.items()]
    calls.append(("" if name is None else name, type(owner).__name__, ", ".join(given)))
    new = _Note(_text(calls))
    new.calls = calls
    try:
        new.outermost = weakref.ref(owner)
    except TypeError:
        new.outermost = lambda: None
    try:
        if old is None or notes is None:
            error.add_note(new)
        else:
            notes[next(i for i, note in enumerate(notes) if note is old)] = new
    except Exception:  # an exception that takes no notes
        return


def _text(calls: list[tuple[str, str, str]]) -> str:
    lines = []
    for n in range(min(_SHOWN, len(calls))):
        path = ".".join(part for part, _, _ in reversed(calls[n:]) if part)
        kind, given = calls[n][1:]
        lines.append(f"  {path}: {kind}({given})" if path else f"  {kind}({given})")
    root = calls[-1][1]
    path = ".".join(part for part, _, _ in reversed(calls) if part)
    where = f"{path} ({calls[0][1]}) of {root}" if path and len(calls) > 1 else path or root
    if len(calls) > _SHOWN:
        lines.append(f"  ... {len(calls) - _SHOWN} more, up to {root}({calls[-1][2]})")
    return f"In forward of {where}, called with\n" + "\n".join(lines)
