"""A rehearsal of a model: its jaxpr, and which call of which part each equation comes from.

The model runs once under `jax.make_jaxpr`, so nothing is computed.  Parameters, buffers and random numbers are
abstract inputs; what the model writes goes to a scope that is thrown away.  Every call of a submodule (or of a
layer inside a combinator) opens a `jax.named_scope` with the call's number, by which an equation finds its call.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from fnn import random
from fnn.dtypes import canonical
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func.pure_module import PureModule, template
from fnn.layers.combinators import Named, WithoutState
from fnn.layers.layer import Layer, Params, State, field_names
from fnn.layers.repetition import Remat, Repeat
from fnn.nn import Module
from fnn.state.box import Box
from fnn.state.scope import Scope, current_scope, opened
from fnn.typing import ArrayLike, DType
from fnn.utils._parts import Part, described, layer_part, module_part, refuse_lazy, shape_of, typed

if TYPE_CHECKING:
    from jax.extend.core import JaxprEqn


_PREFIX = "fnn_call_"


@dataclasses.dataclass(eq=False)
class Call:
    """One call of a part."""

    number: int
    part: Part
    parent: Call | None
    inputs: list[Any]
    outputs: list[Any] = dataclasses.field(default_factory=list)
    is_leaf: bool = True


@dataclasses.dataclass(eq=False)
class Rehearsal:
    """What the trial run brought to light."""

    root: Part
    calls: list[Call]
    jaxpr: Any  # None if there were no inputs
    names: list[str]  # of the jaxpr's inputs

    def call_of(self, equation: JaxprEqn, around: Call | None) -> Call | None:
        """The innermost call that an equation belongs to; ``around`` is that of the equation it is inside of."""
        for entry in reversed(equation.source_info.name_stack.stack):
            name = getattr(entry, "name", "")
            if name.startswith(_PREFIX):
                return self.calls[int(name.removeprefix(_PREFIX))]
        return around


_active: ContextVar[_Recorder | None] = ContextVar("fnn_rehearsal", default=None)


class _Recorder:
    """Notes the calls of one rehearsal."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.open: list[tuple[Call, Any]] = []
        self.parts: dict[int, Part] = {}
        self.hooks = ExitStack()

    def watch(self, root: Part) -> None:
        """Registers hooks on the Modules of a tree; they do nothing outside this rehearsal."""
        for part in root.walk():
            if isinstance(part.value, Module) and part.shared_with is None:
                self.parts[id(part.value)] = part
                self.hooks.enter_context(
                    part.value.register_forward_pre_hook(self._before, prepend=True, with_kwargs=True)
                )
                self.hooks.enter_context(part.value.register_forward_hook(self._after))

    def _before(self, module: object, args: object, kwargs: object) -> None:
        if _active.get() is self:
            self.enter(self.parts[id(module)], (args, kwargs))

    def _after(self, module: object, args: object, output: object) -> None:
        del module
        if _active.get() is self:
            self.open[-1][0].inputs = described(args) or self.open[-1][0].inputs
            self.exit(output)

    def enter(self, part: Part, inputs: object) -> None:
        """A call begins."""
        parent = self.open[-1][0] if self.open else None
        if parent is not None:
            parent.is_leaf = False
        call = Call(len(self.calls), part, parent, described(inputs))
        self.calls.append(call)
        scope = jax.named_scope(f"{_PREFIX}{call.number}")
        scope.__enter__()
        self.open.append((call, scope))

    def exit(self, output: object) -> None:
        """The innermost call ends."""
        call, scope = self.open.pop()
        scope.__exit__(None, None, None)
        call.outputs = described(output)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """While it is open, calls are noted; afterwards the hooks are gone."""
        token = _active.set(self)
        try:
            with self.hooks:
                yield
        finally:
            _active.reset(token)
            while self.open:  # forward raised
                self.open.pop()[1].__exit__(None, None, None)


class Watched(Layer):
    """A layer that notes its calls."""

    layer: Layer
    part: Any
    recorder: Any

    def init(self, key: Any, *inputs: Any, **options: Any) -> tuple[Params, State]:
        """The layer's own."""
        return self.layer.init(key, *inputs, **options)

    def apply(self, params: Params, state: State, *inputs: Any, **options: Any) -> tuple[Any, State]:
        """The layer's own, as a call."""
        self.recorder.enter(self.part, inputs)
        if isinstance(self.layer, PureModule):
            keywords = {name: value for name, value in options.items() if name not in ("training", "key")}
            module = template(self.layer, options.get("training", False), inputs, keywords)
            inner = module_part(module, self.part.path, self.part.name, self.part.depth, {})
            self.part.children = inner.children
            for part in inner.children:
                self.recorder.watch(part)
        output, new = self.layer.apply(params, state, *inputs, **options)
        self.recorder.exit(output)
        return output, new

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "layer"), name)

    def __repr__(self) -> str:
        return repr(self.layer)


