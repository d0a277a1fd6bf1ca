"""`MultivariateNormal`."""

from __future__ import annotations

import math

import jax

from fnn.distributions import _draw, _linalg, constraints
from fnn.distributions._covariance import OfCovariance
from fnn.distributions.utils import aligned, common_shape, expanded
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["MultivariateNormal"]


class MultivariateNormal(OfCovariance):
    """The normal distribution of vectors; one of three matrices is given.

    Args:
        loc: (*, D), the mean.
        covariance_matrix: (*, D, D), positive definite.
        precision_matrix: (*, D, D), or its inverse.
        scale_tril: (*, D, D), or its lower Cholesky factor.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> d = distributions.MultivariateNormal(jnp.zeros(2), jnp.eye(2))
        >>> d.sample((3,)).shape, d.log_prob(jnp.zeros(2)).shape
        ((3, 2), ())
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _PARAMS = {"loc": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2, "_factor": 2}

    def __init__(
        self,
        loc: ArrayLike,
        covariance_matrix: ArrayLike | None = None,
        precision_matrix: ArrayLike | None = None,
        scale_tril: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        loc = to_array(loc, "loc", "MultivariateNormal: ")
        if loc.ndim < 1:
            raise ArgumentError("loc must be at least one-dimensional.")
        name, matrix = self._choose(covariance_matrix, precision_matrix, scale_tril)
        batch_shape = common_shape(matrix.shape[:-2], loc.shape[:-1])
        self._hold(name, matrix, batch_shape)
        self.loc = expanded(loc, batch_shape + loc.shape[-1:])
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args)
        self._factorise(name, matrix)

    @property
    def mean(self) -> jax.Array:
        return self.loc

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @property
    def variance(self) -> jax.Array:
        return (self._factor**2).sum(-1)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        drawn = _draw.normal(self._extended_shape(sample_shape), self.loc.dtype, "MultivariateNormal")
        loc, moved = aligned(self.loc, _linalg.times(self._factor, drawn))
        return loc + moved

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, loc = self._at(value, self.loc)
        distance, log_det = aligned(_linalg.mahalanobis(self._factor, value - loc), _linalg.log_diagonal(self._factor))
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - log_det

    def entropy(self) -> jax.Array:
        return 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + _linalg.log_diagonal(self._factor)
