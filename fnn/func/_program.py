"""One compiled program of `fnn.jit`: its trace, and its execution on the boxes of particular objects.

`Program` is made by `traced`, which runs the user's Python code once under a `Recorder` and a scope.  What nobody
declared is found out there: the boxes that are read and written, arrays that were met on the way (they become inputs:
their identity among the constants of the traced program tells where they came from), random numbers, and what else
the function changes (`fnn.state.changes`).  A box that turns up in the middle of a trace was not an input: the trace is
made again with it.

`Bound` is a program with the boxes and guards of the objects of a call.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import signal
import threading
import types
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_leaves, tree_structure

from fnn import random, tracing
from fnn.drawn import Draw, ProgramGenerator
from fnn.errors import ArgumentError, TracerEscapeError
from fnn.func._graph import evaluator
from fnn.func._leaf_scope import LeafScope
from fnn.state import changes as effects_of
from fnn.state.box import Box
from fnn.state.describe import Survey
from fnn.state.grad_mode import check_enabled, check_staged, contained
from fnn.state.layout import spread
from fnn.state.numbers import Expression, Numbers, evaluate
from fnn.state.reads import Guards, Place, Recorder, fetch, guess
from fnn.state.recipes import Packer, build
from fnn.state.results import reordered
from fnn.state.scope import Scope, epoch, escape_message, innermost, opened
from fnn.state.texts import unread
from fnn.typing import PyTree

NO_SEED = np.zeros(2, np.uint32)
LIMIT = 24  # traces of one program until fnn gives up
lock = threading.RLock()
_store = cast(Any, Box)._value.__set__

UNROOTED = """\
{function} uses a {what} that fnn.jit cannot find again: it is no argument, and no variable,
attribute, list, tuple, dict or set leads to it from {function}.
Wrong: a Module or Parameter taken out of an iterator, a cache (functools.lru_cache), a generator or a C extension
Why:   if another object stood there at the next call, the compiled program would go on using this one
Right: pass it as an argument, or keep it in an attribute, list or dict"""

ENDLESS = """\
{function} was traced {limit} times and still meets Modules, Optimizers or Parameters that were not there before.
Why:   each trace makes new ones that outlive it, so that no program fits the next call
Right: make them outside the jitted function, or use them inside it only"""


class Rerun(Exception):
    """Not an error: JAX traces a finished program again, since something else than its structure changed."""


class Call:
    """The arguments of one call: what is traced, and the objects."""

    __slots__ = ("dynamic", "objects", "order", "pattern", "treedef")

    def __init__(
        self, treedef: PyTree, pattern: tuple[int, ...], dynamic: list[Any], objects: list[Any], order: object = None
    ) -> None:
        self.treedef, self.pattern, self.dynamic, self.objects = treedef, pattern, dynamic, objects
        self.order = order  # of the keys of dicts, where it is not JAX's

    @property
    def order_key(self) -> Any:
        """The order of the keys as something to look up by."""
        return None if self.order is None else _frozen(self.order)

    def replaced(self, dynamic: list[Any], objects: list[Any]) -> Call:
        """The call with other leaves."""
        return Call(self.treedef, self.pattern, dynamic, objects, self.order)

    def arguments(self, dynamic: Any) -> tuple[tuple, dict[str, Any]]:
        """``(args, kwargs)`` with these values of what is traced."""
        sources = (iter(dynamic), iter(self.objects))
        given = self.treedef.unflatten([next(sources[kind]) for kind in self.pattern])
        return given if self.order is None else reordered(given, self.order)


def _frozen(order: object) -> Any:
    if isinstance(order, dict):
        return tuple((key, _frozen(part)) for key, part in order.items())
    return tuple(map(_frozen, order)) if isinstance(order, list) else order


LOOKED_AT = """\
fnn.jit(..., random="torch"): {function} draws numbers ({method}) with which Python computes while the function is
traced; they would be the same at every call.

