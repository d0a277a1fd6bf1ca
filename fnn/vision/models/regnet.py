"""RegNets: networks whose widths follow a line (Radosavovic et al., arXiv:2003.13678).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `RegNet`.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import jax
import numpy as np
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._draws import is_batch_norm, make_divisible, skipped_draws, unit_norm
from fnn.vision.models._registry import build, builder
from fnn.vision.models._regnet_x_weights import (
    RegNet_X_1_6GF_Weights,
    RegNet_X_3_2GF_Weights,
    RegNet_X_8GF_Weights,
    RegNet_X_16GF_Weights,
    RegNet_X_32GF_Weights,
    RegNet_X_400MF_Weights,
    RegNet_X_800MF_Weights,
)
from fnn.vision.models._regnet_y_weights import (
    RegNet_Y_1_6GF_Weights,
    RegNet_Y_3_2GF_Weights,
    RegNet_Y_8GF_Weights,
    RegNet_Y_16GF_Weights,
    RegNet_Y_32GF_Weights,
    RegNet_Y_128GF_Weights,
    RegNet_Y_400MF_Weights,
    RegNet_Y_800MF_Weights,
)
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = [
    "RegNet",
    "RegNet_X_400MF_Weights",
    "RegNet_X_800MF_Weights",
    "RegNet_X_1_6GF_Weights",
    "RegNet_X_3_2GF_Weights",
    "RegNet_X_8GF_Weights",
    "RegNet_X_16GF_Weights",
    "RegNet_X_32GF_Weights",
    "RegNet_Y_400MF_Weights",
    "RegNet_Y_800MF_Weights",
    "RegNet_Y_1_6GF_Weights",
    "RegNet_Y_3_2GF_Weights",
    "RegNet_Y_8GF_Weights",
    "RegNet_Y_16GF_Weights",
    "RegNet_Y_32GF_Weights",
    "RegNet_Y_128GF_Weights",
    "regnet_y_400mf",
    "regnet_y_800mf",
    "regnet_y_1_6gf",
    "regnet_y_3_2gf",
    "regnet_y_8gf",
    "regnet_y_16gf",
    "regnet_y_32gf",
    "regnet_y_128gf",
    "regnet_x_400mf",
    "regnet_x_800mf",
    "regnet_x_1_6gf",
    "regnet_x_3_2gf",
    "regnet_x_8gf",
    "regnet_x_16gf",
    "regnet_x_32gf",
]

Make = Callable[..., nn.Module]


class SimpleStemIN(Conv2dNormActivation):
    """The convolution before the stages, 3x3 with stride 2.

    Args:
        width_in: input channels.
        width_out: output channels.
        norm_layer: makes a normalisation of so many channels.
        activation_layer: makes an activation.
    """

    def __init__(self, width_in: int, width_out: int, norm_layer: Make, activation_layer: Make) -> None:
        super().__init__(width_in, width_out, 3, 2, norm_layer=norm_layer, activation_layer=activation_layer)


class BottleneckTransform(nn.Sequential):
    """1x1, 3x3 in groups, the channels weighed if asked for, and 1x1.

    Args:
        width_in: input channels.
        width_out: output channels.
        stride: of the 3x3 convolution.
        norm_layer: makes a normalisation of so many channels.
        activation_layer: makes an activation.
        group_width: the channels of a group.
        bottleneck_multiplier: how many times ``width_out`` there are channels inside.
        se_ratio: how many times ``width_in`` the block that weighs channels has inside; None: there is none.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        norm_layer: Make,
        activation_layer: Make,
        group_width: int,
        bottleneck_multiplier: float,
        se_ratio: float | None,
    ) -> None:
        inside = round(width_out * bottleneck_multiplier)
        unit = partial(Conv2dNormActivation, norm_layer=norm_layer)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["a"] = unit(width_in, inside, kernel_size=1, activation_layer=activation_layer)
        layers["b"] = unit(
            inside,
            inside,
            kernel_size=3,
            stride=stride,
            groups=inside // group_width,
            activation_layer=activation_layer,
        )
        if se_ratio:
            layers["se"] = SqueezeExcitation(inside, round(se_ratio * width_in), activation=activation_layer)
        layers["c"] = unit(inside, width_out, kernel_size=1, activation_layer=None)
        super().__init__(layers)


