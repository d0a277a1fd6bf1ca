"""What fnn needs to know of JAX's tracing machinery, in one place.

JAX offers no public way to ask "which trace am I in?"; everything that depends on it stands here.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import make_jaxpr
from jax._src import config, core, dtypes, source_info_util
from jax._src.array import ArrayImpl
from jax._src.interpreters import pxla
from jax.tree_util import tree_leaves

from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

_HERE = os.path.dirname(__file__) + os.sep
Tracer = core.Tracer
ARRAYS = (ArrayImpl, core.Tracer)  # what jax.Array stands for; a box is none, whatever its __class__ says
Primitive = core.Primitive  # jax.extend.core has it too, but importing that loads Pallas: 40 ms


def current_trace() -> Any:
    """The innermost active trace; compare with ``is``."""
    return core.trace_ctx.trace


def in_trace(trace: core.Trace) -> Any:
    """A context manager: operations belong to ``trace``, an active one around the innermost."""
    return core.set_current_trace(trace)


def on_default_device(values: np.ndarray) -> Any:
    """A concrete array that takes over host values: `jax.device_put` of these, in a fifth of its time, also in a trace.

    A model has hundreds of small arrays, and what `jax.device_put` looks at before it puts one there takes 30 µs.
    """
    dtype = values.dtype
    quick = _puts() if dtype.kind in "fiub" and dtype.itemsize <= 4 and jax.sharding.get_abstract_mesh().empty else None
    if quick is not None:
        return quick(values)
    array = jax.device_put(values)
    if isinstance(array, Tracer):
        with jax.ensure_compile_time_eval():
            array = jax.device_put(values)
    return array


@functools.cache
def _puts() -> Callable[[np.ndarray], Any] | None:
    """What `jax.device_put` does in the end; None if this JAX does it in another way."""

    def put(values: np.ndarray) -> Any:
        device = pxla.get_default_device()
        aval = core.ShapedArray(values.shape, values.dtype)
        return pxla.batched_device_put(aval, _on(device), [values], [device], committed=False)

    try:
        wanted, found = jax.device_put(_PROBE), put(_PROBE)
        same = found.sharding == wanted.sharding and found.committed == wanted.committed and found.aval == wanted.aval
        return put if same and (np.asarray(found) == _PROBE).all() else None
    except (AttributeError, TypeError):
        return None


_PROBE = np.arange(3, dtype=np.float32)
_on = functools.lru_cache(jax.sharding.SingleDeviceSharding)


def concrete(x: ArrayLike) -> np.ndarray | None:
    """The values of ``x`` for a check, or None while it is traced, or spread over processes, and this one has none."""
    return None if isinstance(x, Tracer) or is_elsewhere(x) else np.asarray(x)


def is_elsewhere(x: object) -> bool:
    """Whether parts of an array are on devices of other processes only."""
    return isinstance(x, ArrayImpl) and not x.is_fully_addressable and not x.is_fully_replicated


def known(x: ArrayLike) -> np.ndarray | None:
    """The values of ``x`` if they do not depend on the inputs of a program that is being traced, else None.

    So the numbers are known that a traced function writes down itself, ``fnn.tensor([1.0, 2.0])``, and what it computes
    of them.  An array from outside of which values are asked becomes a constant of the program (`concretised`).  A
    derivative that is taken of code while it runs knows all of them.
    """
    if not isinstance(x, Tracer):
        return concrete(x)
    root: Any = x
    if not staged(root._trace):
        value = root.to_concrete_value()  # where a derivative is taken of code while it runs
        return None if value is None else concrete(value)
    values: dict[Any, Any] = {}
    stack = [root]
    constants = getattr(root._trace.frame, "constvar_to_val", {})
    while stack:
        tracer = stack[-1]
        if not isinstance(tracer, Tracer) or is_literal(tracer.val) or tracer.val in values:
            stack.pop()
        elif tracer.val in constants:
            constant = known(constants[tracer.val])
            if constant is None:
                return None
            values[tracer.val] = constant
        elif (equation := made_by(tracer)) is None or equation.effects:
            return None
        elif missing := [t for t in equation.in_tracers if not is_literal(t.val) and t.val not in values]:
            stack += missing
        else:
            with jax.ensure_compile_time_eval():
                given = [t.val.val if is_literal(t.val) else values[t.val] for t in equation.in_tracers]
                values.update(zip(equation.outvars, bind(equation, given), strict=True))
    with jax.ensure_compile_time_eval():
        return np.asarray(root.val.val if is_literal(root.val) else values[root.val])


_WATCHED: dict[type, type] = {}


@contextlib.contextmanager
def watched(seen: Callable[[str, Mapping[str, Any], Any, Any], None]) -> Iterator[None]:
    """Inside the ``with`` block ``seen(name, parameters, inputs, outputs)`` is called for each operation traced.

    Only those of the innermost trace are seen, not what loops, branches and transforms inside trace for themselves;
    they are one operation each.  Evaluation that is not traced has none.

    Args:
        seen: its exceptions leave the function that is traced.
    """
    trace = current_trace()
    kind = type(trace)
    if kind not in _WATCHED and kind not in _WATCHED.values():
        _WATCHED[kind] = _watched_kind(kind)
    before = _seen.set({**(_seen.get() or {}), id(trace): seen})
    trace.__class__ = _WATCHED.get(kind, kind)
    try:
        yield
    finally:
        trace.__class__ = kind
        _seen.reset(before)


_seen: ContextVar[dict[int, Any] | None] = ContextVar("fnn_watched", default=None)


def _watched_kind(kind: Any) -> type:
    """A class of traces, with the same name and layout, that tells what it has done."""

    def tell(trace: Any, primitive: Any, params: Mapping[str, Any], inputs: Any, outputs: Any) -> Any:
        (_seen.get() or {})[id(trace)](primitive.name, params, inputs, outputs)
        return outputs

    def process_primitive(self: Any, primitive: Any, tracers: Any, params: Any, /) -> Any:
        return tell(self, primitive, params, tracers, kind.process_primitive(self, primitive, tracers, params))

    def process_custom_jvp_call(self: Any, primitive: Any, fun: Any, jvp: Any, tracers: Any, /, **how: Any) -> Any:
        outputs = kind.process_custom_jvp_call(self, primitive, fun, jvp, tracers, **how)
        return tell(self, primitive, how, tracers, outputs)

    def process_custom_vjp_call(
        self: Any, primitive: Any, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **how: Any
    ) -> Any:
        outputs = kind.process_custom_vjp_call(self, primitive, fun, fwd, bwd, tracers, **how)
        return tell(self, primitive, how, tracers, outputs)

    ways = [process_primitive, process_custom_jvp_call, process_custom_vjp_call]
    return type(kind.__name__, (kind,), {"__slots__": (), **{way.__name__: way for way in ways}})


def is_eager(trace: Any) -> bool:
    """Whether a trace is of a derivative that is taken of code while it runs: what it computes has values."""
    kind, below = type(trace).__name__, type(getattr(trace, "parent_trace", None)).__name__
    return kind in ("JVPTrace", "LinearizeTrace") and below == "EvalTrace"


_QUIET: dict[type, type] = {}
_LOUD: dict[type, type] = {}


class differentiated_by:
    """Inside the ``with`` block the derivative ``trace`` sees what is computed, or takes all of it for constants.

    It is no generator, which would leave the block when nobody holds it any more: a mode may be set by a statement.
    """

    def __init__(self, trace: Any, seen: bool) -> None:
        self._trace, self._seen = trace, seen

    def __enter__(self) -> None:
        self._kind = kind = type(self._trace)
        if kind not in _QUIET and kind not in _LOUD:
            quiet = _quiet_kind(kind)
            _QUIET[kind], _LOUD[quiet] = quiet, kind
        self._trace.__class__ = _LOUD.get(kind, kind) if self._seen else _QUIET.get(kind, kind)

    def __exit__(self, *_: object) -> None:
        self._trace.__class__ = self._kind


def _quiet_kind(kind: Any) -> type:
    """A class of traces of derivatives, with the same name and layout, to which nothing has a tangent."""

    def primals(trace: Any, tracers: Any) -> list[Any]:
        return [trace.to_primal_tangent_pair(tracer)[0] for tracer in tracers]

    def process_primitive(self: Any, primitive: Any, tracers: Any, params: Any, /) -> Any:
        return kind.process_primitive(self, primitive, primals(self, tracers), params)

    def process_call(self: Any, primitive: Any, fun: Any, tracers: Any, params: Any, /) -> Any:
        return kind.process_call(self, primitive, fun, primals(self, tracers), params)

    def process_custom_jvp_call(self: Any, primitive: Any, fun: Any, jvp: Any, tracers: Any, /, **how: Any) -> Any:
        return kind.process_custom_jvp_call(self, primitive, fun, jvp, primals(self, tracers), **how)

    def process_custom_vjp_call(
        self: Any, primitive: Any, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **how: Any
    ) -> Any:
        return kind.process_custom_vjp_call(self, primitive, fun, fwd, bwd, primals(self, tracers), **how)

    ways = [process_primitive, process_call, process_custom_jvp_call, process_custom_vjp_call]
    return type(kind.__name__, (kind,), {"__slots__": (), **{way.__name__: way for way in ways}})


def alive(tracer: core.Tracer) -> bool:
    """Whether a traced value belongs to the innermost trace or to one around it."""
    trace = current_trace()
    while trace is not None:
        if tracer._trace is trace:
            return True
        trace = getattr(trace, "parent_trace", None)
    return False


# What a program is staged out for (its debug_info), in the words of messages.
_NAMES = {
    "scan": "a raw jax.lax.scan or jax.lax.map",
    "fori_loop": "a raw jax.lax.fori_loop",
    "while_cond": "a raw jax.lax.while_loop",
    "while_body": "a raw jax.lax.while_loop",
    "cond": "a raw jax.lax.cond",
    "switch": "a raw jax.lax.switch",
    "checkpoint / remat": "a raw jax.checkpoint",
    "remat": "a raw jax.checkpoint",
    "jit": "a raw jax.jit, jax.eval_shape or jax.make_jaxpr",
}


def repeating(outer: object) -> str | None:
    """The transform between the trace ``outer`` and the innermost one whose body may run more often than it is traced.

    A loop or a batch does.  So does whatever JAX stages out (jit, cond, checkpoint): it keeps what it traced of a
    function and uses it again where the function comes again.  Not so derivatives, and rules of custom ones.
    """
    trace = current_trace()
    while trace is not None and trace is not outer:
        kind = type(trace).__name__
        if kind == "BatchTrace":
            return "a raw jax.vmap"
        if kind == "DynamicJaxprTrace":
            label = str(getattr(getattr(getattr(trace, "frame", None), "debug_info", None), "traced_for", None))
            if not label.startswith("custom_"):
                return _NAMES.get(label, f"a raw JAX transform ({label})")
        trace = getattr(trace, "parent_trace", None)  # None on the ground: eager evaluation
    return None


def tracing() -> bool:
    """Whether any JAX transformation is being traced in this thread."""
    return not core.trace_state_clean()


def transposition(x: object) -> tuple[int, ...] | None:
    """The permutation if ``x`` was certainly made by a transposition, else None: a hint, never wrong."""
    while isinstance(x, Tracer) and hasattr(x, "primal"):
        x = x.primal
    made_by = getattr(x, "parent", None)
    if getattr(getattr(made_by, "primitive", None), "name", None) != "transpose":
        return None
    return getattr(made_by, "params", {}).get("permutation")


def differentiated(x: object) -> bool:
    """Whether ``x`` is certainly part of a derivative that is being taken."""
    return isinstance(x, Tracer) and hasattr(x, "primal")


def surely_constant(x: object) -> bool:
    """Whether ``x`` is certainly not differentiated by the innermost trace: it does not belong to it."""
    return not (isinstance(x, Tracer) and x._trace is current_trace())


def eval_jaxpr(closed: core.ClosedJaxpr, consts: list[Any], *args: object) -> list[Any]:
    """Evaluates a closed jaxpr with other constants in place of its own."""
    return core.eval_jaxpr(closed.jaxpr, consts, *args)


def scan_counts(params: Mapping[str, Any]) -> tuple[int, int]:
    """How many constants and how many carried values the equation of a ``scan`` has, by its parameters."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carry, _ = params["ft_in"].unpack()  # from JAX 0.11 on
    return len(consts), len(carry)


