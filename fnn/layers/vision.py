"""Layers that rearrange channels and pixels, or resize."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import jax

from fnn.functional import shuffle as F
from fnn.functional.interpolate import interpolate
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Floats, Ints, Key

__all__ = [
    "PixelShuffle",
    "PixelUnshuffle",
    "ChannelShuffle",
    "Upsample",
    "UpsamplingNearest2d",
    "UpsamplingBilinear2d",
]


class PixelShuffle(Layer):
    """Moves groups of r² channels into r x r blocks of pixels (r = ``upscale_factor``).

    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network" (2016), https://arxiv.org/abs/1609.05158

    Args:
        upscale_factor: r.

    Shape:
        input: (*, C * r², H, W).
        output: (*, C, H * r, W * r).

    Example:
        >>> layers.PixelShuffle(2).apply({}, {}, jnp.arange(4).reshape(4, 1, 1))[0].tolist()
        [[[0, 1], [2, 3]]]
    """

    upscale_factor: int

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return F.pixel_shuffle(input, self.upscale_factor), state

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Layer):
    """Moves r x r blocks of pixels into r² channels each (r = ``downscale_factor``): the inverse of PixelShuffle.

    Args:
        downscale_factor: r.

    Shape:
        input: (*, C, H * r, W * r).
        output: (*, C * r², H, W).

    Example:
        >>> layers.PixelUnshuffle(2).apply({}, {}, jnp.arange(4).reshape(1, 2, 2))[0].tolist()
        [[[0]], [[1]], [[2]], [[3]]]
    """

    downscale_factor: int

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return F.pixel_unshuffle(input, self.downscale_factor), state

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Layer):
    """Interleaves ``groups`` blocks of channels: the first of each, then the second of each, and so on.

    Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices" (2017).

    Args:
        groups: the number of blocks, which divides C.

    Shape:
        input and output: (N, C, *), with at least one spatial axis.

    Example:
        >>> layers.ChannelShuffle(2).apply({}, {}, jnp.arange(6).reshape(1, 6, 1))[0].ravel().tolist()
        [0, 3, 1, 4, 2, 5]
    """

    groups: int

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return F.channel_shuffle(input, self.groups), state

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Upsample(Layer):
    """Resizes the spatial axes to ``size``, or by ``scale_factor``, with `fnn.functional.interpolate`.

    Args:
        size: the new sizes, one number or one an axis.
        scale_factor: instead of it, the ratio of new and old size, one number or one an axis.
        mode: "nearest", "linear", "bilinear", "bicubic" or "trilinear" (and what else `interpolate` knows).
        align_corners: whether the centres of the corner elements coincide; for all modes but nearest.
        recompute_scale_factor: interpolate with the ratio of the rounded sizes instead of ``scale_factor``.

    Shape:
        input: (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        output: (N, C, *size), or ``floor(size * scale_factor)``.

    Example:
        >>> layers.Upsample(scale_factor=2).apply({}, {}, jnp.array([[[0.0, 4.0]]]))[0].tolist()
        [[[0.0, 0.0, 4.0, 4.0]]]
    """

    size: Ints | None = None
    scale_factor: Floats | None = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None

    def __post_init__(self) -> None:
        size: Any = self.size
        scale: Any = self.scale_factor
        if isinstance(size, list):
            size = tuple(size)
        if isinstance(scale, (tuple, list)):
            scale = tuple(float(s) for s in scale)
        elif scale is not None:
            scale = float(scale) if scale else None
        self._set(size=size, scale_factor=scale)

    @property
    def name(self) -> str:
        """The name of the class, as PyTorch's module has it."""
        return type(self).__name__

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        out = interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )
        return out, state

    def extra_repr(self) -> str:
        given = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resizes an image by repeating the nearest element: `Upsample` with ``mode="nearest"``.

    Args:
        size: the new (H, W), or one number for both.
        scale_factor: instead of it, the ratio of new and old size, one number or two.

    Shape:
        input: (N, C, H, W).
        output: (N, C, *size).

    Example:
        >>> layers.UpsamplingNearest2d(scale_factor=2).apply({}, {}, jnp.ones((1, 1, 1, 1)))[0].tolist()
        [[[[1.0, 1.0], [1.0, 1.0]]]]
    """

    mode: str = field(default="nearest", init=False)
    align_corners: bool | None = field(default=None, init=False)
    recompute_scale_factor: bool | None = field(default=None, init=False)


class UpsamplingBilinear2d(Upsample):
    """Resizes an image linearly, corner on corner: `Upsample` with ``mode="bilinear", align_corners=True``.

    Args:
        size: the new (H, W), or one number for both.
        scale_factor: instead of it, the ratio of new and old size, one number or two.

    Shape:
        input: (N, C, H, W).
        output: (N, C, *size).

    Example:
        >>> x = jnp.array([[[[0.0, 2.0]]]])
        >>> layers.UpsamplingBilinear2d((1, 3)).apply({}, {}, x)[0].tolist()
        [[[[0.0, 1.0, 2.0]]]]
    """

    mode: str = field(default="bilinear", init=False)
    align_corners: bool | None = field(default=True, init=False)
    recompute_scale_factor: bool | None = field(default=None, init=False)
