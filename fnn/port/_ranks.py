"""How many dimensions an array of a script has, as far as the statements show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import libcst as cst

from fnn.port._alike import ELEMENTWISE
from fnn.port._edit import bare
from fnn.port._kinds import NUMBER, is_array
from fnn.port._scopes import Scopes, dotted

__all__ = ["Rank", "Ranks"]

_ROWS = frozenset("arange randperm linspace range".split())
_SIZED = frozenset("rand randn zeros ones empty".split())  # of sizes
_SHAPED = frozenset(("reshape", "view"))
_REDUCED = frozenset("sum mean prod any all argmax argmin amax amin logsumexp norm".split())


class Rank(NamedTuple):
    """The number of dimensions of ``root``, an expression as text, and ``more``; without a root the number itself."""

    root: str
    more: int


class Ranks:
    """Questions to one function, by the kinds of its nodes and the names that it binds once."""

    def __init__(self, found: Scopes, only: Mapping[str, cst.BaseExpression | None]) -> None:
        self._found = found
        self._only = only

    def of(self, node: cst.BaseExpression) -> Rank | None:
        """What is known of an expression; None: nothing."""
        node = bare(node)
        match node:
            case cst.Name(value=name):
                value = self._only.get(name)
                found = self.of(value) if value is not None else None
                return found or (Rank(name, 0) if name in self._only else None)
            case cst.Attribute(value=value, attr=cst.Name(value=attr)):
                if attr == "data":
                    return self.of(value)
                name = dotted(node)
                return Rank(name, 0) if name is not None else None
            case cst.Comparison(left=left, comparisons=[target]):
                return self._both(left, target.comparator)
            case cst.BinaryOperation(left=left, right=right, operator=operator):
                return None if isinstance(operator, cst.MatrixMultiply) else self._both(left, right)
            case cst.UnaryOperation(expression=inner):
                return self.of(inner)
            case cst.Subscript(value=value):
                base = self.of(value)
                less = _taken(node, self._found)
                return None if base is None or less is None else Rank(base.root, base.more - less)
            case cst.Call():
                return self._called(node)
        return None

    def _both(self, a: cst.BaseExpression, b: cst.BaseExpression) -> Rank | None:
        """The rank of an elementwise operation: of both sides, or of one beside a number."""
        numbers = [self._found.of(side) == NUMBER or isinstance(side, cst.Integer | cst.Float) for side in (a, b)]
        if any(numbers):
            return self.of(b if numbers[0] else a)
        first, second = self.of(a), self.of(b)
        return first if first == second else None

    def _called(self, node: cst.Call) -> Rank | None:
        kind = self._found.of(node.func)
        if kind is None or kind.tag not in ("torch", "method"):
            return None
        name = kind.name.rpartition(".")[2]
        given = [a.value for a in node.args if a.keyword is None and not a.star]
        if name in _ROWS and kind.tag == "torch":
            return Rank("", 1)
        if name in _SIZED and kind.tag == "torch":
            return self._sized(given)
        if kind.tag == "method" and isinstance(node.func, cst.Attribute):
            given = [node.func.value, *given]
        if not given:
            return None
        if name in _SHAPED:
            return self._sized(given[1:])
        keywords = {a.keyword.value: a.value for a in node.args if a.keyword is not None}
        if name in _REDUCED:
            dim = keywords.get("dim", given[1] if len(given) > 1 else None)
            kept = "keepdim" in keywords or len(given) > 2
            base = self.of(given[0])
            if dim is None:
                return Rank("", 0)
            whole = isinstance(dim, cst.Integer | cst.UnaryOperation)
            return None if base is None or kept or not whole else Rank(base.root, base.more - 1)
        return self.of(given[0]) if name in ELEMENTWISE else None

    def _sized(self, given: list[cst.BaseExpression]) -> Rank | None:
        if len(given) == 1 and isinstance(given[0], cst.Tuple | cst.List):
            return Rank("", len(given[0].elements))
        plain = given and all(self._found.of(size) == NUMBER or _is_whole(size) for size in given)
        return Rank("", len(given)) if plain else None


def _is_whole(node: cst.BaseExpression) -> bool:
    """Whether it is a number that is written out, ``-1`` too."""
    return isinstance(node.expression if isinstance(node, cst.UnaryOperation) else node, cst.Integer)


def _taken(node: cst.Subscript, found: Scopes) -> int | None:
    """How many dimensions brackets take; None: they hold more than numbers, slices and new dimensions."""
    less = 0
    for element in node.slice:
        match element.slice:
            case cst.Slice() | cst.Index(value=cst.Ellipsis()):
                continue
            case cst.Index(value=index):
                if dotted(index) == "None":
                    less -= 1
                elif found.of(index) == NUMBER and not is_array(found.of(index)):
                    less += 1
                else:
                    return None
    return less
