"""VGG: very deep convolutional networks (Simonyan and Zisserman, arXiv:1409.1556).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `VGG`.
"""

import functools
import math
from typing import Any

import jax
from jax import lax

from fnn import nn
from fnn.vision.models._draws import skipped_draws, unit_norm
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import WeightsEnum, imagenet

__all__ = [
    "VGG",
    "VGG11_BN_Weights",
    "VGG11_Weights",
    "VGG13_BN_Weights",
    "VGG13_Weights",
    "VGG16_BN_Weights",
    "VGG16_Weights",
    "VGG19_BN_Weights",
    "VGG19_Weights",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]


class VGG(nn.Module):
    """A stack of 3x3 convolutions, and three linear layers.

    Args:
        features: maps images to (N, 512, H, W); see `make_layers`.
        num_classes: the number of outputs.
        init_weights: whether to draw the weights anew: normal ones (He et al. 2015, fan_out) for the convolutions,
            N(0, 0.01^2) for the linear layers, biases 0.
        dropout: the probability of both dropout layers.

    Shape:
        Input (N, 3, H, W) with H, W >= 32, output (N, num_classes).

    Example:
        >>> import jax
        >>> import fnn
        >>> from fnn.vision import models
        >>> features = models.vgg.make_layers([8, "M", 512, "M"])
        >>> init, apply = fnn.pure(models.VGG)(features, num_classes=10)  # 119 million weights, not drawn here
        >>> params, state = jax.eval_shape(init, jax.random.key(0))
        >>> params["classifier.6.weight"].shape
        (10, 4096)
    """

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        with skipped_draws(init_weights):
            self.classifier = nn.Sequential(
                nn.Linear(512 * 7 * 7, 4096),
                nn.ReLU(True),
                nn.Dropout(p=dropout),
                nn.Linear(4096, 4096),
                nn.ReLU(True),
                nn.Dropout(p=dropout),
                nn.Linear(4096, num_classes),
            )
        if init_weights:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                elif isinstance(module, nn.BatchNorm2d):
                    unit_norm(module)
                elif isinstance(module, nn.Linear):
                    nn.init.normal_(module.weight, 0, 0.01)
                    nn.init.zeros_(module.bias)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.avgpool(self.features(x))  # (N, 512, 7, 7)
        return self.classifier(lax.collapse(x, 1))


# The configurations of the paper's table 1: output channels of a convolution, "M" for a pooling layer.
cfgs: dict[str, list[str | int]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "E": [64, 64, "M", 128, 128, "M"] + [256] * 4 + ["M"] + [512] * 4 + ["M"] + [512] * 4 + ["M"],
}


def make_layers(cfg: list[str | int], batch_norm: bool = False) -> nn.Sequential:
    """The convolutions of a configuration.

    Args:
        cfg: one of `cfgs`, or a list like them.
        batch_norm: whether a BatchNorm2d follows each convolution.

    >>> features = make_layers(cfgs["A"])
    >>> len(features), features[2]
    (21, MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False))
    """
    layers: list[nn.Module] = []
    channels = 3
    for entry in cfg:
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, entry, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(entry))
        layers.append(nn.ReLU(inplace=True))
        channels = entry
    return nn.Sequential(*layers)


def _vgg(cfg: str, batch_norm: bool, weights: WeightsEnum | None, progress: bool, kwargs: dict[str, Any]) -> VGG:
    def make(init_weights: bool = True, **kwargs: Any) -> VGG:
        with skipped_draws(init_weights):
            features = make_layers(cfgs[cfg], batch_norm)
        return VGG(features, init_weights=init_weights, **kwargs)

    return build(make, weights, progress, kwargs if weights is None else {**kwargs, "init_weights": False})


_published = functools.partial(imagenet, recipe="#alexnet-and-vgg", min_size=(32, 32))


class VGG11_Weights(WeightsEnum):
    """Published weights of `vgg11`."""

    IMAGENET1K_V1 = _published("vgg11-8a719046", 132_863_336, (69.02, 88.628), 7.609, 506.84)
    DEFAULT = IMAGENET1K_V1


class VGG11_BN_Weights(WeightsEnum):
    """Published weights of `vgg11_bn`."""

    IMAGENET1K_V1 = _published("vgg11_bn-6002323d", 132_868_840, (70.37, 89.81), 7.609, 506.881)
    DEFAULT = IMAGENET1K_V1


