"""`Slot`: one value of an optimizer's that a step may replace, held so that `fnn.jit` carries it.

A value lives in one of up to three boxes, by its kind; the boxes of the other kinds hold None, and a slot whose boxes
all hold None is *absent*.  So a value that is born, changed or deleted in a trace is so for that trace alone, until
its outputs are stored: a trace that fails, or that is made again, leaves nothing behind.

* An array is in a `Moment`, which is what the reader gets: torch's methods in place work on it.
* A number is a weakly typed 0-d array.  Python knows the number itself as long as it can: where it was written
  outside of a trace, or in the one that reads it.  Otherwise the reader gets the traced value.
* Anything else (None, a flag, a string, an object) is a *constant*: the box holds its place in a table.

What Python must know (every constant; a number that a step was seen to ask Python for) is part of the structure that
a program is compiled for: `Slot.fixed`.
"""

from __future__ import annotations

import weakref
from typing import Any, Self, TypeVar

import jax
import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.optim._births import hands_values
from fnn.optim._kinds import PLAIN, fingerprint, is_array, is_number
from fnn.optim._tree import is_sparse
from fnn.state.box import Box
from fnn.state.parameter import Buffer
from fnn.state.scope import Scope, innermost
from fnn.tracing import Tracer
from fnn.typing import ArrayLike, PyTree, Scalar

__all__ = ["ABSENT", "Moment", "Slot"]

B = TypeVar("B", bound=Box)

ABSENT: Any = object()
_UNKNOWN: Any = object()
_LIST = (
    "{name}: an optimizer's state holds the {kind} under this name, whose arrays fnn.jit cannot carry: keep each array "
    "under a name of its own (state['{name}_0'] = ...), or stack them into one"
)


class Moment(Buffer):
    """An array of an optimizer's state, with torch's methods in place."""

    __slots__ = ()

    def addcmul_(self, tensor1: ArrayLike, tensor2: ArrayLike, *, value: Scalar = 1) -> Self:
        """``self += value * tensor1 * tensor2``."""
        return self.add_(jnp.asarray(tensor1) * jnp.asarray(tensor2), alpha=value)

    def addcdiv_(self, tensor1: ArrayLike, tensor2: ArrayLike, *, value: Scalar = 1) -> Self:
        """``self += value * tensor1 / tensor2``."""
        return self.add_(jnp.asarray(tensor1) / jnp.asarray(tensor2), alpha=value)

    def sqrt_(self) -> Self:
        """``self = sqrt(self)``."""
        return self._combine("sqrt_", jnp.sqrt(self.data))

    def __repr__(self) -> str:
        return self._array_repr()


class _Cell:
    """A box for something that Python may know: a number, or a constant's place in its table."""

    __slots__ = ("box", "pair")

    def __init__(self, born: int) -> None:
        self.box = _box(Box(), born)
        # The value that Python wrote last, held weakly, since it may belong to a trace; and what it stands for.
        self.pair: tuple[Any, Any] = (lambda: None, None)

    def write(self, python: float) -> None:
        value = _weak(python)
        self.pair = (weakref.ref(value), python)
        self.box._write(value)

    def start(self, python: float) -> None:
        """Gives the box, made in a trace, the value that there was before the trace."""
        with jax.ensure_compile_time_eval():
            self.box._value = _weak(python)
        self.pair = (weakref.ref(self.box._value), python)

    def known(self, scope: Scope | None) -> Any:
        """What the box's value in ``scope`` is, if Python can tell."""
        value = self.box._value if scope is None else scope.read(self.box)
        if value is None or self.pair[0]() is value:
            return self.pair[1]
        if not isinstance(value, Tracer):
            python = value.item()
            self.pair = (weakref.ref(value), python)
            return python
        while scope is not None:
            if self.box in scope.values:
                # An input of a compiled call is what its caller has; one of a loop or a map is not.
                known = hands_values(scope) and self.box not in scope.written
                return self.known(scope.parent) if known else _UNKNOWN
            scope = scope.parent
        return _UNKNOWN


def _box(box: B, born: int) -> B:
    box._born, box._exposed = born, False
    return box


def _weak(number: float) -> jax.Array:
    return jnp.asarray(number if type(number) is int else float(number))