def bind(equation: Any, values: list[Any]) -> list[Any]:
    """Evaluates one equation of a jaxpr, under its names and settings."""
    given = equation.primitive.get_bind_params(equation.params)
    functions, params = given if isinstance(given, tuple) else ((), given)  # a pair before JAX 0.9
    source = equation.source_info
    names = source_info_util.current_name_stack() + source.name_stack
    with source_info_util.user_context(source.traceback, name_stack=names), equation.ctx.manager:
        out = equation.primitive.bind(*functions, *values, **params)
    return list(out) if equation.primitive.multiple_results else [out]


def rewritten(jaxpr: Any, evaluator: Callable[[Any], Callable[..., list[Any]]]) -> Any:
    """A jaxpr that computes what ``evaluator(closed)(consts, *args)`` does; closed or open as ``jaxpr`` is."""
    is_open = not hasattr(jaxpr, "consts") or not hasattr(jaxpr, "jaxpr")
    closed = core.ClosedJaxpr(jaxpr, ()) if is_open else jaxpr
    run = evaluator(closed)
    shapes = [v.aval for v in closed.jaxpr.invars]
    new = make_jaxpr(lambda *args: run(closed.consts, *args))(*shapes)
    if not is_open:
        return new
    if new.consts:
        raise ArgumentError(
            f"fnn.backward: an array is made in the body of a {jaxpr.debug_info.traced_for}, where a derivative is "
            "taken; make it outside"
        )
    return new.jaxpr


