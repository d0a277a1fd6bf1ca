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

import inspect
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from fnn.errors import TracerEscapeError
from fnn.state.hints import hint_on
from fnn.tracing import Tracer, current_trace

if TYPE_CHECKING:
    from fnn.state.box import Box
    from fnn.state.held import Held

TRACER_ESCAPE = """\
A traced value would be stored in {what}, which outlives the trace: {transform}.

    step = jax.jit(lambda x: model(x))          # wrong: BatchNorm's running mean would become a tracer
    step = fnn.jit(lambda model, x: model(x))   # right: fnn carries the new value out

JAX transforms are pure and see only arguments and results, so nothing would update {what}. Use fnn's transform
of the same name (fnn.jit, fnn.grad, fnn.value_and_grad, fnn.vmap, fnn.checkpoint, fnn.scan, fnn.cond), which carries
written values out, or the pure pair: (out, state) = layer.apply(params, state, x), or call model.eval() first."""

innermost: ContextVar[Scope | None] = ContextVar("fnn_scope", default=None)
_serial = itertools.count(1)
unset = object()


class _Epoch:
    """The structure epoch (see the module's text), and counts of arrays handed out and of programs run."""

    __slots__ = ("exposures", "mark", "numbers", "runs", "structure", "trail")

    def __init__(self) -> None:
        self.structure = 0
        self.exposures = 0
        self.numbers = 0  # moves when a number in an attribute of a Module is replaced by another
        self.runs = 0  # of programs of several processes, without the first run of each
        self.mark = 0  # of which these were, and in which order
        self.trail: deque[tuple[int, int, int]] = deque(maxlen=64)  # the last runs: number, mark, program

    def ran(self, program: int) -> None:
        """Notes a run of a program of several processes."""
        self.runs += 1
        self.mark = hash((self.mark, program))
        self.trail.append((self.runs, self.mark, program))


epoch = _Epoch()

# Names of attributes that some trace has read: only assigning to one of these moves the epoch.
watched_names: set[str] = {
    "training", "_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks", "_backward_hooks",
    "_backward_pre_hooks", "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called",
}  # fmt: skip


def current_scope() -> Scope | None:
    """The innermost open scope of this thread.

    Example:
        >>> from fnn.state import Scope, current_scope, opened
        >>> print(current_scope())
        None
        >>> with opened(Scope()) as scope:
        ...     current_scope() is scope
        True
    """
    return innermost.get()


class Restage(BaseException):
    """Not an error: what has been met needs the traced program of the function of this scope.

    It is no `Exception`, so that the user's ``except`` does not take it; who opened the scope catches it.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope


class Slot:
    """An array on its way out of a transform to an attribute, a list or a dict: what a box is to its own value.

    Args:
        place: ``place(array)`` is called with the value after the transform.
        what: where it goes, for messages.
        fresh: whether the owner of the place was made in the scope that the array leaves.
    """

    __slots__ = ("_born", "_value", "fresh", "place", "what")

    def __init__(self, place: Callable[[Any], None], what: str, fresh: bool = False) -> None:
        self.place, self.what, self.fresh = place, what, fresh
        self._born, self._value = 0, None

    @property
    def data(self) -> Any:
        """Raises: what was there before the loop is no array of this shape."""
        raise TracerEscapeError(IN_A_LOOP.format(what=self.what))

    def _read_whole(self) -> Any:
        return self.data

    @property
    def shape(self) -> tuple[int, ...]:
        """None that is known."""
        return ()


def is_fresh(box: object) -> bool:
    """Whether this is a `Slot` of a Module that was made in the scope, which the next one makes anew."""
    return isinstance(box, Slot) and box.fresh


IN_A_LOOP = """\
A traced value is assigned to {what} in the body of a loop or branch, which cannot carry it out.

    def body(carry, x):
        self.last = x                     # wrong: which iteration's?
        self.last_buffer.data = x         # right, if __init__ says self.register_buffer("last_buffer", ...)
        return carry, y                   # or return it

