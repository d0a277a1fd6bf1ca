"""Small makers of syntax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TypeVar

import libcst as cst

__all__ = [
    "arguments",
    "assign",
    "bare",
    "call",
    "code",
    "grouped",
    "keyword",
    "name",
    "on_a_line",
    "product",
    "replaced",
    "replaced_self",
    "statement",
]

_Node = TypeVar("_Node", bound=cst.CSTNode)
_SPACE = cst.SimpleWhitespace(" ")
_COMMA = cst.Comma(whitespace_after=_SPACE)


def name(dotted: str) -> cst.Name | cst.Attribute:
    """``a.b.c``."""
    first, *rest = dotted.split(".")
    made: cst.Name | cst.Attribute = cst.Name(first)
    for part in rest:
        made = cst.Attribute(made, cst.Name(part))
    return made


def bare(node: cst.BaseExpression) -> cst.BaseExpression:
    """An expression without the parentheses that it needed as a receiver."""
    loose = isinstance(node, cst.Tuple | cst.GeneratorExp | cst.NamedExpr | cst.Yield)
    if loose or len(node.lpar) != 1 or not isinstance(node.lpar[0].whitespace_after, cst.SimpleWhitespace):
        return node
    return node.with_changes(lpar=[], rpar=[])


def arguments(*parts: cst.BaseExpression | cst.Arg) -> list[cst.Arg]:
    """Arguments, a comma between any two; an `Arg` keeps its layout."""
    made = [part if isinstance(part, cst.Arg) else cst.Arg(part) for part in parts]
    for i, argument in enumerate(made[:-1]):
        if not isinstance(argument.comma, cst.Comma):
            made[i] = argument.with_changes(comma=_COMMA)
    return made


def call(function: str, *parts: cst.BaseExpression | cst.Arg, like: cst.Call | None = None) -> cst.Call:
    """``function(parts)``, in the parentheses and with the inner space of another call."""
    made = cst.Call(name(function), arguments(*parts))
    if like is not None:
        made = made.with_changes(lpar=like.lpar, rpar=like.rpar, whitespace_before_args=like.whitespace_before_args)
    return made


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    """``name=value`` among arguments."""
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(value, keyword=cst.Name(name), equal=tight)


def assign(target: cst.BaseExpression, value: cst.BaseExpression) -> cst.Assign:
    """``target = value``."""
    return cst.Assign([cst.AssignTarget(bare(target))], on_a_line(value))  # type: ignore[arg-type]


def on_a_line(node: cst.BaseExpression) -> cst.BaseExpression:
    """An expression without parentheses, unless it goes over several lines in them."""
    return bare(node) if node.lpar and "\n" not in code(node) else node


def code(node: cst.CSTNode) -> str:
    """The text of a node."""
    return cst.Module([]).code_for_node(node).strip()


_LOOSE = cst.BinaryOperation | cst.UnaryOperation | cst.IfExp | cst.BooleanOperation | cst.Comparison


def grouped(node: cst.BaseExpression) -> cst.BaseExpression:
    """An expression that may be an operand: in parentheses if it needs them."""
    if isinstance(node, _LOOSE) and not node.lpar:
        return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return node


def product(left: cst.BaseExpression, right: cst.BaseExpression) -> cst.BinaryOperation:
    """``left @ right``."""
    return cst.BinaryOperation(grouped(left), cst.MatrixMultiply(), grouped(right))


def statement(source: str) -> cst.BaseStatement:
    """A statement from its text."""
    made = cst.parse_statement(source)
    assert isinstance(made, cst.BaseStatement)
    return made


def replaced_self(targets: Sequence[cst.AssignTarget], value: cst.BaseExpression) -> bool:
    """Whether an assignment gives names to what they are already: ``x, y = x, y``."""
    if len(targets) != 1 or (isinstance(value, cst.Tuple) and not value.elements):
        return False
    if isinstance(value, cst.Tuple):
        value = value.with_changes(lpar=[], rpar=[])
    target = targets[0].target
    return bare(target.with_changes(lpar=[], rpar=[]) if isinstance(target, cst.Tuple) else target).deep_equals(
        bare(value)
    )


def replaced(node: _Node, changes: Mapping[int, Sequence[cst.CSTNode]]) -> _Node:
    """A node in which others, by their identity, are replaced; what holds none of them stays the same object.

    A transformer of libcst makes all nodes anew, so that nothing would be known of them any more.
    """
    made: dict[str, object] = {}
    for part in fields(node):
        value = getattr(node, part.name)
        if isinstance(value, cst.CSTNode):
            new: object = changes[id(value)][0] if id(value) in changes else replaced(value, changes)
            if new is not value:
                made[part.name] = new
        elif isinstance(value, list | tuple):
            row: list[object] = []
            for item in value:
                if isinstance(item, cst.CSTNode):
                    row += changes[id(item)] if id(item) in changes else [replaced(item, changes)]
                else:
                    row.append(item)
            if len(row) != len(value) or any(a is not b for a, b in zip(row, value, strict=True)):
                made[part.name] = row
    return node.with_changes(**made) if made else node