def staged(trace: Any = None) -> bool:
    """Whether operations of ``trace`` (the innermost one) become equations of a jaxpr."""
    return type(current_trace() if trace is None else trace).__name__ == "DynamicJaxprTrace"


def compiling_constants() -> bool:
    """Whether a concrete array that is used now becomes a constant of what `jax.jit` compiles, and is no argument."""
    trace = current_trace()
    while trace is not None:
        if staged(trace) and getattr(getattr(trace.frame, "debug_info", None), "traced_for", None) == "jit":
            return True
        trace = getattr(trace, "parent_trace", None)
    return False


def as_traced(x: Any) -> Any:
    """A concrete array as a constant of the innermost program that is being traced, if there is one."""
    trace = current_trace()
    while trace is not None and not staged(trace):
        trace = getattr(trace, "parent_trace", None)
    return x if trace is None else trace.to_jaxpr_tracer(x, source_info_util.current())


def variable(x: object) -> Any:
    """The variable of the innermost trace, which must be `staged`, that stands for ``x``; None if it has not met it."""
    trace = current_trace()
    if not isinstance(x, Tracer) or x._trace is not trace:
        x = trace.frame.constid_to_tracer.get(id(x))
    return getattr(x, "val", None)


def is_literal(atom: object) -> bool:
    """Whether an operand of an equation is a number written into it, and no variable."""
    return isinstance(atom, core.Literal)


