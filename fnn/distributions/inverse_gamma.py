"""`InverseGamma`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from fnn.distributions import constraints
from fnn.distributions.gamma import Gamma
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import PowerTransform
from fnn.typing import ArrayLike

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """The distribution of 1 / X for a gamma X.

    Args:
        concentration: > 0.
        rate: that of X, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.InverseGamma(3.0, 1.0).mean)
        0.5
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _PARAMS = {}

    def __init__(self, concentration: ArrayLike, rate: ArrayLike, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args)
        super().__init__(base, PowerTransform(-jnp.ones((), base.rate.dtype)), validate_args)

    @property
    def concentration(self) -> jax.Array:
        """That of the gamma distribution."""
        return self.base_dist.concentration

    @property
    def rate(self) -> jax.Array:
        """That of the gamma distribution."""
        return self.base_dist.rate

    @property
    def mean(self) -> jax.Array:
        a = self.concentration
        return jnp.where(a > 1, self.rate / (a - 1), math.inf)

    @property
    def mode(self) -> jax.Array:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> jax.Array:
        a = self.concentration
        return jnp.where(a > 2, self.rate**2 / ((a - 1) ** 2 * (a - 2)), math.inf)

    def entropy(self) -> jax.Array:
        a = self.concentration
        return a + jnp.log(self.rate) + gammaln(a) - (1 + a) * digamma(a)