Use a Buffer, whose value the loop carries, or return the value from the body."""

# How traced values in other places than boxes leave a scope: functions of a scope that return slots (see `changes`).
keepers: list[Callable[[Scope], list[Slot]]] = []


# What a hook does with gradients: ``back(cotangents, reached)`` returns those that go on.  ``reached`` says of values
# whether they depend on what is differentiated.
Back = Callable[[list[Any], Callable[[list[Any]], list[bool]]], list[Any]]


class Scope:
    """Values of boxes inside one function call.

    Reads of a box that is not bound fall through to the scope around it, then to the box.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.state import Parameter, Scope, opened
        >>> p = Parameter(jnp.zeros(1))
        >>> with opened(Scope({p: jnp.ones(1)})) as scope:
        ...     p.data = p.data + 1
        >>> print(scope.values[p], p.data)
        [2.] [0.]
    """

    __slots__ = (
        "anchor",
        "held",
        "modal",
        "newborn",
        "overrides",
        "parent",
        "rehearses",
        "serial",
        "touched",
        "trace",
        "undo",
        "unstaged",
        "values",
        "written",
    )

    derivative = False  # whether a transform differentiates the function that the scope belongs to

    def __init__(self, values: dict[Box, Any] | None = None, parent: Scope | None = None) -> None:
        self.values: dict[Box, Any] = {} if values is None else values
        self.written: dict[Box, None] = {}  # ordered set
        self.parent = parent
        self.newborn: dict[int, Any] = {}  # Modules that were made in this scope, by id
        self.rehearses = ""  # the transform for which the function runs only to learn what it writes
        self.serial = next(_serial)
        self.trace: Any = None
        # Entries of tables of Modules (plain attributes too) that were assigned, with what was there before.
        self.touched: dict[tuple[int, str], tuple[dict[str, Any], str, Any, Any]] = {}
        self.held: Held | None = None  # what else the function can put values into, where no recorder sees it
        self.modal = False  # a mode of derivatives was entered, which derivatives of what is traced here must see
        # "derivative" or "batch": a transform evaluates the function itself, but can evaluate its traced program.
        self.unstaged = ""
        self.undo: list[Any] | None = None  # what to call if a transaction fails (load_state_dict)
        # {(module, name): box}: a tied parameter bound by path (functional_call with tie_weights=False).
        self.overrides: dict[tuple[int, str], Box] | None = None if parent is None else parent.overrides
        # A differentiated zero that makes backward hooks run even where no input is differentiated.
        self.anchor: Any = None if parent is None else parent.anchor

    def read(self, box: Box) -> Any:
        """The value of ``box`` in this scope."""
        value = self.values.get(box, unset)
        return self.missing(box) if value is unset else value

    def missing(self, box: Box) -> Any:
        """The value of a box that this scope does not bind."""
        return box._value if self.parent is None else self.parent.read(box)

    def write(self, box: Box, value: object) -> None:
        """Binds ``box`` anew, for the opener of the scope to carry out."""
        if self.trace is not current_trace():
            transform = "an inner JAX transform (jax.jit, jax.checkpoint, lax.scan, ...)"
            raise TracerEscapeError(escape_message(box, transform))
        self.values[box] = value
        self.written[box] = None

    def hooked(self, values: list[Any], back: Back) -> list[Any] | None:
        """``values``, with ``back`` to be called for their gradients by `fnn.backward`; None if it will not be."""
        return None if self.parent is None or self.derivative else self.parent.hooked(values, back)

    def retyped(self, box: Box) -> None:
        """Notes that ``requires_grad`` of ``box`` has changed."""
        if self.parent is not None:
            self.parent.retyped(box)

    def differentiates(self, box: Box) -> bool:
        """Whether a derivative with respect to ``box`` is being taken."""
        return self.parent is not None and self.parent.differentiates(box)

    def touch(self, table: dict[str, Any], name: str, owner: object) -> None:
        """Notes that ``table[name]``, of ``owner``, is about to be assigned."""
        self.touched.setdefault((id(table), name), (table, name, table.get(name, unset), owner))

    def object_values(self, owner: object) -> Any:
        """The traced hyper-parameters of ``owner`` (an optimizer), or None to use its own."""
        return None if self.parent is None else self.parent.object_values(owner)

    def carried(self) -> list[Box]:
        """The written boxes that outlive the scope, in order, and a `Slot` for each traced array assigned elsewhere."""
        boxes: list[Any] = [box for box in self.written if box._born < self.serial]
        for keeper in keepers:
            boxes += keeper(self)
        return boxes

    def forget(self) -> None:
        """Puts back what was assigned to attributes: the call was a rehearsal, or it failed."""
        for table, name, before, _ in self.touched.values():
            if before is unset:
                table.pop(name, None)
            else:
                table[name] = before
            epoch.structure += 1
        self.touched.clear()
        if self.held is not None:
            for before, _, store, _ in self.held.differences():
                store(before)


def escape_message(box: Any, transform: str) -> str:
    """The teaching text for a write that nothing carries out."""
    what = f"a {type(box).__name__} of shape {tuple(getattr(box._value, 'shape', ()))}"
    return TRACER_ESCAPE.format(what=what, transform=transform)


@contextmanager
def opened(scope: Scope) -> Iterator[Scope]:
    """Makes ``scope`` the innermost one; it accepts writes from the trace that is current now.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.state import Scope, opened
        >>> linear = nn.Linear(1, 1)
        >>> with opened(Scope({linear.weight: jnp.array([[3.0]]), linear.bias: jnp.array([1.0])})):
        ...     print(linear(jnp.array([2.0])))
        [7.]
    """
    scope.trace = current_trace()
    token = innermost.set(scope)
    try:
        yield scope
    except BaseException as error:
        hint_on(error)
        scope.forget()
        raise
    finally:
        innermost.reset(token)


ASSIGNED = """\
A traced value would be stored in {what}, which outlives the trace of a raw JAX transform.

    step = jax.jit(lambda x: model(x))          # wrong: {what} would be a tracer for every later call
    step = fnn.jit(lambda model, x: model(x))   # right: fnn carries what forward assigns out of its transforms