class ResBottleneckBlock(nn.Module):
    """`BottleneckTransform` with the input added, projected where the shapes differ.

    Args:
        width_in: input channels.
        width_out: output channels.
        stride: of the block.
        norm_layer: makes a normalisation of so many channels.
        activation_layer: makes an activation.
        group_width: the channels of a group.
        bottleneck_multiplier: how many times ``width_out`` there are channels inside.
        se_ratio: see `BottleneckTransform`.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        norm_layer: Make,
        activation_layer: Make,
        group_width: int = 1,
        bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
    ) -> None:
        super().__init__()
        self.proj = None
        if width_in != width_out or stride != 1:
            self.proj = Conv2dNormActivation(
                width_in, width_out, kernel_size=1, stride=stride, norm_layer=norm_layer, activation_layer=None
            )
        self.f = BottleneckTransform(
            width_in,
            width_out,
            stride,
            norm_layer,
            activation_layer,
            group_width,
            bottleneck_multiplier,
            se_ratio,
        )
        self.activation = activation_layer(inplace=True)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.activation((x if self.proj is None else self.proj(x)) + self.f(x))


class AnyStage(nn.Sequential):
    """Blocks with the same output shape.

    Args:
        width_in: input channels.
        width_out: output channels.
        stride: of the first block.
        depth: the number of blocks.
        block_constructor: makes a block.
        norm_layer: makes a normalisation of so many channels.
        activation_layer: makes an activation.
        group_width: see `BottleneckTransform`.
        bottleneck_multiplier: see `BottleneckTransform`.
        se_ratio: see `BottleneckTransform`.
        stage_index: part of the blocks' names.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        depth: int,
        block_constructor: Make,
        norm_layer: Make,
        activation_layer: Make,
        group_width: int,
        bottleneck_multiplier: float,
        se_ratio: float | None = None,
        stage_index: int = 0,
    ) -> None:
        super().__init__()
        for i in range(depth):
            block = block_constructor(
                width_out if i else width_in,
                width_out,
                1 if i else stride,
                norm_layer,
                activation_layer,
                group_width,
                bottleneck_multiplier,
                se_ratio,
            )
            self.add_module(f"block{stage_index}-{i}", block)


