"""Places that a forward pass reads from a buffer or draws: ``p = int(self.place)``, then ``queue[p:p + n]``.

A compiled step has no number for them, so that they stay arrays, and the stretch is indexed by arrays.
"""

from __future__ import annotations

import libcst as cst

from fnn.port._edit import bare, call, grouped
from fnn.port._flow import names_in, walk
from fnn.port._steps import Steps

__all__ = ["APART", "is_apart", "pointers", "stretched"]

APART = (
    "where this slice begins is not known where a step is compiled; write the dimensions that are chosen beside each "
    "other, x[i][:, p + fnn.arange(n)]"
)


def pointers(function: cst.FunctionDef, steps: Steps) -> dict[str, cst.Call]:
    """The names of such places in a function, and the calls that made numbers of them."""
    found: dict[str, cst.Call] = {}
    for part in walk(function.body):
        match part:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=cst.Call() as value):
                if steps.takes_value(value) or steps.draws_place(value):
                    found[name] = value
    if not found:
        return {}
    fine: dict[str, int] = dict.fromkeys(found, 0)
    uses: dict[str, int] = dict.fromkeys(found, 0)
    attributes = {id(part.attr) for part in walk(function.body) if isinstance(part, cst.Attribute)}
    for part in walk(function.body):
        for node in _computed(part):
            if isinstance(node, cst.Name) and node.value in fine:
                fine[node.value] += 1
        if isinstance(part, cst.Name) and part.value in uses and id(part) not in attributes:
            uses[part.value] += 1
    sliced: set[str] = set()
    for part in walk(function.body):
        if isinstance(part, cst.Slice) and (n := _start(part)) in found:
            length = part.upper.right if isinstance(part.upper, cst.BinaryOperation) else part
            if names_in(length) & set(found):
                return {}  # how long it is would not be known either
            sliced.add(n)
    return {name: value for name, value in found.items() if fine[name] == uses[name] and name in sliced}


def _computed(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The parts of an expression or a statement where an array does as well as a number."""
    match node:
        case cst.BinaryOperation():
            return [node.left, node.right]
        case cst.Assign():
            return [node.value, *(t.target for t in node.targets)]
        case cst.AugAssign():
            return [node.value, node.target]
        case cst.Slice() if _start(node):
            return [n for n in (node.lower,) if n is not None]
        case cst.Index():
            return [node.value]
    return []


def _start(node: cst.Slice) -> str:
    """``p`` of ``p:p + n``."""
    match node.upper:
        case cst.BinaryOperation(left=cst.Name(value=name), operator=cst.Add()) if node.step is None:
            return name if isinstance(node.lower, cst.Name) and node.lower.value == name else ""
    return ""


def stretched(node: cst.Subscript, names: dict[str, cst.Call]) -> cst.Subscript | None:
    """Brackets with ``p + fnn.arange(n)`` for ``p:p + n``; None: they hold no such slice.

    Two of them beside each other choose rows and columns: ``x[(p + fnn.arange(n))[:, None], q + fnn.arange(m)]``.
    """
    made = [_stretch(element, names) for element in node.slice]
    at = [i for i, element in enumerate(made) if element is not None]
    beside = [i for i, e in enumerate(node.slice) if isinstance(e.slice, cst.Index) and not _is_open(e.slice.value)]
    chosen = sorted({*at, *beside})
    if not at or chosen[-1] - chosen[0] + 1 != len(chosen):  # arrays apart from each other put their dimensions first
        return None
    parts: list[cst.SubscriptElement] = []
    for i, (old, new) in enumerate(zip(node.slice, made, strict=True)):
        if new is not None and isinstance(new.slice, cst.Index) and (behind := sum(j > i for j in at)):
            wide = cst.parse_expression(f"x[:{', None' * behind}]")
            assert isinstance(wide, cst.Subscript)
            new = new.with_changes(slice=cst.Index(wide.with_changes(value=grouped(new.slice.value))))
        parts.append(new or old)
    return node.with_changes(slice=parts)


def is_apart(node: cst.Subscript, names: dict[str, cst.Call]) -> bool:
    """Whether brackets hold such a slice that no array can stand for."""
    return any(_stretch(element, names) for element in node.slice) and stretched(node, names) is None


def _is_open(index: cst.BaseExpression) -> bool:
    return isinstance(index, cst.Ellipsis) or (isinstance(index, cst.Name) and index.value == "None")


def _stretch(node: cst.SubscriptElement, names: dict[str, cst.Call]) -> cst.SubscriptElement | None:
    """``p + fnn.arange(n)`` for ``p:p + n``; None: this is no such slice."""
    part = node.slice
    if not isinstance(part, cst.Slice) or _start(part) not in names or not isinstance(part.upper, cst.BinaryOperation):
        return None
    length = call("fnn.arange", bare(part.upper.right))
    space = cst.SimpleWhitespace(" ")
    places = part.upper.with_changes(right=length, operator=cst.Add(space, space), lpar=[], rpar=[])
    return node.with_changes(slice=cst.Index(places))
