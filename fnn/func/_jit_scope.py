"""The scope of a traced `fnn.jit` call, which finds out what it is given besides arguments, and its random numbers."""

from __future__ import annotations

from typing import Any

import jax

from fnn import random
from fnn.drawn import ProgramGenerator
from fnn.func._leaf_scope import LeafScope
from fnn.state.box import Box
from fnn.state.numbers import Expression
from fnn.state.scope import innermost


class Seeds:
    """The keys of one traced call, split off a seed that is one of its inputs; or what notes its draws for torch's."""

    def __init__(self, seed: jax.Array, torchs: bool) -> None:
        self.seed, self.stream = seed, None
        self.generator = ProgramGenerator(random.default_generator) if torchs else None

    def __call__(self) -> Any:
        if self.generator is not None:
            return self.generator
        if self.stream is None:
            self.stream = random.stream(jax.random.fold_in(jax.random.key(self.seed[0]), self.seed[1]))
        return self.stream()


class JitScope(LeafScope):
    """The scope of a traced `fnn.jit` call: notes every box and optimizer that is not an input yet."""

    __slots__ = ("discovered", "fresh", "owner_values", "owners")

    def __init__(self, values: dict[Box, Any], owner_values: dict[int, Any]) -> None:
        super().__init__(values, innermost.get())
        self.anchor = None
        self.discovered: dict[Box, None] = {}
        self.fresh = set(values)  # boxes whose value on entry nobody has asked for yet
        self.owner_values = owner_values
        self.owners: dict[int, Any] = {}

    def read(self, box: Box) -> Any:
        if box not in self.written:
            self.fresh.discard(box)
        return super().read(box)

    def missing(self, box: Box) -> Any:
        if box._born >= self.serial:  # made inside this trace
            return self.marked(box, box._value)
        self.discovered[box] = None
        return super().missing(box)

    def write(self, box: Box, value: object) -> None:
        if box not in self.values and box._born < self.serial:
            self.discovered[box] = None
        super().write(box, value)

    def object_values(self, owner: object) -> Any:
        if getattr(owner, "_born", 0) >= self.serial:
            return None  # its hyper-parameters are constants of this trace
        values = self.owner_values.get(id(owner))
        if values is None:
            self.owners[id(owner)] = owner
        return values


class Inputs:
    """What one trace is given: boxes in an order, and optimizers."""

    def __init__(self, boxes: list[Box], donated: set[Box], owners: list[Any]) -> None:
        self.donated = [box for box in boxes if box in donated]
        self.kept = [box for box in boxes if box not in donated]
        self.owners = owners
        self.expressions: list[Expression] = []
