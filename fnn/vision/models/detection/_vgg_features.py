"""Feature maps of VGG for SSD (Liu et al., arXiv:1512.02325, figure 2)."""

from collections import OrderedDict

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models.detection.backbone_utils import xavier_init
from fnn.vision.models.vgg import VGG

__all__ = ["SSDFeatureExtractorVGG", "vgg_features"]


def _extra(channels: int, between: int, out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, between, kernel_size=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(between, out, kernel_size=kernel, padding=stride - 1, stride=stride),
        nn.ReLU(inplace=True),
    )


class SSDFeatureExtractorVGG(nn.Module):
    """The features of a VGG after its fourth and fifth group of convolutions, and of more convolutions.

    Args:
        backbone: the convolutions of a VGG; the third of its five poolings is changed.
        highres: whether there is one map more, for images of 512 x 512.

    Shape:
        Input (N, 3, H, W); a dict of six or seven maps.
    """

    def __init__(self, backbone: nn.Sequential, highres: bool) -> None:
        super().__init__()
        _, _, third, fourth, _ = (i for i, layer in enumerate(backbone) if isinstance(layer, nn.MaxPool2d))
        backbone[third].ceil_mode = True  # the paper's sizes
        self.scale_weight = nn.Parameter(jnp.full(512, 20.0))
        self.features = nn.Sequential(*backbone[:fourth])
        extra = nn.ModuleList(
            [
                _extra(1024, 256, 512, 3, 2),
                _extra(512, 128, 256, 3, 2),
                _extra(256, 128, 256, 3),
                _extra(256, 128, 256, 3),
            ]
        )
        if highres:
            extra.append(_extra(256, 128, 256, 4))
        xavier_init(extra)
        dense = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=False),
            nn.Conv2d(in_channels=512, out_channels=1024, kernel_size=3, padding=6, dilation=6),
            nn.ReLU(inplace=True),
            nn.Conv2d(in_channels=1024, out_channels=1024, kernel_size=1),
            nn.ReLU(inplace=True),
        )
        xavier_init(dense)
        extra.insert(0, nn.Sequential(*backbone[fourth:-1], dense))
        self.extra = extra

    def forward(self, x: jax.Array) -> OrderedDict[str, jax.Array]:
        x = self.features(x)
        maps = [self.scale_weight.reshape(1, -1, 1, 1) * F.normalize(x)]
        for block in self.extra:
            x = block(x)
            maps.append(x)
        return OrderedDict((str(i), each) for i, each in enumerate(maps))


def vgg_features(backbone: VGG, highres: bool, trainable_layers: int) -> SSDFeatureExtractorVGG:
    """Features of a VGG.

    Args:
        backbone: the VGG.
        highres: see `SSDFeatureExtractorVGG`.
        trainable_layers: how many of its five groups are trained, from the last one on.

    Raises:
        ArgumentError: there are no such layers.
    """
    features = backbone.features
    assert isinstance(features, nn.Sequential)
    stages = [0, *(i for i, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d))][:-1]
    count = len(stages)
    if not 0 <= trainable_layers <= count:
        raise ArgumentError(f"trainable_layers should be in the range [0, {count}]. Instead got {trainable_layers}")
    frozen = len(features) if trainable_layers == 0 else stages[count - trainable_layers]
    for layer in list(features)[:frozen]:
        for parameter in layer.parameters():
            parameter.requires_grad_(False)
    return SSDFeatureExtractorVGG(features, highres)
