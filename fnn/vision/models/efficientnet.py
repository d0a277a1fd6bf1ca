"""EfficientNet (Tan and Le, arXiv:1905.11946) and EfficientNetV2 (arXiv:2104.00298).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `EfficientNet`.
"""

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.models._draws import is_batch_norm, skipped_draws, unit_norm
from fnn.vision.models._efficientnet_weights import (
    EfficientNet_B0_Weights,
    EfficientNet_B1_Weights,
    EfficientNet_B2_Weights,
    EfficientNet_B3_Weights,
    EfficientNet_B4_Weights,
    EfficientNet_B5_Weights,
    EfficientNet_B6_Weights,
    EfficientNet_B7_Weights,
    EfficientNet_V2_L_Weights,
    EfficientNet_V2_M_Weights,
    EfficientNet_V2_S_Weights,
)
from fnn.vision.models._mbconv import FusedMBConv, FusedMBConvConfig, MBConv, MBConvConfig, StageConfig
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.ops.misc import Conv2dNormActivation

__all__ = [
    "EfficientNet",
    "EfficientNet_B0_Weights",
    "EfficientNet_B1_Weights",
    "EfficientNet_B2_Weights",
    "EfficientNet_B3_Weights",
    "EfficientNet_B4_Weights",
    "EfficientNet_B5_Weights",
    "EfficientNet_B6_Weights",
    "EfficientNet_B7_Weights",
    "EfficientNet_V2_S_Weights",
    "EfficientNet_V2_M_Weights",
    "EfficientNet_V2_L_Weights",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "efficientnet_b5",
    "efficientnet_b6",
    "efficientnet_b7",
    "efficientnet_v2_s",
    "efficientnet_v2_m",
    "efficientnet_v2_l",
]

Make = Callable[..., nn.Module]


class EfficientNet(nn.Module):
    """EfficientNet, of both versions.

    Args:
        inverted_residual_setting: the stages.
        dropout: the probability of the dropout before the linear layer.
        stochastic_depth_prob: a block's probability of being left out grows from 0 to nearly this.
        num_classes: the number of outputs.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d`.
        last_channel: the inputs of the linear layer. Default: four times the last stage's channels.

    Shape:
        Input (N, 3, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> block = models.efficientnet.MBConvConfig
        >>> stages = [block(1, 3, 1, 8, 8, num_layers=1), block(6, 5, 2, 8, 16, num_layers=2)]
        >>> model = models.EfficientNet(stages, dropout=0.2, num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        11818
    """

    def __init__(
        self,
        inverted_residual_setting: Sequence[MBConvConfig | FusedMBConvConfig],
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Make | None = None,
        last_channel: int | None = None,
    ) -> None:
        super().__init__()
        setting = inverted_residual_setting
        if not setting:
            raise ArgumentError("The inverted_residual_setting should not be empty")
        if not isinstance(setting, Sequence) or not all(isinstance(s, StageConfig) for s in setting):
            raise ArgumentTypeError(f"The inverted_residual_setting should be List[MBConvConfig], got {setting!r}")
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        unit = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.SiLU)
        standard = is_batch_norm(norm_layer) and all(cnf.block in (MBConv, FusedMBConv) for cnf in setting)
        with skipped_draws(standard):
            layers: list[nn.Module] = [unit(3, setting[0].input_channels, kernel_size=3, stride=2)]
            depth, total = 0, sum(cnf.num_layers for cnf in setting)
            for cnf in setting:
                stage: list[nn.Module] = []
                for _ in range(cnf.num_layers):
                    own = copy.copy(cnf)
                    if stage:
                        own.input_channels, own.stride = own.out_channels, 1
                    probability = stochastic_depth_prob * float(depth) / total
                    stage.append(own.block(own, probability, norm))
                    depth += 1
                layers.append(nn.Sequential(*stage))
            before = setting[-1].out_channels
            channels = 4 * before if last_channel is None else last_channel
            layers.append(unit(before, channels, kernel_size=1))
            self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        with skipped_draws():
            self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(channels, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif not standard and isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
                unit_norm(module)
            elif isinstance(module, nn.Linear):
                bound = 1.0 / math.sqrt(module.out_features)
                nn.init.uniform_(module.weight, -bound, bound)
                nn.init.zeros_(module.bias)

    def _forward_impl(self, x: jax.Array) -> jax.Array:
        x = self.avgpool(self.features(x))
        return self.classifier(lax.collapse(x, 1))

    def forward(self, x: jax.Array) -> jax.Array:
        return self._forward_impl(x)


# Stages: expansion, kernel, stride, input channels, output channels, blocks; those of version 2 also whether the
# expansion is fused with the convolution.
_V1 = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)
_V2_S = (
    (True, 1, 3, 1, 24, 24, 2),
    (True, 4, 3, 2, 24, 48, 4),
    (True, 4, 3, 2, 48, 64, 4),
    (False, 4, 3, 2, 64, 128, 6),
    (False, 6, 3, 1, 128, 160, 9),
    (False, 6, 3, 2, 160, 256, 15),
)
_V2_M = (
    (True, 1, 3, 1, 24, 24, 3),
    (True, 4, 3, 2, 24, 48, 5),
    (True, 4, 3, 2, 48, 80, 5),
    (False, 4, 3, 2, 80, 160, 7),
    (False, 6, 3, 1, 160, 176, 14),
    (False, 6, 3, 2, 176, 304, 18),
    (False, 6, 3, 1, 304, 512, 5),
)
_V2_L = (
    (True, 1, 3, 1, 32, 32, 4),
    (True, 4, 3, 2, 32, 64, 7),
    (True, 4, 3, 2, 64, 96, 7),
    (False, 4, 3, 2, 96, 192, 10),
    (False, 6, 3, 1, 192, 224, 19),
    (False, 6, 3, 2, 224, 384, 25),
    (False, 6, 3, 1, 384, 640, 7),
)


