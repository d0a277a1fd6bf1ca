"""What all transforms share: running a function in a scope of its own and carrying its writes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import tree_flatten, tree_map, tree_unflatten

from fnn import random
from fnn.drawn import Draw, ProgramGenerator
from fnn.errors import ArgumentError, MissingKeyError
from fnn.func._leaf_scope import LeafScope
from fnn.func._leaves import is_box, is_dynamic
from fnn.state.box import Box
from fnn.state.changes import rehearsing
from fnn.state.held import held_by
from fnn.state.results import order_of, pack, reordered
from fnn.state.scope import current_scope, is_fresh, opened


def unboxed(tree: object) -> Any:
    """``tree`` with the boxes' arrays in their places."""
    return tree_map(lambda x: x.data if isinstance(x, Box) else x, tree, is_leaf=is_box)


class Arguments:
    """The arguments of a call, split into the traced leaves and the rest.

    Modules, boxes and static values are the rest, and so are Python's numbers: a flag stays one that ``if`` can ask.
    """

    def __init__(self, args: tuple, kwargs: dict[str, Any]) -> None:
        self.leaves, self.treedef = tree_flatten((args, kwargs), is_box)
        self.order = order_of((args, kwargs))
        self.places = [
            i
            for i, leaf in enumerate(self.leaves)
            if is_dynamic(leaf) and type(leaf) not in (bool, int, float, complex)
        ]

    @property
    def dynamic(self) -> list[Any]:
        return [self.leaves[i] for i in self.places]

    def rebuilt(self, dynamic: list[Any]) -> tuple[tuple, dict[str, Any]]:
        leaves = list(self.leaves)
        for i, value in zip(self.places, dynamic, strict=True):
            leaves[i] = value
        return reordered(tree_unflatten(self.treedef, leaves), self.order)


class Carried:
    """Runs functions in a scope and remembers which boxes they wrote, and the form of their results."""

    def __init__(self) -> None:
        self.parent = current_scope()
        self.boxes: list[Box] = []
        self.rebuild: Callable[[Any], Any] = lambda out: out
        self.unstaged = ""  # see `Scope`
        self.scope: LeafScope | None = None  # the one that is open, or in which a function failed

    def __call__(
        self, function: Callable[..., Any], args: tuple, kwargs: dict[str, Any], values: dict[Box, Any] | None = None
    ) -> tuple[Any, list[Any]]:
        """``(output, values of the written boxes)``; `boxes` are the boxes, in the same order.

        The output is packed; `rebuild` gives what comes out of the transform its form again.
        """
        self.scope = scope = LeafScope(values, self.parent)
        scope.unstaged = self.unstaged
        scope.held = held_by(function, args, kwargs)
        with opened(scope):
            out = function(*args, **kwargs)
        out, self.rebuild = pack(out)
        self.boxes = scope.carried()
        self.scope = None  # it holds traced values, and a transform keeps this object for longer than its trace
        return out, [scope.values[box] for box in self.boxes]


UNFORESEEN = """\
{what}: random numbers are drawn in its body. PyTorch's numbers (fnn.jit with random="torch") are drawn on the host
before the program runs, and how many {what} draws is known only while it runs.

Use fnn.scan or fnn.fori_loop with a number of iterations that is a Python int, write it in Python, draw the numbers
outside and pass them in, or use random="jax"."""

LOOKED_AT = """\
{what}: numbers that its body draws ({method}) are computed with by Python while it is traced; they would be the same
in every iteration.

Draw them outside and pass them in, or use random="jax"."""


class Rehearsal:
    """What abstract traces of one or more functions found out: the boxes they write, and whether they draw numbers.

    Args:
        what: the transform; a loop or a conditional refuses plain values that change.
        initialises: whether modules that a function makes count as drawing, for a transform that gives them keys.
    """

    def __init__(self, what: str, initialises: bool = True) -> None:
        self.what = what
        self.written: dict[Box, Any] = {}  # with the shape and dtype written last
        self.draws = False
        around = random.program_generator()
        self.generator = None if around is None else ProgramGenerator(around)  # notes what one evaluation draws
        # PyTorch's numbers are noted one by one, a constructor's as all others: they are inputs of the program.
        others = random.rehearsal if around is None else random.ambient
        self.drawing = random.iteration if initialises else others

    def run(self, function: Callable[..., Any], *operands: object) -> Any:
        """Traces ``function``; the shapes of its (packed) result."""

        def provider() -> Any:
            self.draws = True
            return jax.random.key(0) if self.generator is None else self.generator

        provider = provider if self.generator is None else random.Hosted(self.generator)

        def call(*operands: object) -> Any:
            scope = LeafScope(parent=current_scope())
            scope.rehearses = self.what
            scope.held = held_by(function, operands)
            with rehearsing(self.what), opened(scope), self.drawing(provider):
                out, _ = pack(function(*operands))
                carried = scope.carried()
            for box in carried:
                if is_fresh(box):
                    continue  # each iteration makes a Module of its own, and forgets it
                value = scope.values[box]
                self.written[box] = None if value is None else jax.ShapeDtypeStruct(value.shape, value.dtype)
            return out

        shapes = jax.eval_shape(call, *operands)
        self.draws |= bool(self.noted)
        return shapes

    @property
    def noted(self) -> list[Draw]:
        """What the functions drew of PyTorch's numbers.

        Raises:
            MissingKeyError: Python computed with one of them.
        """
        draws = [] if self.generator is None else self.generator.draws
        for draw in draws:
            if draw.array is None:
                raise MissingKeyError(LOOKED_AT.format(what=self.what, method=draw.method))
        return draws

    def refuse_draws(self) -> None:
        """Raises if PyTorch's numbers are drawn by what runs an unknown number of times."""
        if self.noted:
            raise MissingKeyError(UNFORESEEN.format(what=self.what))

    def start(self) -> dict[Box, Any]:
        """The values of the written boxes at the start of a loop; an absent p.grad that it fills starts from zeros."""
        found = {}
        for box, new in self.written.items():
            if (value := box._read_whole()) is not None:
                found[box] = value
            elif new is not None:
                found[box] = jnp.zeros(new.shape, new.dtype)
        return found


def fresh_key(what: str) -> Any:
    """A JAX key of the ambient source, or made from the global generator."""
    key = random.resolve(random.AMBIENT, what)
    return host_key(key) if isinstance(key, random.Generator) else key


def host_key(generator: random.Generator) -> Any:
    """A JAX key from a draw of the generator."""
    return jax.random.key(int(generator.randint(0, 1 << 31, (1,))[0]))


def same_types(new: list[Any], boxes: list[Box], old: list[Any], what: str) -> list[Any]:
    """``new``, if it has the shapes and dtypes of ``old``, as a loop or branch must leave them."""
    for box, a, b in zip(boxes, new, old, strict=True):
        if (a is None) != (b is None):
            raise ArgumentError(
                f"{what}: a gradient (p.grad) is None on one side and an array on the other; inside {what} it must be "
                "an array throughout: call zero_grad(set_to_none=False) first"
            )
        if b is not None and (jnp.shape(a) != b.shape or a.dtype != b.dtype):
            raise ArgumentError(
                f"{what}: a {type(box).__name__} of shape {b.shape} and dtype {b.dtype} was replaced by one of "
                f"shape {jnp.shape(a)} and dtype {a.dtype}; inside {what} both must stay"
            )
    return new
