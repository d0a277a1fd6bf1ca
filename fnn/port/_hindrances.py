"""What compiled code cannot do, by the lines of a script, and which statements come to it when they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import libcst as cst
from libcst.metadata import CodeRange

from fnn.port._flow import walk
from fnn.port._infer import Inference
from fnn.port._kinds import Kind
from fnn.port._report import Note

__all__ = ["ITEM", "STEP", "Hindrance", "Hindrances", "hindering"]

STEP = "the training step"  # the part of the guide that notes on what cannot be compiled refer to
ITEM = "a number is taken out of an array in the middle of a step, which cannot be compiled"
_Definition = cst.FunctionDef | cst.ClassDef


class Hindrance(NamedTuple):
    """A line that cannot be compiled, what is said of it, and the file that it stands in, if that is another one."""

    line: int
    text: str
    file: str = ""

    @property
    def words(self) -> str:
        """Where and why."""
        return f"{self.file + ', ' if self.file else ''}line {self.line}: {self.text}"


def hindering(notes: Iterable[Note], other: str) -> dict[int, str]:
    """The lines that a report says cannot be compiled, and why, but for notes in which other words stand."""
    found: dict[int, str] = {}
    for note in notes:
        if note.page == STEP and other not in note.text:
            found.setdefault(note.line, note.text)
    return found


class Hindrances:
    """Looks for such lines in statements and in what they run.

    What runs is told by names: a function, a method or a class that is named may run, and so may what its text names.
    Where a Module is called of which the script does not tell the class, it may be any.  `foreign` are functions and
    classes of other files that come to such lines of theirs, by the names that they have here.
    """

    def __init__(
        self,
        module: cst.Module,
        found: Inference,
        lines: Mapping[int, str],
        positions: Mapping[cst.CSTNode, CodeRange],
        foreign: Mapping[str, Hindrance] | None = None,
    ) -> None:
        self._found, self._lines, self._positions = found, lines, positions
        self._foreign = foreign or {}
        self.files: set[str] = (
            set()
        )  # in which the lines stand that statements run, of those asked about by `functions`
        self._defined: dict[tuple[bool, str], list[_Definition]] = {}  # by whether it is a method, and its name
        of_classes = {id(node.body) for node in walk(module, functions=True) if isinstance(node, cst.ClassDef)}
        for owner in walk(module, functions=True):
            method = id(owner) in of_classes
            for node in owner.children:
                if isinstance(node, cst.FunctionDef | cst.ClassDef):
                    self._defined.setdefault((method, node.name.value), []).append(node)
        self._modules = [name for name, owner in found.classes.items() if owner.module]

    def among(self, nodes: Sequence[cst.CSTNode]) -> Hindrance | None:
        """The first such line in statements, and in what they run."""
        if not self._lines and not self._foreign:
            return None
        parts = [*nodes, *self._reached(nodes)]
        lines = sorted(n for part in parts for n in self._own(part))
        if lines:
            return Hindrance(lines[0], self._lines[lines[0]])
        return min(self._elsewhere(parts), default=None)

    def definitions(self) -> dict[str, Hindrance]:
        """The functions and classes of the module that come to such lines."""
        found: dict[str, Hindrance] = {}
        for (method, called), made in self._defined.items():
            hindrance = None if method else self.among(made)
            if hindrance is not None:
                found[called] = hindrance
        return found

    def calls(self, nodes: Sequence[cst.CSTNode], wanted: Kind) -> bool:
        """Whether statements, or what they run, call something."""
        parts = (p for node in (*nodes, *self._reached(nodes)) for p in walk(node, functions=True))
        return any(isinstance(p, cst.Call) and self._found.of(p.func) == wanted for p in parts)

    def functions(self, nodes: Sequence[cst.CSTNode]) -> set[int]:
        """The identities of the parameters of the functions that hold such lines, of those that statements run."""
        parts = self._reached(nodes)
        self.files |= {hindrance.file for hindrance in self._elsewhere([*nodes, *parts])}
        reached = [n for part in parts for n in walk(part, functions=True)]
        return {id(n.params) for n in reached if isinstance(n, cst.FunctionDef) and self._own(n.body)}

    def _elsewhere(self, nodes: Sequence[cst.CSTNode]) -> list[Hindrance]:
        """The lines of other files that statements come to."""
        if not self._foreign:
            return []
        names = {name for node in nodes for method, name in self._named(node) if not method}
        return [self._foreign[name] for name in names & self._foreign.keys()]

    def _own(self, node: cst.CSTNode) -> set[int]:
        places = [self._positions.get(part) for part in walk(node, functions=True)]
        return {place.start.line for place in places if place is not None and place.start.line in self._lines}

    def _reached(self, nodes: Sequence[cst.CSTNode]) -> list[_Definition]:
        """The functions and classes whose text may run."""
        reached: dict[int, _Definition] = {}
        waiting: list[cst.CSTNode] = list(nodes)
        while waiting:
            for key in self._named(waiting.pop()):
                for made in self._defined.get(key, ()):
                    if id(made) not in reached:
                        reached[id(made)] = made
                        waiting.append(made)
        return list(reached.values())

    def _named(self, node: cst.CSTNode) -> set[tuple[bool, str]]:
        names: set[tuple[bool, str]] = set()
        attributes: set[int] = set()
        for part in walk(node, functions=True):
            if isinstance(part, cst.Attribute):
                attributes.add(id(part.attr))
            if isinstance(part, cst.Name) and part.value != "__init__":  # a class is named where it is made
                names.add((id(part) in attributes, part.value))
            kind = self._found.of(part) if isinstance(part, cst.BaseExpression) else None
            if kind is None:
                continue
            if kind.tag == "function":
                function = self._found.functions[int(kind.name)]
                if isinstance(function.node, cst.FunctionDef):
                    names.add((function.owner is not None, function.node.name.value))
            elif kind.tag in ("module", "instance"):
                names |= {(False, name) for name in ([kind.name] if kind.name else self._modules)}
        return names
