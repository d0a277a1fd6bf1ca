"""`StudentT`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import digamma, gammaln

from fnn.distributions import _draw, constraints
from fnn.distributions.chi2 import Chi2
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned
from fnn.typing import ArrayLike

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Student's t-distribution, of a normal number over the root of an independent chi-squared one by its ``df``.

    Args:
        df: the degrees of freedom, > 0.
        loc: the centre.
        scale: the width, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.StudentT(4.0).variance)
        2.0
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _PARAMS = {"df": 0, "loc": 0, "scale": 0}
    df: jax.Array
    loc: jax.Array
    scale: jax.Array

    def __init__(
        self, df: ArrayLike, loc: ArrayLike = 0.0, scale: ArrayLike = 1.0, validate_args: bool | None = None
    ) -> None:
        self._set(validate_args, df=df, loc=loc, scale=scale)

    @property
    def mean(self) -> jax.Array:
        return jnp.where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @property
    def variance(self) -> jax.Array:
        finite = self.df > 2
        df = jnp.where(finite, self.df, 3.0)
        return jnp.where(
            finite, self.scale**2 * df / (df - 2), jnp.where(self.df > 1, math.inf, math.nan).astype(df.dtype)
        )

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        normal = _draw.normal(self._extended_shape(sample_shape), self.df.dtype, "StudentT")
        chi2 = Chi2(self.df, validate_args=False).rsample(sample_shape)
        normal, chi2, df, loc, scale = aligned(normal, chi2, self.df, self.loc, self.scale)
        return loc + scale * (normal * lax.rsqrt(chi2 / df))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, df, loc, scale = self._at(value, self.df, self.loc, self.scale)
        y = (value - loc) / scale
        norm = jnp.log(scale) + 0.5 * jnp.log(df) + 0.5 * math.log(math.pi)
        norm = norm + gammaln(0.5 * df) - gammaln(0.5 * (df + 1.0))
        return -0.5 * (df + 1.0) * jnp.log1p(y**2 / df) - norm

    def entropy(self) -> jax.Array:
        df = self.df
        log_beta = gammaln(0.5 * df) + math.lgamma(0.5) - gammaln(0.5 * (df + 1))
        slope = digamma(0.5 * (df + 1)) - digamma(0.5 * df)
        return jnp.log(self.scale) + 0.5 * (df + 1) * slope + 0.5 * jnp.log(df) + log_beta
