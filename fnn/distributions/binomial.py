"""`Binomial`."""

from __future__ import annotations

from typing import cast

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from fnn.distributions import _draw, constraints
from fnn.distributions._logits import OfProbabilities
from fnn.distributions.constraints import Constraint
from fnn.distributions.utils import enumerated, expanded, is_number
from fnn.errors import ArgumentError
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["Binomial"]


class Binomial(OfProbabilities):
    """The binomial distribution of successes among ``total_count`` trials.

    Args:
        total_count: the number of trials, an integer >= 0.
        probs: the probabilities, in [0, 1].
        logits: or their log odds.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Binomial(10, 0.5).mean)
        5.0
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    _PARAMS = {"total_count": 0, "probs": 0, "logits": 0}
    total_count: jax.Array

    def __init__(
        self,
        total_count: ArrayLike = 1,
        probs: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        # a number is known also while the array of it is traced
        self._number = int(cast(int, total_count)) if is_number(total_count) else None
        super().__init__(self._take(probs, logits, total_count=total_count), (), validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Constraint:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> jax.Array:
        return self.total_count * self.probs

    @property
    def mode(self) -> jax.Array:
        return jnp.minimum(jnp.floor((self.total_count + 1) * self.probs), self.total_count)

    @property
    def variance(self) -> jax.Array:
        return self.total_count * self.probs * (1 - self.probs)

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        shape = self._extended_shape(sample_shape)
        return _draw.binomial(expanded(self.total_count, shape), expanded(self.probs, shape))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, n, logits = self._at(value, self.total_count, self.logits)
        ways = gammaln(n + 1) - gammaln(value + 1) - gammaln(n - value + 1)
        return value * logits - n * jax.nn.softplus(logits) + ways

    def _trials(self, what: str) -> int:
        if self._number is not None:
            return self._number
        counts = concrete(self.total_count)
        if counts is None:
            raise ArgumentError(f"Binomial.{what}: total_count gives the shape and must not be traced")
        if counts.min() != counts.max():
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{what}`.")
        return int(counts.max())

    def entropy(self) -> jax.Array:
        self._trials("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(jnp.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> jax.Array:
        values = jnp.arange(1 + self._trials("enumerate_support"), dtype=self._param.dtype)
        return enumerated(values, self._batch_shape, expand)
