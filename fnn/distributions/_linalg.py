"""Matrices in batches, as the multivariate distributions use them."""

from __future__ import annotations

import math
from typing import cast

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import digamma, gammaln

from fnn.distributions.utils import column, common_shape, diagonal, embedded, expanded, transposed

__all__ = [
    "cholesky",
    "inverse_factor",
    "log_diagonal",
    "mahalanobis",
    "multigammaln",
    "of_precision",
    "solve",
    "times",
]


def cholesky(x: jax.Array) -> jax.Array:
    """The lower Cholesky factors; NaN where there is none."""
    return cast(jax.Array, jnp.linalg.cholesky(x))


def log_diagonal(factor: jax.Array) -> jax.Array:
    """The logarithm of the determinant of triangular matrices."""
    return jnp.log(diagonal(factor)).sum(-1)


def solve(factor: jax.Array, b: jax.Array) -> jax.Array:
    """``factor^-1 b`` for lower triangular factors: (*, n, n), (*, n, m) -> (*, n, m)."""
    batch = common_shape(factor.shape[:-2], b.shape[:-2])
    factor, b = expanded(factor, batch + factor.shape[-2:]), expanded(b, batch + b.shape[-2:])
    return lax.linalg.triangular_solve(factor, b, left_side=True, lower=True)


def inverse_factor(factor: jax.Array) -> jax.Array:
    """``factor^-1``."""
    return solve(factor, jnp.broadcast_to(jnp.eye(factor.shape[-1], dtype=factor.dtype), factor.shape))


def of_precision(precision: jax.Array) -> jax.Array:
    """The lower Cholesky factors of the inverses.

    The factor of the precision with its rows and columns turned around is, turned back, the upper factor U of
    precision = U U^T, so that U^-T is the factor of the inverse.
    """
    return inverse_factor(transposed(jnp.flip(cholesky(jnp.flip(precision, (-2, -1))), (-2, -1))))


def times(matrix: jax.Array, vector: jax.Array) -> jax.Array:
    """``matrix vector``: (*, n, m), (*, m) -> (*, n)."""
    batch = common_shape(matrix.shape[:-2], vector.shape[:-1])
    matrix = expanded(matrix, (1,) * (len(batch) - matrix.ndim + 2) + matrix.shape)
    vector = expanded(vector, (1,) * (len(batch) - vector.ndim + 1) + vector.shape)
    return jnp.matmul(matrix, column(vector))[..., 0]


def mahalanobis(factor: jax.Array, x: jax.Array) -> jax.Array:
    """|factor^-1 x|², for lower triangular factors: (*B, n, n), (*S, *B, n) -> (*S, *B).

    A batch of samples goes into the columns, so that the factors are not copied for each of them.
    """
    n, batch = x.shape[-1], factor.shape[:-2]
    shape = common_shape(batch, x.shape[:-1])
    x = expanded(x, (*shape, n))
    lead = len(shape) - len(batch)
    if shape[lead:] != batch:
        return (solve(factor, column(x)) ** 2).sum((-2, -1))
    columns = x.reshape(-1, *batch, n)
    solved = solve(factor, jnp.moveaxis(columns, 0, -1))
    return jnp.moveaxis((solved**2).sum(-2), -1, 0).reshape(shape)


def trace_of_square(x: jax.Array) -> jax.Array:
    """trace(x x^T)."""
    return (x * x).sum((-2, -1))


def multigammaln(x: jax.Array, p: int) -> jax.Array:
    """The logarithm of the multivariate gamma function."""
    return gammaln(column(x) - _halves(x, p)).sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


def multidigamma(x: jax.Array, p: int) -> jax.Array:
    """The derivative of `multigammaln`."""
    return digamma(column(x) - _halves(x, p)).sum(-1)


def _halves(x: jax.Array, p: int) -> jax.Array:
    return (jnp.arange(p, dtype=x.dtype) / 2).reshape((1,) * x.ndim + (p,))


def with_unit(x: jax.Array) -> jax.Array:
    """The identity plus ``x``."""
    return x + embedded(jnp.ones(x.shape[:-1], x.dtype))
