"""`Categorical`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions._logits import OfCategories
from fnn.distributions.constraints import Constraint
from fnn.distributions.utils import clamp, column, common_shape, enumerated, expanded
from fnn.dtypes import index_dtype, to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["Categorical"]


class Categorical(OfCategories):
    """The categorical distribution on {0, ..., K - 1}.

    Args:
        probs: (*, K), weights of the categories, >= 0; they are divided by their sum.
        logits: (*, K), or their logarithms, up to a constant.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> d = distributions.Categorical(jnp.array([0.0, 1.0, 0.0]))
        >>> print(d.sample((2,)), d.log_prob(jnp.array(1)))
        [1 1] -1.1920929e-07
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _PARAMS = {"probs": 1, "logits": 1}

    def __init__(
        self, probs: ArrayLike | None = None, logits: ArrayLike | None = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(self._take_categories(probs, logits), (), validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Constraint:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> jax.Array:
        return jnp.full(self._batch_shape, math.nan, self._param.dtype)

    @property
    def mode(self) -> jax.Array:
        return self.probs.argmax(-1).astype(index_dtype())

    @property
    def variance(self) -> jax.Array:
        return self.mean

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        if not math.prod(sample_shape):
            raise ArgumentError(f"Categorical: cannot sample n_sample <= 0 samples, got sample_shape={sample_shape}")
        rows = self.probs.reshape(-1, self._num_events)
        drawn = _draw.categorical(rows, math.prod(sample_shape), type(self).__name__)
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        if self._validate_args:
            self._validate_sample(value)
        value = to_array(value, "value", "Categorical.log_prob: ").astype(index_dtype())
        shape = common_shape(value.shape, self._batch_shape)
        logits = expanded(self.logits, (*shape, self._num_events))
        return jnp.take_along_axis(logits, column(expanded(value, shape)), axis=-1)[..., 0]

    def entropy(self) -> jax.Array:
        # an impossible category has the logit -inf if logits were given
        logits = clamp(self.logits, float(jnp.finfo(self._param.dtype).min))
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> jax.Array:
        return enumerated(jnp.arange(self._num_events, dtype=index_dtype()), self._batch_shape, expand)
