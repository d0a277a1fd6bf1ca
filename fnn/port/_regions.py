"""What is asked of the statements of a region: which names are numbers, boxes, arrays written in place."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._flow import names_in, walk
from fnn.port._infer import Inference
from fnn.port._kinds import is_array
from fnn.port._statics import Statics
from fnn.port._steps import Steps

__all__ = ["ELSEWHERE", "Cannot", "Elsewhere", "Regions", "begins", "first_place"]


ELSEWHERE = "its loss is computed elsewhere, in other functions or turns"


class Cannot(Exception):
    """Why a region stays where it is."""


class Elsewhere(Cannot):
    """Nothing in a region computes what it differentiates."""


class Regions:
    """Questions to the statements of a region of one script."""

    def __init__(self, found: Inference) -> None:
        self._found = found
        self._steps = Steps(found)
        self._statics = Statics(found)

    def _in_place(self, region: Sequence[cst.CSTNode]) -> set[str]:
        """The arrays that are written in place, and get a new value in fnn."""
        found: set[str] = set()
        for s in region:
            for part in walk(s):
                match part:
                    case cst.Expr(value=cst.Call(func=cst.Attribute(value=cst.Name() as target, attr=attr))):
                        written = attr.value.endswith("_") and not attr.value.endswith("__")
                    case (
                        cst.AssignTarget(target=cst.Subscript() as brackets)
                        | cst.AugAssign(target=cst.Subscript() as brackets)
                    ):
                        written, target = True, _base(brackets)
                    case _:
                        continue
                if target is None:
                    continue
                kind = self._found.of(target)
                if written and kind is not None and kind.tag in ("array", "batch"):
                    found.add(target.value)
        return found

    def _is_plain(self, node: cst.CSTNode) -> bool:
        """Whether a statement only names a number, a size, a word."""
        if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
            return False
        small = node.body[0]
        if not isinstance(small, cst.Assign):
            return False
        kind = self._found.of(small.value)
        return kind is not None and kind.tag in ("number", "text", "shape")

    def _kind_of(self, region: Sequence[cst.CSTNode], wanted: str) -> str:
        tag = ""
        for s in region:
            for part in walk(s):
                if isinstance(part, cst.AssignTarget | cst.AugAssign) and isinstance(part.target, cst.Name):
                    if part.target.value == wanted:
                        kind = self._found.of(part.target)
                        if isinstance(part, cst.AugAssign) and not is_array(kind):
                            kind = self._found.of(part.value)
                        tag = kind.tag if kind is not None else ""
        return tag

    def _is_box(self, region: Sequence[cst.CSTNode], wanted: str) -> bool:
        """Whether a name is that of a Parameter which is written in place, and of nothing else."""
        plain = {
            n
            for s in region
            for part in walk(s)
            if isinstance(part, cst.AssignTarget) and not isinstance(part.target, cst.Attribute)
            for n in names_in(part)
        }
        uses = [p for s in region for p in walk(s) if isinstance(p, cst.Name) and p.value == wanted]
        kinds = {k.tag for p in uses if (k := self._found.of(p)) is not None}
        return wanted not in plain and kinds == {"box"}


def begins(node: cst.CSTNode) -> bool:
    """``loss = 0`` or ``outputs = []``."""
    match node:
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name())], value=value)]):
            return isinstance(value, cst.Integer | cst.Float) or (isinstance(value, cst.List) and not value.elements)
    return False


def first_place(region: Sequence[cst.CSTNode], wanted: str) -> int:
    """Where a name stands first."""
    place = 0
    for s in region:
        for part in walk(s, functions=True):
            place += 1
            if isinstance(part, cst.Name) and part.value == wanted:
                return place
    return place


def _base(node: cst.BaseExpression) -> cst.Name | None:
    """``x`` in ``x[i][j]``."""
    while isinstance(node, cst.Subscript):
        node = node.value
    return node if isinstance(node, cst.Name) else None
