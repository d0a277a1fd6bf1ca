"""`Multinomial`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from fnn.distributions import constraints
from fnn.distributions._logits import OfCategories
from fnn.distributions.binomial import Binomial
from fnn.distributions.categorical import Categorical
from fnn.distributions.constraints import Constraint
from fnn.typing import ArrayLike

__all__ = ["Multinomial"]


class Multinomial(OfCategories):
    """The multinomial distribution of the counts of K categories among ``total_count`` draws.

    Args:
        total_count: the number of draws, one for all.
        probs: (*, K), weights of the categories, >= 0; they are divided by their sum.
        logits: (*, K), or their logarithms, up to a constant.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> print(distributions.Multinomial(5, jnp.array([0.0, 1.0])).sample())
        [0. 5.]
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _PARAMS = {"probs": 1, "logits": 1}
    total_count: int

    def __init__(
        self,
        total_count: int = 1,
        probs: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        batch_shape = self._take_categories(probs, logits)
        super().__init__(batch_shape, self.param_shape[-1:], validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Constraint:
        return constraints.multinomial(self.total_count)

    @property
    def _categorical(self) -> Categorical:
        return Categorical(**{self._given: self._param}, validate_args=False)

    @property
    def mean(self) -> jax.Array:
        return self.probs * self.total_count

    @property
    def variance(self) -> jax.Array:
        return self.total_count * self.probs * (1 - self.probs)

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        drawn = self._categorical.sample((self.total_count, *sample_shape))
        return jax.nn.one_hot(drawn, self._num_events, dtype=self._param.dtype).sum(0)

    def entropy(self) -> jax.Array:
        n = self.total_count
        counts = Binomial(n, probs=self.probs, validate_args=False)
        support = counts.enumerate_support(expand=False)[1:]
        weighted = jnp.exp(counts.log_prob(support)) * gammaln(support + 1)
        return n * self._categorical.entropy() - math.lgamma(n + 1) + weighted.sum((0, -1))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, logits = self._at(value, self.logits)
        impossible = (value == 0) & (logits == -math.inf)
        powers = (jnp.where(impossible, 0.0, logits) * value).sum(-1)
        return gammaln(value.sum(-1) + 1) - gammaln(value + 1).sum(-1) + powers
