"""The training step, taken out of its loop into a function under `fnn.jit`.

A *region* is the row of statements of one body from the forward pass (or ``zero_grad``) to the optimizer's step.  What
it prints or logs moves behind it, what it asks of numpy or of a loader before it; what it reads that changes from turn
to turn becomes its parameters, what is read afterwards its results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import libcst as cst

from fnn.port._edit import replaced
from fnn.port._extraction import JIT, Place, jit, with_nothing
from fnn.port._flow import walk
from fnn.port._hindrances import STEP, Hindrances
from fnn.port._infer import Inference
from fnn.port._kinds import is_array, torch_name
from fnn.port._masked import is_compiled
from fnn.port._parting import parts_of
from fnn.port._passed import with_finishers
from fnn.port._regions import Cannot, Elsewhere
from fnn.port._report import CHANGED, LEFT, Status
from fnn.port._scopes import dotted
from fnn.port._uncompiled import EARLY, Uncompiled

__all__ = ["STAYS", "outlined"]

JUMPS = (
    "this branch leaves the turn after the step, which is taken all the same: it needs values, and they come out of it"
)
TWICE = (
    "what this branch needs is computed here, and again in the step behind it: a model that draws numbers, or keeps "
    "statistics while it trains, does so twice"
)
BETWEEN = (
    "gradients are changed by what needs their values: the compiled step ends before it, and the optimizer's step is "
    "taken outside"
)
UNCOMPILED = "{} is not compiled, which costs time: {}"
WRITTEN = "{}; to have it compiled, write it as a function under @fnn.jit that calls fnn.backward(loss)"
STAYS = "the training step stays in its place"
PAGE = "guides/porting.md#losses-that-are-remembered"
Note = Callable[[cst.CSTNode, Status, str, str], None]


def outlined(module: cst.Module, found: Inference, note: Note, hindrances: Hindrances | None = None) -> cst.Module:
    """The module with its training steps in functions of their own.

    Args:
        module: the script.
        found: what is known of it; functions that only uncompiled code runs are noted there.
        note: takes what is to be said of a line.
        hindrances: what cannot be compiled: a step that comes to it is differentiated in its place, uncompiled, and so
            is one that cannot be moved. None: such a step stays as it is, and is reported.
    """
    return _Outliner(module, found, note, hindrances).module(with_finishers(module, found))


class _Outliner(Uncompiled):
    def __init__(self, module: cst.Module, found: Inference, note: Note, hindrances: Hindrances | None) -> None:
        super().__init__(module, found)
        self._note = note
        self._hindrances = hindrances
        self._once = hindrances is not None

    def module(self, node: cst.Module) -> cst.Module:
        made = node.with_changes(body=self._body(node.body, Place(top=True)))
        for jump in self._jumps:
            self._note(jump, CHANGED, JUMPS, "")
        for jump in self._early:
            self._note(jump, CHANGED, EARLY, "")
        changes: dict[int, Sequence[cst.CSTNode]] = {
            at: with_nothing(branch, names) for at, (branch, names) in self._named_first.items()
        }
        made = replaced(made, changes)
        return replaced(made, {id(f): [f.with_changes(decorators=[self._jit(f)])] for f in self._uncompiled(made)})

    def _uncompiled(self, module: cst.Module) -> list[cst.FunctionDef]:
        """The functions that ask for gradients, as an attack on a model does, and that eager code calls."""
        asking: dict[str, cst.FunctionDef] = {}
        for function in module.body:
            if isinstance(function, cst.FunctionDef) and not function.decorators and self._asks_gradients(function):
                asking[function.name.value] = function
        called: set[str] = set()

        def look(node: cst.CSTNode) -> None:
            for child in node.children:
                if isinstance(child, cst.FunctionDef):
                    if id(child.params) in self._steps.in_forward or child.name.value in asking or is_compiled(child):
                        continue
                if isinstance(child, cst.Call) and isinstance(child.func, cst.Name):
                    called.add(child.func.value)
                look(child)

        if asking:
            look(module)
        return [function for name, function in asking.items() if name in called]

    def _asks_gradients(self, node: cst.FunctionDef) -> bool:
        body = node.body.body
        if not any(
            self._found.of(c.func) == torch_name("torch.autograd.grad") for s in body for c in self._steps.calls(s)
        ):
            return False
        return not any(self._steps.talks(s) or self._steps.draws_on_host(s) for s in body)

    def _jit(self, node: cst.FunctionDef) -> cst.Decorator:
        names = [p.name.value for p in node.params.params]
        return jit([n for n in names if self._statics.needed([node.body], n)])

    def _body(self, body: Sequence[cst.CSTNode], at: Place) -> list[cst.CSTNode]:
        """A body with the regions in it, and in what is inside it, taken out."""
        made: list[cst.CSTNode] = []
        segment: list[cst.CSTNode] = []
        rest = list(body)
        while rest:
            statement = rest.pop(0)
            if self._goes_deeper(statement, rest):
                made += self._segment(segment, replace(at, after=(statement, *rest, *at.after)))
                segment = []
                made += self._inside(statement, replace(at, after=(*rest, *at.after)))
            else:
                segment.append(statement)
        return made + self._segment(segment, at)

    def _goes_deeper(self, node: cst.CSTNode, rest: Sequence[cst.CSTNode] = ()) -> bool:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            return True
        if not isinstance(node, cst.For | cst.While | cst.If | cst.Try | cst.With):
            return False
        if any(isinstance(n, cst.For | cst.While) and self._is_evaluation(n) for n in walk(node)):
            return not self._steps.updates(node) or self._steps.differentiates(node)
        if not self._steps.differentiates(node):
            return any(isinstance(n, cst.FunctionDef) for n in walk(node, functions=True))
        if isinstance(node, cst.With) and not any(isinstance(n, cst.For | cst.While) for n in walk(node)):
            return self._steps.updates(node) and not isinstance(node.body.body[0], cst.With)
        if isinstance(node, cst.If) and not self._computes_anew(node):
            return False  # two ways to take the step of a loss that was computed before
        if self._steps.updates(node):
            return True
        # Without a step of its own a loop is part of the step that comes after it, as in accumulation.
        if not isinstance(node, cst.For | cst.While):
            return False
        outside = any(self._steps.talks(s) or self._steps.draws_on_host(s) for s in node.body.body)
        return outside or not any(self._steps.updates(s) for s in rest)

    def _inside(self, node: cst.CSTNode, at: Place) -> list[cst.CSTNode]:
        match node:
            case cst.FunctionDef():
                return self._function(node, at)
            case cst.ClassDef():
                body: list[cst.CSTNode] = []
                for part in node.body.body:
                    body += (
                        self._function(part, replace(at, method=True)) if isinstance(part, cst.FunctionDef) else [part]
                    )
                return [node.with_changes(body=node.body.with_changes(body=body))]
            case cst.For() | cst.While():
                inner = replace(at, loops=(*at.loops, node), top=False)
                changed = node.with_changes(body=self._suite(node.body, inner))
                if at.loops or (at.function is not None and self._placed_at_module(at)):
                    return [changed]
                return self._with_steps(changed, at)
            case cst.If():
                inner = replace(at, top=False)
                made = node.with_changes(body=self._suite(node.body, inner))
                if isinstance(node.orelse, cst.Else):
                    made = made.with_changes(orelse=node.orelse.with_changes(body=self._suite(node.orelse.body, inner)))
                elif isinstance(node.orelse, cst.If) and self._goes_deeper(node.orelse):
                    made = made.with_changes(orelse=self._inside(node.orelse, inner)[-1])
                return [made]
            case cst.Try():
                return [node.with_changes(body=self._suite(node.body, replace(at, top=False)))]
            case cst.With():
                return [node.with_changes(body=self._suite(node.body, replace(at, top=False)))]
        return [node]

    def _suite(self, node: cst.BaseSuite, at: Place) -> cst.BaseSuite:
        if not isinstance(node, cst.IndentedBlock):
            return node
        return node.with_changes(body=self._body(node.body, at))

    def _function(self, node: cst.FunctionDef, at: Place) -> list[cst.CSTNode]:
        if id(node.params) in self._found.finishers:
            return [node]  # a part of the steps of its callers
        inner = Place(node, at.method, at.function is not None, (), (), True)
        if at.function is not None:
            inner = replace(inner, after=())
        saved, self._waiting = self._waiting, []
        if self._is_whole_step(node):
            self._waiting = saved
            if any((dotted(d.decorator) or "").endswith("jit") for d in node.decorators):
                return [node]
            return [node.with_changes(decorators=[*node.decorators, JIT])]
        changed = node.with_changes(body=self._suite(node.body, inner))
        steps, self._waiting = self._waiting, saved
        lines = [line for line in node.leading_lines if line.comment is None]
        made: list[cst.CSTNode] = []
        for step in steps:
            made.append(step.node.with_changes(leading_lines=lines or [cst.EmptyLine(indent=False)]))
        return [*made, changed]

    def _is_whole_step(self, node: cst.FunctionDef) -> bool:
        """Whether a function is a step (or a closure for LBFGS) as it stands."""
        if not isinstance(node.body, cst.IndentedBlock) or not self._steps.differentiates(node.body):
            return False
        if not self._has_forward(node.body.body) or self._hindrance(node.body.body) is not None:
            return False
        *body, last = node.body.body
        if any(isinstance(n, cst.For | cst.While | cst.FunctionDef) for n in walk(node.body)):
            return False
        if any(self._steps.talks(s) or self._steps.draws_on_host(s) for s in node.body.body):
            return False
        returns = [n for n in walk(node.body) if isinstance(n, cst.Return)]
        if len(returns) > 1 or any(n in walk(s) for s in body for n in returns):
            return False
        if returns and returns[0].value is not None:
            kind = self._found.of(returns[0].value)
            if not (is_array(kind) or (kind is not None and kind.tag == "tuple" and all(map(is_array, kind.of)))):
                return False
        del last
        given = self._found.functions.get(id(node))
        params = given.given if given is not None else {}
        return not any(k is not None and k.tag in ("number", "text", "loader", "list") for k in params.values())

    def _segment(self, body: list[cst.CSTNode], at: Place) -> list[cst.CSTNode]:
        learns = [i for i, s in enumerate(body) if self._steps.differentiates(s)]
        evaluates = not learns and bool(at.loops) and self._is_evaluation(at.loops[-1])
        if not learns and not evaluates:
            return body
        whole = body
        if learns:
            body = parts_of(body, self._steps, self._fresh)
            learns = [i for i, s in enumerate(body) if self._steps.differentiates(s)]
        jumps = len(self._jumps)
        try:
            if evaluates:
                first = next((i for i, s in enumerate(body) if self._steps.runs_module(s)), None)
                if first is None:
                    return body
                last = first
                while last + 1 < len(body) and self._computes(body[last + 1]):
                    last += 1
                if self._steps.talks(body[first]):
                    return body
                if (why := self._hindrance(body[first : last + 1])) is not None:
                    self._plain(body[first : last + 1])
                    self._note(body[first], CHANGED, UNCOMPILED.format("the evaluation", why), STEP)
                    return body
                return self._taken_out(body, first, last, at, "eval_step")
            first, last = self._bounds(body, learns)
            if (why := self._hindrance(body[first : last + 1])) is not None:
                return self._in_place_of(whole, at, why)
            for i in range(learns[-1] + 1, last):
                if self._steps.talks(body[i]) and self._steps.changes_gradients(body[i]):
                    self._note(body[i], CHANGED, BETWEEN, "")
                    last = i - 1
                    break
            jump, again = self._again(body, first, last, learns[0])
            if again:
                self._note(body[jump], CHANGED, TWICE, "")
                body, first, last = [*body[: jump + 1], *again, *body[jump + 1 :]], jump + 1, last + len(again)
            return self._taken_out(body, first, last, at, self._named(body[first : last + 1]))
        except Cannot as reason:
            cut = (
                next((i + 1 for i in range(learns[0], learns[1]) if self._steps.updates(body[i])), 0)
                if len(learns) > 1
                else 0
            )
            if cut:  # a step for each loss
                head = self._segment(body[:cut], replace(at, after=(*body[cut:], *at.after)))
                return [*head, *self._segment(body[cut:], at)]
            if learns and self._hindrances is not None and not isinstance(reason, Elsewhere):
                try:
                    del self._jumps[jumps:]
                    return self._in_place_of(whole, at, WRITTEN.format(reason))
                except Cannot:
                    pass  # the first reason is the better one
            if learns:
                page = PAGE if isinstance(reason, Elsewhere) else ""
                learning = next(s for s in whole if self._steps.differentiates(s))
                self._note(learning, LEFT, f"{STAYS}: {reason}; write it as a "
                           f"function under @fnn.jit that calls fnn.backward(loss)", page)  # fmt: skip
            return whole

    def _hindrance(self, nodes: Sequence[cst.CSTNode]) -> str | None:
        """Why statements cannot be compiled, as far as a line is to blame."""
        found = self._hindrances.among(nodes) if self._hindrances is not None else None
        return None if found is None else found.words

    def _plain(self, nodes: Sequence[cst.CSTNode]) -> None:
        """Notes that what statements run is not compiled where it cannot be."""
        if self._hindrances is not None:
            self._found.uncompiled |= self._hindrances.functions(nodes)

    def _in_place_of(self, body: Sequence[cst.CSTNode], at: Place, why: str) -> list[cst.CSTNode]:
        """A body whose losses are differentiated without being compiled."""
        if self._hindrances is not None and self._hindrances.calls(body, torch_name("torch.autograd.grad")):
            raise Cannot("gradients are asked for on the way to its loss, which only compiled code can tell")
        early = len(self._early)
        try:
            made = self._differentiated_here(body, at)
        except Cannot:
            del self._early[early:]
            raise
        self._plain(body)
        learning = next(s for s in body if self._steps.differentiates(s))
        self._note(learning, CHANGED, UNCOMPILED.format("the step", why), STEP)
        return made
