"""A program as one list of steps: calls are put in line, and every step knows its path and its phase.

Loops and branches stay steps.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fnn import tracing

__all__ = ["Flat", "Step", "flattened", "inner_programs", "run"]

# The primitives that only call a jaxpr, and the parameters that hold it.
_CALLS = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr", "custom_vjp_call_jaxpr": "fun_jaxpr",
    "checkpoint": "jaxpr", "remat2": "jaxpr", "remat": "jaxpr", "custom_lin": "call_jaxpr",
}  # fmt: skip
# The primitives that run programs of their own, and the parameters that hold those.
_BODIES = {
    "scan": ("jaxpr",), "while": ("body_jaxpr", "cond_jaxpr"), "cond": ("branches",), "shard_map": ("jaxpr",),
}  # fmt: skip
_MARKS = frozenset({"fnn_no_grad", "fnn_enable_grad"})


@dataclasses.dataclass(eq=False)
class Step:
    """One equation.

    Attributes:
        equation: JAX's.
        ins: numbers of the values that go in, or literals.
        outs: numbers of the values that come out.
        around: the scopes and transforms that it stands in (`fnn.tracing.stack`), from the outermost on.
        path: the names around it, ``ResNet/layer1/0/conv1``; empty outside of Modules.
        phase: "forward", "backward", "optimizer".
    """

    equation: Any
    ins: list[Any]
    outs: list[int]
    around: list[tuple[str, bool]]
    path: str
    phase: str

    @property
    def name(self) -> str:
        """Of the primitive."""
        return str(self.equation.primitive.name)

    @property
    def place(self) -> str:
        """The path, or what stands for it outside of Modules."""
        return self.path or "(outside of modules)"


class Flat:
    """A whole program.

    Attributes:
        steps: in the order of the program.
        inputs: numbers of the values of its inputs.
        outputs: numbers of its outputs' values, or literals.
        avals: the types of all values, by number.
        consts: values that are constants.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.inputs: list[int] = []
        self.outputs: list[Any] = []
        self.avals: list[Any] = []
        self.consts: dict[int, Any] = {}

    def new(self, variable: Any) -> int:
        """The number of a new value."""
        self.avals.append(variable.aval)
        return len(self.avals) - 1

    def makers(self) -> dict[int, int]:
        """Which step made which value."""
        return {out: at for at, step in enumerate(self.steps) for out in step.outs}


def flattened(closed: Any, optimizers: Iterable[str] = (), around: Sequence[tuple[str, bool]] = ()) -> Flat:
    """A jaxpr as a list of steps.

    Args:
        closed: the jaxpr.
        optimizers: names that begin the paths of updates.
        around: the scopes and transforms that the whole jaxpr stands in.
    """
    flat = Flat()
    jaxpr = getattr(closed, "jaxpr", closed)
    known: dict[Any, Any] = {}
    for variable, value in zip(jaxpr.constvars, getattr(closed, "consts", ()), strict=True):
        known[variable] = flat.new(variable)
        flat.consts[known[variable]] = value
    for variable in jaxpr.invars:
        known[variable] = flat.new(variable)
        flat.inputs.append(known[variable])
    _inline(flat, jaxpr, known, list(around), frozenset(optimizers))
    flat.outputs = [_atom(v, known) for v in jaxpr.outvars]
    return flat


def inner_programs(step: Step) -> Iterator[tuple[Flat, int]]:
    """The programs that a loop, a branch or a map over a mesh runs, and on how many devices each has its own arrays."""
    params = step.equation.params
    devices = 1
    if step.name == "shard_map":
        devices = math.prod(params["mesh"].shape[axis] for axis in params["manual_axes"])
    optimizers = {step.path.split("/")[0]} if step.phase == "optimizer" else ()
    for name in _BODIES.get(step.name, ()):
        held = params[name]
        for body in held if isinstance(held, tuple) else (held,):
            yield flattened(body, optimizers, step.around), devices


def _atom(atom: Any, known: dict[Any, Any]) -> Any:
    return atom if tracing.is_literal(atom) else known[atom]


def _inline(flat: Flat, jaxpr: Any, known: dict[Any, Any], around: list[tuple[str, bool]], names: frozenset) -> None:
    for equation in jaxpr.eqns:
        stack = around + tracing.stack(equation)
        ins = [_atom(v, known) for v in equation.invars]
        inner = equation.params.get(_CALLS.get(equation.primitive.name, ""))
        if inner is not None and hasattr(getattr(inner, "jaxpr", inner), "eqns"):
            body = getattr(inner, "jaxpr", inner)
            inside: dict[Any, Any] = {}
            for variable, value in zip(body.constvars, getattr(inner, "consts", ()), strict=False):
                inside[variable] = flat.new(variable)
                flat.consts[inside[variable]] = value
            if len(body.invars) == len(ins):
                inside.update(zip(body.invars, ins, strict=True))
                _inline(flat, body, inside, stack, names)
                known.update(zip(equation.outvars, (_atom(v, inside) for v in body.outvars), strict=True))
                continue
        outs = [flat.new(v) for v in equation.outvars]
        known.update(zip(equation.outvars, outs, strict=True))
        scopes = [name for name, transform in stack if not transform and name and name not in _MARKS]
        phase = "forward"
        if any(transform and name == "transpose" for name, transform in stack):
            phase = "backward"
        elif scopes and scopes[0] in names:
            phase = "optimizer"
        flat.steps.append(Step(equation, ins, outs, stack, "/".join(scopes), phase))


def run(flat: Flat, values: list[Any], tap: Callable[[Step, list[Any], list[Any]], None]) -> list[Any]:
    """Evaluates the program; ``tap`` is shown each step with what goes in and what comes out."""
    held: dict[int, Any] = dict(flat.consts)
    held.update(zip(flat.inputs, values, strict=True))
    last: dict[int, int] = {}
    for at, step in enumerate(flat.steps):
        for atom in step.ins:
            if type(atom) is int:
                last[atom] = at
    kept = {atom for atom in flat.outputs if type(atom) is int}
    for at, step in enumerate(flat.steps):
        given = [held[atom] if type(atom) is int else atom.val for atom in step.ins]
        results = tracing.bind(step.equation, given)
        held.update(zip(step.outs, results, strict=True))
        tap(step, given, results)
        for atom in (*step.ins, *step.outs):
            if type(atom) is int and last.get(atom, at) <= at and atom not in kept:
                held.pop(atom, None)
    return [held[atom] if type(atom) is int else atom.val for atom in flat.outputs]
