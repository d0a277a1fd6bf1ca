"""A callback for each token, called from inside the compiled program.

The program knows a number; the function that it stands for is looked up when it is called, so that another function
does not compile another program.
"""

from __future__ import annotations

import contextlib
import itertools
import time
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


def within(seconds: float, callback: Callback | None) -> Callback:
    """The callback, if there is one; and once so many seconds are over that it asks to stop."""
    end = time.monotonic() + seconds

    def heard(tokens: np.ndarray) -> bool:
        stops = callback is not None and callback(tokens) is True
        return stops or time.monotonic() > end

    return heard


def _told(number: np.ndarray, tokens: np.ndarray, count: np.ndarray) -> tuple[np.int32, np.bool_]:
    listener, heard = _listeners.get(int(number)), 0
    if listener is None or listener.error is not None:
        return np.int32(0), np.bool_(True)
    try:
        for heard in range(1, int(count) + 1):
            if listener.callback(np.asarray(tokens[:, heard - 1])) is True:
                return np.int32(heard), np.bool_(True)
        return np.int32(heard), np.bool_(False)
    except BaseException as error:
        listener.error = error
        return np.int32(heard), np.bool_(True)


def tell(number: jax.Array, tokens: jax.Array, count: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Calls the callback with the first ``count`` columns of new tokens (N, T), one after the other.

    Returns:
        How many it has heard, and whether it asks to stop.
    """
    kinds = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((), jnp.bool_)
    return io_callback(_told, kinds, number, tokens, count, ordered=True)
