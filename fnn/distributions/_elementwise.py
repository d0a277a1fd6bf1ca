"""Transforms of single numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnn.distributions import constraints
from fnn.distributions._transform import Transform, shape_of
from fnn.distributions.constraints import Constraint
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned, broadcast_all, clamp, common_shape, expanded, is_array
from fnn.dtypes import to_array
from fnn.typing import ArrayLike

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "CumulativeDistributionTransform",
    "ExpTransform",
    "PowerTransform",
    "SigmoidTransform",
    "SoftplusTransform",
    "TanhTransform",
]


class _Fixed(Transform):
    """Without parameters: all of one class are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))

    __hash__ = None  # pyright: ignore[reportAssignmentType]


class ExpTransform(_Fixed):
    """y = exp(x).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.ExpTransform()(jnp.zeros(2)))
        [1. 1.]
    """

    domain = constraints.real
    codomain = constraints.positive
    bijective = True
    sign = +1

    def _call(self, x: jax.Array) -> jax.Array:
        return jnp.exp(x)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return jnp.log(y)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return x


class PowerTransform(Transform):
    """y = x ** exponent.

    Args:
        exponent: a number or an array.
        cache_size: see `Transform`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.PowerTransform(2.0)(jnp.array([3.0])))
        [9.]
    """

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: ArrayLike, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        (self.exponent,) = broadcast_all(exponent)

    def with_cache(self, cache_size: int = 1) -> PowerTransform:
        return self if self._cache_size == cache_size else PowerTransform(self.exponent, cache_size)

    @property
    def sign(self) -> Any:
        return jnp.sign(self.exponent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and _same(self.exponent, other.exponent)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def _call(self, x: jax.Array) -> jax.Array:
        return jnp.power(*aligned(x, self.exponent))

    def _inverse(self, y: jax.Array) -> jax.Array:
        return jnp.power(*aligned(y, 1 / self.exponent))

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        x, y, exponent = aligned(x, y, self.exponent)
        return jnp.log(abs(exponent * y / x))

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return common_shape(shape, self.exponent.shape)

    inverse_shape = forward_shape


class SigmoidTransform(_Fixed):
    """y = 1 / (1 + exp(-x)), kept off 0 and 1.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.SigmoidTransform()(jnp.zeros(2)))
        [0.5 0.5]
    """

    domain = constraints.real
    codomain = constraints.unit_interval
    bijective = True
    sign = +1

    def _call(self, x: jax.Array) -> jax.Array:
        return inside(jax.nn.sigmoid(x))

    def _inverse(self, y: jax.Array) -> jax.Array:
        y = inside(y)
        return jnp.log(y) - jnp.log1p(-y)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return -jax.nn.softplus(-x) - jax.nn.softplus(x)


class SoftplusTransform(_Fixed):
    """y = log(1 + exp(x)).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.SoftplusTransform()(jnp.zeros(2)))
        [0.6931472 0.6931472]
    """

    domain = constraints.real
    codomain = constraints.positive
    bijective = True
    sign = +1

    def _call(self, x: jax.Array) -> jax.Array:
        return jnp.where(x > 20, x, jax.nn.softplus(x))  # F.softplus's threshold

    def _inverse(self, y: jax.Array) -> jax.Array:
        return jnp.log(-jnp.expm1(-y)) + y

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return -jax.nn.softplus(-x)


class TanhTransform(_Fixed):
    """y = tanh(x).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.TanhTransform()(jnp.zeros(2)))
        [0. 0.]
    """

    domain = constraints.real
    codomain = constraints.interval(-1.0, 1.0)
    bijective = True
    sign = +1

    def _call(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(x)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return jnp.arctanh(y)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return 2.0 * (math.log(2.0) - x - jax.nn.softplus(-2.0 * x))


class AbsTransform(_Fixed):
    """y = abs(x); its inverse gives the positive of the two.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.AbsTransform()(jnp.array([-2.0])))
        [2.]
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: jax.Array) -> jax.Array:
        return abs(x)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return y


class AffineTransform(Transform):
    """y = loc + scale * x.

    Args:
        loc: a number or an array.
        scale: a number or an array.
        event_dim: how many of the last dimensions make one event.
        cache_size: see `Transform`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.AffineTransform(1.0, 2.0)(jnp.array([3.0])))
        [7.]
    """

    bijective = True

    def __init__(self, loc: ArrayLike, scale: ArrayLike, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.loc: Any = to_array(loc) if is_array(loc) else loc
        self.scale: Any = to_array(scale) if is_array(scale) else scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        """The number of dimensions of an event."""
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Constraint:
        return constraints.independent(constraints.real, self.event_dim) if self.event_dim else constraints.real

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Constraint:
        return constraints.independent(constraints.real, self.event_dim) if self.event_dim else constraints.real

    def with_cache(self, cache_size: int = 1) -> AffineTransform:
        if self._cache_size == cache_size:
            return self
        return AffineTransform(self.loc, self.scale, self.event_dim, cache_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AffineTransform) and _same(self.loc, other.loc) and _same(self.scale, other.scale)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    @property
    def sign(self) -> Any:
        """The sign of the scale."""
        return jnp.sign(self.scale) if is_array(self.scale) else (self.scale > 0) - (self.scale < 0)

    def _call(self, x: jax.Array) -> jax.Array:
        x, loc, scale = aligned(x, self.loc, self.scale)
        return loc + scale * x

    def _inverse(self, y: jax.Array) -> jax.Array:
        y, loc, scale = aligned(y, self.loc, self.scale)
        return (y - loc) / scale

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        if not is_array(self.scale):
            result = jnp.full_like(x, math.log(abs(self.scale)))
        else:
            result = jnp.log(abs(self.scale))
        if not self.event_dim:
            return expanded(result, x.shape)
        return expanded(result.sum(tuple(range(-self.event_dim, 0))), x.shape[: -self.event_dim])

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return common_shape(shape, shape_of(self.loc), shape_of(self.scale))

    inverse_shape = forward_shape


class CumulativeDistributionTransform(Transform):
    """y = F(x), the distribution function of a distribution.

    Args:
        distribution: one with `cdf` and `icdf`.
        cache_size: see `Transform`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> t = distributions.CumulativeDistributionTransform(distributions.Normal(0.0, 1.0))
        >>> print(t(jnp.zeros(1)))
        [0.5]
    """

    bijective = True
    codomain = constraints.unit_interval
    sign = +1

    def __init__(self, distribution: Distribution, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Constraint:
        return self.distribution.support

    def _call(self, x: jax.Array) -> jax.Array:
        return self.distribution.cdf(x)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return self.distribution.log_prob(x)

    def with_cache(self, cache_size: int = 1) -> CumulativeDistributionTransform:
        if self._cache_size == cache_size:
            return self
        return CumulativeDistributionTransform(self.distribution, cache_size)


def inside(x: jax.Array) -> jax.Array:
    """Numbers kept off 0 and 1."""
    info = jnp.finfo(x.dtype)
    return clamp(x, float(info.tiny), 1.0 - float(info.eps))


def _same(a: ArrayLike, b: ArrayLike) -> bool:
    """Whether two parameters have the same numbers; the same traced array counts, different ones do not."""
    if a is b:
        return True
    try:
        a, b = aligned(a, b)
        return bool((a == b).all())
    except (jax.errors.TracerBoolConversionError, ValueError):
        return False
