"""A compiled step laid open, for whoever explains it: its program, its inputs with their values and names.

Nothing is run and no state is changed.  The program is the one that the next call with these arguments runs; it is
traced if there is none yet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
from jax.tree_util import tree_flatten_with_path, tree_leaves

from fnn import random
from fnn.errors import ArgumentTypeError
from fnn.func._bound import Bound, draw_seed
from fnn.func._call import Call
from fnn.func._compiled import NO_SEED
from fnn.func._history import Compilation
from fnn.func._jit import Jitted, jit
from fnn.func._labels import Labels, argument_names, labelled
from fnn.state.box import Box
from fnn.state.parameter import Buffer, Parameter
from fnn.state.scope import innermost

__all__ = ["Compilation", "Input", "Inspection", "Output", "compilations", "inspect", "names_below"]


@dataclasses.dataclass(frozen=True)
class Input:
    """One array that goes into a program.

    Attributes:
        name: as the user would write it: ``model.fc.weight``.
        kind: "parameter", "buffer", "gradient", "optimizer", "hyper-parameter", "argument", "constant" or "seed".
        value: the present value.
        trained: whether it is a parameter with ``requires_grad``.
        box: the box that holds it.
        donated: whether its memory is used for what replaces it.
    """

    name: str
    kind: str
    value: Any
    trained: bool = False
    box: Any = None
    donated: bool = False


@dataclasses.dataclass(frozen=True)
class Output:
    """One array that comes out of a program: ``box`` is where it is stored, None for a part of the result."""

    name: str
    kind: str
    box: Any = None


@dataclasses.dataclass(frozen=True)
class Inspection:
    """A program, laid open.

    Attributes:
        name: of the function.
        jaxpr: the program, a closed jaxpr.
        inputs: what goes in, in the order of the jaxpr's inputs.
        outputs: what comes out, likewise.
        compiled: a `jax.jit`-compiled function of ``arguments`` that donates nothing.
        arguments: its arguments.
        lowered: makes the program as it is run, lowered.
        others: trained parameters of the same objects that the program does not take.
        optimizers: the classes of the optimizers that take part.
    """

    name: str
    jaxpr: Any
    inputs: list[Input]
    outputs: list[Output]
    compiled: Callable[..., Any]
    arguments: tuple[Any, ...]
    lowered: Callable[[], Any]
    others: list[Input]
    optimizers: tuple[str, ...]


def compilations(step: object, where: str) -> list[Compilation]:
    """The programs that a function under `fnn.jit` was compiled to, each with its reasons.

    Raises:
        ArgumentTypeError: it is no such function.
    """
    step = getattr(step, "__func__", step)
    if not isinstance(step, Jitted):
        raise ArgumentTypeError(f"{where}: expected a function under fnn.jit, got step={step!r}")
    return list(step.history.compilations)


def inspect(step: Callable[..., Any], args: tuple, kwargs: dict[str, Any], where: str) -> Inspection:
    """Lays open what ``step(*args, **kwargs)`` runs.

    Args:
        step: a function, under `fnn.jit` or not.
        args: its arguments.
        kwargs: likewise.
        where: the caller's name, for errors.
    """
    if not callable(step):
        raise ArgumentTypeError(f"{where}: expected a function, got step={step!r}")
    owner = getattr(step, "__self__", None)
    method = getattr(step, "__func__", None)
    if isinstance(method, Jitted):
        step, args = method, (owner, *args)
    jitted: Any = step if isinstance(step, Jitted) else jit(step)
    state = random.get_rng_state()
    try:
        return jitted._with(lambda bound, call: _opened(jitted, bound, call), args, kwargs)
    finally:
        random.set_rng_state(state)


def _opened(jitted: Any, bound: Bound, call: Call) -> Inspection:
    program = bound.program
    given = len(call.dynamic)
    call, hyper = bound._prepared(call)
    donated, kept, targets = bound.lists()
    scope = innermost.get()
    values = [[box._value if scope is None else scope.read(box) for box in boxes] for boxes in (donated, kept)]
    seed = draw_seed() if program.uses_seed else NO_SEED
    arguments = bound._arguments(values[0], values[1], hyper, seed, call)
    whole = (*arguments, []) if program.plain else arguments

    function = jitted._function
    names = argument_names(function, call.treedef, ())
    static = getattr(jitted, "_static", ())
    if static:
        names = argument_names(function, call.treedef, static)
    objects = [name for name, sort in zip(names, call.pattern, strict=True) if sort]
    dynamic = [name for name, sort in zip(names, call.pattern, strict=True) if not sort]
    roots = [function, *call.objects]
    survey = bound.survey
    nodes = survey.nodes
    labels = labelled(roots, [getattr(function, "__name__", "step"), *objects], program.template.places, nodes)
    inputs = [
        Input(labels[box], _kind(box), value, bool(getattr(box, "_requires_grad", False)), box, boxes is donated)
        for boxes, held in ((donated, values[0]), (kept, values[1]))
        for box, value in zip(boxes, held, strict=True)
        if value is not None
    ]
    found, _ = tree_flatten_with_path(hyper)
    inputs += [Input(f"hyper-parameter {''.join(map(str, path))}", "hyper-parameter", v) for path, v in found]
    inputs.append(Input("the seed", "seed", seed))
    dynamic += [f"number {n}" for n in range(len(call.dynamic) - given)]
    inputs += [Input(name, "argument", v) for name, v in zip(dynamic, call.dynamic, strict=True)]
    if not program.plain:
        inputs += [Input(_array_name(labels, v), "constant", v) for v in bound.arrays]

    traced = program.compiled.trace(*arguments)
    shapes = traced.out_info
    outputs = [Output(labels[box], _kind(box), box) for box, info in zip(targets, shapes, strict=False)
               if info is not None]  # fmt: skip
    rest = len(tree_leaves(shapes[len(targets) :]))
    outputs += [Output("the result" if rest == 1 else f"result {n}", "result") for n in range(rest)]
    used = {id(box) for box in (*donated, *kept)}
    others = [
        Input(labels[box], "parameter", box._value, True, box)
        for box in survey.boxes
        if id(box) not in used and isinstance(box, Parameter) and box._requires_grad and box._value is not None
    ]
    optimizers = tuple({type(n).__name__: None for n in nodes if hasattr(type(n), "param_groups") or
                        hasattr(type(n), "_fnn_box_names")})  # fmt: skip
    return Inspection(
        getattr(function, "__name__", "step"), traced.jaxpr, inputs, outputs, program.safe(), whole,
        lambda: program.compiled.lower(*arguments), others, optimizers,
    )  # fmt: skip


def _array_name(labels: Labels, value: Any) -> str:
    return labels.of.get(id(value)) or f"an array of shape {list(jax.numpy.shape(value))}"


def _kind(box: Box) -> str:
    if isinstance(box, Parameter):
        return "parameter"
    if isinstance(box, Buffer) and not type(box).__module__.startswith("fnn.optim"):
        return "buffer"
    return "gradient" if type(box) is Box else "optimizer"


def names_below(given: dict[str, Any]) -> dict[int, str]:
    """The names of the arrays that Modules, Optimizers and nests of arrays hold now, by the arrays' identity."""
    labels = Labels()
    for name, value in given.items():
        labels.add(value, name)
    labels.finish()
    found: dict[int, str] = {}
    for value in labels.seen:
        array = value._value if isinstance(value, Box) else value
        if array is not None:
            found.setdefault(id(array), labels[value])
    return found
