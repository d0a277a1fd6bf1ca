"""What processes of a job tell each other beside their programs: texts by key, with a time limit for who waits.

The store is that of JAX's own coordination service, to which every process of a job is connected.  No device takes
part, so that it can be used from any thread, and where devices must not be waited for.
"""

from __future__ import annotations

from typing import Any

import jax
from jax._src import distributed

__all__ = ["drop", "peek", "put", "take"]

_SPACE = "fnn/"


def _client() -> Any:
    client = distributed.global_state.client
    if client is None:
        raise RuntimeError("fnn.distributed: this process has left its job; call fnn.distributed.init() first")
    return client


def put(key: str, value: str) -> None:
    """Leaves a text for the others, in place of what was there."""
    _client().key_value_set(_SPACE + key, value, True)


def take(key: str, seconds: float) -> str | None:
    """The text that somebody left; None if nobody has within that time."""
    try:
        return _client().blocking_key_value_get(_SPACE + key, max(1, int(seconds * 1000)))
    except jax.errors.JaxRuntimeError as error:
        if "DEADLINE_EXCEEDED" in str(error) or "NOT_FOUND" in str(error):
            return None
        raise


def peek(key: str) -> str | None:
    """The text that somebody has left; None if nobody has yet."""
    return take(key, 0.05)


def drop(key: str) -> None:
    """Takes a text away."""
    _client().key_value_delete(_SPACE + key)
