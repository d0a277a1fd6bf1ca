"""Numbers that a function draws from numpy, drawn by its callers and passed to it.

A compiled function is traced once: what it asked of numpy would be the same numbers for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from fnn.port._edit import arguments
from fnn.port._flow import bound, names_in, statements, walk
from fnn.port._scopes import dotted

__all__ = ["hoisted"]

_RANDOM = ("np.random.", "numpy.random.", "random.")
_SAME = frozenset(("data", "detach", "cpu"))  # of an array whose shape is asked for


@dataclass
class _Draw:
    function: cst.FunctionDef
    line: cst.SimpleStatementLine
    name: str
    value: cst.BaseExpression
    method: bool


def hoisted(module: cst.Module) -> cst.Module | None:
    """The module with such numbers as parameters; None: no function draws them in a way that can be moved."""
    changed = False
    while (found := next(_draws(module), None)) is not None:
        mover = _Mover(found)
        module.visit(_Uses(found, mover))
        if not mover.calls or mover.spoiled:
            return module if changed else None
        module = module.visit(mover)
        if mover.done != len(mover.calls):
            return None
        changed = True
    return module if changed else None


def _draws(module: cst.Module) -> Iterator[_Draw]:
    for owner in module.body:
        functions = owner.body.body if isinstance(owner, cst.ClassDef) else [owner]
        for function in functions:
            if isinstance(function, cst.FunctionDef) and isinstance(function.body, cst.IndentedBlock):
                if (draw := _draw(function, isinstance(owner, cst.ClassDef))) is not None:
                    yield draw


def _draw(function: cst.FunctionDef, method: bool) -> _Draw | None:
    names = [p.name.value for p in function.params.params]
    if function.name.value.startswith("__") or function.name.value == "forward" or function.decorators:
        return None
    for place, line in enumerate(function.body.body):
        match line:
            case cst.SimpleStatementLine(
                body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value)]
            ) if _asks_numpy(value):
                earlier = bound(statements(function.body)[:place])
                again = name in bound([s for s in function.body.body if s is not line]) or name in names
                if not again and not names_in(value) & earlier and "self" not in names_in(value):
                    return _Draw(function, line, name, value, method)
    return None


def _asks_numpy(node: cst.CSTNode) -> bool:
    return any(isinstance(n, cst.Call) and (dotted(n.func) or "").startswith(_RANDOM) for n in walk(node))


class _Uses(cst.CSTVisitor):
    """Finds the calls of the function, and whether it is used in any other way."""

    def __init__(self, draw: _Draw, mover: _Mover) -> None:
        self._draw, self._mover = draw, mover

    def visit_Call(self, node: cst.Call) -> None:
        if self._mover.is_call(node):
            plain = not any(a.star or a.keyword is not None for a in node.args)
            self._mover.spoiled |= not plain or len(node.args) != self._mover.count or self._mover.needs(node) is None
            self._mover.calls.append(node)

    def visit_Name(self, node: cst.Name) -> None:
        if node.value == self._draw.function.name.value:
            self._mover.uses += 1
            self._mover.spoiled |= self._mover.uses > len(self._mover.calls) + 1  # its definition is one use


class _Mover(cst.CSTTransformer):
    def __init__(self, draw: _Draw) -> None:
        super().__init__()
        self._draw = draw
        self.calls: list[cst.Call] = []
        self.uses = self.done = 0
        self.spoiled = False
        self._names = [p.name.value for p in draw.function.params.params][1 if draw.method else 0 :]
        self.count = len(self._names)
        self._pending: list[cst.Call] = []

    def is_call(self, node: cst.Call) -> bool:
        wanted = self._draw.function.name.value
        if self._draw.method:
            return isinstance(node.func, cst.Attribute) and node.func.attr.value == wanted
        return isinstance(node.func, cst.Name) and node.func.value == wanted

    def needs(self, node: cst.Call) -> dict[str, cst.BaseExpression] | None:
        """What the drawn expression's parameters are at a call; None: one is not simple."""
        given = dict(zip(self._names, (_bare(a.value) for a in node.args), strict=False))
        wanted = names_in(self._draw.value) & set(self._names)
        found = {n: given[n] for n in wanted if n in given}
        simple = all(isinstance(v, cst.Name | cst.Attribute) for v in found.values())
        return found if simple and len(found) == len(wanted) else None

    def visit_Call(self, node: cst.Call) -> None:
        if any(node is c for c in self.calls):
            self._pending.append(node)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if not any(original_node is c for c in self.calls):
            return updated_node
        return updated_node.with_changes(args=arguments(*updated_node.args, cst.Name(self._draw.name)))

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine] | cst.RemovalSentinel:
        if original_node is self._draw.line:
            return cst.RemoveFromParent()
        if not self._pending:
            return updated_node
        calls, self._pending = self._pending, []
        self.done += len(calls)
        lead = updated_node.leading_lines
        made: list[cst.SimpleStatementLine] = []
        for call in calls:
            line = self._draw.line.with_changes(leading_lines=[]).deep_clone()
            values = self.needs(call)
            assert isinstance(line, cst.SimpleStatementLine) and values is not None
            filled = line.visit(_Filled(values))
            assert isinstance(filled, cst.SimpleStatementLine)
            made.append(filled)
        return cst.FlattenSentinel([made[0].with_changes(leading_lines=lead), *made[1:],
                                    updated_node.with_changes(leading_lines=[])])  # fmt: skip

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        if original_node is not self._draw.function:
            return updated_node
        *first, last = updated_node.params.params
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        params = [*first, last.with_changes(comma=comma), cst.Param(cst.Name(self._draw.name))]
        return updated_node.with_changes(params=updated_node.params.with_changes(params=params))


class _Filled(cst.CSTTransformer):
    """An expression with arguments in the place of parameters."""

    def __init__(self, values: dict[str, cst.BaseExpression]) -> None:
        super().__init__()
        self._values = values

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        found = self._values.get(updated_node.value)
        return updated_node if found is None else found.deep_clone()

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        return updated_node.with_changes(attr=original_node.attr)  # x.real is no variable

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_AssignTarget(self, original_node: cst.AssignTarget, updated_node: cst.AssignTarget) -> cst.AssignTarget:
        return original_node



def _bare(node: cst.BaseExpression) -> cst.BaseExpression:
    """``x`` for ``x.data`` and ``x.detach()``."""
    match node:
        case cst.Attribute(value=value, attr=cst.Name(value="data")):
            return value
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value=attr)), args=[]) if attr in _SAME:
            return value
    return node
