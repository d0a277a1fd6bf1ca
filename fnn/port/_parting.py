"""Blocks of a training loop in two: what computes, and what asks the host, before it or behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import libcst as cst

from fnn.port._edit import assign, call, replaced
from fnn.port._flow import bound, first_reads, names_in, walk
from fnn.port._kinds import NUMBER
from fnn.port._regions import first_place
from fnn.port._scopes import dotted
from fnn.port._steps import Steps

__all__ = ["parts_of"]

_MODES = frozenset("set_grad_enabled enable_grad autocast no_sync".split())


def _parted(node: cst.CSTNode, steps: Steps) -> list[cst.CSTNode]:
    """The statement, or two in its place.

    ``with set_grad_enabled(training): ...`` lets what talks stand behind it; ``if training: ...`` is asked once more.
    """
    if not isinstance(node, cst.With | cst.If) or not isinstance(node.body, cst.IndentedBlock):
        return [node]
    essential = steps.differentiates(node) or steps.updates(node)
    if isinstance(node, cst.With):
        fine = all(_is_mode(item) for item in node.items) and (essential or steps.runs_module(node))
    else:
        fine = essential and node.orelse is None and _is_plain(node.test)
    body = node.body.body
    head = list(body)
    while head and not _is_essential(head[-1], steps) and not steps.runs_module(head[-1]):
        head.pop()
    tail = list(body[len(head) :])
    while tail and isinstance(tail[0], cst.SimpleStatementLine) and not _asks(tail[0], steps):
        head.append(tail.pop(0))  # what only computes stays
    fine = fine and any(_asks(s, steps) for s in tail)
    if not fine or not head or not tail or any(steps.talks(s) for s in head):
        return [node]
    if any(isinstance(n, cst.Break | cst.Continue | cst.Return) for n in walk(node)):
        return [node]
    first = replaced(node, {id(n): [] for n in tail})
    if isinstance(node, cst.With):
        return [first, *tail]
    if names_in(node.test) & bound(head):
        return [node]
    again = node.with_changes(body=node.body.with_changes(body=tail), leading_lines=[])
    return [first, again]


def _asks(node: cst.CSTNode, steps: Steps) -> bool:
    return steps.talks(node) or steps.draws_on_host(node)


def _is_essential(node: cst.CSTNode, steps: Steps) -> bool:
    return steps.differentiates(node) or steps.updates(node)


def _is_mode(item: cst.WithItem) -> bool:
    """Whether a context decides over gradients or dtypes, which mean nothing to what is printed."""
    call = item.item
    name = dotted(call.func) if isinstance(call, cst.Call) else dotted(call)
    return item.asname is None and (name or "").rpartition(".")[2] in _MODES


def _is_plain(test: cst.BaseExpression) -> bool:
    """Whether a condition is a name, or its negation, which costs nothing to ask twice."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        test = test.expression
    return isinstance(test, cst.Name | cst.Attribute)


def parts_of(body: Sequence[cst.CSTNode], steps: Steps, fresh: Callable[[str], str]) -> list[cst.CSTNode]:
    """The statements of a body, such blocks in two; ``fresh`` gives names that the script does not have."""
    return [part for node in body for whole in _prepared(node, steps, fresh) for part in _parted(whole, steps)]


def _prepared(node: cst.CSTNode, steps: Steps, fresh: Callable[[str], str]) -> list[cst.CSTNode]:
    """A branch that draws numbers of the host and then computes, as the cutting and mixing of pictures does.

    ``if test: draw; compute; else: compute`` becomes ``taken = bool(test)``, ``if taken: draw``, and the rest.
    """
    if not isinstance(node, cst.If) or not isinstance(node.orelse, cst.Else):
        return [node]
    way, other = node.body, node.orelse.body
    if not isinstance(way, cst.IndentedBlock) or not isinstance(other, cst.IndentedBlock):
        return [node]
    first = next((i for i, s in enumerate(way.body) if steps.runs_module(s)), 0)
    draws, computes = list(way.body[:first]), list(way.body[first:])
    if not draws or not any(steps.draws_on_host(s) for s in draws) or steps.differentiates(node):
        return [node]
    if any(steps.calls(node.test)) or not all(isinstance(s, cst.SimpleStatementLine) for s in draws):
        return [node]
    if any(steps.draws_on_host(s) or steps.talks(s) for s in (*computes, *other.body)) or any(map(steps.talks, draws)):
        return [node]
    taken = fresh("taken")
    uses = [cst.Name(taken) for _ in range(3)]
    for name in uses:
        steps.tell(name, NUMBER)
    lines: list[cst.CSTNode] = [
        cst.SimpleStatementLine([assign(uses[0], call("bool", node.test))], leading_lines=node.leading_lines)
    ]
    alone = bound(draws) & {n for s in computes for n in names_in(s)}
    alone -= first_reads(draws) | {n for s in other.body for n in names_in(s)}
    if alone:
        targets = [cst.AssignTarget(cst.Name(n)) for n in sorted(alone, key=lambda n: first_place(draws, n))]
        lines.append(cst.SimpleStatementLine([cst.Assign(targets, cst.Name("None"))]))
    lines.append(cst.If(uses[1], way.with_changes(body=draws)))
    lines.append(node.with_changes(test=uses[2], body=way.with_changes(body=computes), leading_lines=[]))
    return lines
