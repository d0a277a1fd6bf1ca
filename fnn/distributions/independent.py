"""`Independent`."""

from __future__ import annotations

from typing import Any

import jax

from fnn.distributions import constraints
from fnn.distributions.constraints import Constraint
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import sum_rightmost
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["Independent"]


class Independent(Distribution):
    """A distribution whose last batch dimensions belong to the event: log-probabilities are summed over them.

    Args:
        base_distribution: the distribution.
        reinterpreted_batch_ndims: how many dimensions.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> d = distributions.Independent(distributions.Normal(jnp.zeros((2, 3)), 1.0), 1)
        >>> d.batch_shape, d.event_shape
        ((2,), (3,))
    """

    arg_constraints = {}
    _PARAMS = {}

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        batch = base_distribution.batch_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ArgumentError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                f"actual {reinterpreted_batch_ndims} vs {len(batch)}"
            )
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        cut = len(batch) - reinterpreted_batch_ndims
        super().__init__(batch[:cut], batch[cut:] + base_distribution.event_shape, validate_args)

    def _expand_into(self, new: Any) -> None:
        new.base_dist = self.base_dist.expand(new._batch_shape + self._event_shape[: self.reinterpreted_batch_ndims])

    has_rsample: Any = property(lambda self: bool(self.base_dist.has_rsample))

    has_enumerate_support: Any = property(
        lambda self: not self.reinterpreted_batch_ndims and bool(self.base_dist.has_enumerate_support)
    )

    @constraints.dependent_property
    def support(self) -> Constraint:
        result = self.base_dist.support
        if self.reinterpreted_batch_ndims:
            result = constraints.independent(result, self.reinterpreted_batch_ndims)
        return result

    @property
    def mean(self) -> jax.Array:
        return self.base_dist.mean

    @property
    def mode(self) -> jax.Array:
        return self.base_dist.mode

    @property
    def variance(self) -> jax.Array:
        return self.base_dist.variance

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return self.base_dist.sample(sample_shape)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> jax.Array:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> jax.Array:
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand=expand)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"
