"""ShuffleNet V2 (Ma et al., arXiv:1807.11164).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `ShuffleNetV2`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models._registry import build, builder
from fnn.vision.models._small_weights import (
    ShuffleNet_V2_X0_5_Weights,
    ShuffleNet_V2_X1_0_Weights,
    ShuffleNet_V2_X1_5_Weights,
    ShuffleNet_V2_X2_0_Weights,
)
from fnn.vision.models._weights import WeightsEnum

__all__ = [
    "ShuffleNetV2",
    "ShuffleNet_V2_X0_5_Weights",
    "ShuffleNet_V2_X1_0_Weights",
    "ShuffleNet_V2_X1_5_Weights",
    "ShuffleNet_V2_X2_0_Weights",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
]


def channel_shuffle(x: jax.Array, groups: int) -> jax.Array:
    """Reorders the channels so that each of as many groups afterwards holds some of each group before.

    Args:
        x: (N, C, H, W).
        groups: the number of groups, which divides C.

    >>> import jax.numpy as jnp
    >>> channel_shuffle(jnp.arange(4).reshape(1, 4, 1, 1), 2).ravel()
    Array([0, 2, 1, 3], dtype=int32)
    """
    return F.channel_shuffle(x, groups)


class InvertedResidual(nn.Module):
    """Half of the channels pass a branch, the others none, or one of their own where the resolution is reduced.

    Args:
        inp: input channels.
        oup: output channels.
        stride: of the 3x3 convolutions.
    """

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        if not 1 <= stride <= 3:
            raise ArgumentError(f"illegal stride value: {stride}")
        self.stride = stride
        half = oup // 2
        if stride == 1 and inp != half << 1:
            raise ArgumentError(
                f"Invalid combination of stride {stride}, inp {inp} and oup {oup} values. If stride == 1 then inp "
                "should be equal to oup // 2 << 1."
            )
        if stride > 1:
            self.branch1 = nn.Sequential(
                self.depthwise_conv(inp, inp, kernel_size=3, stride=stride, padding=1),
                nn.BatchNorm2d(inp),
                nn.Conv2d(inp, half, kernel_size=1, stride=1, padding=0, bias=False),
                nn.BatchNorm2d(half),
                nn.ReLU(inplace=True),
            )
        else:
            self.branch1 = nn.Sequential()
        self.branch2 = nn.Sequential(
            nn.Conv2d(inp if stride > 1 else half, half, kernel_size=1, stride=1, padding=0, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            self.depthwise_conv(half, half, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(half),
            nn.Conv2d(half, half, kernel_size=1, stride=1, padding=0, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
        )

    @staticmethod
    def depthwise_conv(
        i: int, o: int, kernel_size: int, stride: int = 1, padding: int = 0, bias: bool = False
    ) -> nn.Conv2d:
        """A convolution of each channel by itself."""
        return nn.Conv2d(i, o, kernel_size, stride, padding, bias=bias, groups=i)

    def forward(self, x: jax.Array) -> jax.Array:
        if self.stride == 1:
            kept, x = jnp.split(x, 2, 1)
        else:
            kept = self.branch1(x)
        return channel_shuffle(jnp.concatenate([kept, self.branch2(x)], 1), 2)


class ShuffleNetV2(nn.Module):
    """Three stages of `InvertedResidual` between two convolutions.

    Args:
        stages_repeats: the number of blocks of each stage.
        stages_out_channels: output channels of the first convolution, the stages, and the last convolution.
        num_classes: the number of outputs.
        inverted_residual: makes a block.

    Shape:
        Input (N, 3, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.ShuffleNetV2([1, 2, 1], [8, 16, 32, 64, 128], num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        16322
    """

    def __init__(
        self,
        stages_repeats: Sequence[int],
        stages_out_channels: Sequence[int],
        num_classes: int = 1000,
        inverted_residual: Callable[..., nn.Module] = InvertedResidual,
    ) -> None:
        super().__init__()
        if len(stages_repeats) != 3:
            raise ArgumentError(f"expected stages_repeats as list of 3 positive ints, got {stages_repeats}")
        if len(stages_out_channels) != 5:
            raise ArgumentError(f"expected stages_out_channels as list of 5 positive ints, got {stages_out_channels}")
        self._stage_out_channels = stages_out_channels
        channels, *stages, last = stages_out_channels
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for i, (blocks, out) in enumerate(zip(stages_repeats, stages, strict=True), 2):
            first = inverted_residual(channels, out, 2)
            setattr(
                self, f"stage{i}", nn.Sequential(first, *(inverted_residual(out, out, 1) for _ in range(blocks - 1)))
            )
            channels = out
        self.conv5 = nn.Sequential(
            nn.Conv2d(channels, last, 1, 1, 0, bias=False), nn.BatchNorm2d(last), nn.ReLU(inplace=True)
        )
        self.fc = nn.Linear(last, num_classes)

    def _forward_impl(self, x: jax.Array) -> jax.Array:
        x = self.stage4(self.stage3(self.stage2(self.maxpool(self.conv1(x)))))
        return self.fc(self.conv5(x).mean((2, 3)))

    def forward(self, x: jax.Array) -> jax.Array:
        return self._forward_impl(x)


def _shufflenetv2(
    channels: Sequence[int], weights: WeightsEnum | None, progress: bool, kwargs: dict[str, Any]
) -> ShuffleNetV2:
    return build(partial(ShuffleNetV2, [4, 8, 4], list(channels)), weights, progress, kwargs)


@builder(ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1)
def shufflenet_v2_x0_5(
    *, weights: ShuffleNet_V2_X0_5_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ShuffleNetV2:
    """ShuffleNet V2 with 0.5 times the channels."""
    return _shufflenetv2((24, 48, 96, 192, 1024), ShuffleNet_V2_X0_5_Weights.verify(weights), progress, kwargs)


@builder(ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1)
def shufflenet_v2_x1_0(
    *, weights: ShuffleNet_V2_X1_0_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ShuffleNetV2:
    """ShuffleNet V2 with 1.0 times the channels."""
    return _shufflenetv2((24, 116, 232, 464, 1024), ShuffleNet_V2_X1_0_Weights.verify(weights), progress, kwargs)


@builder(ShuffleNet_V2_X1_5_Weights.IMAGENET1K_V1)
def shufflenet_v2_x1_5(
    *, weights: ShuffleNet_V2_X1_5_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ShuffleNetV2:
    """ShuffleNet V2 with 1.5 times the channels."""
    return _shufflenetv2((24, 176, 352, 704, 1024), ShuffleNet_V2_X1_5_Weights.verify(weights), progress, kwargs)


@builder(ShuffleNet_V2_X2_0_Weights.IMAGENET1K_V1)
def shufflenet_v2_x2_0(
    *, weights: ShuffleNet_V2_X2_0_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ShuffleNetV2:
    """ShuffleNet V2 with 2.0 times the channels."""
    return _shufflenetv2((24, 244, 488, 976, 2048), ShuffleNet_V2_X2_0_Weights.verify(weights), progress, kwargs)
