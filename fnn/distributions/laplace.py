"""`Laplace`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned
from fnn.typing import ArrayLike

__all__ = ["Laplace"]


class Laplace(Distribution):
    """The Laplace distribution, log p(x) = -abs(x - loc) / scale - log(2 scale).

    Args:
        loc: the centre.
        scale: the width, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> distributions.Laplace(0.0, 1.0).sample((2,)).shape
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
        return self.loc

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @property
    def variance(self) -> jax.Array:
        return 2 * self.scale**2

    @property
    def stddev(self) -> jax.Array:
        return 2**0.5 * self.scale

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        dtype = self.loc.dtype
        u = _draw.uniform(self._extended_shape(sample_shape), dtype, "Laplace", float(jnp.finfo(dtype).eps) - 1, 1.0)
        u, loc, scale = aligned(u, self.loc, self.scale)
        return loc - scale * jnp.sign(u) * jnp.log1p(-abs(u))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = self._at(value, self.loc, self.scale)
        return -jnp.log(2 * scale) - abs(value - loc) / scale

    def cdf(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = self._at(value, self.loc, self.scale)
        return 0.5 - 0.5 * jnp.sign(value - loc) * jnp.expm1(-abs(value - loc) / scale)

    def icdf(self, value: ArrayLike) -> jax.Array:
        value, loc, scale = aligned(value, self.loc, self.scale)
        term = value - 0.5
        return loc - scale * jnp.sign(term) * jnp.log1p(-2 * abs(term))

    def entropy(self) -> jax.Array:
        return 1 + jnp.log(2 * self.scale)
