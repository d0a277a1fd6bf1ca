"""A step that is computed in any case, and kept only if gradients are finite: what a compiled program can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax

from fnn.errors import ArgumentError
from fnn.kernels.mesh import select
from fnn.state.scope import Scope, innermost, opened

if TYPE_CHECKING:
    from fnn.optim import Optimizer

__all__ = ["step_unless"]

_BORN = """\
GradScaler.step: {optimizer}.step() makes state of shape {shape} in its first step, which is compiled and may be
skipped: whether there is state then would depend on numbers that are not known when the function is traced.

    scaler.step(optimizer); scaler.update()    # once outside of fnn.jit, or
    self.state[p]["exp_avg"] = ...             # in the optimizer's __init__"""


def step_unless(found: jax.Array, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``optimizer.step(*args, **kwargs)``; where ``found`` is true every box that it wrote keeps its value.

    Args:
        found: (), bool.
        optimizer: its step is traced in a scope of its own.
        args: of the step.
        kwargs: of the step.

    Raises:
        ArgumentError: the step makes state that was not there.
    """
    around = innermost.get()
    inside = Scope({}, around)
    with opened(inside):
        result = optimizer.step(*args, **kwargs)
    for box in inside.written:
        if box._born >= inside.serial:
            continue
        old, new = box._value if around is None else around.read(box), inside.values[box]
        if old is new:
            continue
        if old is None or new is None:
            shape = tuple(getattr(old if new is None else new, "shape", ()))
            raise ArgumentError(_BORN.format(optimizer=type(optimizer).__name__, shape=shape))
        kept = select(jax.numpy.broadcast_to(found, new.shape), old.astype(new.dtype), new)
        box._write(kept)
    return result
