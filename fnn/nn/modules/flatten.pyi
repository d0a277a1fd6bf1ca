"""Written by tools/make_stubs.py from flatten.py and its layers; do not edit."""

import jax
from collections.abc import Sequence
from typing import Any
from fnn.typing import ArrayLike
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['Flatten', 'Unflatten']

class Flatten(LayerModule):
    """Joins the axes from ``start_dim`` to ``end_dim`` into one.

    Args:
        start_dim: the first axis to join.
        end_dim: the last one, included.

    Shape:
        (N, d1, ..., dK) -> (N, d1 * ... * dK), with the default arguments.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Flatten()(jnp.ones((32, 1, 5, 5))).shape
        (32, 25)
    """
    start_dim: int
    end_dim: int
    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Unflatten(LayerModule):
    """Splits the axis ``dim`` into axes of ``unflattened_size``.

    Args:
        dim: the axis to split.
        unflattened_size: the new axes, a tuple or list of ints; one may be -1.

    Shape:
        (..., d, ...) -> (..., u1, ..., uK, ...), with ``u1 * ... * uK == d``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Unflatten(1, (2, 5, 5))(jnp.ones((2, 50))).shape
        (2, 2, 5, 5)
    """
    dim: int
    unflattened_size: Sequence[int] | Sequence[tuple[str, int]]
    def __init__(self, dim: int, unflattened_size: Sequence[int] | Sequence[tuple[str, int]]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
