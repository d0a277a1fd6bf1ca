"""`ExpRelaxedCategorical`, `RelaxedOneHotCategorical`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions._logits import OfCategories
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import ExpTransform
from fnn.distributions.utils import aligned, broadcast_all, clamp_probs
from fnn.typing import ArrayLike

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(OfCategories):
    """The logarithm of a `RelaxedOneHotCategorical`.

    Args:
        temperature: > 0.
        probs: (*, K), weights of the categories.
        logits: (*, K), or their logarithms.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions.relaxed_categorical import ExpRelaxedCategorical
        >>> ExpRelaxedCategorical(0.5, logits=jnp.zeros(3)).sample((2,)).shape
        (2, 3)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True
    _PARAMS = {"probs": 1, "logits": 1}

    def __init__(
        self,
        temperature: ArrayLike,
        probs: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        batch_shape = self._take_categories(probs, logits)
        (self.temperature,) = broadcast_all(temperature)
        super().__init__(batch_shape, self.param_shape[-1:], validate_args)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        shape = self._extended_shape(sample_shape)
        u = clamp_probs(_draw.uniform(shape, self.logits.dtype, type(self).__name__))
        gumbel, logits, temperature = aligned(-jnp.log(-jnp.log(u)), self.logits, self.temperature)
        return jax.nn.log_softmax((logits + gumbel) / temperature, axis=-1)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        k = self._num_events
        value, logits, temperature = self._at(value, self.logits, self.temperature)
        score = jax.nn.log_softmax(logits - value * temperature, axis=-1).sum(-1)
        score, log_temperature = aligned(score, jnp.log(self.temperature))
        return score + math.lgamma(k) + (k - 1) * log_temperature


class RelaxedOneHotCategorical(TransformedDistribution):
    """A differentiable relaxation of the one-hot categorical distribution on the simplex: Gumbel-softmax.

    Args:
        temperature: > 0; the lower, the closer to the corners.
        probs: (*, K), weights of the categories.
        logits: (*, K), or their logarithms.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> distributions.RelaxedOneHotCategorical(0.5, logits=jnp.zeros(3)).rsample().shape
        (3,)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    _PARAMS = {}

    def __init__(
        self,
        temperature: ArrayLike,
        probs: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args)

    @property
    def temperature(self) -> jax.Array:
        """How soft the samples are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> jax.Array:
        """The logarithms of the probabilities."""
        return self.base_dist.logits

    @property
    def probs(self) -> jax.Array:
        """The probabilities."""
        return self.base_dist.probs