def _v1(
    width_mult: float,
    depth_mult: float,
    dropout: float,
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> EfficientNet:
    setting = [MBConvConfig(*row, width_mult=width_mult, depth_mult=depth_mult) for row in _V1]
    return build(partial(EfficientNet, setting), weights, progress, {"dropout": dropout, **kwargs})


def _v2(
    rows: tuple[tuple[bool, int, int, int, int, int, int], ...],
    dropout: float,
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> EfficientNet:
    setting = [FusedMBConvConfig(*row[1:]) if row[0] else MBConvConfig(*row[1:]) for row in rows]
    kwargs = {"dropout": dropout, "last_channel": 1280, "norm_layer": partial(nn.BatchNorm2d, eps=1e-3), **kwargs}
    return build(partial(EfficientNet, setting), weights, progress, kwargs)


@builder(EfficientNet_B0_Weights.IMAGENET1K_V1)
def efficientnet_b0(
    *, weights: EfficientNet_B0_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """EfficientNet B0."""
    return _v1(1.0, 1.0, 0.2, EfficientNet_B0_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_B1_Weights.IMAGENET1K_V1)
def efficientnet_b1(
    *, weights: EfficientNet_B1_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """EfficientNet B1."""
    return _v1(1.0, 1.1, 0.2, EfficientNet_B1_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_B2_Weights.IMAGENET1K_V1)
def efficientnet_b2(
    *, weights: EfficientNet_B2_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """EfficientNet B2."""
    return _v1(1.1, 1.2, 0.3, EfficientNet_B2_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_B3_Weights.IMAGENET1K_V1)
def efficientnet_b3(
    *, weights: EfficientNet_B3_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """EfficientNet B3."""
    return _v1(1.2, 1.4, 0.3, EfficientNet_B3_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_B4_Weights.IMAGENET1K_V1)
def efficientnet_b4(
    *, weights: EfficientNet_B4_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """EfficientNet B4."""
    return _v1(1.4, 1.8, 0.4, EfficientNet_B4_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_B5_Weights.IMAGENET1K_V1)
def efficientnet_b5(
    *, weights: EfficientNet_B5_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """EfficientNet B5."""
    kwargs.setdefault("norm_layer", partial(nn.BatchNorm2d, eps=0.001, momentum=0.01))
    return _v1(1.6, 2.2, 0.4, EfficientNet_B5_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_B6_Weights.IMAGENET1K_V1)
def efficientnet_b6(
    *, weights: EfficientNet_B6_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """EfficientNet B6."""
    kwargs.setdefault("norm_layer", partial(nn.BatchNorm2d, eps=0.001, momentum=0.01))
    return _v1(1.8, 2.6, 0.5, EfficientNet_B6_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_B7_Weights.IMAGENET1K_V1)
def efficientnet_b7(
    *, weights: EfficientNet_B7_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """EfficientNet B7."""
    kwargs.setdefault("norm_layer", partial(nn.BatchNorm2d, eps=0.001, momentum=0.01))
    return _v1(2.0, 3.1, 0.5, EfficientNet_B7_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_V2_S_Weights.IMAGENET1K_V1)
def efficientnet_v2_s(
    *, weights: EfficientNet_V2_S_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """The small EfficientNetV2."""
    return _v2(_V2_S, 0.2, EfficientNet_V2_S_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_V2_M_Weights.IMAGENET1K_V1)
def efficientnet_v2_m(
    *, weights: EfficientNet_V2_M_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """The medium EfficientNetV2."""
    return _v2(_V2_M, 0.3, EfficientNet_V2_M_Weights.verify(weights), progress, kwargs)


@builder(EfficientNet_V2_L_Weights.IMAGENET1K_V1)
def efficientnet_v2_l(
    *, weights: EfficientNet_V2_L_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> EfficientNet:
    """The large EfficientNetV2."""
    return _v2(_V2_L, 0.4, EfficientNet_V2_L_Weights.verify(weights), progress, kwargs)
