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
from typing import Any, Protocol, cast

__all__ = ["HasGroups", "follow", "has_stepped", "is_followed"]


class HasGroups(Protocol):
    """What a scheduler steps: an optimizer, or any object with groups of hyper-parameters."""

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups."""
        ...


class _Steps(HasGroups, Protocol):
    step: Callable[..., Any]
    _opt_called: bool


class _Step:
    """Stands for an optimizer's bound method ``step``, and remembers that it was called.

    It holds its optimizer weakly, since the optimizer holds it, and is copied and pickled along with it.
    """

    _wrapped_by_lr_sched = True

    def __init__(self, optimizer: _Steps) -> None:
        method = optimizer.step
        self._owner = weakref.ref(optimizer)
        self._bound = getattr(method, "__self__", None) is optimizer
        self._function: Callable[..., Any] = getattr(method, "__func__", method) if self._bound else method
        self.__doc__ = method.__doc__
        self._first: list[weakref.ref] | None = _values(optimizer)

    @property
    def __self__(self) -> object:
        return self._owner()

    @property
    def __func__(self) -> Callable[..., Any]:
        return self._function

    @property
    def __name__(self) -> str:
        return self._function.__name__

    def __call__(self, *args: object, **kwargs: object) -> Any:
        optimizer = self._owner()
        if optimizer is not None:
            optimizer._opt_called = True
        return self._function(optimizer, *args, **kwargs) if self._bound else self._function(*args, **kwargs)

    def values_changed(self) -> bool:
        optimizer = self._owner()
        # A copy does not know what its parameters held at first: better no warning than a false one.
        if self._first is None or optimizer is None:
            return True
        return any(first() is not now() for first, now in zip(self._first, _values(optimizer), strict=False))

    def __getstate__(self) -> dict[str, Any]:
        return {"owner": self._owner(), "bound": self._bound, "function": self._function}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._owner = weakref.ref(state["owner"])
        self._bound, self._function, self._first = state["bound"], state["function"], None


def _values(optimizer: HasGroups) -> list[weakref.ref]:
    """The arrays that the parameters hold, weakly: a step must be free to donate them."""
    found = []
    for group in optimizer.param_groups:
        for parameter in group.get("params", ()):
            value = getattr(parameter, "_value", None)
            if value is not None:
                found.append(weakref.ref(value))
    return found


def follow(optimizer: HasGroups) -> None:
    """From now on, remembers whether ``optimizer`` has stepped."""
    if hasattr(optimizer, "step") and not is_followed(optimizer):
        steps = cast(_Steps, optimizer)
        steps.step = _Step(steps)


def is_followed(optimizer: HasGroups) -> bool:
    """Whether ``step`` still is what `follow` made of it."""
    return hasattr(cast(_Steps, optimizer).step, "_wrapped_by_lr_sched")


def has_stepped(optimizer: HasGroups) -> bool:
    """Whether ``optimizer`` has stepped since its first scheduler was made."""
    if getattr(optimizer, "_opt_called", False):
        return True
    step = cast(_Steps, optimizer).step
    return isinstance(step, _Step) and step.values_changed()
