"""Which arguments of a compiled function have to be known when it is compiled: they decide shapes or branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from fnn.port._flow import walk
from fnn.port._infer import Inference
from fnn.port._kinds import NUMBER, Kind
from fnn.port._passed import passed
from fnn.port._scopes import Function, dotted
from fnn.port._steps import Steps

__all__ = ["LENGTHS", "Statics"]

_PLAIN = ("number", "text", "shape")
_SHAPED = ("torch", "tensor class", "method")
_DATA = frozenset("tensor as_tensor FloatTensor LongTensor Tensor from_numpy stack".split())
_PADDED = "torch.nn.utils.rnn.pad_packed_sequence"
LENGTHS = "torch.nn.utils.rnn.pack_padded_sequence"


class Statics:
    """Follows names into the functions that they are passed to."""

    def __init__(self, found: Inference) -> None:
        self._found = found
        self._steps = Steps(found)
        self._known: dict[tuple[int, str], bool] = {}

    def needed(self, nodes: Sequence[cst.CSTNode], wanted: str) -> bool:
        """Whether statements use a name where a traced value cannot stand."""
        return any(self._here(part, wanted) for s in nodes for part in walk(s))

    def is_list(self, nodes: Sequence[cst.CSTNode], wanted: str) -> bool:
        """Whether a name that `needed` says yes of stands for several numbers."""
        uses = [n for s in nodes for n in walk(s) if isinstance(n, cst.Name) and n.value == wanted]
        tests = [n.test for s in nodes for n in walk(s) if isinstance(n, cst.If | cst.While | cst.IfExp)]
        if any(wanted in _decisive(test) for test in tests):
            return False  # it is asked whether it holds
        return not any((kind := self._found.of(n)) is not None and kind.tag in _PLAIN for n in uses)

    def packs(self, nodes: Sequence[cst.CSTNode], wanted: str) -> bool:
        """Whether statements, or functions that they give it to, pack sequences of which a name has the lengths."""
        return any(self._packs(part, wanted, ()) for s in nodes for part in walk(s) if isinstance(part, cst.Call))

    def _packs(self, node: cst.Call, wanted: str, inside: tuple[int, ...]) -> bool:
        kind = self._found.of(node.func)
        if self._are_lengths(node, kind, wanted):
            return True
        for function in self._steps.run_by(node):
            if id(function) in inside:
                continue
            names = [n for n, value in passed(function, node) if isinstance(value, cst.Name) and value.value == wanted]
            calls = [part for part in walk(function.node.body) if isinstance(part, cst.Call)]
            if any(self._packs(part, n, (*inside, id(function))) for n in names for part in calls):
                return True
        return False

    def only_packs(self, nodes: Sequence[cst.CSTNode], wanted: str, inside: tuple[int, ...] = ()) -> bool:
        """Whether a name stands for nothing but the lengths of sequences that are packed, and padded again.

        Then it may be an array: the packed form, whose size depends on it, is not asked for.
        """
        parts = [part for s in nodes for part in walk(s, functions=True)]
        calls = [part for part in parts if isinstance(part, cst.Call)]
        packing = [c for c in calls if self._are_lengths(c, self._found.of(c.func), wanted)]
        if packing and not any((k := self._found.of(c.func)) is not None and k.name == _PADDED for c in calls):
            return False
        owners = [part for part in parts if isinstance(part, cst.Attribute | cst.Subscript)]
        if any(owner.value in packing or _asks_packed(owner) for owner in owners):
            return False
        known = len(packing)
        for node in calls:
            found = [f for f in self._steps.run_by(node) if id(f) not in inside]
            given: dict[int, list[bool]] = {id(value): [] for f in found for _, value in passed(f, node)}
            for function in found:
                for name, value in passed(function, node):
                    if isinstance(value, cst.Name) and value.value == wanted:
                        given[id(value)].append(self.only_packs([function.node.body], name, (*inside, id(function))))
            answers = [row for row in given.values() if row]
            if not all(map(all, answers)):
                return False
            known += len(answers)
        words = {id(p.attr) for p in parts if isinstance(p, cst.Attribute)}
        words |= {id(p.keyword) for p in parts if isinstance(p, cst.Arg)}
        asked = {id(p.left) for p in parts if isinstance(p, cst.Comparison) and not _decisive(p)}  # whether it is None
        uses = [p for p in parts if isinstance(p, cst.Name) and p.value == wanted and id(p) not in words | asked]
        return len(uses) == known

    def _are_lengths(self, node: cst.Call, kind: Kind | None, wanted: str) -> bool:
        if kind is None or kind.name != LENGTHS:
            return False
        given = [a.value for i, a in enumerate(node.args) if i == 1 or _keyword(a) == "lengths"]
        return any(isinstance(v, cst.Name) and v.value == wanted for v in given)

    def _here(self, part: cst.CSTNode, wanted: str) -> bool:
        match part:
            case cst.If() | cst.While() | cst.IfExp():
                if wanted in _decisive(part.test) and self._may_be_plain(part.test, wanted):
                    return True
                return self._plain_use([part.test], wanted)
            case cst.Slice():
                return self._plain_use([e for e in (part.lower, part.upper) if e is not None], wanted)
            case cst.Subscript(value=value, slice=places):
                # What is on the host is looked up there: ``self.schedule[epoch]``.
                base = self._found.of(value)
                if base is not None and base.tag in ("numpy", "list", "dict", "tuple", "text"):
                    given = [e.slice.value for e in places if isinstance(e.slice, cst.Index)]
                    return any(self._plain_or_unknown(g, wanted) for g in given)
            case cst.For() | cst.CompFor():
                return self._numbers(part.iter, wanted)
            case cst.Call():
                return self._called(part, wanted)
        return False

    def _called(self, node: cst.Call, wanted: str) -> bool:
        kind = self._found.of(node.func)
        values = [a.value for a in node.args]
        if kind is not None and kind.name == LENGTHS:
            return self._are_lengths(node, kind, wanted)
        base = self._found.of(node.func.value) if isinstance(node.func, cst.Attribute) else None
        host = any(k is not None and k.tag in ("numpy module", "number module") for k in (kind, base))
        if host or (kind is not None and kind.tag in _SHAPED) or dotted(node.func) == "range":
            if self._plain_use(values, wanted):
                return True
        data = kind is not None and kind.tag in _SHAPED and kind.name.rpartition(".")[2] in _DATA
        if kind is None or (kind.tag in _SHAPED and not data):
            if any(self._numbers(v, wanted) for v in values):
                return True
        return any(
            isinstance(value, cst.Name) and value.value == wanted and self._parameter(function, name)
            for function in self._steps.run_by(node)
            for name, value in passed(function, node)
        )

    def _parameter(self, function: Function, name: str) -> bool:
        key = (id(function.node.params), name)
        if key not in self._known:
            self._known[key] = False  # a function may call itself
            self._known[key] = self.needed([function.node.body], name)
        return self._known[key]

    def _plain_use(self, places: Sequence[cst.CSTNode], wanted: str) -> bool:
        for use in _uses(places, wanted):
            kind = self._found.of(use)
            if kind is not None and kind.tag in _PLAIN:
                return True
        return False

    def _plain_or_unknown(self, place: cst.CSTNode, wanted: str) -> bool:
        return any((k := self._found.of(use)) is None or k.tag in _PLAIN for use in _uses([place], wanted))

    def _may_be_plain(self, test: cst.CSTNode, wanted: str) -> bool:
        """Whether nothing says that a name in a test is an array: then the test could not be compiled anyway."""
        return all((k := self._found.of(use)) is None or k.tag in _PLAIN for use in _uses([test], wanted))

    def _numbers(self, node: cst.CSTNode, wanted: str) -> bool:
        """Whether an expression is the name, and the name stands for a list of numbers."""
        if not isinstance(node, cst.Name) or node.value != wanted:
            return False
        kind = self._found.of(node)
        return kind is not None and kind.tag in ("list", "tuple") and bool(kind.of) and set(kind.of) == {NUMBER}


def _uses(places: Sequence[cst.CSTNode], wanted: str) -> Iterator[cst.Name]:
    for place in places:
        for use in walk(place):
            if isinstance(use, cst.Name) and use.value == wanted:
                yield use


def _decisive(test: cst.BaseExpression) -> set[str]:
    """The names whose own values a test asks for, but for being None."""
    match test:
        case cst.Name(value=name):
            return {name}
        case cst.BooleanOperation():
            return _decisive(test.left) | _decisive(test.right)
        case cst.UnaryOperation(operator=cst.Not()):
            return _decisive(test.expression)
        case cst.Comparison():
            if any(isinstance(c.operator, cst.Is | cst.IsNot) for c in test.comparisons):
                return set()
            sides = [test.left, *(c.comparator for c in test.comparisons)]
            return {side.value for side in sides if isinstance(side, cst.Name)}
    return set()


def _asks_packed(node: cst.Attribute | cst.Subscript) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value in ("data", "batch_sizes")


def _keyword(argument: cst.Arg) -> str:
    return argument.keyword.value if argument.keyword is not None else ""
