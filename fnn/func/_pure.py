"""From Modules to pure functions: `split`, `functional_call`, `stack_module_state`, `pure`."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn import random
from fnn._trace import Tracer
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._function import check_function
from fnn.layers.layer import Layer
from fnn.nn import Module
from fnn.state.box import Box
from fnn.state.gather import Identity
from fnn.state.names import Nested, flatten, nest
from fnn.state.parameter import Parameter, is_lazy
from fnn.state.scope import Scope, current_scope, opened


def split(module: Module) -> tuple[Nested, Nested]:
    """The arrays of a Module: ``(params, state)``, nested dicts under its names.

    A tied parameter appears once, under its first name. They are what `pure`'s ``init`` returns, and what
    `functional_call` accepts.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> params, state = fnn.split(nn.Sequential(nn.Linear(2, 3)))
        >>> params["0"]["weight"].shape
        (3, 2)
    """
    if not isinstance(module, Module):
        raise ArgumentTypeError(f"split: expected a Module, got {module!r}")
    params = {name: box.data for name, box in module.named_parameters()}
    state = {name: box.data for name, box in module.named_buffers()}
    return nest(params), nest(state)


def _paths(module: Module) -> dict[str, tuple[Module, str, Box]]:
    """Every path to a box: ``{dotted name: (owner, attribute, box)}``, repeated ones included."""
    found = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        for table in (owner._parameters, owner._buffers):
            for name, box in table.items():
                if box is not None:
                    found[f"{path}.{name}" if path else name] = (owner, name, box)
    return found


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Calls ``module`` with other values for its parameters and buffers.

    The module is not touched: not by an exception, nor for another thread, nor where a weight is tied. What the call
    writes to a buffer that is in the given dict appears in that dict.

    Args:
        module: the Module.
        parameter_and_buffer_dicts: ``{name: array}``, or several such dicts with different names. Boxes that are not
            named keep the module's values. Nested dicts, as from `split`, are accepted.
        args: the positional arguments: a tuple, or a single argument.
        kwargs: the keyword arguments.
        tie_weights: whether a value given under one name of a tied parameter holds for all its names.
        strict: whether every parameter and buffer must be given, and no other name.

    Returns:
        What ``module(*args, **kwargs)`` returns.

    Raises:
        ArgumentError: a name is unknown, given twice or (``strict``) missing, or tied names have different values.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func, nn
        >>> layer = nn.Linear(1, 1)
        >>> y = func.functional_call(layer, {"weight": jnp.full((1, 1), 2.0), "bias": jnp.ones(1)}, (jnp.ones((1, 1)),))
        >>> print(y)
        [[3.]]
    """
    dicts = parameter_and_buffer_dicts
    if isinstance(dicts, Mapping):
        dicts = [dicts]
    elif not (isinstance(dicts, Sequence) and all(isinstance(d, Mapping) for d in dicts)):
        raise ArgumentTypeError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    given: dict[str, Any] = {}
    for part in dicts:
        for name, value in flatten(part).items():
            if name in given:
                raise ArgumentError(
                    f"['{name}'] appeared in multiple dictionaries; behavior of functional call is ambiguous"
                )
            given[name] = value
    paths = _paths(module)
    _check_names(module, given, paths, strict, tie_weights)
    scope = Scope(parent=current_scope())
    _bind(scope, given, paths, tie_weights)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with opened(scope):
        out = module(*args, **(kwargs or {}))
    _reflect(scope, dicts, paths)
    return out


def _check_names(module: Module, given: dict[str, Any], paths: dict[str, Any], strict: bool, tie: bool) -> None:
    unexpected = [name for name in given if name not in paths]
    if unexpected and not strict:
        raise ArgumentError(
            f"functional_call: {type(module).__name__} has no parameter or buffer named {unexpected}; "
            f"it has {list(paths)}"
        )
    if strict:
        bound = {id(paths[name][2]) for name in given if name in paths} if tie else set()
        missing = [name for name, (_, _, box) in paths.items() if name not in given and id(box) not in bound]
        if missing or unexpected:
            message = "Error(s) in loading state_dict for functional_call:"
            message += f"\n\tUnexpected key(s): {', '.join(map(repr, unexpected))}." if unexpected else ""
            message += f"\n\tMissing key(s): {', '.join(map(repr, missing))}." if missing else ""
            raise ArgumentError(message)


