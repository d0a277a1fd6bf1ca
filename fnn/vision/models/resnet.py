"""Residual networks, plain, grouped and wide.

ResNet: He et al., arXiv:1512.03385. ResNeXt: Xie et al., arXiv:1611.05431. Wide ResNet: Zagoruyko and Komodakis,
arXiv:1605.07146.

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `ResNet`.
"""

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._draws import is_batch_norm, skipped_draws, unit_norm
from fnn.vision.models._registry import build, builder, expect
from fnn.vision.models._resnet_blocks import BasicBlock, Block, Bottleneck, Norm, conv1x1
from fnn.vision.models._resnet_blocks import conv3x3 as conv3x3
from fnn.vision.models._resnet_weights import (
    ResNet18_Weights,
    ResNet34_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
    ResNet152_Weights,
    ResNeXt50_32X4D_Weights,
    ResNeXt101_32X8D_Weights,
    ResNeXt101_64X4D_Weights,
    Wide_ResNet50_2_Weights,
    Wide_ResNet101_2_Weights,
)
from fnn.vision.models._weights import WeightsEnum

__all__ = [
    "ResNet",
    "ResNet18_Weights",
    "ResNet34_Weights",
    "ResNet50_Weights",
    "ResNet101_Weights",
    "ResNet152_Weights",
    "ResNeXt50_32X4D_Weights",
    "ResNeXt101_32X8D_Weights",
    "ResNeXt101_64X4D_Weights",
    "Wide_ResNet50_2_Weights",
    "Wide_ResNet101_2_Weights",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]


