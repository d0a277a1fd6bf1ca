"""The statements of a region in three rows: what moves before the step, what is compiled, what moves behind it."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._bounds import Bounds
from fnn.port._branches import branched
from fnn.port._edit import code, replaced
from fnn.port._flow import bound, names_in, walk
from fnn.port._infer import Inference
from fnn.port._kinds import ARRAY, is_array
from fnn.port._learning import method_of
from fnn.port._regions import Cannot, begins
from fnn.port._scopes import dotted

__all__ = ["DRAWS", "Sorting"]

_SIZES = frozenset("size numel dim nelement".split())
DRAWS = "it draws numbers of the host from what it has computed"


class Sorting(Bounds):
    """Puts the statements of a region in their places; `_taken` are the names that the script uses."""

    def __init__(self, module: cst.Module, found: Inference) -> None:
        super().__init__(found)
        self._jumps: list[cst.CSTNode] = []  # branches that left the turn before the step
        self._taken = {n.value for n in walk(module, functions=True) if isinstance(n, cst.Name)}

    def _sorted(self, region: list[cst.CSTNode]) -> tuple[list[cst.CSTNode], list[cst.CSTNode], list[cst.CSTNode]]:
        """What moves before the region, what stays, what moves behind it."""
        before: list[cst.CSTNode] = []
        inside: list[cst.CSTNode] = []
        after: list[cst.CSTNode] = []
        region = [n for s in region for n in self._chosen(s)]
        at = {id(n): i for i, n in enumerate(region)}
        own = frozenset(n for s in region if begins(s) for n in bound([s]))
        for s in region:
            if self._steps.moves(s):
                continue  # arrays are on their device
            essential = self._steps.differentiates(s) or self._steps.updates(s)
            for call in self._steps.calls(s):
                function = self._steps.finishes(call)
                if function is not None and id(function.node.params) in self._found.talking:
                    line = self._found.talking[id(function.node.params)]
                    raise Cannot(f"{code(call.func)} takes the step of what is computed outside of it, and there "
                                 f"`{line}` needs values or the host; let it return arrays and put that line behind "
                                 f"its call")  # fmt: skip
            if self._steps.steps_itself(s):
                raise Cannot("a function is called in the middle that takes a step of its own")
            if self._steps.leaves(s):
                raise Cannot("it returns, yields or names globals in the middle")
            if self._steps.draws_on_host(s) and self._steps.runs_module(s):
                made, changed = self._loaded(s)
                if not any(names_in(line) & bound(inside) for line in made):
                    before += made
                    at[id(changed)] = at[id(s)]
                    region = [changed if n is s else n for n in region]
                    s = changed
            reads = names_in(s)
            if not essential and self._steps.talks(s, own):
                value = self._value_taken(s)
                if value is not None and names_in(value) & bound(_from(region, s)):
                    at[id(value)] = at[id(s)]
                    inside.append(value)
                else:
                    after.append(s)
                    if any(isinstance(n, cst.Break | cst.Continue) for n in walk(s)):
                        self._jumps += [s] if self._learns_later(s, region) else []
                continue
            if bound(after) & reads:
                if essential:
                    raise Cannot(f"it needs {min(bound(after) & reads)}, which is a value of the host")
                after.append(s)
                continue
            if essential and self._steps.talks(s, own):
                raise Cannot("what is printed or branched on stands in one statement with what is computed")
            binds = bound([s])
            used = {n for i in inside for n in names_in(i)}
            draws = not essential and self._steps.draws(s) and not self._steps.runs_module(s)
            # Behind a layer that draws numbers, too, it draws its own later.
            first = draws and (_has_generator(s) or not any(map(self._steps.draws_inside, inside)))
            if first:
                for needed in self._prepared(s, inside):
                    inside.remove(needed)
                    before.append(needed)
                used = {n for i in inside for n in names_in(i)}
            if not essential and self._counts(s):
                # ``n += 1``: it goes where no statement of the step stands between it and its readers.
                if not binds & self._read_after(s, region):
                    after.append(s)
                    continue
                if not (reads | binds) & (used | bound(inside)):
                    before.append(s)
                    continue
            hoistable = not essential and not (bound(inside) & (reads | binds)) and not used & binds
            can_ask = self._steps.can_ask(s)
            if can_ask and (any(map(self._steps.asks, inside)) or (self._found.asking and not hoistable)):
                inside.append(s)  # the generator gives its numbers in the script's order
                continue
            if self._steps.draws_on_host(s):
                if not hoistable and not essential and not binds & self._read_after(s, region):
                    after.append(s)
                    continue
                learns = self._steps.runs_module(s) and bool(binds & self._differentiated(region))
                if not hoistable or learns:
                    raise Cannot(DRAWS)
                before.append(s)
            elif hoistable and (first or (self._is_plain(s) and not binds & bound([n for n in region if n is not s]))):
                before.append(s)
            else:
                inside.append(s)
        for s in after:
            again = names_in(s) & bound(inside)
            place = at[id(s)]
            later = [n for n in inside if at[id(n)] > place]
            clash = again & bound(later)
            if clash and (clash & bound([n for n in inside if at[id(n)] < place])):
                raise Cannot(f"{min(clash)} is printed in it and computed again later")
        return before, inside, after

    def _chosen(self, node: cst.CSTNode) -> Sequence[cst.CSTNode]:
        """``if gap.item() > 0: loss += gap`` as a choice between two arrays; else the statement itself."""
        if not isinstance(node, cst.If) or not self._steps.talks(node):
            return [node]
        taken: dict[int, Sequence[cst.CSTNode]] = {}
        for call in self._steps.calls(node.test):
            if self._steps.takes_value(call) and isinstance(call.func, cst.Attribute):
                taken[id(call)] = [call.func.value]
        test = replaced(node.test, taken)
        if not taken and not is_array(self._found.of(test)):
            return [node]
        if any(id(n) in taken for n in walk(node.body)) or self._steps.talks(node.body):
            return [node]
        changed = node.with_changes(test=test)
        rows = branched(changed, changed, self._found)
        for row in rows or ():
            for part in walk(row):
                if isinstance(part, cst.Assign):
                    self._found.kinds[id(part.value)] = self._found.kinds[id(part.targets[0].target)] = ARRAY
        return rows if rows is not None else [node]

    def _counts(self, node: cst.CSTNode) -> bool:
        """Whether a statement changes a number of the host, and no more."""
        match node:
            case cst.SimpleStatementLine(body=[cst.AugAssign(target=cst.Name() as target, value=value)]):
                kind, given = self._found.of(target), self._found.of(value)
                plain = kind is not None and kind.tag == "number" and given is not None and given.tag == "number"
                sizes = all(method_of(c) in _SIZES or dotted(c.func) == "len" for c in self._steps.calls(node))
                return plain and sizes
        return False

    def _differentiated(self, region: list[cst.CSTNode]) -> set[str]:
        """The names that the losses are made of, but for what is only given to a Module."""
        found: set[str] = set()
        for s in reversed(region):
            if self._steps.differentiates(s) or bound([s]) & found:
                given: set[int] = set()
                for call in self._steps.calls(s):
                    kind = self._found.of(call.func)
                    if kind is not None and kind.tag == "module" and not kind.name.endswith("Loss"):
                        given |= {id(a) for a in call.args}
                found |= {n.value for n in walk(s, without=given) if isinstance(n, cst.Name)}
        return found

    def _loaded(self, node: cst.CSTNode) -> tuple[list[cst.CSTNode], cst.CSTNode]:
        """What makes the arrays of the host that a statement gives to a Module, and the statement with their names.

        The batch of ``model(next(loader))`` is such, too.
        """
        made: list[cst.CSTNode] = []
        changed = node
        for call in self._steps.calls(node):
            kind = self._found.of(call.func)
            loads = kind is not None and kind.tag in ("torch", "tensor class") and is_array(self._found.of(call))
            asks = dotted(call.func) == "next"
            if not (loads or asks) or self._steps.runs_module(call) or not self._steps.draws_on_host(call):
                continue
            if any(call in walk(other) for other in made):
                continue  # a part of what is taken out already
            match call.args:
                case [cst.Arg(value=cst.Name() as plain)] if kind is not None and kind.name == "torch.from_numpy":
                    changed = replaced(changed, {id(call): [plain]})  # a compiled function takes numpy's arrays
                case _:
                    named = cst.Name(self._fresh("batch" if asks else "inputs"))
                    target = cst.Name(named.value)
                    given = self._found.of(call) if asks else ARRAY
                    self._found.kinds[id(named)] = self._found.kinds[id(target)] = given
                    made.append(cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(target)], call)]))
                    changed = replaced(changed, {id(call): [named]})
        if changed is node or self._steps.draws_on_host(changed):
            return [], node
        self._carry(node, changed)
        return made, changed

    def _carry(self, old: cst.CSTNode, new: cst.CSTNode) -> None:
        """Tells of what holds a replaced part what was known of it before."""
        if old is not new and type(old) is type(new):
            self._found.kinds[id(new)] = self._found.of(old)
            for before, after in zip(old.children, new.children, strict=False):
                self._carry(before, after)

    def _fresh(self, wanted: str) -> str:
        """A name that the script does not have."""
        made, number = wanted, 2
        while made in self._taken:
            made, number = f"{wanted}_{number}", number + 1
        self._taken.add(made)
        return made

    def _learns_later(self, node: cst.CSTNode, region: list[cst.CSTNode]) -> bool:
        return any(self._steps.differentiates(s) or self._steps.updates(s) for s in _from(region, node))

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


def _from(region: Sequence[cst.CSTNode], node: cst.CSTNode) -> list[cst.CSTNode]:
    """The statements after one."""
    place = next(i for i, s in enumerate(region) if s is node)
    return list(region[place + 1 :])


def _has_generator(node: cst.CSTNode) -> bool:
    """Whether numbers are drawn from a generator of one's own."""
    return any(isinstance(n, cst.Arg) and n.keyword is not None and n.keyword.value == "generator" for n in walk(node))
