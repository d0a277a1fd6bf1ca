"""Dicts from ``state_dict()`` whose tensors a script writes in place, as a moving average of a model does.

In PyTorch they are the model's own; in fnn they are with ``keep_vars=True``, which gives the boxes.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fnn.port._flow import scope_body, walk

__all__ = ["written_states"]


def written_states(module: cst.Module) -> set[int]:
    """The identities of the calls of ``state_dict`` whose tensors are written."""
    found: set[int] = set()
    functions = [n for n in walk(module, functions=True) if isinstance(n, cst.FunctionDef)]
    for scope in (module, *functions):
        body = scope_body(scope)
        named = dict(_named(body))
        for node in (n for s in body for n in walk(s)):
            if isinstance(node, cst.For):
                for target, rows in _pairs(node.target, node.iter):
                    if _written(node.body) & _names(target):
                        found |= _calls(rows, named)
        for name, call in named.items():
            if any(f"{name}[" in w for s in body for w in _written(s)):
                found.add(id(call))
    return found


def _named(body: list[cst.CSTNode]) -> Iterator[tuple[str, cst.Call]]:
    """``states = model.state_dict()``."""
    for node in (n for s in body for n in walk(s)):
        match node:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=cst.Call() as call):
                if _is_state(call):
                    yield name, call


def _pairs(target: cst.BaseExpression, rows: cst.BaseExpression) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """What a loop goes over and what it calls it; those of a ``zip`` one by one."""
    match target, rows:
        case cst.Tuple(elements=parts), cst.Call(func=cst.Name(value="zip"), args=given) if len(parts) == len(given):
            for part, argument in zip(parts, given, strict=True):
                yield part.value, argument.value
        case _:
            yield target, rows


def _calls(rows: cst.CSTNode, named: dict[str, cst.Call]) -> set[int]:
    """The calls of ``state_dict`` from which an iterable comes."""
    found = {id(n) for n in walk(rows) if isinstance(n, cst.Call) and _is_state(n)}
    return found | {id(named[n.value]) for n in walk(rows) if isinstance(n, cst.Name) and n.value in named}


def _is_state(node: cst.Call) -> bool:
    return isinstance(node.func, cst.Attribute) and node.func.attr.value == "state_dict" and not node.args


def _written(node: cst.CSTNode) -> set[str]:
    """The names whose tensors are written in place, ``name[`` for those of a dict's entries."""
    found: set[str] = set()
    for part in walk(node):
        match part:
            case cst.AugAssign(target=target):
                found |= _root(target)
            case cst.Expr(value=cst.Call(func=cst.Attribute(value=base, attr=cst.Name(value=method)))):
                if method.endswith("_") and not method.startswith("_"):
                    found |= _root(base)
    return found


def _root(node: cst.BaseExpression) -> set[str]:
    match node:
        case cst.Name(value=name):
            return {name}
        case cst.Subscript(value=cst.Name(value=name)):
            return {f"{name}["}
        case cst.Attribute(value=value, attr=cst.Name(value="data")):
            return _root(value)
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value=method))) if method.endswith("_"):
            return _root(value)
    return set()


def _names(target: cst.CSTNode) -> set[str]:
    return {n.value for n in walk(target) if isinstance(n, cst.Name)}
