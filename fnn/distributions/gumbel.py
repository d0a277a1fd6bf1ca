"""`Gumbel`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import constraints
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import AffineTransform, ExpTransform
from fnn.distributions.uniform import Uniform
from fnn.distributions.utils import broadcast_all, euler_constant
from fnn.typing import ArrayLike

__all__ = ["Gumbel"]


class Gumbel(TransformedDistribution):
    """The Gumbel distribution, of largest values: P(X <= x) = exp(-exp(-(x - loc) / scale)).

    Args:
        loc: the mode.
        scale: the width, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Gumbel(0.0, 1.0).mean)
        0.5772157
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    _PARAMS = {"loc": 0, "scale": 0}

    def __init__(self, loc: ArrayLike, scale: ArrayLike, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        info = jnp.finfo(self.loc.dtype)
        base = Uniform(
            jnp.full_like(self.loc, float(info.tiny)),
            jnp.full_like(self.loc, 1 - float(info.eps)),
            validate_args,
        )
        transforms = [
            ExpTransform().inv,
            AffineTransform(0, -jnp.ones_like(self.scale)),
            ExpTransform().inv,
            AffineTransform(self.loc, -self.scale),
        ]
        super().__init__(base, transforms, validate_args)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = self._at(value, self.loc, self.scale)
        y = (loc - value) / scale
        return y - jnp.exp(y) - jnp.log(scale)

    @property
    def mean(self) -> jax.Array:
        return self.loc + self.scale * euler_constant

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @property
    def stddev(self) -> jax.Array:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> jax.Array:
        return self.stddev**2

    def entropy(self) -> jax.Array:
        return jnp.log(self.scale) + (1 + euler_constant)
