"""`Exponential`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import aligned
from fnn.typing import ArrayLike

__all__ = ["Exponential"]


class Exponential(ExponentialFamily):
    """The exponential distribution, p(x) = rate exp(-rate x).

    Args:
        rate: the inverse of the mean, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> import fnn
        >>> from fnn import distributions
        >>> _ = fnn.manual_seed(0)
        >>> distributions.Exponential(2.0).sample((3,)).shape
        (3,)
    """

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _PARAMS = {"rate": 0}
    rate: jax.Array

    def __init__(self, rate: ArrayLike, validate_args: bool | None = None) -> None:
        self._set(validate_args, rate=rate)

    @property
    def mean(self) -> jax.Array:
        return 1 / self.rate

    @property
    def mode(self) -> jax.Array:
        return jnp.zeros_like(self.rate)

    @property
    def stddev(self) -> jax.Array:
        return 1 / self.rate

    @property
    def variance(self) -> jax.Array:
        return 1 / self.rate**2

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        drawn, rate = aligned(_draw.exponential(self._extended_shape(sample_shape), self.rate.dtype), self.rate)
        return drawn / rate

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, rate = self._at(value, self.rate)
        return jnp.log(rate) - rate * value

    def cdf(self, value: ArrayLike) -> jax.Array:
        value, rate = self._at(value, self.rate)
        return 1 - jnp.exp(-rate * value)

    def icdf(self, value: ArrayLike) -> jax.Array:
        value, rate = aligned(value, self.rate)
        return -jnp.log1p(-value) / rate

    def entropy(self) -> jax.Array:
        return 1.0 - jnp.log(self.rate)

    @property
    def _mean_carrier_measure(self) -> float:
        return 0.0

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return (-self.rate,)

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        return -jnp.log(-natural_params[0])