Draw them outside and pass them in as an argument, or use random="jax"."""


class _Seeds:
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


class _Inputs:
    """What one trace is given: boxes in an order, and optimizers."""

    def __init__(self, boxes: list[Box], donated: set[Box], owners: list[Any]) -> None:
        self.donated = [box for box in boxes if box in donated]
        self.kept = [box for box in boxes if box not in donated]
        self.owners = owners
        self.expressions: list[Expression] = []


class Program:
    """One function compiled for one description of what it reads."""

    __slots__ = (
        "arrays", "blocks", "compiled", "conditions", "derives", "donated", "draws", "effects", "kept", "modal",
        "numbers", "ones", "optimizers", "out", "plain", "safe", "statics", "symbolic", "template", "uses_seed", "warm",
        "written",
    )  # fmt: skip

    def __init__(self) -> None:
        self.warm = False
        self.safe: Any = None
        self.symbolic: frozenset[Place] = frozenset()
        self.numbers: list[Expression] = []  # whose values are inputs
        self.conditions: list[tuple[Expression, Any]] = []

    def fits(self, survey: Survey) -> bool:
        """Whether what is no description is alike: hyper-parameters that are structure, arrays that are constants."""
        if any(np.asarray(survey.arrays[at]).tobytes() != raw for at, raw in self.ones):
            return False
        value_of = functools.partial(_number_at, survey.nodes)
        if any(not _alike(evaluate(e, value_of), answer) for e, answer in self.conditions):
            return False
        return [survey.nodes[n]._fnn_dynamic()[0] for n in self.optimizers] == self.statics


def traced(
    function: Callable, called: Callable, roots: list[Any], call: Call, donates: bool, options: dict[str, Any],
    torchs: bool = False, symbolic: frozenset[Place] = frozenset(), texts: frozenset[int] = frozenset(),
) -> tuple[Program, Any] | None:  # fmt: skip
    """Traces ``called`` (``function`` with its static arguments filled in) until a program fits.

    Args:
        function: what the user jitted.
        called: the same without static arguments.
        roots: the function and the objects among the arguments.
        call: the arguments.
        donates: whether arrays that are replaced are donated.
        options: of `jax.jit`.
        torchs: whether random numbers are PyTorch's, drawn on the host before each call.
        symbolic: places of numbers that are not to be constants.
        texts: numbers of roots that are strings and not to be constants.

    Returns:
        The program, and the survey of the objects it was traced with; None if the numbers must be constants.
    """
    expressions: list[Expression] = []
    if texts:
        objects = [unread(o) if i + 1 in texts else o for i, o in enumerate(call.objects)]
        call = call.replaced(call.dynamic, objects)
    name = _name(function)
    boxes: dict[Box, None] = {}
    donated: set[Box] = set()
    owners: list[Any] = []
    scope = innermost.get()
    for attempt in range(LIMIT):
        generator = random.get_rng_state()
        with Recorder(roots, symbolic, texts) as recorder:
            survey = recorder.survey
            likely = {survey.boxes[i] for i in survey.likely} | donated
            now = [n for n in survey.nodes if _is_owner(n)]
            if not attempt:
                with recorder.quiet():
                    more = guess(survey)
                boxes = dict.fromkeys(more.boxes)
                likely |= {more.boxes[i] for i in more.likely}
                owners = [n for n in more.nodes if _is_owner(n)]
            known = dict.fromkeys([*survey.boxes, *boxes])
            likely = likely if donates else set()
            inputs = _Inputs(list(known), likely, [*now, *(o for o in owners if not any(o is n for n in now))])
            inputs.expressions = expressions
            try:
                program, found = _attempt(
                    function, called, recorder, inputs, call, scope, donates, options, name, torchs
                )
            except Exception:
                if not symbolic and not texts:
                    raise
                random.set_rng_state(generator)
                missing = recorder.numbers.missing if recorder.numbers is not None else []
                if not missing:
                    return None
                expressions = [*expressions, *missing]
                boxes = dict.fromkeys(known)
                continue
        if program is not None:
            return program, survey
        random.set_rng_state(generator)
        boxes = dict.fromkeys([*known, *survey.boxes, *found.discovered])
        donated = likely | set(found.written)
        owners = [*inputs.owners, *(o for o in found.owners.values() if not any(o is n for n in inputs.owners))]
        if attempt > 1:
            _check_rooted(found, recorder, name)
    raise ArgumentError(ENDLESS.format(function=name, limit=LIMIT))


def _attempt(
    function: Callable, called: Callable, recorder: Recorder, inputs: _Inputs, call: Call, scope: Scope | None,
    donates: bool, options: dict[str, Any], name: str, torchs: bool,
) -> tuple[Program | None, JitScope]:  # fmt: skip
    survey = recorder.survey
    result: dict[str, Any] = {}
    program = Program()
    around: list[Any] = [recorder, inputs, call, called]  # emptied after the trace: JAX keeps the function

    def run(donated: object, kept: object, hyper: object, seed: object, dynamic: object) -> Any:
        return _run_once(around, result, name, torchs, donated, kept, hyper, seed, dynamic)

    flat = named(run, function)
    donated, kept = _values(inputs.donated, scope), _values(inputs.kept, scope)
    dynamics = [owner._fnn_dynamic() for owner in inputs.owners]
    hyper = [values for _, values in dynamics]
    compiled = jax.jit(flat, donate_argnums=(0,) if donates else (), **options)
    numbers = [evaluate(e, functools.partial(_number_at, survey.nodes)) for e in inputs.expressions]
    trace = compiled.trace(donated, kept, hyper, NO_SEED, [*call.dynamic, *numbers])
    around.clear()
    inner: JitScope = result["scope"]
    if inner.discovered or inner.owners or "again" in result:
        return None, inner

    program.template = recorder.template(result["unread"])
    program.symbolic, program.numbers = recorder.symbolic, inputs.expressions
    program.conditions = list(recorder.numbers.conditions.items())
    program.uses_seed = result["seeds"].stream is not None
    program.draws = [] if result["seeds"].generator is None else result["seeds"].generator.draws
    program.effects = result["effects"] if result["effects"].steps else None
    program.out = _Out(result["recipe"], result["count"])
    program.derives, program.modal = result["graph"], result["modal"]
    _finish(program, trace, compiled, inputs, result, survey, donates, options, function, dynamics)
    result.clear()
    return program, inner


def _run_once(
    around: list[Any], result: dict[str, Any], name: str, torchs: bool, donated: Any, kept: Any, hyper: Any, seed: Any,
    dynamic: Any,
) -> Any:  # fmt: skip
    """The user's function in a scope and under the recorder: what a program computes, as one flat list."""
    recorder, inputs, call, called = around
    survey = recorder.survey
    values = dict(zip(inputs.donated, donated, strict=True))
    values.update(zip(inputs.kept, kept, strict=True))
    scope = JitScope(values, {id(o): part for o, part in zip(inputs.owners, hyper, strict=True)})
    seeds = _Seeds(seed, torchs)
    concrete: list[Any] = []
    result.update(scope=scope, seeds=seeds, concrete=concrete)
    args, kwargs = call.arguments(dynamic)
    recorder.numbers = Numbers(dict(zip(inputs.expressions, dynamic[len(call.dynamic) :], strict=True)))
    try:
        with opened(scope), contained(), random.ambient(seeds), tracing.concretised(concrete):
            out = called(*args, **kwargs)
    finally:
        with recorder.quiet():
            changed = effects_of.changed(recorder)
            # A lazy module that got its shapes has them for good, and the trace is made again.
            effects_of.undo(recorder, [c for c in changed if not effects_of.of_lazy_module(recorder, c)])
    if recorder.materialised:
        result["again"] = True
        return []
    if recorder.unrooted is not None:
        what = f"{type(recorder.unrooted).__name__} module"
        raise TracerEscapeError(UNROOTED.format(function=name, what=what))
    if scope.discovered or scope.owners:
        return []
    with recorder.quiet():
        effects = effects_of.Effects(changed, survey, scope)
        packer = Packer(_known(survey), scope.read, every=True, boxes=False)
        recipe = packer.pack(out)
    written = [box for box in scope.written if box._born < scope.serial]
    chosen = list(dict.fromkeys([*inputs.donated, *written]))
    result.update(effects=effects, recipe=recipe, count=len(packer.leaves), chosen=chosen, written=written)
    result["graph"], result["modal"] = scope.derives, scope.modal
    # Of a gradient that is not looked at, or is cleared first, it does not matter whether it is there.
    result["unread"] = {box for box in scope.fresh if type(box) is Box}
    outputs = [*(spread(scope.values[box], box._layout) for box in chosen), [*effects.leaves, *packer.leaves]]
    result["tree"] = tree_structure(outputs)
    return outputs


