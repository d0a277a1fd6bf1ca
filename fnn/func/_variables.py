"""What every derivative shares: which arrays are differentiated, and the function of these arrays.

The differentiated arguments are Modules (their trainable parameters), Parameters, arrays, or nests of them.  Each
distinct parameter is one variable, however many of the arguments hold it: its derivative is the total one, and is
handed out under every name.

Gradients follow PyTorch's convention for complex numbers: they are the conjugates of JAX's, so that ``p - lr * grad``
descends.  Tangents (`jvp`, `linearize`) are the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_flatten, tree_unflatten

from fnn import random
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._graph import through_program
from fnn.func._leaf_scope import LeafScope
from fnn.nn import Module
from fnn.state.box import Box
from fnn.state.held import held_by
from fnn.state.names import flatten
from fnn.state.parameter import Parameter, is_lazy
from fnn.state.results import order_of, pack, reordered
from fnn.state.scope import Restage, Scope, current_scope, opened
from fnn.tracing import Tracer

Argnums = int | Sequence[int]
_R = TypeVar("_R")


def trainable(module: Module, what: str) -> dict[str, Parameter]:
    """The parameters with ``requires_grad``, by name.

    Raises:
        ArgumentError: a lazy parameter has no value yet.
    """
    found = {}
    for name, parameter in module.named_parameters():
        if is_lazy(parameter):
            raise ArgumentError(
                f"{what}: parameter '{name}' of {type(module).__name__} is not initialised yet; "
                "call the module once on an example input first"
            )
        if parameter._requires_grad:
            parameter._names = (name,) if parameter._names == () else tuple({*parameter._names, name})
            found[name] = parameter
    return found


def positions(argnums: Argnums, count: int, what: str) -> list[int]:
    """``argnums`` as a list of positions among ``count`` arguments."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for n in numbers:
        if not isinstance(n, int) or not -count <= n < count:
            hint = "" if count else f"; give it what is differentiated: {what}(lambda model: ...)(model)"
            raise ArgumentError(
                f"{what}: argnums={argnums} but the function was given {count} positional arguments{hint}"
            )
    return [n % count for n in numbers]


class Variables:
    """The differentiated arguments as a list of distinct values, and results for these values as arguments look.

    Args:
        args: all positional arguments.
        numbers: the positions of those that are differentiated.
        what: the transform, for messages.
        convert: checks and converts a leaf that is neither a Module nor a box.
    """

    def __init__(self, args: tuple, numbers: list[int], what: str, convert: Callable[[Any, str], Any]) -> None:
        self.args, self.numbers, self.what = args, numbers, what
        chosen = tuple(args[n] for n in numbers)
        self.leaves, self.treedef = tree_flatten(chosen, lambda a: isinstance(a, Box))
        self.order = order_of(chosen)
        self.values: list[Any] = []
        self.boxes: list[Box | None] = []  # of each value
        self.places: list[int | dict[str, int]] = []  # of each leaf: where its value stands, or its named values
        index: dict[Box, int] = {}
        for leaf in self.leaves:
            if isinstance(leaf, Module):
                self.places.append({name: self._add(box, index) for name, box in trainable(leaf, what).items()})
            elif isinstance(leaf, Box):
                self.places.append(self._add(leaf, index))
            else:
                self.places.append(len(self.values))
                self.values.append(convert(leaf, what))
                self.boxes.append(None)

    def _add(self, box: Box, index: dict[Box, int]) -> int:
        if box not in index:
            index[box] = len(self.values)
            self.values.append(box._read_whole())
            self.boxes.append(box)
        return index[box]

    def parts(self) -> list[Any]:
        """The boxes of each leaf: ``{name: box}`` of a Module, a box, or None for an array."""
        return [
            self.boxes[place] if isinstance(place, int) else {name: self.boxes[i] for name, i in place.items()}
            for place in self.places
        ]

    def bind(self, values: list[Any]) -> tuple[dict[Box, Any], tuple]:
        """The boxes' values, and the arguments with arrays replaced."""
        bound = {box: value for box, value in zip(self.boxes, values, strict=True) if box is not None}
        leaves = [
            values[place] if isinstance(place, int) and self.boxes[place] is None else leaf
            for leaf, place in zip(self.leaves, self.places, strict=True)
        ]
        args = list(self.args)
        for n, arg in zip(self.numbers, reordered(tree_unflatten(self.treedef, leaves), self.order), strict=True):
            args[n] = arg
        return bound, tuple(args)

    def shaped(self, results: Sequence[Any]) -> tuple:
        """Results for the values in the form of the differentiated arguments; of a Module, ``{name: result}``."""
        leaves = [
            results[place] if isinstance(place, int) else {name: results[i] for name, i in place.items()}
            for place in self.places
        ]
        return reordered(tree_unflatten(self.treedef, leaves), self.order)

    def flat(self, tangents: tuple) -> list[Any]:
        """The inverse of `shaped`: a list of arrays like the values."""
        try:
            leaves = self.treedef.flatten_up_to(tangents)
        except ValueError as error:
            raise ArgumentError(f"{self.what}: tangents and primals must have one structure: {error}") from None
        found: list[Any] = [None] * len(self.values)
        for leaf, place, primal in zip(leaves, self.places, self.leaves, strict=True):
            if isinstance(place, int):
                self._put(found, place, leaf, "a tangent")
                continue
            named = flatten(leaf) if isinstance(leaf, Mapping) else leaf
            if not isinstance(named, Mapping) or named.keys() != place.keys():
                got = list(named) if isinstance(named, Mapping) else type(named).__name__
                raise ArgumentError(
                    f"{self.what}: the tangent of a {type(primal).__name__} must be a dict of its trainable "
                    f"parameters' tangents, with the names {list(place)}, got {got}"
                )
            for name, i in place.items():
                self._put(found, i, named[name], f"the tangent of '{name}'")
        return found

    def _put(self, found: list[Any], place: int, tangent: object, label: str) -> None:
        tangent = tangent.data if isinstance(tangent, Box) else jnp.asarray(tangent)
        shape = jnp.shape(self.values[place])
        if tangent.shape != shape:
            raise ArgumentError(f"{self.what}: {label} has shape {tangent.shape}, its primal has shape {shape}")
        if found[place] is not None and _differ(found[place], tangent):
            raise ArgumentError(
                f"{self.what}: {label} is given twice and differently; the parameter is shared by several primals, and "
                "has one tangent"
            )
        found[place] = tangent


