"""What a loss is differentiated with respect to: the Modules and Parameters that its forward pass runs."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._flow import bound, walk
from fnn.port._kinds import BOX
from fnn.port._learning import Learning
from fnn.port._regions import Cannot
from fnn.port._scopes import Function, dotted

__all__ = ["trained"]

_NAMELESS = ""  # what has Parameters under a name that only the statements themselves bind, as in a loop over layers


def trained(nodes: Sequence[cst.CSTNode], steps: Learning, module: cst.Module) -> list[str]:
    """What statements run that has Parameters, as it is written there.

    Where Modules that are called have no name outside (those of a list), what optimizers were given stands for them.

    Raises:
        Cannot: neither is known.
    """
    found = _run_by(nodes, steps, set(), _asked_for_parameters(module))
    if not found or _NAMELESS in found:
        found = [n for n in found if n != _NAMELESS]
        optimized = _optimized(module, steps)
        found = [*found, *optimized] if optimized else []
    found = [n for n in dict.fromkeys(found) if not any(n.startswith(f"{other}.") for other in found)]
    if not found:
        raise Cannot("whose Parameters are differentiated is not known")
    return found


def _run_by(nodes: Sequence[cst.CSTNode], steps: Learning, seen: set[int], models: set[str]) -> list[str]:
    found: list[str | None] = []
    parts = [part for node in nodes for part in walk(node, functions=True)]
    for part in parts:
        if isinstance(part, cst.Name | cst.Attribute) and steps.kind(part) == BOX:
            found.append(dotted(part))
        if not isinstance(part, cst.Call):
            continue
        owner = part.func.value if isinstance(part.func, cst.Attribute) else None
        for given in (part.func, owner, *(a.value for a in part.args)):
            if given is not None and (_has_parameters(given, steps) or _is_model(given, steps, models)):
                found.append(dotted(given))
        for function in steps.functions(part):
            if id(function) not in seen:
                seen.add(id(function))
                found += _within(function, owner, steps, seen, models)
    local = bound(nodes)
    return [_NAMELESS if n.partition(".")[0] in local else n for n in found if n is not None]


def _within(
    function: Function, owner: cst.BaseExpression | None, steps: Learning, seen: set[int], models: set[str]
) -> list[str]:
    """What a function runs that its caller can name, too."""
    if not isinstance(function.node, cst.FunctionDef):
        return []
    method = function.owner is not None
    if method and function.owner is not None and function.owner.module:
        return []  # the Module itself is what is trained
    own = {p.name.value for p in walk(function.node.params) if isinstance(p, cst.Param)}
    named: list[str] = []
    for name in _run_by(function.node.body.body, steps, seen, models):
        root, _, rest = name.partition(".")
        if method and root == "self" and rest:
            named.append(f"{dotted(owner)}.{rest}" if dotted(owner) is not None else _NAMELESS)
        elif root not in own:
            named.append(name)
    return named


def _has_parameters(node: cst.BaseExpression, steps: Learning) -> bool:
    kind = steps.kind(node)
    return kind is not None and kind.tag == "module" and not steps.is_loss(kind)


def _is_model(node: cst.BaseExpression, steps: Learning, models: set[str]) -> bool:
    """Whether an expression is a Module that another file defines."""
    return steps.kind(node) is None and dotted(node) in models


def _asked_for_parameters(module: cst.Module) -> set[str]:
    """What a script asks for ``parameters()``, or for those of its parts."""
    found: set[str] = set()
    for part in walk(module, functions=True):
        match part:
            case cst.Call(func=cst.Attribute(value=owner, attr=cst.Name(value="parameters"))):
                name = dotted(owner) or ""
                while name:
                    found.add(name)
                    name = name.rpartition(".")[0]
    return found - {"self"}


def _optimized(module: cst.Module, steps: Learning) -> list[str]:
    """The Modules whose ``parameters()`` the optimizers of a script are given."""
    found: list[str] = []
    for part in walk(module, functions=True):
        kind = steps.kind(part) if isinstance(part, cst.Call) else None
        if kind is None or kind.tag != "optimizer":
            continue
        for inner in walk(part):
            match inner:
                case cst.Call(func=cst.Attribute(value=owner, attr=cst.Name(value="parameters"))):
                    found += [name] if (name := dotted(owner)) is not None else []
    return found
