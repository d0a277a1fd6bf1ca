"""Branches on arrays in what is compiled: there both ways are computed, and one is chosen by `fnn.where`."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._edit import bare, call, grouped
from fnn.port._flow import names_in, walk
from fnn.port._kinds import is_array
from fnn.port._scopes import Scopes, dotted

__all__ = ["BRANCH", "branched"]

BRANCH = (
    "a branch on the value of an array, which is not known where a step is compiled; write fnn.where(test, a, b), or "
    "fnn.cond"
)
_OPERATIONS = {
    cst.AddAssign: cst.Add,
    cst.SubtractAssign: cst.Subtract,
    cst.MultiplyAssign: cst.Multiply,
    cst.DivideAssign: cst.Divide,
}


def branched(before: cst.If, after: cst.If, found: Scopes) -> list[cst.BaseStatement] | None:
    """The statements of a branch, each of which changes an array only where the test holds; None: it does more."""
    if after.orelse is not None or not _changes_arrays(before.body, found):
        return None
    if names_in(before.test) & {n for s in before.body.body for n in _targets(s)}:
        return None
    rows = _chosen(after.body, after.test)
    if rows and isinstance(rows[0], cst.SimpleStatementLine | cst.For):
        rows[0] = rows[0].with_changes(leading_lines=[*after.leading_lines, *rows[0].leading_lines])
    return rows


def _targets(node: cst.CSTNode) -> set[str]:
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, cst.AssignTarget | cst.AugAssign) and isinstance(part.target, cst.Name):
            found.add(part.target.value)
    return found


def _changes_arrays(body: cst.BaseSuite, found: Scopes) -> bool:
    """Whether every statement gives arrays that are there already a new value, in loops maybe."""
    for line in body.body:
        match line:
            case cst.For(body=inner, orelse=None) if _changes_arrays(inner, found):
                continue
            case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=target)], value=value)]):
                target = target.value if isinstance(target, cst.Subscript) else target
                fine = _is_place(target) and is_array(found.of(value)) and dotted(target) in _read(value)
                fine = fine and _is_elementwise(value)
            case cst.SimpleStatementLine(body=[cst.AugAssign(target=target, operator=operator)]):
                target = target.value if isinstance(target, cst.Subscript) else target
                fine = _is_place(target) and type(operator) in _OPERATIONS and is_array(found.of(target))
            case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call(func=cst.Attribute(value=target, attr=attr)))]):
                fine = _is_place(target) and attr.value in ("mul_", "div_", "add_", "sub_", "clamp_")
                fine = fine and is_array(found.of(target))
            case _:
                return False
        if not fine:
            return False
    return True


def _is_elementwise(node: cst.BaseExpression) -> bool:
    """Whether an operation gives an array of the shape of its operands."""
    return isinstance(node, cst.BinaryOperation) and not isinstance(node.operator, cst.MatrixMultiply)


def _is_place(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name | cst.Attribute) and dotted(node) is not None


def _read(node: cst.CSTNode) -> set[str]:
    return {n for part in walk(node) if isinstance(part, cst.Name | cst.Attribute) and (n := dotted(part)) is not None}


def _chosen(body: cst.BaseSuite, test: cst.BaseExpression) -> list[cst.BaseStatement]:
    made: list[cst.BaseStatement] = []
    for line in body.body:
        match line:
            case cst.For(body=inner):
                rows: Sequence[cst.BaseStatement] = _chosen(inner, test)
                made.append(line.with_changes(body=cst.IndentedBlock(rows)))
            case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=target)], value=value)]):
                made.append(_where(line, target, test, value))
            case cst.SimpleStatementLine(body=[cst.AugAssign(target=target, operator=operator, value=value)]):
                space = cst.SimpleWhitespace(" ")
                operation = _OPERATIONS[type(operator)](space, space)
                product = isinstance(value, cst.BinaryOperation) and isinstance(
                    value.operator, cst.Multiply | cst.Divide
                )
                right = value if product and isinstance(operation, cst.Add | cst.Subtract) else grouped(value)
                made.append(_where(line, target, test, cst.BinaryOperation(target, operation, right)))
    return made


def _where(
    line: cst.SimpleStatementLine, target: cst.BaseExpression, test: cst.BaseExpression, value: cst.BaseExpression
) -> cst.SimpleStatementLine:
    chosen = call("fnn.where", bare(test), bare(value), target)
    return line.with_changes(body=[cst.Assign([cst.AssignTarget(target)], chosen)])  # type: ignore[arg-type]
