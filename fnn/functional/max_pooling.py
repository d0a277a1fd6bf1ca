"""Max pooling over sliding windows in one, two and three dimensions.

Shapes: N batch, C channels, L length, (H, W) image, (D, H, W) volume; an input without N is one example.  A
window of ``kernel_size`` elements, ``dilation`` apart, moves by ``stride`` (default: ``kernel_size``) over the
input with ``padding`` elements added at both ends of each spatial axis, so that a size becomes
``(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.  With ``ceil_mode`` the division
rounds up, but the last window still starts inside the input or its left padding.
"""

from __future__ import annotations

from typing import Literal, overload

import jax
import jax.numpy as jnp
from jax import lax

from fnn import dtypes
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentTypeError
from fnn.functional._sliding import windows
from fnn.kernels.windows import flat_positions, largest
from fnn.typing import ArrayLike, Ints

__all__ = [
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
]

Pooled = jax.Array | tuple[jax.Array, jax.Array]


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
    out, indices = largest_of("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
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
    out, indices = largest_of("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
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
    out, indices = largest_of("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
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


def largest_of(
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
