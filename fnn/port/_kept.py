"""What a Module computed and a list keeps for a later turn: log-probabilities of actions, values of states.

Nothing remembers how an array came about, so a function is made of the statements that computed it, and the list
keeps what went into them.  Where a layer draws numbers, the generator's state goes into them as well, and the same
numbers are drawn again; of what is only sampled, the sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from fnn.port._edit import arguments, code, name, statement
from fnn.port._flow import bound, first_reads, names_in, walk
from fnn.port._infer import Inference
from fnn.port._kinds import Kind, is_array
from fnn.port._regions import Cannot
from fnn.port._scopes import dotted
from fnn.port._steps import Steps

__all__ = ["Kept", "Place", "given", "kept", "places"]

_RANDOM = re.compile(r"dropout|rrelu|torch\.rand|_like\(|torch\.normal|rsample|gumbel|bernoulli", re.IGNORECASE)
_SAMPLES = ("sample", "multinomial")
_STATE = "rng_state"


@dataclass
class Place:
    """A block of statements, the function around it, and the loops between the two."""

    block: cst.IndentedBlock | cst.Module
    function: cst.FunctionDef | None = None
    owner: cst.ClassDef | None = None
    loops: tuple[cst.For | cst.While, ...] = ()

    @property
    def method(self) -> bool:
        """Whether the function is one of an object."""
        return self.owner is not None


@dataclass
class Kept:
    """A list that keeps what was computed, and what is written instead.

    Attributes:
        target: the list, as it is written where it is filled.
        made: the function that computes again what was appended.
        anchor: the statement before which it goes.
        single: whether the list keeps one thing for each turn, not a tuple.
        changes: by the identity of nodes, what stands in their place.
        modules: the Modules that are run, as they are written there.
    """

    target: str
    place: Place
    made: cst.FunctionDef
    anchor: cst.FunctionDef | cst.For | cst.While
    single: bool
    changes: dict[int, Sequence[cst.CSTNode]] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)

    @property
    def last(self) -> str:
        """The list's name, whoever holds it."""
        return self.target.rpartition(".")[2]


def places(module: cst.Module) -> Iterator[Place]:
    """All blocks of a script."""

    def inside(place: Place) -> Iterator[Place]:
        yield place
        for line in place.block.body:
            match line:
                case cst.FunctionDef(body=cst.IndentedBlock() as body):
                    owner = place.owner if place.function is None else None
                    yield from inside(Place(body, line, owner))
                case cst.ClassDef(body=cst.IndentedBlock() as body):
                    yield from inside(Place(body, None, line))
                case cst.For(body=cst.IndentedBlock() as body) | cst.While(body=cst.IndentedBlock() as body):
                    yield from inside(Place(body, place.function, place.owner, (*place.loops, line)))
                case cst.If(body=cst.IndentedBlock() as body):
                    yield from inside(Place(body, place.function, place.owner, place.loops))

    yield from inside(Place(module))


def kept(module: cst.Module, found: Inference) -> list[Kept]:
    """The lists of a script that keep what a Module computed."""
    if "BatchNorm" in module.code:
        raise Cannot("what is computed again would move the statistics of batches once more")
    steps = Steps(found)
    taken = {n.value for n in walk(module, functions=True) if isinstance(n, cst.Name)}
    draws = _RANDOM.search(module.code) is not None
    rows: list[Kept] = []
    for place in places(module):
        for at, line in enumerate(place.block.body):
            match line:
                case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call(
                    func=cst.Attribute(value=target, attr=cst.Name(value="append")), args=[cst.Arg(value=value)]
                ))]) if dotted(target) is not None:  # fmt: skip
                    lines = _computing(place.block.body[:at], value, steps)
                    if lines:
                        rows.append(_made(place, at, target, value, lines, steps, taken, draws))
    return rows


def _computing(before: Sequence[cst.CSTNode], value: cst.BaseExpression, steps: Steps) -> list[cst.SimpleStatementLine]:
    """The statements that compute a value with a Module; none if its gradient is asked for by nobody."""
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
        if value.func.attr.value in ("item", "detach", "numpy", "tolist", "cpu"):
            return []
    if isinstance(value, cst.Call) and dotted(value.func) in ("float", "int"):
        return []
    formed: set[str] = set()
    runs: set[int] = set()
    for line in before:
        if steps.runs_module(line, losses=False) or names_in(line) & formed:
            if not _is_formed(line, steps):
                continue
            runs.add(id(line))
            formed |= bound([line])
    needed, lines = names_in(value), []
    for line in reversed(before):
        if id(line) in runs and bound([line]) & needed:
            if not isinstance(line, cst.SimpleStatementLine):
                return []
            lines.insert(0, line)
            needed |= first_reads([line])
    return lines


