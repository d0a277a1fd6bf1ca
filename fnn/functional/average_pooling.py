"""Average pooling over sliding windows in one, two and three dimensions; shapes as in `fnn.functional.max_pooling`."""

from __future__ import annotations

import jax
import numpy as np
from jax import lax

from fnn import dtypes
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional._sliding import Windows, windows
from fnn.kernels.windows import total
from fnn.typing import ArrayLike, Ints

__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool3d"]


def avg_pool1d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> jax.Array:
    """The mean of each window of a signal; see `avg_pool2d`.

    Args:
        input: (N, C, L) or (C, L).
        kernel_size: elements in a window.
        stride: step between windows; None: ``kernel_size``.
        padding: zeros added at both ends, at most half a window.
        ceil_mode: see the head of this module.
        count_include_pad: whether the zeros count as elements of a window.

    Returns:
        (N, C, M) or (C, M).

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.avg_pool1d(jnp.array([[1.0, 3.0, 2.0, 0.0]]), 2).tolist()
        [[2.0, 1.0]]
    """
    return mean_of("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> jax.Array:
    """The mean of each window of an image.

    Args:
        input: (N, C, H, W) or (C, H, W), of a floating dtype or int64 (the quotient is then cut).
        kernel_size: elements in a window, one number or (kH, kW).
        stride: step between windows; None: ``kernel_size``.
        padding: zeros added at both ends, at most half a window.
        ceil_mode: see the head of this module; what lies beyond the padding is never counted.
        count_include_pad: whether the zeros count as elements of a window.
        divisor_override: divide each sum by this number instead.

    Returns:
        (N, C, H_out, W_out) or (C, H_out, W_out).

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.avg_pool2d(jnp.arange(16.0).reshape(1, 4, 4), 2).tolist()
        [[[2.5, 4.5], [10.5, 12.5]]]
    """
    return mean_of("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@governed
def avg_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> jax.Array:
    """The mean of each window of a volume; see `avg_pool2d`.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W).
        kernel_size: elements in a window, one number or (kD, kH, kW).
        stride: step between windows; None: ``kernel_size``.
        padding: zeros added at both ends, at most half a window.
        ceil_mode: see the head of this module.
        count_include_pad: whether the zeros count as elements of a window.
        divisor_override: divide each sum by this number instead.

    Returns:
        (N, C, D_out, H_out, W_out) or without N.

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.avg_pool3d(jnp.arange(8.0).reshape(1, 2, 2, 2), 2).tolist()
        [[[[3.5]]]]
    """
    return mean_of("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def mean_of(
    name: str,
    rank: int,
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> jax.Array:
    x = to_array(input, "input", f"{name}: ")
    floating = dtypes.is_floating(x)
    if not floating and x.dtype != dtypes.index_dtype():
        raise ArgumentTypeError(f"{name}: not implemented for input of dtype {x.dtype}")
    if divisor_override is not None and divisor_override == 0:
        raise ArgumentError(f"{name}: divisor must be not zero, but got divisor_override={divisor_override}")
    w = windows(name, x, rank, kernel_size, stride, padding, 1, ceil_mode)
    dtype, sizes = x.dtype, x.shape[-rank:]
    if dtype.itemsize < 4:  # half types add up in float32
        x = lax.convert_element_type(x, np.float32)
    for i in reversed(range(rank)):
        x = total(x, x.ndim - rank + i, w.kernel[i], w.stride[i], w.padding[i], w.out[i])
    count = np.asarray(divisor_override) if divisor_override is not None else _counts(w, sizes, count_include_pad)
    if (count == count.flat[0]).all():
        divisor = lax.full_like(x, count.flat[0])
    else:
        divisor = lax.broadcast_in_dim(count.astype(x.dtype), x.shape, tuple(range(x.ndim - rank, x.ndim)))
    return lax.convert_element_type(lax.div(x, divisor), dtype)


def _counts(w: Windows, sizes: tuple[int, ...], count_include_pad: bool) -> np.ndarray:
    """How many elements each window holds, of shape ``w.out``."""
    counts = np.ones((), np.int64)
    for size, kernel, stride, padding, out in zip(sizes, w.kernel, w.stride, w.padding, w.out, strict=True):
        start = np.arange(out) * stride - padding
        end = np.minimum(start + kernel, size + padding)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, size)
        counts = np.multiply.outer(counts, np.maximum(end - start, 1))
    return counts
