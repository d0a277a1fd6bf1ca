"""`Normal`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import erf, erfinv

from fnn.distributions import _draw, constraints
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import aligned
from fnn.typing import ArrayLike

__all__ = ["Normal"]


class Normal(ExponentialFamily):
    """The normal distribution, log p(x) = -(x - loc)² / (2 scale²) - log(scale sqrt(2 pi)).

    Args:
        loc: the centre.
        scale: the width, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> import fnn
        >>> from fnn import distributions
        >>> _ = fnn.manual_seed(0)
        >>> print(distributions.Normal(0.0, 1.0).sample((2,)))
        [ 1.5409961 -0.2934289]
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
        return self.loc

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @property
    def stddev(self) -> jax.Array:
        return self.scale

    @property
    def variance(self) -> jax.Array:
        return self.scale**2

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        drawn, loc, scale = aligned(
            _draw.normal(self._extended_shape(sample_shape), self.loc.dtype), self.loc, self.scale
        )
        return loc + drawn * scale

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = self._at(value, self.loc, self.scale)
        return -((value - loc) ** 2) / (2 * scale**2) - jnp.log(scale) - 0.5 * math.log(2 * math.pi)

    def cdf(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = self._at(value, self.loc, self.scale)
        return 0.5 * (1 + erf((value - loc) / scale / math.sqrt(2)))

    def icdf(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = aligned(value, self.loc, self.scale)
        return loc + scale * erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> jax.Array:
        return 0.5 + 0.5 * math.log(2 * math.pi) + jnp.log(self.scale)

    @property
    def _mean_carrier_measure(self) -> float:
        return 0.0

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return self.loc / self.scale**2, -0.5 / self.scale**2

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        x, y = natural_params
        return -0.25 * x**2 / y + 0.5 * jnp.log(-math.pi / y)
