"""Deformable convolution: each tap of the kernel is moved by learned offsets (arXiv:1703.06211, 1811.11168)."""

import math

import jax
import jax.numpy as jnp

from fnn import init, nn
from fnn.arguments import ntuple
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike, Ints

__all__ = ["DeformConv2d", "deform_conv2d"]


def deform_conv2d(
    input: ArrayLike,
    offset: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = (1, 1),
    padding: Ints = (0, 0),
    dilation: Ints = (1, 1),
    mask: ArrayLike | None = None,
) -> jax.Array:
    """A convolution whose taps look between pixels, at places that are given for each output.

    ``out[n, o, p] = bias[o] + sum_k mask[n, k, p] * weight[o, :, k] @ input[n, :, place(k, p) + offset[n, k, p]]`` with
    bilinear interpolation; outside of the input there are zeros.

    Args:
        input: (N, C, H, W).
        offset: (N, 2 * G * KH * KW, OH, OW): down and to the right, for each tap, for each of G groups of channels.
        weight: (O, C / groups, KH, KW).
        bias: (O,).
        stride: of the outputs' places.
        padding: zeros around the input.
        dilation: of the kernel's taps.
        mask: (N, G * KH * KW, OH, OW), factors of the taps; None: 1.

    Returns:
        (N, O, OH, OW).

    Raises:
        ArgumentError: a shape does not fit.

    >>> x, weight = jnp.ones((1, 2, 5, 5)), jnp.ones((3, 2, 3, 3))
    >>> deform_conv2d(x, jnp.zeros((1, 18, 3, 3)), weight).shape
    (1, 3, 3, 3)
    """
    x, moves, kernel = jnp.asarray(input), jnp.asarray(offset), jnp.asarray(weight)
    for name, array in (("input", x), ("offset", moves), ("weight", kernel)):
        if array.ndim != 4:
            raise ArgumentError(f"deform_conv2d: {name} must have 4 dimensions, got {array.shape}")
    n, channels, height, width = x.shape
    out_channels, group_channels, kh, kw = kernel.shape
    steps, pads, gaps = (
        ntuple(value, 2, name, "deform_conv2d")
        for name, value in (("stride", stride), ("padding", padding), ("dilation", dilation))
    )
    taps = kh * kw
    groups = moves.shape[1] // (2 * taps)
    if groups == 0:
        raise ArgumentError(
            "the shape of the offset tensor at dimension 1 is not valid. It should be a multiple of 2 * weight.size[2] "
            f"* weight.size[3].\nGot offset.shape[1]={moves.shape[1]}, while 2 * weight.size[2] * weight.size[3]="
            f"{2 * taps}"
        )
    out_h, out_w = (
        (size + 2 * pad - (gap * (k - 1) + 1)) // step + 1
        for size, pad, gap, k, step in zip((height, width), pads, gaps, (kh, kw), steps, strict=True)
    )
    wanted = (n, 2 * groups * taps, out_h, out_w)
    if moves.shape != wanted or channels % groups or channels % group_channels:
        raise ArgumentError(
            f"deform_conv2d: offset must be {wanted} with its groups dividing the {channels} channels of input, got "
            f"{moves.shape}; weight is {kernel.shape}"
        )
    moves = moves.reshape(n, groups, taps, 2, out_h, out_w)
    rows = (
        jnp.repeat(jnp.arange(kh) * gaps[0], kw)[:, None, None]
        + (jnp.arange(out_h) * steps[0] - pads[0])[None, :, None]
    )
    columns = (
        jnp.tile(jnp.arange(kw) * gaps[1], kh)[:, None, None] + (jnp.arange(out_w) * steps[1] - pads[1])[None, None]
    )
    y, z = moves[:, :, :, 0] + rows[None, None], moves[:, :, :, 1] + columns[None, None]  # (N, G, K, OH, OW)
    sampled = _sampled(x.reshape(n, groups, -1, height * width), y, z, height, width)  # (N, G, C / G, K, OH, OW)
    if mask is not None:
        factors = jnp.asarray(mask)
        if factors.shape != (n, groups * taps, out_h, out_w):
            raise ArgumentError(f"deform_conv2d: mask must be {(n, groups * taps, out_h, out_w)}, got {factors.shape}")
        sampled = sampled * factors.reshape(n, groups, 1, taps, out_h, out_w)
    sampled = sampled.reshape(n, channels // group_channels, group_channels, taps, out_h, out_w)
    kernel = kernel.reshape(channels // group_channels, -1, group_channels, taps)
    out = jnp.einsum("ngckyx,gock->ngoyx", sampled, kernel).reshape(n, out_channels, out_h, out_w)
    return out if bias is None else out + jnp.asarray(bias).reshape(1, -1, 1, 1)


def _sampled(pixels: jax.Array, y: jax.Array, x: jax.Array, height: int, width: int) -> jax.Array:
    """Bilinear samples of (N, G, C, H * W) at the places (N, G, *P): (N, G, C, *P); each corner outside is 0."""
    shape = y.shape[2:]
    y, x = (value.reshape(*value.shape[:2], 1, -1) for value in (y, x))
    low_y, low_x = jnp.floor(y), jnp.floor(x)
    there = (y > -1) & (y < height) & (x > -1) & (x < width)
    total: jax.Array | None = None
    for down in (0, 1):
        for right in (0, 1):
            row, column = low_y + down, low_x + right
            weight = (1 - jnp.abs(y - row)) * (1 - jnp.abs(x - column))
            inside = there & (row >= 0) & (row <= height - 1) & (column >= 0) & (column <= width - 1)
            place = jnp.clip(row, 0, height - 1) * width + jnp.clip(column, 0, width - 1)
            part = jnp.take_along_axis(pixels, place.astype(jnp.int32), -1) * jnp.where(inside, weight, 0)
            total = part if total is None else total + part
    assert total is not None
    return total.reshape(*total.shape[:3], *shape)


class DeformConv2d(nn.Module):
    """`deform_conv2d` with its weight and bias.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: height and width, or one for both.
        stride: of the outputs' places.
        padding: zeros around the input.
        dilation: of the kernel's taps.
        groups: of the channels; each output sees those of its group.
        bias: whether there is one.

    >>> DeformConv2d(4, 8, 3, padding=1)
    DeformConv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Ints = 0,
        dilation: Ints = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups != 0:
                raise ArgumentError(f"{name} must be divisible by groups, got {name}={channels} and groups={groups}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = ntuple(kernel_size, 2, "kernel_size", "DeformConv2d")
        self.stride = ntuple(stride, 2, "stride", "DeformConv2d")
        self.padding = ntuple(padding, 2, "padding", "DeformConv2d")
        self.dilation = ntuple(dilation, 2, "dilation", "DeformConv2d")
        self.groups = groups
        self.weight = nn.Parameter(init.zeros(None, (out_channels, in_channels // groups, *self.kernel_size)))
        self.register_parameter("bias", nn.Parameter(init.zeros(None, (out_channels,))) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weight and bias from U(-b, b) with ``b = 1 / sqrt(C / groups * KH * KW)``."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input: ArrayLike, offset: ArrayLike, mask: ArrayLike | None = None) -> jax.Array:
        return deform_conv2d(
            input,
            offset,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            mask=mask,
        )

    def __repr__(self) -> str:
        shown = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, value, default in (
            ("padding", self.padding, (0, 0)),
            ("dilation", self.dilation, (1, 1)),
            ("groups", self.groups, 1),
        ):
            if value != default:
                shown += f", {name}={value}"
        return f"{self._get_name()}({shown}{', bias=False' if self.bias is None else ''})"
