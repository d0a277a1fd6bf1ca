"""Whether two arrays of a script have one shape, as far as the statements show."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from fnn.port._edit import bare, code
from fnn.port._flow import scope_body, walk
from fnn.port._kinds import NUMBER
from fnn.port._scopes import Scopes, dotted

__all__ = ["ELEMENTWISE", "Shapes", "only_values"]

# Functions, and methods, whose result has the shape of their first array.
ELEMENTWISE = frozenset(
    "abs isnan isinf isfinite isneginf isposinf logical_not sigmoid relu tanh exp log sqrt square clamp float bool "
    "long int half detach clone eq ne lt le gt ge bernoulli rand_like randn_like zeros_like ones_like empty_like "
    "full_like randint_like softmax log_softmax masked_fill bitwise_not type to".split()
)
_SIZED = frozenset("rand randn zeros ones full empty".split())  # whose first argument is a shape
# Losses that with reduction="none" have the shape of the argument at this place.
_LOSSES = {"cross_entropy": 1, "nll_loss": 1} | dict.fromkeys(
    ("mse_loss", "l1_loss", "smooth_l1_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"), 1
)


def only_values(node: cst.FunctionDef | cst.Module) -> dict[str, cst.BaseExpression | None]:
    """The names of a function that are bound once: to this expression, or (None) by a parameter or in another way.

    Those that are bound more than once are not among them.  What is written in place keeps its shape.
    """
    times: dict[str, int] = {}
    values: dict[str, cst.BaseExpression | None] = {}
    params = [node.params] if isinstance(node, cst.FunctionDef) else []
    for part in (n for root in (*params, *scope_body(node)) for n in walk(root)):
        match part:
            case cst.Param(name=cst.Name(value=name)):
                targets: list[tuple[cst.BaseExpression, cst.BaseExpression | None]] = [(cst.Name(name), None)]
            case cst.Assign():
                targets = [(t.target, part.value) for t in part.targets]
            case cst.AnnAssign() | cst.NamedExpr():
                targets = [(part.target, part.value)]
            case cst.For() | cst.CompFor():
                targets = [(part.target, None)]
            case cst.AsName():
                targets = [(part.name, None)]
            case _:
                continue
        for target, value in targets:
            if isinstance(target, cst.Name):
                times[target.value] = times.get(target.value, 0) + 1
                values[target.value] = value
            elif isinstance(target, cst.Tuple | cst.List):
                for n in walk(target):
                    if isinstance(n, cst.Name):
                        times[n.value] = times.get(n.value, 0) + 1
                        values[n.value] = None
    return {name: value for name, value in values.items() if times[name] == 1}


class Shapes:
    """Questions to one function, by the kinds of its nodes and the names that it binds once."""

    def __init__(self, found: Scopes, only: Mapping[str, cst.BaseExpression | None]) -> None:
        self._found = found
        self._only = only

    def alike(self, a: cst.BaseExpression, b: cst.BaseExpression) -> bool:
        """Whether two expressions surely have one shape."""
        first, second = self._root(a), self._root(b)
        if first is None or second is None or first[0] != second[0]:
            return False
        # What an earlier statement computed has the shape that the name had then.
        return not (first[1] or second[1]) or first[0].partition(".")[0] in self._only

    def _root(self, node: cst.BaseExpression) -> tuple[str, bool] | None:
        """The expression whose shape another has, as text, and whether other statements were followed for it."""
        node = bare(node)
        match node:
            case cst.Name(value=name):
                value = self._only.get(name)
                if value is not None and (found := self._root(value)) is not None:
                    return found[0], True
                return name, False
            case cst.Attribute():
                name = dotted(node)
                return (name, False) if name is not None else None
            case cst.Subscript():
                return code(node), False
            case cst.Comparison(left=left, comparisons=[target]):
                return self._both(left, target.comparator)
            case cst.UnaryOperation(expression=inner):
                return self._root(inner)
            case cst.BinaryOperation(left=left, right=right):
                return self._both(left, right) if not isinstance(node.operator, cst.MatrixMultiply) else None
            case cst.Call(func=func):
                return self._called(node, func)
        return None

    def _both(self, a: cst.BaseExpression, b: cst.BaseExpression) -> tuple[str, bool] | None:
        """The root of an elementwise operation: of both sides, or of one beside a number."""
        if self._is_number(a):
            return self._root(b)
        if self._is_number(b):
            return self._root(a)
        first, second = self._root(a), self._root(b)
        if first is None or second is None or first[0] != second[0]:
            return None
        return first[0], first[1] or second[1]

    def _is_number(self, node: cst.BaseExpression) -> bool:
        if self._found.of(node) == NUMBER:
            return True
        match node:  # a reduction over all dimensions
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="max" | "min" | "mean" | "sum" | "median")), args=[]):
                return True
        return False

    def _called(self, node: cst.Call, func: cst.BaseExpression) -> tuple[str, bool] | None:
        kind = self._found.of(func)
        if kind is None or kind.tag not in ("torch", "method"):
            return None
        name = kind.name.rpartition(".")[2]
        given = [a.value for a in node.args if a.keyword is None]
        if kind.tag == "method" and isinstance(func, cst.Attribute):
            given = [func.value, *given]
        if name in _LOSSES and len(given) > _LOSSES[name] and _reduction(node) == "none":
            return self._root(given[_LOSSES[name]])
        if name in _SIZED and given and kind.tag == "torch":
            return self._shape(given[0])
        if name not in ELEMENTWISE or not given:
            return None
        if name in ("eq", "ne", "lt", "le", "gt", "ge") and len(given) == 2:
            return self._both(given[0], given[1])
        return self._root(given[0])

    def _shape(self, node: cst.BaseExpression) -> tuple[str, bool] | None:
        """The root of an array made with a shape: ``x.shape``, ``x.size()``."""
        match node:
            case cst.Attribute(value=value, attr=cst.Name(value="shape")):
                return self._root(value)
            case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="size")), args=[]):
                return self._root(value)
        return None


def _reduction(node: cst.Call) -> str:
    for argument in node.args:
        if argument.keyword is not None and argument.keyword.value == "reduction":
            value = argument.value
            return str(value.evaluated_value) if isinstance(value, cst.SimpleString) else "?"
    return ""
