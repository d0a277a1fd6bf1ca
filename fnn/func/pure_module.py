"""`pure`: a Module class as a pair of pure functions."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._function import check_function
from fnn.func._functional import Method, called
from fnn.func._split import Flat, split
from fnn.layers.layer import Layer
from fnn.nn import Module
from fnn.state.box import Box
from fnn.state.describe import Identity
from fnn.state.names import flatten
from fnn.state.parameter import is_lazy
from fnn.state.scope import Scope, current_scope, opened
from fnn.tracing import Tracer
from fnn.typing import DType, PyTree


class PureModule(Layer):
    """The pair of a Module class: ``init`` runs its constructor, ``apply`` its forward.

    Made by `pure`; hashable and static, as every layer is.
    """

    factory: Callable[..., Any]
    arguments: tuple
    keywords: tuple

    def __post_init__(self) -> None:
        self._set(_templates={})  # by mode, see `template`; no field, so no part of the layer's value

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_templates": {}}  # a copy or an unpickled layer makes its own

    def _construct(self) -> Module:
        module = self.factory(*map(_plain, self.arguments), **{k: _plain(v) for k, v in self.keywords})
        if not isinstance(module, Module):
            raise ArgumentTypeError(f"pure: {self.factory!r} made {type(module).__name__}, expected a Module")
        return module

    def init(self, key: random.AnyKey, *inputs: object, method: Method = None, **kwargs: object) -> tuple[Flat, Flat]:
        """Builds the module under ``key``.

        Args:
            key: a JAX key or a Generator.
            *inputs: an example of the inputs, needed where a lazy module infers its shapes from them.
            method: the method that the example is for; ``forward`` if None.
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
                _materialise(module, method, inputs, kwargs)
            return split(module)

    def apply(
        self,
        params: Mapping[str, Any],
        state: Mapping[str, Any],
        *inputs: object,
        training: bool = False,
        key: random.AnyKey = None,
        method: Method = None,
        **kwargs: object,
    ) -> tuple[Any, dict[str, Any]]:
        """Runs ``forward`` with these parameters and this state; pure.

        Args:
            params: the parameters, as from `init`; nested dicts are accepted too.
            state: the buffers, likewise.
            *inputs: the arguments of ``forward``.
            training: the module's mode.
            key: a JAX key or a Generator, if it draws random numbers.
            method: what to run instead: the name of another method, or a function of the module (``Net.encode``).
            **kwargs: keyword arguments of ``forward``.

        Returns:
            ``(output, state)``, the state in the form in which it was given.
        """
        module = template(self, training, inputs, kwargs, method)
        boxes = dict(module.named_parameters())
        buffers = dict(module.named_buffers())
        values: dict[Box, Any] = {}
        for what, tree, known in (("params", params, boxes), ("state", state, buffers)):
            flat = flatten(tree)
            if flat.keys() != known.keys():
                missing, extra = sorted(known.keys() - flat.keys()), sorted(flat.keys() - known.keys())
                raise ArgumentError(f"{what} does not fit: missing {missing}, unexpected {extra}")
            for name, box in known.items():
                values[box] = flat[name]._read_whole() if isinstance(flat[name], Box) else flat[name]
        scope = Scope(values, current_scope())
        provider = random.stream(key) if key is not None else _missing_key
        with random.ambient(provider), opened(scope):
            out = called(module, method, inputs, kwargs, "apply")
        return out, _like(state, {name: scope.values[box] for name, box in buffers.items()})

    def extra_repr(self) -> str:
        """The module's class and arguments."""
        return f"{getattr(self.factory, '__name__', self.factory)}"


def _like(tree: Mapping[str, Any], flat: Flat, prefix: str = "") -> dict[str, Any]:
    """The values of ``flat`` in the nesting of ``tree``."""
    return {
        name: _like(value, flat, f"{prefix}{name}.") if isinstance(value, Mapping) else flat[prefix + name]
        for name, value in tree.items()
    }


def _missing_key() -> Any:
    return random.resolve(None, "a module in apply")


def _plain(value: object) -> Any:
    return value.value if isinstance(value, Identity) else value


def _hashable(value: object) -> Any:
    try:
        hash(value)
    except TypeError:
        return Identity(value)
    return value


def _is_lazy(module: Module) -> bool:
    return any(is_lazy(box) for m in module.modules() for box in (*m._parameters.values(), *m._buffers.values()))


def _materialise(module: Module, method: Method, inputs: tuple, kwargs: dict[str, Any]) -> None:
    """Runs forward once, for the shapes alone: what the trial call writes is forgotten."""
    scope = Scope(parent=current_scope())
    with opened(scope):
        called(module, method, inputs, kwargs, "init")


def _materialised(layer: PureModule, module: Module, method: Method, inputs: tuple, kwargs: dict[str, Any]) -> Module:
    """A lazy template with its shapes: the parameters may since have been cast, and the inputs with them."""
    failure: ArgumentError | None = None
    for dtype in (None, jnp.float32, jnp.bfloat16, jnp.float16):
        try:
            _materialise(module, method, *_cast((inputs, kwargs), dtype))
            return module
        except ArgumentError as error:
            failure = failure or error
            module = layer._construct()
    assert failure is not None
    raise failure


def _cast(tree: PyTree, dtype: DType | None) -> Any:
    if dtype is None:
        return tree

    def one(x: PyTree) -> Any:
        return x.astype(dtype) if hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating) else x

    return jax.tree.map(one, tree)


_templates_lock = threading.RLock()


def template(layer: PureModule, training: bool, inputs: tuple, kwargs: dict[str, Any], method: Method = None) -> Module:
    """A Module of this structure, whose boxes' own values are never used.

    The layer keeps it: a table of layers would hold what their factories close over for ever.
    """
    training = bool(training)
    kept: dict[bool, Module] = layer.__dict__["_templates"]
    module = kept.get(training)
    if module is None:
        with _templates_lock:
            module = _build_template(layer, method, inputs, kwargs).train(training)
            kept[training] = module
    return module


def _build_template(layer: PureModule, method: Method, inputs: tuple, kwargs: dict[str, Any]) -> Module:
    made: list[Module] = []

    def construct(key: random.AnyKey, inputs: tuple, kwargs: dict[str, Any]) -> None:
        with random.constructing(key), random.ambient(random.stream(key)):
            module = layer._construct()
            if _is_lazy(module):
                module = _materialised(layer, module, method, inputs, kwargs)
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


def _holds_tracer(value: object) -> bool:
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
    def make(*args: object, **kwargs: object) -> PureModule:
        return PureModule(factory, tuple(map(_hashable, args)), tuple((k, _hashable(v)) for k, v in kwargs.items()))

    return make
