"""`Cauchy`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned
from fnn.typing import ArrayLike

__all__ = ["Cauchy"]


class Cauchy(Distribution):
    """The Cauchy distribution, p(x) = 1 / (pi scale (1 + ((x - loc) / scale)²)).

    Args:
        loc: the centre.
        scale: the width, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> distributions.Cauchy(0.0, 1.0).sample((2,)).shape
        (2,)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _PARAMS = {"loc": 0, "scale": 0}
    loc: jax.Array
    scale: jax.Array

    def __init__(self, loc: ArrayLike, scale: ArrayLike, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, scale=scale)

    @property
    def mean(self) -> jax.Array:
        return jnp.full_like(self.loc, math.nan)

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @property
    def variance(self) -> jax.Array:
        return jnp.full_like(self.loc, math.inf)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        drawn, loc, scale = aligned(
            _draw.cauchy(self._extended_shape(sample_shape), self.loc.dtype), self.loc, self.scale
        )
        return loc + drawn * scale

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = self._at(value, self.loc, self.scale)
        return -math.log(math.pi) - jnp.log(scale) - jnp.log1p(((value - loc) / scale) ** 2)

    def cdf(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = self._at(value, self.loc, self.scale)
        return jnp.arctan((value - loc) / scale) / math.pi + 0.5

    def icdf(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = aligned(value, self.loc, self.scale)
        return jnp.tan(math.pi * (value - 0.5)) * scale + loc

    def entropy(self) -> jax.Array:
        return math.log(4 * math.pi) + jnp.log(self.scale)
