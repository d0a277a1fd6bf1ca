"""`Dirichlet`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from fnn.distributions import _draw, constraints
from fnn.distributions._implicit import dirichlet_sample
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import clamp, expanded, xlogy
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """The Dirichlet distribution on the simplex, p(x) ~ prod_i x_i^(concentration_i - 1).

    Args:
        concentration: (*, K), > 0.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> print(distributions.Dirichlet(jnp.array([1.0, 3.0])).mean)
        [0.25 0.75]
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _PARAMS = {"concentration": 1}

    def __init__(self, concentration: ArrayLike, validate_args: bool | None = None) -> None:
        self.concentration = to_array(concentration, "concentration", "Dirichlet: ")
        if self.concentration.ndim < 1:
            raise ArgumentError("`concentration` parameter must be at least one-dimensional.")
        shape = self.concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        concentration = expanded(self.concentration, self._extended_shape(sample_shape))
        return dirichlet_sample(_draw.dirichlet(concentration, "Dirichlet"), concentration)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, a = self._at(value, self.concentration)
        return xlogy(a - 1.0, value).sum(-1) + gammaln(a.sum(-1)) - gammaln(a).sum(-1)

    @property
    def mean(self) -> jax.Array:
        return self.concentration / self.concentration.sum(-1, keepdims=True)

    @property
    def mode(self) -> jax.Array:
        above = clamp(self.concentration - 1, 0.0)
        mode = above / above.sum(-1, keepdims=True)
        # With all below 1 the density is infinite at every corner; PyTorch names the first.
        corner = jnp.zeros_like(mode).at[..., 0].set(1)
        return jnp.where((self.concentration < 1).all(-1, keepdims=True), corner, mode)

    @property
    def variance(self) -> jax.Array:
        total = self.concentration.sum(-1, keepdims=True)
        return self.concentration * (total - self.concentration) / (total**2 * (total + 1))

    def entropy(self) -> jax.Array:
        a, total = self.concentration, self.concentration.sum(-1)
        of_parts = gammaln(a) - (a - 1.0) * digamma(a)
        return of_parts.sum(-1) - gammaln(total) - (a.shape[-1] - total) * digamma(total)

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return (self.concentration,)

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        x = natural_params[0]
        return gammaln(x).sum(-1) - gammaln(x.sum(-1))
