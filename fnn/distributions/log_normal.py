"""`LogNormal`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.distributions import constraints
from fnn.distributions.normal import Normal
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import ExpTransform
from fnn.typing import ArrayLike

__all__ = ["LogNormal"]


class LogNormal(TransformedDistribution):
    """The distribution of exp(X) for a normal X.

    Args:
        loc: the mean of the logarithm.
        scale: its standard deviation, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.LogNormal(0.0, 1.0).mode)
        0.36787945
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _PARAMS = {}

    def __init__(self, loc: ArrayLike, scale: ArrayLike, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    @property
    def loc(self) -> jax.Array:
        """The mean of the logarithm."""
        return self.base_dist.loc

    @property
    def scale(self) -> jax.Array:
        """The standard deviation of the logarithm."""
        return self.base_dist.scale

    @property
    def mean(self) -> jax.Array:
        return jnp.exp(self.loc + self.scale**2 / 2)

    @property
    def mode(self) -> jax.Array:
        return jnp.exp(self.loc - self.scale**2)

    @property
    def variance(self) -> jax.Array:
        return jnp.expm1(self.scale**2) * jnp.exp(2 * self.loc + self.scale**2)

    def entropy(self) -> jax.Array:
        return self.base_dist.entropy() + self.loc
