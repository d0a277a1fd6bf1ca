"""Written by tools/make_stubs.py from distance.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.typing import ArrayLike
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['CosineSimilarity', 'PairwiseDistance']

class PairwiseDistance(LayerModule):
    """The p-norm of ``x1 - x2 + eps`` along the last axis.

    Args:
        p: the order of the norm; may be 0, negative or infinite.
        eps: added to every difference.
        keepdim: keep the last axis as 1.

    Shape:
        (N, D), (N, D) -> (N,); (D,), (D,) -> (); with ``keepdim`` (N, 1) or (1,).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.PairwiseDistance()(jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]])).round(4)
        Array([5.], dtype=float32)
    """
    eps: float
    keepdim: bool
    def __init__(self, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, x1: ArrayLike, x2: ArrayLike) -> jax.Array: ...
    @property
    def norm(self) -> float:
        """The order of the norm: the constructor's ``p``, under the name of PyTorch's attribute."""
        ...
    @norm.setter
    def norm(self, value: float) -> None:
        ...
    p: Any

class CosineSimilarity(LayerModule):
    """``<x1, x2> / (max(|x1|, eps) * max(|x2|, eps))`` along ``dim``.

    Args:
        dim: the axis of the vectors.
        eps: the least norm that is divided by.

    Shape:
        (*, D, *), (*, D, *) -> (*, *), where D is at ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.CosineSimilarity()(jnp.ones((1, 4)), jnp.array([[2.0, 0.0, 0.0, 0.0]]))
        Array([0.5], dtype=float32)
    """
    dim: int
    eps: float
    def __init__(self, dim: int = 1, eps: float = 1e-08) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, x1: ArrayLike, x2: ArrayLike) -> jax.Array: ...