def _bind(scope: Scope, given: dict[str, Any], paths: dict[str, Any], tie_weights: bool) -> None:
    names: dict[Box, str] = {}
    for name, value in given.items():
        owner, attribute, box = paths[name]
        value = value.data if isinstance(value, Box) else to_array(value, name, "functional_call: ")
        if box not in names:
            names[box] = name
            shared = [other for other, (_, _, b) in paths.items() if b is box and other != name]
            if tie_weights or not shared:
                scope.values[box] = value
                continue
        elif tie_weights:
            if value is not scope.values[box]:
                raise ArgumentError(
                    f"functional_call got multiple values for keys ['{names[box]}', '{name}'], which are tied. "
                    "Consider using tie_weights=False"
                )
            continue
        # By path: reading this attribute of this module yields a box of its own.
        substitute = copy.copy(box) if not isinstance(box, Parameter) else Parameter(box._value, box._requires_grad)
        key = (id(owner), attribute)
        overrides = dict(scope.overrides or {})
        if key in overrides and scope.values.get(overrides[key]) is not value:
            raise ArgumentError(
                f"functional_call: '{name}' is reached by two paths of one and the same module and "
                "cannot have two values"
            )
        overrides[key] = substitute
        scope.overrides = overrides
        scope.values[substitute] = value


def _reflect(scope: Scope, dicts: Sequence[Mapping[str, Any]], paths: dict[str, Any]) -> None:
    """Puts what was written into the dicts that named it; writes to other boxes go to the scope around."""
    from fnn.state.scope import write_out

    by_box: dict[Box, list[str]] = {}
    for name, (owner, attribute, box) in paths.items():
        bound = (scope.overrides or {}).get((id(owner), attribute))
        by_box.setdefault(box if bound is None else bound, []).append(name)
    rest = []
    for box in scope.written:
        placed = False
        for part in dicts:
            for name in by_box.get(box, ()):
                placed |= _store(part, name, scope.values[box])
        if not placed and box._born < scope.serial:
            rest.append(box)
    write_out(rest, [scope.values[box] for box in rest])


def _store(tree: Any, name: str, value: Any) -> bool:
    if name in tree:
        tree[name] = value
        return True
    head, _, rest = name.partition(".")
    return bool(rest) and isinstance(tree.get(head), dict) and _store(tree[head], rest, value)


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of several alike Modules, stacked along a new first axis, for `vmap` over `functional_call`.

    Args:
        models: at least one Module, all of one class and in one mode.

    Returns:
        ``(params, buffers)``: ``{name: array of shape (len(models), *shape)}``.
    """
    models = list(models)
    if not models:
        raise ArgumentError("stack_module_state: Expected at least one model, got 0.")
    if any(m.training != models[0].training for m in models):
        raise ArgumentError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise ArgumentError("stack_module_state: Expected all models to be of the same class.")
    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]

    def stacked(parts: list[dict[str, Any]]) -> dict[str, Any]:
        for part in parts[1:]:
            if {k: v.shape for k, v in part.items()} != {k: v.shape for k, v in parts[0].items()}:
                raise ArgumentError(
                    "stack_module_state: Expected all models to have arrays of the same names and shapes."
                )
        return {name: jnp.stack([part[name].data for part in parts]) for name in parts[0]}

    return stacked(params), stacked(buffers)


class PureModule(Layer):
    """The pair of a Module class: ``init`` runs its constructor, ``apply`` its forward.

    Made by `pure`; hashable and static, as every layer is.
    """

    RANDOM: ClassVar[bool] = True  # its forward may draw

    factory: Callable
    arguments: tuple
    keywords: tuple

    def _construct(self) -> Module:
        module = self.factory(*map(_plain, self.arguments), **{k: _plain(v) for k, v in self.keywords})
        if not isinstance(module, Module):
            raise ArgumentTypeError(f"pure: {self.factory!r} made {type(module).__name__}, expected a Module")
        return module

    def init(self, key: Any, *inputs: Any, **kwargs: Any) -> tuple[Nested, Nested]:
        """Builds the module under ``key``.

        Args:
            key: a JAX key or a Generator.
            *inputs: an example of the inputs, needed where a lazy module infers its shapes from them.
            **kwargs: keyword arguments of ``forward``.

        Returns:
            ``(params, state)``, as `split` gives them.
        """
        stream = random.stream(key)
        scope = Scope(parent=current_scope())
        with random.constructing(key), random.ambient(stream), opened(scope):
            module = self._construct()
            if _is_lazy(module):
                if not inputs and not kwargs:
                    raise ArgumentError(
                        "pure: a lazy module needs an example input: layer.init(key, example), "
                        "since its shapes are not known yet"
                    )
                _materialise(module, inputs, kwargs)
            return split(module)

    def apply(
        self, params: Nested, state: Nested, *inputs: Any, training: bool = False, key: Any = None, **kwargs: Any
    ) -> tuple[Any, Nested]:
        """Runs ``forward`` with these parameters and this state; pure."""
        module = _template(self, training, inputs, kwargs)
        boxes = dict(module.named_parameters())
        buffers = dict(module.named_buffers())
        values: dict[Box, Any] = {}
        for what, tree, known in (("params", params, boxes), ("state", state, buffers)):
            flat = flatten(tree)
            if flat.keys() != known.keys():
                missing, extra = sorted(known.keys() - flat.keys()), sorted(flat.keys() - known.keys())
                raise ArgumentError(f"{what} does not fit: missing {missing}, unexpected {extra}")
            for name, box in known.items():
                values[box] = flat[name].data if isinstance(flat[name], Box) else flat[name]
        scope = Scope(values, current_scope())
        provider = random.stream(key) if key is not None else _missing_key
        with random.ambient(provider), opened(scope):
            out = module(*inputs, **kwargs)
        return out, nest({name: scope.values[box] for name, box in buffers.items()})

    def extra_repr(self) -> str:
        """The module's class and arguments."""
        return f"{getattr(self.factory, '__name__', self.factory)}"