def _finish(
    program: Program, trace: Any, compiled: Any, inputs: _Inputs, result: dict[str, Any], survey: Any, donates: bool,
    options: dict[str, Any], function: Callable[..., Any], dynamics: list[Any],
) -> None:  # fmt: skip
    """Decides what is donated and which constants are inputs, and compiles accordingly."""
    closed = trace.jaxpr
    index = survey.index
    fails = tracing.calls_back(closed.jaxpr)
    program.blocks = fails
    lifted = [(i, at) for i, c in enumerate(closed.consts) for at in [_position(survey.arrays, c)] if at is not None]
    program.arrays = [at for _, at in lifted]
    fed = _fed(program.draws, closed.consts, result["concrete"], _name(function))
    _refuse_concrete(program, result["concrete"], survey)
    chosen, written = result["chosen"], set(result["written"])
    for box in written:
        if box not in index:
            what = f"{type(box).__name__} of shape {tuple(getattr(box._value, 'shape', ()))}"
            raise TracerEscapeError(UNROOTED.format(function=_name(function), what=what))
    # Only what held an array can be donated: a gradient that was None cannot.
    # Nor is one that becomes None donated: its memory would serve nothing, and JAX warns.
    whole = result["tree"].unflatten(range(result["tree"].num_leaves))
    emptied = {box for box, value in zip(chosen, whole, strict=False) if value is None}
    unread = result["unread"]
    gone = emptied | unread
    wanted = {box for box in written - gone if box._value is not None} if donates and not fails else set()
    used = [box for box in [*inputs.donated, *inputs.kept] if box in index and box not in unread]
    program.donated = [index[box] for box in used if box in wanted]
    program.kept = [index[box] for box in used if box not in wanted]
    program.optimizers = [survey.numbers[id(o)] for o in inputs.owners if id(o) in survey.numbers]
    program.statics = [s for o, (s, _) in zip(inputs.owners, dynamics, strict=True) if id(o) in survey.numbers]
    program.written = [index[box] for box in chosen if box in wanted or box in written]
    keep = [i for i, box in enumerate(chosen) if box in index and (box in wanted or box in written)]
    evaluate = evaluator(closed) if result["graph"] else functools.partial(tracing.eval_jaxpr, closed)
    exact = (
        not lifted
        and not program.draws
        and not result["graph"]
        and set(inputs.donated) == wanted
        and len(used) == len(inputs.donated) + len(inputs.kept)
        and len(program.optimizers) == len(inputs.owners)
        and len(keep) == len(chosen)
    )
    places = {id(box): n for n, box in enumerate([*inputs.donated, *inputs.kept])}
    order = [places[id(box)] for box in used if box in wanted] + [places[id(box)] for box in used if box not in wanted]
    shapes = [box._value is not None for box in [*inputs.donated, *inputs.kept]]
    owners_in = [id(o) in survey.numbers for o in inputs.owners]
    sizes = [len(tree_leaves(values)) for _, values in dynamics]
    positions = [*(i for i, _ in lifted), *fed]
    tree = result["tree"]
    outs = len(chosen)
    box_values: list[Any] = [box._value for box in [*inputs.donated, *inputs.kept]]

    def again(donated: PyTree, kept: PyTree, hyper: PyTree, seed: PyTree, dynamic: PyTree, arrays: PyTree) -> Any:
        given: list[Any] = [jnp.zeros(v.shape, v.dtype) if h and n not in order else None
                            for n, (v, h) in enumerate(zip(box_values, shapes, strict=True))]  # fmt: skip
        for n, value in zip(order, [*donated, *kept], strict=True):
            given[n] = value
        flat = [value for value, held in zip(given, shapes, strict=True) if held]
        parts = iter(hyper)
        for inside, size in zip(owners_in, sizes, strict=True):
            flat += tree_leaves(next(parts)) if inside else [jnp.zeros(())] * size
        consts = list(closed.consts)
        for i, value in zip(positions, arrays, strict=True):
            if i is not None:
                consts[i] = value
        results = evaluate(consts, *flat, *tree_leaves(seed), *tree_leaves(dynamic))
        values = iter(results)
        whole = tree.unflatten(list(values))
        return [*(whole[i] for i in keep), whole[outs]]

    box_values = [None if v is None else jax.ShapeDtypeStruct(v.shape, v.dtype) for v in box_values]
    program.plain = exact
    flat = named(again, function)
    if exact:
        program.compiled = compiled
    else:
        program.compiled = jax.jit(flat, donate_argnums=(0,) if program.donated else (), **options)
    program.safe = functools.cache(lambda: jax.jit(flat, **options))


