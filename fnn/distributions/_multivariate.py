"""Transforms of vectors, matrices and arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from fnn.distributions import constraints
from fnn.distributions._elementwise import _Fixed, inside
from fnn.distributions._transform import TOO_FEW, Transform
from fnn.distributions.constraints import Constraint
from fnn.distributions.utils import clamp, diagonal, embedded, transposed, tril_matrix_to_vec, vec_to_tril_matrix
from fnn.errors import ArgumentError

__all__ = [
    "CorrCholeskyTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "ReshapeTransform",
    "SoftmaxTransform",
    "StickBreakingTransform",
]


class ReshapeTransform(Transform):
    """Another shape for the last dimensions.

    Args:
        in_shape: the event's before.
        out_shape: the event's after.
        cache_size: see `Transform`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> transforms.ReshapeTransform((4,), (2, 2))(jnp.zeros((3, 4))).shape
        (3, 2, 2)
    """

    bijective = True

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0) -> None:
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        if math.prod(self.in_shape) != math.prod(self.out_shape):
            raise ArgumentError(
                "in_shape, out_shape have different numbers of elements, "
                f"got in_shape={self.in_shape}, out_shape={self.out_shape}"
            )
        super().__init__(cache_size=cache_size)

    @constraints.dependent_property
    def domain(self) -> Constraint:
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self) -> Constraint:
        return constraints.independent(constraints.real, len(self.out_shape))

    def with_cache(self, cache_size: int = 1) -> ReshapeTransform:
        return self if self._cache_size == cache_size else ReshapeTransform(self.in_shape, self.out_shape, cache_size)

    def _call(self, x: jax.Array) -> jax.Array:
        return x.reshape(x.shape[: x.ndim - len(self.in_shape)] + self.out_shape)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return y.reshape(y.shape[: y.ndim - len(self.out_shape)] + self.in_shape)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.zeros(x.shape[: x.ndim - len(self.in_shape)], x.dtype)

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return _exchanged(tuple(shape), self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return _exchanged(tuple(shape), self.out_shape, self.in_shape)


def _exchanged(shape: tuple[int, ...], old: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) < len(old):
        raise ArgumentError(TOO_FEW)
    cut = len(shape) - len(old)
    if shape[cut:] != old:
        raise ArgumentError(f"Shape mismatch: expected {shape[cut:]} but got {old}")
    return shape[:cut] + new


class CorrCholeskyTransform(Transform):
    """Vectors of length D (D - 1) / 2 to the Cholesky factors of correlation matrices of size D.

    With z = tanh(x) laid out below the diagonal, row i is z times what the squares of the entries before leave:
    y[i, j] = z[i, j] sqrt(prod_{k<j} (1 - z[i, k]²)) (Lewandowski, Kurowicka and Joe, 2009).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.CorrCholeskyTransform()(jnp.zeros(1)))
        [[1. 0.]
         [0. 1.]]
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: jax.Array) -> jax.Array:
        eps = float(jnp.finfo(x.dtype).eps)
        z = vec_to_tril_matrix(clamp(jnp.tanh(x), -1 + eps, 1 - eps), diag=-1)
        left = jnp.cumprod(jnp.sqrt(1 - z * z), axis=-1)
        return (z + embedded(jnp.ones(z.shape[:-1], z.dtype))) * _shifted(left)

    def _inverse(self, y: jax.Array) -> jax.Array:
        left = _shifted(1 - jnp.cumsum(y * y, axis=-1))
        t = tril_matrix_to_vec(y, diag=-1) / jnp.sqrt(tril_matrix_to_vec(left, diag=-1))
        return (jnp.log1p(t) - jnp.log1p(-t)) / 2

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        left = 1 - jnp.cumsum(y * y, axis=-1)
        of_sticks = 0.5 * jnp.log(tril_matrix_to_vec(left, diag=-2)).sum(-1)
        of_tanh = -2 * (x + jax.nn.softplus(-2 * x) - math.log(2.0)).sum(-1)
        return of_sticks + of_tanh

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        if len(shape) < 1:
            raise ArgumentError(TOO_FEW)
        size = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != shape[-1]:
            raise ArgumentError("Input is not a flattened lower-diagonal number")
        return (*shape[:-1], size, size)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        if len(shape) < 2:
            raise ArgumentError(TOO_FEW)
        if shape[-2] != shape[-1]:
            raise ArgumentError("Input is not square")
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)


def _shifted(x: jax.Array) -> jax.Array:
    """One to the right along the last dimension, a one in front."""
    return jnp.concatenate([jnp.ones_like(x[..., :1]), x[..., :-1]], axis=-1)


class _OfVectors(_Fixed):
    _grows = 0

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        if len(shape) < 1:
            raise ArgumentError(TOO_FEW)
        return (*shape[:-1], shape[-1] + self._grows)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        if len(shape) < 1:
            raise ArgumentError(TOO_FEW)
        return (*shape[:-1], shape[-1] - self._grows)


class SoftmaxTransform(_OfVectors):
    """y = softmax(x) over the last dimension; not bijective, its inverse is log(y).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.SoftmaxTransform()(jnp.zeros(2)))
        [0.5 0.5]
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(x, axis=-1)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return jnp.log(y)


class StickBreakingTransform(_OfVectors):
    """Vectors of length K to the simplex of K + 1 corners: each takes its part of what those before have left.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.StickBreakingTransform()(jnp.zeros(1)))
        [0.5 0.5]
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True
    _grows = 1

    def _call(self, x: jax.Array) -> jax.Array:
        z = inside(jax.nn.sigmoid(x - _log_left(x)))
        one = jnp.ones_like(z[..., :1])
        left = jnp.concatenate([one, jnp.cumprod(1 - z, axis=-1)], axis=-1)
        return jnp.concatenate([z, one], axis=-1) * left

    def _inverse(self, y: jax.Array) -> jax.Array:
        kept = y[..., :-1]
        left = clamp(1 - jnp.cumsum(kept, axis=-1), float(jnp.finfo(y.dtype).tiny))
        return jnp.log(kept) - jnp.log(left) + _log_left(kept)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        x = x - _log_left(x)
        return (-x + jax.nn.log_sigmoid(x) + jnp.log(y[..., :-1])).sum(-1)


def _log_left(x: jax.Array) -> jax.Array:
    """log(K), ..., log(1): how many come after each of K, so that zeros give equal parts."""
    left = np.log(np.arange(x.shape[-1], 0, -1, dtype=np.float64))
    return jnp.asarray(left, x.dtype).reshape((1,) * (x.ndim - 1) + (-1,))


class LowerCholeskyTransform(_Fixed):
    """Square matrices to lower triangular ones with a positive diagonal, by exp.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.LowerCholeskyTransform()(jnp.zeros((2, 2))))
        [[1. 0.]
         [0. 1.]]
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: jax.Array) -> jax.Array:
        return jnp.tril(x, -1) + embedded(jnp.exp(diagonal(x)))

    def _inverse(self, y: jax.Array) -> jax.Array:
        return jnp.tril(y, -1) + embedded(jnp.log(diagonal(y)))


class PositiveDefiniteTransform(_Fixed):
    """Square matrices to positive definite ones, the products of `LowerCholeskyTransform`'s with their transposes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> print(transforms.PositiveDefiniteTransform()(jnp.zeros((2, 2))))
        [[1. 0.]
         [0. 1.]]
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: jax.Array) -> jax.Array:
        factor = LowerCholeskyTransform()(x)
        return factor @ transposed(factor)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return LowerCholeskyTransform().inv(cast(jax.Array, jnp.linalg.cholesky(y)))