def _missing_key() -> Any:
    return random.resolve(None, "a module in apply")


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Identity) else value


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return Identity(value)
    return value


def _is_lazy(module: Module) -> bool:
    return any(is_lazy(box) for m in module.modules() for box in (*m._parameters.values(), *m._buffers.values()))


def _materialise(module: Module, inputs: tuple, kwargs: dict[str, Any]) -> None:
    """Runs forward once, for the shapes alone: what the trial call writes is forgotten."""
    scope = Scope(parent=current_scope())
    with opened(scope):
        module(*inputs, **kwargs)


def _materialised(layer: PureModule, module: Module, inputs: tuple, kwargs: dict[str, Any]) -> Module:
    """A lazy template with its shapes: the parameters may since have been cast, and the inputs with them."""
    failure: ArgumentError | None = None
    for dtype in (None, jnp.float32, jnp.bfloat16, jnp.float16):
        try:
            _materialise(module, *_cast((inputs, kwargs), dtype))
            return module
        except ArgumentError as error:
            failure = failure or error
            module = layer._construct()
    assert failure is not None
    raise failure


def _cast(tree: Any, dtype: Any) -> Any:
    if dtype is None:
        return tree

    def one(x: Any) -> Any:
        return x.astype(dtype) if hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating) else x

    return jax.tree.map(one, tree)


_templates: dict[Any, Module] = {}
_templates_lock = threading.Lock()


def _template(layer: PureModule, training: bool, inputs: tuple, kwargs: dict[str, Any]) -> Module:
    """A Module of this structure, whose boxes' own values are never used."""
    training = bool(training)
    module = _templates.get((layer, training))
    if module is None:
        with _templates_lock:
            module = _build_template(layer, inputs, kwargs).train(training)
            _templates[(layer, training)] = module
    return module


def _build_template(layer: PureModule, inputs: tuple, kwargs: dict[str, Any]) -> Module:
    made: list[Module] = []

    def construct(key: Any, inputs: tuple, kwargs: dict[str, Any]) -> None:
        with random.constructing(key), random.ambient(random.stream(key)):
            module = layer._construct()
            if _is_lazy(module):
                module = _materialised(layer, module, inputs, kwargs)
        made.append(module)

    # Abstractly: nothing is computed, however large the model.
    jax.eval_shape(construct, jax.random.key(0), inputs, kwargs)
    if any(_holds_tracer(value) for m in made[0].modules() for value in vars(m).values()):
        # An array kept as a plain attribute is a constant of the forward pass, so it must be real.
        with jax.ensure_compile_time_eval():
            construct(jax.random.key(0), inputs, kwargs)
    for m in made[-1].modules():
        for box in (*m._parameters.values(), *m._buffers.values()):
            if box is not None:
                box._value = jax.ShapeDtypeStruct(box._value.shape, box._value.dtype)
                box._born = 0
    return made[-1]


def _holds_tracer(value: Any) -> bool:
    if isinstance(value, (Box, Module)):
        return False
    if isinstance(value, dict):
        return any(map(_holds_tracer, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_holds_tracer, value))
    return isinstance(value, Tracer)


def pure(factory: Callable[..., Module]) -> Callable[..., PureModule]:
    """Turns a Module class into a maker of pure layers.

    Args:
        factory: a Module class, or any function that returns a Module.

    Returns:
        A function of the constructor's arguments that returns a `Layer`: ``init(key) -> (params, state)`` runs the
        constructor under ``key`` (under ``jax.jit(layer.init, out_shardings=...)`` the model is sharded from birth),
        ``apply(params, state, *inputs, training=False, key=None) -> (output, state)`` runs ``forward``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> layer = fnn.pure(nn.Linear)(2, 3)
        >>> params, state = layer.init(jax.random.key(0))
        >>> y, state = layer.apply(params, state, jnp.ones((4, 2)))
        >>> y.shape
        (4, 3)
    """
    if isinstance(factory, Module):
        raise ArgumentTypeError(
            f"pure: expected a Module class or function, got an instance of {type(factory).__name__}; for an existing "
            "module use fnn.split and fnn.func.functional_call"
        )
    check_function(factory, "pure")

    @functools.wraps(factory, updated=())
    def make(*args: Any, **kwargs: Any) -> PureModule:
        return PureModule(factory, tuple(map(_hashable, args)), tuple((k, _hashable(v)) for k, v in kwargs.items()))

    return make
