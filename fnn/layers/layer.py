"""The contract of a layer.

A layer is a frozen dataclass of hyper-parameters with two pure methods::

    params, state = layer.init(key)
    output, state = layer.apply(params, state, *inputs, training=False, key=None)

``params`` and ``state`` are (nested) dicts of arrays under PyTorch's names; ``state`` is what PyTorch calls
buffers.  A layer holds no arrays, so it hashes, compares, pickles, prints its fields, and is a static
(leafless) pytree: it may be passed to any JAX transformation.  ``init, apply = layer`` unpacks the pair.

``key`` is a JAX key or a `fnn.random.Generator`.  A layer draws by the samplers of `fnn.random`, which take both (with
`jax.random` it takes JAX keys only); one that draws and gets ``key=None`` says so by name.  What holds layers gives
each a key of its own (`Composite`).  A constructor normalises, validates, then is done: a bad argument raises an
`ArgumentError` naming it and its value.

What combinators and the facade rely on stands on `Layer`, with its type: ``PARAMS``, ``STATE``, `init`, `apply`,
`extra_repr`.  A class that breaks it is refused when it is made, and what `init` and `apply` return when they are
called; the error names the class and the attribute.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

import jax

from fnn import random
from fnn.devices import to_device
from fnn.errors import ArgumentError, ArgumentTypeError, MissingKeyError
from fnn.layers.documentation import Documentation, layer_text
from fnn.state.describe import register_constant
from fnn.typing import Key

__all__ = ["Layer"]

Params = dict[str, Any]
State = dict[str, Any]

_L = TypeVar("_L", bound="Layer")

_JAX_KEYS_ONLY = """{what} draws with jax.random and got key={key!r}.
Wrong: noise = jax.random.normal(key, shape)
Why:   jax.random takes JAX keys only; a module draws from the global generator, and a layer may be given one.
Right: noise = fnn.random.normal(key, shape)      # also uniform, bernoulli, randint, ...: takes both"""


_APPLY = "apply(self, params, state, *inputs, training=False, key=None)"
# What a layer is asked for by name; a field of that name would take its place.
_OWN = ("PARAMS", "STATE", "apply", "extra_repr", "init", "replace")


def _check_class(cls: type) -> None:
    """Refuses a layer class that does not keep the contract."""
    for what in ("PARAMS", "STATE"):
        names = getattr(cls, what)
        if not isinstance(names, tuple) or not all(isinstance(name, str) and name.isidentifier() for name in names):
            raise ArgumentTypeError(f"{cls.__name__}.{what}: expected a tuple of names, got {names!r}")
    names = (*cls.PARAMS, *cls.STATE)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ArgumentError(f"{cls.__name__}.PARAMS and STATE: the names {twice} are given twice")
    taken = [name for name in _OWN if name in field_names(cls)]
    if taken:
        hint = "annotate it with ClassVar, or not at all" if taken[0].isupper() else "give the argument another name"
        raise ArgumentTypeError(f"{cls.__name__}.{taken[0]}: it is no field, every layer has one; {hint}")
    for what, arguments, named in (("init", (0, 0), ()), ("apply", (0, 0, 0), ("training", "key"))):
        method = cls.__dict__.get(what)
        if method is None:
            continue
        right = "init(self, key)" if what == "init" else _APPLY
        if not inspect.isfunction(method):
            raise ArgumentTypeError(f"{cls.__name__}.{what}: expected a method {right}, got {method!r}")
        signature = inspect.signature(method)
        try:
            signature.bind_partial(*arguments, **dict.fromkeys(named))
        except TypeError as wrong:
            raise ArgumentTypeError(f"{cls.__name__}.{what}{signature}: {wrong}; it is called as {right}") from None


@functools.cache
def field_names(cls: type) -> tuple[str, ...]:
    """The names of a layer class's fields, in order."""
    return tuple(field.name for field in dataclasses.fields(cls)) if dataclasses.is_dataclass(cls) else ()


def given(*, default: object) -> Any:
    """The default of a field that holds something else than what is passed for it (`fnn.typing.Held`)."""
    return dataclasses.field(default=default)


class Annotation(str):
    """An annotation as its source has it, which a signature shows so: ``input: ArrayLike``, not its many types."""

    __slots__ = ()
    __repr__ = str.__str__


