"""`Transform`, the base of the transforms, and those that are made of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar, cast

import jax
import jax.numpy as jnp

from fnn.distributions import constraints
from fnn.distributions._tree import Tree
from fnn.distributions.constraints import Constraint
from fnn.distributions.utils import is_array, sum_rightmost
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["Transform", "InverseTransform", "ComposeTransform", "IndependentTransform", "identity_transform"]

_T = TypeVar("_T", bound="Transform")
TOO_FEW = "Too few dimensions on input"


def _undefined(self: object) -> NoReturn:
    raise NotImplementedError


class Transform(Tree):
    """Base of the differentiable maps y = f(x) with a tractable log |det dy/dx|.

    A transform is a pytree whose leaves are its arrays.  A class defines ``_call``, ``_inverse`` and
    `log_abs_det_jacobian`.

    Args:
        cache_size: with 1 the last pair (x, y) is kept, so that the inverse of what was just computed costs nothing
            and loses no digits; inputs are recognised by identity.

    Attributes:
        domain: where x lies.
        codomain: where y lies.
        bijective: whether f(f⁻¹(y)) = y and f⁻¹(f(x)) = x.
        sign: of the derivative, for bijective univariate transforms.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> t = transforms.ExpTransform()
        >>> x = jnp.array([0.0, 1.0])
        >>> print(t.inv(t(x)), t.log_abs_det_jacobian(x, t(x)))
        [0. 1.] [0. 1.]
    """

    _TRANSIENT = frozenset({"_inv", "_cached_x_y"})
    bijective: Any = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ArgumentError(f"cache_size must be 0 or 1, got cache_size={cache_size!r}")
        self._cache_size = cache_size
        self._inv: Any = None  # the inverse, once it was asked for
        super().__init__()

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name not in Transform._TRANSIENT}

    @property
    def event_dim(self) -> int:
        """The number of dimensions of an event, if it is the same on both sides."""
        if self.domain.event_dim == self.codomain.event_dim:
            return self.domain.event_dim
        raise ArgumentError("Please use either .domain.event_dim or .codomain.event_dim")

    @property
    def inv(self) -> Transform:
        """The inverse: ``t.inv.inv is t``."""
        inverse = vars(self).get("_inv")
        if inverse is None:
            inverse = self._inv = InverseTransform(self)
        return inverse

    # The sign of the derivative: a constant or a property.
    sign: Any = property(_undefined)

    def with_cache(self: _T, cache_size: int = 1) -> _T:
        """The same transform with this size of the cache."""
        if self._cache_size == cache_size:
            return self
        if type(self).__init__ is Transform.__init__:
            return type(self)(cache_size=cache_size)
        raise NotImplementedError(f"{type(self)}.with_cache is not implemented")

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __call__(self, x: ArrayLike) -> jax.Array:
        if not self._cache_size:
            return self._call(to_array(x))
        last_x, last_y = vars(self).get("_cached_x_y", (None, None))
        if x is last_x:
            return last_y
        y = self._call(to_array(x))
        self._cached_x_y = x, y
        return y

    def _inv_call(self, y: ArrayLike) -> jax.Array:
        if not self._cache_size:
            return self._inverse(to_array(y))
        last_x, last_y = vars(self).get("_cached_x_y", (None, None))
        if y is last_y:
            return last_x
        x = self._inverse(to_array(y))
        self._cached_x_y = x, y
        return x

    def _call(self, x: jax.Array) -> jax.Array:
        raise NotImplementedError

    def _inverse(self, y: jax.Array) -> jax.Array:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """Log |det dy/dx| at a pair of input and output, without the dimensions of the event."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of the output for one of the input."""
        return tuple(shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of the input for one of the output."""
        return tuple(shape)


class InverseTransform(Transform):
    """What ``t.inv`` gives.

    Args:
        transform: the transform.
    """

    # the transform itself is what an inverse consists of
    _TRANSIENT = frozenset({"_cached_x_y"})

    def __init__(self, transform: Transform) -> None:
        super().__init__(cache_size=transform._cache_size)
        self._inv = transform

    def __getstate__(self) -> dict[str, object]:
        return dict(vars(self))

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Constraint:
        return self._inv.codomain

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Constraint:
        return self._inv.domain

    @property
    def bijective(self) -> bool:
        return self._inv.bijective

    @property
    def sign(self) -> Any:
        return self._inv.sign

    @property
    def inv(self) -> Transform:
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self._inv.with_cache(cache_size).inv

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InverseTransform) and self._inv == other._inv

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return f"_{type(self).__name__}({self._inv!r})"

    def __call__(self, x: ArrayLike) -> jax.Array:
        return self._inv._inv_call(x)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return self._inv.forward_shape(shape)


class ComposeTransform(Transform):
    """Several transforms one after the other.

    Args:
        parts: the first one is applied first.
        cache_size: of all parts, if it is not 0.

    Example:
        >>> from fnn.distributions import transforms
        >>> transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(0.0, 2.0)])
        ComposeTransform(
            ExpTransform(),
            AffineTransform()
        )
    """

    def __init__(self, parts: list[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Constraint:
        if not self.parts:
            return constraints.real
        event_dim = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            event_dim = max(event_dim + part.domain.event_dim - part.codomain.event_dim, part.domain.event_dim)
        return _with_event_dim(self.parts[0].domain, event_dim)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Constraint:
        if not self.parts:
            return constraints.real
        event_dim = self.parts[0].domain.event_dim
        for part in self.parts:
            event_dim = max(event_dim + part.codomain.event_dim - part.domain.event_dim, part.codomain.event_dim)
        return _with_event_dim(self.parts[-1].codomain, event_dim)

    @property
    def bijective(self) -> bool:
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> Any:
        sign = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    @property
    def inv(self) -> Transform:
        inverse = vars(self).get("_inv")
        if inverse is None:
            inverse = self._inv = ComposeTransform([part.inv for part in reversed(self.parts)])
            inverse._inv = self
        return inverse

    def with_cache(self, cache_size: int = 1) -> ComposeTransform:
        return self if self._cache_size == cache_size else ComposeTransform(self.parts, cache_size)

    def __call__(self, x: ArrayLike) -> jax.Array:
        for part in self.parts:
            x = part(x)
        return cast(jax.Array, x)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        if not self.parts:
            return jnp.zeros_like(x)
        total, event_dim = None, self.domain.event_dim
        for n, part in enumerate(self.parts):
            after = y if n == len(self.parts) - 1 else part(x)
            term = sum_rightmost(part.log_abs_det_jacobian(x, after), event_dim - part.domain.event_dim)
            total = term if total is None else total + term
            event_dim += part.codomain.event_dim - part.domain.event_dim
            x = after
        return cast(jax.Array, total)

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return tuple(shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return tuple(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n    " + ",\n    ".join(map(repr, self.parts)) + "\n)"


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """A transform of more dimensions an event: its log-determinants are summed over them.

    Args:
        base_transform: the transform of one part.
        reinterpreted_batch_ndims: how many dimensions more.
        cache_size: see `Transform`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> t = transforms.IndependentTransform(transforms.ExpTransform(), 1)
        >>> x = jnp.array([1.0, 2.0])
        >>> print(t.log_abs_det_jacobian(x, t(x)))
        3.0
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def with_cache(self, cache_size: int = 1) -> IndependentTransform:
        if self._cache_size == cache_size:
            return self
        return IndependentTransform(self.base_transform, self.reinterpreted_batch_ndims, cache_size)

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Constraint:
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Constraint:
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _call(self, x: jax.Array) -> jax.Array:
        if x.ndim < self.domain.event_dim:
            raise ArgumentError(TOO_FEW)
        return self.base_transform(x)

    def _inverse(self, y: jax.Array) -> jax.Array:
        if y.ndim < self.codomain.event_dim:
            raise ArgumentError(TOO_FEW)
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_transform!r}, {self.reinterpreted_batch_ndims})"

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return self.base_transform.inverse_shape(shape)


def _with_event_dim(constraint: Constraint, event_dim: int) -> Constraint:
    more = event_dim - cast(int, constraint.event_dim)
    return constraints.independent(constraint, more) if more else constraint


def shape_of(parameter: object) -> tuple[int, ...]:
    """The shape of a parameter; a number has none."""
    return tuple(cast(jax.Array, parameter).shape) if is_array(parameter) else ()
