"""`RuleState`: the state of an update rule for one group of parameters, held in boxes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn.optim._slots import Moment
from fnn.optim._tree import Gradient, is_sparse
from fnn.state.layout import Layout, spread
from fnn.state.parameter import Parameter
from fnn.state.scope import innermost
from fnn.typing import ArrayLike, PyTree

__all__ = ["RuleState", "is_named", "moved", "parts", "row", "set_row"]


class RuleState:
    """The state of the rule for one parameter group."""

    __slots__ = ("boxes", "initial", "params", "shelf", "treedef")

    def __init__(
        self, state: PyTree, params: list[Parameter], shelf: dict[str, Any] | None = None, born: int = 0
    ) -> None:
        # Parts that the rule has no use for at present, such as a velocity while momentum is 0; torch keeps them too.
        self.shelf = shelf or {}
        self.params = list(params)
        leaves, self.treedef = jax.tree.flatten(state)
        self.boxes = [Moment() for _ in leaves]
        for box, leaf in zip(self.boxes, leaves, strict=True):
            box._value, box._exposed, box._born = leaf, False, born
        # The first values: a state that still is its first value has not been stepped.
        self.initial = list(leaves)
        self.follow()

    def follow(self) -> None:
        """Spreads the state over devices as its parameters are."""
        layouts = [p._layout for p in self.params]
        home = next((layout for layout in layouts if layout is not None), None)
        if home is None or innermost.get() is not None:
            return
        for box, like in zip(self.boxes, self._owners(), strict=True):
            layout = None if like is None or box._value is None or box._value.shape != like.shape else like._layout
            layout = home.everywhere if layout is None else Layout(layout.sharding)
            if box._layout != layout:
                box._layout = layout
                value, fresh = box._value, any(first is box._value for first in self.initial)
                if value is None:
                    continue
                box._value = spread(value, layout)
                if fresh:
                    self.initial = [box._value if first is value else first for first in self.initial]

    def _owners(self) -> list[Parameter | None]:
        """For each box the parameter whose state it is, None for one of several parameters."""
        tree = self.treedef.unflatten(range(len(self.boxes)))
        owners: list[Parameter | None] = [None] * len(self.boxes)
        for part in jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, list)):
            if isinstance(part, list) and len(part) == len(self.params):
                for parameter, held in zip(self.params, part, strict=True):
                    for at in jax.tree.leaves(held):
                        owners[at] = parameter
        return owners

    def mark_started(self) -> None:
        """Says that this is the state after some step."""
        self.initial = [None] * len(self.boxes)

    @property
    def started(self) -> bool:
        """Whether there was a step."""
        if innermost.get() is not None:
            return any(box._peek() is not first for box, first in zip(self.boxes, self.initial, strict=True))
        return any(box._value is not first for box, first in zip(self.boxes, self.initial, strict=True))

    def tree(self, host: bool = False) -> PyTree:
        """The state; ``host``: outside of any trace."""
        return self.treedef.unflatten([box._value if host else box.data for box in self.boxes])

    def box_tree(self) -> PyTree:
        """The state, with boxes for arrays."""
        return self.treedef.unflatten(self.boxes)


def row(value: PyTree, i: int) -> Any:
    """What ``value``, a list with one array for each parameter or a vector, has for parameter ``i``."""
    return value[i]


def set_row(held: Moment | list[Moment | None], i: int, value: ArrayLike) -> None:
    """Replaces what ``held`` has for parameter ``i``."""
    if isinstance(held, Moment):
        held.data = held.data.at[i].set(jnp.asarray(value, held.dtype))
    elif (box := held[i]) is not None:
        box.data = jnp.asarray(value)


def moved(value: jax.Array, update: Gradient) -> jax.Array:
    """The parameter after an update; of a sparse one only the places that it has are touched."""
    if not is_sparse(update):
        return value + update.astype(value.dtype)
    at = tuple(update.indices[:, k] for k in range(update.n_sparse))
    return value.at[at].add(update.data.astype(value.dtype), mode="drop")  # BCOO pads with indices out of bounds


def parts(state: PyTree) -> dict[str, Any]:
    """The parts of a rule's state that it has."""
    return {name: value for name, value in state._asdict().items() if value is not None}


def is_named(state: PyTree) -> bool:
    """Whether the state is a NamedTuple, whose parts have torch's names."""
    return hasattr(state, "_asdict")
