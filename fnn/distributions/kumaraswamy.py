"""`Kumaraswamy`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from fnn.distributions import constraints
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import AffineTransform, PowerTransform
from fnn.distributions.uniform import Uniform
from fnn.distributions.utils import broadcast_all, euler_constant
from fnn.typing import ArrayLike

__all__ = ["Kumaraswamy"]


class Kumaraswamy(TransformedDistribution):
    """The Kumaraswamy distribution on [0, 1]: P(X <= x) = 1 - (1 - x^a)^b.

    Args:
        concentration1: a, > 0.
        concentration0: b, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Kumaraswamy(1.0, 1.0).mean)
        0.5
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _PARAMS = {"concentration1": 0, "concentration0": 0}

    def __init__(self, concentration1: ArrayLike, concentration0: ArrayLike, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        zero = jnp.zeros_like(self.concentration0)
        base = Uniform(zero, zero + 1, validate_args=validate_args)
        transforms = [
            PowerTransform(1 / self.concentration0),
            AffineTransform(1.0, -1.0),
            PowerTransform(1 / self.concentration1),
        ]
        super().__init__(base, transforms, validate_args)

    def _moment(self, n: int) -> jax.Array:
        first, b = 1 + n / self.concentration1, self.concentration0
        return b * jnp.exp(gammaln(first) + gammaln(b) - gammaln(first + b))

    @property
    def mean(self) -> jax.Array:
        return self._moment(1)

    @property
    def mode(self) -> jax.Array:
        a, b = self.concentration1, self.concentration0
        # with PyTorch's exponent, 1 / b
        log_mode = jnp.log1p(-b) / b - jnp.log1p(-b * a)
        return jnp.exp(jnp.where((b < 1) | (a < 1), math.nan, log_mode))

    @property
    def variance(self) -> jax.Array:
        return self._moment(2) - self.mean**2

    def entropy(self) -> jax.Array:
        a, b = self.concentration1, self.concentration0
        return (1 - 1 / b) + (1 - 1 / a) * (digamma(b + 1) + euler_constant) - jnp.log(a) - jnp.log(b)