def made_by(tracer: Any) -> Any:
    """The equation, with ``in_tracers``, of which a value of a `staged` trace is a result; None for an input."""
    return tracer.parent


def stack(equation: Any) -> list[tuple[str, bool]]:
    """The scopes and transforms in which an equation was made, from the outermost on: name, whether a transform."""
    parts = equation.source_info.name_stack.stack
    return [(str(getattr(part, "name", "")), type(part).__name__ == "Transform") for part in parts]


def written_at(equation: Any) -> str:
    """The line of the user's code that made an equation, ``file:line (function)``; empty if it is not known."""
    info = equation.source_info
    try:
        try:
            frames = list(source_info_util.user_frames(info.traceback))
        except AttributeError:  # before JAX 0.8.1
            frames = list(source_info_util.user_frames(info))
    except Exception:
        return ""
    chosen = next((f for f in frames if not f.file_name.startswith(_HERE)), frames[0] if frames else None)
    return "" if chosen is None else f"{chosen.file_name}:{chosen.start_line} ({chosen.function_name})"


def differentiating(outer: object) -> bool:
    """Whether a derivative is being taken by a transform between the trace ``outer`` and the innermost one."""
    trace = current_trace()
    while trace is not None and trace is not outer:
        if type(trace).__name__ in ("JVPTrace", "LinearizeTrace"):
            return True
        trace = getattr(trace, "parent_trace", None)
    return False


def context() -> Any:
    """The settings of JAX's on which a traced program depends; hashable."""
    return config.trace_context()


def checks_numbers() -> bool:
    """Whether JAX looks for NaN or infinities after each program, and may then run it once more."""
    return bool(config.debug_nans.value or config.debug_infs.value)


