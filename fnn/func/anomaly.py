"""Whether steps are searched for a NaN in their backward pass before they run: ``fnn.autograd.detect_anomaly``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from fnn import late, tracing
from fnn.typing import P, R

__all__ = ["OFF", "look", "mode", "watched"]

OFF: Final = (False, True)
mode: ContextVar[tuple[bool, bool]] = ContextVar("fnn_anomaly", default=OFF)  # whether it is on, whether it checks


def look(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raises if the mode is on and the backward pass of a call that is about to run makes a NaN.

    Raises:
        RuntimeError: it does; the text names the operation, its module and its line.
    """
    on, checks = mode.get()
    if on and checks and not tracing.tracing():
        found = late.lookup("explain").backward_nan(function, *args, **kwargs)
        if found is not None:
            raise RuntimeError(found)


def watched(wrapper: Callable[P, R]) -> Callable[P, R]:
    """An eager derivative that looks first."""

    @functools.wraps(wrapper)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if mode.get() is not OFF:
            look(wrapper, args, kwargs)
        return wrapper(*args, **kwargs)

    return call
