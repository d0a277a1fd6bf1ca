"""`Weibull`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from fnn.distributions import constraints
from fnn.distributions.exponential import Exponential
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import AffineTransform, PowerTransform
from fnn.distributions.utils import broadcast_all, euler_constant
from fnn.typing import ArrayLike

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """The Weibull distribution, of scale * E^(1 / concentration) for an exponential E of rate 1.

    Args:
        scale: > 0.
        concentration: > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Weibull(2.0, 1.0).mean)
        2.0
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    _PARAMS = {"scale": 0, "concentration": 0}

    def __init__(self, scale: ArrayLike, concentration: ArrayLike, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        base = Exponential(jnp.ones_like(self.scale), validate_args=validate_args)
        transforms = [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)]
        super().__init__(base, transforms, validate_args)

    @property
    def concentration_reciprocal(self) -> jax.Array:
        """1 / concentration."""
        return 1 / self.concentration

    @property
    def mean(self) -> jax.Array:
        return self.scale * jnp.exp(gammaln(1 + self.concentration_reciprocal))

    @property
    def mode(self) -> jax.Array:
        c = self.concentration
        return self.scale * ((c - 1) / c) ** (1 / c)

    @property
    def variance(self) -> jax.Array:
        first, second = (gammaln(1 + n * self.concentration_reciprocal) for n in (1, 2))
        return self.scale**2 * (jnp.exp(second) - jnp.exp(2 * first))

    def entropy(self) -> jax.Array:
        reciprocal = self.concentration_reciprocal
        return euler_constant * (1 - reciprocal) + jnp.log(self.scale * reciprocal) + 1
