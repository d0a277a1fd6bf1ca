"""`Constraint`, the base of all, those that depend on other variables, and those that are made of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

__all__ = ["Constraint", "MixtureSameFamilyConstraint", "holds", "is_dependent"]

# numpy arrays are checked by numpy, which takes a tenth of the time.
Values: TypeAlias = Any


class Constraint:
    """A region over which a variable is valid.

    Attributes:
        is_discrete: whether the region is discrete.
        event_dim: how many of the last dimensions make one event.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import constraints
        >>> print(constraints.positive.check(jnp.array([-1.0, 1.0])))
        [False  True]
    """

    is_discrete: Any = False
    event_dim: Any = 0

    def check(self, value: Values) -> Values:
        """Whether each event in ``value`` satisfies the constraint: ``sample_shape + batch_shape``."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__[1:]}({', '.join(f'{k}={v}' for k, v in self._shown().items())})"

    def _shown(self) -> dict[str, object]:
        return {}


def holds(constraint: Constraint, value: ArrayLike) -> bool:
    """Whether all of ``value`` satisfies a constraint; True where tracing hides what it takes to tell."""
    value = to_array(value)
    if isinstance(value, Tracer):
        return True
    with jax.ensure_compile_time_eval():
        valid = constraint.check(np.asarray(value))
        return isinstance(valid, Tracer) or bool(np.all(valid))


class _Dependent(Constraint):
    """For variables whose region depends on other variables."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._is_discrete, self._event_dim = is_discrete, event_dim
        super().__init__()

    @property
    def is_discrete(self) -> bool:
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(".is_discrete cannot be determined statically")
        return self._is_discrete

    @property
    def event_dim(self) -> int:
        if self._event_dim is NotImplemented:
            raise NotImplementedError(".event_dim cannot be determined statically")
        return self._event_dim

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> _Dependent:
        """The same with more known: ``constraints.dependent(is_discrete=True, event_dim=1)``."""
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, value: Values) -> Values:
        raise ArgumentError("Cannot determine validity of dependent constraint")


def is_dependent(constraint: object) -> bool:
    """Whether a constraint depends on other variables and so cannot be checked.

    Example:
        >>> from fnn.distributions import constraints
        >>> constraints.is_dependent(constraints.dependent), constraints.is_dependent(constraints.real)
        (True, False)
    """
    return isinstance(constraint, _Dependent)


class _DependentProperty(property, _Dependent):
    """A property of objects that is a dependent constraint when it is asked of the class."""

    def __init__(
        self,
        fn: Callable[..., Any] | None = None,
        *,
        is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ) -> None:
        super().__init__(fn)
        self._is_discrete, self._event_dim = is_discrete, event_dim

    def __call__(self, fn: Callable[..., Any]) -> _DependentProperty:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The decorator that ``dependent_property(is_discrete=True, event_dim=1)`` is."""
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


# -- of other constraints ---------------------------------------------------------------------------


class _IndependentConstraint(Constraint):
    """An event of several dimensions more, valid if all its parts are."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        if not isinstance(base_constraint, Constraint):
            raise ArgumentError(f"base_constraint must be a Constraint, got {type(base_constraint).__name__}")
        if not isinstance(reinterpreted_batch_ndims, int) or reinterpreted_batch_ndims < 0:
            raise ArgumentError(f"reinterpreted_batch_ndims must be an int >= 0, got {reinterpreted_batch_ndims!r}")
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__()

    @property
    def is_discrete(self) -> bool:
        return cast(bool, self.base_constraint.is_discrete)

    @property
    def event_dim(self) -> int:
        return cast(int, self.base_constraint.event_dim) + self.reinterpreted_batch_ndims

    def check(self, value: Values) -> Values:
        result = self.base_constraint.check(value)
        if result.ndim < self.reinterpreted_batch_ndims:
            raise ArgumentError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return result.all(tuple(range(-self.reinterpreted_batch_ndims, 0)))

    def __repr__(self) -> str:
        return f"{type(self).__name__[1:]}({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """The support of a `MixtureSameFamily`: that of its components, each of which must allow the value.

    Args:
        base_constraint: the support of the components.

    Example:
        >>> from fnn.distributions import constraints
        >>> constraints.MixtureSameFamilyConstraint(constraints.real)
        MixtureSameFamilyConstraint(Real())
    """

    def __init__(self, base_constraint: Constraint) -> None:
        if not isinstance(base_constraint, Constraint):
            raise ArgumentError(f"base_constraint must be a Constraint, got {type(base_constraint).__name__}")
        self.base_constraint = base_constraint
        super().__init__()

    @property
    def is_discrete(self) -> bool:
        return cast(bool, self.base_constraint.is_discrete)

    @property
    def event_dim(self) -> int:
        return cast(int, self.base_constraint.event_dim)

    def check(self, value: Values) -> Values:
        if value.ndim < self.event_dim:
            raise ArgumentError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        place = value.ndim - self.event_dim
        result = self.base_constraint.check(value.reshape(*value.shape[:place], 1, *value.shape[place:]))
        return result.reshape(*result.shape[:place], -1).all(-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_constraint!r})"


class _Sequence(Constraint):
    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        if not all(isinstance(c, Constraint) for c in cseq):
            raise ArgumentError(f"All elements of cseq must be Constraint instances, got {cseq}")
        self.cseq = list(cseq)
        self.dim = dim
        super().__init__()

    @property
    def is_discrete(self) -> bool:
        return any(cast(bool, c.is_discrete) for c in self.cseq)

    @property
    def event_dim(self) -> int:
        return max(cast(int, c.event_dim) for c in self.cseq)

    def _within(self, value: Values) -> None:
        if not -value.ndim <= self.dim < value.ndim:
            raise ArgumentError(f"dim {self.dim} out of range for value with {value.ndim} dimensions")


class _Cat(_Sequence):
    """Constraints on successive parts along a dimension."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise ArgumentError(f"lengths ({len(self.lengths)}) must match cseq ({len(self.cseq)})")

    def check(self, value: Values) -> Values:
        self._within(value)
        parts = jnp.split(value, np.cumsum(self.lengths)[:-1], self.dim)
        return jnp.concatenate([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


class _Stack(_Sequence):
    """Constraints on the slices along a dimension."""

    @property
    def event_dim(self) -> int:
        dim = super().event_dim
        return dim + 1 if self.dim + dim < 0 else dim

    def check(self, value: Values) -> Values:
        self._within(value)
        slices = jnp.moveaxis(value, self.dim, 0)
        return jnp.stack([c.check(s) for s, c in zip(slices, self.cseq, strict=False)], self.dim)
