"""Gradients of values on the way to a loss, ``h.retain_grad()`` and ``h.grad``, asked for by ``torch.autograd.grad``.

An array has no place for its gradient.  Where the gradients are read, they get names, or attributes, of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst

from fnn.port._edit import code, replaced
from fnn.port._flow import walk
from fnn.port._scopes import dotted

__all__ = ["ASKED", "RETAINED", "retained"]

RETAINED = "Tensor.retain_grad"

ASKED = (
    "an array keeps no gradient: those that are read are asked for before the loss is differentiated, the others are "
    "not kept"
)


class _Kept(NamedTuple):
    """A statement that has gradients kept, and of what: ``value`` itself, or that of each of ``rows``."""

    line: cst.BaseStatement
    value: cst.BaseExpression
    each: cst.Name | None = None
    rows: cst.BaseExpression | None = None


def retained(module: cst.Module) -> cst.Module | None:
    """The module that asks for the gradients it reads; None: it has none in a form that is known."""
    changes: dict[int, Sequence[cst.CSTNode]] = {}
    for block in walk(module, functions=True):
        if isinstance(block, cst.Module | cst.IndentedBlock):
            changes |= _changes(block.body, module)
    return replaced(module, changes) if changes else None


def _changes(body: Sequence[cst.BaseStatement], module: cst.Module) -> dict[int, Sequence[cst.CSTNode]]:
    changes: dict[int, Sequence[cst.CSTNode]] = {}
    for at, line in enumerate(body):
        kept = _kept(line)
        last = next((s for s in body[at + 1 :] if _loss(s) is not None), None)
        if not kept or last is None:
            continue
        asking: list[cst.BaseStatement] = []
        reads: dict[int, Sequence[cst.CSTNode]] = {}
        for one in kept:
            found = _reads(module, one)
            if found:
                reads |= found
                asking.append(_asking(one, code(_loss(last) or one.value)))
        lead = getattr(last, "leading_lines", ())
        before = changes.get(id(last), [last])
        plain = [before[0].with_changes(leading_lines=[]) if before[0] is last and asking else before[0], *before[1:]]
        if asking:
            asking[0] = asking[0].with_changes(leading_lines=lead)
            changes[id(last)] = [*asking, *plain]
        changes |= {id(line): [], **reads}
    return changes


def _kept(line: cst.BaseStatement) -> list[_Kept]:
    """What a statement has gradients kept of; nothing if it does something else as well."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Expr(value=call)]):
            value = _retaining(call)
            return [] if value is None or dotted(value) is None else [_Kept(line, value)]
        case cst.For(
            target=cst.Name() as each,
            iter=rows,
            body=cst.IndentedBlock(body=[cst.SimpleStatementLine(body=[cst.Expr(value=call)])]),
            orelse=None,
        ):
            value = _retaining(call)
            if (
                isinstance(value, cst.Attribute)
                and isinstance(value.value, cst.Name)
                and value.value.value == each.value
            ):
                return [_Kept(line, value, each, rows)]
            if isinstance(value, cst.Name) and value.value == each.value and isinstance(rows, cst.List | cst.Tuple):
                if all(dotted(e.value) is not None for e in rows.elements):
                    return [_Kept(line, e.value) for e in rows.elements]
    return []


def _retaining(node: cst.BaseExpression) -> cst.BaseExpression | None:
    match node:
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="retain_grad")), args=[]):
            return value
    return None


def _loss(line: cst.CSTNode) -> cst.BaseExpression | None:
    """What a statement differentiates."""
    match line:
        case cst.SimpleStatementLine(
            body=[cst.Expr(value=cst.Call(func=cst.Attribute(value=loss, attr=cst.Name(value="backward")), args=args))]
        ):
            plain = all(a.keyword is not None and a.keyword.value == "retain_graph" for a in args)
            return loss if plain else None
    return None


def _reads(module: cst.Module, kept: _Kept) -> dict[int, Sequence[cst.CSTNode]]:
    """Where the gradient is read, and what stands there instead."""
    found: dict[int, Sequence[cst.CSTNode]] = {}
    for node in walk(module, functions=True):
        match node:
            case cst.Attribute(value=value, attr=cst.Name(value="grad")):
                if kept.each is None:
                    same = dotted(value) == dotted(kept.value)
                else:
                    last = kept.value.attr.value if isinstance(kept.value, cst.Attribute) else ""
                    same = isinstance(value, cst.Attribute) and value.attr.value == last
                if same:
                    found[id(node)] = [_place(value).with_changes(lpar=node.lpar, rpar=node.rpar)]
    return found


def _place(value: cst.BaseExpression) -> cst.Name | cst.Attribute:
    """``h_grad`` for ``h``, ``layer.out_grad`` for ``layer.out``."""
    if isinstance(value, cst.Attribute):
        return cst.Attribute(value.value, cst.Name(f"{value.attr.value}_grad"))
    assert isinstance(value, cst.Name)
    return cst.Name(f"{value.value}_grad")


def _asking(kept: _Kept, loss: str) -> cst.BaseStatement:
    """The statement that asks for the gradients."""
    place = code(_place(kept.value))
    if kept.each is None or kept.rows is None:
        text = f"{place} = torch.autograd.grad({loss}, {code(kept.value)}, retain_graph=True)[0]"
    else:
        each, rows = kept.each.value, code(kept.rows)
        values = f"[{code(kept.value)} for {each} in {rows}]"
        given = f"torch.autograd.grad({loss}, {values}, retain_graph=True)"
        text = f"for {each}, grad in zip({rows}, {given}):\n    {place} = grad"
    made = cst.parse_statement(text)
    assert isinstance(made, cst.BaseStatement)
    return made
