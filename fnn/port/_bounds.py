"""Where a region begins and ends: the statements that make a loss and take its step."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._edit import code
from fnn.port._flow import bound, first_reads, names_in, walk
from fnn.port._infer import Inference
from fnn.port._kinds import BOX, is_array
from fnn.port._regions import Regions, begins

__all__ = ["Bounds"]


class Bounds(Regions):
    """Finds regions in the bodies of loops and functions."""

    def _is_evaluation(self, node: cst.For | cst.While) -> bool:
        """Whether a loop runs a model over a loader without learning."""
        if not isinstance(node, cst.For) or self._steps.differentiates(node):
            return False
        kind = self._found.of(node.iter)
        while kind is not None and kind.tag == "list" and kind.of:
            inner = kind.of[0]
            kind = inner.of[-1] if inner is not None and inner.tag == "tuple" and inner.of else inner
        loads = kind is not None and kind.tag in ("loader", "batch")
        return loads and any(self._steps.runs_module(s) for s in node.body.body)

    def _computes_anew(self, node: cst.CSTNode) -> bool:
        """Whether there is a forward pass in a statement."""
        inner = [n for n in walk(node) if isinstance(n, cst.SimpleStatementLine)]
        made = [n for n in inner if bound([n]) or self._steps.differentiates(n)]  # ``update(size)`` makes no loss
        return any(self._steps.runs_module(n) or self._reads_box(n) or self._steps.may_run(n) for n in made)

    def _computes(self, node: cst.CSTNode) -> bool:
        if not isinstance(node, cst.SimpleStatementLine) or self._steps.talks(node) or self._steps.leaves(node):
            return False
        return all(isinstance(s, cst.Assign) and _arrays(self._found, s) for s in node.body)

    def _bounds(self, body: list[cst.CSTNode], learns: list[int]) -> tuple[int, int]:
        others = [i for i, s in enumerate(body) if self._steps.steps_itself(s)]  # they are steps of their own
        end = next((i for i in others if i > learns[-1]), len(body))
        begin = max((i for i in others if i < learns[0]), default=-1) + 1
        steps = [i for i, s in enumerate(body[:end]) if self._steps.updates(s) and not isinstance(s, cst.If)]
        last = max([learns[-1], *(i for i in steps if i > learns[-1])])
        manual = [i for i, s in enumerate(body[:end]) if i > last and _by_hand(s) and not self._steps.talks(s)]
        last = max([last, *manual])
        starts = [
            i
            for i, s in enumerate(body[: learns[0] + 1])
            if i >= begin
            and not isinstance(s, cst.FunctionDef)
            and (self._steps.runs_module(s) or self._steps.clears(s) or self._reads_box(s))
            and not (self._steps.talks(s) and not self._steps.differentiates(s))
        ]
        first, needed = learns[0], names_in(body[learns[0]])
        if starts and (starts[0] < learns[0] or self._steps.runs_module(body[learns[0]])):
            first = starts[0]
            if self._has_forward(body[first : last + 1]):
                return self._with_beginnings(body, first, last), last
            needed = first_reads(body[first : last + 1])  # of a model that another file defines
        for i in range(first - 1, begin - 1, -1):
            s = body[i]
            computes = self._computes(s) or (self._steps.may_run(s) and isinstance(s, cst.SimpleStatementLine))
            if bound([s]) & needed and computes and not self._steps.draws_on_host(s) and not self._steps.talks(s):
                needed |= names_in(s)
                first = i
        return self._with_beginnings(body, first, last), last

    def _with_beginnings(self, body: list[cst.CSTNode], first: int, last: int) -> int:
        """Where a region begins if ``loss = 0`` and ``outputs = []`` right before it belong to it."""
        again = bound(body[first : last + 1]) | _appended_to(body[first : last + 1])
        while first > 0 and begins(body[first - 1]) and bound([body[first - 1]]) <= again:
            first -= 1
        return first

    def _again(self, body: list[cst.CSTNode], first: int, last: int, learns: int) -> tuple[int, list[cst.CSTNode]]:
        """The last branch before ``backward`` that leaves the turn, and what the step behind it computes once more.

        Without an optimizer's step, as in an attack on a model, a region may begin behind such a branch.  There are no
        statements if there is no such branch, or if they would not compute the same again.
        """
        steps = [s for s in body[first : last + 1] if self._steps.updates(s) or _by_hand(s)]
        places = [i for i in range(first, learns) if self._steps.talks(body[i]) and _jumps(body[i])]
        if not places or steps:
            return first, []
        head, needed = body[first : places[-1]], first_reads(body[places[-1] + 1 : last + 1])
        found: list[cst.CSTNode] = []
        for i in range(len(head) - 1, -1, -1):
            s = head[i]
            if not bound([s]) & needed:
                continue
            plain = isinstance(s, cst.SimpleStatementLine) and not self._steps.talks(s) and not self._steps.leaves(s)
            draws = self._steps.draws(s) or self._steps.draws_on_host(s)
            if not plain or draws or first_reads([s]) & (bound(head[i:]) | self._in_place(head)):
                return first, []
            needed |= first_reads([s])
            found.insert(0, s)
        return places[-1], found

    def _reads_box(self, node: cst.CSTNode) -> bool:
        """Whether an expression is formed with a Parameter."""
        return isinstance(node, cst.SimpleStatementLine) and any(
            isinstance(part, cst.Assign)
            and is_array(self._found.of(part.value))
            and any(isinstance(n, cst.Name | cst.Attribute) and self._found.of(n) == BOX for n in walk(part.value))
            for part in node.body
        )

    def _has_forward(self, region: Sequence[cst.CSTNode]) -> bool:
        return any(
            self._steps.runs_module(s, losses=False)
            or self._reads_box(s)
            or (self._steps.may_run(s) and not self._steps.updates(s) and not self._steps.clears(s))
            or not isinstance(s, cst.SimpleStatementLine)
            or any(self._found.of(n) == BOX for n in walk(s) if isinstance(n, cst.Name | cst.Attribute))
            for s in region
        )


def _by_hand(node: cst.CSTNode) -> bool:
    """Whether a block takes a step without an optimizer."""
    return isinstance(node, cst.With) and ".grad" in code(node)


def _jumps(node: cst.CSTNode) -> bool:
    return any(isinstance(n, cst.Break | cst.Continue) for n in walk(node))


def _appended_to(region: Sequence[cst.CSTNode]) -> set[str]:
    found: set[str] = set()
    for s in region:
        for part in walk(s):
            match part:
                case cst.Call(func=cst.Attribute(value=cst.Name(value=target), attr=cst.Name(value="append"))):
                    found.add(target)
    return found


def _arrays(found: Inference, node: cst.Assign) -> bool:
    kind = found.of(node.value)
    if kind is not None and kind.tag == "tuple":
        return all(is_array(k) for k in kind.of)
    return is_array(kind) or (kind is not None and kind.tag == "list" and is_array(kind.of[0]))
