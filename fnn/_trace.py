"""What fnn needs to know of JAX's tracing machinery, in one place.

JAX offers no public way to ask "which trace am I in?"; everything that depends on it stands here.
"""

from typing import Any

from jax._src import core

Tracer = core.Tracer
Primitive = core.Primitive  # jax.extend.core has it too, but importing that loads Pallas: 40 ms


def current_trace() -> Any:
    """The innermost active trace; compare with ``is``."""
    return core.trace_ctx.trace


def in_trace(trace: Any) -> Any:
    """A context manager: operations belong to ``trace``, an active one around the innermost."""
    return core.set_current_trace(trace)


def tracing() -> bool:
    """Whether any JAX transformation is being traced in this thread."""
    return not core.trace_state_clean()


def transposition(x: Any) -> tuple[int, ...] | None:
    """The permutation if ``x`` was certainly made by a transposition, else None: a hint, never wrong."""
    while isinstance(x, Tracer) and hasattr(x, "primal"):
        x = x.primal
    made_by = getattr(x, "parent", None)
    if getattr(getattr(made_by, "primitive", None), "name", None) != "transpose":
        return None
    return getattr(made_by, "params", {}).get("permutation")


def surely_constant(x: Any) -> bool:
    """Whether ``x`` is certainly not differentiated by the innermost trace: it does not belong to it."""
    return not (isinstance(x, Tracer) and x._trace is current_trace())
