"""What a change of a module's structure has to check: it is no part of a program."""

from __future__ import annotations

from fnn.errors import TracerEscapeError
from fnn.nn._module import Module
from fnn.state.scope import innermost
from fnn.tracing import tracing

_INSIDE = """{what} changes what {module} consists of, and was called inside a transform (fnn.jit, fnn.grad, ...).

    {what}(model, ...)                          # right: once, before
    step = fnn.jit(lambda model, x: model(x))

A compiled program repeats computations, not changes of a module's structure."""


def check_outside(what: str, module: Module) -> None:
    """Raises unless nothing is traced, or the module was made inside the present transform.

    Raises:
        TracerEscapeError: ``what`` was called on a module from outside while something is traced.
    """
    if not tracing():
        return
    scope = innermost.get()
    while scope is not None:
        if id(module) in scope.newborn:
            return
        scope = scope.parent
    raise TracerEscapeError(_INSIDE.format(what=what, module=type(module).__name__))
