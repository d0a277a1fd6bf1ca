"""`Wishart`."""

from __future__ import annotations

import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import random
from fnn.distributions import _draw, _linalg, constraints
from fnn.distributions._covariance import OfCovariance
from fnn.distributions.chi2 import Chi2
from fnn.distributions.constraints import Constraint
from fnn.distributions.distribution import as_shape, drawing_from
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import aligned, clamp, common_shape, diagonal, embedded, expanded, is_array, transposed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.tracing import concrete
from fnn.typing import ArrayLike, Ints, Key

__all__ = ["Wishart"]


class Wishart(OfCovariance, ExponentialFamily):
    """The Wishart distribution of sums of ``df`` outer products of normal vectors; one of three matrices is given.

    Args:
        df: the degrees of freedom, > D - 1.
        covariance_matrix: (*, D, D), positive definite.
        precision_matrix: (*, D, D), or its inverse.
        scale_tril: (*, D, D), or its lower Cholesky factor.
        validate_args: see `Distribution`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> print(distributions.Wishart(2.0, jnp.eye(2)).mean)
        [[2. 0.]
         [0. 2.]]
    """

    support = constraints.positive_definite
    has_rsample = True
    _PARAMS = {"df": 0, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2, "_factor": 2}

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: ArrayLike,
        covariance_matrix: ArrayLike | None = None,
        precision_matrix: ArrayLike | None = None,
        scale_tril: ArrayLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        name, matrix = self._choose(covariance_matrix, precision_matrix, scale_tril)
        df = to_array(df, "df", "Wishart: ") if is_array(df) else jnp.asarray(df, matrix.dtype)
        batch_shape = common_shape(matrix.shape[:-2], df.shape)
        size = matrix.shape[-1]
        self.df = expanded(df, batch_shape)
        numbers = concrete(self.df)
        if numbers is not None and (numbers <= size - 1).any():
            raise ArgumentError(f"Value of df={df} expected to be greater than ndim - 1 = {size - 1}.")
        self._hold(name, matrix, batch_shape)
        if numbers is not None and (numbers < size).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        super().__init__(batch_shape, matrix.shape[-2:], validate_args)
        self._factorise(name, matrix)

    @property
    def mean(self) -> jax.Array:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> jax.Array:
        factor = self.df - self._event_shape[-1] - 1
        return jnp.where(factor <= 0, math.nan, factor)[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> jax.Array:
        v = self.covariance_matrix
        d = diagonal(v)
        return self.df[..., None, None] * (v**2 + d[..., None] * d[..., None, :])

    def _bartlett(self, sample_shape: tuple[int, ...]) -> jax.Array:
        """Products of lower triangular matrices, of roots of chi-squared numbers and of normal ones below."""
        p, dtype = self._event_shape[-1], self._factor.dtype
        df = self.df[..., None] - jnp.arange(p, dtype=dtype).reshape((1,) * self.df.ndim + (p,))
        roots = clamp(jnp.sqrt(Chi2(df, validate_args=False).rsample(sample_shape)), float(jnp.finfo(dtype).eps))
        below = _draw.normal((*sample_shape, *self._batch_shape, p * (p - 1) // 2), dtype, "Wishart")
        rows, columns = np.tril_indices(p, -1)
        noise, factor = aligned(embedded(roots).at[..., rows, columns].set(below), self._factor)
        factor = factor @ noise
        return factor @ transposed(factor)

    def rsample(
        self, sample_shape: Ints = (), max_try_correction: int | None = None, *, generator: Key | None = None
    ) -> jax.Array:
        """Samples as functions of the parameters.

        Args:
            sample_shape: how many, in which shape.
            max_try_correction: how often singular samples are drawn anew; 10, and under a trace 3.
            generator: see `sample`.
        """
        shape = as_shape(sample_shape)
        with drawing_from(generator):
            sample = self._bartlett(shape)
            if concrete(lax.stop_gradient(sample)) is None:
                return self._corrected(sample, 3 if max_try_correction is None else max_try_correction)
            tries = 10 if max_try_correction is None else max_try_correction
            if tries:  # PyTorch takes its first draw for singular where it is regular, and gives the second
                sample = self._bartlett(shape)
            for _ in range(tries):
                fine = self._regular(sample)
                if fine.all():
                    break
                warnings.warn("Singular sample detected.", stacklevel=2)
                sample = jnp.where(fine, sample, self._bartlett(shape))
            return sample

    def _corrected(self, sample: jax.Array, tries: int) -> jax.Array:
        """Draws anew what is singular, ``tries`` times, in a program."""

        def again(sample: jax.Array, key: Key) -> tuple[jax.Array, None]:
            with drawing_from(key):
                new = self._bartlett(sample.shape[: sample.ndim - len(self._extended_shape())])
            return jnp.where(self._regular(sample), sample, new), None

        key = random.draw_key("Wishart")
        if isinstance(key, random.Generator):
            for _ in range(tries):
                sample, _ = again(sample, key)
            return sample
        return lax.scan(again, sample, jax.random.split(key, tries))[0]

    def _regular(self, sample: jax.Array) -> jax.Array:
        return constraints.positive_definite.check(lax.stop_gradient(sample))[..., None, None]

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, factor = self._at(value, self._factor)
        p = self._event_shape[-1]
        half = _linalg.solve(factor, value)
        trace = diagonal(_linalg.solve(factor, transposed(half))).sum(-1)
        log_det = jnp.linalg.slogdet(value)[1]
        nu, norm, log_det, trace = aligned(self.df, self._log_scale(), log_det, trace)
        return -nu * norm - _linalg.multigammaln(nu / 2, p) + (nu - p - 1) / 2 * log_det - trace / 2

    def _log_scale(self) -> jax.Array:
        return self._event_shape[-1] * math.log(2) / 2 + _linalg.log_diagonal(self._factor)

    def entropy(self) -> jax.Array:
        nu, p = self.df, self._event_shape[-1]
        of_gamma = _linalg.multigammaln(nu / 2, p) - (nu - p - 1) / 2 * _linalg.multidigamma(nu / 2, p)
        return (p + 1) * self._log_scale() + of_gamma + nu * p / 2

    @property
    def _mean_carrier_measure(self) -> float:
        return 0.0

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        x, y = natural_params
        p = self._event_shape[-1]
        shifted = y + (p + 1) / 2
        log_det = jnp.linalg.slogdet(-2 * x)[1]
        return shifted * (-log_det + math.log(2) * p) + _linalg.multigammaln(shifted, p)
