"""`Distribution`, the base of all: shapes, validation, expansion and where samples come from."""

from __future__ import annotations

import contextlib
import operator
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, Self, SupportsIndex, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import random
from fnn.distributions import constraints
from fnn.distributions._tree import Tree
from fnn.distributions.utils import aligned, broadcast_all, expanded, is_array, lazy_property
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.tracing import Tracer
from fnn.typing import ArrayLike, Ints, Key

__all__ = ["Distribution"]


def _undefined(self: object) -> NoReturn:
    raise NotImplementedError


class Distribution(Tree):
    """Base of the probability distributions.

    A distribution holds the values that its parameters (numbers, arrays, Parameters) have when it is made, so one of
    a model's Parameters is made where the loss is computed.  It is a pytree whose leaves are its arrays: it can be an
    argument and a result of `fnn.jit`, ``jax.vmap`` (which takes the leading axis off all arrays, or adds one),
    ``lax.scan``, ``jax.grad``.

    Args:
        batch_shape: the shape of the parameters.
        event_shape: the shape of one sample.
        validate_args: whether values of parameters and of arguments are checked; None is the default that
            `set_default_validate_args` sets.  Traced values cannot be looked at and are not checked; shapes are.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> d = distributions.Normal(jnp.zeros(3), 1.0)
        >>> d.batch_shape, d.sample((2,)).shape, d.log_prob(jnp.zeros(3)).shape
        ((3,), (2, 3), (3,))
    """

    # Constants of some classes, properties of others.
    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__
    # The arrays that `expand` broadcasts, with the number of their dimensions that belong to one event.
    _PARAMS: dict[str, int]
    _TRANSIENT = frozenset()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Sets whether distributions check values unless told otherwise; as for ``assert``, not under ``python -O``.

        Example:
            >>> from fnn import distributions
            >>> distributions.Distribution.set_default_validate_args(True)
        """
        if value not in (True, False):
            raise ArgumentError(f"set_default_validate_args: expected True or False, got value={value!r}")
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = tuple(batch_shape)
        self._event_shape = tuple(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _set(self, validate_args: bool | None, **parameters: ArrayLike) -> None:
        """Takes parameters of one number an event, broadcast to one shape, as attributes; then as ``__init__``."""
        arrays = broadcast_all(*parameters.values())
        vars(self).update(zip(parameters, arrays, strict=True))
        Distribution.__init__(self, arrays[0].shape, (), validate_args)

    def _check_parameters(self) -> None:
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            arg_constraints = {}
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
        for name, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in vars(self) and isinstance(getattr(type(self), name, None), lazy_property):
                continue  # it follows from another parameter
            value = getattr(self, name)
            if not constraints.holds(constraint, value):
                raise ArgumentError(
                    f"Expected parameter {name} ({_kind(value)} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    # -- shapes ---------------------------------------------------------------------------------------

    def expand(self, batch_shape: Sequence[int], _instance: Self | None = None) -> Self:
        """The distribution with its parameters broadcast to ``batch_shape``.

        Args:
            batch_shape: the new one.
            _instance: an object of a subclass to be filled in.

        Example:
            >>> from fnn import distributions
            >>> distributions.Normal(0.0, 1.0).expand((2, 3)).sample().shape
            (2, 3)
        """
        owner = next((c for c in type(self).__mro__ if "_PARAMS" in vars(c)), None)
        if owner is None:
            raise NotImplementedError(f"{type(self).__name__} does not implement expand")
        new = self._get_checked_instance(owner, _instance)
        vars(new).update((k, v) for k, v in vars(self).items() if k not in self._TRANSIENT)
        new._batch_shape = as_shape(batch_shape)
        self._expand_into(new)
        return new

    def _expand_into(self, new: Any) -> None:
        for name, ndim in self._PARAMS.items():
            if name in vars(self):
                value = getattr(self, name)
                setattr(new, name, expanded(value, new._batch_shape + value.shape[value.ndim - ndim :]))

    def _get_checked_instance(self, cls: type, _instance: Self | None = None) -> Self:
        if _instance is not None:
            return _instance
        if type(self).__init__ is not cls.__init__:
            raise NotImplementedError(
                f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom __init__ method "
                "must also define a custom .expand() method."
            )
        return object.__new__(type(self))

    def _refit(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        batch, extra = self._batch_shape, len(new) - len(old)
        if extra > 0:
            self._batch_shape = new[:extra] + batch
        elif extra < 0:
            self._batch_shape = batch[-extra:]
        elif old[: len(batch)] == batch:
            self._batch_shape = new[: len(batch)]

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape over which parameters are batched."""
        return self._batch_shape

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Ints = ()) -> tuple[int, ...]:
        return as_shape(sample_shape) + self._batch_shape + self._event_shape

    # -- what a class defines -------------------------------------------------------------------------

    # What each parameter must satisfy, and where samples lie: as before constants or properties.
    arg_constraints: Any = property(_undefined)
    support: Any = property(_undefined)

    @property
    def mean(self) -> jax.Array:
        """The mean, of shape ``batch_shape + event_shape``."""
        raise NotImplementedError(f"{self.__class__} does not implement mean")

    @property
    def mode(self) -> jax.Array:
        """The mode, of shape ``batch_shape + event_shape``."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> jax.Array:
        """The variance, of shape ``batch_shape + event_shape``."""
        raise NotImplementedError(f"{self.__class__} does not implement variance")

    @property
    def stddev(self) -> jax.Array:
        """The square root of the variance."""
        return jnp.sqrt(self.variance)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        """The logarithm of the density (or probability) at ``value``.

        Args:
            value: broadcasts with ``batch_shape + event_shape``.

        Returns:
            without the dimensions of the event.
        """
        raise NotImplementedError(f"{self.__class__} does not implement log_prob")

    def cdf(self, value: ArrayLike) -> jax.Array:
        """The probability of at most ``value``."""
        raise NotImplementedError(f"{self.__class__} does not implement cdf")

    def icdf(self, value: ArrayLike) -> jax.Array:
        """The inverse of `cdf`."""
        raise NotImplementedError(f"{self.__class__} does not implement icdf")

    def entropy(self) -> jax.Array:
        """The entropy, of shape ``batch_shape``."""
        raise NotImplementedError(f"{self.__class__} does not implement entropy")

    def perplexity(self) -> jax.Array:
        """The exponential of the entropy."""
        return jnp.exp(self.entropy())

    def enumerate_support(self, expand: bool = True) -> jax.Array:
        """All values of a discrete distribution along a new first dimension.

        Args:
            expand: whether the batch dimensions are broadcast; otherwise they are ones.
        """
        raise NotImplementedError(f"{self.__class__} does not implement enumerate_support")

    # -- sampling -------------------------------------------------------------------------------------

    def sample(self, sample_shape: Ints = (), *, generator: Key | None = None) -> jax.Array:
        """Samples, of shape ``sample_shape + batch_shape + event_shape``, through which no gradient goes.

        Args:
            sample_shape: how many, in which shape.
            generator: a `fnn.random.Generator` or a JAX key; without one PyTorch's global generator, and inside
                `fnn.jit` the program's key.
        """
        with drawing_from(generator):
            return lax.stop_gradient(self._sample(as_shape(sample_shape)))

    def rsample(self, sample_shape: Ints = (), *, generator: Key | None = None) -> jax.Array:
        """Samples as functions of the parameters, through which gradients go; the arguments are those of `sample`."""
        with drawing_from(generator):
            return self._rsample(as_shape(sample_shape))

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return self.rsample(sample_shape)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        raise NotImplementedError(f"{self.__class__} does not implement rsample")

    def sample_n(self, n: int) -> jax.Array:
        """``sample((n,))``, which is to be used instead."""
        warnings.warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=2)
        return self.sample((n,))

    # -- arguments ------------------------------------------------------------------------------------

    def _at(self, value: ArrayLike, *parameters: jax.Array) -> tuple[jax.Array, ...]:
        """``value``, checked if that is asked for, and parameters of one number an event, all of one shape."""
        if self._validate_args:
            self._validate_sample(value)
        return aligned(value, *parameters)

    def _validate_sample(self, value: ArrayLike) -> None:
        if not is_array(value):
            raise ArgumentError(f"The value argument to log_prob must be an array, got value={value!r}")
        shape = tuple(cast(jax.Array, value).shape)
        if shape[len(shape) - len(self._event_shape) :] != self._event_shape:
            raise ArgumentError(f"The right-most size of value must match event_shape: {shape} vs {self._event_shape}.")
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(shape), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ArgumentError(f"Value is not broadcastable with batch_shape+event_shape: {shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
            return
        if not constraints.holds(support, value):
            raise ArgumentError(
                f"Expected value argument ({_kind(value)} of shape {shape}) to be within the support ({support!r}) "
                f"of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        shown = {name: vars(self)[name] for name in self.arg_constraints if name in vars(self)}
        return f"{type(self).__name__}({', '.join(f'{k}: {_shown(v)}' for k, v in shown.items())})"


def as_shape(shape: Ints) -> tuple[int, ...]:
    """A shape as a tuple of ints.

    Raises:
        ArgumentTypeError: it is no sequence of integers.
    """
    try:
        return tuple(operator.index(cast(SupportsIndex, n)) for n in cast(Sequence[int], shape))
    except TypeError:
        raise ArgumentTypeError(f"expected a shape such as (2, 3), got {shape!r}") from None


@contextlib.contextmanager
def drawing_from(generator: Key | None) -> Iterator[None]:
    """Inside the ``with`` block draws come from ``generator``, or from where they come anyway if it is None."""
    if generator is None:
        yield
    else:
        with random.iteration(random.stream(generator)):
            yield


def _kind(value: object) -> str:
    return "Array" if isinstance(value, jax.Array) else type(value).__name__


def _shown(value: Any) -> str:
    if not hasattr(value, "shape"):
        return str(value)
    if isinstance(value, Tracer) or value.size != 1:
        return str(tuple(value.shape))
    return str(np.asarray(value).item()) if value.ndim == 0 else str(np.asarray(value))
