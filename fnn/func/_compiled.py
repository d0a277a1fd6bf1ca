"""One program of `fnn.jit`, and the form of its results: what a trace leaves behind, without the objects."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.state.describe import Survey
from fnn.state.numbers import Expression, evaluate
from fnn.state.places import Place, fetch
from fnn.state.recipes import build

if TYPE_CHECKING:
    from fnn.func._bound import Remembered

NO_SEED = np.zeros(2, np.uint32)


class Program:
    """One function compiled for one description of what it reads."""

    __slots__ = (
        "arrays", "blocks", "compiled", "conditions", "derives", "donated", "draws", "effects", "kept", "modal",
        "name", "numbers", "ones", "optimizers", "out", "plain", "safe", "scratch", "shared", "statics", "symbolic",
        "template", "uses_seed", "warm", "written",
    )  # fmt: skip

    def __init__(self) -> None:
        self.warm = False
        self.shared = 0  # its number among those of several processes
        self.name = ""
        self.safe: Any = None
        self.symbolic: frozenset[Place] = frozenset()
        self.numbers: list[Expression] = []  # whose values are inputs
        self.conditions: list[tuple[Expression, Any]] = []

    def fits(self, survey: Survey) -> bool:
        """Whether what is no description is alike: hyper-parameters that are structure, arrays that are constants."""
        if any(np.asarray(survey.arrays[at]).tobytes() != raw for at, raw in self.ones):
            return False
        value_of = functools.partial(number_at, survey.nodes)
        if any(not alike(evaluate(e, value_of), answer) for e, answer in self.conditions):
            return False
        return [survey.nodes[n]._fnn_dynamic()[0] for n in self.optimizers] == self.statics


class Out:
    """How the function's result is made from the arrays that a program returns."""

    def __init__(self, recipe: tuple[Any, ...], count: int) -> None:
        self.recipe, self.count = recipe, count
        self.single = recipe[0] == "leaf"
        self.several = (
            recipe[0] == "tuple" and recipe[1] is tuple and all(part[0] == "leaf" for part in recipe[2])
            and [part[1] for part in recipe[2]] == list(range(count))
        )  # fmt: skip

    def plainly(self, leaves: list[Any]) -> Any:
        """The result, if it is an array or several."""
        return leaves[self.recipe[1]] if self.single else tuple(leaves)

    def build(self, leaves: list[Any], survey: Survey | Remembered) -> Any:
        if self.single or self.several:
            return self.plainly(leaves)
        return build(self.recipe, leaves, lambda tag: _resolve(tag, survey), {})


def number_at(nodes: list[Any], place: Place) -> Any:
    return fetch(nodes[place.node], place)


def alike(value: object, answer: object) -> bool:
    return type(value) is type(answer) and (value == answer or value != value)


def _resolve(tag: tuple[str, Any], survey: Survey | Remembered) -> Any:
    kind, at = tag
    if kind == "number":
        return evaluate(at, functools.partial(number_at, survey.nodes))
    return (survey.nodes if kind == "node" else survey.boxes if kind == "box" else survey.containers)[at]
