"""What GoogLeNet and Inception v3 share."""

from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.nn import functional as F
from fnn.vision.models._draws import unit_norm

__all__ = ["BasicConv2d", "draw_truncated", "rescaled"]


class BasicConv2d(nn.Module):
    """A convolution without bias, BatchNorm2d, relu.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        **kwargs: more arguments of `fnn.nn.Conv2d`.
    """

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: jax.Array) -> jax.Array:
        return F.relu(self.bn(self.conv(x)))


def draw_truncated(model: nn.Module, std: float) -> None:
    """Draws the weights from N(0, std^2) cut at ±2; a layer with an attribute ``stddev`` has its own std."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.trunc_normal_(module.weight, mean=0.0, std=float(getattr(module, "stddev", std)), a=-2, b=2)
        elif isinstance(module, nn.BatchNorm2d):
            unit_norm(module)


def rescaled(x: jax.Array) -> jax.Array:
    """Pictures (N, 3, H, W) that ImageNet's statistics have normalised, as 0.5 and 0.5 would have done it."""
    scale, shift = (
        jnp.asarray(numbers, x.dtype).reshape(1, 3, 1, 1)
        for numbers in (
            (0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5),
            ((0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5),
        )
    )
    return x[:, :3] * scale + shift
