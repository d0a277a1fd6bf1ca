"""`LogitRelaxedBernoulli`, `RelaxedBernoulli`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions._logits import OfProbabilities
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import SigmoidTransform
from fnn.distributions.utils import aligned, broadcast_all, clamp_probs, expanded
from fnn.typing import ArrayLike

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(OfProbabilities):
    """The log odds of a `RelaxedBernoulli`: of a logistic number with this mean over the temperature.

    Args:
        temperature: > 0.
        probs: the probabilities of 1, in [0, 1].
        logits: or their log odds.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> from fnn.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
        >>> LogitRelaxedBernoulli(0.5, logits=0.0).sample((3,)).shape
        (3,)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    _PARAMS = {"probs": 0, "logits": 0}

    def __init__(
        self,
        temperature: ArrayLike,
        probs: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        shape = self._take(probs, logits)
        (self.temperature,) = broadcast_all(temperature)
        super().__init__(shape, (), validate_args)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(expanded(self.probs, shape))
        u = clamp_probs(_draw.uniform(shape, probs.dtype, type(self).__name__))
        logistic, temperature = aligned(
            jnp.log(u) - jnp.log1p(-u) + jnp.log(probs) - jnp.log1p(-probs), self.temperature
        )
        return logistic / temperature

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, logits, temperature = self._at(value, self.logits, self.temperature)
        diff = logits - value * temperature
        return jnp.log(temperature) + diff - 2 * jnp.log1p(jnp.exp(diff))


class RelaxedBernoulli(TransformedDistribution):
    """A differentiable relaxation of the Bernoulli distribution on [0, 1] (Maddison and others, 2017).

    Args:
        temperature: > 0; the lower, the closer to 0 and 1.
        probs: the probabilities of 1, in [0, 1].
        logits: or their log odds.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> distributions.RelaxedBernoulli(0.5, probs=0.3).rsample((3,)).shape
        (3,)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _PARAMS = {}

    def __init__(
        self,
        temperature: ArrayLike,
        probs: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(), validate_args)

    @property
    def temperature(self) -> jax.Array:
        """How soft the samples are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> jax.Array:
        """The log odds of 1."""
        return self.base_dist.logits

    @property
    def probs(self) -> jax.Array:
        """The probabilities of 1."""
        return self.base_dist.probs
