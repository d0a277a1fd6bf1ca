"""Distances and similarities between vectors."""

from __future__ import annotations

import jax

from fnn.functional import distance
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Key

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class CosineSimilarity(Layer):
    """``<x1, x2> / (max(|x1|, eps) * max(|x2|, eps))`` along ``dim``.

    Args:
        dim: the axis of the vectors.
        eps: the least norm that is divided by.

    Shape:
        (*, D, *), (*, D, *) -> (*, *), where D is at ``dim``.

    Example:
        >>> layers.CosineSimilarity().apply({}, {}, jnp.ones((1, 4)), jnp.array([[2.0, 0.0, 0.0, 0.0]]))[0]
        Array([0.5], dtype=float32)
    """

    dim: int = 1
    eps: float = 1e-8

    def apply(
        self,
        params: Params,
        state: State,
        x1: ArrayLike,
        x2: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return distance.cosine_similarity(x1, x2, self.dim, self.eps), state


class PairwiseDistance(Layer):
    """The p-norm of ``x1 - x2 + eps`` along the last axis.

    Args:
        p: the order of the norm; may be 0, negative or infinite.
        eps: added to every difference.
        keepdim: keep the last axis as 1.

    Shape:
        (N, D), (N, D) -> (N,); (D,), (D,) -> (); with ``keepdim`` (N, 1) or (1,).

    Example:
        >>> layers.PairwiseDistance().apply({}, {}, jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]]))[0].round(4)
        Array([5.], dtype=float32)
    """

    p: float = 2.0
    eps: float = 1e-6
    keepdim: bool = False

    @property
    def norm(self) -> float:
        """``p``, under the name of PyTorch's attribute."""
        return self.p

    def apply(
        self,
        params: Params,
        state: State,
        x1: ArrayLike,
        x2: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return distance.pairwise_distance(x1, x2, self.p, self.eps, self.keepdim), state
