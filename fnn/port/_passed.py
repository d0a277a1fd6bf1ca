"""Functions that differentiate what their callers have computed: ``backprop(loss, optimizer)``, ``learn(outputs, y)``.

Nothing remembers how an array was computed, so that such a function is a part of the step of its caller, which runs the
model.  It stays a function; the region that is outlined reaches from the forward pass to its call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import libcst as cst

from fnn.port._edit import code, replaced
from fnn.port._flow import bound, names_in, walk
from fnn.port._infer import Inference
from fnn.port._kinds import ARRAY, BOX, Kind, ways
from fnn.port._scopes import Function, dotted, is_static
from fnn.port._steps import Steps

__all__ = ["passed", "with_finishers"]

_N = TypeVar("_N", bound=cst.CSTNode)

_ENDS = frozenset("item detach numpy tolist argmax argmin sample long int bool step data".split())  # of a graph
_NO_ARRAYS = frozenset("number numpy text shape module optimizer loader dtype device none instance box".split())
_Scope = cst.Module | cst.FunctionDef


def with_finishers(module: cst.Module, found: Inference) -> cst.Module:
    """Notes such functions in ``found``; those that end in a number (``return loss.item()``) return the array."""
    search = _Search(module, found)
    search.run()
    if not found.finishers:
        return module
    steps = Steps(found)
    changes: dict[int, Sequence[cst.CSTNode]] = {}
    for node in search.scopes:
        if isinstance(node, cst.FunctionDef) and id(node.params) in found.finishers:
            changes.update(_arrays_returned(node, found, steps))
    taken = {n.value for n in walk(module, functions=True) if isinstance(n, cst.Name)}
    for line in walk(module, functions=True):
        if isinstance(line, cst.SimpleStatementLine):
            changes.update(_apart(line, found, taken))
    return replaced(module, changes)


class _Search:
    """Follows what is computed with Modules into the parameters of functions."""

    def __init__(self, module: cst.Module, found: Inference) -> None:
        self._found = found
        self._steps = Steps(found)
        functions = [n for n in walk(module, functions=True) if isinstance(n, cst.FunctionDef)]
        self.scopes: list[_Scope] = [module, *functions]
        self._given: dict[int, set[str]] = {id(f): set() for f in functions}
        self._giving: set[int] = set()  # functions that return such arrays
        self._held: set[str] = set()  # attributes of self, as "self.x", that are given such arrays

    def run(self) -> None:
        state: tuple[int, ...] = ()
        while state != (now := (
            sum(map(len, self._given.values())), len(self._giving), len(self._found.finishers), len(self._held)
        )):  # fmt: skip
            state = now
            for scope in self.scopes:
                self._look(scope)

    def _look(self, scope: _Scope) -> None:
        names = self._formed(scope)
        for call in _nodes(scope, cst.Call):
            for function in self._steps.functions(call):
                for name, value in passed(function, call):
                    if id(function.node) in self._given and self._may_be_arrays(value) and self._grows(value, names):
                        self._given[id(function.node)].add(name)
        if isinstance(scope, cst.FunctionDef):
            if any(n.value is not None and self._grows(n.value, names) for n in _nodes(scope, cst.Return)):
                self._giving.add(id(scope))
            come = self._given[id(scope)] | (self._held - _assigned(scope))
            if self._differentiated(scope) & come:
                self._found.finishers.add(id(scope.params))

    def _may_be_arrays(self, node: cst.BaseExpression) -> bool:
        kind = self._found.of(node)
        return kind is None or kind.tag not in _NO_ARRAYS

    def _formed(self, scope: _Scope) -> set[str]:
        """The names in a scope that stand for what was computed with Modules or Parameters."""
        names = set(self._given.get(id(scope), ()))
        quiet = {id(n) for w in _nodes(scope, cst.With) if _is_quiet(w) for n in walk(w)}
        if isinstance(scope, cst.FunctionDef) and any(_makes_quiet(d.decorator) for d in scope.decorators):
            return set()
        while True:
            more = set(names)
            for part in _nodes(scope, cst.Assign, cst.AugAssign, cst.For):
                value = part.iter if isinstance(part, cst.For) else part.value
                if id(part) not in quiet and self._grows(value, names):
                    targets = part.targets if isinstance(part, cst.Assign) else [part]
                    more |= {n for t in targets for n in _bound_by(t.target)}
                    self._held |= {n for t in targets for n in _attributes(t.target)}
            if more == names:
                return names
            names = more

    def _grows(self, node: cst.CSTNode, names: set[str], top: bool = True) -> bool:
        """Whether an expression has a graph that begins at a Module or a Parameter."""
        kind = self._found.of(node)
        if kind is not None and (kind.tag in ("number", "numpy", "text", "shape") or (top and kind == BOX)):
            return False
        match node:
            case cst.Name(value=name):
                return name in names or kind == BOX
            case cst.Attribute() if dotted(node) in self._held:
                return True
            case cst.Attribute(attr=attr, value=value):
                return attr.value not in _ENDS and (kind == BOX or self._grows(value, names, False))
            case cst.Comparison() | cst.Lambda():
                return False
            case cst.Call(func=func):
                known = [f for f in self._steps.functions(node) if id(f.node) in self._given]
                called = self._found.of(func)
                if any(way.tag == "module" for way in ways(called)):
                    return True
                if known:
                    return any(id(f.node) in self._giving for f in known)
                if isinstance(func, cst.Attribute) and func.attr.value in _ENDS:
                    return False
        return any(self._grows(child, names, False) for child in node.children)

    def _differentiated(self, scope: cst.FunctionDef) -> set[str]:
        """The names that the losses of a function are made of."""
        found: set[str] = set()
        for call in _nodes(scope, cst.Call):
            if self._found.is_backward(call) and isinstance(call.func, cst.Attribute):
                found |= _read(call.func.value)
            elif self._steps.finishes(call) is not None:
                found |= {n for a in call.args for n in _read(a.value)}
        while True:
            more = set(found)
            for part in _nodes(scope, cst.Assign, cst.AugAssign, cst.For):
                targets = part.targets if isinstance(part, cst.Assign) else [part]
                if any((_bound_by(t.target) | _attributes(t.target)) & found for t in targets):
                    more |= _read(part.iter if isinstance(part, cst.For) else part.value)
            if more == found:
                return found
            found = more


def _nodes(scope: _Scope, *kinds: type[_N]) -> Iterator[_N]:
    body = scope.body.body if isinstance(scope, cst.FunctionDef) else scope.body
    return (n for s in body if not isinstance(s, cst.FunctionDef | cst.ClassDef) for n in walk(s)
            if isinstance(n, kinds))  # fmt: skip


def _bound_by(target: cst.BaseAssignTargetExpression) -> set[str]:
    return bound([cst.AssignTarget(target)])


def _attributes(target: cst.CSTNode) -> set[str]:
    """The attributes of ``self`` that a target gives a value, as "self.x"."""
    parts = [e.value for e in target.elements] if isinstance(target, cst.Tuple | cst.List) else [target]
    names = [dotted(p) for p in parts if isinstance(p, cst.Attribute)]
    return {name for name in names if name is not None and _is_own(name)}


def _assigned(scope: cst.FunctionDef) -> set[str]:
    """The attributes of ``self`` that a function gives values itself."""
    return {n for part in _nodes(scope, cst.AssignTarget) for n in _attributes(part.target)}


def _is_own(name: str | None) -> bool:
    return name is not None and name.startswith("self.") and name.count(".") == 1


def _read(node: cst.CSTNode) -> set[str]:
    """The names and the attributes of ``self`` that an expression reads, but for what is detached."""
    match node:
        case cst.Attribute(attr=cst.Name(value="data")):
            return set()
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="detach" | "item" | "numpy" | "tolist"))):
            return set()
        case cst.Name(value=name):
            return {name}
        case cst.Attribute() if _is_own(name := dotted(node)) and name is not None:
            return {name}
        case cst.Attribute(value=value) | cst.Arg(value=value):
            return _read(value)
        case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp() | cst.Lambda():
            return names_in(node)
    return {name for child in node.children for name in _read(child)}


def _is_quiet(node: cst.With) -> bool:
    """Whether nothing in a ``with`` has a graph."""
    return any(_makes_quiet(i.item) for i in node.items)


def _makes_quiet(node: cst.BaseExpression) -> bool:
    name = dotted(node.func) if isinstance(node, cst.Call) else dotted(node)
    return (name or "").rpartition(".")[2] in ("no_grad", "inference_mode")


def passed(function: Function, node: cst.Call) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The parameters of a function and what a call gives for them."""
    params = [*function.node.params.posonly_params, *function.node.params.params]
    static = isinstance(function.node, cst.FunctionDef) and is_static(function.node)
    places = [p.name.value for p in params][1 if function.owner is not None and not static else 0 :]
    for argument in node.args:
        if argument.star:
            return
        if argument.keyword is not None:
            yield argument.keyword.value, argument.value
        elif places:
            yield places.pop(0), argument.value


