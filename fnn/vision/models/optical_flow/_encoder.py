"""RAFT's encoder of images: residual blocks with a relu on each branch, down to an eighth of the resolution."""

from collections.abc import Callable, Sequence

import jax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._draws import unit_norm
from fnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["BottleneckBlock", "FeatureEncoder", "ResidualBlock"]

Make = Callable[..., nn.Module]


def _shortcut(in_channels: int, out_channels: int, norm_layer: Make | None, stride: int) -> nn.Module:
    """1x1, to the branch's channels and resolution."""
    return Conv2dNormActivation(
        in_channels,
        out_channels,
        norm_layer=norm_layer,
        kernel_size=1,
        stride=stride,
        bias=True,
        activation_layer=None,
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each with a normalisation and a relu, around which the input is added.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        norm_layer: makes a normalisation of so many channels; None for none.
        stride: of the first convolution.
        always_project: whether the input goes through a 1x1 convolution even where its shape would fit.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        norm_layer: Make | None,
        stride: int = 1,
        always_project: bool = False,
    ) -> None:
        super().__init__()
        self.convnormrelu1 = Conv2dNormActivation(
            in_channels, out_channels, norm_layer=norm_layer, kernel_size=3, stride=stride, bias=True
        )
        self.convnormrelu2 = Conv2dNormActivation(
            out_channels, out_channels, norm_layer=norm_layer, kernel_size=3, bias=True
        )
        projects = stride != 1 or always_project
        self.downsample = _shortcut(in_channels, out_channels, norm_layer, stride) if projects else nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: jax.Array) -> jax.Array:
        out = self.convnormrelu2(self.convnormrelu1(x))
        return self.relu(self.downsample(x) + out)


class BottleneckBlock(nn.Module):
    """1x1 to a quarter of the channels, 3x3, 1x1, around which the input is added.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        norm_layer: makes a normalisation of so many channels; None for none.
        stride: of the convolution in the middle.
    """

    def __init__(self, in_channels: int, out_channels: int, *, norm_layer: Make | None, stride: int = 1) -> None:
        super().__init__()
        inside = out_channels // 4
        self.convnormrelu1 = Conv2dNormActivation(in_channels, inside, norm_layer=norm_layer, kernel_size=1, bias=True)
        self.convnormrelu2 = Conv2dNormActivation(
            inside, inside, norm_layer=norm_layer, kernel_size=3, stride=stride, bias=True
        )
        self.convnormrelu3 = Conv2dNormActivation(inside, out_channels, norm_layer=norm_layer, kernel_size=1, bias=True)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Identity() if stride == 1 else _shortcut(in_channels, out_channels, norm_layer, stride)

    def forward(self, x: jax.Array) -> jax.Array:
        out = self.convnormrelu3(self.convnormrelu2(self.convnormrelu1(x)))
        return self.relu(self.downsample(x) + out)


class FeatureEncoder(nn.Module):
    """A 7x7 convolution, three stages of two blocks and a 1x1 convolution.

    Args:
        block: makes a block, as `ResidualBlock` or `BottleneckBlock`.
        layers: output channels of the first convolution, the three stages and the last convolution.
        strides: of the first convolution and the stages.
        norm_layer: makes a normalisation of so many channels; None for none.

    Raises:
        ArgumentError: ``layers`` has not five entries, or ``strides`` not four.

    Shape:
        (N, 3, H, W) -> (N, layers[4], H / 8, W / 8), with the default strides.

    Example:
        >>> from fnn.vision.models.optical_flow.raft import FeatureEncoder
        >>> encoder = FeatureEncoder(layers=(4, 4, 6, 8, 12))
        >>> encoder.output_dim, encoder.downsample_factor
        (12, 8)
    """

    def __init__(
        self,
        *,
        block: Callable[..., nn.Module] = ResidualBlock,
        layers: Sequence[int] = (64, 64, 96, 128, 256),
        strides: Sequence[int] = (2, 1, 2, 2),
        norm_layer: Make | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        if len(layers) != 5:
            raise ArgumentError(
                f"FeatureEncoder: argument 'layers' (={layers!r}) must have 5 entries, not {len(layers)}"
            )
        if len(strides) != 4:
            raise ArgumentError(
                f"FeatureEncoder: argument 'strides' (={strides!r}) must have 4 entries, not {len(strides)}"
            )

        def stage(i: int) -> nn.Sequential:
            first = block(layers[i - 1], layers[i], norm_layer=norm_layer, stride=strides[i])
            return nn.Sequential(first, block(layers[i], layers[i], norm_layer=norm_layer, stride=1))

        self.convnormrelu = Conv2dNormActivation(
            3, layers[0], norm_layer=norm_layer, kernel_size=7, stride=strides[0], bias=True
        )
        self.layer1 = stage(1)
        self.layer2 = stage(2)
        self.layer3 = stage(3)
        self.conv = nn.Conv2d(layers[3], layers[4], kernel_size=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d)):
                unit_norm(module)
        self.output_dim = layers[-1]
        self.downsample_factor = 2 ** sum(stride == 2 for stride in strides)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.conv(self.layer3(self.layer2(self.layer1(self.convnormrelu(x)))))
