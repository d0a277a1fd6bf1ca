"""Rows that are filled by the indices of a mask's true values, filled by the mask itself.

How many indices `nonzero` gives depends on values, which are not known where a step is compiled; the mask has a size.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._edit import assign, bare, grouped, replaced
from fnn.port._flow import bound, walk
from fnn.port._scopes import dotted

__all__ = ["FILLED", "filled_by_masks"]

FILLED = (
    "rows are filled by the mask itself, whose size is known: the result is a new array, and other names of the old "
    "one do not see it"
)


def filled_by_masks(module: cst.Module) -> cst.Module | None:
    """The module with such fills by masks; None: it has none."""
    changes: dict[int, Sequence[cst.CSTNode]] = {}
    for function in walk(module, functions=True):
        if isinstance(function, cst.FunctionDef) and isinstance(function.body, cst.IndentedBlock):
            for line in function.body.body:
                changes |= _changes(function, line)
    return replaced(module, changes) if changes else None


def _changes(function: cst.FunctionDef, line: cst.BaseStatement) -> dict[int, Sequence[cst.CSTNode]]:
    """What becomes of ``at = torch.nonzero(mask)`` and of the fills at these indices; nothing if more reads them."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=at))], value=v)]):
            mask = _mask(v)
        case _:
            return {}
    others = [s for s in function.body.body if s is not line]
    if mask is None or at in bound(others):
        return {}
    changes: dict[int, Sequence[cst.CSTNode]] = {id(v): [bare(mask)]}
    allowed = 0
    for node in walk(function.body):
        match node:
            case cst.If(test=test, body=cst.IndentedBlock(body=body), orelse=None) if _asks_for_some(test, at):
                rows = [_filled(row, at) for row in body]
                if any(row is None for row in rows):
                    return {}
                allowed += 1 + len(rows)
                made = [row for row in rows if row is not None]
                made[0] = made[0].with_changes(leading_lines=[*node.leading_lines, *made[0].leading_lines])
                changes[id(node)] = made
            case cst.SimpleStatementLine() if (row := _filled(node, at)) is not None:
                changes.setdefault(id(node), [row])
    branches = {id(row) for n in walk(function.body) if isinstance(n, cst.If) and id(n) in changes for row in walk(n)}
    alone = sum(isinstance(n, cst.SimpleStatementLine) and id(n) in changes and id(n) not in branches
                for n in walk(function.body))  # fmt: skip
    reads = sum(isinstance(n, cst.Name) and n.value == at for n in walk(function.body, functions=True)) - 1
    return changes if reads == allowed + alone > 0 else {}


def _mask(node: cst.BaseExpression) -> cst.BaseExpression | None:
    match node:
        case cst.Call(func=func, args=[cst.Arg(value=mask, keyword=None)]) if dotted(func) == "torch.nonzero":
            return mask
        case cst.Call(func=cst.Attribute(value=mask, attr=cst.Name(value="nonzero")), args=[]):
            return mask
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(value="squeeze" | "flatten"))):
            return _mask(inner)
    return None


def _asks_for_some(test: cst.BaseExpression, at: str) -> bool:
    """``at.dim() > 0``, ``at.numel() > 0``, ``len(at) > 0``, ``at.size(0)``: no fill is a fill of nothing."""
    match test:
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(
            operator=cst.GreaterThan(), comparator=cst.Integer(value="0")
        )]):  # fmt: skip
            test = left
    match test:
        case cst.Call(func=cst.Attribute(value=cst.Name(value=n), attr=cst.Name(value="dim" | "numel" | "size"))):
            return n == at
        case cst.Call(func=cst.Name(value="len"), args=[cst.Arg(value=cst.Name(value=n))]):
            return n == at
    return False


def _filled(line: cst.CSTNode, at: str) -> cst.SimpleStatementLine | None:
    """``x = x.T.masked_fill(at, value).T`` for ``x.index_fill_(0, at, value)``; None: the statement is another."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call(
            func=cst.Attribute(value=cst.Name() as x, attr=cst.Name(value="index_fill_")),
            args=[cst.Arg(value=dim, keyword=None), cst.Arg(value=index, keyword=None), cst.Arg(value=value)],
        ))]) if isinstance(dim, cst.Integer) and dim.value == "0" and _is(index, at):  # fmt: skip
            turned = cst.Attribute(x, cst.Name("T"))
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            filled = cst.Call(
                cst.Attribute(turned, cst.Name("masked_fill")),
                [cst.Arg(cst.Name(at), comma=comma), cst.Arg(value)],
            )
            return line.with_changes(body=[assign(x.deep_clone(), cst.Attribute(grouped(filled), cst.Name("T")))])
    return None


def _is(index: cst.BaseExpression, at: str) -> bool:
    match index:
        case cst.Name(value=n):
            return n == at
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(value="squeeze" | "flatten" | "view"))):
            return _is(inner, at)
    return False
