"""`Bound`: a program with the boxes and guards of the objects of a call, and its execution."""

from __future__ import annotations

import functools
import itertools
import signal
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from fnn import random, tracing
from fnn.drawn import Draw
from fnn.errors import ArgumentError, TracerEscapeError
from fnn.func._call import Call, Rerun
from fnn.func._compiled import NO_SEED, Program, alike, number_at
from fnn.late import lookup
from fnn.state import changes as effects_of
from fnn.state import constants
from fnn.state.box import Box
from fnn.state.describe import Survey
from fnn.state.grad_mode import check_enabled, check_staged
from fnn.state.guards import Guards
from fnn.state.numbers import evaluate
from fnn.state.scope import Scope, epoch, escape_message, innermost

lock = threading.RLock()
_store = cast(Any, Box)._value.__set__
_load = cast(Any, Box)._value.__get__
_is_exposed = cast(Any, Box)._exposed.__get__


class Bound:
    """A program with the boxes of the objects of a call."""

    __slots__ = (
        "__weakref__", "_boxes", "_scratch", "arrays", "donated", "exposures", "guards", "kept", "lent", "owners",
        "program", "survey", "targets", "texts", "weak",
    )  # fmt: skip

    def __init__(self, program: Program, survey: Survey, roots: list[Any], lost: Callable[[Any], None]) -> None:
        self.program = program
        self.guards = Guards(program.template, survey, roots, lost)
        boxes = survey.boxes
        self.texts = [
            (i, root) for i, (root, described) in enumerate(zip(roots, program.template.roots[1:], strict=True))
            if type(root) in (str, bytes) and described[0] != "unread"
        ]  # fmt: skip
        self.exposures = -1
        self.owners = [weakref.ref(survey.nodes[n]) for n in program.optimizers]
        self.arrays = [survey.arrays[i] for i in program.arrays]
        self.survey = Remembered(survey, program)
        # A box with hooks or attributes may lead to anything; it must not be kept alive.
        needed = {*program.donated, *program.kept, *program.written}
        parameters = [boxes[i] for i in needed if hasattr(boxes[i], "_grad_hooks")]
        self.weak = any(b._grad_hooks or b._post_hooks or b.__dict__ for b in parameters)
        self._boxes = [weakref.ref(box) for box in boxes] if self.weak else boxes
        self.donated, self.kept, self.targets = ([], [], []) if self.weak else self._lists(boxes)
        self._scratch = [] if self.weak else [boxes[i] for i, _ in program.scratch]
        self.lent: list[int] = []  # which arrays the program left in the boxes whose memory it takes next time

    def _lists(self, boxes: list[Box]) -> tuple[list[Box], list[Box], list[Box]]:
        program = self.program
        donated, kept, written = program.donated, program.kept, program.written
        return [boxes[i] for i in donated], [boxes[i] for i in kept], [boxes[i] for i in written]

    def lists(self) -> tuple[list[Box], list[Box], list[Box]]:
        """The boxes that are donated, kept and written."""
        if self.weak:
            found: Any = [cast(Any, ref)() for ref in self._boxes]
            return self._lists(found)
        return self.donated, self.kept, self.targets

    def scratch(self) -> list[Box]:
        """The boxes whose memory is overwritten, whatever they hold."""
        return [cast(Any, self._boxes[i])() for i, _ in self.program.scratch] if self.weak else self._scratch

    def _memory(self, boxes: list[Box], beside: jax.Array) -> list[Any]:
        """What may be overwritten of the boxes: the arrays that the last call left there, or else `_memory` of each."""
        held = [*map(_load, boxes)]
        if [*map(id, held)] == self.lent and not any(map(_is_exposed, boxes)):
            return held
        return [_memory(box, kind, beside) for box, (_, kind) in zip(boxes, self.program.scratch, strict=True)]

    def lower(self, call: Call) -> Any:
        """The program, lowered for the arguments of a call."""
        call, hyper = self._prepared(call)
        donated, kept, _ = self.lists()
        scope = innermost.get()
        state = random.get_rng_state()
        args = self._arguments(values_of(donated, scope), values_of(kept, scope), hyper, NO_SEED, call)
        random.set_rng_state(state)  # a look at the program draws no numbers
        return self.program.compiled.lower(*args)

    def _prepared(self, call: Call) -> tuple[Call, list[Any]]:
        program = self.program
        if program.symbolic:
            nodes = self.survey.nodes
            value_of = functools.partial(number_at, nodes)
            if any(not alike(evaluate(e, value_of), answer) for e, answer in program.conditions):
                raise Rerun
            numbers = [evaluate(e, value_of) for e in program.numbers]
            call = call.replaced([*call.dynamic, *numbers], call.objects)
        hyper = []
        for ref, static in zip(self.owners, program.statics, strict=True):
            now, values = ref()._fnn_dynamic()
            if now != static:
                raise Rerun
            hyper.append(values)
        return call, hyper

    def run(self, call: Call) -> Any:
        """One call.

        Raises:
            Rerun: the program does not fit after all.
        """
        call, hyper = self._prepared(call)
        if self.program.derives:
            check_enabled("fnn.backward")
        state = random.get_rng_state() if self.program.draws else None
        try:
            return self._ran(hyper, call)
        except Rerun:
            if state is not None:
                random.set_rng_state(state)  # the program that fits draws these numbers
            raise

    def _ran(self, hyper: list, call: Call) -> Any:
        donated, kept, targets = self.lists()
        scope = innermost.get()
        if scope is not None or tracing.tracing():
            return self._inside(scope, donated, kept, targets, hyper, call)
        with lock:
            return self._outside(donated, kept, targets, hyper, call)

    def _arguments(self, donated: list[Any], kept: list[Any], hyper: list[Any], seed: object, call: Call) -> tuple:
        rest = (donated, kept, hyper, seed, call.dynamic)
        if self.program.plain:
            return rest
        draws = self.program.draws
        return (*rest, [*self.arrays, *_drawn(draws)] if draws else self.arrays)

    def _outside(self, donated: list[Box], kept: list[Box], targets: list[Box], hyper: list, call: Call) -> Any:
        program = self.program
        if constants.kept:
            constants.check(targets)
        seen = epoch.exposures
        values = [box._value for box in donated]
        copied: list[Box] = []
        compiled = program.compiled
        if tracing.checks_numbers():
            compiled = program.safe()
        elif self.exposures != seen:
            for i, box in enumerate(donated):
                if box._exposed and values[i] is not None:  # someone else holds this array: donate a copy
                    values[i] = jnp.copy(values[i])
                    copied.append(box)
        seed = _seed_of(call) if program.uses_seed else NO_SEED
        args = self._arguments(values, [box._value for box in kept], hyper, seed, call)
        if compiled is not program.compiled and program.plain:
            args = (*args, [])
        scratch: list[Box] = []
        if program.scratch and compiled is program.compiled and self._on_one_device(values):
            scratch = self.scratch()
            args = (*args, self._memory(scratch, values[0]))
        rest = Box.__new__(Box)
        targets = [*targets, rest]
        if not program.warm or compiled is not program.compiled or program.blocks:
            self._first(compiled, args, targets)
        else:
            if program.shared:
                epoch.ran(program.shared)
            # One call into C: an interrupt comes before it, when nothing is donated, or after it, when all is stored.
            deque(map(_store, targets, itertools.chain.from_iterable(map(compiled, *((a,) for a in args)))), maxlen=0)
        if scratch:
            self.lent = [*map(id, map(_load, scratch))]
            if any(map(_is_exposed, scratch)):
                copied += scratch
        for box in copied:
            box._exposed = False
        self.exposures = seen
        return self._result(rest._value)

    def _on_one_device(self, values: list[Any]) -> bool:
        """Whether the program runs on one; on several a result may be laid out otherwise than what it replaces."""
        return all(len(value.sharding.device_set) == 1 for value in values[:1])

    def _first(self, compiled: Any, args: tuple, targets: list[Box]) -> None:
        """A call that goes through Python code of JAX's between running the program and handing on its results."""
        if hasattr(compiled, "lower") and not self.program.warm:
            lowered = compiled.lower(*args)
            if jax.process_count() > 1:
                seed = args[3] if self.program.uses_seed else None
                self.program.shared = lookup("distributed").agreement.agreed(self.program.name, lowered, args, seed)
            lowered.compile()  # may be interrupted
        with uninterrupted():
            results = compiled(*args)
            if self.program.blocks:
                jax.block_until_ready(results)
            if tracing.checks_numbers():
                # JAX looks for itself only where a call goes through its Python code.
                tracing.check_numbers(results, lambda: compiled.__wrapped__(*args))
            deque(map(_store, targets, results), maxlen=0)
            if compiled is self.program.compiled:
                self.program.warm = True

    def _inside(
        self, scope: Any, donated: list[Box], kept: list[Box], targets: list[Box], hyper: list, call: Call
    ) -> Any:
        program = self.program
        if program.modal:
            check_staged("no_grad")
        seed = _seed_of(call) if program.uses_seed else NO_SEED
        args = self._arguments(values_of(donated, scope), values_of(kept, scope), hyper, seed, call)
        results = program.compiled(*args)
        for box, value in zip(targets, results, strict=False):
            if scope is not None:
                scope.write(box, value)
            elif isinstance(value, tracing.Tracer):
                raise TracerEscapeError(escape_message(box, "a raw JAX transform around this call"))
        if scope is None:
            for box, value in zip(targets, results, strict=False):
                box._write(value)
        return self._result(results[-1])

    def _result(self, leaves: list[Any]) -> Any:
        program, survey = self.program, self.survey
        split = len(leaves) - program.out.count
        out = program.out.build(leaves[split:], survey)
        if program.effects is not None:
            # Values before the first effect: an effect may change what another one reads.
            places = {e[1]: None for e in program.effects.numbers}
            nodes = survey.nodes if places else []
            before = {place: number_at(nodes, place) for place in places}
            effects_of.apply(program.effects, leaves[:split], survey, lambda e: evaluate(e, before.__getitem__))
        return out


