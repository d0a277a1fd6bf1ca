"""`OneHotCategorical`, `OneHotCategoricalStraightThrough`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.distributions import constraints
from fnn.distributions._logits import OfCategories
from fnn.distributions.categorical import Categorical
from fnn.distributions.utils import aligned, expanded
from fnn.dtypes import to_array
from fnn.typing import ArrayLike

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(OfCategories):
    """The categorical distribution on one-hot vectors.

    Args:
        probs: (*, K), weights of the categories, >= 0; they are divided by their sum.
        logits: (*, K), or their logarithms, up to a constant.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> print(distributions.OneHotCategorical(jnp.array([0.0, 1.0])).sample())
        [0. 1.]
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True
    _PARAMS = {"probs": 1, "logits": 1}

    def __init__(
        self, probs: ArrayLike | None = None, logits: ArrayLike | None = None, validate_args: bool | None = None
    ) -> None:
        batch_shape = self._take_categories(probs, logits)
        super().__init__(batch_shape, self.param_shape[-1:], validate_args)

    @property
    def _categorical(self) -> Categorical:
        return Categorical(**{self._given: self._param}, validate_args=False)

    @property
    def mean(self) -> jax.Array:
        return self.probs

    @property
    def mode(self) -> jax.Array:
        return jax.nn.one_hot(self.probs.argmax(-1), self._num_events, dtype=self._param.dtype)

    @property
    def variance(self) -> jax.Array:
        return self.probs * (1 - self.probs)

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return jax.nn.one_hot(self._categorical.sample(sample_shape), self._num_events, dtype=self._param.dtype)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        if self._validate_args:
            self._validate_sample(value)
        value = to_array(value, "value", "OneHotCategorical.log_prob: ")
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> jax.Array:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> jax.Array:
        n, batch = self._num_events, self._batch_shape
        values = jnp.eye(n, dtype=self._param.dtype).reshape(n, *(1 for _ in batch), n)
        return expanded(values, (n, *batch, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical` whose samples have the gradient of the probabilities (Bengio and others, 2013).

    Args:
        probs: (*, K), see `OneHotCategorical`.
        logits: (*, K), or their logarithms.
        validate_args: see `Distribution`.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> f = lambda p: distributions.OneHotCategoricalStraightThrough(p).rsample()[0]
        >>> print(jax.grad(f)(jnp.array([0.5, 0.5])))
        [ 0.5 -0.5]
    """

    has_rsample = True

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        samples, probs = aligned(self.sample(sample_shape), self.probs)
        return samples + (probs - lax.stop_gradient(probs))
