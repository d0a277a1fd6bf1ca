"""`LKJCholesky`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from fnn.distributions import _draw, _linalg, constraints
from fnn.distributions.beta import Beta
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned, broadcast_all, clamp, column, diagonal, embedded
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """The distribution of Cholesky factors of correlation matrices, p(L L^T) ~ det(L L^T)^(concentration - 1).

    Args:
        dim: the size of the matrices, at least 2.
        concentration: > 0; 1 is the uniform distribution.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> distributions.LKJCholesky(3, 0.5).sample().shape
        (3, 3)
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _PARAMS = {"concentration": 0}

    def __init__(self, dim: int, concentration: ArrayLike = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ArgumentError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def _rows(self) -> tuple[jax.Array, jax.Array]:
        """The beta distributions of the squared lengths of the rows left of the diagonal (the onion method)."""
        dtype, ndim = self.concentration.dtype, self.concentration.ndim
        offset = jnp.asarray([0, *range(self.dim - 1)], dtype).reshape((1,) * ndim + (self.dim,))
        marginal = column(self.concentration + 0.5 * (self.dim - 2))
        a, b = aligned(offset + 0.5, marginal - 0.5 * offset)
        return a, b

    def _sample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        dtype = self.concentration.dtype
        squares = column(Beta(*self._rows(), validate_args=False).sample(sample_shape))
        normal = jnp.tril(_draw.normal(self._extended_shape(sample_shape), dtype, "LKJCholesky"), -1)
        length = jnp.sqrt((normal**2).sum(-1, keepdims=True))
        rows = jnp.sqrt(squares) * normal / jnp.where(length == 0, 1.0, length)
        rest = clamp(1 - (rows**2).sum(-1), float(jnp.finfo(dtype).tiny))
        return rows + embedded(jnp.sqrt(rest))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        if self._validate_args:
            self._validate_sample(value)
        value = to_array(value, "value", "LKJCholesky.log_prob: ")
        ndim = max(value.ndim - 2, self.concentration.ndim)
        below = jnp.arange(self.dim - 2, -1, -1, dtype=self.concentration.dtype).reshape((1,) * ndim + (-1,))
        logs, eta = aligned(jnp.log(diagonal(value)[..., 1:]), column(self.concentration))
        power, logs = aligned(2 * (eta - 1) + below, logs)
        size = self.dim - 1
        alpha = self.concentration + 0.5 * size
        norm = 0.5 * size * math.log(math.pi) + _linalg.multigammaln(alpha - 0.5, size) - gammaln(alpha) * size
        total, norm = aligned((power * logs).sum(-1), norm)
        return total - norm
