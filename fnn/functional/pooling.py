"""Max, average and power-average pooling over sliding windows in one, two and three dimensions.

Shapes: N batch, C channels, L length, (H, W) image, (D, H, W) volume; an input without N is one example.  A
window of ``kernel_size`` elements, ``dilation`` apart, moves by ``stride`` (default: ``kernel_size``) over the
input with ``padding`` elements added at both ends of each spatial axis, so that a size becomes
``(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.  With ``ceil_mode`` the division
rounds up, but the last window still starts inside the input or its left padding.
"""

from __future__ import annotations

import math
from typing import Literal, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import dtypes
from fnn.arguments import listed, ntuple
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional._sliding import Windows, windows
from fnn.kernels.windows import flat_positions, largest, total
from fnn.typing import ArrayLike, Ints, Scalar

__all__ = [
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
]

Pooled = jax.Array | tuple[jax.Array, jax.Array]


# -- maximum ----------------------------------------------------------------------------------------


@overload
def max_pool1d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[False] = ...,
) -> jax.Array: ...
@overload
def max_pool1d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    *,
    return_indices: Literal[True],
) -> tuple[jax.Array, jax.Array]: ...
@overload
def max_pool1d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    return_indices: bool = ...,
) -> Pooled: ...
def max_pool1d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """The largest element of each window of a signal.

    Args:
        input: (N, C, L) or (C, L).
        kernel_size: elements in a window.
        stride: step between windows; None: ``kernel_size``.
        padding: elements of -inf added at both ends, at most half a window.
        dilation: step between the elements of a window.
        ceil_mode: see the head of this module.
        return_indices: also return where in L each maximum stands.

    Returns:
        (N, C, M) or (C, M), or the pair of it and the indices; see `max_pool2d`.

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.max_pool1d(jnp.array([[1.0, 3.0, 2.0, 0.0]]), 2).tolist()
        [[3.0, 2.0]]
    """
    if not return_indices and not dtypes.is_floating(to_array(input, "input", "max_pool1d: ")):
        raise ArgumentTypeError(
            f"max_pool1d: expected a floating dtype, got input of {to_array(input).dtype} (with return_indices=True "
            "integers are pooled too)"
        )
    out, indices = _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return out if indices is None else (out, indices)


@overload
def max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[False] = ...,
) -> jax.Array: ...
@overload
def max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    *,
    return_indices: Literal[True],
) -> tuple[jax.Array, jax.Array]: ...
@overload
def max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    return_indices: bool = ...,
) -> Pooled: ...
def max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """The largest element of each window of an image.

    NaN counts as larger than all numbers.  Of several equal maxima the first in row-major order gives the
    index and receives the gradient.

    Args:
        input: (N, C, H, W) or (C, H, W), of a floating or integer dtype.
        kernel_size: elements in a window, one number or (kH, kW).
        stride: step between windows; None: ``kernel_size``.
        padding: rows and columns of -inf added at both ends, at most half a window.
        dilation: step between the elements of a window.
        ceil_mode: see the head of this module.
        return_indices: also return where each maximum stands in the flattened (H * W) plane, as `max_unpool2d`
            takes it.

    Returns:
        (N, C, H_out, W_out) or (C, H_out, W_out), or the pair of it and the indices.

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> values, indices = F.max_pool2d(jnp.arange(16.0).reshape(1, 4, 4), 2, return_indices=True)
        >>> values.tolist(), indices.tolist()
        ([[[5.0, 7.0], [13.0, 15.0]]], [[[5, 7], [13, 15]]])
    """
    out, indices = _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return out if indices is None else (out, indices)


@overload
def max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[False] = ...,
) -> jax.Array: ...
@overload
def max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    *,
    return_indices: Literal[True],
) -> tuple[jax.Array, jax.Array]: ...
@overload
def max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = ...,
    padding: Ints = ...,
    dilation: Ints = ...,
    ceil_mode: bool = ...,
    return_indices: bool = ...,
) -> Pooled: ...
@governed
def max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """The largest element of each window of a volume; see `max_pool2d`.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W), of a floating or integer dtype.
        kernel_size: elements in a window, one number or (kD, kH, kW).
        stride: step between windows; None: ``kernel_size``.
        padding: elements of -inf added at both ends, at most half a window.
        dilation: step between the elements of a window.
        ceil_mode: see the head of this module.
        return_indices: also return where each maximum stands in the flattened (D * H * W) volume.

    Returns:
        (N, C, D_out, H_out, W_out) or without N, or the pair of it and the indices.

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.max_pool3d(jnp.arange(8.0).reshape(1, 2, 2, 2), 2).tolist()
        [[[[7.0]]]]
    """
    out, indices = _max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return out if indices is None else (out, indices)


def max_pool1d_with_indices(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """`max_pool1d` that returns the indices whatever ``return_indices`` says.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> output, indices = F.max_pool1d_with_indices(jnp.arange(4.0)[None, None], 2)
        >>> indices.tolist()
        [[[1, 3]]]
    """
    del return_indices
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)


def max_pool2d_with_indices(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """`max_pool2d` that returns the indices whatever ``return_indices`` says.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> output, indices = F.max_pool2d_with_indices(jnp.arange(4.0).reshape(1, 1, 2, 2), 2)
        >>> indices.tolist()
        [[[[3]]]]
    """
    del return_indices
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)


def max_pool3d_with_indices(
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """`max_pool3d` that returns the indices whatever ``return_indices`` says.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> output, indices = F.max_pool3d_with_indices(jnp.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
        >>> indices.tolist()
        [[[[[7]]]]]
    """
    del return_indices
    return max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)


def _max_pool(
    name: str,
    rank: int,
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
    return_indices: bool = False,
) -> tuple[jax.Array, jax.Array | None]:
    x = to_array(input, "input", f"{name}: ")
    if not jnp.issubdtype(x.dtype, jnp.floating) and not jnp.issubdtype(x.dtype, jnp.integer):
        raise ArgumentTypeError(f"{name}: not implemented for input of dtype {x.dtype}")
    w = windows(name, x, rank, kernel_size, stride, padding, dilation, ceil_mode)
    position = None
    if return_indices:
        position = lax.broadcast_in_dim(flat_positions(x.shape[-rank:], x.ndim), x.shape, tuple(range(x.ndim)))
    # The last axis first: the first maximum of the first of the best rows is the first in row-major order.
    for i in reversed(range(rank)):
        axis = x.ndim - rank + i
        x, position = largest(x, axis, position, w.kernel[i], w.stride[i], w.padding[i], w.dilation[i], w.out[i])
    return x, position


# -- average ----------------------------------------------------------------------------------------


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
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


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
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


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
    return _avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _avg_pool(
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


# -- power average ----------------------------------------------------------------------------------


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
            return _max_pool(name, rank, lax.abs(x), kernel, stride, 0, 1, ceil_mode)[0]
        if norm_type == -math.inf:
            return -_max_pool(name, rank, -lax.abs(x), kernel, stride, 0, 1, ceil_mode)[0]
    if not dtypes.is_floating(x):
        x = x.astype(dtypes.get_default_dtype())
    out = _avg_pool(name, rank, _power(x, norm_type), kernel, stride, 0, ceil_mode, True, None)
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
