"""SSDlite: SSD of depthwise convolutions (Sandler et al., arXiv:1801.04381; Howard et al., arXiv:1905.02244)."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._features import strided_stages
from fnn.vision.models._registry import builder
from fnn.vision.models.detection._detector import detector
from fnn.vision.models.detection._weights import SSDLite320_MobileNet_V3_Large_Weights
from fnn.vision.models.detection.anchor_utils import DefaultBoxGenerator
from fnn.vision.models.detection.backbone_utils import out_channels_of
from fnn.vision.models.detection.ssd import SSD, SSDScoringHead
from fnn.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from fnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["SSDLite320_MobileNet_V3_Large_Weights", "ssdlite320_mobilenet_v3_large"]

Make = Callable[..., nn.Module]

_OF_BACKBONE = ("width_mult", "dilated", "block", "dropout")  # keyword arguments of `mobilenet_v3_large`


def _normal_init(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, mean=0.0, std=0.03)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _predictions(
    in_channels: Sequence[int], num_anchors: Sequence[int], columns: int, norm_layer: Make
) -> nn.ModuleList:
    """For each map a depthwise convolution, and one that predicts."""
    blocks = nn.ModuleList()
    for channels, count in zip(in_channels, num_anchors, strict=False):
        depthwise = Conv2dNormActivation(
            channels, channels, kernel_size=3, groups=channels, norm_layer=norm_layer, activation_layer=nn.ReLU6
        )
        blocks.append(nn.Sequential(depthwise, nn.Conv2d(channels, columns * count, 1)))
    _normal_init(blocks)
    return blocks


def _extra(channels: int, out: int, norm_layer: Make) -> nn.Sequential:
    """Halves the resolution."""
    between = out // 2
    make = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.ReLU6)
    return nn.Sequential(
        make(channels, between, kernel_size=1),
        make(between, between, kernel_size=3, stride=2, groups=between),
        make(between, out, kernel_size=1),
    )


class SSDLiteClassificationHead(SSDScoringHead):
    """Logits of the classes of each default box.

    Args:
        in_channels: of each feature map.
        num_anchors: at each place of each feature map.
        num_classes: with the background.
        norm_layer: makes a normalisation of so many channels.
    """

    def __init__(
        self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int, norm_layer: Make
    ) -> None:
        super().__init__(_predictions(in_channels, num_anchors, num_classes, norm_layer), num_classes)


class SSDLiteRegressionHead(SSDScoringHead):
    """Codes of the box of each default box.

    Args:
        in_channels: of each feature map.
        num_anchors: at each place of each feature map.
        norm_layer: makes a normalisation of so many channels.
    """

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], norm_layer: Make) -> None:
        super().__init__(_predictions(in_channels, num_anchors, 4, norm_layer), 4)


class SSDLiteHead(nn.Module):
    """`SSDLiteClassificationHead` and `SSDLiteRegressionHead`; arguments as there."""

    def __init__(
        self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int, norm_layer: Make
    ) -> None:
        super().__init__()
        self.classification_head = SSDLiteClassificationHead(in_channels, num_anchors, num_classes, norm_layer)
        self.regression_head = SSDLiteRegressionHead(in_channels, num_anchors, norm_layer)

    def forward(self, x: Sequence[jax.Array]) -> dict[str, jax.Array]:
        return {"bbox_regression": self.regression_head(x), "cls_logits": self.classification_head(x)}


class SSDLiteFeatureExtractorMobileNet(nn.Module):
    """Features of a MobileNet, from the middle of one of its blocks, from its end, and of more blocks.

    Args:
        backbone: the blocks.
        c4_pos: the block after whose expansion the first map is.
        norm_layer: makes a normalisation of so many channels.
        width_mult: factor of the channels of the additional blocks.
        min_depth: the fewest channels of these.

    Shape:
        Input (N, 3, H, W); a dict of six maps.

    Raises:
        ArgumentError: the block at ``c4_pos`` adds its input to its output.
    """

    def __init__(
        self, backbone: Any, c4_pos: int, norm_layer: Make, width_mult: float = 1.0, min_depth: int = 16
    ) -> None:
        super().__init__()
        if backbone[c4_pos].use_res_connect:
            raise ArgumentError("backbone[c4_pos].use_res_connect should be False")
        self.features = nn.Sequential(
            nn.Sequential(*backbone[:c4_pos], backbone[c4_pos].block[0]),
            nn.Sequential(backbone[c4_pos].block[1:], *backbone[c4_pos + 1 :]),
        )
        widths = [max(min_depth, int(depth * width_mult)) for depth in (512, 256, 256, 128)]
        extra, channels = nn.ModuleList(), backbone[-1].out_channels
        for width in widths:
            extra.append(_extra(channels, width, norm_layer))
            channels = width
        _normal_init(extra)
        self.extra = extra

    def forward(self, x: jax.Array) -> OrderedDict[str, jax.Array]:
        maps: OrderedDict[str, jax.Array] = OrderedDict()
        for block in [*self.features, *self.extra]:
            x = block(x)
            maps[str(len(maps))] = x
        return maps


def _mobilenet_features(backbone: Any, trainable_layers: int, norm_layer: Make) -> SSDLiteFeatureExtractorMobileNet:
    blocks = backbone.features
    stages = strided_stages(blocks)
    count = len(stages)
    if not 0 <= trainable_layers <= count:
        raise ArgumentError(f"trainable_layers should be in the range [0, {count}], instead got {trainable_layers}")
    frozen = len(blocks) if trainable_layers == 0 else stages[count - trainable_layers]
    for block in list(blocks)[:frozen]:
        for parameter in block.parameters():
            parameter.requires_grad_(False)
    return SSDLiteFeatureExtractorMobileNet(blocks, stages[-2], norm_layer)


@builder(SSDLite320_MobileNet_V3_Large_Weights.COCO_V1, MobileNet_V3_Large_Weights.IMAGENET1K_V1)
def ssdlite320_mobilenet_v3_large(
    *,
    weights: SSDLite320_MobileNet_V3_Large_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | str | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    norm_layer: Make | None = None,
    **kwargs: Any,
) -> SSD:
    """SSDlite on MobileNetV3, for images of 320 x 320.

    Args:
        weights: published weights or their name.
        progress: whether a download shows a progress bar.
        num_classes: with the background, by default 91.
        weights_backbone: published weights of the backbone, unless there are ``weights``.
        trainable_backbone_layers: how many of its layers are trained, from the last one on, by default 6.
        norm_layer: makes a normalisation of so many channels. Default: BatchNorm2d, ``eps=0.001, momentum=0.03``.
        **kwargs: arguments of `mobilenet_v3_large` and of `SSD`, but for ``size``.
    """
    verified = SSDLite320_MobileNet_V3_Large_Weights.verify(weights)
    of_backbone = MobileNet_V3_Large_Weights.verify(weights_backbone)
    norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03) if norm_layer is None else norm_layer
    for_backbone = {name: kwargs.pop(name) for name in _OF_BACKBONE if name in kwargs}

    def make(backbone_weights: Any, classes: int, trained: bool, layers: int) -> SSD:
        del trained
        fresh = backbone_weights is None  # then with the reduced tail (Howard et al., table 6)
        whole = mobilenet_v3_large(
            weights=backbone_weights, progress=progress, norm_layer=norm, reduced_tail=fresh, **for_backbone
        )
        if fresh:
            _normal_init(whole)
        backbone = _mobilenet_features(whole, layers, norm)
        boxes = DefaultBoxGenerator([[2, 3] for _ in range(6)], min_ratio=0.2, max_ratio=0.95)
        channels = out_channels_of(backbone, (320, 320))
        head = SSDLiteHead(channels, boxes.num_anchors_per_location(), classes, norm)
        how = {
            "score_thresh": 0.001,
            "nms_thresh": 0.55,
            "detections_per_img": 300,
            "topk_candidates": 300,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "head": head,
            **kwargs,
        }
        return SSD(backbone, boxes, (320, 320), classes, **how)

    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 6, 6)