def _differ(a: Any, b: Any) -> bool:
    """Whether two arrays certainly differ; of traced ones nothing is known."""
    if a is b or isinstance(a, Tracer) or isinstance(b, Tracer):
        return False
    return not np.array_equal(a, b)


def inexact(leaf: object, what: str) -> Any:
    """A differentiated leaf as an array of a floating or complex dtype."""
    try:
        value = to_array(leaf)
    except ArgumentTypeError:
        raise ArgumentTypeError(
            f"{what}: a differentiated argument must hold Modules, Parameters or arrays, got {leaf!r}; "
            "choose others by argnums"
        ) from None
    if not jnp.issubdtype(value.dtype, jnp.inexact):
        raise ArgumentTypeError(
            f"{what}: a differentiated argument must have a floating or complex dtype, got {value.dtype} of shape "
            f"{value.shape}; choose others by argnums"
        )
    return value


class _ReadingScope(LeafScope):
    """A scope that knows which boxes were read: the others have no gradient."""

    __slots__ = ("differentiated", "reads")
    derivative = True

    def __init__(self, values: dict[Box, Any], parent: Scope | None) -> None:
        super().__init__(values, parent)
        self.differentiated = frozenset(values)
        self.reads: set[Box] = set()

    def read(self, box: Box) -> Any:
        self.reads.add(box)
        return super().read(box)

    def differentiates(self, box: Box) -> bool:
        return box in self.differentiated or super().differentiates(box)


class Function:
    """``func`` as a pure function of the differentiated values: ``(output, (aux, written values))``.

    After a call it knows the written boxes (`carried`), the boxes that were read, and how to give ``aux`` its form.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        variables: Variables,
        has_aux: bool,
        finish: Callable[[Any, str], Any],
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.func, self.variables, self.has_aux, self.finish = func, variables, has_aux, finish
        self.kwargs = kwargs or {}
        self.parent = current_scope()
        self.carried: list[Box] = []
        self.reads: set[Box] = set()
        self.rebuild_aux: Callable[[Any], Any] = lambda aux: aux
        self.order: Any = None
        self.staged = False  # whether the derivative is taken of the traced program, not of the function itself
        self.scope: Scope | None = None  # the one that is open, or in which the function failed

    def __call__(self, values: list[Any], anchor: object = None) -> tuple[Any, Any]:
        if not self.staged:
            return self._called(values, anchor)
        outer = random.Relay()

        def called(values: list[Any], anchor: object) -> tuple[Any, Any]:
            with random.ambient(outer):
                return self._called(values, anchor)

        return through_program(called, values, anchor)

    def _called(self, values: list[Any], anchor: object = None) -> tuple[Any, Any]:
        bound, arguments = self.variables.bind(values)
        self.scope = scope = _ReadingScope(bound, self.parent)
        scope.unstaged = "" if self.staged else "derivative"
        if anchor is not None:
            scope.anchor = anchor
        scope.held = held_by(self.func, arguments, self.kwargs)
        with opened(scope):
            out = self.func(*arguments, **self.kwargs)
        aux = None
        if self.has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise ArgumentTypeError(
                    f"{self.variables.what}: with has_aux=True the function must return (result, aux), got {type(out)}"
                )
            out, aux = out
        aux, self.rebuild_aux = pack(aux)
        self.order = order_of(out)
        self.carried = scope.carried()
        self.reads |= scope.reads
        self.scope = None  # it holds traced values, and a transform keeps this object for longer than its trace
        return self.finish(out, self.variables.what), (aux, [scope.values[box] for box in self.carried])


def derived(function: Function, transform: Callable[..., _R], *args: Any) -> _R:
    """``transform(*args)``, which differentiates ``function``: the program that it traces, if it must be that."""
    generator = random.program_generator()
    mark = None if generator is None else generator.mark()
    try:
        return transform(*args)
    except Restage as needed:
        if needed.scope is not function.scope or function.staged:
            raise
    if generator is not None and mark is not None:
        generator.rewind(mark)
    function.staged = True
    return transform(*args)
