"""Losses that are differentiated outside of compiled code, where values are known: `fnn.backward` of a function.

What computes such a loss, from the forward pass on, becomes a function in its place; the statements around it stay.
What only looks at values moves behind it, what clears gradients before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from fnn.port._differentiated import trained
from fnn.port._edit import arguments, code, keyword, name
from fnn.port._extraction import Extraction, Place, globals_of, nothing
from fnn.port._flow import bound, first_reads, names_in, surely_bound, walk
from fnn.port._infer import Inference
from fnn.port._kinds import OTHER
from fnn.port._regions import Cannot, first_place

__all__ = ["EARLY", "Uncompiled"]

EARLY = (
    "this branch leaves the turn when the gradients are there already: they come with the loss, and are added to those "
    "of the next turn unless it clears them first"
)
_BLOCKS = cst.For | cst.While | cst.With | cst.If | cst.Try


class Uncompiled(Extraction):
    """Makes functions of the statements that compute a loss; `_early` are branches that leave before its gradient."""

    def __init__(self, module: cst.Module, found: Inference) -> None:
        super().__init__(module, found)
        self._early: list[cst.CSTNode] = []

    def _differentiated_here(self, body: Sequence[cst.CSTNode], at: Place) -> list[cst.CSTNode]:
        """A body whose losses are differentiated in their places, without being compiled.

        Raises:
            Cannot: a loss is computed elsewhere, or has no form as a function.
        """
        done: list[cst.CSTNode] = []
        rest = list(body)
        kept: set[str] = set()  # names of arrays whose graph PyTorch keeps for another loss
        while (i := next((i for i, s in enumerate(rest) if self._steps.differentiates(s)), None)) is not None:
            head, learning, rest = rest[:i], rest[i], rest[i + 1 :]
            here = replace(at, after=(*rest, *at.after))
            if isinstance(learning, _BLOCKS):
                done += [*head, self._in_block(learning, here)]
                continue
            if (again := kept & _with_graph(head)) and any(self._steps.runs_module(s) for s in head):
                raise Cannot(f"a second loss goes through {min(again)}, which the first was computed of")
            made, names = self._as_function(head, learning, here, done)
            kept |= names
            done += made
        return [*done, *rest]

    def _in_block(self, node: cst.CSTNode, at: Place) -> cst.CSTNode:
        match node:
            case cst.For(body=cst.IndentedBlock() as block) | cst.While(body=cst.IndentedBlock() as block):
                inner = replace(at, loops=(*at.loops, node), top=False)
            case (
                cst.With(body=cst.IndentedBlock() as block)
                | cst.If(body=cst.IndentedBlock() as block)
                | cst.Try(body=cst.IndentedBlock() as block)
            ):
                inner = replace(at, top=False)
            case _:
                raise Cannot("its loss stands on the line of a block")
        made = node.with_changes(body=block.with_changes(body=self._differentiated_here(block.body, inner)))
        other = getattr(node, "orelse", None)
        if other is not None and self._steps.differentiates(other):
            if isinstance(other, cst.If):
                return made.with_changes(orelse=self._in_block(other, at))
            suite = other.body.with_changes(body=self._differentiated_here(other.body.body, inner))
            return made.with_changes(orelse=other.with_changes(body=suite))
        return made

    def _as_function(
        self, head: list[cst.CSTNode], learning: cst.CSTNode, at: Place, done: Sequence[cst.CSTNode]
    ) -> tuple[list[cst.CSTNode], set[str]]:
        """What stands for the statements up to ``loss.backward()``, and the names that a kept graph goes through."""
        loss, keeps = self._loss(learning)
        first, _ = self._bounds([*head, learning], [len(head)])
        region = head[first:]
        if not self._has_forward([*region, learning]):
            raise Cannot("its loss is computed elsewhere")
        before, inside, behind = self._placed(region, loss)
        for jump in (s for s in behind if any(isinstance(n, cst.Break | cst.Continue) for n in walk(s))):
            self._early.append(jump)
        made = self._written(inside, loss, learning, at, [*head[:first], *before], behind, done)
        graph = (bound(inside) | self._in_place(inside)) if keeps else set()
        return [*head[:first], *before, *made, *behind], graph

    def _loss(self, node: cst.CSTNode) -> tuple[cst.BaseExpression, bool]:
        """What a statement differentiates, and whether its graph is kept."""
        match node:
            case cst.SimpleStatementLine(
                body=[cst.Expr(value=cst.Call(func=cst.Attribute(value=loss), args=args) as call)]
            ) if self._found.is_backward(call):
                named = {a.keyword.value if a.keyword is not None else "": code(a.value) for a in args}
                if named.keys() <= {"retain_graph"}:
                    return loss, named.get("retain_graph", "False") != "False"
        raise Cannot("its loss is not differentiated by a plain backward()")

    def _placed(
        self, region: Sequence[cst.CSTNode], loss: cst.BaseExpression
    ) -> tuple[list[cst.CSTNode], list[cst.CSTNode], list[cst.CSTNode]]:
        """The statements that go before the function, into it and behind it."""
        needed = names_in(loss)
        computing: set[int] = set()
        for s in reversed(region):
            if not (self._steps.clears(s) or self._steps.updates(s)) and self._written_by(s) & needed:
                computing.add(id(s))
                needed |= names_in(s)
        last = max((i for i, s in enumerate(region) if id(s) in computing), default=-1)
        before: list[cst.CSTNode] = []
        inside: list[cst.CSTNode] = []
        behind: list[cst.CSTNode] = []
        for i, s in enumerate(region):
            made = bound(inside) | self._in_place(inside)
            later = {n for other in region[i + 1 : last + 1] for n in self._written_by(other)}
            if self._steps.moves(s) and not names_in(s) & made:
                before.append(s)  # arrays are on their device
            elif id(s) in computing:
                inside.append(s)
            elif self._steps.clears(s) or self._steps.updates(s) or self._steps.changes_gradients(s):
                if names_in(s) & made:
                    raise Cannot("gradients are changed between the forward pass and the loss")
                before.append(s)
            elif (i > last or self._is_plain(s)) and not names_in(s) & made:
                before.append(s)
            elif i > last or (self._looks(s) and not names_in(s) & later):
                behind.append(s)
            else:
                inside.append(s)
        if any(_leaves(s) for s in inside):
            raise Cannot("it leaves the loop or the function before its loss is there")
        if any(self._steps.leaves(s) for s in behind):
            raise Cannot("it leaves the function before the gradient is taken")
        return before, inside, behind

    def _looks(self, node: cst.CSTNode) -> bool:
        """Whether a statement that the loss is not computed of only looks at values, or counts."""
        draws = self._steps.draws(node) or self._steps.draws_on_host(node) or self._steps.runs_module(node)
        return not draws and (self._steps.talks(node) or self._counts(node) or _adds(node))

    def _written_by(self, node: cst.CSTNode) -> set[str]:
        """The names that a statement binds, or writes into."""
        found = bound([node]) | self._in_place([node])
        for part in walk(node):
            match part:
                case cst.Call(func=cst.Attribute(value=cst.Name(value=n), attr=cst.Name(value=method))):
                    found |= {n} if method in ("append", "extend", "insert", "add", "update") else set()
                case cst.AssignTarget(target=cst.Subscript(value=cst.Name(value=n))):
                    found.add(n)
        return found

    def _written(
        self,
        inside: list[cst.CSTNode],
        loss: cst.BaseExpression,
        learning: cst.CSTNode,
        at: Place,
        earlier: Sequence[cst.CSTNode],
        behind: Sequence[cst.CSTNode],
        done: Sequence[cst.CSTNode],
    ) -> list[cst.CSTNode]:
        """The function and its call."""
        called = loss.value if isinstance(loss, cst.Name) else "loss"
        boxes = {n for n in bound(inside) | self._in_place(inside) if self._is_box(inside, n)}
        written = (bound(inside) | self._in_place(inside)) - boxes
        if shared := written & globals_of(at.function):
            raise Cannot(f"it assigns to the global {min(shared)}")
        given = sorted(first_reads([*inside, loss]) & written, key=lambda n: first_place(inside, n))
        live = first_reads([*behind, *at.after])
        for loop in at.loops:
            live |= first_reads(loop.body.body)
        live |= self._read_in_functions if at.function is None else globals_of(at.function)
        own = {called} if isinstance(loss, cst.Name) else set[str]()
        results = sorted((written & live) - own, key=lambda n: first_place(inside, n))
        perhaps = [n for n in results if n not in given and n not in surely_bound(inside)]
        models = trained([*inside, loss], self._steps, self._module)
        taken = {n for s in (*inside, loss) for n in names_in(s)} | written
        params: list[str] = []
        for model in models:
            last = model.rpartition(".")[2]
            params.append(self._fresh(last) if (last in taken and last != model) or last in params else last)
        rows: list[cst.CSTNode] = [*(nothing(n) for n in perhaps), *inside]
        value: cst.BaseExpression = loss
        if not results and rows and (last_value := _named(rows[-1], loss)) is not None:
            lead = getattr(rows[-1], "leading_lines", ())
            rows[-1] = cst.SimpleStatementLine([cst.Return(last_value)], leading_lines=lead)
        else:
            if results:
                value = cst.Tuple([cst.Element(loss), cst.Element(_tuple(results))], lpar=[], rpar=[])
            rows.append(cst.SimpleStatementLine([cst.Return(value)]))
        rows[0] = _without_blanks(rows[0])
        function = self._fresh(f"{called}_of" if "loss" in called.lower() else "loss_of")
        blank = [cst.EmptyLine(indent=False)]
        above = [*done, *earlier]
        definition = cst.FunctionDef(
            cst.Name(function),
            cst.Parameters([cst.Param(cst.Name(n)) for n in (*params, *given)]),
            cst.IndentedBlock(rows),  # type: ignore[arg-type]
            leading_lines=blank if above else [],
        )
        numbers = cst.Tuple([cst.Element(cst.Integer(str(i))) for i in range(len(models))])
        options = [keyword("argnums", numbers)] if len(models) > 1 else []
        options += [keyword("has_aux", cst.Name("True"))] if results else []
        owner = cst.Name("fnn")
        self._found.kinds[id(owner)] = OTHER
        differentiate = cst.Call(cst.Attribute(owner, cst.Name("backward")), arguments(cst.Name(function), *options))
        call = cst.Call(differentiate, arguments(*map(name, models), *map(cst.Name, given)))
        target: cst.BaseExpression | None = cst.Name(called) if isinstance(loss, cst.Name) else None
        if results:
            first = cst.Name(called if isinstance(loss, cst.Name) else "_")
            target = cst.Tuple([cst.Element(first), cst.Element(_tuple(results))], lpar=[], rpar=[])
        small = cst.Expr(call) if target is None else cst.Assign([cst.AssignTarget(target)], call)  # type: ignore[arg-type]
        lines = [*blank, *(n for n in getattr(learning, "leading_lines", ()) if n.comment is not None)]
        tail = getattr(learning, "trailing_whitespace", cst.TrailingWhitespace())
        return [definition, cst.SimpleStatementLine([small], leading_lines=lines, trailing_whitespace=tail)]


def _tuple(names: Sequence[str]) -> cst.Tuple:
    end = cst.Comma() if len(names) == 1 else cst.MaybeSentinel.DEFAULT
    return cst.Tuple([cst.Element(cst.Name(n), end) for n in names])


def _named(node: cst.CSTNode, loss: cst.BaseExpression) -> cst.BaseExpression | None:
    """The value of ``loss = value``."""
    match node:
        case cst.SimpleStatementLine(
            body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name() as target)], value=v)]
        ):
            return v if target.deep_equals(loss) else None
    return None


def _with_graph(nodes: Sequence[cst.CSTNode]) -> set[str]:
    """The names that statements read, but for what is read detached."""
    found: set[str] = set()
    for node in nodes:
        quiet: set[int] = set()
        for part in walk(node):
            match part:
                case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="detach" | "item"))):
                    quiet |= {id(n) for n in walk(value)}
                case cst.Attribute(value=value, attr=cst.Name(value="data" | "shape")):
                    quiet |= {id(n) for n in walk(value)}
        found |= {n.value for n in walk(node) if isinstance(n, cst.Name) and id(n) not in quiet}
    return found - bound(nodes)


def _leaves(node: cst.CSTNode, loop: bool = False) -> bool:
    """Whether a statement leaves the loop around it, or the function."""
    match node:
        case cst.Return() | cst.Yield():
            return True
        case cst.Break() | cst.Continue():
            return not loop
        case cst.FunctionDef() | cst.ClassDef() | cst.Lambda():
            return False
    inner = loop or isinstance(node, cst.For | cst.While)
    return any(_leaves(child, inner) for child in node.children)


def _adds(node: cst.CSTNode) -> bool:
    """``total += x``."""
    return isinstance(node, cst.SimpleStatementLine) and all(isinstance(s, cst.AugAssign) for s in node.body)


def _without_blanks(node: cst.CSTNode) -> cst.CSTNode:
    lead = list(getattr(node, "leading_lines", ()))
    while lead and lead[0].comment is None:
        lead.pop(0)
    return node.with_changes(leading_lines=lead)
