"""What modules draw their parameters from while they are constructed."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import jax

from fnn.host_random import default_generator
from fnn.random._keys import AMBIENT, AnyKey, Provider, Source, ambient, refuse_to_repeat, resolve, stream
from fnn.typing import Key

__all__ = ["constructing", "draw_key", "initialisation_key", "is_constructing", "iteration", "program", "rehearsal"]

_construction: contextvars.ContextVar[Source | None] = contextvars.ContextVar("fnn_construction", default=None)

# What gives constructors their keys in a program that `fnn.jit` traces; None outside of one.
_program: contextvars.ContextVar[Callable[[], Key] | None] = contextvars.ContextVar("fnn_program", default=None)


def _as_all_draws() -> Key:
    return resolve(AMBIENT, "the constructor of a module")


@contextlib.contextmanager
def constructing(key: AnyKey) -> Iterator[None]:
    """Inside the ``with`` block modules draw their parameters from ``key``.

    Example:
        >>> import jax
        >>> from fnn import nn, random
        >>> with random.constructing(jax.random.key(0)):
        ...     a = nn.Linear(2, 2)
        >>> with random.constructing(jax.random.key(0)):
        ...     b = nn.Linear(2, 2)
        >>> (a.weight == b.weight).tolist()
        [[True, True], [True, True]]
    """
    token = _construction.set(Source(stream(key)))
    try:
        yield
    finally:
        _construction.reset(token)


@contextlib.contextmanager
def program(provider: Provider) -> Iterator[None]:
    """Inside the ``with`` block all draws come from ``provider()``: a program that `fnn.jit` traces.

    Constructors draw like everything else, so that a module which is made inside has other parameters at each call.

    Example:
        >>> import jax
        >>> from fnn import nn, random
        >>> with random.program(random.stream(jax.random.key(0))):
        ...     a, b = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> bool(a.weight == b.weight)  # each took a key of its own
        False
    """
    with _constructors_from(_as_all_draws), ambient(provider):
        yield


@contextlib.contextmanager
def _constructors_from(keys: Callable[[], Key]) -> Iterator[None]:
    token = _program.set(keys)
    try:
        yield
    finally:
        _program.reset(token)


@contextlib.contextmanager
def rehearsal(provider: Provider) -> Iterator[None]:
    """Inside the ``with`` block, an abstract trace, draws come from ``provider()``, but for those of constructors.

    Example:
        >>> from fnn import nn, random
        >>> with random.rehearsal(lambda: print("drawn")):
        ...     layer = nn.Linear(1, 1)
    """
    apart = contextlib.nullcontext() if _program.get() is None else _constructors_from(lambda: jax.random.key(0))
    with apart, ambient(provider):
        yield


def is_constructing() -> bool:
    """Whether a `constructing` block is open here."""
    return _construction.get() is not None


def initialisation_key(lasting: bool = False) -> Key:
    """What a module constructor draws from: a fresh key of `constructing`, else the global generator.

    Args:
        lasting: whether what is drawn outlives the trace of a program, as a lazy module's parameters do; a key that is
            an input of the program is nothing for that.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.initialisation_key() is random.default_generator
        True
        >>> with random.constructing(jax.random.key(0)):
        ...     random.uniform(random.initialisation_key(), (2,)).shape
        (2,)
    """
    source = _construction.get()
    if source is None:
        keys = _program.get()
        return default_generator if keys is None or lasting else keys()
    # Not in the source's trace: a module may be constructed under jax.ensure_compile_time_eval.
    refuse_to_repeat("the constructor of a module", source.trace)
    return source.provider()


def draw_key(what: str) -> Key:
    """The key of a draw that names none (``fnn.randn(3)``): the construction's, else the ambient one.

    Example:
        >>> from fnn import random
        >>> random.draw_key("my_noise") is random.default_generator
        True
    """
    source = _construction.get()
    return resolve(AMBIENT, what) if source is None else source.draw(what)


@contextlib.contextmanager
def iteration(provider: Provider) -> Iterator[None]:
    """Inside the ``with`` block all draws, those of constructors too, come from ``provider()``: a loop's body.

    Example:
        >>> import jax
        >>> from fnn import nn, random
        >>> with random.iteration(random.stream(jax.random.key(0))):
        ...     a, b = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> bool(a.weight == b.weight)  # each took a key of its own
        False
    """
    token = _construction.set(Source(provider))
    try:
        with ambient(provider):
            yield
    finally:
        _construction.reset(token)