def _annotate(function: Any) -> None:
    if inspect.isfunction(function):
        notes = function.__annotations__
        function.__annotations__ = {n: Annotation(v) if isinstance(v, str) else v for n, v in notes.items()}


def _named(apply):
    """Wraps ``apply`` so that an `ArgumentError` from below says which layer it comes from."""

    @functools.wraps(apply)
    def wrapper(self, *args, **kwargs):
        try:
            result = apply(self, *args, **kwargs)
            if type(result) is tuple and len(result) == 2:
                return result
        except ArgumentError as error:
            if not error.named and error.args:
                error.args = (f"{self._brief()}: {error.args[0]}", *error.args[1:])
                error.named = True
            raise
        except TypeError as error:
            key = kwargs.get("key")
            if "unexpected PRNG key type" not in str(error) or isinstance(key, jax.Array):
                raise
            if key is None:
                refused: ArgumentError = MissingKeyError(random.MISSING_KEY.format(what=self._brief()))
            else:
                refused = ArgumentTypeError(_JAX_KEYS_ONLY.format(what=self._brief(), key=key))
            refused.named = True
            raise refused from None
        except KeyError as error:
            name = error.args[0] if error.args else None
            if name not in self.PARAMS and name not in self.STATE:
                raise
            tree, what = (args[0], "params") if name in self.PARAMS else (args[1], "state")
            missing = ArgumentError(
                f"{self._brief()}: {what} has no {name!r}, it has {sorted(tree)}; "
                "pass what init returned, or an update of it"
            )
            missing.named = True
            raise missing from None
        raise ArgumentTypeError(
            f"{type(self).__name__}.apply: expected it to return (output, state), got {_shown(result)}"
        )

    return wrapper


def _own_constructor(cls: type) -> Any:
    """The constructor that a class inherits, under the class's own name, by which Python speaks of wrong arguments."""
    inherited = cast(Any, cls.__init__)
    if not inspect.isfunction(inherited):
        return inherited
    own = types.FunctionType(
        inherited.__code__, inherited.__globals__, "__init__", inherited.__defaults__, inherited.__closure__
    )
    own.__kwdefaults__, own.__annotations__ = inherited.__kwdefaults__, inherited.__annotations__
    own.__qualname__, own.__module__, own.__doc__ = f"{cls.__qualname__}.__init__", cls.__module__, inherited.__doc__
    return own


def _shown(value: object) -> str:
    """A wrong result, for a message."""
    if isinstance(value, tuple):
        return f"{len(value)} values"
    return f"an array of shape {value.shape}" if isinstance(value, jax.Array) else repr(value)


def _placed(init):
    """Wraps ``init`` so that a layer with a ``device`` puts its arrays there."""

    @functools.wraps(init)
    def wrapper(self, key, *inputs, **kwargs):
        result = init(self, key, *inputs, **kwargs)
        if type(result) is not tuple or len(result) != 2 or not all(isinstance(tree, dict) for tree in result):
            raise ArgumentTypeError(
                f"{type(self).__name__}.init: expected it to return (params, state), two dicts, got {_shown(result)}"
            )
        for what, names, tree in (("PARAMS", self.PARAMS, result[0]), ("STATE", self.STATE, result[1])):
            if names and not all(name in names for name in tree):
                raise ArgumentError(
                    f"{type(self).__name__}: init returns {sorted(tree)}, of which {what}={names} declares only a "
                    f"part; declare all, or leave {what} out"
                )
        device = getattr(self, "device", None)
        return result if device is None else jax.device_put(result, to_device(device, f"{type(self).__name__}: "))

    return wrapper


