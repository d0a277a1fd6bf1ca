"""The training step, taken out of its loop into a function under `fnn.jit`.

A *region* is the row of statements of one body from the forward pass (or ``zero_grad``) to the optimizer's step.  What
it prints or logs moves behind it, what it asks of numpy or of a loader before it; what it reads that changes from turn
to turn becomes its parameters, what is read afterwards its results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from fnn.port._edit import arguments, name
from fnn.port._flow import bound, first_reads, names_in, walk
from fnn.port._infer import Inference
from fnn.port._kinds import ARRAY, BOX, is_array
from fnn.port._report import LEFT, Status
from fnn.port._scopes import dotted
from fnn.port._steps import Steps

__all__ = ["outlined"]

Note = Callable[[cst.CSTNode, Status, str], None]
_PAGE = "the training step"
_JIT = cst.Decorator(cst.Attribute(cst.Name("fnn"), cst.Name("jit")))
_PLAIN = ("number", "text", "shape", "dtype", "device", "none")


class _Cannot(Exception):
    """Why a region stays where it is."""


@dataclass(frozen=True)
class _Place:
    """Where a body of statements is: the function around it, the loops, and what runs after it."""

    function: cst.FunctionDef | None = None
    method: bool = False
    nested: bool = False  # in a function of a function
    loops: tuple[cst.For | cst.While, ...] = ()
    after: tuple[cst.CSTNode, ...] = ()
    top: bool = False  # the statements of the function (or the module) themselves


@dataclass
class _Step:
    """A function that was made of a region."""

    node: cst.FunctionDef


def outlined(module: cst.Module, found: Inference, note: Note) -> cst.Module:
    """The module with its training steps in functions of their own."""
    return _Outliner(module, found, note).module(module)


class _Outliner:
    def __init__(self, module: cst.Module, found: Inference, note: Note) -> None:
        self._found = found
        self._steps = Steps(found)
        self._note = note
        self._waiting: list[_Step] = []
        self._taken = {n.value for n in walk(module, functions=True) if isinstance(n, cst.Name)}
        self._read_in_functions: set[str] = set()
        for part in walk(module, functions=True):
            if isinstance(part, cst.FunctionDef):
                self._read_in_functions |= names_in(part)

    # going through the bodies

    def module(self, node: cst.Module) -> cst.Module:
        return node.with_changes(body=self._body(node.body, _Place(top=True)))

    def _body(self, body: Sequence[cst.CSTNode], at: _Place) -> list[cst.CSTNode]:
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

    def _computes_anew(self, node: cst.CSTNode) -> bool:
        """Whether there is a forward pass in a statement."""
        inner = [n for n in walk(node) if isinstance(n, cst.SimpleStatementLine)]
        return any(self._steps.runs_module(n) or self._reads_box(n) or self._steps.may_run(n) for n in inner)

    def _inside(self, node: cst.CSTNode, at: _Place) -> list[cst.CSTNode]:
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

    def _suite(self, node: cst.BaseSuite, at: _Place) -> cst.BaseSuite:
        if not isinstance(node, cst.IndentedBlock):
            return node
        return node.with_changes(body=self._body(node.body, at))

    # what was made, and where it goes

    def _with_steps(self, node: cst.CSTNode, at: _Place) -> list[cst.CSTNode]:
        """The functions made in a loop, before it."""
        steps, self._waiting = self._waiting, []
        if not steps:
            return [node]
        blank = [cst.EmptyLine(indent=False)]
        around = blank * (2 if at.function is None and at.top else 1)
        made: list[cst.CSTNode] = [step.node.with_changes(leading_lines=around) for step in steps]
        lines = getattr(node, "leading_lines", ())
        while lines and lines[0].comment is None:
            lines = lines[1:]
        return [*made, node.with_changes(leading_lines=[*around, *lines])]

    def _placed_at_module(self, at: _Place) -> bool:
        """Whether a function is called again and again, so that its step must not be made in it."""
        if at.function is None or at.nested:
            return False
        loops = [n for n in walk(at.function.body) if isinstance(n, cst.For | cst.While)]
        deep = any(n is not m and any(k is m for k in walk(n)) for n in loops for m in loops)
        infinite = any(isinstance(n, cst.While) for n in loops)
        return at.function.name.value != "main" and not deep and not infinite

    def _function(self, node: cst.FunctionDef, at: _Place) -> list[cst.CSTNode]:
        inner = _Place(node, at.method, at.function is not None, (), (), True)
        if at.function is not None:
            inner = replace(inner, after=())
        saved, self._waiting = self._waiting, []
        if self._is_whole_step(node):
            self._waiting = saved
            if any((dotted(d.decorator) or "").endswith("jit") for d in node.decorators):
                return [node]
            return [node.with_changes(decorators=[*node.decorators, _JIT])]
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

    # regions

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

    def _segment(self, body: list[cst.CSTNode], at: _Place) -> list[cst.CSTNode]:
        learns = [i for i, s in enumerate(body) if self._steps.differentiates(s)]
        evaluates = not learns and bool(at.loops) and self._is_evaluation(at.loops[-1])
        if not learns and not evaluates:
            return body
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
                return self._taken_out(body, first, last, at, "eval_step")
            first, last = self._bounds(body, learns)
            return self._taken_out(body, first, last, at, self._named(body[first : last + 1]))
        except _Cannot as reason:
            cut = (
                next((i + 1 for i in range(learns[0], learns[1]) if self._steps.updates(body[i])), 0)
                if len(learns) > 1
                else 0
            )
            if cut:  # a step for each loss
                head = self._segment(body[:cut], replace(at, after=(*body[cut:], *at.after)))
                return [*head, *self._segment(body[cut:], at)]
            if learns:
                self._note(body[learns[0]], LEFT, f"the training step stays in its place: {reason}; write it as a "
                           f"function under @fnn.jit that calls fnn.backward(loss)")  # fmt: skip
            return body

    def _computes(self, node: cst.CSTNode) -> bool:
        if not isinstance(node, cst.SimpleStatementLine) or self._steps.talks(node) or self._steps.leaves(node):
            return False
        return all(isinstance(s, cst.Assign) and _arrays(self._found, s) for s in node.body)

    def _bounds(self, body: list[cst.CSTNode], learns: list[int]) -> tuple[int, int]:
        steps = [i for i, s in enumerate(body) if self._steps.updates(s) and not isinstance(s, cst.If)]
        last = max([learns[-1], *(i for i in steps if i > learns[-1])])
        manual = [
            i
            for i, s in enumerate(body)
            if i > last and isinstance(s, cst.With) and not self._steps.talks(s) and ".grad" in _code(s)
        ]
        last = max([last, *manual])
        starts = [
            i
            for i, s in enumerate(body[: learns[0] + 1])
            if not isinstance(s, cst.FunctionDef)
            and (self._steps.runs_module(s) or self._steps.clears(s) or self._reads_box(s))
            and not (self._steps.talks(s) and not self._steps.differentiates(s))
        ]
        if starts:
            return self._with_beginnings(body, starts[0], last), last
        needed = names_in(body[learns[0]])
        first = learns[0]
        for i in range(learns[0] - 1, -1, -1):
            s = body[i]
            computes = self._computes(s) or (self._steps.may_run(s) and isinstance(s, cst.SimpleStatementLine))
            if bound([s]) & needed and computes and not self._steps.draws_on_host(s) and not self._steps.talks(s):
                needed |= names_in(s)
                first = i
        return self._with_beginnings(body, first, last), last

    def _with_beginnings(self, body: list[cst.CSTNode], first: int, last: int) -> int:
        """Where a region begins if ``loss = 0`` and ``outputs = []`` right before it belong to it."""
        again = bound(body[first : last + 1]) | _appended_to(body[first : last + 1])
        while first > 0 and _begins(body[first - 1]) and bound([body[first - 1]]) <= again:
            first -= 1
        return first

    def _reads_box(self, node: cst.CSTNode) -> bool:
        """Whether an expression is formed with a Parameter."""
        return isinstance(node, cst.SimpleStatementLine) and any(
            isinstance(part, cst.Assign)
            and is_array(self._found.of(part.value))
            and any(isinstance(n, cst.Name | cst.Attribute) and self._found.of(n) == BOX for n in walk(part.value))
            for part in node.body
        )

    def _named(self, region: Sequence[cst.CSTNode]) -> str:
        names = [n for s in region for c in self._steps.calls(s) if (n := self._steps.optimizer(c)) is not None]
        if "train_step" not in self._taken:
            return "train_step"
        return f"{names[0]}_step" if names and len(set(names)) == 1 and names[0].isidentifier() else "train_step"

    def _taken_out(self, body: list[cst.CSTNode], first: int, last: int, at: _Place, called: str) -> list[cst.CSTNode]:
        if called != "eval_step" and not self._has_forward(body[first : last + 1]):
            raise _Cannot("its loss is computed elsewhere, in other functions or turns; nothing remembers how, so that "
                          "it has to be computed in the step")  # fmt: skip
        before, region, after = self._sorted(body[first : last + 1])
        rest = [*after, *body[last + 1 :]]
        if not region:
            raise _Cannot("nothing is computed in it")
        in_function = at.function is not None and (not at.loops or self._placed_at_module(at))
        inputs = first_reads(region)
        in_place = self._in_place(region)
        written = bound(region) | in_place
        if in_function and at.function is not None:
            params = at.function.params
            own = {p.name.value for p in walk(params) if isinstance(p, cst.Param)}
            local = own | bound(at.function.body.body)
        else:
            local = bound([*at.loops, *(() if at.loops else body)]) | bound(before)
        local |= in_place
        local -= self._made_inside(region, at, body)
        given = sorted(inputs & local, key=lambda n: _first_place(region, n))
        live = first_reads(rest) | first_reads(at.after)
        for loop in at.loops:
            live |= first_reads(loop.body.body)
        if at.loops:
            live |= first_reads([*body[:first], *before]) | (inputs if at.loops else set())
        if at.function is None:
            live |= self._read_in_functions
        else:
            live |= _globals(at.function)
        boxes = {n for n in written if self._is_box(region, n)}  # written in place
        if not in_function:
            given = [n for n in given if n not in boxes]
        results = sorted((written & live) - boxes, key=lambda n: _first_place(region, n))
        shared = written & (_globals(at.function) if at.function is not None else set())
        if shared:
            raise _Cannot(f"it assigns to the global {min(shared)}")
        for result in results:
            kind = self._kind_of(region, result)
            if kind in _PLAIN:
                raise _Cannot(f"{result} is computed in it and is no array")
        static = [n for n in given if self._is_static(region, n)]
        made = self._fresh(called)
        node = self._definition(made, given, static, results, region, in_function and at.method)
        self._waiting.append(_Step(node))
        call = self._call(made, given, results, in_function and at.method)
        return (
            [*body[:first], *before, call, *rest]
            if at.loops or at.function
            else self._alone([*body[:first], *before], call, rest, at)
        )

    def _made_inside(self, region: Sequence[cst.CSTNode], at: _Place, body: Sequence[cst.CSTNode]) -> set[str]:
        """The names that only the region itself binds, in a loop or a branch of its own."""
        inside = {id(s) for s in region}
        around = at.function.body.body if at.function is not None else [*at.loops, *body]
        params = at.function.params if at.function is not None else None
        others = bound([s for s in around if id(s) not in inside], inside)
        if params is not None:
            others |= {p.name.value for p in walk(params) if isinstance(p, cst.Param)}
        nested = {n for s in region if isinstance(s, cst.For | cst.While | cst.If | cst.With) for n in bound([s])}
        return nested - others

    def _has_forward(self, region: Sequence[cst.CSTNode]) -> bool:
        return any(
            self._steps.runs_module(s)
            or self._reads_box(s)
            or self._steps.may_run(s)
            or not isinstance(s, cst.SimpleStatementLine)
            or any(self._found.of(n) == BOX for n in walk(s) if isinstance(n, cst.Name | cst.Attribute))
            for s in region
        )

    def _alone(
        self, before: list[cst.CSTNode], call: cst.CSTNode, rest: list[cst.CSTNode], at: _Place
    ) -> list[cst.CSTNode]:
        """A step of a module's body that stands in no loop."""
        return [*before, *self._with_steps(call, at), *rest]

    def _sorted(self, region: list[cst.CSTNode]) -> tuple[list[cst.CSTNode], list[cst.CSTNode], list[cst.CSTNode]]:
        """What moves before the region, what stays, what moves behind it."""
        before: list[cst.CSTNode] = []
        inside: list[cst.CSTNode] = []
        after: list[cst.CSTNode] = []
        at = {id(n): i for i, n in enumerate(region)}
        own = frozenset(n for s in region if _begins(s) for n in bound([s]))
        for s in region:
            essential = self._steps.differentiates(s) or self._steps.updates(s)
            if self._steps.leaves(s):
                raise _Cannot("it returns, yields or names globals in the middle")
            reads = names_in(s)
            if not essential and self._steps.talks(s, own):
                value = self._value_taken(s)
                if value is not None and names_in(value) & bound(_from(region, s)):
                    at[id(value)] = at[id(s)]
                    inside.append(value)
                else:
                    after.append(s)
                continue
            if bound(after) & reads:
                if essential:
                    raise _Cannot(f"it needs {min(bound(after) & reads)}, which is a value of the host")
                after.append(s)
                continue
            if essential and self._steps.talks(s, own):
                raise _Cannot("what is printed or branched on stands in one statement with what is computed")
            binds = bound([s])
            used = {n for i in inside for n in names_in(i)}
            if not essential and self._steps.draws(s) and not self._steps.runs_module(s):
                for needed in self._prepared(s, inside):
                    inside.remove(needed)
                    before.append(needed)
                used = {n for i in inside for n in names_in(i)}
            hoistable = not essential and not (bound(inside) & (reads | binds)) and not used & binds
            if self._steps.draws_on_host(s):
                if not hoistable and not essential and not binds & self._read_after(s, region):
                    after.append(s)
                    continue
                if not hoistable:
                    raise _Cannot("it draws numbers of the host from what it has computed")
                before.append(s)
            elif hoistable and (
                (self._steps.draws(s) and not self._steps.runs_module(s))
                or (self._is_plain(s) and not binds & bound([n for n in region if n is not s]))
            ):
                before.append(s)
            else:
                inside.append(s)
        for s in after:
            again = names_in(s) & bound(inside)
            place = at[id(s)]
            later = [n for n in inside if at[id(n)] > place]
            clash = again & bound(later)
            if clash and (clash & bound([n for n in inside if at[id(n)] < place])):
                raise _Cannot(f"{min(clash)} is printed in it and computed again later")
        return before, inside, after

    def _read_after(self, node: cst.CSTNode, region: list[cst.CSTNode]) -> set[str]:
        return {n for s in _from(region, node) for n in names_in(s)}

    def _prepared(self, node: cst.CSTNode, inside: list[cst.CSTNode]) -> list[cst.CSTNode]:
        """The statements that make what a draw needs (a batch's size), if they can go before the step with it."""
        wanted, found = names_in(node), []
        for s in reversed(inside):
            if bound([s]) & wanted:
                busy = self._steps.runs_module(s) or self._steps.clears(s) or self._steps.differentiates(s)
                others = [i for i in inside if i is not s]
                if busy or self._steps.updates(s) or not isinstance(s, cst.SimpleStatementLine):
                    return []
                if bound(others) & bound([s]) or self._in_place(inside) & bound([s]):
                    return []
                wanted |= names_in(s)
                found.insert(0, s)
        return found

    def _value_taken(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """``x = array.item()`` as ``x = array``: the number is taken when the step is over."""
        match node:
            case cst.SimpleStatementLine(
                body=[
                    cst.Assign(
                        targets=[cst.AssignTarget(target=cst.Name() as target) as whole],
                        value=cst.Call(func=cst.Attribute(value=array, attr=cst.Name(value="item")), args=[]),
                    ) as small
                ]
            ) if is_array(self._found.of(array)):
                named = cst.Name(target.value)
                self._found.kinds[id(named)] = ARRAY
                made = node.with_changes(
                    body=[small.with_changes(targets=[whole.with_changes(target=named)], value=array)]
                )
                return None if self._steps.talks(made) else made
        return None

    def _in_place(self, region: Sequence[cst.CSTNode]) -> set[str]:
        """The arrays that are written in place, and get a new value in fnn."""
        found: set[str] = set()
        for s in region:
            for part in walk(s):
                match part:
                    case cst.Expr(value=cst.Call(func=cst.Attribute(value=cst.Name() as target, attr=attr))):
                        written = attr.value.endswith("_") and not attr.value.endswith("__")
                    case cst.AssignTarget(target=cst.Subscript(value=cst.Name() as target)):
                        written = True
                    case cst.AugAssign(target=cst.Subscript(value=cst.Name() as target)):
                        written = True
                    case _:
                        continue
                kind = self._found.of(target)
                if written and kind is not None and kind.tag in ("array", "batch"):
                    found.add(target.value)
        return found

    def _is_plain(self, node: cst.CSTNode) -> bool:
        """Whether a statement only names a number, a size, a word."""
        if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
            return False
        small = node.body[0]
        if not isinstance(small, cst.Assign):
            return False
        kind = self._found.of(small.value)
        return kind is not None and kind.tag in ("number", "text", "shape")

    def _kind_of(self, region: Sequence[cst.CSTNode], wanted: str) -> str:
        tag = ""
        for s in region:
            for part in walk(s):
                if isinstance(part, cst.AssignTarget | cst.AugAssign) and isinstance(part.target, cst.Name):
                    if part.target.value == wanted:
                        kind = self._found.of(part.target)
                        if isinstance(part, cst.AugAssign) and not is_array(kind):
                            kind = self._found.of(part.value)
                        tag = kind.tag if kind is not None else ""
        return tag

    def _is_box(self, region: Sequence[cst.CSTNode], wanted: str) -> bool:
        """Whether a name is that of a Parameter which is written in place, and of nothing else."""
        plain = {
            n
            for s in region
            for part in walk(s)
            if isinstance(part, cst.AssignTarget) and not isinstance(part.target, cst.Attribute)
            for n in names_in(part)
        }
        uses = [p for s in region for p in walk(s) if isinstance(p, cst.Name) and p.value == wanted]
        kinds = {k.tag for p in uses if (k := self._found.of(p)) is not None}
        return wanted not in plain and kinds == {"box"}

    def _is_static(self, region: Sequence[cst.CSTNode], wanted: str) -> bool:
        """Whether a number decides shapes or branches of the step."""
        for s in region:
            for part in walk(s):
                places: list[cst.CSTNode] = []
                match part:
                    case cst.If() | cst.While() | cst.IfExp():
                        places = [part.test]
                    case cst.Slice():
                        places = [e for e in (part.lower, part.upper) if e is not None]
                    case cst.Call():
                        kind = self._found.of(part.func)
                        shapes = kind is not None and kind.tag in ("torch", "tensor class", "method")
                        if shapes or dotted(part.func) == "range":
                            places = [a.value for a in part.args]
                for place in places:
                    for use in walk(place):
                        if isinstance(use, cst.Name) and use.value == wanted:
                            kind = self._found.of(use)
                            if kind is not None and kind.tag in ("number", "text", "shape"):
                                return True
        return False

    def _fresh(self, wanted: str) -> str:
        made, number = wanted, 2
        while made in self._taken:
            made, number = f"{wanted}_{number}", number + 1
        self._taken.add(made)
        return made

    def _definition(
        self,
        called: str,
        given: list[str],
        static: list[str],
        results: list[str],
        region: list[cst.CSTNode],
        method: bool,
    ) -> cst.FunctionDef:
        decorator = _JIT
        if static:
            text = ", ".join(repr(n).replace("'", '"') for n in static)
            names = cst.parse_expression(f"fnn.jit(static_argnames=({text}{',' if len(static) == 1 else ''}))")
            decorator = cst.Decorator(names)
        lines = [s for s in region if isinstance(s, cst.BaseStatement)]
        lead = getattr(lines[0], "leading_lines", ())
        while lead and lead[0].comment is None:
            lead = lead[1:]
        lines[0] = lines[0].with_changes(leading_lines=lead)
        value = _named_last(lines[-1], results)
        if value is not None:
            lines[-1] = cst.SimpleStatementLine(
                [cst.Return(value)], leading_lines=getattr(lines[-1], "leading_lines", ())
            )
        elif results:
            lines.append(cst.SimpleStatementLine([cst.Return(_listed(results))]))
        given = ["self", *(n for n in given if n != "self")] if method else given
        return cst.FunctionDef(
            cst.Name(called),
            cst.Parameters([cst.Param(cst.Name(n)) for n in given]),
            cst.IndentedBlock(lines),
            decorators=[decorator],
        )

    def _call(self, called: str, given: list[str], results: list[str], method: bool) -> cst.SimpleStatementLine:
        passed = [n for n in given if not (method and n == "self")]
        function = name(f"self.{called}" if method else called)
        value = cst.Call(function, arguments(*(cst.Name(n) for n in passed)))
        if not results:
            return cst.SimpleStatementLine([cst.Expr(value)])
        return cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(_listed(results))], value)])


