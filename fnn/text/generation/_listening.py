"""A callback for each token, called from inside the compiled program.

The program knows a number; the function that it stands for is looked up when it is called, so that another function
does not compile another program.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import io_callback

Callback = Callable[[np.ndarray], object]

_count = itertools.count(1)


class _Listener:
    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self.error: BaseException | None = None


_listeners: dict[int, _Listener] = {}


@contextlib.contextmanager
def listening(callback: Callback | None) -> Iterator[int]:
    """The number of a callback while the block is open; an exception that it raised is raised at the end."""
    if callback is None:
        yield 0
        return
    number, listener = next(_count) % 2**31, _Listener(callback)
    _listeners[number] = listener
    try:
        yield number
    finally:
        del _listeners[number]
    if listener.error is not None:
        raise listener.error


def _told(number: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    listener = _listeners.get(int(number))
    if listener is None or listener.error is not None:
        return np.asarray(True)
    try:
        return np.asarray(listener.callback(np.asarray(tokens)) is True)
    except BaseException as error:
        listener.error = error
        return np.asarray(True)


def tell(number: jax.Array, tokens: jax.Array) -> jax.Array:
    """Calls the callback with the new tokens of all texts; whether it asks to stop."""
    return io_callback(_told, jax.ShapeDtypeStruct((), jnp.bool_), number, tokens, ordered=True)
