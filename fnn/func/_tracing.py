"""How a program is made: `traced` runs the Python code once under a `Recorder` and a scope.

What nobody declared is found out there: the boxes that are read and written, arrays that were met on the way (they
become inputs: their identity among the constants of the traced program tells where they came from), random numbers, and
what else the function changes (`fnn.state.changes`).  A box that turns up in the middle of a trace was not an input:
the trace is made again with it.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_leaves, tree_structure

from fnn import random, tracing
from fnn.drawn import Draw
from fnn.errors import ArgumentError, TracerEscapeError
from fnn.func._bound import values_of
from fnn.func._call import Call, Rerun
from fnn.func._compiled import NO_SEED, Out, Program, number_at
from fnn.func._graph import evaluator
from fnn.func._jit_scope import Inputs, JitScope, Seeds
from fnn.func._regathering import regathering
from fnn.func._tracer_errors import ABOUT_VALUES, in_the_users_words
from fnn.state import changes as effects_of
from fnn.state.box import Box
from fnn.state.consumed import text_of
from fnn.state.describe import Survey
from fnn.state.grad_mode import contained
from fnn.state.guessed import guess
from fnn.state.layout import sparing, spread
from fnn.state.numbers import Expression, Number, Numbers, evaluate
from fnn.state.places import Place
from fnn.state.recipes import Packer
from fnn.state.recorder import Recorder
from fnn.state.scope import Scope, innermost, opened
from fnn.state.texts import unread
from fnn.typing import PyTree

LIMIT = 24  # traces of one program until fnn gives up
# From how many bytes on the memory of a gradient is given to the next: a new array of that size costs page faults, a
# small one costs less than handing over does (benchmarks/backward.py: 1.06 of value_and_grad with those, 1.00 without).
REUSED = 1 << 20


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


LOOKED_AT = """\
fnn.jit(..., random="torch"): {function} draws numbers ({method}) with which Python computes while the function is
traced; they would be the same at every call.

