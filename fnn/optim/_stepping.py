"""What happens around a ``step`` that a user's subclass defines: hooks, given gradients, numbers that Python needs.

In a trace of `fnn.jit` the numbers of the state and of the groups are traced values.  A step as written for torch may
ask Python for one (``if group["counter"] == 0``, ``math.sqrt(1 - beta ** state["step"])``), and JAX refuses.  Then the
step is traced again with more of them *pinned*: constants, for which the program is compiled.  A counter that goes
round in a circle so costs a program for each of its values; one that goes on for ever costs one at each call, and a
warning says how to write the step instead.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import jax

from fnn.optim._gradients import Gradients
from fnn.optim._held import Held
from fnn.state.scope import innermost
from fnn.typing import PyTree

__all__ = ["Closure", "Stepped"]

# Computes the loss and fills ``p.grad``.
Closure: TypeAlias = Callable[[], Any]

# What is pinned: nothing; hyper-parameters that change, but "lr"; also the numbers of the state; all.
LEVELS = 3
_ASKED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.TracerArrayConversionError,
)


class Stepped(Gradients, Held):
    """The part of `Optimizer` that wraps the ``step`` of a subclass."""

    step: ClassVar[Callable[..., Any]]
    _stepping: bool

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if callable(step) and "_own_step" not in cls.__dict__:
            cls._own_step = True
            cls.step = _wrapped(step)


def _wrapped(step: Callable[..., Any]) -> Callable[..., Any]:
    """``step``, a method of a user's subclass, with what the base class does around it."""
    takes_closure = _takes_closure(step)

    @functools.wraps(step)
    def run(self: Stepped, *args: Any, **kwargs: Any) -> object:
        if self._stepping:  # called by a subclass's step
            return step(self, *args, **kwargs)
        given = None
        if takes_closure and args and args[0] is not None and not callable(args[0]):
            given, args = args[0], args[1:]
        elif takes_closure and kwargs.get("grads") is not None:
            given = kwargs.pop("grads")
        for hook in self._step_pre_hooks.values():
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                args, kwargs = replaced
        self._stepping = True
        try:
            if given is None:
                if not args and not kwargs:
                    self._warn_of_none()
                result = _attempt(self, lambda: step(self, *args, **kwargs))
            else:
                result = _with_grads(self, given, lambda: step(self, *args, **kwargs))
        finally:
            self._stepping = False
        for hook in self._step_post_hooks.values():
            hook(self, args, kwargs)
        return result

    return run


def _takes_closure(step: Callable[..., Any]) -> bool:
    names = list(inspect.signature(step).parameters)
    return len(names) < 2 or names[1] == "closure"


def _with_grads(optimizer: Stepped, grads: PyTree, run: Callable[[], object]) -> object:
    """Runs a step that reads ``p.grad``, with the gradients that were given."""
    chosen = optimizer._given_grads(grads)
    pairs = [
        (p, g)
        for group, some in zip(optimizer.param_groups, chosen, strict=True)
        for p, g in zip(group["params"], some, strict=True)
    ]
    before = [p.grad for p, _ in pairs]
    try:
        for p, g in pairs:
            p.grad = g
        return _attempt(optimizer, run)
    finally:
        for (p, _), g in zip(pairs, before, strict=True):
            p.grad = g


def _attempt(optimizer: Stepped, run: Callable[[], object]) -> object:
    scope = innermost.get()
    if scope is None:
        return run()
    values, written = dict(scope.values), dict(scope.written)
    level, first = optimizer._level, None
    while True:
        try:
            return run()
        except _ASKED as error:
            # What this attempt has written is forgotten.
            scope.values.clear()
            scope.values.update(values)
            scope.written.clear()
            scope.written.update(written)
            first = first or error
            if optimizer._level == LEVELS:
                optimizer._pin(level)
                raise first from None
            optimizer._pin(optimizer._level + 1)
