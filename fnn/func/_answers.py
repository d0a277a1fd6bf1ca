"""What a program was told about numbers that change, in words: ``m.step > 100: was False, is now True``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fnn.func._compiled import Program, alike, number_at
from fnn.func._differences import Difference
from fnn.func._labels import labelled, variable
from fnn.state.describe import Survey
from fnn.state.numbers import Expression, evaluate
from fnn.state.places import Place

__all__ = ["answers"]

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "lt": "<",
          "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}  # fmt: skip
_COMPARES = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
_BEFORE = {"neg": "-", "pos": "+"}


def answers(program: Program, survey: Survey, roots: list[Any], names: list[str]) -> list[Difference]:
    """The conditions of a program that are not so now.

    Args:
        program: the program.
        survey: of what is there now.
        roots: the function and the objects among the arguments.
        names: of the roots.
    """
    labels = labelled(roots, names, program.template.places, survey.nodes)

    def named(place: Place) -> str:
        return variable(survey.nodes[place.node], place, labels)

    found = []
    for expression, answer in program.conditions:
        now = evaluate(expression, functools.partial(number_at, survey.nodes))
        if not alike(now, answer):
            compares = expression[0] == "bool" and expression[1][0] in _COMPARES
            text = _text(expression[1] if compares else expression, named)
            found.append(Difference(text, f"was {answer!r}, is now {now!r}"))
    return found


def _text(expression: Expression, named: Callable[[Place], str], inside: bool = False) -> str:
    kind, *parts = expression
    if kind == "value":
        return repr(parts[0])
    if kind == "place":
        return named(parts[0])
    if kind in _SIGNS and len(parts) == 2:
        left, right = (_text(part, named, True) for part in parts)
        return f"({left} {_SIGNS[kind]} {right})" if inside else f"{left} {_SIGNS[kind]} {right}"
    if kind in _BEFORE:
        return _BEFORE[kind] + _text(parts[0], named, True)
    return f"{kind}({', '.join(_text(part, named) for part in parts)})"