def rehearse(model: object, inputs: tuple, kwargs: dict[str, Any], dtype: DType | None, where: str) -> Rehearsal:
    """Runs ``model`` without computing anything.

    Args:
        model: a Module or a functional layer.
        inputs: arrays, `jax.ShapeDtypeStruct`s, shapes (sequences of ints), or pytrees of the first two.
        kwargs: keyword arguments of forward.
        dtype: what a shape stands for; None: the dtype of the model's first floating parameter.
        where: the caller's name, for errors.
    """
    recorder = _Recorder()
    if isinstance(model, WithoutState):
        model = model.layer
    if isinstance(model, Module):
        refuse_lazy(model, where)
        root = module_part(model, "", "", 0, {})
        floats = [box.dtype for box in root.parameters if jnp.issubdtype(box.dtype, jnp.floating)]
        inputs = typed(inputs, canonical(dtype or (floats or [None])[0], f"{where}: "), where)
    elif isinstance(model, Layer):
        inputs = typed(inputs, canonical(dtype, f"{where}: "), where)
        examples = (inputs, kwargs) if isinstance(model, PureModule) else ((), {})
        abstract = _Abstract(*examples)
        arrays = jax.eval_shape(lambda key, xs: abstract.call(model.init, (key,), xs), _key(), abstract.shapes)
        root = layer_part(model, "", "", 0, arrays)
    else:
        hint = f"; build it first: {model.__name__}(...)" if isinstance(model, type) else ""
        raise ArgumentTypeError(f"{where}: expected a fnn.nn.Module or a layer of fnn.layers, got {model!r}{hint}")
    if not inputs and not kwargs:
        return Rehearsal(root, [], None, [])
    run: Callable[..., Any] = _module_run if isinstance(model, Module) else _layer_run
    with recorder.recording():
        jaxpr, names = run(model, recorder, root, _Abstract(inputs, kwargs))
    return Rehearsal(root, recorder.calls, jaxpr, names)


def _key() -> Any:
    return jax.eval_shape(jax.random.key, 0)


class _Abstract:
    """Arguments of a call: arrays as shapes, everything else as it is."""

    def __init__(self, args: tuple, kwargs: dict[str, Any]) -> None:
        found, self.structure = jax.tree_util.tree_flatten_with_path((args, kwargs), is_leaf=_is_box)
        self.leaves = [leaf for _, leaf in found]
        self.dynamic = [i for i, x in enumerate(self.leaves) if hasattr(x, "shape") and hasattr(x, "dtype")]
        self.shapes = [shape_of(self.leaves[i]) for i in self.dynamic]
        self.names = [_input_name(found[i][0]) for i in self.dynamic]

    def call(self, fn: Callable[..., Any], before: tuple, arrays: list[Any]) -> Any:
        """``fn(*before, *args, **kwargs)``, with these arrays in their places."""
        filled = list(self.leaves)
        for i, array in zip(self.dynamic, arrays, strict=True):
            filled[i] = array
        args, kwargs = jax.tree.unflatten(self.structure, filled)
        return fn(*before, *args, **kwargs)


def _is_box(x: ArrayLike) -> bool:
    return isinstance(x, Box)


def _input_name(path: tuple[Any, ...]) -> str:
    keys = [str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", k)))) for k in path]
    return "_".join(["input", *keys[1:]])


def _module_run(module: Module, recorder: _Recorder, root: Part, inputs: _Abstract) -> tuple[Any, list[str]]:
    boxes = dict([*module.named_parameters(), *module.named_buffers()])

    def run(values: list[Any], key: Any, arrays: list[Any]) -> Any:
        scope = Scope(dict(zip(boxes.values(), values, strict=True)), current_scope())
        with random.ambient(random.stream(key)), opened(scope):
            return inputs.call(module, (), arrays)

    recorder.watch(root)
    jaxpr = jax.make_jaxpr(run)([shape_of(box) for box in boxes.values()], _key(), inputs.shapes)
    return jaxpr, [*boxes, "key", *inputs.names]


def _layer_run(layer: Layer, recorder: _Recorder, root: Part, inputs: _Abstract) -> tuple[Any, list[str]]:
    watched = _watched(layer, root, recorder)

    def run(values: Any, key: Any, arrays: list[Any]) -> Any:
        apply = functools.partial(watched.apply, training=False, key=key)
        return inputs.call(apply, values, arrays)[0]

    jaxpr = jax.make_jaxpr(run)(root.arrays, _key(), inputs.shapes)
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(root.arrays)[0]]
    return jaxpr, [*(".".join(str(k.key) for k in path[1:]) for path in paths), "key", *inputs.names]


def _watched(layer: Layer, part: Part, recorder: _Recorder) -> Layer:
    """The layer, and every layer in its fields, as ones that note their calls."""
    changes: dict[str, Any] = {}
    inner = () if isinstance(layer, PureModule) else field_names(type(layer))
    for field in inner:
        value = getattr(layer, field)
        if isinstance(value, Layer):
            changes[field] = _child(layer, field, value, part, recorder)
        elif isinstance(value, tuple) and value and all(isinstance(v, Layer) for v in value):
            changes[field] = tuple(_child(layer, str(i), v, part, recorder) for i, v in enumerate(value))
    try:
        layer = layer.replace(**changes) if changes else layer
    except (ArgumentError, TypeError):  # a layer of the user's that insists on the type of its parts
        part.children = []
    return Watched(layer, part, recorder)


def _child(parent: Layer, name: str, layer: Layer, part: Part, recorder: _Recorder) -> Layer:
    if isinstance(layer, Named):
        return Named(layer.name, _child(parent, layer.name, layer.layer, part, recorder))
    name = parent.name if isinstance(parent, Named) else name
    # Repeat and Remat hand their own parameters on; others nest them under the part's name.
    transparent = isinstance(parent, (Repeat, Remat))
    arrays = part.arrays if transparent else tuple(tree.get(name, {}) for tree in part.arrays)
    path = f"{part.path}.{name}" if part.path else name
    child = layer_part(layer, path, name, part.depth + 1, arrays)
    part.children.append(child)
    return _watched(layer, child, recorder)
