"""SqueezeNet (Iandola et al., arXiv:1602.07360), and version 1.1 of its authors.

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `SqueezeNet`.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import WeightsEnum, imagenet

__all__ = ["SqueezeNet", "SqueezeNet1_0_Weights", "SqueezeNet1_1_Weights", "squeezenet1_0", "squeezenet1_1"]


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then a 1x1 and a 3x3 one side by side.

    Args:
        inplanes: input channels.
        squeeze_planes: channels after the first convolution.
        expand1x1_planes: output channels of the 1x1 convolution.
        expand3x3_planes: output channels of the 3x3 convolution.
    """

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.squeeze_activation(self.squeeze(x))
        one = self.expand1x1_activation(self.expand1x1(x))
        return jnp.concatenate([one, self.expand3x3_activation(self.expand3x3(x))], 1)


def _pool() -> nn.Module:
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def _features(version: str) -> list[nn.Module]:
    if version == "1_0":
        return [
            nn.Conv2d(3, 96, kernel_size=7, stride=2),
            nn.ReLU(inplace=True),
            _pool(),
            Fire(96, 16, 64, 64),
            Fire(128, 16, 64, 64),
            Fire(128, 32, 128, 128),
            _pool(),
            Fire(256, 32, 128, 128),
            Fire(256, 48, 192, 192),
            Fire(384, 48, 192, 192),
            Fire(384, 64, 256, 256),
            _pool(),
            Fire(512, 64, 256, 256),
        ]
    if version == "1_1":
        return [
            nn.Conv2d(3, 64, kernel_size=3, stride=2),
            nn.ReLU(inplace=True),
            _pool(),
            Fire(64, 16, 64, 64),
            Fire(128, 16, 64, 64),
            _pool(),
            Fire(128, 32, 128, 128),
            Fire(256, 32, 128, 128),
            _pool(),
            Fire(256, 48, 192, 192),
            Fire(384, 48, 192, 192),
            Fire(384, 64, 256, 256),
            Fire(512, 64, 256, 256),
        ]
    raise ArgumentError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")


class SqueezeNet(nn.Module):
    """Fire modules, and a convolution to the classes.

    Args:
        version: ``"1_0"``, that of the paper, or ``"1_1"``, with less computation.
        num_classes: the number of outputs.
        dropout: the probability of the dropout before the last convolution.

    Shape:
        Input (N, 3, H, W) with H, W >= 21 (17 for version 1.1), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.SqueezeNet("1_1", num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        727626
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.num_classes = num_classes
        with skipped_draws():
            self.features = nn.Sequential(*_features(version))
            last = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is last:
                    nn.init.normal_(module.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: jax.Array) -> jax.Array:
        return lax.collapse(self.classifier(self.features(x)), 1)


_published = functools.partial(imagenet, recipe="https://github.com/pytorch/vision/pull/49#issuecomment-277560717")


class SqueezeNet1_0_Weights(WeightsEnum):
    """Published weights of `squeezenet1_0`."""

    IMAGENET1K_V1 = _published("squeezenet1_0-b66bff10", 1_248_424, (58.092, 80.42), 0.819, 4.778, min_size=(21, 21))
    DEFAULT = IMAGENET1K_V1


class SqueezeNet1_1_Weights(WeightsEnum):
    """Published weights of `squeezenet1_1`."""

    IMAGENET1K_V1 = _published("squeezenet1_1-b8a52dc0", 1_235_496, (58.178, 80.624), 0.349, 4.729, min_size=(17, 17))
    DEFAULT = IMAGENET1K_V1


@builder(SqueezeNet1_0_Weights.IMAGENET1K_V1)
def squeezenet1_0(
    *, weights: SqueezeNet1_0_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> SqueezeNet:
    """SqueezeNet 1.0, that of the paper."""
    make = functools.partial(SqueezeNet, "1_0")
    return build(make, SqueezeNet1_0_Weights.verify(weights), progress, kwargs)


@builder(SqueezeNet1_1_Weights.IMAGENET1K_V1)
def squeezenet1_1(
    *, weights: SqueezeNet1_1_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> SqueezeNet:
    """SqueezeNet 1.1: 2.4 times less computation, the same accuracy."""
    make = functools.partial(SqueezeNet, "1_1")
    return build(make, SqueezeNet1_1_Weights.verify(weights), progress, kwargs)
