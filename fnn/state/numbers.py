"""Numbers that change between the calls of a compiled step: an annealed temperature, a counter that ``forward`` moves.

A number in an attribute is a constant to a trace, and a program is compiled for each of its values.  Where the
second value is met, the trace is made with a `Number` in its place.  Python's arithmetic on it is written down as an
expression, which each call evaluates on the host, in Python's precision; where it meets an array, its value is an
input of the program; where Python asks for it (``if self.step > 100``), the answer becomes a condition of the program,
so that a schedule costs a program for each of its branches, not one for each step.  What a `Number` cannot do makes
the trace start anew with constants.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, cast

import jax

from fnn.tracing import register_array_like

__all__ = ["Expression", "Fixed", "Number", "Numbers", "evaluate"]

Expression = tuple[Any, ...]  # ("place", place) | ("value", number) | (operator's name, *expressions)
_RANGE = 2**31


class Fixed(Exception):
    """Not an error: a number must be a constant after all."""


class Numbers:
    """The numbers of one trace.

    Args:
        inputs: the traced values of expressions that earlier attempts met.
    """

    def __init__(self, inputs: dict[Expression, Any]) -> None:
        self.inputs = inputs
        self.missing: list[Expression] = []
        self.conditions: dict[Expression, Any] = {}

    def traced(self, number: Number) -> Any:
        """The traced value of a number, which becomes an input of the next attempt if it is none of this one."""
        value = self.inputs.get(number._expression)
        if value is None:
            if type(number._value) is int and not -_RANGE <= number._value < _RANGE:
                raise Fixed
            self.missing.append(number._expression)
            raise Fixed
        return value

    def asked(self, expression: Expression, answer: object) -> Any:
        """Notes that the program is for this answer."""
        self.conditions[expression] = answer
        return answer


def evaluate(expression: Expression, value_of: Callable[[Any], Any]) -> Any:
    """The value of an expression; ``value_of(place)`` gives that of a place."""
    kind = expression[0]
    if kind == "value":
        return expression[1]
    if kind == "place":
        return value_of(expression[1])
    return _OPERATIONS[kind](*(evaluate(part, value_of) for part in expression[1:]))


_OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "pos", "abs", "lt", "le", "gt", "ge", "eq",
        "ne",
    )},
    "bool": bool, "int": int, "float": float, "round": round, "floor": math.floor, "ceil": math.ceil, "exp": math.exp,
}  # fmt: skip


class Number:
    """Stands for one of Python's numbers in a trace; see the module's text."""

    __slots__ = ("_expression", "_numbers", "_value")

    __array_priority__ = 200

    @property
    def __class__(self) -> type:  # for isinstance(n, int)
        return type(self._value)

    @__class__.setter
    def __class__(self, cls: type) -> None:
        raise Fixed

    def __init__(self, numbers: Numbers, expression: Expression, value: int | float) -> None:
        self._numbers, self._expression, self._value = numbers, expression, value

    def __jax_array__(self) -> jax.Array:
        return self._numbers.traced(self)

    def __bool__(self) -> bool:
        return self._numbers.asked(("bool", self._expression), bool(self._value))

    def __int__(self) -> int:
        return self._numbers.asked(("int", self._expression), int(self._value))

    def __float__(self) -> float:
        return self._numbers.asked(("float", self._expression), float(self._value))

    def __index__(self) -> int:
        self._numbers.asked(self._expression, self._value)
        return operator.index(cast(int, self._value))

    def __hash__(self) -> int:
        return hash(self._numbers.asked(self._expression, self._value))

    def __repr__(self) -> str:
        return repr(self._numbers.asked(self._expression, self._value))

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(self._numbers.asked(self._expression, self._value), spec)

    def __round__(self, digits: int | None = None) -> Any:
        if digits is not None:
            raise Fixed
        return _made(self._numbers, "round", self)

    def __floor__(self) -> Any:
        return _made(self._numbers, "floor", self)

    def __ceil__(self) -> Any:
        return _made(self._numbers, "ceil", self)

    def __getattr__(self, name: str) -> Any:
        raise Fixed


def _made(numbers: Numbers, operation: str, *parts: object) -> Any:
    expressions = tuple(p._expression if type(p) is Number else ("value", p) for p in parts)
    values = [p._value if type(p) is Number else p for p in parts]
    return Number(numbers, (operation, *expressions), _OPERATIONS[operation](*values))


def _plain(value: object) -> bool:
    return type(value) in (int, float, bool, Number)


def _binary(name: str, reflected: bool) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if not _plain(other):
            function = getattr(operator, name)
            value = self._numbers.traced(self)
            return function(other, value) if reflected else function(value, other)
        return _made(self._numbers, name, *((other, self) if reflected else (self, other)))

    return method


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if not _plain(other):
            if other is None or isinstance(other, str):
                return name == "ne"
            return getattr(operator, name)(self._numbers.traced(self), other)
        made = _made(self._numbers, name, self, other)
        return self._numbers.asked(made._expression, made._value)

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(Number, f"__{_name}__", _binary(_name, False))
    setattr(Number, f"__r{_name}__", _binary(_name, True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _comparison(_name))
for _name in ("neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", lambda self, _name=_name: _made(self._numbers, _name, self))
register_array_like(Number, lambda n: n.__jax_array__(), lambda n: n.__jax_array__())