def _fed(draws: list[Draw], consts: list[Any], concrete: list[Any], name: str) -> list[int | None]:
    """Where each draw stands among the constants of a program; None for one that it does not use."""
    found = []
    for draw in draws:
        array, draw.array = draw.array, None
        if array is None or any(array is known for known in concrete):
            raise ArgumentError(LOOKED_AT.format(function=name, method=draw.method))
        found.append(_position(consts, array))
    return found


def _position(arrays: list[Any], value: object) -> int | None:
    return next((i for i, known in enumerate(arrays) if known is value), None)


def _refuse_concrete(program: Program, concrete: list[Any], survey: Survey) -> None:
    """An array of which Python asked the numbers is a constant: others in its place need a program of their own."""
    fixed = [at for array in concrete for at in [_position(survey.arrays, array)] if at is not None]
    program.ones = [(at, np.asarray(survey.arrays[at]).tobytes()) for at in dict.fromkeys(fixed)]


class _Out:
    """How the function's result is made from the arrays that a program returns."""

    def __init__(self, recipe: tuple[Any, ...], count: int) -> None:
        self.recipe, self.count = recipe, count
        self.single = recipe[0] == "leaf"
        self.several = (
            recipe[0] == "tuple" and recipe[1] is tuple and all(part[0] == "leaf" for part in recipe[2])
            and [part[1] for part in recipe[2]] == list(range(count))
        )  # fmt: skip

    def build(self, leaves: list[Any], survey: Survey | _Remembered) -> Any:
        if self.single:
            return leaves[self.recipe[1]]
        if self.several:
            return tuple(leaves)
        return build(self.recipe, leaves, lambda tag: _resolve(tag, survey), {})


