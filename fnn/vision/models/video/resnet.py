"""Residual networks for videos (Tran et al., arXiv:1711.11248).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `VideoResNet`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from jax import lax

from fnn import nn
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.models.video._weights import MC3_18_Weights, R2Plus1D_18_Weights, R3D_18_Weights

__all__ = [
    "MC3_18_Weights",
    "R2Plus1D_18_Weights",
    "R3D_18_Weights",
    "VideoResNet",
    "mc3_18",
    "r2plus1d_18",
    "r3d_18",
]

Builder = Callable[..., nn.Module]


class Conv3DSimple(nn.Conv3d):
    """A 3x3x3 convolution.

    Args:
        in_planes: input channels.
        out_planes: output channels.
        midplanes: not looked at; `Conv2Plus1D` has channels between.
        stride: along all axes.
        padding: along all axes.
    """

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int | None = None, stride: int = 1, padding: int = 1
    ) -> None:
        del midplanes
        super().__init__(in_planes, out_planes, kernel_size=(3, 3, 3), stride=stride, padding=padding, bias=False)

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The stride of a 1x1x1 convolution that gives the same shape."""
        return stride, stride, stride


class Conv2Plus1D(nn.Sequential):
    """A convolution over each frame, then one over the time.

    Args:
        in_planes: input channels.
        out_planes: output channels.
        midplanes: channels between.
        stride: along all axes.
        padding: along all axes.
    """

    def __init__(self, in_planes: int, out_planes: int, midplanes: int, stride: int = 1, padding: int = 1) -> None:
        super().__init__(
            nn.Conv3d(in_planes, midplanes, (1, 3, 3), (1, stride, stride), (0, padding, padding), bias=False),
            nn.BatchNorm3d(midplanes),
            nn.ReLU(inplace=True),
            nn.Conv3d(midplanes, out_planes, (3, 1, 1), (stride, 1, 1), (padding, 0, 0), bias=False),
        )

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The stride of a 1x1x1 convolution that gives the same shape."""
        return stride, stride, stride


class Conv3DNoTemporal(nn.Conv3d):
    """A 3x3 convolution over each frame.

    Args:
        in_planes: input channels.
        out_planes: output channels.
        midplanes: not looked at; `Conv2Plus1D` has channels between.
        stride: down and to the right.
        padding: of the frames.
    """

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int | None = None, stride: int = 1, padding: int = 1
    ) -> None:
        del midplanes
        super().__init__(in_planes, out_planes, (1, 3, 3), (1, stride, stride), (0, padding, padding), bias=False)

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The stride of a 1x1x1 convolution that gives the same shape."""
        return 1, stride, stride


def _midplanes(inplanes: int, planes: int) -> int:
    """With so many channels a `Conv2Plus1D` has as many parameters as a `Conv3DSimple`."""
    return (inplanes * planes * 3 * 3 * 3) // (inplanes * 3 * 3 + 3 * planes)


class BasicBlock(nn.Module):
    """Two convolutions, around which the input is added.

    Args:
        inplanes: input channels.
        planes: output channels.
        conv_builder: makes a convolution.
        stride: of the first one.
        downsample: brings the input to the output's shape.
    """

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        conv_builder: Builder,
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        inside = _midplanes(inplanes, planes)
        self.conv1 = nn.Sequential(
            conv_builder(inplanes, planes, inside, stride), nn.BatchNorm3d(planes), nn.ReLU(inplace=True)
        )
        self.conv2 = nn.Sequential(conv_builder(planes, planes, inside), nn.BatchNorm3d(planes))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: jax.Array) -> jax.Array:
        out = self.conv2(self.conv1(x))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1x1, a convolution, 1x1x1 to four times the channels, around which the input is added.

    Args:
        inplanes: input channels.
        planes: channels of the convolution between.
        conv_builder: makes it.
        stride: of it.
        downsample: brings the input to the output's shape.
    """

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        conv_builder: Builder,
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        inside, out = _midplanes(inplanes, planes), planes * self.expansion
        self.conv1 = nn.Sequential(
            nn.Conv3d(inplanes, planes, kernel_size=1, bias=False), nn.BatchNorm3d(planes), nn.ReLU(inplace=True)
        )
        self.conv2 = nn.Sequential(
            conv_builder(planes, planes, inside, stride), nn.BatchNorm3d(planes), nn.ReLU(inplace=True)
        )
        self.conv3 = nn.Sequential(nn.Conv3d(planes, out, kernel_size=1, bias=False), nn.BatchNorm3d(out))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: jax.Array) -> jax.Array:
        out = self.conv3(self.conv2(self.conv1(x)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class BasicStem(nn.Sequential):
    """A 3x7x7 convolution that halves the frames."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv3d(3, 64, kernel_size=(3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
            nn.BatchNorm3d(64),
            nn.ReLU(inplace=True),
        )


