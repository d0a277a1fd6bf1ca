"""`NegativeBinomial`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from fnn.distributions import _draw, constraints
from fnn.distributions._logits import OfProbabilities
from fnn.distributions.gamma import Gamma
from fnn.distributions.utils import clamp
from fnn.typing import ArrayLike

__all__ = ["NegativeBinomial"]


class NegativeBinomial(OfProbabilities):
    """The negative binomial distribution of successes before ``total_count`` failures.

    Args:
        total_count: the number of failures, >= 0.
        probs: the probabilities of success, in [0, 1).
        logits: or their log odds.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.NegativeBinomial(4.0, 0.5).mean)
        4.0
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _PARAMS = {"total_count": 0, "probs": 0, "logits": 0}
    total_count: jax.Array

    def __init__(
        self,
        total_count: ArrayLike,
        probs: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(self._take(probs, logits, total_count=total_count), (), validate_args)

    @property
    def mean(self) -> jax.Array:
        return self.total_count * jnp.exp(self.logits)

    @property
    def mode(self) -> jax.Array:
        return clamp(jnp.floor((self.total_count - 1) * jnp.exp(self.logits)), 0.0)

    @property
    def variance(self) -> jax.Array:
        return self.mean / jax.nn.sigmoid(-self.logits)

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        rate = Gamma(self.total_count, jnp.exp(-self.logits), validate_args=False).sample(sample_shape)
        return _draw.poisson(rate, "NegativeBinomial")

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, n, logits = self._at(value, self.total_count, self.logits)
        powers = n * jax.nn.log_sigmoid(-logits) + value * jax.nn.log_sigmoid(logits)
        nothing = n + value == 0.0
        safe = jnp.where(nothing, 1.0, n)
        return powers + jnp.where(nothing, 0.0, gammaln(safe + value) - gammaln(1.0 + value) - gammaln(safe))
