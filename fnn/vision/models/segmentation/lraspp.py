"""Lite R-ASPP, a small segmentation network on MobileNetV3 (Howard et al., arXiv:1905.02244)."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

import jax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._features import IntermediateLayerGetter, strided_stages
from fnn.vision.models._registry import builder
from fnn.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, MobileNetV3, mobilenet_v3_large
from fnn.vision.models.segmentation._segmenter import resized, with_backbone
from fnn.vision.models.segmentation._weights import LRASPP_MobileNet_V3_Large_Weights

__all__ = ["LRASPP", "LRASPP_MobileNet_V3_Large_Weights", "lraspp_mobilenet_v3_large"]


class LRASPP(nn.Module):
    """Classifies fine features, and coarse ones weighed by their mean.

    Args:
        backbone: gives a dict with ``"low"`` and ``"high"``, the fine and the coarse features.
        low_channels: of the fine features.
        high_channels: of the coarse ones.
        num_classes: the number of classes.
        inter_channels: channels between.

    Shape:
        Input (N, 3, H, W); a dict with ``"out"``, (N, num_classes, H, W).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.vision.models import segmentation
        >>> class Features(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.fine = nn.Conv2d(3, 4, 3, stride=4, padding=1)
        ...         self.coarse = nn.Conv2d(4, 8, 3, stride=4, padding=1)
        ...     def forward(self, x):
        ...         fine = self.fine(x)
        ...         return {"low": fine, "high": self.coarse(fine)}
        >>> model = segmentation.LRASPP(Features(), low_channels=4, high_channels=8, num_classes=5).eval()
        >>> jax.eval_shape(model, jnp.ones((1, 3, 64, 64)))["out"].shape
        (1, 5, 64, 64)
    """

    def __init__(
        self, backbone: nn.Module, low_channels: int, high_channels: int, num_classes: int, inter_channels: int = 128
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = LRASPPHead(low_channels, high_channels, num_classes, inter_channels)

    def forward(self, input: jax.Array) -> OrderedDict[str, jax.Array]:
        return OrderedDict(out=resized(self.classifier(self.backbone(input)), input.shape[-2:]))


class LRASPPHead(nn.Module):
    """The classifier of `LRASPP`; arguments as there."""

    def __init__(self, low_channels: int, high_channels: int, num_classes: int, inter_channels: int) -> None:
        super().__init__()
        self.cbr = nn.Sequential(
            nn.Conv2d(high_channels, inter_channels, 1, bias=False),
            nn.BatchNorm2d(inter_channels),
            nn.ReLU(inplace=True),
        )
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(high_channels, inter_channels, 1, bias=False), nn.Sigmoid()
        )
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1)
        self.high_classifier = nn.Conv2d(inter_channels, num_classes, 1)

    def forward(self, input: Mapping[str, jax.Array]) -> jax.Array:
        low, high = input["low"], input["high"]
        weighed = resized(self.cbr(high) * self.scale(high), low.shape[-2:])
        return self.low_classifier(low) + self.high_classifier(weighed)


def _lraspp(backbone: MobileNetV3, num_classes: int) -> LRASPP:
    blocks = backbone.features
    stages = strided_stages(blocks)
    low, high = stages[-4], stages[-1]
    features = IntermediateLayerGetter(blocks, {str(low): "low", str(high): "high"})
    return LRASPP(features, blocks[low].out_channels, blocks[high].out_channels, num_classes)


@builder(LRASPP_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1, MobileNet_V3_Large_Weights.IMAGENET1K_V1)
def lraspp_mobilenet_v3_large(
    *,
    weights: LRASPP_MobileNet_V3_Large_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | str | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    **kwargs: object,
) -> LRASPP:
    """Lite R-ASPP on MobileNetV3.

    Args:
        weights: published weights, or their name; None leaves the model untrained.
        progress: whether a download shows a progress bar.
        num_classes: the number of classes, by default 21.
        weights_backbone: published weights of the backbone, unless there are ``weights``.
        **kwargs: ``aux_loss``, which must be false.
    """
    if kwargs.pop("aux_loss", False):
        raise ArgumentError("This model does not use auxiliary loss")
    trained = LRASPP_MobileNet_V3_Large_Weights.verify(weights)
    backbone = MobileNet_V3_Large_Weights.verify(weights_backbone)
    dilated = partial(mobilenet_v3_large, dilated=True)
    return with_backbone(dilated, _lraspp, trained, backbone, progress, num_classes)