class VGG13_Weights(WeightsEnum):
    """Published weights of `vgg13`."""

    IMAGENET1K_V1 = _published("vgg13-19584684", 133_047_848, (69.928, 89.246), 11.308, 507.545)
    DEFAULT = IMAGENET1K_V1


class VGG13_BN_Weights(WeightsEnum):
    """Published weights of `vgg13_bn`."""

    IMAGENET1K_V1 = _published("vgg13_bn-abd245e5", 133_053_736, (71.586, 90.374), 11.308, 507.59)
    DEFAULT = IMAGENET1K_V1


class VGG16_Weights(WeightsEnum):
    """Published weights of `vgg16`."""

    IMAGENET1K_V1 = _published("vgg16-397923af", 138_357_544, (71.592, 90.382), 15.47, 527.796)
    IMAGENET1K_FEATURES = imagenet(
        "vgg16_features-amdegroot-88682ab5",
        138_357_544,
        (math.nan, math.nan),
        15.47,
        527.802,
        "https://github.com/amdegroot/ssd.pytorch#training-ssd",
        min_size=(32, 32),
        categories=None,
        mean=(0.48235, 0.45882, 0.40784),
        std=(1 / 255, 1 / 255, 1 / 255),
    )
    DEFAULT = IMAGENET1K_V1


class VGG16_BN_Weights(WeightsEnum):
    """Published weights of `vgg16_bn`."""

    IMAGENET1K_V1 = _published("vgg16_bn-6c64b313", 138_365_992, (73.36, 91.516), 15.47, 527.866)
    DEFAULT = IMAGENET1K_V1


class VGG19_Weights(WeightsEnum):
    """Published weights of `vgg19`."""

    IMAGENET1K_V1 = _published("vgg19-dcbb9e9d", 143_667_240, (72.376, 90.876), 19.632, 548.051)
    DEFAULT = IMAGENET1K_V1


class VGG19_BN_Weights(WeightsEnum):
    """Published weights of `vgg19_bn`."""

    IMAGENET1K_V1 = _published("vgg19_bn-c79401a0", 143_678_248, (74.218, 91.842), 19.632, 548.143)
    DEFAULT = IMAGENET1K_V1


@builder(VGG11_Weights.IMAGENET1K_V1)
def vgg11(*, weights: VGG11_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VGG:
    """VGG with 11 layers."""
    return _vgg("A", False, VGG11_Weights.verify(weights), progress, kwargs)


@builder(VGG11_BN_Weights.IMAGENET1K_V1)
def vgg11_bn(*, weights: VGG11_BN_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VGG:
    """VGG with 11 layers, batch-normalised."""
    return _vgg("A", True, VGG11_BN_Weights.verify(weights), progress, kwargs)


@builder(VGG13_Weights.IMAGENET1K_V1)
def vgg13(*, weights: VGG13_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VGG:
    """VGG with 13 layers."""
    return _vgg("B", False, VGG13_Weights.verify(weights), progress, kwargs)


@builder(VGG13_BN_Weights.IMAGENET1K_V1)
def vgg13_bn(*, weights: VGG13_BN_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VGG:
    """VGG with 13 layers, batch-normalised."""
    return _vgg("B", True, VGG13_BN_Weights.verify(weights), progress, kwargs)


@builder(VGG16_Weights.IMAGENET1K_V1)
def vgg16(*, weights: VGG16_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VGG:
    """VGG with 16 layers."""
    return _vgg("D", False, VGG16_Weights.verify(weights), progress, kwargs)


@builder(VGG16_BN_Weights.IMAGENET1K_V1)
def vgg16_bn(*, weights: VGG16_BN_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VGG:
    """VGG with 16 layers, batch-normalised."""
    return _vgg("D", True, VGG16_BN_Weights.verify(weights), progress, kwargs)


@builder(VGG19_Weights.IMAGENET1K_V1)
def vgg19(*, weights: VGG19_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VGG:
    """VGG with 19 layers."""
    return _vgg("E", False, VGG19_Weights.verify(weights), progress, kwargs)


@builder(VGG19_BN_Weights.IMAGENET1K_V1)
def vgg19_bn(*, weights: VGG19_BN_Weights | str | None = None, progress: bool = True, **kwargs: object) -> VGG:
    """VGG with 19 layers, batch-normalised."""
    return _vgg("E", True, VGG19_BN_Weights.verify(weights), progress, kwargs)
