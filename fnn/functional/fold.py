"""Sliding blocks of an image: `unfold` takes them out, `fold` sums them back in.

Both work one spatial axis at a time: k0 + k1 strided slices (or sums of spread-out pieces), no gather or scatter.
Block ``l`` of ``L = blocks0 * blocks1`` is a column of ``C * k0 * k1`` entries, the channel varying slowest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import listed, per_axis
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.mesh import reshape
from fnn.typing import ArrayLike, Ints

__all__ = ["fold", "unfold"]

_PAIR = "It is expected {name} equals to {n}, but got size {found} ({name}={value!r})"


def unfold(input: ArrayLike, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1) -> jax.Array:
    """Extracts sliding blocks from an image (im2col).

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size: size of a block, one int or one an axis (as the others).
        dilation: step between two elements of a block.
        padding: zeros around the image.
        stride: step between two blocks.

    Returns:
        (N, C * k0 * k1, L) or (C * k0 * k1, L), L blocks in row-major order,
        ``blocks = (size + 2 * padding - dilation * (k - 1) - 1) // stride + 1`` along each axis.

    Raises:
        ArgumentError: shapes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.unfold(jnp.arange(6.0).reshape(1, 2, 3), (2, 2)).tolist()
        [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]
    """
    where = "unfold: "
    x = _operand(input, where)
    kernel, dilation, pads, stride = _window(kernel_size, dilation, padding, stride, where)
    if x.ndim not in (3, 4) or 0 in x.shape[-3:]:
        raise ArgumentError(
            f"{where}Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
            f"for input, but got: {listed(x.shape)}"
        )
    blocks = _count(x.shape[-2:], kernel, dilation, pads, stride)
    if min(blocks) < 1:
        raise ArgumentError(
            f"{where}Given input with spatial size {x.shape[-2:]}, kernel_size={kernel}, dilation={dilation}, "
            f"padding={pads}, calculated shape of the array of sliding blocks as {blocks}, but its components must be "
            f"at least one."
        )
    lead = x.ndim - 2
    channels = x.shape[-3] * kernel[0] * kernel[1]
    shape = (*x.shape[:-3], channels, blocks[0] * blocks[1])
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0)] * lead + [(p, p, 0) for p in pads])
    # (N, C, H, W) -> (N, C, k0, blocks0, W) -> (N, C, k0, k1, blocks0, blocks1)
    x = _slide(x, lead, lead, kernel[0], dilation[0], stride[0], blocks[0])
    x = _slide(x, lead + 2, lead + 1, kernel[1], dilation[1], stride[1], blocks[1])
    return reshape(x, shape)


def fold(
    input: ArrayLike, output_size: Ints, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> jax.Array:
    """Sums blocks into the image that they would have been extracted from (col2im); the adjoint of `unfold`.

    Args:
        input: (N, C * k0 * k1, L) or (C * k0 * k1, L), L blocks in row-major order.
        output_size: (H, W) of the result.
        kernel_size: size of a block, one int or one an axis (as the others).
        dilation: step between two elements of a block.
        padding: border of the image that the blocks cover and that is dropped.
        stride: step between two blocks.

    Returns:
        (N, C, H, W) or (C, H, W); entries that several blocks cover are summed.

    Raises:
        ArgumentError: shapes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.fold(jnp.ones((4, 2)), (2, 3), (2, 2)).tolist()
        [[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]
    """
    where = "fold: "
    x = _operand(input, where)
    size = _pair(output_size, "output_size", where)
    kernel, dilation, pads, stride = _window(kernel_size, dilation, padding, stride, where)
    if x.ndim not in (2, 3) or 0 in x.shape[-2:]:
        raise ArgumentError(
            f"{where}Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
            f"dimensions for input, but got: {listed(x.shape)}"
        )
    channels, length = x.shape[-2:]
    if channels % math.prod(kernel):
        raise ArgumentError(
            f"{where}Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={channels} and kernel_size={kernel}."
        )
    blocks = _count(size, kernel, dilation, pads, stride)
    if min(blocks) < 1 or blocks[0] * blocks[1] != length:
        raise ArgumentError(
            f"{where}Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={pads}, "
            f"stride={stride}, expected size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{blocks[0]} * {blocks[1]} = {blocks[0] * blocks[1]}, but got input.size(2)={length}."
        )
    lead = x.ndim - 1
    x = reshape(x, (*x.shape[:-2], channels // math.prod(kernel), *kernel, *blocks))
    # (N, C, k0, k1, blocks0, blocks1) -> (N, C, k0, blocks0, W) -> (N, C, H, W), with the border
    x = _slide_back(x, lead + 2, lead + 1, dilation[1], stride[1], size[1] + 2 * pads[1])
    x = _slide_back(x, lead, lead, dilation[0], stride[0], size[0] + 2 * pads[0])
    start = (0,) * lead + pads
    return lax.slice(x, start, (*x.shape[:lead], size[0] + pads[0], size[1] + pads[1]))


def _slide(x: jax.Array, axis: int, new: int, kernel: int, dilation: int, stride: int, blocks: int) -> jax.Array:
    """Splits ``axis`` into (kernel, blocks), the kernel's axis standing at position ``new``."""
    offsets = range(0, kernel * dilation, dilation)
    last = (blocks - 1) * stride + 1
    taps = [lax.slice_in_dim(x, i, i + last, stride, axis) for i in offsets]
    return lax.concatenate([lax.expand_dims(tap, (new,)) for tap in taps], new)


def _slide_back(x: jax.Array, axis: int, old: int, dilation: int, stride: int, size: int) -> jax.Array:
    """The adjoint of `_slide`: (kernel at ``old``, blocks) summed into ``axis`` of the given size."""
    zero = jnp.zeros((), x.dtype)
    total = None
    for i in range(x.shape[old]):
        tap = lax.squeeze(lax.slice_in_dim(x, i, i + 1, axis=old), (old,))
        low = i * dilation
        config = [(0, 0, 0)] * tap.ndim
        config[axis] = (low, size - low - (tap.shape[axis] - 1) * stride - 1, stride - 1)
        tap = lax.pad(tap, zero, config)
        if total is None:
            total = tap
        else:
            total = lax.bitwise_or(total, tap) if x.dtype == jnp.bool_ else lax.add(total, tap)
    assert total is not None  # kernel sizes are positive
    return total


def _operand(input: ArrayLike, where: str) -> jax.Array:
    x = to_array(input, "input", where)
    if jnp.issubdtype(x.dtype, jnp.integer):
        raise ArgumentTypeError(f"{where}not implemented for dtype {x.dtype}, expected a floating or complex input")
    return x


def _window(
    kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints, where: str
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    kernel, dilated = _pair(kernel_size, "kernel_size", where), _pair(dilation, "dilation", where)
    pads, step = _pair(padding, "padding", where), _pair(stride, "stride", where)
    for name, (h, w) in {"kernel": kernel, "stride": step, "dilation": dilated}.items():
        if min(h, w) <= 0:
            raise ArgumentError(
                f"{where}{name}{' size' * (name == 'kernel')} should be greater than zero, "
                f"but got {name}_height: {h} {name}_width: {w}"
            )
    if min(pads) < 0:
        raise ArgumentError(
            f"{where}padding should be non-negative, but got pad_height: {pads[0]} pad_width: {pads[1]}"
        )
    return kernel, dilated, pads, step


def _pair(value: Ints, name: str, where: str) -> tuple[int, int]:
    h, w = per_axis(value, 2, name, where, _PAIR, repeats=False)
    return h, w


def _count(
    size: Sequence[int], kernel: Sequence[int], dilation: Sequence[int], pads: Sequence[int], stride: Sequence[int]
) -> tuple[int, int]:
    h, w = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, pads, stride, strict=True)
    )
    return h, w
