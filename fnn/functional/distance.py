"""Distances and similarities between vectors, with PyTorch's gradients at coinciding points."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import wrap_dim
from fnn.autocasting import governed
from fnn.errors import ArgumentError
from fnn.functional import _loss_common as common
from fnn.functional import _promotion as promotion
from fnn.functional.vector_norm import divided_by_norm, vector_norm
from fnn.typing import ArrayLike

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


@governed
def cosine_similarity(x1: ArrayLike, x2: ArrayLike, dim: int = 1, eps: float = 1e-8) -> jax.Array:
    """``<x1, x2> / (max(|x1|, eps) * max(|x2|, eps))`` along ``dim``.

    Args:
        x1: any shape.
        x2: a shape that broadcasts against that of ``x1``.
        dim: the axis of the vectors, in the broadcast shape.
        eps: the least norm that is divided by.

    Returns:
        The broadcast shape without ``dim``.

    Raises:
        ArgumentError: shapes do not broadcast or ``dim`` is out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.cosine_similarity(jnp.ones((1, 4)), jnp.array([[2.0, 0.0, 0.0, 0.0]]))
        Array([0.5], dtype=float32)
    """
    a, b, dtype = common.promote("cosine_similarity", x1=x1, x2=x2)
    a, b = common.expand("cosine_similarity", a, b)
    axis = wrap_dim(dim, a.ndim, "cosine_similarity: ")
    if a.ndim == 0:
        a, b = a.reshape(1), b.reshape(1)

    # The clamp is invisible to the gradient, as in PyTorch.
    first, second = (divided_by_norm(x, 2.0, (axis,), eps, straight=True) for x in (a, b))
    return lax.reduce_sum(first * second, (axis,)).astype(dtype)


@governed
def pairwise_distance(
    x1: ArrayLike, x2: ArrayLike, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> jax.Array:
    """The p-norm of ``x1 - x2 + eps`` along the last axis.

    Args:
        x1: (N, D) or (D,).
        x2: a shape that broadcasts against that of ``x1``.
        p: the order of the norm; may be 0, negative or infinite.
        eps: added to every difference, so that the gradient exists where the two coincide.
        keepdim: keep the last axis as 1.

    Returns:
        (N,) or (); (N, 1) or (1,) if ``keepdim``.

    Raises:
        ArgumentError: shapes do not broadcast.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.pairwise_distance(jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])).round(4)
        Array([5.], dtype=float32)
    """
    a, b, dtype = common.promote("pairwise_distance", "number", "any", x1=x1, x2=x2)
    dtype = promotion.real_type(promotion.floating_type(dtype))
    a, b = common.expand("pairwise_distance", a, b)
    if a.ndim == 0:
        raise ArgumentError("pairwise_distance: expected inputs of 1 or more dimensions, got scalars")
    difference = a - b
    if jnp.issubdtype(difference.dtype, jnp.integer):
        difference = difference.astype(dtype)
    return vector_norm(difference + eps, p, (a.ndim - 1,), keepdim).astype(dtype)


@governed
def pdist(input: ArrayLike, p: float = 2.0) -> jax.Array:
    """The p-norm distances of all pairs of rows ``i < j``, in lexicographic order.

    Args:
        input: (N, D).
        p: the order of the norm, in [0, inf].

    Returns:
        (N * (N - 1) / 2,).

    Raises:
        ArgumentError: the input is not a matrix or ``p`` is negative.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.pdist(jnp.array([[0.0], [1.0], [3.0]]))
        Array([1., 3., 2.], dtype=float32)
    """
    x, dtype = common.promote("pdist", "floating", input=input)
    if x.ndim != 2:
        raise ArgumentError(f"pdist: pdist only supports 2D tensors, got: {x.ndim}D")
    if not p >= 0:
        raise ArgumentError(f"pdist: pdist only supports non-negative p values, got p={p}")
    first, second = np.triu_indices(x.shape[0], 1)
    difference = x[first] - x[second]
    if math.isinf(p) and x.shape[1]:
        # Each of several largest components gets the whole gradient, where a norm divides it among them.
        size = common.absolute(difference)
        largest = lax.stop_gradient(jnp.max(size, 1, keepdims=True))
        extra = jnp.where(size == largest, size - largest, 0)
        return (largest[:, 0] + jnp.sum(extra, 1)).astype(dtype)
    return vector_norm(difference, p, (1,)).astype(dtype)
