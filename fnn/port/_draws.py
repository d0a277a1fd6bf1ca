"""Arrays that are filled with random numbers in place: `normal_` and `uniform_` as draws of new ones."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._edit import bare, call, grouped, name
from fnn.port._scopes import dotted

__all__ = ["DRAWN", "drawn"]

# The function of sizes, the one of an array, and the names of the two parameters.
DRAWN = {"normal_": ("randn", "randn_like", ("mean", "std")), "uniform_": ("rand", "rand_like", ("a", "b"))}
_NAMES = {"from": "a", "to": "b"}
_MADE_EMPTY = ("fnn.empty", "fnn.zeros", "fnn.ones")
_MADE_LIKE = ("fnn.empty_like", "fnn.zeros_like", "fnn.ones_like")


def drawn(method: str, receiver: cst.BaseExpression, args: Sequence[cst.Arg]) -> cst.BaseExpression | None:
    """``mean + std * fnn.randn_like(x)`` for ``x.normal_(mean, std)``; None: the arguments are not these."""
    sizes, like, names = DRAWN[method]
    given: dict[str, cst.BaseExpression] = {}
    for place, argument in enumerate(args):
        keyword = argument.keyword.value if argument.keyword is not None else None
        key = _NAMES.get(keyword, keyword) if keyword is not None else names[place] if place < 2 else ""
        if key not in names or argument.star:
            return None
        given[key] = argument.value
    first, second = (given.get(n) for n in names)
    if isinstance(receiver, cst.Call) and dotted(receiver.func) in _MADE_EMPTY:
        base = receiver.with_changes(func=name(f"fnn.{sizes}"))
    elif isinstance(receiver, cst.Call) and dotted(receiver.func) in _MADE_LIKE:
        base = receiver.with_changes(func=name(f"fnn.{like}"))
    else:
        base = call(f"fnn.{like}", bare(receiver))
    return _normal(base, first, second) if method == "normal_" else _uniform(base, first, second)


def _normal(
    base: cst.BaseExpression, mean: cst.BaseExpression | None, std: cst.BaseExpression | None
) -> cst.BaseExpression:
    if std is not None and _number(std) != 1:
        base = _operation(std, cst.Multiply(), base)
    return base if mean is None or _number(mean) == 0 else _operation(mean, cst.Add(), base)


def _uniform(
    base: cst.BaseExpression, low: cst.BaseExpression | None, high: cst.BaseExpression | None
) -> cst.BaseExpression:
    low, high = low or cst.Integer("0"), high or cst.Integer("1")
    if _number(low) == 0:
        return base if _number(high) == 1 else _operation(high, cst.Multiply(), base)
    if isinstance(low, cst.UnaryOperation) and isinstance(low.operator, cst.Minus) and low.expression.deep_equals(high):
        both = _operation(_operation(cst.Integer("2"), cst.Multiply(), base), cst.Subtract(), cst.Integer("1"))
        return both if _number(high) == 1 else _operation(high, cst.Multiply(), both)
    width = _operation(grouped(high), cst.Subtract(), grouped(low))
    return _operation(low, cst.Add(), _operation(width, cst.Multiply(), base))


def _number(node: cst.BaseExpression) -> float | None:
    return float(node.evaluated_value) if isinstance(node, cst.Integer | cst.Float) else None


def _operation(left: cst.BaseExpression, operator: cst.BaseBinaryOp, right: cst.BaseExpression) -> cst.BinaryOperation:
    """An operation in parentheses; products inside a sum or a product go without."""
    loose = isinstance(operator, cst.Add | cst.Subtract)
    parts = [bare(p) if _is_product(p) and (loose or p is left) else grouped(p) for p in (left, right)]
    return cst.BinaryOperation(parts[0], operator, parts[1], lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _is_product(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply)