Use fnn's transform of the same name, or return the value."""


def assigning(owner: object, table: dict[str, Any], name: str, value: object) -> None:
    """To be called before ``table[name] = value``, a table of the Module ``owner``.

    Raises:
        TracerEscapeError: the value is traced, and nothing carries it out.
    """
    scope = innermost.get()
    if scope is not None:
        scope.touch(table, name, owner)
    elif isinstance(value, Tracer) or isinstance(getattr(value, "_value", None), Tracer):
        if not _is_being_made(owner):
            raise TracerEscapeError(ASSIGNED.format(what=f"the attribute '{name}' of {type(owner).__name__}"))


def born(owner: object) -> None:
    """To be called where a Module is made."""
    scope = innermost.get()
    if scope is not None:
        scope.newborn[id(owner)] = owner


def _is_being_made(owner: object) -> bool:
    """Whether a Module was born in the present trace: its constructor runs, or its parameters are traced."""
    for table in (owner.__dict__.get("_parameters", {}), owner.__dict__.get("_buffers", {})):
        if any(isinstance(getattr(box, "_value", None), Tracer) for box in table.values()):
            return True
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is owner:
            return True
        frame = frame.f_back
    return False


@contextmanager
def no_scope() -> Iterator[None]:
    """Steps out of all scopes (for work on the boxes themselves).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.state import Parameter, Scope, no_scope, opened
        >>> p = Parameter(jnp.zeros(1))
        >>> with opened(Scope({p: jnp.ones(1)})), no_scope():
        ...     print(p.data)
        [0.]
    """
    token = innermost.set(None)
    try:
        yield
    finally:
        innermost.reset(token)


def write_out(boxes: list[Box], values: list[Any]) -> None:
    """Stores carried-out values: in the scope that is open now, or in the boxes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.state import Parameter, Scope, opened, write_out
        >>> p = Parameter(jnp.zeros(1))
        >>> with opened(Scope()) as scope:
        ...     p.data = jnp.ones(1)
        >>> boxes = scope.carried()
        >>> write_out(boxes, [scope.values[box] for box in boxes])
        >>> print(p.data)
        [1.]
    """
    scope = innermost.get()
    pairs = [(box, value) for box, value in zip(boxes, values, strict=True) if not isinstance(box, Slot)]
    slots = [(box, value) for box, value in zip(boxes, values, strict=True) if isinstance(box, Slot)]
    for slot, value in slots:
        slot.place(value)
    if scope is not None:
        for box, value in pairs:
            scope.write(box, value)
        return
    for box, value in pairs:
        if isinstance(value, Tracer):
            raise TracerEscapeError(escape_message(box, "a raw JAX transform around this call"))
    for box, value in pairs:
        box._write(value)
