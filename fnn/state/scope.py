"""Binding scopes: how a stateful Module runs inside a pure function without ever being touched.

A `Scope` maps boxes (`Parameter`, `Buffer`, optimizer state) to values.  While it is open, in this thread
only, every read and write of a box goes to it.  The box itself keeps its value, so that an exception, a
second thread, a tied weight or a module reachable by two paths cannot corrupt anything: the identity of the
box is the tie.  When the function is done, whoever opened the scope carries the written values out: `fnn.jit`
into the boxes, an inner transform into the scope around it.

The *structure epoch* is a counter that moves when something changes on which a trace may depend and which is
no box's value: registration, surgery, ``train()``, ``requires_grad``, hooks, plain attributes.  While it
stands still, what was gathered from a Module for the last call holds for the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from fnn._trace import Tracer, current_trace
from fnn.errors import TracerEscapeError

if TYPE_CHECKING:
    from fnn.state.box import Box

TRACER_ESCAPE = """\
A traced value would be stored in {what}, which outlives the trace: {transform}.

    step = jax.jit(lambda x: model(x))          # wrong: BatchNorm's running mean would become a tracer
    step = fnn.jit(lambda model, x: model(x))   # right: fnn carries the new value out

JAX transforms are pure and see only arguments and results, so nothing would update {what}. Use fnn's transform
of the same name (fnn.jit, fnn.grad, fnn.value_and_grad, fnn.vmap, fnn.checkpoint, fnn.scan, fnn.cond), which carries
written values out, or the pure pair: (out, state) = layer.apply(params, state, x), or call model.eval() first."""

innermost: ContextVar[Scope | None] = ContextVar("fnn_scope", default=None)
_serial = itertools.count(1)
_missing = object()


class _Epoch:
    """The structure epoch (see the module's text), and a count of arrays handed out to the user."""

    __slots__ = ("exposures", "structure")

    def __init__(self) -> None:
        self.structure = 0
        self.exposures = 0


epoch = _Epoch()

# Names of attributes that some trace has read: only assigning to one of these moves the epoch.
watched_names: set[str] = {
    "training", "_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks", "_backward_hooks",
    "_backward_pre_hooks", "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs", "_forward_hooks_always_called",
}  # fmt: skip


def current_scope() -> Scope | None:
    """The innermost open scope of this thread."""
    return innermost.get()


class Scope:
    """Values of boxes inside one function call.

    Reads of a box that is not bound fall through to the scope around it, then to the box.
    """

    __slots__ = ("anchor", "overrides", "parent", "serial", "trace", "undo", "values", "written")

    def __init__(self, values: dict[Box, Any] | None = None, parent: Scope | None = None) -> None:
        self.values: dict[Box, Any] = {} if values is None else values
        self.written: dict[Box, None] = {}  # ordered set
        self.parent = parent
        self.serial = next(_serial)
        self.trace: Any = None
        self.undo: list[Any] | None = None  # what to call if a transaction fails (load_state_dict)
        # {(module, name): box}: a tied parameter bound by path (functional_call with tie_weights=False).
        self.overrides: dict[tuple[int, str], Box] | None = None if parent is None else parent.overrides
        # A differentiated zero that makes backward hooks run even where no input is differentiated.
        self.anchor: Any = None if parent is None else parent.anchor

    def read(self, box: Box) -> Any:
        """The value of ``box`` in this scope."""
        value = self.values.get(box, _missing)
        return self.missing(box) if value is _missing else value

    def missing(self, box: Box) -> Any:
        """The value of a box that this scope does not bind."""
        return box._value if self.parent is None else self.parent.read(box)

    def write(self, box: Box, value: Any) -> None:
        """Binds ``box`` anew, for the opener of the scope to carry out."""
        if self.trace is not current_trace():
            transform = "an inner JAX transform (jax.jit, jax.checkpoint, lax.scan, ...)"
            raise TracerEscapeError(escape_message(box, transform))
        self.values[box] = value
        self.written[box] = None

    def differentiates(self, box: Box) -> bool:
        """Whether a derivative with respect to ``box`` is being taken."""
        return self.parent is not None and self.parent.differentiates(box)

    def saw(self, module: Any) -> None:
        """Notes that ``module``'s Python attributes were consulted (fnn.jit watches them)."""
        if self.parent is not None:
            self.parent.saw(module)

    def object_values(self, owner: Any) -> Any:
        """The traced hyper-parameters of ``owner`` (an optimizer), or None to use its own."""
        return None if self.parent is None else self.parent.object_values(owner)

    def carried(self) -> list[Box]:
        """The written boxes that outlive the scope, in order."""
        return [box for box in self.written if box._born < self.serial]


def escape_message(box: Any, transform: str) -> str:
    """The teaching text for a write that nothing carries out."""
    what = f"a {type(box).__name__} of shape {tuple(getattr(box._value, 'shape', ()))}"
    return TRACER_ESCAPE.format(what=what, transform=transform)


@contextmanager
def opened(scope: Scope) -> Iterator[Scope]:
    """Makes ``scope`` the innermost one; it accepts writes from the trace that is current now."""
    scope.trace = current_trace()
    token = innermost.set(scope)
    try:
        yield scope
    finally:
        innermost.reset(token)


@contextmanager
def no_scope() -> Iterator[None]:
    """Steps out of all scopes (for work on the boxes themselves)."""
    token = innermost.set(None)
    try:
        yield
    finally:
        innermost.reset(token)


def write_out(boxes: list[Box], values: list[Any]) -> None:
    """Stores carried-out values: in the scope that is open now, or in the boxes."""
    scope = innermost.get()
    if scope is not None:
        for box, value in zip(boxes, values, strict=True):
            scope.write(box, value)
        return
    for box, value in zip(boxes, values, strict=True):
        if isinstance(value, Tracer):
            raise TracerEscapeError(escape_message(box, "a raw JAX transform around this call"))
    for box, value in zip(boxes, values, strict=True):
        box._write(value)
