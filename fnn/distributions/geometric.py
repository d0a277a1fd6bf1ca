"""`Geometric`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions._logits import OfProbabilities
from fnn.distributions.utils import aligned, binary_log_prob
from fnn.errors import ArgumentError
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["Geometric"]


class Geometric(OfProbabilities):
    """The geometric distribution of failures before the first success, P(k) = (1 - probs)^k probs.

    Args:
        probs: the probabilities, in [0, 1].
        logits: or their log odds.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Geometric(0.25).mean)
        3.0
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _PARAMS = {"probs": 0, "logits": 0}

    def __init__(
        self, probs: ArrayLike | None = None, logits: ArrayLike | None = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(self._take(probs, logits), (), validate_args)
        if self._validate_args and probs is not None:
            value = concrete(self.probs)
            if value is not None and not (value > 0).all():
                raise ArgumentError(
                    f"Expected parameter probs (Array of shape {value.shape}) of distribution {self!r} "
                    f"to be positive but found invalid values:\n{value[~(value > 0)]}"
                )

    @property
    def mean(self) -> jax.Array:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> jax.Array:
        return jnp.zeros_like(self.probs)

    @property
    def variance(self) -> jax.Array:
        return (1.0 / self.probs - 1.0) / self.probs

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        dtype = self.probs.dtype
        tiny = float(jnp.finfo(dtype).tiny)
        u, probs = aligned(_draw.uniform(self._extended_shape(sample_shape), dtype, "Geometric", tiny, 1.0), self.probs)
        return jnp.floor(jnp.log(u) / jnp.log1p(-probs))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, probs = self._at(value, self.probs)
        return value * jnp.log1p(-jnp.where((probs == 1) & (value == 0), 0.0, probs)) + jnp.log(probs)

    def entropy(self) -> jax.Array:
        return -binary_log_prob(self.logits, self.probs) / self.probs
