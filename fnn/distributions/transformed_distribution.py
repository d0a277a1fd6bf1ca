"""`TransformedDistribution`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn.distributions import constraints
from fnn.distributions.constraints import Constraint
from fnn.distributions.distribution import Distribution
from fnn.distributions.independent import Independent
from fnn.distributions.transforms import ComposeTransform, Transform
from fnn.distributions.utils import aligned, sum_rightmost
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of f(X), for transforms f of a random X: log p(y) = log p(x) - log |det dy/dx|.

    Args:
        base_distribution: that of X.
        transforms: a transform or a list of them, of which the first is applied first.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> from fnn.distributions import transforms
        >>> base = distributions.Uniform(0.0, 1.0)
        >>> logistic = distributions.TransformedDistribution(base, transforms.SigmoidTransform().inv)
        >>> logistic.sample((3,)).shape
        (3,)
    """

    arg_constraints = {}
    _PARAMS = {}
    base_dist: Any

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | list[Transform],
        validate_args: bool | None = None,
    ) -> None:
        if isinstance(transforms, Transform):
            transforms = [transforms]
        elif not isinstance(transforms, list):
            raise ArgumentError(f"transforms must be a Transform or list, but was {transforms}")
        elif not all(isinstance(t, Transform) for t in transforms):
            raise ArgumentError(f"transforms must be a Transform or a list of Transforms, got {transforms}")
        self.transforms: list[Transform] = transforms
        transform = ComposeTransform(transforms)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        base_dim, domain_dim = len(base_distribution.event_shape), transform.domain.event_dim
        if len(shape) < domain_dim:
            raise ArgumentError(
                f"base_distribution needs to have shape with size at least {domain_dim}, but got {shape}."
            )
        forward = transform.forward_shape(shape)
        needed = transform.inverse_shape(forward)
        if shape != needed:
            base_distribution = base_distribution.expand(needed[: len(needed) - base_dim])
        if domain_dim > base_dim:
            base_distribution = Independent(base_distribution, domain_dim - base_dim)
        self.base_dist = base_distribution
        codomain_dim = transform.codomain.event_dim
        cut = len(forward) - max(codomain_dim, base_dim + codomain_dim - domain_dim)
        super().__init__(forward[:cut], forward[cut:], validate_args)

    def _expand_into(self, new: Any) -> None:
        super()._expand_into(new)
        shape = new._batch_shape + self._event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        new.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Constraint:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        more = len(self._event_shape) - support.event_dim
        return constraints.independent(support, more) if more > 0 else support

    has_rsample: Any = property(lambda self: bool(self.base_dist.has_rsample))

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return self._forward(self.base_dist.sample(sample_shape))

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: jax.Array) -> jax.Array:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: ArrayLike) -> jax.Array:
        if self._validate_args:
            self._validate_sample(value)
        event_dim, total = len(self._event_shape), jnp.zeros(())
        y = to_array(value, "value", f"{type(self).__name__}.log_prob: ")
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            change = sum_rightmost(transform.log_abs_det_jacobian(x, y), event_dim - transform.domain.event_dim)
            total = _plus(total, -change)
            y = x
        of_base = sum_rightmost(self.base_dist.log_prob(y), event_dim - len(self.base_dist.event_shape))
        return _plus(total.astype(of_base.dtype), of_base)

    def _rising(self, value: ArrayLike) -> jax.Array:
        """Turned around where the transforms fall."""
        sign = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return to_array(value)
        value, sign = aligned(value, sign)
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: ArrayLike) -> jax.Array:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._rising(self.base_dist.cdf(value))

    def icdf(self, value: ArrayLike) -> jax.Array:
        return self._forward(self.base_dist.icdf(self._rising(value)))


def _plus(a: jax.Array, b: jax.Array) -> jax.Array:
    a, b = aligned(a, b)
    return a + b
