"""`MixtureSameFamily`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn.distributions import constraints
from fnn.distributions.categorical import Categorical
from fnn.distributions.constraints import Constraint
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned, expanded
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A mixture of the distributions along the last batch dimension of another one.

    Args:
        mixture_distribution: a `Categorical`, the weights of the components.
        component_distribution: the components, of batch shape (*, K).
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> weights = distributions.Categorical(jnp.ones(2))
        >>> parts = distributions.Normal(jnp.array([-1.0, 1.0]), 1.0)
        >>> distributions.MixtureSameFamily(weights, parts).sample((3,)).shape
        (3,)
    """

    arg_constraints = {}
    has_rsample = False
    _PARAMS = {}

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ArgumentError(
                f"The Mixture distribution needs to be an instance of Categorical, got {mixture_distribution}"
            )
        if not isinstance(component_distribution, Distribution):
            raise ArgumentError(
                f"The Component distribution needs to be an instance of Distribution, got {component_distribution}"
            )
        weights, batch = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for a, b in zip(reversed(weights), reversed(batch), strict=False):
            if a != 1 and b != 1 and a != b:
                raise ArgumentError(
                    f"`mixture_distribution.batch_shape` ({weights}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        count, components = mixture_distribution.param_shape[-1], component_distribution.batch_shape[-1]
        if count != components:
            raise ArgumentError(
                f"`mixture_distribution component` ({count}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({components})"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        super().__init__(batch, component_distribution.event_shape, validate_args)

    def _expand_into(self, new: Any) -> None:
        count = self._mixture_distribution.param_shape[-1]
        new._component_distribution = self._component_distribution.expand((*new._batch_shape, count))
        new._mixture_distribution = self._mixture_distribution.expand(new._batch_shape)

    def _refit(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        self._batch_shape = self._component_distribution.batch_shape[:-1]

    @constraints.dependent_property
    def support(self) -> Constraint:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The weights."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components."""
        return self._component_distribution

    def _padded(self, x: jax.Array) -> jax.Array:
        return jnp.expand_dims(x, -1 - len(self._event_shape))

    def _weighted(self, x: jax.Array) -> jax.Array:
        """The sum over the components, (*batch, K, *event) -> (*batch, *event)."""
        probs = self.mixture_distribution.probs
        probs, x = aligned(probs.reshape(*probs.shape, *(1 for _ in self._event_shape)), x)
        return (probs * x).sum(-1 - len(self._event_shape))

    @property
    def mean(self) -> jax.Array:
        return self._weighted(self.component_distribution.mean)

    @property
    def variance(self) -> jax.Array:
        means, centre = aligned(self.component_distribution.mean, self._padded(self.mean))
        return self._weighted(self.component_distribution.variance) + self._weighted((means - centre) ** 2)

    def cdf(self, value: ArrayLike) -> jax.Array:
        x = to_array(value, "value", "MixtureSameFamily.cdf: ")
        below, probs = aligned(self.component_distribution.cdf(self._padded(x)), self.mixture_distribution.probs)
        return (below * probs).sum(-1)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        if self._validate_args:
            self._validate_sample(value)
        x = to_array(value, "value", "MixtureSameFamily.log_prob: ")
        log_prob = self.component_distribution.log_prob(self._padded(x))
        log_prob, weights = aligned(log_prob, jax.nn.log_softmax(self.mixture_distribution.logits, axis=-1))
        return jax.nn.logsumexp(log_prob + weights, axis=-1)

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        axis = len(sample_shape) + len(self._batch_shape)
        which = expanded(self.mixture_distribution.sample(sample_shape), sample_shape + self._batch_shape)
        values = self.component_distribution.sample(sample_shape)
        which = which.reshape(*which.shape, *(1 for _ in range(len(self._event_shape) + 1)))
        return jnp.take_along_axis(values, which, axis=axis).squeeze(axis)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