@dataclass_transform(frozen_default=True, field_specifiers=(given, dataclasses.field))
class Layer:
    """Base of all layers; see the module's text for the contract.

    A subclass annotates its fields (they become the constructor's arguments, in order), may define
    ``__post_init__`` to normalise and validate (with `_set`), and defines `init` (if it has parameters or
    state) and `apply`.

    Example:
        >>> from jax import numpy as jnp
        >>> from fnn import init, layers
        >>> class Scale(layers.Layer):
        ...     PARAMS = ("weight",)
        ...     features: int
        ...     def init(self, key):
        ...         return {"weight": init.ones(key, (self.features,))}, {}
        ...     def apply(self, params, state, input, *, training=False, key=None):
        ...         return input * params["weight"], state
        >>> stretch = Scale(3)
        >>> params, state = stretch.init(None)  # a key, for layers that draw
        >>> print(stretch.apply(params, state, jnp.array([0.0, 1.0, 3.0]))[0])
        [0. 1. 3.]
    """

    PARAMS: ClassVar[tuple[str, ...]] = ()
    """The names that the parameters of this layer may have, in PyTorch's order of registration.

    Which of them `init` returns depends on the fields (``bias=False``).  A layer that declares none may return any;
    one with parts has theirs.
    """

    STATE: ClassVar[tuple[str, ...]] = ()
    """Likewise for the state, PyTorch's buffers."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        doc = cls.__dict__.get("__doc__")
        # what has fields of its own, or joins those of several bases
        if "__annotations__" in cls.__dict__ or len(cls.__bases__) > 1 or not dataclasses.is_dataclass(cls):
            dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
        elif "__init__" not in cls.__dict__:
            cls.__init__ = _own_constructor(cls)
        if doc is not None and cls.__module__.startswith("fnn.layers."):
            text = Documentation(doc, lambda: layer_text(cls, field_names(cls)))
            cls.__doc__ = cast(Any, text)
        _check_class(cls)
        for name in ("__init__", "init", "apply"):
            _annotate(cls.__dict__.get(name))
        if "init" in cls.__dict__:
            cls.init = _placed(cls.__dict__["init"])
        if "apply" in cls.__dict__:
            cls.apply = _named(cls.__dict__["apply"])
        jax.tree_util.register_static(cls)

    def init(self, key: Key, *inputs: Any, **options: Any) -> tuple[Params, State]:
        """Draws the initial parameters and state.

        Args:
            key: a JAX key (``jax.random.key(0)``) or a `fnn.random.Generator`.
            *inputs: for a layer whose shapes depend on them (`fnn.pure` of a lazy module), an example.
            **options: likewise.

        Returns:
            ``(params, state)``: dicts of arrays, empty for a layer without any.
        """
        del key, inputs, options
        return {}, {}

    def apply(self, params: Params, state: State, *inputs: Any, **options: Any) -> tuple[Any, State]:
        """Computes the layer's output; pure.

        Args:
            params: what `init` returned first, or an update of it.
            state: what `init` returned second, or what the last `apply` returned.
            *inputs: the arguments of the PyTorch module's ``forward``.
            **options: ``training=False``, PyTorch's ``module.training``; ``key=None``, a JAX key or a Generator for
                layers that draw random numbers; and the keyword arguments of ``forward``.

        Returns:
            ``(output, state)``, with the updated state.
        """
        raise TypeError(f"{type(self).__name__} defines no apply")

    def extra_repr(self) -> str:
        """What PyTorch prints between the parentheses of the module."""
        return ""

    def replace(self: _L, **changes: object) -> _L:
        """A copy with some fields changed, validated as a constructor call is."""
        return dataclasses.replace(cast(Any, self), **changes)

    # -- the pair ---------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        yield self.init
        yield self.apply

    # -- value semantics ----------------------------------------------------------------------------

    def _set(self, **values: object) -> None:
        """Assigns normalised fields; only for use in ``__post_init__``."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r} of a {type(self).__name__}; see replace")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete {name!r} of a {type(self).__name__}")

    def _fields(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in field_names(type(self)))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Layer) and type(self) is type(other) and self._fields() == other._fields()
        )

    def __hash__(self) -> int:
        try:
            return hash((type(self), self._fields()))
        except TypeError:
            for name in field_names(type(self)):
                value = getattr(self, name)
                try:
                    hash(value)
                except TypeError as wrong:
                    raise ArgumentTypeError(
                        f"{type(self).__name__}.{name}: a layer is a value, and its fields hash; {wrong}: set a "
                        "tuple in __post_init__ (self._set), and give arrays in params or state"
                    ) from None
            raise

    def __repr__(self) -> str:
        shown = []
        for field in dataclasses.fields(cast(Any, self)):
            value = getattr(self, field.name)
            if field.name in ("device", "dtype") and value is None:
                continue
            shown.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _brief(self) -> str:
        """The constructor call without what is left at its default, for messages."""
        shown = []
        for field in dataclasses.fields(cast(Any, self)):
            value = getattr(self, field.name)
            if type(value) is not type(field.default) or value != field.default:
                shown.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


register_constant(Layer)
