"""`Quick`: the short way through a call like the last one, of a program that reads Modules and writes nothing.

A forward pass of a small network takes microseconds, and so do a walk through the arguments and a look-up by all that
they are.  Where positional arguments are arrays or objects themselves, the comparison with the last call is enough.
"""

from __future__ import annotations

import weakref
from typing import Any, Final

import jax
import numpy as np

from fnn import dtypes, tracing
from fnn.func import anomaly
from fnn.func._bound import Bound, lock
from fnn.func._call import Call, Rerun
from fnn.func._compiled import NO_SEED, Program
from fnn.func._leaves import DYNAMIC
from fnn.random import program_source
from fnn.state.scope import innermost
from fnn.state.watch import recorder

__all__ = ["MISSED", "Quick", "quick"]

MISSED: Final = object()  # what a call gives that has to go the long way


class Quick:
    """What the arguments of a call were, and its program with the boxes; nothing of it is kept alive."""

    __slots__ = ("bound", "default", "expected", "source")

    def __init__(self, bound: Bound, expected: list[Any], source: str) -> None:
        self.bound = weakref.ref(bound)
        self.expected = expected  # the class of each; for an array its shape and dtype, for an object a reference
        self.source = source
        self.default = dtypes.get_default_dtype()

    def run(self, args: tuple[Any, ...]) -> Any:
        """The result, or `MISSED` if the call is of another kind."""
        bound = self.bound()
        if bound is None or len(args) != len(self.expected):
            return MISSED
        dynamic = []
        for given, (cls, shape, what) in zip(args, self.expected):  # noqa: B905 -- as many, and strict costs
            if type(given) is not cls:
                return MISSED
            if shape is None:
                if what() is not given:
                    return MISSED
            elif given.shape == shape and given.dtype == what:
                dynamic.append(given)
            else:
                return MISSED
        if (  # a raw transform of JAX's around the call takes the program as it is
            recorder.get() is not None or innermost.get() is not None or anomaly.mode.get() is not anomaly.OFF
            or tracing.checks_numbers() or dtypes.get_default_dtype() is not self.default
            or program_source() != self.source or not bound.guards.hold()
        ):  # fmt: skip
            return MISSED
        program = bound.program
        try:
            with lock:
                leaves = program.compiled([], [box._value for box in bound.kept], [], NO_SEED, dynamic)[-1]
        except Rerun:
            return MISSED
        return program.out.plainly(leaves)


def quick(bound: Bound, call: Call, args: tuple[Any, ...]) -> Quick | None:
    """The short way through the next call like this one; None if there is none."""
    if not _reads(bound.program) or bound.weak or bound.texts or len(call.pattern) != len(args):
        return None
    leaves, objects, expected = iter(call.dynamic), iter(call.objects), []
    for given, sort in zip(args, call.pattern, strict=True):
        leaf = next(leaves) if sort == DYNAMIC else next(objects)
        if leaf is not given:
            return None
        if sort == DYNAMIC:
            if not isinstance(given, (jax.Array, np.ndarray)):
                return None
            expected.append((type(given), given.shape, given.dtype))
        else:
            try:
                expected.append((type(given), None, weakref.ref(given)))
            except TypeError:
                return None
    return Quick(bound, expected, program_source())


def _reads(program: Program) -> bool:
    """Whether running it is all that there is to a call."""
    more = (
        program.written, program.donated, program.scratch, program.optimizers, program.symbolic, program.draws,
        program.uses_seed, program.derives, program.modal, program.blocks, program.shared, program.effects,
    )  # fmt: skip
    return program.warm and program.plain and not any(more) and (program.out.single or program.out.several)
