"""MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al., arXiv:1801.04381)."""

from collections.abc import Callable, Sequence

import jax
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models._draws import is_batch_norm, make_divisible, skipped_draws, unit_norm
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import NEW_RECIPE, WeightsEnum, imagenet
from fnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["MobileNetV2", "MobileNet_V2_Weights", "mobilenet_v2"]

Make = Callable[..., nn.Module]

# Table 2 of the paper: expansion, output channels, blocks, stride of the first block.
_SETTING = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Expands to many channels, convolves each by itself, projects to few; adds the input where the shape allows.

    Args:
        inp: input channels.
        oup: output channels.
        stride: 1 or 2, of the depthwise convolution.
        expand_ratio: inner channels are ``inp * expand_ratio``.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d`.
    """

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: float, norm_layer: Make | None = None) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ArgumentError(f"stride should be 1 or 2 instead of {stride}")
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        hidden = round(inp * expand_ratio)
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, kernel_size=1, norm_layer=norm, activation_layer=nn.ReLU6))
        layers += [
            Conv2dNormActivation(
                hidden, hidden, stride=stride, groups=hidden, norm_layer=norm, activation_layer=nn.ReLU6
            ),
            nn.Conv2d(hidden, oup, 1, 1, 0, bias=False),
            norm(oup),
        ]
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        self.conv = nn.Sequential(*layers)
        self.out_channels = oup
        self._is_cn = stride > 1  # where the resolution falls, for those who take features

    def forward(self, x: jax.Array) -> jax.Array:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """A stack of inverted residual blocks.

    Args:
        num_classes: the number of outputs.
        width_mult: a factor of all channels.
        inverted_residual_setting: for each stage (expansion, output channels, blocks, stride of the first block).
            Default: that of the paper.
        round_nearest: channels are rounded to a multiple of this.
        block: makes a block. Default: `InvertedResidual`.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d`.
        dropout: the probability of the dropout before the linear layer.

    Shape:
        Input (N, 3, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.MobileNetV2(num_classes=10, width_mult=0.25)
        >>> sum(p.numel() for p in model.parameters())
        250922
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        block: Make | None = None,
        norm_layer: Make | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        setting = _SETTING if inverted_residual_setting is None else inverted_residual_setting
        if len(setting) == 0 or any(len(stage) != 4 for stage in setting):
            raise ArgumentError(
                f"inverted_residual_setting should be non-empty or a 4-element list, got {inverted_residual_setting}"
            )
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        make = InvertedResidual if block is None else block
        channels = make_divisible(32 * width_mult, round_nearest)
        self.last_channel = make_divisible(1280 * max(1.0, width_mult), round_nearest)
        # All that these draw is drawn anew below.
        standard = block is None and is_batch_norm(norm_layer)
        with skipped_draws(standard):
            features: list[nn.Module] = [
                Conv2dNormActivation(3, channels, stride=2, norm_layer=norm, activation_layer=nn.ReLU6)
            ]
            for expand, out, blocks, stride in setting:
                out = make_divisible(out * width_mult, round_nearest)
                for i in range(blocks):
                    features.append(make(channels, out, stride if i == 0 else 1, expand_ratio=expand, norm_layer=norm))
                    channels = out
            features.append(
                Conv2dNormActivation(
                    channels, self.last_channel, kernel_size=1, norm_layer=norm, activation_layer=nn.ReLU6
                )
            )
            self.features = nn.Sequential(*features)
        with skipped_draws():
            self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes))
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
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(lax.collapse(x, 1))

    def forward(self, x: jax.Array) -> jax.Array:
        return self._forward_impl(x)


class MobileNet_V2_Weights(WeightsEnum):
    """Published weights of `mobilenet_v2`."""

    IMAGENET1K_V1 = imagenet("mobilenet_v2-b0353104", 3_504_872, (71.878, 90.286), 0.301, 13.555, "#mobilenetv2")
    IMAGENET1K_V2 = imagenet(
        "mobilenet_v2-7ebf99e0",
        3_504_872,
        (72.154, 90.822),
        0.301,
        13.598,
        NEW_RECIPE + "-with-reg-tuning",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V2


@builder(MobileNet_V2_Weights.IMAGENET1K_V1)
def mobilenet_v2(
    *, weights: MobileNet_V2_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> MobileNetV2:
    """MobileNetV2.

    Args:
        weights: published weights, or their name; None leaves the model untrained.
        progress: whether a download shows a progress bar.
        **kwargs: arguments of `MobileNetV2`.
    """
    return build(MobileNetV2, MobileNet_V2_Weights.verify(weights), progress, kwargs)
