"""Fully convolutional networks (Long et al., arXiv:1411.4038).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar), ``num_classes`` (by default 21), ``aux_loss`` (whether there is an auxiliary classifier) and
``weights_backbone`` (published weights of the backbone, by default those of ImageNet, unless there are ``weights``).
"""

from functools import partial
from typing import Any

from fnn import nn
from fnn.vision.models._registry import builder
from fnn.vision.models.resnet import ResNet, ResNet50_Weights, ResNet101_Weights, resnet50, resnet101
from fnn.vision.models.segmentation._segmenter import Segmenter, dilated_features, with_backbone
from fnn.vision.models.segmentation._weights import FCN_ResNet50_Weights, FCN_ResNet101_Weights

__all__ = ["FCN", "FCN_ResNet50_Weights", "FCN_ResNet101_Weights", "fcn_resnet50", "fcn_resnet101"]


class FCN(Segmenter):
    """A fully convolutional network.

    Args:
        backbone: gives a dict with ``"out"`` and, for the auxiliary classifier, ``"aux"``.
        classifier: makes logits of ``"out"``.
        aux_classifier: makes logits of ``"aux"``; None: there is none.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.vision.models import segmentation
        >>> class Features(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.conv = nn.Conv2d(3, 8, 3, stride=4, padding=1)
        ...     def forward(self, x):
        ...         return {"out": self.conv(x)}
        >>> model = segmentation.FCN(Features(), segmentation.fcn.FCNHead(8, 5)).eval()
        >>> model(jnp.ones((1, 3, 16, 16)))["out"].shape
        (1, 5, 16, 16)
    """


class FCNHead(nn.Sequential):
    """A 3x3 convolution to a quarter of the channels, and a 1x1 convolution.

    Args:
        in_channels: of the features.
        channels: the number of classes.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        inside = in_channels // 4
        super().__init__(
            nn.Conv2d(in_channels, inside, 3, padding=1, bias=False),
            nn.BatchNorm2d(inside),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(inside, channels, 1),
        )


def _fcn(backbone: ResNet, num_classes: int, aux: bool | None) -> FCN:
    features = dilated_features(backbone, aux)
    auxiliary = FCNHead(1024, num_classes) if aux else None
    return FCN(features, FCNHead(2048, num_classes), auxiliary)


def _dilated(resnet: Any) -> Any:
    return partial(resnet, replace_stride_with_dilation=[False, True, True])


@builder(FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1, ResNet50_Weights.IMAGENET1K_V1)
def fcn_resnet50(
    *,
    weights: FCN_ResNet50_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: ResNet50_Weights | str | None = ResNet50_Weights.IMAGENET1K_V1,
    **kwargs: object,
) -> FCN:
    """FCN on ResNet-50."""
    del kwargs
    trained, backbone = FCN_ResNet50_Weights.verify(weights), ResNet50_Weights.verify(weights_backbone)
    return with_backbone(_dilated(resnet50), _fcn, trained, backbone, progress, num_classes, aux=aux_loss)


@builder(FCN_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1, ResNet101_Weights.IMAGENET1K_V1)
def fcn_resnet101(
    *,
    weights: FCN_ResNet101_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: ResNet101_Weights | str | None = ResNet101_Weights.IMAGENET1K_V1,
    **kwargs: object,
) -> FCN:
    """FCN on ResNet-101."""
    del kwargs
    trained, backbone = FCN_ResNet101_Weights.verify(weights), ResNet101_Weights.verify(weights_backbone)
    return with_backbone(_dilated(resnet101), _fcn, trained, backbone, progress, num_classes, aux=aux_loss)
