"""`Pareto`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.distributions import constraints
from fnn.distributions.constraints import Constraint
from fnn.distributions.exponential import Exponential
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import AffineTransform, ExpTransform
from fnn.distributions.utils import broadcast_all, clamp
from fnn.typing import ArrayLike

__all__ = ["Pareto"]


class Pareto(TransformedDistribution):
    """The Pareto distribution of type 1: P(X > x) = (scale / x)^alpha for x >= scale.

    Args:
        scale: the smallest value, > 0.
        alpha: the weight of the tail, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Pareto(1.0, 2.0).mean)
        2.0
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}
    _PARAMS = {"scale": 0, "alpha": 0}

    def __init__(self, scale: ArrayLike, alpha: ArrayLike, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(base, [ExpTransform(), AffineTransform(0, self.scale)], validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> jax.Array:
        a = clamp(self.alpha, 1)
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> jax.Array:
        return self.scale

    @property
    def variance(self) -> jax.Array:
        a = clamp(self.alpha, 2)
        return self.scale**2 * a / ((a - 1) ** 2 * (a - 2))

    def entropy(self) -> jax.Array:
        return jnp.log(self.scale / self.alpha) + (1 + 1 / self.alpha)