def _begins(node: cst.CSTNode) -> bool:
    """``loss = 0`` or ``outputs = []``."""
    match node:
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name())], value=value)]):
            return isinstance(value, cst.Integer | cst.Float) or (isinstance(value, cst.List) and not value.elements)
    return False


def _appended_to(region: Sequence[cst.CSTNode]) -> set[str]:
    found: set[str] = set()
    for s in region:
        for part in walk(s):
            match part:
                case cst.Call(func=cst.Attribute(value=cst.Name(value=target), attr=cst.Name(value="append"))):
                    found.add(target)
    return found


def _named_last(last: cst.CSTNode, results: list[str]) -> cst.BaseExpression | None:
    """The value of a last statement that only gives it the name of the result."""
    if not isinstance(last, cst.SimpleStatementLine) or len(last.body) != 1 or len(results) != 1:
        return None
    small = last.body[0]
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target = small.targets[0].target
        if isinstance(target, cst.Name) and target.value == results[0]:
            return small.value
    return None


def _from(region: Sequence[cst.CSTNode], node: cst.CSTNode) -> list[cst.CSTNode]:
    """The statements after one."""
    place = next(i for i, s in enumerate(region) if s is node)
    return list(region[place + 1 :])


def _listed(names: Sequence[str]) -> cst.Name | cst.Tuple:
    if len(names) == 1:
        return cst.Name(names[0])
    return cst.Tuple([cst.Element(cst.Name(n)) for n in names], lpar=[], rpar=[])


def _arrays(found: Inference, node: cst.Assign) -> bool:
    kind = found.of(node.value)
    if kind is not None and kind.tag == "tuple":
        return all(is_array(k) for k in kind.of)
    return is_array(kind) or (kind is not None and kind.tag == "list" and is_array(kind.of[0]))


def _first_place(region: Sequence[cst.CSTNode], wanted: str) -> int:
    """Where a name stands first."""
    place = 0
    for s in region:
        for part in walk(s, functions=True):
            place += 1
            if isinstance(part, cst.Name) and part.value == wanted:
                return place
    return place


def _globals(function: cst.FunctionDef | None) -> set[str]:
    if function is None:
        return set()
    return {
        item.name.value for n in walk(function.body) if isinstance(n, cst.Global | cst.Nonlocal) for item in n.names
    }


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)
