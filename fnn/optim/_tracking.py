"""Whether an optimizer has stepped, asked by a scheduler that wants to be stepped after it.

PyTorch wraps ``optimizer.step``.  That alone does not do here: a step inside `fnn.jit` runs in Python only while it
is traced, and a program that was traced before the scheduler existed never calls Python again.  So an optimizer
counts as stepped when its ``step`` was called, eagerly or in a trace, *or* when a parameter holds another array than
it held when its first scheduler was made, as every step leaves behind.  (Weights that are loaded in between count as
a step too: a warning less, never a false one.)
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["follow", "has_stepped", "is_followed"]


class _Step:
    """Stands for an optimizer's bound method ``step``, and remembers that it was called.

    It holds its optimizer weakly, since the optimizer holds it, and is copied and pickled along with it.
    """

    _wrapped_by_lr_sched = True

    def __init__(self, optimizer: Any) -> None:
        method = optimizer.step
        self._owner = weakref.ref(optimizer)
        self._bound = getattr(method, "__self__", None) is optimizer
        self._function: Callable[..., Any] = method.__func__ if self._bound else method
        self.__doc__ = method.__doc__
        self._first: list[weakref.ref] | None = _values(optimizer)

    @property
    def __self__(self) -> Any:
        return self._owner()

    @property
    def __func__(self) -> Callable[..., Any]:
        return self._function

    @property
    def __name__(self) -> str:
        return self._function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        optimizer = self._owner()
        if optimizer is not None:
            optimizer._opt_called = True
        return self._function(optimizer, *args, **kwargs) if self._bound else self._function(*args, **kwargs)

    def values_changed(self) -> bool:
        # A copy does not know what its parameters held at first: better no warning than a false one.
        return self._first is None or any(
            first() is not now() for first, now in zip(self._first, _values(self._owner()), strict=False)
        )

    def __getstate__(self) -> dict[str, Any]:
        return {"owner": self._owner(), "bound": self._bound, "function": self._function}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._owner = weakref.ref(state["owner"])
        self._bound, self._function, self._first = state["bound"], state["function"], None


def _values(optimizer: Any) -> list[weakref.ref]:
    """The arrays that the parameters hold, weakly: a step must be free to donate them."""
    found = []
    for group in optimizer.param_groups:
        for parameter in group.get("params", ()):
            value = getattr(parameter, "_value", None)
            if value is not None:
                found.append(weakref.ref(value))
    return found


def follow(optimizer: Any) -> None:
    """From now on, remembers whether ``optimizer`` has stepped."""
    if hasattr(optimizer, "step") and not is_followed(optimizer):
        optimizer.step = _Step(optimizer)


def is_followed(optimizer: Any) -> bool:
    """Whether ``step`` still is what `follow` made of it."""
    return hasattr(optimizer.step, "_wrapped_by_lr_sched")


def has_stepped(optimizer: Any) -> bool:
    """Whether ``optimizer`` has stepped since its first scheduler was made."""
    if getattr(optimizer, "_opt_called", False):
        return True
    return isinstance(optimizer.step, _Step) and optimizer.step.values_changed()
