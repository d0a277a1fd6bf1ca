"""`Beta`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from fnn.distributions import constraints
from fnn.distributions.dirichlet import Dirichlet
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import xlogy
from fnn.typing import ArrayLike

__all__ = ["Beta"]


class Beta(ExponentialFamily):
    """The beta distribution, p(x) = x^(a - 1) (1 - x)^(b - 1) / B(a, b).

    Args:
        concentration1: a, > 0.
        concentration0: b, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Beta(1.0, 3.0).mean)
        0.25
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _PARAMS = {"concentration1": 0, "concentration0": 0}
    concentration1: jax.Array
    concentration0: jax.Array

    def __init__(self, concentration1: ArrayLike, concentration0: ArrayLike, validate_args: bool | None = None) -> None:
        self._set(validate_args, concentration1=concentration1, concentration0=concentration0)

    def _dirichlet(self) -> Dirichlet:
        return Dirichlet(jnp.stack([self.concentration1, self.concentration0], -1), validate_args=False)

    @property
    def mean(self) -> jax.Array:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> jax.Array:
        return self._dirichlet().mode[..., 0]

    @property
    def variance(self) -> jax.Array:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return self._dirichlet().rsample(sample_shape)[..., 0]

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, a, b = self._at(value, self.concentration1, self.concentration0)
        return xlogy(a - 1.0, value) + xlogy(b - 1.0, 1.0 - value) + gammaln(a + b) - gammaln(a) - gammaln(b)

    def entropy(self) -> jax.Array:
        return self._dirichlet().entropy()

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        x, y = natural_params
        return gammaln(x) + gammaln(y) - gammaln(x + y)
