"""Which regions are open: a value of JAX's own context, one for each thread and a part of every program's key."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple

import jax
import numpy as np

__all__ = ["Region", "State", "closed", "current", "ever", "opened", "region"]


class Region(NamedTuple):
    """A device type whose table holds, and the lower precision.

    Attributes:
        device: "cpu", "cuda" or "tpu".
        dtype: what the functions of the lower precision compute in.
    """

    device: str
    dtype: np.dtype


class State(NamedTuple):
    """All that is set in a thread.

    Attributes:
        enabled: the regions that are open, one a device type, the innermost last.
        dtypes: the lower precision of a device type where it is not the default.
        cache: what `fnn.amp.is_autocast_cache_enabled` says.
    """

    enabled: tuple[Region, ...] = ()
    dtypes: tuple[Region, ...] = ()
    cache: bool = True


# Under the default state, outside of all regions and below a door, programs are shared.
_context = jax.make_user_context(State())
_CLOSED = State()


class _Ever:
    """Whether a region has ever been open: until then a door asks no more than this."""

    __slots__ = ("opened",)

    def __init__(self) -> None:
        self.opened = False


ever = _Ever()


def opened(state: State) -> AbstractContextManager[object]:
    """A context manager, in which ``state`` holds."""
    if state.enabled:
        ever.opened = True
    return _context(state)


def closed() -> AbstractContextManager[object]:
    """A context manager, in which no region is open."""
    return _context(_CLOSED)


def current() -> State:
    """What is set in this thread."""
    return _context.value


def region() -> Region | None:
    """The region that the code runs in; of several, on different device types, the innermost."""
    if not ever.opened:
        return None
    enabled = _context.value.enabled
    return enabled[-1] if enabled else None
