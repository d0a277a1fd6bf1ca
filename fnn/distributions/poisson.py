"""`Poisson`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from fnn.distributions import _draw, constraints
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import expanded, xlogy
from fnn.typing import ArrayLike

__all__ = ["Poisson"]


class Poisson(ExponentialFamily):
    """The Poisson distribution of counts, P(k) = rate^k exp(-rate) / k!.

    Args:
        rate: the mean, >= 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Poisson(3.0).variance)
        3.0
    """

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    _PARAMS = {"rate": 0}
    rate: jax.Array

    def __init__(self, rate: ArrayLike, validate_args: bool | None = None) -> None:
        self._set(validate_args, rate=rate)

    @property
    def mean(self) -> jax.Array:
        return self.rate

    @property
    def mode(self) -> jax.Array:
        return jnp.floor(self.rate)

    @property
    def variance(self) -> jax.Array:
        return self.rate

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return _draw.poisson(expanded(self.rate, self._extended_shape(sample_shape)))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, rate = self._at(value, self.rate)
        return xlogy(value, rate) - rate - gammaln(value + 1)

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return (jnp.log(self.rate),)

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        return jnp.exp(natural_params[0])
