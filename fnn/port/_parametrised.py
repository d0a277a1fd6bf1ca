"""Arrays that a loop makes Parameters while they have other names, made Parameters where they are made.

``for p in parameters: p.requires_grad = True`` changes arrays that objects and variables hold; there are no such
arrays here.  So each place that such a list is filled from is looked up, through methods like ``parameters`` too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from fnn.port._edit import bare, call, replaced
from fnn.port._fixed import matched
from fnn.port._flow import walk
from fnn.port._infer import Inference
from fnn.port._kinds import BOX, Kind, is_array, torch_name, ways
from fnn.port._scopes import Function, dotted, requiring
from fnn.port._tree import Scope, Tree

__all__ = ["parametrised"]

_SAME = frozenset("list tuple set sorted reversed".split())


def parametrised(module: cst.Module, found: Inference) -> cst.Module | None:
    """The module with such arrays as ``torch.nn.Parameter``; None: where they are made is not known."""
    tree = Tree(module)
    changes: dict[int, Sequence[cst.CSTNode]] = {}
    maker = next((n for n, k in found.globals.items() if k == torch_name("torch.nn")), "torch.nn")
    for loop in walk(module, functions=True):
        if not isinstance(loop, cst.For) or not requiring(loop) or found.shared.get(id(loop.iter)) is not None:
            continue
        made = _Sources(module, found, tree).of(loop.iter)
        for value in made or ():
            changes[id(value)] = [call(f"{maker}.Parameter", bare(value))]
    return replaced(module, changes) if changes else None


class _Sources:
    """Follows a list of arrays to the expressions that make them; None: they are not known."""

    def __init__(self, module: cst.Module, found: Inference, tree: Tree) -> None:
        self._module, self._found, self._tree = module, found, tree
        self._seen: set[int] = set()  # functions whose results are followed already

    def of(self, node: cst.BaseExpression) -> list[cst.BaseExpression] | None:
        """The expressions that make the arrays of a list."""
        match node:
            case cst.List() | cst.Tuple() | cst.Set():
                return _all(
                    self.of(e.value) if isinstance(e, cst.StarredElement) else self._array(e.value)
                    for e in node.elements
                )
            case cst.BinaryOperation(left=left, right=right, operator=cst.Add()):
                return _all(self.of(side) for side in (left, right))
            case cst.IfExp(body=one, orelse=other):
                return _all(self.of(way) for way in (one, other))
            case cst.ListComp(elt=each, for_in=loop) | cst.GeneratorExp(elt=each, for_in=loop):
                return self._each(each, loop)
            case cst.Call(func=cst.Name(value=called), args=[cst.Arg(value=given, star="")]) if called in _SAME:
                return self.of(given)
            case cst.Call(func=cst.Name(value="sum"), args=[cst.Arg(value=given), cst.Arg(value=cst.List())]):
                return self._of_each(given)
            case cst.Call(func=func, args=args) if (dotted(func) or "").rpartition(".")[2] == "chain":
                return _all(self._of_each(a.value) if a.star else self.of(a.value) for a in args)
            case cst.Call(func=func):
                return self._called(self._found.of(func))
            case cst.Name() | cst.Attribute():
                return self._filled(node)
            case cst.Subscript(value=value, slice=[cst.SubscriptElement(slice=cst.Slice())]):
                return self.of(value)
        return None

    def _each(self, each: cst.BaseExpression, loop: cst.CompFor) -> list[cst.BaseExpression] | None:
        """The arrays of a comprehension."""
        if isinstance(each, cst.Attribute):
            return self._array(each)
        part: cst.CompFor | None = loop
        while part is not None:
            if isinstance(each, cst.Name) and dotted(part.target) == each.value:  # type: ignore[arg-type]
                return self.of(part.iter)
            part = part.inner_for_in
        return None

    def _of_each(self, node: cst.BaseExpression) -> list[cst.BaseExpression] | None:
        """The arrays of a list of lists."""
        match node:
            case cst.List() | cst.Tuple():
                return _all(self.of(e.value) for e in node.elements)
            case cst.ListComp(elt=each) | cst.GeneratorExp(elt=each):
                return self.of(each)
        return None

    def _called(self, kind: Kind | None) -> list[cst.BaseExpression] | None:
        """The arrays of the lists that functions of the script return."""
        functions = [self._found.functions.get(int(w.name)) if w.tag == "function" else None for w in ways(kind)]
        return _all(self._returned(f) for f in functions) if functions else None

    def _returned(self, function: Function | None) -> list[cst.BaseExpression] | None:
        if function is None or not isinstance(function.node, cst.FunctionDef):
            return None
        if id(function.node) in self._seen:
            return []
        self._seen.add(id(function.node))
        given = [n.value for n in walk(function.node.body) if isinstance(n, cst.Return)]
        return _all(self.of(value) if value is not None else None for value in given) if given else None

    def _filled(self, node: cst.Name | cst.Attribute) -> list[cst.BaseExpression] | None:
        """The arrays of a list that a name or an attribute stands for, and what is added to it."""
        found: list[list[cst.BaseExpression] | None] = []
        for value in self._values(node):
            found.append(None if value is None else self.of(value))
        if not found:
            return None
        for part in walk(self._module, functions=True):
            match part:
                case cst.Call(func=cst.Attribute(value=rows, attr=cst.Name(value=how)), args=[cst.Arg(value=given)]):
                    if self._is(rows, node) and how in ("append", "extend"):
                        found.append(self._array(given) if how == "append" else self.of(given))
                case cst.AugAssign(target=rows, value=given):
                    if self._is(rows, node):
                        found.append(self.of(given))
        return _all(found)

    def _array(self, node: cst.BaseExpression) -> list[cst.BaseExpression] | None:
        """What makes an array: its own expression, or the last one that was given a name."""
        kind = self._found.of(node)
        if kind == BOX or dotted(node) == "None":
            return []
        if not is_array(kind):
            return None
        match node:
            case cst.Call() | cst.BinaryOperation():
                return [node]
            case cst.IfExp(body=one, orelse=other):
                return _all(self._array(way) for way in (one, other))
            case cst.Name():
                values = self._values(node)
                beside = len(values) > 1 and not self._in_a_row(node)
                last = values[-1] if values and not beside else None
                return None if last is None else self._wrapped(last)
            case cst.Attribute():
                values = self._values(node)
                return _all(None if v is None else self._wrapped(v) for v in values) if values else None
        return None

    def _wrapped(self, value: cst.BaseExpression) -> list[cst.BaseExpression] | None:
        """The expressions in an assigned value that make the array."""
        if isinstance(value, cst.IfExp):
            return _all(self._wrapped(way) for way in (value.body, value.orelse))
        kind = self._found.of(value)
        if kind == BOX or dotted(value) == "None":
            return []
        if isinstance(value, cst.Name | cst.Attribute):
            return self._array(value)  # another name of an array
        return [value] if is_array(kind) else None

    def _in_a_row(self, name: cst.Name) -> bool:
        """Whether all assignments to a name are statements of its function itself, none of them in a block."""
        scope = self._tree.scope[id(name)]
        body = scope.body.body if isinstance(scope, cst.FunctionDef) else scope.body
        targets = [n for n in self._tree.names(scope, name.value) if isinstance(self._above(n), cst.AssignTarget)]
        return all(self._above(self._above(self._above(n))) in body for n in targets)

    def _values(self, node: cst.Name | cst.Attribute) -> list[cst.BaseExpression | None]:
        """What is assigned to a name or an attribute, in order; None: one of several at once, or an argument."""
        found: list[cst.BaseExpression | None] = []
        for part in walk(self._module, functions=True):
            match part:
                case cst.Assign(targets=targets, value=value):
                    for target in targets:
                        pairs = matched(target.target, value)
                        found += [given for place, given in pairs if self._is(place, node)]
                        if len(pairs) == 1 and isinstance(target.target, cst.Tuple | cst.List):
                            found += [None for e in target.target.elements if self._is(e.value, node)]
                case cst.AnnAssign(target=target, value=value) if value is not None:
                    found += [value] if self._is(target, node) else []
                case cst.Param(name=name):
                    found += [None] if isinstance(node, cst.Name) and self._is(name, node) else []
                case cst.For(target=target) | cst.CompFor(target=target):
                    if isinstance(node, cst.Name):
                        found += [None for n in walk(target) if isinstance(n, cst.Name) and self._is(n, node)]
        return found

    def _is(self, other: cst.BaseExpression, node: cst.Name | cst.Attribute) -> bool:
        """Whether an expression is the same variable, or the same attribute of an object of the same class."""
        if isinstance(node, cst.Name):
            return isinstance(other, cst.Name) and other.value == node.value and self._home(other) is self._home(node)
        if not isinstance(other, cst.Attribute) or other.attr.value != node.attr.value:
            return False
        owners = {way.name for way in ways(self._found.of(node.value))}
        return any(way.name in owners for way in ways(self._found.of(other.value)))

    def _home(self, name: cst.Name) -> Scope:
        """The function that binds a name, or the module."""
        scope = self._tree.scope[id(name)]
        while isinstance(scope, cst.FunctionDef):
            if any(self._binds(n) for n in self._tree.names(scope, name.value)):
                return scope
            scope = self._tree.scope[id(scope)]
        return scope

    def _binds(self, name: cst.Name) -> bool:
        """Whether a name stands where it gets a value."""
        node: cst.CSTNode = name
        above = self._above(node)
        while isinstance(above, cst.Tuple | cst.List | cst.Element | cst.StarredElement):
            node, above = above, self._above(above)
        match above:
            case cst.AssignTarget() | cst.Param():
                return True
            case cst.For(target=target) | cst.CompFor(target=target) | cst.AnnAssign(target=target):
                return target is node
        return False

    def _above(self, node: cst.CSTNode) -> cst.CSTNode:
        return self._tree.above[id(node)]


def _all(
    found: Iterator[list[cst.BaseExpression] | None] | list[list[cst.BaseExpression] | None],
) -> list[cst.BaseExpression] | None:
    """All of several lists; None: one of them is not known."""
    joined: list[cst.BaseExpression] = []
    for one in found:
        if one is None:
            return None
        joined += one
    return joined
