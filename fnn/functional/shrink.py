"""Shrinkages: activations that draw their input towards 0."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import floating, inexact, narrow, widen
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike

__all__ = ["hardshrink", "softshrink", "tanhshrink"]


def hardshrink(input: ArrayLike, lambd: float = 0.5) -> jax.Array:
    r"""Sets what lies in ``[-lambd, lambd]`` to 0 and keeps the rest.

    Args:
        input: (\*), floating.
        lambd: half the width of the gap.

    Returns:
        (\*); the gradient at the ends of the gap is 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.hardshrink(jnp.array([-1.0, 0.5, 2.0]))
        Array([-1.,  0.,  2.], dtype=float32)
    """
    x = floating(input, "hardshrink: ")
    return lax.select(lax.abs(x) <= lax.full_like(x, lambd), lax.full_like(x, 0), x)


def softshrink(input: ArrayLike, lambd: float = 0.5) -> jax.Array:
    r"""Moves every element towards 0 by ``lambd``, but not past it.

    Args:
        input: (\*), floating.
        lambd: the distance, at least 0.

    Returns:
        (\*); the gradient is 0 where ``|x| <= lambd``.

    Raises:
        ArgumentError: ``lambd`` is negative.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.softshrink(jnp.array([-1.0, 0.5, 2.0]))
        Array([-0.5,  0. ,  1.5], dtype=float32)
    """
    x = floating(input, "softshrink: ")
    if not lambd >= 0:
        raise ArgumentError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}")
    gap = lax.full_like(x, lambd)
    return lax.select(lax.abs(x) <= gap, lax.full_like(x, 0), x - gap * lax.sign(x))


def tanhshrink(input: ArrayLike) -> jax.Array:
    r"""``x - tanh(x)``.

    Args:
        input: (\*); integers are converted to the default float dtype, booleans are refused.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.tanhshrink(jnp.array([0.0, 100.0]))
        Array([ 0., 99.], dtype=float32)
    """
    if to_array(input).dtype == jnp.bool_:
        raise ArgumentTypeError("tanhshrink: not implemented for input.dtype=bool; expected a number dtype")
    x = inexact(input, "tanhshrink: ")
    wide = widen(x)
    return narrow(wide - lax.tanh(wide), x)