class ResNet(nn.Module):
    """Four stages of residual blocks.

    Args:
        block: `BasicBlock` or `Bottleneck`, or a class like them.
        layers: how many blocks each of the four stages has.
        num_classes: the number of outputs.
        zero_init_residual: whether the last normalisation of each block starts with weight 0, so that the block
            starts as the identity (Goyal et al., arXiv:1706.02677).
        groups: of the 3x3 convolutions of a `Bottleneck`.
        width_per_group: channels of a group, at 64 planes.
        replace_stride_with_dilation: for each of the last three stages, whether it keeps the resolution and
            dilates instead. Default: none does.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d`.

    Shape:
        Input (N, 3, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        4910922
    """

    def __init__(
        self,
        block: Block,
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        dilate = [False] * 3 if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3:
            raise ArgumentError(
                f"replace_stride_with_dilation should be None or a 3-element tuple, got {replace_stride_with_dilation}"
            )
        self._norm_layer = nn.BatchNorm2d if norm_layer is None else norm_layer
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        # All that these blocks draw is drawn anew below.
        standard = type(self) is ResNet and block in (BasicBlock, Bottleneck) and is_batch_norm(norm_layer)
        with skipped_draws(standard):
            self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
            self.bn1 = self._norm_layer(self.inplanes)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
            self.layer1 = self._make_layer(block, 64, layers[0])
            self.layer2 = self._make_layer(block, 128, layers[1], stride=2, dilate=dilate[0])
            self.layer3 = self._make_layer(block, 256, layers[2], stride=2, dilate=dilate[1])
            self.layer4 = self._make_layer(block, 512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._initialise(zero_init_residual, norms=not standard)

    def _initialise(self, zero_init_residual: bool, norms: bool) -> None:
        """``norms``: whether the normalisations may start as anything but the identity."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif norms and isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
                unit_norm(module)
        if zero_init_residual:
            for module in self.modules():
                last: Any = None
                if isinstance(module, Bottleneck):
                    last = module.bn3
                elif isinstance(module, BasicBlock):
                    last = module.bn2
                if last is not None and last.weight is not None:
                    nn.init.zeros_(last.weight)

    def _make_layer(
        self, block: Block, planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        """One stage: its first block brings the input to the stage's channels and resolution."""
        norm = self._norm_layer
        dilation = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        channels = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != channels:
            downsample = nn.Sequential(conv1x1(self.inplanes, channels, stride), norm(channels))
        stage = [block(self.inplanes, planes, stride, downsample, self.groups, self.base_width, dilation, norm)]
        self.inplanes = channels
        for _ in range(1, blocks):
            stage.append(
                block(
                    channels,
                    planes,
                    groups=self.groups,
                    base_width=self.base_width,
                    dilation=self.dilation,
                    norm_layer=norm,
                )
            )
        return nn.Sequential(*stage)

    def _forward_impl(self, x: jax.Array) -> jax.Array:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, 64, H/4, W/4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512 * expansion, H/32, W/32)
        return self.fc(lax.collapse(self.avgpool(x), 1))

    def forward(self, x: jax.Array) -> jax.Array:
        return self._forward_impl(x)


def _resnet(
    block: Block, layers: list[int], weights: WeightsEnum | None, progress: bool, kwargs: dict[str, Any]
) -> ResNet:
    def make(**kwargs: Any) -> ResNet:
        return ResNet(block, layers, **kwargs)

    return build(make, weights, progress, kwargs)


@builder(ResNet18_Weights.IMAGENET1K_V1)
def resnet18(*, weights: ResNet18_Weights | str | None = None, progress: bool = True, **kwargs: object) -> ResNet:
    """ResNet with 18 layers."""
    return _resnet(BasicBlock, [2, 2, 2, 2], ResNet18_Weights.verify(weights), progress, kwargs)


@builder(ResNet34_Weights.IMAGENET1K_V1)
def resnet34(*, weights: ResNet34_Weights | str | None = None, progress: bool = True, **kwargs: object) -> ResNet:
    """ResNet with 34 layers."""
    return _resnet(BasicBlock, [3, 4, 6, 3], ResNet34_Weights.verify(weights), progress, kwargs)


@builder(ResNet50_Weights.IMAGENET1K_V1)
def resnet50(*, weights: ResNet50_Weights | str | None = None, progress: bool = True, **kwargs: object) -> ResNet:
    """ResNet with 50 layers."""
    return _resnet(Bottleneck, [3, 4, 6, 3], ResNet50_Weights.verify(weights), progress, kwargs)


@builder(ResNet101_Weights.IMAGENET1K_V1)
def resnet101(*, weights: ResNet101_Weights | str | None = None, progress: bool = True, **kwargs: object) -> ResNet:
    """ResNet with 101 layers."""
    return _resnet(Bottleneck, [3, 4, 23, 3], ResNet101_Weights.verify(weights), progress, kwargs)


@builder(ResNet152_Weights.IMAGENET1K_V1)
def resnet152(*, weights: ResNet152_Weights | str | None = None, progress: bool = True, **kwargs: object) -> ResNet:
    """ResNet with 152 layers."""
    return _resnet(Bottleneck, [3, 8, 36, 3], ResNet152_Weights.verify(weights), progress, kwargs)


@builder(ResNeXt50_32X4D_Weights.IMAGENET1K_V1)
def resnext50_32x4d(
    *, weights: ResNeXt50_32X4D_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ResNet:
    """ResNeXt with 50 layers, 32 groups of 4 channels."""
    expect(kwargs, "groups", 32)
    expect(kwargs, "width_per_group", 4)
    return _resnet(Bottleneck, [3, 4, 6, 3], ResNeXt50_32X4D_Weights.verify(weights), progress, kwargs)


@builder(ResNeXt101_32X8D_Weights.IMAGENET1K_V1)
def resnext101_32x8d(
    *, weights: ResNeXt101_32X8D_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ResNet:
    """ResNeXt with 101 layers, 32 groups of 8 channels."""
    expect(kwargs, "groups", 32)
    expect(kwargs, "width_per_group", 8)
    return _resnet(Bottleneck, [3, 4, 23, 3], ResNeXt101_32X8D_Weights.verify(weights), progress, kwargs)


@builder(ResNeXt101_64X4D_Weights.IMAGENET1K_V1)
def resnext101_64x4d(
    *, weights: ResNeXt101_64X4D_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ResNet:
    """ResNeXt with 101 layers, 64 groups of 4 channels."""
    expect(kwargs, "groups", 64)
    expect(kwargs, "width_per_group", 4)
    return _resnet(Bottleneck, [3, 4, 23, 3], ResNeXt101_64X4D_Weights.verify(weights), progress, kwargs)


@builder(Wide_ResNet50_2_Weights.IMAGENET1K_V1)
def wide_resnet50_2(
    *, weights: Wide_ResNet50_2_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ResNet:
    """ResNet with 50 layers, the 3x3 convolutions twice as wide."""
    expect(kwargs, "width_per_group", 128)
    return _resnet(Bottleneck, [3, 4, 6, 3], Wide_ResNet50_2_Weights.verify(weights), progress, kwargs)


@builder(Wide_ResNet101_2_Weights.IMAGENET1K_V1)
def wide_resnet101_2(
    *, weights: Wide_ResNet101_2_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ResNet:
    """ResNet with 101 layers, the 3x3 convolutions twice as wide."""
    expect(kwargs, "width_per_group", 128)
    return _resnet(Bottleneck, [3, 4, 23, 3], Wide_ResNet101_2_Weights.verify(weights), progress, kwargs)
