"""MobileNetV3 (Howard et al., arXiv:1905.02244).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar), the keyword arguments of `MobileNetV3`, and three that shape the table of blocks: ``width_mult``
(a factor of all channels), ``reduced_tail`` (whether the last stage has half the channels) and ``dilated`` (whether it
dilates instead of halving height and width).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.models._draws import is_batch_norm, make_divisible, skipped_draws, unit_norm
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import NEW_RECIPE, WeightsEnum, imagenet
from fnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = [
    "MobileNetV3",
    "MobileNet_V3_Large_Weights",
    "MobileNet_V3_Small_Weights",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
]

Make = Callable[..., nn.Module]


class InvertedResidualConfig:
    """One block: a row of the paper's tables 1 and 2.

    Args:
        input_channels: input channels, before ``width_mult``, as all channels here.
        kernel: the size of the depthwise convolution.
        expanded_channels: its channels.
        out_channels: output channels.
        use_se: whether there is a `SqueezeExcitation`.
        activation: ``"HS"`` for hardswish, ``"RE"`` for relu.
        stride: of the depthwise convolution.
        dilation: of the depthwise convolution, which then has stride 1.
        width_mult: a factor of all channels.
    """

    def __init__(
        self,
        input_channels: int,
        kernel: int,
        expanded_channels: int,
        out_channels: int,
        use_se: bool,
        activation: str,
        stride: int,
        dilation: int,
        width_mult: float,
    ) -> None:
        self.input_channels = self.adjust_channels(input_channels, width_mult)
        self.kernel = kernel
        self.expanded_channels = self.adjust_channels(expanded_channels, width_mult)
        self.out_channels = self.adjust_channels(out_channels, width_mult)
        self.use_se = use_se
        self.use_hs = activation == "HS"
        self.stride = stride
        self.dilation = dilation

    @staticmethod
    def adjust_channels(channels: int, width_mult: float) -> int:
        """``channels * width_mult`` as a multiple of 8."""
        return make_divisible(channels * width_mult, 8)


_ChannelWeights = partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid)


class InvertedResidual(nn.Module):
    """Expands, convolves each channel by itself, weighs the channels, projects; adds the input where shapes allow.

    Args:
        cnf: the block's configuration.
        norm_layer: makes a normalisation of so many channels.
        se_layer: makes the block that weighs the channels.
    """

    def __init__(
        self,
        cnf: InvertedResidualConfig,
        norm_layer: Make,
        se_layer: Make = _ChannelWeights,
    ) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ArgumentError(f"illegal stride value, expected 1 or 2, got stride={cnf.stride}")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        activation = nn.Hardswish if cnf.use_hs else nn.ReLU
        expanded = cnf.expanded_channels
        layers: list[nn.Module] = []
        if expanded != cnf.input_channels:
            layers.append(
                Conv2dNormActivation(
                    cnf.input_channels, expanded, kernel_size=1, norm_layer=norm_layer, activation_layer=activation
                )
            )
        layers.append(
            Conv2dNormActivation(
                expanded,
                expanded,
                kernel_size=cnf.kernel,
                stride=1 if cnf.dilation > 1 else cnf.stride,
                dilation=cnf.dilation,
                groups=expanded,
                norm_layer=norm_layer,
                activation_layer=activation,
            )
        )
        if cnf.use_se:
            layers.append(se_layer(expanded, make_divisible(expanded // 4, 8)))
        layers.append(
            Conv2dNormActivation(
                expanded, cnf.out_channels, kernel_size=1, norm_layer=norm_layer, activation_layer=None
            )
        )
        self.block = nn.Sequential(*layers)
        self.out_channels = cnf.out_channels
        self._is_cn = cnf.stride > 1  # where the resolution falls, for those who take features

    def forward(self, input: jax.Array) -> jax.Array:
        result = self.block(input)
        return result + input if self.use_res_connect else result


class MobileNetV3(nn.Module):
    """A stack of inverted residual blocks with hardswish.

    Args:
        inverted_residual_setting: the blocks.
        last_channel: the inputs of the last linear layer.
        num_classes: the number of outputs.
        block: makes a block. Default: `InvertedResidual`.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d` with eps 0.001 and
            momentum 0.01.
        dropout: the probability of the dropout before the last linear layer.

    Shape:
        Input (N, 3, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> block = models.mobilenetv3.InvertedResidualConfig
        >>> blocks = [block(16, 3, 16, 16, True, "RE", 2, 1, 1.0), block(16, 5, 32, 24, False, "HS", 1, 1, 1.0)]
        >>> model = models.MobileNetV3(blocks, last_channel=64, num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        17138
    """

    def __init__(
        self,
        inverted_residual_setting: Sequence[InvertedResidualConfig],
        last_channel: int,
        num_classes: int = 1000,
        block: Make | None = None,
        norm_layer: Make | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        setting = inverted_residual_setting
        if not setting:
            raise ArgumentError("The inverted_residual_setting should not be empty")
        if not isinstance(setting, Sequence) or not all(isinstance(s, InvertedResidualConfig) for s in setting):
            raise ArgumentTypeError(
                f"The inverted_residual_setting should be List[InvertedResidualConfig], got {setting!r}"
            )
        make = InvertedResidual if block is None else block
        norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01) if norm_layer is None else norm_layer
        activation = nn.Hardswish
        standard = block is None and is_batch_norm(norm_layer)
        with skipped_draws(standard):
            last = setting[-1].out_channels
            self.features = nn.Sequential(
                Conv2dNormActivation(
                    3, setting[0].input_channels, 3, stride=2, norm_layer=norm, activation_layer=activation
                ),
                *(make(cnf, norm) for cnf in setting),
                Conv2dNormActivation(last, 6 * last, 1, norm_layer=norm, activation_layer=activation),
            )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        with skipped_draws():
            self.classifier = nn.Sequential(
                nn.Linear(6 * last, last_channel),
                nn.Hardswish(inplace=True),
                nn.Dropout(p=dropout, inplace=True),
                nn.Linear(last_channel, num_classes),
            )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif not standard and isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
                unit_norm(module)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def _forward_impl(self, x: jax.Array) -> jax.Array:
        x = self.avgpool(self.features(x))
        return self.classifier(lax.collapse(x, 1))

    def forward(self, x: jax.Array) -> jax.Array:
        return self._forward_impl(x)


# Tables 1 and 2 of the paper: input channels, kernel, expanded channels, output channels, squeeze-and-excitation,
# activation, stride. The last three rows are the tail.
_LARGE = (
    (16, 3, 16, 16, False, "RE", 1),
    (16, 3, 64, 24, False, "RE", 2),
    (24, 3, 72, 24, False, "RE", 1),
    (24, 5, 72, 40, True, "RE", 2),
    (40, 5, 120, 40, True, "RE", 1),
    (40, 5, 120, 40, True, "RE", 1),
    (40, 3, 240, 80, False, "HS", 2),
    (80, 3, 200, 80, False, "HS", 1),
    (80, 3, 184, 80, False, "HS", 1),
    (80, 3, 184, 80, False, "HS", 1),
    (80, 3, 480, 112, True, "HS", 1),
    (112, 3, 672, 112, True, "HS", 1),
    (112, 5, 672, 160, True, "HS", 2),
    (160, 5, 960, 160, True, "HS", 1),
    (160, 5, 960, 160, True, "HS", 1),
)
_SMALL = (
    (16, 3, 16, 16, True, "RE", 2),
    (16, 3, 72, 24, False, "RE", 2),
    (24, 3, 88, 24, False, "RE", 1),
    (24, 5, 96, 40, True, "HS", 2),
    (40, 5, 240, 40, True, "HS", 1),
    (40, 5, 240, 40, True, "HS", 1),
    (40, 5, 120, 48, True, "HS", 1),
    (48, 5, 144, 48, True, "HS", 1),
    (48, 5, 288, 96, True, "HS", 2),
    (96, 5, 576, 96, True, "HS", 1),
    (96, 5, 576, 96, True, "HS", 1),
)


def _mobilenet_v3(
    rows: tuple[tuple[int, int, int, int, bool, str, int], ...],
    last_channel: int,
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> MobileNetV3:
    def make(width_mult: float = 1.0, reduced_tail: bool = False, dilated: bool = False, **kwargs: Any) -> MobileNetV3:
        divisor = 2 if reduced_tail else 1
        setting = []
        for i, (inputs, kernel, expanded, out, se, activation, stride) in enumerate(rows, 3 - len(rows)):
            if i >= 0:
                out //= divisor
            if i >= 1:
                inputs, expanded = inputs // divisor, expanded // divisor
            dilation = 2 if dilated and i >= 0 else 1
            setting.append(
                InvertedResidualConfig(inputs, kernel, expanded, out, se, activation, stride, dilation, width_mult)
            )
        last = InvertedResidualConfig.adjust_channels(last_channel // divisor, width_mult)
        return MobileNetV3(setting, last, **kwargs)

    return build(make, weights, progress, kwargs)


class MobileNet_V3_Large_Weights(WeightsEnum):
    """Published weights of `mobilenet_v3_large`."""

    IMAGENET1K_V1 = imagenet(
        "mobilenet_v3_large-8738ca79", 5_483_032, (74.042, 91.34), 0.217, 21.114, "#mobilenetv3-large--small"
    )
    IMAGENET1K_V2 = imagenet(
        "mobilenet_v3_large-5c1a4163",
        5_483_032,
        (75.274, 92.566),
        0.217,
        21.107,
        NEW_RECIPE + "-with-reg-tuning",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V2


class MobileNet_V3_Small_Weights(WeightsEnum):
    """Published weights of `mobilenet_v3_small`."""

    IMAGENET1K_V1 = imagenet(
        "mobilenet_v3_small-047dcff4", 2_542_856, (67.668, 87.402), 0.057, 9.829, "#mobilenetv3-large--small"
    )
    DEFAULT = IMAGENET1K_V1


@builder(MobileNet_V3_Large_Weights.IMAGENET1K_V1)
def mobilenet_v3_large(
    *, weights: MobileNet_V3_Large_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> MobileNetV3:
    """The large MobileNetV3."""
    return _mobilenet_v3(_LARGE, 1280, MobileNet_V3_Large_Weights.verify(weights), progress, kwargs)


@builder(MobileNet_V3_Small_Weights.IMAGENET1K_V1)
def mobilenet_v3_small(
    *, weights: MobileNet_V3_Small_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> MobileNetV3:
    """The small MobileNetV3."""
    return _mobilenet_v3(_SMALL, 1024, MobileNet_V3_Small_Weights.verify(weights), progress, kwargs)
