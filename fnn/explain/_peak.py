"""What a program holds at its fullest moment, value by value.

An estimate: a walk that keeps every value from its making to its last use.  Values that XLA fuses into what uses them
(elementwise, with one user that takes them element by element) count nothing.  The body of a loop or of a branch is a
program of its own, walked in turn: what it makes is there while the loop runs, one round's worth; what it carries and
stacks is the loop's own result.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from fnn.explain._program import Flat, Step, inner_programs

__all__ = ["Held", "held_at_peak", "size_of"]

_FUSED = frozenset({
    "abs", "add", "add_any", "and", "broadcast_in_dim", "ceil", "clamp", "convert_element_type", "cos", "div", "eq",
    "erf", "exp", "exp2", "expand_dims", "expm1", "floor", "ge", "gt", "integer_pow", "iota", "is_finite", "le", "log",
    "log1p", "logistic", "lt", "max", "min", "mul", "ne", "neg", "not", "or", "pow", "reshape", "round", "rsqrt",
    "select_n", "sign", "sin", "sqrt", "square", "squeeze", "stop_gradient", "sub", "tanh", "xor",
})  # fmt: skip
_VIEWS = frozenset({"expand_dims", "reshape", "squeeze", "stop_gradient"})
# What reads its operands from memory.
_WHOLE = frozenset({
    "approx_top_k", "cholesky", "cond", "conv_general_dilated", "cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum",
    "custom_call", "dot_general", "eig", "eigh", "fft", "ffi_call", "lu", "pallas_call", "pure_callback", "qr",
    "ragged_dot", "ragged_dot_general", "reduce_window", "reduce_window_max", "reduce_window_min", "reduce_window_sum",
    "scan", "scatter", "scatter_add", "scatter_max", "scatter_min", "scatter_mul", "select_and_scatter_add", "sort",
    "svd", "top_k", "triangular_solve", "while",
})  # fmt: skip


class Held(NamedTuple):
    """One value that is held: "activations", "temporaries" or "results", where and when it was made, its bytes."""

    kind: str
    place: str
    phase: str
    size: int


def size_of(aval: Any) -> int:
    """The bytes of an array of this type; of all devices together."""
    dtype = getattr(aval, "dtype", None)
    if dtype is None or not hasattr(aval, "shape"):
        return 0
    item = getattr(dtype, "itemsize", 4)
    return math.prod(aval.shape) * item if all(isinstance(n, int) for n in aval.shape) else 0


def held_at_peak(flat: Flat, free: frozenset[int] = frozenset()) -> list[Held]:
    """What a program has made and holds at its fullest moment; inputs and constants apart.

    Args:
        flat: the program.
        free: numbers of values that cost nothing, since they take the place of an input.
    """
    return list(_Walk(flat, free).held())


class _Walk:
    def __init__(self, flat: Flat, free: frozenset[int]) -> None:
        self.flat, self.end = flat, len(flat.steps)
        self.last: dict[int, int] = {}
        self.users: dict[int, list[int]] = defaultdict(list)
        for at, step in enumerate(flat.steps):
            for atom in step.ins:
                if type(atom) is int:
                    self.last[atom] = at
                    self.users[atom].append(at)
        self.last.update((atom, self.end) for atom in flat.outputs if type(atom) is int)
        self.sizes = {out: 0 if out in free or self._fused(step, out) else size_of(flat.avals[out])
                      for step in flat.steps for out in step.outs}  # fmt: skip
        self.until = dict(self.last)  # as `last`, but a value that is written over is gone before
        for at, step in enumerate(flat.steps):
            if step.name in _FUSED and (over := self._written_over(at, step)) is not None:
                self.until[over] = at - 1

    def _written_over(self, at: int, step: Step) -> int | None:
        """The operand in whose memory an elementwise step writes its result: one of its size that nothing reads on."""
        size = self.sizes[step.outs[0]]
        fits = (atom for atom in step.ins if type(atom) is int and self.last[atom] == at)
        return next((atom for atom in fits if size and self.sizes.get(atom) == size), None)

    def _fused(self, step: Step, out: int) -> bool:
        takers = self.users[out]
        if step.name not in _FUSED or self.last.get(out) == self.end or len(takers) != 1:
            return False
        taker = self.flat.steps[takers[0]]
        return taker.phase == step.phase and (step.name in _VIEWS or self._reader(takers[0]).name not in _WHOLE)

    def _reader(self, at: int) -> Step:
        """The step that takes a value, or takes what is only a view of it."""
        step = self.flat.steps[at]
        while step.name in _VIEWS and len(takers := self.users.get(step.outs[0], [])) == 1:
            step = self.flat.steps[takers[0]]
        return step

    def held(self) -> Iterator[Held]:
        now, peak, moment = 0, -1, 0
        within: list[Held] = []  # of the loop or branch that runs at the fullest moment
        leaving: dict[int, int] = defaultdict(int)
        for at, step in enumerate(self.flat.steps):
            inside = _inside(step)
            for out in step.outs:
                now += self.sizes[out]
                leaving[self.until.get(out, at)] += self.sizes[out]
            total = now + sum(entry.size for entry in inside)
            if total > peak:
                peak, moment, within = total, at, inside
            now -= leaving.pop(at, 0)
        for step in self.flat.steps[: moment + 1]:
            held = [self.sizes[out] and self.until.get(out, -1) >= moment for out in step.outs]
            places = _birthplaces(step) if any(held) else []
            for out, place in zip(itertools.compress(step.outs, held), itertools.compress(places, held), strict=True):
                last = self.last.get(out, -1)
                waits = last < self.end and self.flat.steps[last].phase != "forward"
                kind = "results" if last == self.end else (
                    "activations" if step.phase == "forward" and waits else "temporaries"
                )  # fmt: skip
                yield Held(kind, place, step.phase, self.sizes[out])
        yield from within


def _birthplaces(step: Step) -> list[str]:
    """Where the results of a step were made: those of a loop or a branch inside."""
    inner = next((flat for flat, _ in inner_programs(step) if len(flat.outputs) == len(step.outs)), None)
    if inner is None:
        return [step.place] * len(step.outs)
    wanted, places = {out for out in inner.outputs if type(out) is int}, {}
    for maker in inner.steps:
        if not wanted.isdisjoint(maker.outs):
            places.update(zip(maker.outs, _birthplaces(maker), strict=True))
    return [places.get(out, step.place) if type(out) is int else step.place for out in inner.outputs]


def _inside(step: Step) -> list[Held]:
    """What the fullest of a step's own programs holds, if it has any."""
    fullest: list[Held] = []
    for inner, devices in inner_programs(step):
        own = frozenset(atom for atom in inner.outputs if type(atom) is int)  # the loop's own results
        held = [entry._replace(kind="temporaries", size=entry.size * devices) for entry in held_at_peak(inner, own)]
        fullest = max(fullest, held, key=lambda entries: sum(entry.size for entry in entries))
    return fullest