def _memory(box: Box, kind: jax.ShapeDtypeStruct, beside: jax.Array) -> Any:
    """An array that may be overwritten: the one that a box holds, if nobody else does, or a new one."""
    value = box._value
    if value is None or box._exposed or value.shape != kind.shape or value.dtype != kind.dtype:
        return jnp.zeros(kind.shape, kind.dtype, device=beside.sharding if beside.committed else None)
    return value


class Remembered:
    """The parts of a survey to which a program's effects and results refer."""

    __slots__ = ("_boxes", "_nodes", "containers")

    def __init__(self, survey: Survey, program: Program) -> None:
        self._nodes = [_weak(node) for node in survey.nodes]
        self._boxes = [_weak(box) for box in survey.boxes]
        self.containers = survey.containers if program.effects is not None and program.effects.containers else []

    @property
    def nodes(self) -> list[Any]:
        return [ref() for ref in self._nodes]

    @property
    def boxes(self) -> list[Any]:
        return [ref() for ref in self._boxes]


def _weak(value: object) -> Callable[[], Any]:
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value


def values_of(boxes: list[Box], scope: Scope | None) -> list[Any]:
    return [box._value for box in boxes] if scope is None else [scope.read(box) for box in boxes]


def _drawn(draws: list[Draw]) -> list[Any]:
    """The numbers of one call, from the global generator, or the one around."""
    generator = random.resolve(random.AMBIENT, "fnn.jit")
    if not isinstance(generator, random.Generator):
        raise ArgumentError(
            "fnn.jit(..., random='torch'): called where random numbers come from JAX keys, inside another program or "
            "a transform that brings its own"
        )
    return [random.on_device(draw(generator)) for draw in draws]


def _seed_of(call: Call) -> Any:
    if not call.drawn:
        call.drawn.append(draw_seed())
    return call.drawn[0]


def draw_seed() -> Any:
    """The seed of one call, from the ambient source of random numbers."""
    key = random.resolve(random.AMBIENT, "fnn.jit")
    if isinstance(key, random.Generator):
        return key.randint(0, 1 << 32, (2,), np.int64).astype(np.uint32)
    return jax.random.bits(key, (2,), jnp.uint32)


class uninterrupted:
    """A context in which an interrupt (Ctrl-C) waits until the end."""

    def __enter__(self) -> None:
        self.noted: tuple[Any, ...] | None = None
        self.before: Any = None
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                signal.signal(signal.SIGINT, self._note)
                self.before = before

    def _note(self, *args: object) -> None:
        self.noted = args

    def __exit__(self, *_: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
            if self.noted is not None:
                self.before(*self.noted)