Draw them outside and pass them in as an argument, or use random="jax"."""


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
        with Recorder(roots, symbolic, texts, name) as recorder:
            survey = recorder.survey
            likely = {survey.boxes[i] for i in survey.likely} | donated
            now = [n for n in survey.nodes if _is_owner(n)]
            if not attempt:
                with recorder.quiet():
                    more = guess(survey)
                boxes = dict.fromkeys(more.boxes)
                likely |= {more.boxes[i] for i in more.likely}
                owners = [n for n in more.nodes if _is_owner(n)]
                if _outgrown(survey):
                    donated = likely
                    continue
            known = dict.fromkeys([*survey.boxes, *boxes])
            likely = likely if donates else set()
            inputs = Inputs(list(known), likely, [*now, *(o for o in owners if not any(o is n for n in now))])
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
        if not recorder.materialised:  # what a lazy module has drawn for its parameters, it keeps
            random.set_rng_state(generator)
        boxes = dict.fromkeys([*known, *survey.boxes, *found.discovered])
        donated = likely | set(found.written)
        owners = [*inputs.owners, *(o for o in found.owners.values() if not any(o is n for n in inputs.owners))]
        if attempt > 1:
            _check_rooted(found, recorder, name)
    raise ArgumentError(ENDLESS.format(function=name, limit=LIMIT))


def _outgrown(survey: Survey) -> bool:
    """Whether parameters have gradients that were made since they were described: an optimizer that was met asks."""
    grads = [getattr(box, "_grad", None) for box in survey.boxes]
    return any(grad is not None and grad not in survey.index for grad in grads)


def _attempt(
    function: Callable, called: Callable, recorder: Recorder, inputs: Inputs, call: Call, scope: Scope | None,
    donates: bool, options: dict[str, Any], name: str, torchs: bool,
) -> tuple[Program | None, JitScope]:  # fmt: skip
    survey = recorder.survey
    result: dict[str, Any] = {}
    program = Program()
    around: list[Any] = [recorder, inputs, call, called]  # emptied after the trace: JAX keeps the function

    def run(donated: object, kept: object, hyper: object, seed: object, dynamic: object) -> Any:
        return _run_once(around, result, name, torchs, donated, kept, hyper, seed, dynamic)

    flat = named(run, function)
    compiling = sparing(box._layout for box in (*inputs.donated, *inputs.kept))
    if compiling:
        options = options | {"compiler_options": compiling | (options.get("compiler_options") or {})}
    donated, kept = values_of(inputs.donated, scope), values_of(inputs.kept, scope)
    dynamics = [owner._fnn_dynamic() for owner in inputs.owners]
    hyper = [values for _, values in dynamics]
    compiled = jax.jit(flat, donate_argnums=(0,) if donates else (), **options)
    numbers = [evaluate(e, functools.partial(number_at, survey.nodes)) for e in inputs.expressions]
    try:
        trace = compiled.trace(donated, kept, hyper, NO_SEED, [*call.dynamic, *numbers])
    except ABOUT_VALUES as error:
        in_the_users_words(error, called, call, recorder, inputs)
        raise
    around.clear()
    inner: JitScope = result["scope"]
    if inner.discovered or inner.owners or "again" in result:
        return None, inner

    program.name = name
    program.template = recorder.template(result["unread"])
    program.symbolic, program.numbers = recorder.symbolic, inputs.expressions
    program.conditions = list(recorder.numbers.conditions.items())
    program.uses_seed = result["seeds"].stream is not None
    program.draws = [] if result["seeds"].generator is None else result["seeds"].generator.draws
    program.effects = result["effects"] if result["effects"].steps else None
    program.out = Out(result["recipe"], result["count"])
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
    seeds = Seeds(seed, torchs)
    concrete: list[Any] = []
    result.update(scope=scope, seeds=seeds, concrete=concrete)
    args, kwargs = call.arguments(dynamic)
    recorder.numbers = Numbers(dict(zip(inputs.expressions, dynamic[len(call.dynamic) :], strict=True)))
    try:
        with opened(scope), contained(), random.program(seeds), tracing.concretised(concrete), tracing.copied_numpy():
            out = called(*args, **kwargs)
    finally:
        with recorder.quiet():
            changed = effects_of.changed(recorder)
            # A lazy module that got its shapes has them for good, and the trace is made again.
            effects_of.undo(recorder, [c for c in changed if not effects_of.of_lazy_module(recorder, c)])
            if survey.consumables is not None:
                survey.consumables.forget(lambda value: type(value) is Number or effects_of.traced_here(value))
    if recorder.materialised:
        result["again"] = True
        return []
    if (consumed := recorder.consumed()) is not None:
        raise TracerEscapeError(text_of(consumed, name))
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
    program: Program, trace: Any, compiled: Any, inputs: Inputs, result: dict[str, Any], survey: Any, donates: bool,
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
    regathers = any(box._layout is not None and box._layout.regathers for box in [*inputs.donated, *inputs.kept])
    if regathers:
        evaluate = regathering(evaluate)
    exact = (
        not lifted
        and not program.draws
        and not result["graph"]
        and not regathers
        and set(inputs.donated) == wanted
        and len(used) == len(inputs.donated) + len(inputs.kept)
        and len(program.optimizers) == len(inputs.owners)
        and len(keep) == len(chosen)
        and jax.sharding.get_abstract_mesh().empty  # else the copy of an array may be of another type than the array
    )
    program.scratch = []
    if not exact:
        # JAX gives each donated array to the first result of its type, and XLA copies what would be overwritten while
        # it is needed: so results stand in the order of what they replace.  A gradient that is cleared before it is
        # looked at is no input, but its memory is.
        reused = (written & unread & index.keys()) - emptied if program.donated else set()
        results = dict.fromkeys([box for box in used if box in wanted])
        results.update(dict.fromkeys(box for box in chosen if box in reused))
        results.update(dict.fromkeys(chosen[i] for i in keep))
        numbers = {box: n for n, box in enumerate(chosen)}
        keep = [numbers[box] for box in results]
        program.written = [index[box] for box in results]
        types = closed.out_avals
        program.scratch = [
            (index[box], jax.ShapeDtypeStruct(types[leaf].shape, types[leaf].dtype))
            for box in results
            if box in reused
            and isinstance(leaf := whole[numbers[box]], int)
            and types[leaf].size * types[leaf].dtype.itemsize >= REUSED
        ]
    places = {id(box): n for n, box in enumerate([*inputs.donated, *inputs.kept])}
    order = [places[id(box)] for box in used if box in wanted] + [places[id(box)] for box in used if box not in wanted]
    shapes = [box._value is not None for box in [*inputs.donated, *inputs.kept]]
    owners_in = [id(o) in survey.numbers for o in inputs.owners]
    sizes = [len(tree_leaves(values)) for _, values in dynamics]
    positions = [*(i for i, _ in lifted), *fed]
    tree = result["tree"]
    outs = len(chosen)
    box_values: list[Any] = [box._value for box in [*inputs.donated, *inputs.kept]]

    def again(
        donated: PyTree,
        kept: PyTree,
        hyper: PyTree,
        seed: PyTree,
        dynamic: PyTree,
        arrays: PyTree,
        scratch: PyTree = (),
    ) -> Any:
        del scratch  # its memory is all that is wanted of it
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
    elif program.scratch:
        program.compiled = jax.jit(flat, donate_argnums=(0, 6), keep_unused=True, **options)
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
