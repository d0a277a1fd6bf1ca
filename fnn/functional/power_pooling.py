"""Power-average pooling over sliding windows in one, two and three dimensions.

Shapes as in `fnn.functional.max_pooling`.
"""

from __future__ import annotations

import math

import jax
from jax import lax

from fnn import dtypes
from fnn.arguments import listed, ntuple
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional.average_pooling import mean_of
from fnn.functional.max_pooling import largest_of
from fnn.typing import ArrayLike, Ints, Scalar

__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d"]


@governed
def lp_pool1d(
    input: ArrayLike, norm_type: float, kernel_size: int, stride: Ints | None = None, ceil_mode: bool = False
) -> jax.Array:
    """The p-norm of each window of a signal, ``(sum of x ** p) ** (1 / p)``; see `lp_pool2d`.

    Args:
        input: (N, C, L) or (C, L).
        norm_type: p, not 0.
        kernel_size: elements in a window.
        stride: step between windows; None: ``kernel_size``.
        ceil_mode: see the head of this module.

    Returns:
        (N, C, M) or (C, M).

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.lp_pool1d(jnp.array([[3.0, 4.0]]), 2, 2).tolist()
        [[5.0]]
    """
    return _lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


@governed
def lp_pool2d(
    input: ArrayLike, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> jax.Array:
    """The p-norm of each window of an image, ``(sum of x ** p) ** (1 / p)``.

    The signs are not taken off: for an odd p negative elements lower the sum, and a negative sum has no root
    (NaN).  With p = inf it is the largest, with p = -inf the smallest absolute value.  Where a window sums to 0
    the gradient is 0.  A window cut short by ``ceil_mode`` counts as if its mean went on.

    Args:
        input: (N, C, H, W) or (C, H, W).
        norm_type: p, not 0.
        kernel_size: elements in a window, one number or (kH, kW).
        stride: step between windows; None: ``kernel_size``.
        ceil_mode: see the head of this module.

    Returns:
        (N, C, H_out, W_out) or (C, H_out, W_out).

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.lp_pool2d(jnp.ones((1, 4, 4)), 2, 2).tolist()
        [[[2.0, 2.0], [2.0, 2.0]]]
    """
    return _lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


@governed
def lp_pool3d(
    input: ArrayLike, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> jax.Array:
    """The p-norm of each window of a volume, ``(sum of x ** p) ** (1 / p)``; see `lp_pool2d`.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W).
        norm_type: p, not 0.
        kernel_size: elements in a window, one number or (kD, kH, kW).
        stride: step between windows; None: ``kernel_size``.
        ceil_mode: see the head of this module.

    Returns:
        (N, C, D_out, H_out, W_out) or without N.

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.lp_pool3d(jnp.ones((1, 2, 2, 2)), 1, 2).tolist()
        [[[[8.0]]]]
    """
    return _lp_pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


def _lp_pool(
    name: str, rank: int, input: ArrayLike, norm_type: Scalar, kernel_size: Ints, stride: Ints | None, ceil_mode: bool
) -> jax.Array:
    x = to_array(input, "input", f"{name}: ")
    kernel = ntuple(kernel_size, rank, "kernel_size", f"{name}: ")
    if len(kernel) != rank:
        raise ArgumentError(f"{name}: kernel_size must be {rank} ints, but got {listed(kernel)}")
    if isinstance(norm_type, (int, float)):
        if norm_type == 0:
            raise ArgumentError(f"{name}: norm_type must not be zero, but got norm_type={norm_type!r}")
        if norm_type == math.inf:
            return largest_of(name, rank, lax.abs(x), kernel, stride, 0, 1, ceil_mode)[0]
        if norm_type == -math.inf:
            return -largest_of(name, rank, -lax.abs(x), kernel, stride, 0, 1, ceil_mode)[0]
    if not dtypes.is_floating(x):
        x = x.astype(dtypes.get_default_dtype())
    out = mean_of(name, rank, _power(x, norm_type), kernel, stride, 0, ceil_mode, True, None)
    # |out| with a zero gradient at 0, which stops the infinite one of the root, but not one that is NaN
    size = lax.abs(out)
    size = lax.select(size <= 0, lax.full_like(size, 0), size)
    return _power(lax.sign(out) * size * math.prod(kernel), 1.0 / norm_type)


def _power(x: jax.Array, exponent: Scalar) -> jax.Array:
    if isinstance(exponent, (int, float)):
        if exponent == 1:
            return x
        if exponent == 2:
            return lax.mul(x, x)
    return lax.pow(x, lax.full_like(x, exponent))
