"""`LogisticNormal`."""

from __future__ import annotations

import jax

from fnn.distributions import constraints
from fnn.distributions.normal import Normal
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import StickBreakingTransform
from fnn.typing import ArrayLike

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """The distribution of normal vectors that `StickBreakingTransform` maps to the simplex.

    Args:
        loc: (*, K).
        scale: (*, K), > 0.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> distributions.LogisticNormal(jnp.zeros(3), 1.0).sample().shape
        (4,)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True
    _PARAMS = {}

    def __init__(self, loc: ArrayLike, scale: ArrayLike, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args)

    @property
    def loc(self) -> jax.Array:
        """The normal vectors' means."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> jax.Array:
        """The normal vectors' standard deviations."""
        return self.base_dist.base_dist.scale
