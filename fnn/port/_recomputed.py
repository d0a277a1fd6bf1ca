"""Losses of what was computed in other turns, as functions that compute it again: REINFORCE, actor and critic.

How many turns there were differs from loss to loss, so that nothing is compiled here: `fnn.backward` of a function.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._edit import arguments, call, code, keyword, replaced
from fnn.port._flow import bound, first_reads, names_in, walk
from fnn.port._infer import Inference
from fnn.port._kept import Kept, Place, given, kept, places
from fnn.port._regions import Cannot, begins
from fnn.port._scopes import dotted
from fnn.port._steps import Steps

__all__ = ["AGAIN", "recomputed"]

AGAIN = (
    "what the model gave in other turns is computed once more, of what went into it and with the same random numbers: "
    "nothing remembers how an array came about"
)
_LOSS_OF = "loss_of"


def recomputed(module: cst.Module, found: Inference) -> cst.Module | None:
    """The module with such losses as functions; None: it has none, or none that can be written so."""
    steps = Steps(found)
    taken = {n.value for n in walk(module, functions=True) if isinstance(n, cst.Name)}
    try:
        rows = kept(module, found)
        changes: dict[int, Sequence[cst.CSTNode]] = {}
        used: list[Kept] = []
        for place in places(module):
            some = _differentiated(place, rows, steps, taken)
            if some is not None:
                changes |= some[0]
                used += some[1]
    except Cannot:
        return None
    keeps = list({id(k): k for k in used}.values())
    for keep in keeps:
        changes |= keep.changes
    anchors = {id(k.anchor): k.anchor for k in keeps}
    before = {at: [k.made for k in keeps if id(k.anchor) == at] for at in anchors}
    apart = {at: replaced(anchor, changes) for at, anchor in anchors.items()}
    return replaced(module, changes | {at: [*before[at], apart[at]] for at in anchors}) if keeps else None


def _differentiated(
    place: Place, rows: Sequence[Kept], steps: Steps, taken: set[str]
) -> tuple[dict[int, Sequence[cst.CSTNode]], list[Kept]] | None:
    """What becomes of the statements of a block that differentiates what lists keep, and the lists."""
    body = list(place.block.body)
    at = next((i for i, s in enumerate(body) if _loss(s, steps) is not None), None)
    if at is None:
        return None
    formed, chosen, used = set[str](), [], []
    for line in body[:at]:
        reads = [k for k in rows if _reads(line, k, place)]
        if reads or names_in(line) & formed:
            chosen.append(line)
            formed |= bound([line]) | _filled(line)
            used += reads
    loss = _loss(body[at], steps)
    assert loss is not None
    if not used or not (names_in(loss) & formed or any(_reads(loss, k, place) for k in rows)):
        return None
    own = {n for s in chosen for n in _filled(s)} | first_reads(chosen) & bound(chosen)
    region = [s for s in body[:at] if s in chosen or (begins(s) and bound([s]) <= own)]
    for line in region:
        between = [s for s in body[body.index(line) + 1 : at] if s not in region]
        if first_reads([line]) & bound(between):
            raise Cannot("what it reads gets another value before the loss")
    if any(steps.leaves(s) for s in region):
        raise Cannot("it leaves the function")
    return _written(place, body, at, region, loss, used, steps, taken), used


def _written(
    place: Place,
    body: Sequence[cst.CSTNode],
    at: int,
    region: Sequence[cst.CSTNode],
    loss: cst.BaseExpression,
    used: list[Kept],
    steps: Steps,
    taken: set[str],
) -> dict[int, Sequence[cst.CSTNode]]:
    modules = _of_models(used, region, place)
    called = f"{_LOSS_OF}_" if _LOSS_OF in taken else _LOSS_OF
    changes: dict[int, Sequence[cst.CSTNode]] = {}
    formed = bound(region)
    for line in region:
        for part in walk(line):
            keep = next((k for k in used if _is(part, k, place)), None)
            if keep is not None and isinstance(part, cst.BaseExpression):
                changes[id(part)] = [given(keep, part, set(taken))]
            if isinstance(part, cst.Call) and (steps.takes_value(part) or _takes(part, formed)):
                changes[id(part)] = [_number(part)]
    lines = [replaced(s, changes) for s in region]
    later = {n for s in body[at + 1 :] for n in names_in(s)}
    more = sorted(bound(region) & later - names_in(loss)) if isinstance(loss, cst.Name) else []
    value: cst.BaseExpression = loss
    match lines[-1]:
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=target)], value=last)]) if (
            code(target) == code(loss) and not more
        ):
            value = last
            lines.pop()
    if more:
        several = cst.Tuple([cst.Element(cst.Name(n)) for n in more])
        value = cst.Tuple([cst.Element(loss), cst.Element(several)], lpar=[], rpar=[])
    lines.append(cst.SimpleStatementLine([cst.Return(value)]))
    params = [cst.Param(cst.Name(m.rpartition(".")[2])) for m in modules]
    lines[0] = lines[0].with_changes(leading_lines=[])
    blank = [cst.EmptyLine(indent=False)]
    function = cst.FunctionDef(
        cst.Name(called), cst.Parameters(params), cst.IndentedBlock(lines),  # type: ignore[arg-type]
        leading_lines=blank,
    )  # fmt: skip
    several_of = cst.Tuple([cst.Element(cst.Integer(str(i))) for i in range(len(modules))])
    options = [keyword("argnums", several_of)] if len(modules) > 1 else []
    options += [keyword("has_aux", cst.Name("True"))] if more else []
    made = cst.Call(call("fnn.backward", cst.Name(called), *options), arguments(*map(cst.parse_expression, modules)))
    target = loss.value if isinstance(loss, cst.Name) else ""
    rest = ", ".join(more) + ("," if len(more) == 1 else "")
    text = f"{target}, ({rest}) = {code(made)}" if more else f"{target} = {code(made)}" if target else code(made)
    line = body[at]
    assert isinstance(line, cst.SimpleStatementLine)
    outside: dict[int, Sequence[cst.CSTNode]] = {id(s): [] for s in region}
    written = cst.parse_statement(text)
    # Before the first statement behind the last one of the region, often zero_grad: a definition among statements.
    places_of = [i for i, s in enumerate(body) if s in region]
    behind = body[places_of[-1] + 1]
    outside[id(line)] = [written.with_changes(leading_lines=line.leading_lines)]
    first = outside.get(id(behind), [behind])[0]
    lead = getattr(first, "leading_lines", ())
    apart = first.with_changes(leading_lines=lead if lead and lead[0].comment is None else [*blank, *lead])
    outside[id(behind)] = [function, apart]
    return outside


def _of_models(used: Sequence[Kept], region: Sequence[cst.CSTNode], place: Place) -> list[str]:
    """The Modules whose Parameters are differentiated, as they are written at the loss."""
    found: list[str] = []
    for keep in used:
        owner = next((o for s in region for n in walk(s) if (o := _owner(n, keep)) is not None), "")
        for module in keep.modules:
            if module.startswith("self.") and owner != "self":
                module = owner if keep.place.owner is not None else module
            found += [module] if module and module not in found else []
    if not found or any(m.startswith("self.") and not place.method for m in found):
        raise Cannot("whose Parameters are differentiated is not known")
    return found


def _owner(node: cst.CSTNode, keep: Kept) -> str | None:
    if isinstance(node, cst.Attribute) and node.attr.value == keep.last:
        return dotted(node.value)
    return None


def _loss(node: cst.CSTNode, steps: Steps) -> cst.BaseExpression | None:
    """What a statement differentiates."""
    match node:
        case cst.SimpleStatementLine(
            body=[cst.Expr(value=cst.Call(func=cst.Attribute(value=loss, attr=attr), args=[]))]
        ):
            if attr.value == "backward" and steps.differentiates(node):
                return loss
    return None


def _is(node: cst.CSTNode, keep: Kept, place: Place) -> bool:
    """Whether an expression is the list."""
    if "." in keep.target:
        return isinstance(node, cst.Attribute) and node.attr.value == keep.last and dotted(node) is not None
    return isinstance(node, cst.Name) and node.value == keep.target and keep.place.function is place.function


def _reads(node: cst.CSTNode, keep: Kept, place: Place) -> bool:
    """Whether a statement reads the list, and does more than to empty or to fill it."""
    other: set[int] = set()
    for part in walk(node, functions=True):
        match part:
            case cst.Call(func=cst.Attribute(value=target, attr=cst.Name(value="append" | "clear"))):
                other.add(id(target))
            case cst.AssignTarget(target=target):
                other.add(id(target))
            case cst.Del():
                other |= {id(n) for n in walk(part)}
    return any(_is(n, keep, place) and id(n) not in other for n in walk(node, functions=True))


def _filled(node: cst.CSTNode) -> set[str]:
    """The lists that a statement fills."""
    found: set[str] = set()
    for part in walk(node):
        match part:
            case cst.Call(func=cst.Attribute(value=cst.Name(value=n), attr=cst.Name(value="append" | "insert"))):
                found.add(n)
    return found


def _takes(node: cst.Call, formed: set[str]) -> bool:
    """Whether a number is taken out of something that the loss is formed of."""
    return isinstance(node.func, cst.Attribute) and node.func.attr.value == "item" and bool(names_in(node) & formed)


def _number(node: cst.Call) -> cst.BaseExpression:
    """``x.detach().reshape(())`` for ``x.item()``: a number that no gradient goes through."""
    match node:
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="item"))):
            detached = cst.Call(cst.Attribute(value, cst.Name("detach")))
            return cst.Call(cst.Attribute(detached, cst.Name("reshape")), [cst.Arg(cst.Tuple([]))])
    raise Cannot("a number is taken out of what is differentiated")