class Slot:
    """A place for one value; see the module's text."""

    __slots__ = ("array", "born", "constant", "name", "number", "table")

    def __init__(self, name: str, born: int) -> None:
        self.name, self.born = name, born
        self.array: Moment | None = None
        self.number: _Cell | None = None
        self.constant: _Cell | None = None
        self.table: list[Any] = []

    @property
    def boxes(self) -> list[Box]:
        """The boxes that there are so far."""
        found: list[Box] = [] if self.array is None else [self.array]
        return found + [cell.box for cell in (self.number, self.constant) if cell is not None]

    @property
    def present(self) -> bool:
        """Whether there is a value, in the scope that is open."""
        scope = innermost.get()
        return any((box._value if scope is None else scope.read(box)) is not None for box in self.boxes)

    def start(self, value: object) -> None:
        """Gives the slot, made in a trace, the value that there was before the trace."""
        if is_number(value):
            self.number = _Cell(self.born)
            self.number.start(value)
        elif is_array(value):
            self.array = box = _box(Moment(value), self.born)
            box._exposed = True
        else:
            self.constant = _Cell(self.born)
            self.constant.start(self._place(value))

    def write(self, value: object) -> None:
        """Stores ``value``."""
        if is_number(value):
            self.number = cell = self.number or _Cell(self.born)
            cell.write(value)
            self._only(cell.box)
        elif isinstance(value, Tracer) and value.shape == () and value.weak_type:
            # Computed from Python's numbers alone, so it stands for one.
            self.number = cell = self.number or _Cell(self.born)
            cell.box._write(value)
            self._only(cell.box)
        elif is_array(value):
            box = self.array
            if box is None:
                box = self.array = Moment()
                _box(box, self.born)
            if value is not box:
                array = to_array(value, self.name, "state: ")
                # In a trace, an input that comes out as it is would be one array in two boxes.
                box._write(jnp.copy(array) if isinstance(array, Tracer) else array)
            self._only(box)
        else:
            self.constant = cell = self.constant or _Cell(self.born)
            cell.write(self._place(value))
            self._only(cell.box)

    def _place(self, value: object) -> int:
        for at, entry in enumerate(self.table):
            if entry is value or (type(entry) is type(value) and isinstance(value, PLAIN) and entry == value):
                return at
        self.table.append(value)
        return len(self.table) - 1

    def _only(self, chosen: Box | None) -> None:
        scope = innermost.get()
        for box in self.boxes:
            if box is not chosen and (box._value if scope is None else scope.read(box)) is not None:
                box._write(None)

    def clear(self) -> None:
        """Makes the slot absent."""
        self._only(None)

    def read(self, pinned: bool = False) -> Any:
        """The value, or `ABSENT`; a traced number, unless it is ``pinned`` and Python can tell it."""
        scope = innermost.get()
        if self.array is not None and self.array._peek() is not None:
            return self.array
        if self.number is not None and (value := self.number.box._peek()) is not None:
            if not pinned and isinstance(value, Tracer) and self.number.pair[0]() is not value:
                return value
            known = self.number.known(scope)
            return value if known is _UNKNOWN else known
        if self.constant is not None and self.constant.box._peek() is not None:
            at = self.constant.known(scope)
            if at is _UNKNOWN:
                raise ArgumentError(
                    f"{self.name}: an optimizer's state is {self.table[-1]!r} in some iterations of a loop only; hold "
                    "numbers or arrays there"
                )
            value = self.table[at]
            if scope is not None and isinstance(value, (list, dict)) and any(map(is_array, _leaves(value))):
                raise ArgumentError(_LIST.format(name=self.name, kind=type(value).__name__))
            return value
        return ABSENT

    def fixed(self, pinned: bool) -> Any:
        """What a program that reads the slot is compiled for, beside shapes: None where that is nothing."""
        scope = innermost.get()
        for cell, asked in ((self.number, pinned), (self.constant, True)):
            if asked and cell is not None and cell.box._peek() is not None:
                known = cell.known(scope)
                if known is _UNKNOWN:
                    return None
                return known if cell is self.number else fingerprint(self.table[known])
        return None


def _leaves(value: PyTree) -> list[Any]:
    return jax.tree.leaves(value, is_leaf=lambda leaf: isinstance(leaf, Box) or is_sparse(leaf))
