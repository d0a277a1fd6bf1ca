"""`LowRankMultivariateNormal`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, _linalg, constraints
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import aligned, column, common_shape, embedded, expanded, lazy_property, transposed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """The normal distribution of vectors with the covariance ``cov_factor cov_factor^T + diag(cov_diag)``.

    Args:
        loc: (*, D), the mean.
        cov_factor: (*, D, R).
        cov_diag: (*, D), > 0.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> d = distributions.LowRankMultivariateNormal(jnp.zeros(2), jnp.ones((2, 1)), jnp.ones(2))
        >>> print(d.covariance_matrix)
        [[2. 1.]
         [1. 2.]]
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _PARAMS = {"loc": 1, "cov_factor": 2, "cov_diag": 1}

    def __init__(
        self, loc: ArrayLike, cov_factor: ArrayLike, cov_diag: ArrayLike, validate_args: bool | None = None
    ) -> None:
        where = "LowRankMultivariateNormal: "
        loc = to_array(loc, "loc", where)
        cov_factor, cov_diag = to_array(cov_factor, "cov_factor", where), to_array(cov_diag, "cov_diag", where)
        if loc.ndim < 1:
            raise ArgumentError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.ndim < 2:
            raise ArgumentError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ArgumentError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ArgumentError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = common_shape(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except ArgumentError:
            raise ArgumentError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from None
        self.loc = expanded(loc, batch + event)
        self.cov_diag = expanded(cov_diag, batch + event)
        self.cov_factor = expanded(cov_factor, batch + cov_factor.shape[-2:])
        super().__init__(batch, event, validate_args)

    @property
    def mean(self) -> jax.Array:
        return self.loc

    @property
    def mode(self) -> jax.Array:
        return self.loc

    @property
    def variance(self) -> jax.Array:
        return (self.cov_factor**2).sum(-1) + self.cov_diag

    @property
    def _over_diag(self) -> jax.Array:
        """W^T D^-1."""
        return transposed(self.cov_factor) / self.cov_diag[..., None, :]

    @property
    def _capacitance(self) -> jax.Array:
        """The Cholesky factor of I + W^T D^-1 W, of the size of the rank."""
        return _linalg.cholesky(_linalg.with_unit(self._over_diag @ self.cov_factor))

    @lazy_property
    def scale_tril(self) -> jax.Array:
        """The lower Cholesky factor of the covariance."""
        root = column(jnp.sqrt(self.cov_diag))
        scaled = self.cov_factor / root
        return root * _linalg.cholesky(_linalg.with_unit(scaled @ transposed(scaled)))

    @lazy_property
    def covariance_matrix(self) -> jax.Array:
        """The covariance."""
        return self.cov_factor @ transposed(self.cov_factor) + embedded(self.cov_diag)

    @lazy_property
    def precision_matrix(self) -> jax.Array:
        """The inverse of the covariance."""
        part = _linalg.solve(self._capacitance, self._over_diag)
        return embedded(1 / self.cov_diag) - transposed(part) @ part

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        shape, dtype = self._extended_shape(sample_shape), self.loc.dtype
        low = _draw.normal((*shape[:-1], self.cov_factor.shape[-1]), dtype, "LowRankMultivariateNormal")
        own = _draw.normal(shape, dtype, "LowRankMultivariateNormal")
        low, own, loc, root = aligned(_linalg.times(self.cov_factor, low), own, self.loc, jnp.sqrt(self.cov_diag))
        return loc + low + root * own

    def _log_det(self) -> jax.Array:
        return 2 * _linalg.log_diagonal(self._capacitance) + jnp.log(self.cov_diag).sum(-1)

    def _distance(self, x: jax.Array) -> jax.Array:
        """x^T covariance^-1 x, by Woodbury's formula."""
        x, diag = aligned(x, self.cov_diag)
        return (x**2 / diag).sum(-1) - _linalg.mahalanobis(self._capacitance, _linalg.times(self._over_diag, x))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, loc = self._at(value, self.loc)
        distance, log_det = aligned(self._distance(value - loc), self._log_det())
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + log_det + distance)

    def entropy(self) -> jax.Array:
        return 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._log_det())