class R2Plus1dStem(nn.Sequential):
    """A convolution over each frame that halves it, then one over the time."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv3d(3, 45, kernel_size=(1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False),
            nn.BatchNorm3d(45),
            nn.ReLU(inplace=True),
            nn.Conv3d(45, 64, kernel_size=(3, 1, 1), stride=(1, 1, 1), padding=(1, 0, 0), bias=False),
            nn.BatchNorm3d(64),
            nn.ReLU(inplace=True),
        )


class VideoResNet(nn.Module):
    """Four stages of residual blocks.

    Args:
        block: `BasicBlock` or `Bottleneck`, or a class like them.
        conv_makers: for each stage what makes its convolutions.
        layers: how many blocks each stage has.
        stem: makes what stands before the stages.
        num_classes: the number of outputs.
        zero_init_residual: whether the last normalisation of each `Bottleneck` starts with weight 0.

    Shape:
        Input (N, 3, T, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision.models import video
        >>> from fnn.vision.models.video.resnet import BasicBlock, BasicStem, Conv3DSimple
        >>> model = video.VideoResNet(BasicBlock, [Conv3DSimple] * 4, [1, 1, 1, 1], BasicStem, num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        14366922
    """

    def __init__(
        self,
        block: Any,
        conv_makers: Sequence[Any],
        layers: Sequence[int],
        stem: Builder,
        num_classes: int = 400,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        self.inplanes = 64
        with skipped_draws(block in (BasicBlock, Bottleneck) and stem in (BasicStem, R2Plus1dStem)):
            self.stem = stem()
            self.layer1 = self._make_layer(block, conv_makers[0], 64, layers[0], stride=1)
            self.layer2 = self._make_layer(block, conv_makers[1], 128, layers[1], stride=2)
            self.layer3 = self._make_layer(block, conv_makers[2], 256, layers[2], stride=2)
            self.layer4 = self._make_layer(block, conv_makers[3], 512, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool3d((1, 1, 1))
        with skipped_draws():
            self.fc = nn.Linear(512 * block.expansion, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm3d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, Bottleneck):
                    nn.init.zeros_(module.conv3[1].weight)

    def _make_layer(self, block: Any, conv_builder: Any, planes: int, blocks: int, stride: int = 1) -> nn.Sequential:
        """One stage: its first block brings the input to the stage's channels and resolution."""
        out = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != out:
            steps = conv_builder.get_downsample_stride(stride)
            downsample = nn.Sequential(
                nn.Conv3d(self.inplanes, out, kernel_size=1, stride=steps, bias=False), nn.BatchNorm3d(out)
            )
        stage = [block(self.inplanes, planes, conv_builder, stride, downsample)]
        self.inplanes = out
        stage += [block(out, planes, conv_builder) for _ in range(1, blocks)]
        return nn.Sequential(*stage)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(lax.collapse(self.avgpool(x), 1))


def _video_resnet(
    conv_makers: Sequence[Any], stem: Builder, weights: WeightsEnum | None, progress: bool, kwargs: dict[str, Any]
) -> VideoResNet:
    return build(partial(VideoResNet, BasicBlock, conv_makers, [2, 2, 2, 2], stem), weights, progress, kwargs)


@builder(R3D_18_Weights.KINETICS400_V1)
def r3d_18(*, weights: R3D_18_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VideoResNet:
    """A ResNet with 18 layers of 3-d convolutions."""
    return _video_resnet([Conv3DSimple] * 4, BasicStem, R3D_18_Weights.verify(weights), progress, kwargs)


@builder(MC3_18_Weights.KINETICS400_V1)
def mc3_18(*, weights: MC3_18_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VideoResNet:
    """A ResNet with 18 layers, of which the first stage looks at the time."""
    return _video_resnet(
        [Conv3DSimple, *[Conv3DNoTemporal] * 3], BasicStem, MC3_18_Weights.verify(weights), progress, kwargs
    )


@builder(R2Plus1D_18_Weights.KINETICS400_V1)
def r2plus1d_18(
    *, weights: R2Plus1D_18_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> VideoResNet:
    """A ResNet with 18 layers of convolutions over frames and over time."""
    return _video_resnet([Conv2Plus1D] * 4, R2Plus1dStem, R2Plus1D_18_Weights.verify(weights), progress, kwargs)
