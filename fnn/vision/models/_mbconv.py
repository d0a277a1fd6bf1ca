"""The blocks of `fnn.vision.models.efficientnet`, and what describes a stage of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._draws import make_divisible
from fnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation
from fnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = ["FusedMBConv", "FusedMBConvConfig", "MBConv", "MBConvConfig", "StageConfig"]

Make = Callable[..., nn.Module]


@dataclass
class StageConfig:
    """What the two kinds of stages share; see `MBConvConfig`."""

    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int
    block: Make

    @staticmethod
    def adjust_channels(channels: int, width_mult: float, min_value: int | None = None) -> int:
        """``channels * width_mult`` as a multiple of 8."""
        return make_divisible(channels * width_mult, 8, min_value)


class MBConvConfig(StageConfig):
    """One stage of `MBConv` blocks: a row of table 1 of the EfficientNet paper.

    Args:
        expand_ratio: how many times the input's channels a block has inside.
        kernel: the size of the depthwise convolution.
        stride: of the first block.
        input_channels: input channels, before ``width_mult``.
        out_channels: output channels, before ``width_mult``.
        num_layers: the number of blocks, before ``depth_mult``.
        width_mult: a factor of all channels.
        depth_mult: a factor of the number of blocks.
        block: makes a block. Default: `MBConv`.
    """

    def __init__(
        self,
        expand_ratio: float,
        kernel: int,
        stride: int,
        input_channels: int,
        out_channels: int,
        num_layers: int,
        width_mult: float = 1.0,
        depth_mult: float = 1.0,
        block: Make | None = None,
    ) -> None:
        super().__init__(
            expand_ratio,
            kernel,
            stride,
            self.adjust_channels(input_channels, width_mult),
            self.adjust_channels(out_channels, width_mult),
            self.adjust_depth(num_layers, depth_mult),
            MBConv if block is None else block,
        )

    @staticmethod
    def adjust_depth(num_layers: int, depth_mult: float) -> int:
        """``num_layers * depth_mult``, rounded up."""
        return math.ceil(num_layers * depth_mult)


class FusedMBConvConfig(StageConfig):
    """One stage of `FusedMBConv` blocks: a row of table 4 of the EfficientNetV2 paper.

    Args:
        expand_ratio: how many times the input's channels a block has inside.
        kernel: the size of the first convolution.
        stride: of the first block.
        input_channels: input channels.
        out_channels: output channels.
        num_layers: the number of blocks.
        block: makes a block. Default: `FusedMBConv`.
    """

    def __init__(
        self,
        expand_ratio: float,
        kernel: int,
        stride: int,
        input_channels: int,
        out_channels: int,
        num_layers: int,
        block: Make | None = None,
    ) -> None:
        make = FusedMBConv if block is None else block
        super().__init__(expand_ratio, kernel, stride, input_channels, out_channels, num_layers, make)


class _Residual(nn.Module):
    """A block around which the input is added where the shapes allow."""

    block: nn.Sequential

    def __init__(self, cnf: StageConfig, stochastic_depth_prob: float) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ArgumentError(f"illegal stride value, expected 1 or 2, got stride={cnf.stride}")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.out_channels = cnf.out_channels

    def forward(self, input: jax.Array) -> jax.Array:
        result = self.block(input)
        return self.stochastic_depth(result) + input if self.use_res_connect else result


class MBConv(_Residual):
    """Expands, convolves each channel by itself, weighs the channels, projects.

    Args:
        cnf: the block's configuration.
        stochastic_depth_prob: the probability of leaving the block out.
        norm_layer: makes a normalisation of so many channels.
        se_layer: makes the block that weighs the channels.
    """

    def __init__(
        self,
        cnf: MBConvConfig,
        stochastic_depth_prob: float,
        norm_layer: Make,
        se_layer: Make = SqueezeExcitation,
    ) -> None:
        super().__init__(cnf, stochastic_depth_prob)
        inputs, out = cnf.input_channels, cnf.out_channels
        expanded = cnf.adjust_channels(inputs, cnf.expand_ratio)
        unit = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        layers: list[nn.Module] = []
        if expanded != inputs:
            layers.append(unit(inputs, expanded, kernel_size=1))
        layers.append(unit(expanded, expanded, kernel_size=cnf.kernel, stride=cnf.stride, groups=expanded))
        layers.append(se_layer(expanded, max(1, inputs // 4), activation=partial(nn.SiLU, inplace=True)))
        layers.append(unit(expanded, out, kernel_size=1, activation_layer=None))
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")


class FusedMBConv(_Residual):
    """Expands by a full convolution, projects.

    Args:
        cnf: the block's configuration.
        stochastic_depth_prob: the probability of leaving the block out.
        norm_layer: makes a normalisation of so many channels.
    """

    def __init__(self, cnf: FusedMBConvConfig, stochastic_depth_prob: float, norm_layer: Make) -> None:
        super().__init__(cnf, stochastic_depth_prob)
        inputs, out = cnf.input_channels, cnf.out_channels
        expanded = cnf.adjust_channels(inputs, cnf.expand_ratio)
        unit = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        if expanded != inputs:
            layers = [
                unit(inputs, expanded, kernel_size=cnf.kernel, stride=cnf.stride),
                unit(expanded, out, kernel_size=1, activation_layer=None),
            ]
        else:
            layers = [unit(inputs, out, kernel_size=cnf.kernel, stride=cnf.stride)]
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
