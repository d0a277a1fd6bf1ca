"""`FisherSnedecor`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from fnn.distributions import constraints
from fnn.distributions.distribution import Distribution
from fnn.distributions.gamma import Gamma
from fnn.distributions.utils import clamp
from fnn.typing import ArrayLike

__all__ = ["FisherSnedecor"]


class FisherSnedecor(Distribution):
    """Fisher's F-distribution, of the quotient of two independent chi-squared numbers, each over its ``df``.

    Args:
        df1: the degrees of freedom above, > 0.
        df2: those below, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.FisherSnedecor(1.0, 4.0).mean)
        2.0
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _PARAMS = {"df1": 0, "df2": 0}
    df1: jax.Array
    df2: jax.Array

    def __init__(self, df1: ArrayLike, df2: ArrayLike, validate_args: bool | None = None) -> None:
        self._set(validate_args, df1=df1, df2=df2)

    @property
    def mean(self) -> jax.Array:
        df2 = jnp.where(self.df2 <= 2, math.nan, self.df2)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> jax.Array:
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return jnp.where(self.df1 <= 2, math.nan, mode)

    @property
    def variance(self) -> jax.Array:
        df2 = jnp.where(self.df2 <= 4, math.nan, self.df2)
        return 2 * df2**2 * (self.df1 + df2 - 2) / (self.df1 * (df2 - 2) ** 2 * (df2 - 4))

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        tiny = float(jnp.finfo(self.df1.dtype).tiny)
        above, below = (Gamma(df * 0.5, df, validate_args=False).rsample(sample_shape) for df in (self.df1, self.df2))
        return clamp(above / clamp(below, tiny), tiny)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, df1, df2 = self._at(value, self.df1, self.df2)
        a, b, ratio = df1 * 0.5, df2 * 0.5, df1 / df2
        norm = gammaln(a + b) - gammaln(a) - gammaln(b)
        return norm + a * jnp.log(ratio) + (a - 1) * jnp.log(value) - (a + b) * jnp.log1p(ratio * value)
