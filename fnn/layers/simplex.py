"""The softmax family as layers."""

from __future__ import annotations

from typing import ClassVar

import jax

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import simplex
from fnn.layers._activation import _Activation
from fnn.typing import ArrayLike

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]

_USER = 9  # where the caller of a layer stands, seen from the warning about a missing ``dim``


class Softmin(_Activation):
    """`Softmax` of ``-x``.

    Args:
        dim: the dimension that is normalised; None is deprecated.

    Example:
        >>> layers.Softmin(0).apply({}, {}, jnp.array([0.0, 0.0, jnp.inf]))[0]
        Array([0.5, 0.5, 0. ], dtype=float32)
    """

    SHOWN: ClassVar = ("dim",)

    dim: int | None = None

    def _activate(self, x: ArrayLike) -> jax.Array:
        return simplex.softmin(x, self.dim, _stacklevel=_USER)


class Softmax(_Activation):
    """``exp(x) / sum(exp(x))``: non-negative, and summing to 1 over ``dim``.

    Args:
        dim: the dimension that is normalised; None is deprecated.

    Example:
        >>> layers.Softmax(0).apply({}, {}, jnp.array([0.0, 0.0, -jnp.inf]))[0]
        Array([0.5, 0.5, 0. ], dtype=float32)
    """

    SHOWN: ClassVar = ("dim",)

    dim: int | None = None

    def _activate(self, x: ArrayLike) -> jax.Array:
        return simplex.softmax(x, self.dim, _stacklevel=_USER)


class Softmax2d(_Activation):
    """`Softmax` over the channels of images.

    Shape:
        (N, C, H, W) or (C, H, W) -> the same.

    Example:
        >>> layers.Softmax2d().apply({}, {}, jnp.zeros((2, 1, 1)))[0].ravel()
        Array([0.5, 0.5], dtype=float32)
    """

    def _activate(self, x: ArrayLike) -> jax.Array:
        x = to_array(x)
        if x.ndim not in (3, 4):
            raise ArgumentError(f"Softmax2d: expected input to be 3D or 4D, got {x.ndim}D instead")
        return simplex.softmax(x, -3)


class LogSoftmax(_Activation):
    """The logarithm of `Softmax`, computed without taking the logarithm of a small number.

    Args:
        dim: the dimension that is normalised; None is deprecated.

    Example:
        >>> layers.LogSoftmax(0).apply({}, {}, jnp.array([0.0, 1000.0]))[0]
        Array([-1000.,     0.], dtype=float32)
    """

    SHOWN: ClassVar = ("dim",)

    dim: int | None = None

    def _activate(self, x: ArrayLike) -> jax.Array:
        return simplex.log_softmax(x, self.dim, _stacklevel=_USER)
