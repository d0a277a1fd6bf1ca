"""`VonMises`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import i0e, i1e

from fnn.distributions import _draw, constraints
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import expanded
from fnn.typing import ArrayLike

__all__ = ["VonMises"]


class VonMises(Distribution):
    """The von Mises distribution of angles, p(x) ~ exp(concentration cos(x - loc)).

    Args:
        loc: the mean angle.
        concentration: > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> distributions.VonMises(0.0, 4.0).sample((3,)).shape
        (3,)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _PARAMS = {"loc": 0, "concentration": 0}
    loc: jax.Array
    concentration: jax.Array

    def __init__(self, loc: ArrayLike, concentration: ArrayLike, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, concentration=concentration)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, loc, concentration = self._at(value, self.loc, self.concentration)
        # i0e(k) = exp(-k) I0(k) does not overflow
        norm = math.log(2 * math.pi) + jnp.log(i0e(concentration)) + concentration
        return concentration * jnp.cos(value - loc) - norm

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        shape = self._extended_shape(sample_shape)
        return _draw.von_mises(expanded(self.loc, shape), expanded(self.concentration, shape))

    @property
    def mean(self) -> jax.Array:
        return self.loc

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @property
    def variance(self) -> jax.Array:
        """The circular variance, 1 - I1(concentration) / I0(concentration)."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)