def _number_at(nodes: list[Any], place: Place) -> Any:
    return fetch(nodes[place.node], place)


def _alike(value: object, answer: object) -> bool:
    return type(value) is type(answer) and (value == answer or value != value)


def _resolve(tag: tuple[str, Any], survey: Survey | _Remembered) -> Any:
    kind, at = tag
    if kind == "number":
        return evaluate(at, functools.partial(_number_at, survey.nodes))
    return (survey.nodes if kind == "node" else survey.boxes if kind == "box" else survey.containers)[at]


def _known(survey: Survey) -> Callable[[Any], Any]:
    def known(value: Any) -> Any:
        at = survey.numbers.get(id(value))
        return None if at is None or isinstance(value, types.FunctionType) else ("node", at)

    return known


def _is_owner(node: object) -> bool:
    return hasattr(type(node), "_fnn_dynamic")


def _check_rooted(found: JitScope, recorder: Recorder, name: str) -> None:
    for box in found.discovered:
        if box not in recorder.survey.index and not getattr(box, "_grad_of", None):
            what = f"{type(box).__name__} of shape {tuple(getattr(box._value, 'shape', ()))}"
            raise TracerEscapeError(UNROOTED.format(function=name, what=what))


def _values(boxes: list[Box], scope: Scope | None) -> list[Any]:
    return [box._value for box in boxes] if scope is None else [scope.read(box) for box in boxes]


def _name(function: object) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)