def check_numbers(results: object, again: Callable[[], Any]) -> None:
    """Raises if there is a NaN or an infinity among ``results`` that JAX was told to look for.

    Args:
        results: a nest of arrays.
        again: computes them operation by operation, where JAX finds the first one that is at fault.

    Raises:
        FloatingPointError: there is one.
    """
    for value in tree_leaves(results):
        if value.size and jnp.issubdtype(value.dtype, jnp.inexact):
            numbers = np.asarray(value.astype(jnp.float32) if value.dtype.itemsize < 4 else value)
            for name, wanted, found in (
                ("nan", config.debug_nans.value, np.isnan(numbers)), ("inf", config.debug_infs.value, np.isinf(numbers))
            ):  # fmt: skip
                if wanted and found.any():
                    again()
                    raise FloatingPointError(f"invalid value ({name}) encountered in a result of the step")


_CALLBACKS = frozenset({"pure_callback", "io_callback", "debug_callback", "debug_print"})


def calls_back(jaxpr: core.Jaxpr) -> bool:
    """Whether a jaxpr calls Python while it runs, which may raise."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in _CALLBACKS:
            return True
        for parameter in equation.params.values():
            for inner in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
                inner = getattr(inner, "jaxpr", inner)
                if isinstance(inner, core.Jaxpr) and calls_back(inner):
                    return True
    return False


_concrete: ContextVar[list[Any] | None] = ContextVar("fnn_concrete", default=None)
_watching = threading.Lock()
_watchers = 0
_NUMBERS = "_value"  # the property of an array that fetches its numbers for Python
_numbers: Any = ArrayImpl._value


def _noted(self: ArrayImpl) -> Any:
    found = _concrete.get()
    if found is not None:
        found.append(self)
    return _numbers.fget(self)


@contextlib.contextmanager
def concretised(found: list[Any]) -> Iterator[None]:
    """Inside the ``with`` block the arrays of whose numbers Python asks are appended to ``found``."""
    global _watchers
    with _watching:
        _watchers += 1
        setattr(ArrayImpl, _NUMBERS, property(_noted))
    token = _concrete.set(found)
    try:
        yield
    finally:
        _concrete.reset(token)
        with _watching:
            _watchers -= 1
            if not _watchers:
                setattr(ArrayImpl, _NUMBERS, _numbers)


_canonical = getattr(dtypes, "canonicalize_value", None)  # from JAX 0.9 on
# By the id of the array: the array, so that the id stays its own, a copy of what it held, and the constant.
_copied: ContextVar[dict[int, tuple[np.ndarray, np.ndarray, Any]] | None] = ContextVar("fnn_copied", default=None)
_copiers = 0


def _copied_numpy(value: Any) -> Any:
    copies = _copied.get()
    if copies is None or type(value) is not np.ndarray:
        return cast(Any, _canonical)(value)
    known = copies.get(id(value))
    if known is None or not _alike(known[1], value):
        content = value.copy()
        known = copies[id(value)] = value, content, cast(Any, _canonical)(content)
    return known[2]


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@contextlib.contextmanager
def copied_numpy() -> Iterator[None]:
    """Inside the ``with`` block a numpy array becomes a constant with what it holds when it is used.

    JAX takes the array itself, or remembers what it converted it to by its identity: one that is written to in place
    would be another constant later, or the old one in the next trace.
    """
    global _copiers
    if _canonical is None:
        yield
        return
    with _watching:
        _copiers += 1
        dtypes.canonicalize_value = _copied_numpy
    token = _copied.set({})
    try:
        yield
    finally:
        _copied.reset(token)
        with _watching:
            _copiers -= 1
            if not _copiers:
                dtypes.canonicalize_value = _canonical


def register_array_like(cls: type, look: Callable[[Any], Any], take: Callable[[Any], Any]) -> None:
    """Lets JAX's primitives take instances of ``cls`` for arrays.

    JAX before 0.10.1 has no such conversion: there a primitive refuses them, as it does any other object.

    Args:
        cls: the class.
        look: the array of an instance, of which only the type is asked.
        take: the array of an instance, to compute with.
    """
    if hasattr(dtypes, "register_canonicalize_value_handler"):
        dtypes.register_canonicalize_value_handler(cls, take)
        core.pytype_aval_mappings[cls] = lambda x: core.typeof(look(x))
