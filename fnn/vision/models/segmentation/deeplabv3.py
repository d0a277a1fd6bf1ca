"""DeepLabV3: dilated convolutions at several rates (Chen et al., arXiv:1706.05587).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar), ``num_classes`` (by default 21), ``aux_loss`` (whether there is an auxiliary classifier) and
``weights_backbone`` (published weights of the backbone, by default those of ImageNet, unless there are ``weights``).
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.vision.models._features import IntermediateLayerGetter, strided_stages
from fnn.vision.models._registry import builder
from fnn.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, MobileNetV3, mobilenet_v3_large
from fnn.vision.models.resnet import ResNet, ResNet50_Weights, ResNet101_Weights, resnet50, resnet101
from fnn.vision.models.segmentation._segmenter import Segmenter, dilated_features, resized, with_backbone
from fnn.vision.models.segmentation._weights import (
    DeepLabV3_MobileNet_V3_Large_Weights,
    DeepLabV3_ResNet50_Weights,
    DeepLabV3_ResNet101_Weights,
)
from fnn.vision.models.segmentation.fcn import FCNHead

__all__ = [
    "DeepLabV3",
    "DeepLabV3_MobileNet_V3_Large_Weights",
    "DeepLabV3_ResNet50_Weights",
    "DeepLabV3_ResNet101_Weights",
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
]


class DeepLabV3(Segmenter):
    """A DeepLabV3 network.

    Args:
        backbone: gives a dict with ``"out"`` and, for the auxiliary classifier, ``"aux"``.
        classifier: makes logits of ``"out"``.
        aux_classifier: makes logits of ``"aux"``; None: there is none.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.vision.models import segmentation
        >>> class Features(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.conv = nn.Conv2d(3, 8, 3, stride=4, padding=1)
        ...     def forward(self, x):
        ...         return {"out": self.conv(x)}
        >>> model = segmentation.DeepLabV3(Features(), segmentation.deeplabv3.DeepLabHead(8, 5)).eval()
        >>> jax.eval_shape(model, jnp.ones((1, 3, 64, 64)))["out"].shape
        (1, 5, 64, 64)
    """


class DeepLabHead(nn.Sequential):
    """`ASPP`, a 3x3 convolution and a 1x1 convolution.

    Args:
        in_channels: of the features.
        num_classes: the number of classes.
        atrous_rates: the dilations of `ASPP`.
    """

    def __init__(self, in_channels: int, num_classes: int, atrous_rates: Sequence[int] = (12, 24, 36)) -> None:
        super().__init__(
            ASPP(in_channels, atrous_rates),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.Conv2d(256, num_classes, 1),
        )


class ASPPConv(nn.Sequential):
    """A dilated 3x3 convolution.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        dilation: of the convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )


class ASPPPooling(nn.Sequential):
    """The mean over all places, convolved, at every place.

    Args:
        in_channels: input channels.
        out_channels: output channels.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )

    def forward(self, input: jax.Array) -> jax.Array:
        return resized(super().forward(input), input.shape[-2:])


class ASPP(nn.Module):
    """Convolutions at several rates, side by side, and a projection.

    Args:
        in_channels: input channels.
        atrous_rates: the dilations.
        out_channels: output channels of each and of the projection.
    """

    def __init__(self, in_channels: int, atrous_rates: Sequence[int], out_channels: int = 256) -> None:
        super().__init__()
        first = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()
        )
        dilated = [ASPPConv(in_channels, out_channels, rate) for rate in atrous_rates]
        self.convs = nn.ModuleList([first, *dilated, ASPPPooling(in_channels, out_channels)])
        self.project = nn.Sequential(
            nn.Conv2d(len(self.convs) * out_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Dropout(0.5),
        )

    def forward(self, x: jax.Array) -> jax.Array:
        return self.project(jnp.concatenate([conv(x) for conv in self.convs], 1))


def _on_resnet(backbone: ResNet, num_classes: int, aux: bool | None) -> DeepLabV3:
    features = dilated_features(backbone, aux)
    auxiliary = FCNHead(1024, num_classes) if aux else None
    return DeepLabV3(features, DeepLabHead(2048, num_classes), auxiliary)


def _on_mobilenet(backbone: MobileNetV3, num_classes: int, aux: bool | None) -> DeepLabV3:
    blocks = backbone.features
    stages = strided_stages(blocks)
    out, early = stages[-1], stages[-4]
    features = IntermediateLayerGetter(blocks, {str(out): "out", **({str(early): "aux"} if aux else {})})
    auxiliary = FCNHead(blocks[early].out_channels, num_classes) if aux else None
    return DeepLabV3(features, DeepLabHead(blocks[out].out_channels, num_classes), auxiliary)


@builder(DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1, ResNet50_Weights.IMAGENET1K_V1)
def deeplabv3_resnet50(
    *,
    weights: DeepLabV3_ResNet50_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: ResNet50_Weights | str | None = ResNet50_Weights.IMAGENET1K_V1,
    **kwargs: object,
) -> DeepLabV3:
    """DeepLabV3 on ResNet-50."""
    del kwargs
    trained, backbone = DeepLabV3_ResNet50_Weights.verify(weights), ResNet50_Weights.verify(weights_backbone)
    dilated = partial(resnet50, replace_stride_with_dilation=[False, True, True])
    return with_backbone(dilated, _on_resnet, trained, backbone, progress, num_classes, aux=aux_loss)


@builder(DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1, ResNet101_Weights.IMAGENET1K_V1)
def deeplabv3_resnet101(
    *,
    weights: DeepLabV3_ResNet101_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: ResNet101_Weights | str | None = ResNet101_Weights.IMAGENET1K_V1,
    **kwargs: object,
) -> DeepLabV3:
    """DeepLabV3 on ResNet-101."""
    del kwargs
    trained, backbone = DeepLabV3_ResNet101_Weights.verify(weights), ResNet101_Weights.verify(weights_backbone)
    dilated = partial(resnet101, replace_stride_with_dilation=[False, True, True])
    return with_backbone(dilated, _on_resnet, trained, backbone, progress, num_classes, aux=aux_loss)


@builder(DeepLabV3_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1, MobileNet_V3_Large_Weights.IMAGENET1K_V1)
def deeplabv3_mobilenet_v3_large(
    *,
    weights: DeepLabV3_MobileNet_V3_Large_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | str | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    **kwargs: object,
) -> DeepLabV3:
    """DeepLabV3 on MobileNetV3."""
    del kwargs
    trained = DeepLabV3_MobileNet_V3_Large_Weights.verify(weights)
    backbone = MobileNet_V3_Large_Weights.verify(weights_backbone)
    dilated = partial(mobilenet_v3_large, dilated=True)
    return with_backbone(dilated, _on_mobilenet, trained, backbone, progress, num_classes, aux=aux_loss)
