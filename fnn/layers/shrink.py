"""Shrinkage layers: they draw their input towards 0."""

from __future__ import annotations

import jax

from fnn.functional import shrink
from fnn.layers._activation import _Activation
from fnn.typing import ArrayLike

__all__ = ["Hardshrink", "Softshrink", "Tanhshrink"]


class Hardshrink(_Activation):
    """Sets what lies in ``[-lambd, lambd]`` to 0 and keeps the rest.

    Args:
        lambd: half the width of the gap.

    Example:
        >>> layers.Hardshrink().apply({}, {}, jnp.array([-1.0, 0.5, 2.0]))[0]
        Array([-1.,  0.,  2.], dtype=float32)
    """

    lambd: float = 0.5

    def _activate(self, x: ArrayLike) -> jax.Array:
        return shrink.hardshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(_Activation):
    """Moves every element towards 0 by ``lambd``, but not past it.

    Args:
        lambd: the distance, at least 0.

    Example:
        >>> layers.Softshrink().apply({}, {}, jnp.array([-1.0, 0.5, 2.0]))[0]
        Array([-0.5,  0. ,  1.5], dtype=float32)
    """

    lambd: float = 0.5

    def _activate(self, x: ArrayLike) -> jax.Array:
        return shrink.softshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Tanhshrink(_Activation):
    """``x - tanh(x)``.

    Example:
        >>> layers.Tanhshrink().apply({}, {}, jnp.array([0.0, 100.0]))[0]
        Array([ 0., 99.], dtype=float32)
    """

    def _activate(self, x: ArrayLike) -> jax.Array:
        return shrink.tanhshrink(x)
