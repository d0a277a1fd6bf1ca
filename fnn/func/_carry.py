"""What all transforms share: running a function in a scope of its own and carrying its writes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jax.tree_util import tree_flatten, tree_unflatten

from fnn.func._jit import _DYNAMIC, _is_box, _kind
from fnn.state.box import Box
from fnn.state.scope import Scope, current_scope, opened


class Arguments:
    """The arguments of a call, split into the traced leaves and the rest.

    Modules, boxes and static values are the rest, and so are Python's numbers: a flag stays one that ``if`` can ask.
    """

    def __init__(self, args: tuple, kwargs: dict[str, Any]) -> None:
        self.leaves, self.treedef = tree_flatten((args, kwargs), _is_box)
        self.places = [i for i, leaf in enumerate(self.leaves) if _is_traced(leaf)]

    @property
    def dynamic(self) -> list[Any]:
        return [self.leaves[i] for i in self.places]

    def rebuilt(self, dynamic: list[Any]) -> tuple[tuple, dict[str, Any]]:
        leaves = list(self.leaves)
        for i, value in zip(self.places, dynamic, strict=True):
            leaves[i] = value
        return tree_unflatten(self.treedef, leaves)


def _is_traced(leaf: Any) -> bool:
    return _kind(type(leaf)) == _DYNAMIC and type(leaf) not in (bool, int, float, complex)


class Carried:
    """Runs functions in a scope and remembers which boxes they wrote."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = current_scope() if parent is None else parent
        self.boxes: list[Box] = []

    def __call__(
        self, function: Callable, args: tuple, kwargs: dict[str, Any], values: dict[Box, Any] | None = None
    ) -> tuple[Any, list[Any]]:
        """``(output, values of the written boxes)``; `boxes` are the boxes, in the same order."""
        scope = Scope(values, self.parent)
        with opened(scope):
            out = function(*args, **kwargs)
        self.boxes = scope.carried()
        return out, [scope.values[box] for box in self.boxes]
