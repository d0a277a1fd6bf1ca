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
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

import jax

from fnn import random
from fnn.devices import to_device
from fnn.errors import ArgumentError, ArgumentTypeError, MissingKeyError
from fnn.state.gather import register_constant

__all__ = ["Layer"]

Params = dict[str, Any]
State = dict[str, Any]

_L = TypeVar("_L", bound="Layer")

_JAX_KEYS_ONLY = """{what} draws with jax.random and got key={key!r}.
Wrong: noise = jax.random.normal(key, shape)
Why:   jax.random takes JAX keys only; a module draws from the global generator, and a layer may be given one.
Right: noise = fnn.random.normal(key, shape)      # also uniform, bernoulli, randint, ...: takes both"""


@functools.cache
def field_names(cls: type) -> tuple[str, ...]:
    """The names of a layer class's fields, in order."""
    return tuple(field.name for field in dataclasses.fields(cls)) if dataclasses.is_dataclass(cls) else ()


def _named(apply):
    """Wraps ``apply`` so that an `ArgumentError` from below says which layer it comes from."""

    @functools.wraps(apply)
    def wrapper(self, *args, **kwargs):
        try:
            return apply(self, *args, **kwargs)
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

    return wrapper


def _placed(init):
    """Wraps ``init`` so that a layer with a ``device`` puts its arrays there."""

    @functools.wraps(init)
    def wrapper(self, key, *inputs, **kwargs):
        result = init(self, key, *inputs, **kwargs)
        device = getattr(self, "device", None)
        return result if device is None else jax.device_put(result, to_device(device, f"{type(self).__name__}: "))

    return wrapper


@dataclass_transform(frozen_default=True)
class Layer:
    """Base of all layers; see the module's text for the contract.

    A subclass annotates its fields (they become the constructor's arguments, in order), may define
    ``__post_init__`` to normalise and validate (with `_set`), and defines `init` (if it has parameters or
    state) and `apply`.
    """

    # The names that `init` may return at this level, in PyTorch's order of registration.
    PARAMS: ClassVar[tuple[str, ...]] = ()
    STATE: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__annotations__" in cls.__dict__ or not dataclasses.is_dataclass(cls):
            dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
        if "init" in cls.__dict__:
            cls.init = _placed(cls.__dict__["init"])
        if "apply" in cls.__dict__:
            cls.apply = _named(cls.__dict__["apply"])
        jax.tree_util.register_static(cls)

    def init(self, key: Any, *inputs: Any, **options: Any) -> tuple[Params, State]:
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

    def replace(self: _L, **changes: Any) -> _L:
        """A copy with some fields changed, validated as a constructor call is."""
        return dataclasses.replace(cast(Any, self), **changes)

    # -- the pair ---------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        yield self.init
        yield self.apply

    # -- value semantics ----------------------------------------------------------------------------

    def _set(self, **values: Any) -> None:
        """Assigns normalised fields; only for use in ``__post_init__``."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
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
        return hash((type(self), self._fields()))

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
