"""`Uniform`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions.constraints import Constraint
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned, clamp
from fnn.typing import ArrayLike

__all__ = ["Uniform"]


class Uniform(Distribution):
    """The uniform distribution on [low, high).

    Args:
        low: the lower end.
        high: the upper end.
        validate_args: see `Distribution`.

    Example:
        >>> import fnn
        >>> from fnn import distributions
        >>> _ = fnn.manual_seed(0)
        >>> print(distributions.Uniform(0.0, 1.0).sample((2,)))
        [0.4962566 0.7682218]
    """

    has_rsample = True
    _PARAMS = {"low": 0, "high": 0}
    low: jax.Array
    high: jax.Array

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    def __init__(self, low: ArrayLike, high: ArrayLike, validate_args: bool | None = None) -> None:
        self._set(validate_args, low=low, high=high)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> jax.Array:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> jax.Array:
        return math.nan * self.high

    @property
    def stddev(self) -> jax.Array:
        return (self.high - self.low) / 12**0.5

    @property
    def variance(self) -> jax.Array:
        return (self.high - self.low) ** 2 / 12

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        drawn, low, high = aligned(
            _draw.uniform(self._extended_shape(sample_shape), self.low.dtype), self.low, self.high
        )
        return low + drawn * (high - low)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, low, high = self._at(value, self.low, self.high)
        return jnp.log(((low <= value) & (value < high)).astype(low.dtype)) - jnp.log(high - low)

    def cdf(self, value: ArrayLike) -> jax.Array:
        value, low, high = self._at(value, self.low, self.high)
        return clamp((value - low) / (high - low), 0, 1)

    def icdf(self, value: ArrayLike) -> jax.Array:
        value, low, high = aligned(value, self.low, self.high)
        return value * (high - low) + low

    def entropy(self) -> jax.Array:
        return jnp.log(self.high - self.low)