class BlockParams:
    """What the stages are made of, one entry a stage.

    Args:
        depths: the number of blocks.
        widths: output channels.
        group_widths: the channels of a group.
        bottleneck_multipliers: see `BottleneckTransform`.
        strides: of the first block.
        se_ratio: see `BottleneckTransform`.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        group_widths: Sequence[int],
        bottleneck_multipliers: Sequence[float],
        strides: Sequence[int],
        se_ratio: float | None = None,
    ) -> None:
        self.depths = depths
        self.widths = widths
        self.group_widths = group_widths
        self.bottleneck_multipliers = bottleneck_multipliers
        self.strides = strides
        self.se_ratio = se_ratio

    @classmethod
    def from_init_params(
        cls,
        depth: int,
        w_0: int,
        w_a: float,
        w_m: float,
        group_width: int,
        bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
        **kwargs: object,
    ) -> Self:
        """The stages of the blocks' widths on a line, ``w_0 + w_a * i``, rounded to ``w_0 * w_m ** k`` and that to 8.

        Args:
            depth: the number of all blocks.
            w_0: the initial width, a multiple of 8.
            w_a: the slope.
            w_m: the ratio of neighbouring widths.
            group_width: the channels of a group.
            bottleneck_multiplier: see `BottleneckTransform`.
            se_ratio: see `BottleneckTransform`.
            **kwargs: not looked at: a builder hands on all that it was given.

        Raises:
            ArgumentError: a parameter is out of its range.

        >>> BlockParams.from_init_params(depth=16, w_0=48, w_a=27.89, w_m=2.09, group_width=8).widths
        [48, 104, 208, 440]
        """
        del kwargs
        if w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % 8 != 0:
            raise ArgumentError(f"Invalid RegNet settings: w_0={w_0}, w_a={w_a}, w_m={w_m}")
        line = np.arange(depth, dtype=np.float32) * np.float32(w_a) + np.float32(w_0)
        power = np.round(np.log(line / np.float32(w_0)) / np.float32(math.log(w_m)))
        each = [int(w) for w in np.round(w_0 * np.power(np.float64(w_m), power) / 8) * 8]
        widths = sorted(set(each), key=each.index)
        depths = [each.count(width) for width in widths]
        inside = [int(width * bottleneck_multiplier) for width in widths]
        groups = [min(group_width, width) for width in inside]
        inside = [make_divisible(width, group) for width, group in zip(inside, groups, strict=True)]
        return cls(
            depths=depths,
            widths=[int(width / bottleneck_multiplier) for width in inside],
            group_widths=groups,
            bottleneck_multipliers=[bottleneck_multiplier] * len(widths),
            strides=[2] * len(widths),
            se_ratio=se_ratio,
        )

    def _get_expanded_params(self) -> Iterable[tuple[int, int, int, int, float]]:
        return zip(self.widths, self.strides, self.depths, self.group_widths, self.bottleneck_multipliers, strict=False)


class RegNet(nn.Module):
    """A stem, stages of blocks, and a linear layer.

    Args:
        block_params: the stages.
        num_classes: the number of outputs.
        stem_width: output channels of the stem.
        stem_type: makes the stem. Default: `SimpleStemIN`.
        block_type: makes a block. Default: `ResBottleneckBlock`.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d`.
        activation: makes an activation. Default: `fnn.nn.ReLU`.

    Shape:
        Input (N, 3, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> stages = models.regnet.BlockParams([1, 2], [16, 32], [8, 8], [1.0, 1.0], [2, 2], se_ratio=0.25)
        >>> model = models.RegNet(stages, num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        14094
    """

    def __init__(
        self,
        block_params: BlockParams,
        num_classes: int = 1000,
        stem_width: int = 32,
        stem_type: Make | None = None,
        block_type: Make | None = None,
        norm_layer: Make | None = None,
        activation: Make | None = None,
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        act = nn.ReLU if activation is None else activation
        make = ResBottleneckBlock if block_type is None else block_type
        # Weights are drawn anew below; biases, which only the blocks that weigh channels have, are not.
        standard = stem_type is None and block_type is None and is_batch_norm(norm_layer)
        with skipped_draws(standard and not block_params.se_ratio):
            self.stem = (SimpleStemIN if stem_type is None else stem_type)(3, stem_width, norm, act)
            stages: OrderedDict[str, nn.Module] = OrderedDict()
            width = stem_width
            for i, (out, stride, depth, group, multiplier) in enumerate(block_params._get_expanded_params(), 1):
                stages[f"block{i}"] = AnyStage(
                    width, out, stride, depth, make, norm, act, group, multiplier, block_params.se_ratio, stage_index=i
                )
                width = out
            self.trunk_output = nn.Sequential(stages)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        with skipped_draws():
            self.fc = nn.Linear(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = math.prod(module.kernel_size) * module.out_channels
                nn.init.normal_(module.weight, mean=0.0, std=math.sqrt(2.0 / fan_out))
            elif not standard and isinstance(module, nn.BatchNorm2d):
                unit_norm(module)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, mean=0.0, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.avgpool(self.trunk_output(self.stem(x)))
        return self.fc(lax.collapse(x, 1))


def _regnet(
    depth: int,
    w_0: int,
    w_a: float,
    w_m: float,
    group_width: int,
    se_ratio: float | None,
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> RegNet:
    given: dict[str, Any] = {"se_ratio": se_ratio} if se_ratio is not None else {}
    params = BlockParams.from_init_params(depth, w_0, w_a, w_m, group_width, **given, **kwargs)
    kwargs = {"norm_layer": partial(nn.BatchNorm2d, eps=1e-5, momentum=0.1), **kwargs}
    return build(partial(RegNet, params), weights, progress, kwargs)


@builder(RegNet_Y_400MF_Weights.IMAGENET1K_V1)
def regnet_y_400mf(
    *, weights: RegNet_Y_400MF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet Y of 400 megaflops, whose blocks weigh their channels."""
    return _regnet(16, 48, 27.89, 2.09, 8, 0.25, RegNet_Y_400MF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_Y_800MF_Weights.IMAGENET1K_V1)
def regnet_y_800mf(
    *, weights: RegNet_Y_800MF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet Y of 800 megaflops, whose blocks weigh their channels."""
    return _regnet(14, 56, 38.84, 2.4, 16, 0.25, RegNet_Y_800MF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_Y_1_6GF_Weights.IMAGENET1K_V1)
def regnet_y_1_6gf(
    *, weights: RegNet_Y_1_6GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet Y of 1.6 gigaflops, whose blocks weigh their channels."""
    return _regnet(27, 48, 20.71, 2.65, 24, 0.25, RegNet_Y_1_6GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_Y_3_2GF_Weights.IMAGENET1K_V1)
def regnet_y_3_2gf(
    *, weights: RegNet_Y_3_2GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet Y of 3.2 gigaflops, whose blocks weigh their channels."""
    return _regnet(21, 80, 42.63, 2.66, 24, 0.25, RegNet_Y_3_2GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_Y_8GF_Weights.IMAGENET1K_V1)
def regnet_y_8gf(
    *, weights: RegNet_Y_8GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet Y of 8 gigaflops, whose blocks weigh their channels."""
    return _regnet(17, 192, 76.82, 2.19, 56, 0.25, RegNet_Y_8GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_Y_16GF_Weights.IMAGENET1K_V1)
def regnet_y_16gf(
    *, weights: RegNet_Y_16GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet Y of 16 gigaflops, whose blocks weigh their channels."""
    return _regnet(18, 200, 106.23, 2.48, 112, 0.25, RegNet_Y_16GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_Y_32GF_Weights.IMAGENET1K_V1)
def regnet_y_32gf(
    *, weights: RegNet_Y_32GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet Y of 32 gigaflops, whose blocks weigh their channels."""
    return _regnet(20, 232, 115.89, 2.53, 232, 0.25, RegNet_Y_32GF_Weights.verify(weights), progress, kwargs)


@builder()
def regnet_y_128gf(
    *, weights: RegNet_Y_128GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet Y of 128 gigaflops, whose blocks weigh their channels."""
    return _regnet(27, 456, 160.83, 2.52, 264, 0.25, RegNet_Y_128GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_X_400MF_Weights.IMAGENET1K_V1)
def regnet_x_400mf(
    *, weights: RegNet_X_400MF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet X of 400 megaflops."""
    return _regnet(22, 24, 24.48, 2.54, 16, None, RegNet_X_400MF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_X_800MF_Weights.IMAGENET1K_V1)
def regnet_x_800mf(
    *, weights: RegNet_X_800MF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet X of 800 megaflops."""
    return _regnet(16, 56, 35.73, 2.28, 16, None, RegNet_X_800MF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_X_1_6GF_Weights.IMAGENET1K_V1)
def regnet_x_1_6gf(
    *, weights: RegNet_X_1_6GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet X of 1.6 gigaflops."""
    return _regnet(18, 80, 34.01, 2.25, 24, None, RegNet_X_1_6GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_X_3_2GF_Weights.IMAGENET1K_V1)
def regnet_x_3_2gf(
    *, weights: RegNet_X_3_2GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet X of 3.2 gigaflops."""
    return _regnet(25, 88, 26.31, 2.25, 48, None, RegNet_X_3_2GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_X_8GF_Weights.IMAGENET1K_V1)
def regnet_x_8gf(
    *, weights: RegNet_X_8GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet X of 8 gigaflops."""
    return _regnet(23, 80, 49.56, 2.88, 120, None, RegNet_X_8GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_X_16GF_Weights.IMAGENET1K_V1)
def regnet_x_16gf(
    *, weights: RegNet_X_16GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet X of 16 gigaflops."""
    return _regnet(22, 216, 55.59, 2.1, 128, None, RegNet_X_16GF_Weights.verify(weights), progress, kwargs)


@builder(RegNet_X_32GF_Weights.IMAGENET1K_V1)
def regnet_x_32gf(
    *, weights: RegNet_X_32GF_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> RegNet:
    """RegNet X of 32 gigaflops."""
    return _regnet(23, 320, 69.86, 2.0, 168, None, RegNet_X_32GF_Weights.verify(weights), progress, kwargs)
