"""Local response normalisation: each channel is divided by the strength of its neighbours.

Half inputs are normalised in float32 and rounded once.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import floating, integer, narrow, widen
from fnn.autocasting import governed
from fnn.dtypes import index_dtype, to_array
from fnn.errors import ArgumentError
from fnn.functional import _promotion as promotion
from fnn.typing import ArrayLike

__all__ = ["cross_map_lrn2d", "local_response_norm"]


def _channel_windows(squares: jax.Array, before: int, after: int) -> jax.Array:
    """The sum over the channels from ``before`` below each to ``after`` above it, zeros outside."""
    size = (1, before + 1 + after, *(1,) * (squares.ndim - 2))
    padding = ((0, 0), (before, after), *((0, 0),) * (squares.ndim - 2))
    zero = squares.dtype.type(0)
    return lax.reduce_window(squares, zero, lax.add, size, (1,) * squares.ndim, padding)


def _in_range(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """``c * x`` and ``c``, which is 1 unless squares overflow, and then so small that they do not.

    One scale serves all windows: it takes numbers of 2e37 back into the range of float32's squares, and leaves those
    of windows without large ones right to three digits.
    """
    root = math.sqrt(float(jnp.finfo(x.dtype).max))
    large = lax.reduce_max(lax.abs(lax.stop_gradient(x)), tuple(range(x.ndim))) > root / 16
    c = lax.select(large, lax.full_like(large, 16 / root, x.dtype), lax.full_like(large, 1, x.dtype))
    return x * c, c


@governed
def local_response_norm(
    input: ArrayLike, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> jax.Array:
    r"""Divides by a power of the mean square of the neighbouring channels (Krizhevsky et al. 2012).

    ``x / (k + alpha * mean(x^2))^beta``, the mean over ``size`` channels, with zeros beyond the first and the last.

    Args:
        input: (N, C, \*) of three dimensions or more; integers are converted to the default float dtype.
        size: how many channels make a neighbourhood.
        alpha: the factor of the mean square.
        beta: the exponent.
        k: what is added.

    Returns:
        The shape of ``input``, and its dtype if that is floating.

    Raises:
        ArgumentError: fewer than three dimensions, or ``size < 1``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.local_response_norm(jnp.array([[[3.0], [4.0]]]), 2, alpha=2.0, beta=1.0, k=0.0)
        Array([[[0.33333334],
                [0.16      ]]], dtype=float32)
    """
    where = "local_response_norm: "
    x = to_array(input, "input", where)
    promotion.require(where, "real number", input=x)
    given, x = x, x.astype(promotion.floating_type(x.dtype))
    if x.ndim < 3:
        raise ArgumentError(f"{where}Expected 3D or higher dimensionality input (got {x.ndim} dimensions)")
    size = integer(size, "size", where)
    if size <= 0:
        raise ArgumentError(f"{where}kernel size should be greater than zero, but got size={size}")
    if x.size == 0:
        return x
    wide = widen(x)
    if jnp.issubdtype(given.dtype, jnp.integer):  # PyTorch takes their mean in integers, too
        whole = given.astype(index_dtype())  # squares of bytes would overflow; PyTorch has no kernel for those
        total = _channel_windows(whole * whole, size // 2, (size - 1) // 2)
        mean_square, c = (total // size).astype(wide.dtype), lax.full((), 1, wide.dtype)
    else:
        scaled, c = _in_range(wide)
        mean_square = _channel_windows(scaled * scaled, size // 2, (size - 1) // 2) / size
    return narrow(wide * c ** (2 * beta) / (mean_square * alpha + k * c * c) ** beta, x)


def cross_map_lrn2d(input: ArrayLike, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> jax.Array:
    r"""`local_response_norm` as ``torch.nn.CrossMapLRN2d`` computes it.

    The neighbourhood is symmetric and has an odd number of channels, ``size`` or ``size - 1``; the sum is divided by
    ``size`` all the same. PyTorch sums with a running window that never lets go of channel 0, so that from the
    channel on where it should leave it counts too: the values here are PyTorch's. The gradient is the derivative of
    these values; PyTorch's own backward pass is of a window shifted by one channel.

    Args:
        input: (N, C, H, W), floating.
        size: how many channels make a neighbourhood.
        alpha: the factor of the mean square.
        beta: the exponent.
        k: what is added.

    Returns:
        The shape and dtype of ``input``.

    Raises:
        ArgumentError: not four dimensions, or ``size < 1``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.cross_map_lrn2d(jnp.array([3.0, 4.0]).reshape(1, 2, 1, 1), 3, alpha=3.0, beta=1.0, k=0.0).ravel()
        Array([0.12, 0.16], dtype=float32)
    """
    where = "cross_map_lrn2d: "
    x = floating(input, where)
    if x.ndim != 4:
        raise ArgumentError(f"{where}CrossMapLRN2d: Expected input to be 4D, got {x.ndim}D instead.")
    size = integer(size, "size", where)
    if size <= 0:
        raise ArgumentError(f"{where}size should be greater than zero, but got size={size}")
    if x.size == 0:
        return x
    wide = widen(x)
    scaled, c = _in_range(wide)
    squares = scaled * scaled
    reach = (size - 1) // 2
    total = _channel_windows(squares, reach, reach)
    first = lax.broadcast_in_dim(lax.index_in_dim(squares, 0, axis=1, keepdims=False), x.shape, (0, 2, 3))
    stays = lax.broadcasted_iota(jnp.int32, x.shape, 1) > reach
    total = total + lax.select(stays, first, lax.full_like(first, 0))
    return narrow(wide * c ** (2 * beta) * (total * (alpha / size) + k * c * c) ** -beta, x)
