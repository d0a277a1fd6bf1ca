"""`Bernoulli`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions._logits import OfProbabilities
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import binary_log_prob, enumerated, expanded
from fnn.typing import ArrayLike

__all__ = ["Bernoulli"]


class Bernoulli(OfProbabilities, ExponentialFamily):
    """The Bernoulli distribution on {0, 1}: 1 with probability ``probs``.

    Args:
        probs: the probabilities, in [0, 1].
        logits: or their log odds.
        validate_args: see `Distribution`.

    Example:
        >>> import fnn
        >>> from fnn import distributions
        >>> _ = fnn.manual_seed(0)
        >>> print(distributions.Bernoulli(0.3).sample((4,)))
        [0. 0. 1. 1.]
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _PARAMS = {"probs": 0, "logits": 0}

    def __init__(
        self, probs: ArrayLike | None = None, logits: ArrayLike | None = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(self._take(probs, logits), (), validate_args)

    @property
    def mean(self) -> jax.Array:
        return self.probs

    @property
    def mode(self) -> jax.Array:
        return jnp.where(self.probs == 0.5, math.nan, (self.probs >= 0.5).astype(self.probs.dtype))

    @property
    def variance(self) -> jax.Array:
        return self.probs * (1 - self.probs)

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return _draw.bernoulli(expanded(self.probs, self._extended_shape(sample_shape)))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, logits = self._at(value, self.logits)
        return binary_log_prob(logits, value)

    def entropy(self) -> jax.Array:
        return -binary_log_prob(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> jax.Array:
        return enumerated(jnp.arange(2, dtype=self._param.dtype), self._batch_shape, expand)

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return (jnp.log(self.probs) - jnp.log1p(-self.probs),)

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        return jax.nn.softplus(natural_params[0])