def _is_formed(line: cst.CSTNode, steps: Steps) -> bool:
    """Whether a statement names arrays, or distributions, that a gradient may go through."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Assign(value=value)]):
            return _holds_arrays(steps.kind(value))
    return False


def _holds_arrays(kind: Kind | None) -> bool:
    if kind is not None and kind.tag in ("tuple", "list"):
        return any(map(_holds_arrays, kind.of))
    return is_array(kind) or (kind is not None and kind.tag == "torch object")


def _made(
    place: Place,
    at: int,
    target: cst.BaseExpression,
    value: cst.BaseExpression,
    lines: list[cst.SimpleStatementLine],
    steps: Steps,
    taken: set[str],
    draws: bool,
) -> Kept:
    appending = place.block.body[at]
    given = statement(f"return {code(value)}")
    hidden = any(_samples(f.node.body) for s in lines for f in steps.called(s))
    again = draws or hidden
    replayed = lines if again else [s for s in lines if not _samples(s)]
    if any(steps.takes_value(c) for s in replayed for c in steps.calls(s)):
        raise Cannot("a value is taken out of what is kept")
    inputs = sorted(first_reads([*replayed, given]) & _changing(place), key=lambda n: _first(replayed, value, n))
    inputs = [n for n in inputs if n != "self"]
    rebound = bound(place.block.body[place.block.body.index(lines[-1]) + 1 : at])
    if rebound & set(inputs):
        raise Cannot(f"{min(rebound & set(inputs))} gets another value before what was computed of it is kept")
    called = _free(_singular(dotted(target) or ""), taken)
    state = _free(_STATE, taken) if again else ""
    params = [*(["self"] if place.method else []), *([state] if again else []), *inputs]
    body: list[cst.BaseStatement] = [s.deep_clone().with_changes(leading_lines=[]) for s in replayed]
    body.append(given)
    if again:
        first = statement(f"torch.random.set_rng_state({state})")
        block = cst.IndentedBlock([first, *body])
        fork = cst.WithItem(cst.parse_expression("torch.random.fork_rng()"))
        body = [cst.With([fork], block)]
    handed = [cst.Name(n) for n in (*([state] if again else []), *inputs)]
    one = handed[0] if len(handed) == 1 else cst.Tuple([cst.Element(n) for n in handed])
    assert isinstance(appending, cst.SimpleStatementLine)
    changed = appending.with_changes(
        body=[cst.Expr(cst.Call(cst.Attribute(target, cst.Name("append")), [cst.Arg(one)]))]
    )
    changes: dict[int, Sequence[cst.CSTNode]] = {id(appending): [changed]}
    if again:
        line = lines[0]
        saved = statement(f"{state} = torch.random.get_rng_state()").with_changes(leading_lines=line.leading_lines)
        changes[id(line)] = [saved, line.with_changes(leading_lines=[])]
    for line in lines:  # what nothing reads any more
        later = [s for s in place.block.body if s is not line and s is not appending]
        if not bound([line]) & {n for s in [*later, changed] for n in names_in(s)} and not again:
            changes[id(line)] = []
    blank = [cst.EmptyLine(indent=False)]
    function = cst.FunctionDef(
        name(called),  # type: ignore[arg-type]
        cst.Parameters([cst.Param(cst.Name(n)) for n in params]),
        cst.IndentedBlock(body),
        leading_lines=blank * (1 if place.method or place.loops else 2),
    )
    anchor = place.loops[0] if place.loops else place.function
    if anchor is None:
        raise Cannot("what is kept is computed in no loop and no function")
    return Kept(
        dotted(target) or "", place, function, anchor, len(handed) == 1, changes, _modules([*lines, given], steps)
    )


def _changing(place: Place) -> set[str]:
    """The names that stand for something else in each turn."""
    if place.loops:
        return bound(place.loops[:1])
    if place.function is None:
        return set()
    params = {p.name.value for p in walk(place.function.params) if isinstance(p, cst.Param)}
    return params | bound(place.function.body.body)


def _samples(node: cst.CSTNode) -> bool:
    return any(
        isinstance(n, cst.Call) and (dotted(n.func) or code(n.func)).rpartition(".")[2] in _SAMPLES for n in walk(node)
    )


def _modules(nodes: Sequence[cst.CSTNode], steps: Steps) -> list[str]:
    """The Modules that statements call, and those that the functions they call do."""
    found: list[str] = []
    waiting, seen = list(nodes), set[int]()
    while waiting:
        node = waiting.pop(0)
        for call in steps.calls(node):
            kind, written = steps.kind(call.func), dotted(call.func)
            if kind is not None and kind.tag == "module" and written is not None:
                found += [written] if written not in found else []
            function = steps.function(call)
            if function is not None and id(function) not in seen:
                seen.add(id(function))
                waiting.append(function.node.body)
    return found


def _first(lines: Sequence[cst.CSTNode], value: cst.BaseExpression, wanted: str) -> int:
    names = [n.value for s in (*lines, value) for n in walk(s, functions=True) if isinstance(n, cst.Name)]
    return names.index(wanted) if wanted in names else len(names)


def _singular(target: str) -> str:
    last = target.rpartition(".")[2]
    return last[:-1] if last.endswith("s") and not last.endswith("ss") else f"{last}_again"


def _free(wanted: str, taken: set[str]) -> str:
    made = wanted
    while made in taken:
        made += "_"
    taken.add(made)
    return made


def given(keep: Kept, target: cst.BaseExpression, taken: set[str]) -> cst.BaseExpression:
    """``[saved_log_prob(*given) for given in target]``, for the list as it is written where it is read."""
    owner = dotted(target.value) if isinstance(target, cst.Attribute) and keep.place.method else ""
    function = f"{owner}.{keep.made.name.value}" if owner else keep.made.name.value
    each = _free("given", taken)
    args = arguments(cst.Name(each)) if keep.single else [cst.Arg(cst.Name(each), star="*")]
    loop = cst.CompFor(cst.Name(each), target)
    return cst.ListComp(cst.Call(name(function), args), loop)
