"""Distributions of a covariance, given as itself, its inverse or its Cholesky factor: what they share."""

from __future__ import annotations

import jax

from fnn.distributions import _linalg
from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import expanded, lazy_property, transposed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["OfCovariance"]

_NAMES = ("covariance_matrix", "precision_matrix", "scale_tril")


class OfCovariance(Distribution):
    """Has one of three matrices; the others follow from it when they are asked for."""

    _factor: jax.Array

    def _choose(self, *matrices: ArrayLike | None) -> tuple[str, jax.Array]:
        given = [(name, matrix) for name, matrix in zip(_NAMES, matrices, strict=True) if matrix is not None]
        if len(given) != 1:
            raise ArgumentError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        name, matrix = given[0]
        array = to_array(matrix, name, f"{type(self).__name__}: ")
        if array.ndim < 2:
            raise ArgumentError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
        return name, array

    def _hold(self, name: str, matrix: jax.Array, batch_shape: tuple[int, ...]) -> None:
        """Takes the matrix that was given; the factor is put to it by `_factorise`, after it was checked."""
        vars(self)[name] = expanded(matrix, batch_shape + matrix.shape[-2:])

    def _factorise(self, name: str, matrix: jax.Array) -> None:
        made = {"covariance_matrix": _linalg.cholesky, "precision_matrix": _linalg.of_precision}
        factor = made[name](matrix) if name in made else matrix
        self._factor = expanded(factor, self._batch_shape + matrix.shape[-2:])

    @lazy_property
    def scale_tril(self) -> jax.Array:
        """The lower Cholesky factor of the covariance."""
        return self._factor

    @lazy_property
    def covariance_matrix(self) -> jax.Array:
        """The covariance."""
        return self._factor @ transposed(self._factor)

    @lazy_property
    def precision_matrix(self) -> jax.Array:
        """The inverse of the covariance."""
        inverse = _linalg.inverse_factor(self._factor)
        return transposed(inverse) @ inverse
