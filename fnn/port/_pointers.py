"""Places in an array that a forward pass reads from a buffer: ``p = int(self.place)``, then ``queue[p:p + n]``.

A compiled step has no number for them, so that they stay arrays, and the stretch is indexed by arrays.
"""

from __future__ import annotations

import libcst as cst

from fnn.port._edit import bare, call
from fnn.port._flow import walk
from fnn.port._steps import Steps

__all__ = ["pointers", "stretch"]


def pointers(function: cst.FunctionDef, steps: Steps) -> dict[str, cst.Call]:
    """The names of such places in a function, and the calls that made numbers of them."""
    found: dict[str, cst.Call] = {}
    for part in walk(function.body):
        match part:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=cst.Call() as value):
                if steps.takes_value(value):
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
    sliced = {n for part in walk(function.body) if isinstance(part, cst.Slice) and (n := _start(part)) in found}
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


def stretch(node: cst.SubscriptElement, names: dict[str, cst.Call]) -> cst.SubscriptElement | None:
    """``p + fnn.arange(n)`` for ``p:p + n``; None: this is no such slice."""
    part = node.slice
    if not isinstance(part, cst.Slice) or _start(part) not in names or not isinstance(part.upper, cst.BinaryOperation):
        return None
    length = call("fnn.arange", bare(part.upper.right))
    space = cst.SimpleWhitespace(" ")
    places = part.upper.with_changes(right=length, operator=cst.Add(space, space), lpar=[], rpar=[])
    return node.with_changes(slice=cst.Index(places))
