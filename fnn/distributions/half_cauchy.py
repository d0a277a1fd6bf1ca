"""`HalfCauchy`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import constraints
from fnn.distributions.cauchy import Cauchy
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import AbsTransform
from fnn.distributions.utils import aligned
from fnn.typing import ArrayLike

__all__ = ["HalfCauchy"]


class HalfCauchy(TransformedDistribution):
    """The distribution of abs(X) for a Cauchy X around 0.

    Args:
        scale: the width, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.HalfCauchy(1.0).mean)
        inf
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _PARAMS = {}

    def __init__(self, scale: ArrayLike, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0.0, scale, validate_args=False), AbsTransform(), validate_args)

    @property
    def scale(self) -> jax.Array:
        """The width."""
        return self.base_dist.scale

    @property
    def mean(self) -> jax.Array:
        return jnp.full_like(self.scale, math.inf)

    @property
    def variance(self) -> jax.Array:
        return self.base_dist.variance

    @property
    def mode(self) -> jax.Array:
        return jnp.zeros_like(self.scale)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        if self._validate_args:
            self._validate_sample(value)
        (value,) = aligned(value)
        (value, log_prob) = aligned(value, self.base_dist.log_prob(value) + math.log(2))
        return jnp.where(value >= 0, log_prob, -math.inf)

    def cdf(self, value: ArrayLike) -> jax.Array:
        if self._validate_args:
            self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: ArrayLike) -> jax.Array:
        (value,) = aligned(value)
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> jax.Array:
        return self.base_dist.entropy() - math.log(2)