def _arrays_returned(node: cst.FunctionDef, found: Inference, steps: Steps) -> dict[int, Sequence[cst.CSTNode]]:
    """``return loss`` for ``return loss.item()``, if a function takes no other values; else it is noted."""
    changes: dict[int, Sequence[cst.CSTNode]] = {}
    for part in _nodes(node, cst.Return):
        for call in steps.calls(part):
            if steps.takes_value(call):
                match call.func:
                    case cst.Attribute(attr=cst.Name(value="item"), value=array):
                        changes[id(call)] = [array]
                    case cst.Name(value="float"):
                        changes[id(call)] = [call.args[0].value]
    made = replaced(node.body, changes)
    for statement in made.body:
        if steps.talks(statement) or steps.draws_on_host(statement):
            lines = [n for n in walk(statement) if isinstance(n, cst.SimpleStatementLine)]
            first = next((n for n in lines if steps.talks(n) or steps.draws_on_host(n)), statement)
            shown = code(first.with_changes(leading_lines=[])).splitlines()[0]
            found.talking[id(node.params)] = shown
            return {}
    return changes


def _apart(line: cst.SimpleStatementLine, found: Inference, taken: set[str]) -> dict[int, Sequence[cst.CSTNode]]:
    """``total += learn(outputs, y)`` in two lines; what a step gives is an array."""
    calls = [c for c in Steps(found).calls(line) if Steps(found).finishes(c) is not None]
    if len(calls) != 1 or len(line.body) != 1:
        return {}
    small = line.body[0]
    kind = found.of(calls[0])
    if kind is not None and kind.tag == "number":
        found.kinds[id(calls[0])] = ARRAY
    match small:
        case cst.Expr(value=value) if value is calls[0]:
            return {}
        case cst.Assign(value=value, targets=targets) if value is calls[0]:
            for target in targets:
                if (known := found.of(target.target)) is not None and known.tag == "number":
                    found.kinds[id(target.target)] = ARRAY
            return {}
        case cst.Expr() | cst.Assign() | cst.AugAssign() if not _conditional(small):
            return {id(line): _two(line, calls[0], found.of(calls[0]), found, taken)}
    return {}


def _conditional(node: cst.CSTNode) -> bool:
    kinds = cst.IfExp | cst.BooleanOperation | cst.BaseComp | cst.Await | cst.NamedExpr
    return any(isinstance(n, kinds) for n in walk(node))


def _two(
    line: cst.SimpleStatementLine, call: cst.Call, kind: Kind | None, found: Inference, taken: set[str]
) -> list[cst.CSTNode]:
    called, number = "loss", 2
    while called in taken:
        called, number = f"loss_{number}", number + 1
    taken.add(called)
    target, use = cst.Name(called), cst.Name(called)
    found.kinds[id(target)] = found.kinds[id(use)] = kind
    first = cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(target)], call)], leading_lines=line.leading_lines)
    return [first, replaced(line, {id(call): [use]}).with_changes(leading_lines=[])]
