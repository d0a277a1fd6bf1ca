"""The residual blocks of `fnn.vision.models.resnet`."""

from collections.abc import Callable
from typing import ClassVar

import jax

from fnn import nn
from fnn.errors import ArgumentError

__all__ = ["BasicBlock", "Block", "Bottleneck", "Norm", "conv1x1", "conv3x3"]

Norm = Callable[..., nn.Module]


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 convolution without bias, padded so that at stride 1 it keeps height and width."""
    return nn.Conv2d(
        in_planes,
        out_planes,
        kernel_size=3,
        stride=stride,
        padding=dilation,
        groups=groups,
        bias=False,
        dilation=dilation,
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around which the input is added; of ResNet-18 and -34.

    Args:
        inplanes: input channels.
        planes: output channels.
        stride: of the first convolution.
        downsample: brings the input to the output's shape; None if it has that already.
        groups: 1, all that this block supports.
        base_width: 64, all that this block supports.
        dilation: 1, all that this block supports.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d`.
    """

    expansion: ClassVar[int] = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        if groups != 1 or base_width != 64:
            raise ArgumentError(
                f"BasicBlock only supports groups=1 and base_width=64, got groups={groups}, base_width={base_width}"
            )
        if dilation > 1:
            raise _NotInBasicBlock(f"Dilation > 1 not supported in BasicBlock, got dilation={dilation}")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: jax.Array) -> jax.Array:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class _NotInBasicBlock(ArgumentError, NotImplementedError):
    """A dilated `BasicBlock`; torchvision raises NotImplementedError."""


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around which the input is added; of ResNet-50 and deeper.

    The 3x3 convolution has the stride (in the paper it is the first 1x1 one), which is more accurate: "ResNet V1.5".

    Args:
        inplanes: input channels.
        planes: a quarter of the output channels.
        stride: of the 3x3 convolution.
        downsample: brings the input to the output's shape; None if it has that already.
        groups: of the 3x3 convolution.
        base_width: the inner channels are ``planes * base_width / 64 * groups``.
        dilation: of the 3x3 convolution.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d`.
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: jax.Array) -> jax.Array:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


Block = type[BasicBlock] | type[Bottleneck]
