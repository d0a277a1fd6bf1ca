"""`GeneralizedPareto`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions.constraints import Constraint
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned
from fnn.typing import ArrayLike

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """The generalised Pareto distribution, of what exceeds a high threshold.

    P(X > x) = (1 + c z)^(-1 / c) with z = (x - loc) / scale.

    Args:
        loc: the threshold.
        scale: the width, > 0.
        concentration: c, the weight of the tail; 0 is an exponential one.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.GeneralizedPareto(0.0, 1.0, 0.0).mean)
        1.0
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _PARAMS = {"loc": 0, "scale": 0, "concentration": 0}
    loc: jax.Array
    scale: jax.Array
    concentration: jax.Array

    def __init__(
        self, loc: ArrayLike, scale: ArrayLike, concentration: ArrayLike, validate_args: bool | None = None
    ) -> None:
        self._set(validate_args, loc=loc, scale=scale, concentration=concentration)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return self.icdf(_draw.uniform(self._extended_shape(sample_shape), self.loc.dtype, "GeneralizedPareto"))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, loc, scale, concentration = self._at(value, self.loc, self.scale, self.concentration)
        z, (zero, safe) = (value - loc) / scale, _apart_from_zero(concentration)
        power = 1 / safe + 1
        tail = jnp.where(power == 0, power, power * jnp.log1p(safe * z))
        return -jnp.log(scale) - jnp.where(zero, z, tail)

    def log_survival_function(self, value: ArrayLike) -> jax.Array:
        """The logarithm of the probability of more than ``value``."""
        value, loc, scale, concentration = self._at(value, self.loc, self.scale, self.concentration)
        z, (zero, safe) = (value - loc) / scale, _apart_from_zero(concentration)
        return jnp.where(zero, -z, -jnp.log1p(safe * z) / safe)

    def log_cdf(self, value: ArrayLike) -> jax.Array:
        """The logarithm of `cdf`."""
        return jnp.log1p(-jnp.exp(self.log_survival_function(value)))

    def cdf(self, value: ArrayLike) -> jax.Array:
        return jnp.exp(self.log_cdf(value))

    def icdf(self, value: ArrayLike) -> jax.Array:
        value, loc, scale, concentration = aligned(value, self.loc, self.scale, self.concentration)
        log_rest, (zero, safe) = jnp.log1p(-value), _apart_from_zero(concentration)
        return jnp.where(zero, loc - scale * log_rest, loc + scale / safe * jnp.expm1(-safe * log_rest))

    @property
    def mean(self) -> jax.Array:
        valid = self.concentration < 1
        return jnp.where(valid, self.loc + self.scale / (1 - jnp.where(valid, self.concentration, 0.5)), math.nan)

    @property
    def variance(self) -> jax.Array:
        valid = self.concentration < 0.5
        c = jnp.where(valid, self.concentration, 0.25)
        return jnp.where(valid, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def entropy(self) -> jax.Array:
        return jnp.log(self.scale) + self.concentration + 1

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:
        bounded = self.concentration < 0
        end = self.loc - self.scale / jnp.where(bounded, self.concentration, -1)
        return constraints.interval(self.loc, jnp.where(bounded, end, math.inf))


def _apart_from_zero(concentration: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Where it is 0, to rounding, and itself with ones there."""
    zero = abs(concentration) <= 1e-8
    return zero, jnp.where(zero, 1.0, concentration).astype(concentration.dtype)
