"""Numbers that a function draws from numpy, drawn by its callers and passed to it.

A compiled function is traced once: what it asked of numpy would be the same numbers for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from fnn.port._edit import arguments, replaced
from fnn.port._flow import bound, names_in, statements, walk
from fnn.port._scopes import dotted

__all__ = ["hoisted"]

_RANDOM = ("np.random.", "numpy.random.", "random.")


@dataclass
class _Draw:
    """A statement of a function that asks for numbers."""

    function: cst.FunctionDef
    line: cst.SimpleStatementLine
    name: str
    value: cst.BaseExpression
    method: bool

    @property
    def parameters(self) -> list[str]:
        return [p.name.value for p in self.function.params.params][1 if self.method else 0 :]


def hoisted(module: cst.Module) -> cst.Module | None:
    """The module with such numbers as parameters; None: no function draws them in a way that can be moved."""
    made = module
    passed: set[str] = set()
    while (draw := _draw(made, passed)) is not None:
        passed.add(f"{draw.function.name.value}.{draw.name}")
        changes = _changes(made, draw)
        if changes is not None:
            made = replaced(made, changes)
    return made if made is not module else None


def _draw(module: cst.Module, passed: set[str]) -> _Draw | None:
    for owner in module.body:
        method = isinstance(owner, cst.ClassDef)
        for function in owner.body.body if isinstance(owner, cst.ClassDef) else [owner]:
            if not isinstance(function, cst.FunctionDef) or not isinstance(function.body, cst.IndentedBlock):
                continue
            called = function.name.value
            if called.startswith("__") or called == "forward" or function.decorators:
                continue
            for draw in _draws(function, method):
                if f"{called}.{draw.name}" not in passed:
                    return draw
    return None


def _draws(function: cst.FunctionDef, method: bool) -> list[_Draw]:
    """The draws that need no more than the function's parameters."""
    found: list[_Draw] = []
    params = {p.name.value for p in function.params.params}
    for place, line in enumerate(function.body.body):
        match line:
            case cst.SimpleStatementLine(
                body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value)]
            ) if any((dotted(n.func) or "").startswith(_RANDOM) for n in walk(value) if isinstance(n, cst.Call)):
                others = [s for s in function.body.body if s is not line]
                needs = names_in(value)
                once = name not in bound(others) | params
                if once and not needs & bound(statements(function.body)[:place]) and "self" not in needs:
                    found.append(_Draw(function, line, name, value, method))
    return found


def _changes(module: cst.Module, draw: _Draw) -> dict[int, Sequence[cst.CSTNode]] | None:
    """What becomes of the function and of the statements that call it; None: it is used in some other way."""
    lines = [n for n in walk(module, functions=True) if isinstance(n, cst.SimpleStatementLine)]
    attributes = {id(n.attr) for n in walk(module, functions=True) if isinstance(n, cst.Attribute)}
    called = draw.function.name.value
    uses = sum(
        isinstance(n, cst.Name) and n.value == called and (id(n) in attributes) == draw.method
        for n in walk(module, functions=True)
    )
    changes: dict[int, Sequence[cst.CSTNode]] = {}
    for line in lines:
        calls = [n for n in walk(line, functions=True) if isinstance(n, cst.Call) and _is_of(n, draw)]
        if not calls:
            continue
        if len(calls) > 1 or draw.name in bound([line]):
            return None
        given = _given(calls[0], draw)
        if given is None:
            return None
        more = calls[0].with_changes(args=arguments(*calls[0].args, cst.Name(draw.name)))
        drawn = _filled(draw.line, given).with_changes(leading_lines=line.leading_lines)
        changes[id(line)] = [drawn, replaced(line, {id(calls[0]): [more]}).with_changes(leading_lines=[])]
    if not changes or uses != len(changes) + (0 if draw.method else 1):  # its definition is a use
        return None
    *first, last = draw.function.params.params
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    params = [*first, last.with_changes(comma=comma), cst.Param(cst.Name(draw.name))]
    changes[id(draw.function.params)] = [draw.function.params.with_changes(params=params)]
    changes[id(draw.line)] = []
    return changes


def _is_of(node: cst.Call, draw: _Draw) -> bool:
    called = draw.function.name.value
    if draw.method:
        return isinstance(node.func, cst.Attribute) and node.func.attr.value == called
    return isinstance(node.func, cst.Name) and node.func.value == called


def _given(node: cst.Call, draw: _Draw) -> dict[str, cst.BaseExpression] | None:
    """What stands at a call for the parameters that the draw needs; None: they are not plain."""
    if len(node.args) != len(draw.parameters) or any(a.star or a.keyword is not None for a in node.args):
        return None
    given = dict(zip(draw.parameters, (_bare(a.value) for a in node.args), strict=True))
    found = {n: given[n] for n in names_in(draw.value) if n in given}
    return found if all(isinstance(v, cst.Name | cst.Attribute) for v in found.values()) else None


def _filled(line: cst.SimpleStatementLine, given: dict[str, cst.BaseExpression]) -> cst.SimpleStatementLine:
    """The draw with arguments in the place of parameters."""
    line = line.deep_clone()
    other = {id(n.attr) for n in walk(line) if isinstance(n, cst.Attribute)}
    other |= {id(n.keyword) for n in walk(line) if isinstance(n, cst.Arg)}
    names = [n for n in walk(line) if isinstance(n, cst.Name) and id(n) not in other and n.value in given]
    return replaced(line, {id(n): [given[n.value].deep_clone()] for n in names})


def _bare(node: cst.BaseExpression) -> cst.BaseExpression:
    """``x`` for ``x.data`` and ``x.detach()``, whose shapes are the same."""
    match node:
        case cst.Attribute(value=value, attr=cst.Name(value="data")):
            return value
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="detach" | "cpu")), args=[]):
            return value
    return node
