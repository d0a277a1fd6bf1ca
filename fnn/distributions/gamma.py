"""`Gamma`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import digamma, gammainc, gammaln

from fnn.distributions import _draw, constraints
from fnn.distributions._implicit import gamma_sample
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import clamp, expanded, xlogy
from fnn.dtypes import to_array
from fnn.typing import ArrayLike

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """The gamma distribution, p(x) = rate^a x^(a - 1) exp(-rate x) / Gamma(a) with the concentration a.

    Args:
        concentration: > 0.
        rate: the inverse of the scale, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> distributions.Gamma(2.0, 1.0).sample((3,)).shape
        (3,)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _PARAMS = {"concentration": 0, "rate": 0}
    concentration: jax.Array
    rate: jax.Array

    def __init__(self, concentration: ArrayLike, rate: ArrayLike, validate_args: bool | None = None) -> None:
        self._set(validate_args, concentration=concentration, rate=rate)

    @property
    def mean(self) -> jax.Array:
        return self.concentration / self.rate

    @property
    def mode(self) -> jax.Array:
        return clamp((self.concentration - 1) / self.rate, 0.0)

    @property
    def variance(self) -> jax.Array:
        return self.concentration / self.rate**2

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        shape = self._extended_shape(sample_shape)
        concentration = expanded(self.concentration, shape)
        drawn = gamma_sample(_draw.gamma(concentration, "Gamma"), concentration)
        value = drawn / expanded(self.rate, shape)
        tiny = float(jnp.finfo(value.dtype).tiny)
        return value + lax.stop_gradient(jnp.maximum(value, tiny) - value)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value = jnp.asarray(to_array(value, "value", "Gamma.log_prob: "), self.rate.dtype)
        value, concentration, rate = self._at(value, self.concentration, self.rate)
        return xlogy(concentration, rate) + xlogy(concentration - 1, value) - rate * value - gammaln(concentration)

    def entropy(self) -> jax.Array:
        a = self.concentration
        return a - jnp.log(self.rate) + gammaln(a) + (1.0 - a) * digamma(a)

    def cdf(self, value: ArrayLike) -> jax.Array:
        value, concentration, rate = self._at(value, self.concentration, self.rate)
        return gammainc(concentration, rate * value)

    @property
    def _mean_carrier_measure(self) -> float:
        return 0.0

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        x, y = natural_params
        return gammaln(x + 1) + (x + 1) * jnp.log(-1 / y)