def named(flat: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """``flat`` under the name and the place of the user's function, which JAX's errors and profiles show.

    It may be traced once. JAX traces again where shapes or its settings differ; that needs a program of its own.
    """
    finished = False

    def run(*args: object) -> Any:
        nonlocal finished
        if finished and not (tracing.checks_numbers() and not tracing.tracing()):
            raise Rerun  # but where JAX has found a NaN and looks for it, operation by operation
        out = flat(*args)
        finished = True
        return out

    while isinstance(function, functools.partial):
        function = function.func
    shown = cast(Any, run)
    shown.__signature__ = inspect.signature(flat)
    name = getattr(function, "__name__", type(function).__name__)
    if not inspect.isroutine(function):
        function = getattr(function, "forward", function)  # of a Module
    run.__name__ = run.__qualname__ = name
    shown.__wrapped__ = function
    return run


class Bound:
    """A program with the boxes of the objects of a call."""

    __slots__ = (
        "__weakref__", "_boxes", "arrays", "donated", "exposures", "guards", "kept", "owners", "program", "survey",
        "targets", "texts", "weak",
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
        self.survey = _Remembered(survey, program)
        # A box with hooks or attributes may lead to anything; it must not be kept alive.
        needed = {*program.donated, *program.kept, *program.written}
        self.weak = any(boxes[i]._grad_hooks or boxes[i].__dict__ for i in needed if hasattr(boxes[i], "_grad_hooks"))
        self._boxes = [weakref.ref(box) for box in boxes] if self.weak else boxes
        self.donated, self.kept, self.targets = ([], [], []) if self.weak else self._lists(boxes)

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

    def lower(self, call: Call) -> Any:
        """The program, lowered for the arguments of a call."""
        call, hyper = self._prepared(call)
        donated, kept, _ = self.lists()
        scope = innermost.get()
        state = random.get_rng_state()
        args = self._arguments(_values(donated, scope), _values(kept, scope), hyper, NO_SEED, call)
        random.set_rng_state(state)  # a look at the program draws no numbers
        return self.program.compiled.lower(*args)

    def _prepared(self, call: Call) -> tuple[Call, list[Any]]:
        program = self.program
        if program.symbolic:
            nodes = self.survey.nodes
            value_of = functools.partial(_number_at, nodes)
            if any(not _alike(evaluate(e, value_of), answer) for e, answer in program.conditions):
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
        seed = draw_seed() if program.uses_seed else NO_SEED
        args = self._arguments(values, [box._value for box in kept], hyper, seed, call)
        if compiled is not program.compiled and program.plain:
            args = (*args, [])
        rest = Box.__new__(Box)
        targets = [*targets, rest]
        if not program.warm or compiled is not program.compiled or program.blocks:
            self._first(compiled, args, targets)
        else:
            # One call into C: an interrupt comes before it, when nothing is donated, or after it, when all is stored.
            deque(map(_store, targets, itertools.chain.from_iterable(map(compiled, *((a,) for a in args)))), maxlen=0)
        for box in copied:
            box._exposed = False
        self.exposures = seen
        return self._result(rest._value)

    def _first(self, compiled: Any, args: tuple, targets: list[Box]) -> None:
        """A call that goes through Python code of JAX's between running the program and handing on its results."""
        if hasattr(compiled, "lower") and not self.program.warm:
            compiled.lower(*args).compile()  # may be interrupted
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
        seed = draw_seed() if program.uses_seed else NO_SEED
        args = self._arguments(_values(donated, scope), _values(kept, scope), hyper, seed, call)
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
            before = {place: _number_at(nodes, place) for place in places}
            effects_of.apply(program.effects, leaves[:split], survey, lambda e: evaluate(e, before.__getitem__))
        return out


class _Remembered:
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


def _drawn(draws: list[Draw]) -> list[Any]:
    """The numbers of one call, from the global generator, or the one around."""
    generator = random.resolve(random.AMBIENT, "fnn.jit")
    if not isinstance(generator, random.Generator):
        raise ArgumentError(
            "fnn.jit(..., random='torch'): called where random numbers come from JAX keys, inside another program or "
            "a transform that brings its own"
        )
    return [random.on_device(draw(generator)) for draw in draws]


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
