"""What every part of the rewriting has at hand: the kinds of nodes, the report, the imports to add."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst
from libcst.metadata import CodeRange

from fnn.port._alike import Shapes, only_values
from fnn.port._emptied import Emptied
from fnn.port._fixed import Fixed
from fnn.port._flow import scope_body, walk
from fnn.port._functions import Functions
from fnn.port._infer import Inference
from fnn.port._kinds import Kind
from fnn.port._masked import is_compiled
from fnn.port._ranks import Ranks
from fnn.port._report import Note, Status
from fnn.port._steps import Steps

__all__ = ["DEVICES", "DOUBLE", "Reporting"]

DEVICES = "JAX computes on its default device, a GPU where there is one; JAX_PLATFORMS=cpu chooses the CPU"
DOUBLE = 'double precision: jax.config.update("jax_enable_x64", True) after the imports'
ONCE = (DEVICES, DOUBLE)


class Reporting(Emptied):
    """A transformer that knows kinds; `notes` tells what was done, `needs` what has to be imported."""

    def __init__(self, found: Inference, positions: Mapping[cst.CSTNode, CodeRange]) -> None:
        super().__init__()
        self.found = found
        self.positions = positions
        self.notes: list[Note] = []
        self.needs: set[str] = set()
        self._inner: set[int] = set()
        self._statements: set[int] = set()  # calls that are statements
        self._names_nn = next((n for n, k in found.globals.items() if k == Kind("torch", "torch.nn")), "fnn.nn")
        self._steps = Steps(found)
        self._functions = Functions(found, self.note, found.doubled)
        self._compiled: set[int] = set()  # parameters of functions that compiled ones call
        self._drawn: set[int] = set()  # draws of numpy's generator that arrays are made of at once
        self._frozen: set[int] = set()  # reads of a Parameter's ``data`` that no gradient goes through
        self._forward: list[bool] = []  # whether the functions around are part of a forward pass
        self._in_step: list[bool] = []  # whether the functions around are compiled, or part of what is
        self._pointers: list[dict[str, cst.Call]] = []  # places read from buffers, of the functions around
        self._traced: list[set[str]] = []  # names of traced values, of the functions around
        self._shapes_at: dict[int, Shapes] = {}  # of expressions, by what the function that they stood in binds
        self._fixed_at: dict[int, Fixed] = {}
        self._fixed_in: list[Fixed | None] = []  # of the functions around, if they are compiled
        self._ranks_at: dict[int, Ranks] = {}
        self._by_mask: set[int] = set()  # what is written by a mask, or will be read in another way
        self.double = found.doubled
        self._params: list[set[str]] = []
        self._line = 1  # of what was visited last

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Remembers the line, for what has none of its own."""
        place = self.positions.get(node)
        if place is not None:
            self._line = place.start.line
        return super().on_visit(node)

    def compile(self, module: cst.Module, original: cst.Module) -> None:
        """Notes which functions the compiled ones of a module call, and which shapes the original shows."""
        for scope in (original, *(n for n in walk(original, functions=True) if isinstance(n, cst.FunctionDef))):
            only = only_values(scope)
            shapes, ranks = Shapes(self.found, only), Ranks(self.found, only)
            kinds = cst.Subscript | cst.Call | cst.For
            fixed = Fixed(self.found, scope)
            for n in (n for s in scope_body(scope) for n in walk(s) if isinstance(n, kinds)):
                self._shapes_at[id(n)], self._ranks_at[id(n)], self._fixed_at[id(n)] = shapes, ranks, fixed
        steps = [n for n in walk(module, functions=True) if isinstance(n, cst.FunctionDef) and is_compiled(n)]
        self._compiled = self._steps.reached(f for step in steps for f in self._steps.called(step.body))

    def _shapes(self, node: cst.CSTNode) -> Shapes:
        """What is known of shapes where a node stood."""
        return self._shapes_at.get(id(node), Shapes(self.found, {}))

    def _ranks(self, node: cst.CSTNode) -> Ranks:
        """What is known of numbers of dimensions where a node stood."""
        return self._ranks_at.get(id(node), Ranks(self.found, {}))

    def _is_fixed(self, node: cst.CSTNode, value: cst.CSTNode) -> bool:
        """Whether a part of a node does not depend on arrays that the function around it is given."""
        inner = self._fixed_in[-1] if self._fixed_in else None
        if inner is not None and not inner.is_fixed(value):
            return False  # a step is given what the scope that it was taken out of makes itself
        return id(node) in self._fixed_at and self._fixed_at[id(node)].is_fixed(value)

    @property
    def _is_compiled(self) -> bool:
        """Whether the function around is compiled, or a part of what is."""
        return bool(self._in_step and self._in_step[-1])

    def note(self, node: cst.CSTNode, status: Status, text: str, page: str = "") -> None:
        """Reports something at the line of a node of the original."""
        if text in ONCE and any(n.text == text for n in self.notes):
            return  # once is enough
        place = self.positions.get(node)
        if place is None:  # a statement that was made of others: where the first of them stood
            lines = [at.start.line for n in walk(node, functions=True) if (at := self.positions.get(n)) is not None]
            line = min(lines, default=self._line)
        else:
            line = place.start.line
        made = Note(line, status, text, page)
        if made not in self.notes:
            self.notes.append(made)

    def _kind(self, node: cst.CSTNode) -> Kind | None:
        return self.found.of(node)
