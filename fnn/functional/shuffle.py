"""Rearrangements between channels and space: pixel (un)shuffle and channel shuffle."""

from __future__ import annotations

import jax
from jax import lax

from fnn.arguments import integer, listed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.kernels.mesh import reshape
from fnn.typing import ArrayLike, Ints

__all__ = ["pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle"]


def pixel_shuffle(input: ArrayLike, upscale_factor: int) -> jax.Array:
    """Moves groups of r² channels into r x r blocks of pixels (r = ``upscale_factor``).

    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network" (2016), https://arxiv.org/abs/1609.05158

    Args:
        input: (*, C * r², H, W), of any dtype.
        upscale_factor: r.

    Returns:
        (*, C, H * r, W * r).

    Raises:
        ArgumentError: fewer than three axes, or channels that r² does not divide.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.pixel_shuffle(jnp.arange(4).reshape(4, 1, 1), 2).tolist()
        [[[0, 1], [2, 3]]]
    """
    x, r = _image("pixel_shuffle", input, upscale_factor, "upscale_factor")
    *lead, c, h, w = x.shape
    if c % (r * r):
        raise ArgumentError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={c} is not divisible by {r * r}"
        )
    n = len(lead)
    x = reshape(x, (*lead, c // (r * r), r, r, h, w))
    x = lax.transpose(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))  # (*, C, H, r, W, r)
    return reshape(x, (*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: ArrayLike, downscale_factor: int) -> jax.Array:
    """Moves r x r blocks of pixels into r² channels each: the inverse of `pixel_shuffle`.

    Args:
        input: (*, C, H * r, W * r), of any dtype.
        downscale_factor: r.

    Returns:
        (*, C * r², H, W).

    Raises:
        ArgumentError: fewer than three axes, or a height or width that r does not divide.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.pixel_unshuffle(jnp.arange(4).reshape(1, 2, 2), 2).tolist()
        [[[0]], [[1]], [[2]], [[3]]]
    """
    x, r = _image("pixel_unshuffle", input, downscale_factor, "downscale_factor")
    *lead, c, h, w = x.shape
    for word, axis, size in (("height", -2, h), ("width", -1, w)):
        if size % r:
            raise ArgumentError(
                f"pixel_unshuffle expects {word} to be divisible by downscale_factor, "
                f"but input.size({axis})={size} is not divisible by {r}"
            )
    n = len(lead)
    x = reshape(x, (*lead, c, h // r, r, w // r, r))
    x = lax.transpose(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))  # (*, C, r, r, H, W)
    return reshape(x, (*lead, c * r * r, h // r, w // r))


def channel_shuffle(input: ArrayLike, groups: int) -> jax.Array:
    """Interleaves ``groups`` blocks of channels: the first of each, then the second of each, and so on.

    Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices" (2017).

    Args:
        input: (N, C, *), of any dtype, with at least one spatial axis.
        groups: the number of blocks, which divides C.

    Returns:
        An array of the input's shape.

    Raises:
        ArgumentError: fewer than three axes, or channels that ``groups`` does not divide.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.channel_shuffle(jnp.arange(6).reshape(1, 6, 1), 2).ravel().tolist()
        [0, 3, 1, 4, 2, 5]
    """
    x = to_array(input, "input", "channel_shuffle: ")
    groups = integer(groups, "groups", "channel_shuffle: ")
    if x.ndim <= 2:
        raise ArgumentError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {listed(x.shape)}")
    if groups <= 0:
        raise ArgumentError(
            f"channel_shuffle: Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    n, c, *spatial = x.shape
    if c % groups:
        raise ArgumentError(
            f"channel_shuffle: Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    x = reshape(x, (n, groups, c // groups, *spatial))
    x = lax.transpose(x, (0, 2, 1, *range(3, x.ndim)))
    return reshape(x, (n, c, *spatial))


def native_channel_shuffle(input: ArrayLike, groups: int) -> jax.Array:
    """`channel_shuffle` under the name of PyTorch's CPU kernel.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.native_channel_shuffle(jnp.arange(4.0).reshape(1, 4, 1, 1), 2).ravel().tolist()
        [0.0, 2.0, 1.0, 3.0]
    """
    return channel_shuffle(input, groups)


def _image(name: str, input: ArrayLike, factor: Ints, argument: str) -> tuple[jax.Array, int]:
    x = to_array(input, "input", f"{name}: ")
    r = integer(factor, argument, f"{name}: ")
    if x.ndim < 3:
        raise ArgumentError(
            f"{name} expects input to have at least 3 dimensions, but got input with {x.ndim} dimension(s)"
        )
    if r <= 0:
        raise ArgumentError(f"{name} expects a positive {argument}, but got {r}")
    return x, r
