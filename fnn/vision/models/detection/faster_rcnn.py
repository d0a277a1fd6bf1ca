"""Faster R-CNN (Ren et al., arXiv:1506.01497).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar), ``num_classes`` (with the background, by default 91), ``weights_backbone`` (published weights of
the backbone, unless there are ``weights``), ``trainable_backbone_layers`` (how many of its layers are trained, from
the last one on) and the keyword arguments of `FasterRCNN`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import functional as F
from fnn.vision.models._registry import builder
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.models.detection._detector import detector
from fnn.vision.models.detection._weights import (
    FasterRCNN_MobileNet_V3_Large_320_FPN_Weights,
    FasterRCNN_MobileNet_V3_Large_FPN_Weights,
    FasterRCNN_ResNet50_FPN_V2_Weights,
    FasterRCNN_ResNet50_FPN_Weights,
)
from fnn.vision.models.detection.anchor_utils import AnchorGenerator
from fnn.vision.models.detection.backbone_utils import mobilenet_features, resnet_features
from fnn.vision.models.detection.generalized_rcnn import GeneralizedRCNN
from fnn.vision.models.detection.roi_heads import RoIHeads
from fnn.vision.models.detection.rpn import RegionProposalNetwork, RPNHead
from fnn.vision.models.detection.transform import GeneralizedRCNNTransform
from fnn.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from fnn.vision.models.resnet import ResNet50_Weights, resnet50
from fnn.vision.ops.misc import Conv2dNormActivation, FrozenBatchNorm2d
from fnn.vision.ops.poolers import MultiScaleRoIAlign

__all__ = [
    "FasterRCNN",
    "FasterRCNN_MobileNet_V3_Large_320_FPN_Weights",
    "FasterRCNN_MobileNet_V3_Large_FPN_Weights",
    "FasterRCNN_ResNet50_FPN_V2_Weights",
    "FasterRCNN_ResNet50_FPN_Weights",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
]


def default_anchors() -> AnchorGenerator:
    """One size for each of five levels, three shapes each."""
    sizes = ((32,), (64,), (128,), (256,), (512,))
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))


class FasterRCNN(GeneralizedRCNN):
    """Proposals of a region proposal network, and for each its class and its box.

    Args:
        backbone: gives a feature map, or a dict of them, with ``out_channels`` channels.
        num_classes: with the background; None if there is a ``box_predictor``.
        min_size: see `GeneralizedRCNNTransform`, as are the next three.
        max_size: of the images.
        image_mean: of the images.
        image_std: of the images.
        rpn_anchor_generator: makes the anchors.
        rpn_head: see `RegionProposalNetwork`, as are the following ``rpn_`` arguments.
        rpn_pre_nms_top_n_train: in training.
        rpn_pre_nms_top_n_test: in evaluation.
        rpn_post_nms_top_n_train: in training.
        rpn_post_nms_top_n_test: in evaluation.
        rpn_nms_thresh: of proposals.
        rpn_fg_iou_thresh: of anchors.
        rpn_bg_iou_thresh: of anchors.
        rpn_batch_size_per_image: of anchors.
        rpn_positive_fraction: of anchors.
        rpn_score_thresh: of proposals.
        box_roi_pool: see `RoIHeads`, as are the following ``box_`` arguments.
        box_head: of proposals.
        box_predictor: of proposals.
        box_score_thresh: of detections.
        box_nms_thresh: of detections.
        box_detections_per_img: of detections.
        box_fg_iou_thresh: of proposals.
        box_bg_iou_thresh: of proposals.
        box_batch_size_per_image: of proposals.
        box_positive_fraction: of proposals.
        bbox_reg_weights: of codes.
        **kwargs: more arguments of `GeneralizedRCNNTransform`.

    Example:
        >>> from fnn import nn
        >>> from fnn.vision import ops
        >>> from fnn.vision.models import detection
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.ReLU())
        >>> backbone.out_channels = 8
        >>> model = detection.FasterRCNN(
        ...     backbone,
        ...     num_classes=4,
        ...     rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(((8, 16),), ((0.5, 1.0),)),
        ...     box_roi_pool=ops.MultiScaleRoIAlign(["0"], output_size=2, sampling_ratio=2),
        ... )
        >>> model.rpn.head.cls_logits.out_channels, model.roi_heads.box_predictor.cls_score.out_features
        (4, 4)
    """

    roi_heads: RoIHeads

    def __init__(
        self,
        backbone: Any,
        num_classes: int | None = None,
        min_size: int | Sequence[int] = 800,
        max_size: int = 1333,
        image_mean: Sequence[float] | None = None,
        image_std: Sequence[float] | None = None,
        rpn_anchor_generator: AnchorGenerator | None = None,
        rpn_head: nn.Module | None = None,
        rpn_pre_nms_top_n_train: int = 2000,
        rpn_pre_nms_top_n_test: int = 1000,
        rpn_post_nms_top_n_train: int = 2000,
        rpn_post_nms_top_n_test: int = 1000,
        rpn_nms_thresh: float = 0.7,
        rpn_fg_iou_thresh: float = 0.7,
        rpn_bg_iou_thresh: float = 0.3,
        rpn_batch_size_per_image: int = 256,
        rpn_positive_fraction: float = 0.5,
        rpn_score_thresh: float = 0.0,
        box_roi_pool: MultiScaleRoIAlign | None = None,
        box_head: nn.Module | None = None,
        box_predictor: nn.Module | None = None,
        box_score_thresh: float = 0.05,
        box_nms_thresh: float = 0.5,
        box_detections_per_img: int = 100,
        box_fg_iou_thresh: float = 0.5,
        box_bg_iou_thresh: float = 0.5,
        box_batch_size_per_image: int = 512,
        box_positive_fraction: float = 0.25,
        bbox_reg_weights: tuple[float, float, float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if not hasattr(backbone, "out_channels"):
            raise ArgumentError(
                "backbone should contain an attribute out_channels specifying the number of output channels (assumed "
                "to be the same for all the levels)"
            )
        for name, value, kind in (
            ("rpn_anchor_generator", rpn_anchor_generator, AnchorGenerator),
            ("box_roi_pool", box_roi_pool, MultiScaleRoIAlign),
        ):
            if not isinstance(value, (kind, type(None))):
                raise ArgumentTypeError(f"{name} should be of type {kind.__name__} or None instead of {type(value)}")
        if num_classes is not None and box_predictor is not None:
            raise ArgumentError("num_classes should be None when box_predictor is specified")
        if num_classes is None and box_predictor is None:
            raise ArgumentError("num_classes should not be None when box_predictor is not specified")
        channels = backbone.out_channels
        anchors = default_anchors() if rpn_anchor_generator is None else rpn_anchor_generator
        rpn = RegionProposalNetwork(
            anchors,
            RPNHead(channels, anchors.num_anchors_per_location()[0]) if rpn_head is None else rpn_head,
            rpn_fg_iou_thresh,
            rpn_bg_iou_thresh,
            rpn_batch_size_per_image,
            rpn_positive_fraction,
            {"training": rpn_pre_nms_top_n_train, "testing": rpn_pre_nms_top_n_test},
            {"training": rpn_post_nms_top_n_train, "testing": rpn_post_nms_top_n_test},
            rpn_nms_thresh,
            score_thresh=rpn_score_thresh,
        )
        pool = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2) if box_roi_pool is None else box_roi_pool
        head = TwoMLPHead(channels * pool.output_size[0] ** 2, 1024) if box_head is None else box_head
        if box_predictor is None:
            assert num_classes is not None
            box_predictor = FastRCNNPredictor(1024, num_classes)
        roi_heads = RoIHeads(
            pool,
            head,
            box_predictor,
            box_fg_iou_thresh,
            box_bg_iou_thresh,
            box_batch_size_per_image,
            box_positive_fraction,
            bbox_reg_weights,
            box_score_thresh,
            box_nms_thresh,
            box_detections_per_img,
        )
        mean = [0.485, 0.456, 0.406] if image_mean is None else image_mean
        std = [0.229, 0.224, 0.225] if image_std is None else image_std
        super().__init__(backbone, rpn, roi_heads, GeneralizedRCNNTransform(min_size, max_size, mean, std, **kwargs))


class TwoMLPHead(nn.Module):
    """Two linear layers.

    Args:
        in_channels: of the input, all places together.
        representation_size: of the output.
    """

    def __init__(self, in_channels: int, representation_size: int) -> None:
        super().__init__()
        self.fc6 = nn.Linear(in_channels, representation_size)
        self.fc7 = nn.Linear(representation_size, representation_size)

    def forward(self, x: jax.Array) -> jax.Array:
        return F.relu(self.fc7(F.relu(self.fc6(lax.collapse(x, 1)))))


class FastRCNNConvFCHead(nn.Sequential):
    """3x3 convolutions, then linear layers.

    Args:
        input_size: channels, height and width of the input.
        conv_layers: output channels of each convolution.
        fc_layers: output features of each linear layer.
        norm_layer: makes a normalisation of so many channels; None for none.
    """

    def __init__(
        self,
        input_size: tuple[int, int, int],
        conv_layers: Sequence[int],
        fc_layers: Sequence[int],
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        channels, height, width = input_size
        blocks: list[nn.Module] = []
        for out in conv_layers:
            blocks.append(Conv2dNormActivation(channels, out, norm_layer=norm_layer))
            channels = out
        blocks.append(nn.Flatten())
        features = channels * height * width
        for out in fc_layers:
            blocks += [nn.Linear(features, out), nn.ReLU(inplace=True)]
            features = out
        super().__init__(*blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


class FastRCNNPredictor(nn.Module):
    """Logits of the classes, and codes of a box for each.

    Args:
        in_channels: features of the input.
        num_classes: with the background.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(in_channels, num_classes)
        self.bbox_pred = nn.Linear(in_channels, num_classes * 4)

    def forward(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        if x.ndim == 4 and x.shape[2:] != (1, 1):
            raise ArgumentError(
                f"x has the wrong shape, expecting the last two dimensions to be [1,1] instead of {list(x.shape[2:])}"
            )
        x = lax.collapse(x, 1)
        return self.cls_score(x), self.bbox_pred(x)


def improved_parts(channels: int) -> dict[str, nn.Module]:
    """The anchors and the heads of the second version."""
    anchors = default_anchors()
    rpn_head = RPNHead(channels, anchors.num_anchors_per_location()[0], conv_depth=2)
    box_head = FastRCNNConvFCHead((channels, 7, 7), [256, 256, 256, 256], [1024], norm_layer=nn.BatchNorm2d)
    return {"rpn_anchor_generator": anchors, "rpn_head": rpn_head, "box_head": box_head}


@builder(FasterRCNN_ResNet50_FPN_Weights.COCO_V1, ResNet50_Weights.IMAGENET1K_V1)
def fasterrcnn_resnet50_fpn(
    *,
    weights: FasterRCNN_ResNet50_FPN_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | str | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FasterRCNN:
    """Faster R-CNN on ResNet-50 with a feature pyramid."""
    verified = FasterRCNN_ResNet50_FPN_Weights.verify(weights)

    def make(backbone_weights: WeightsEnum | None, classes: int, trained: bool, layers: int) -> FasterRCNN:
        norm = FrozenBatchNorm2d if trained else nn.BatchNorm2d
        backbone = resnet50(weights=backbone_weights, progress=progress, norm_layer=norm)  # pyright: ignore[reportArgumentType]
        return FasterRCNN(resnet_features(backbone, layers), num_classes=classes, **kwargs)

    of_backbone = ResNet50_Weights.verify(weights_backbone)
    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5, without_eps=True)


@builder(FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1, ResNet50_Weights.IMAGENET1K_V1)
def fasterrcnn_resnet50_fpn_v2(
    *,
    weights: FasterRCNN_ResNet50_FPN_V2_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | str | None = None,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FasterRCNN:
    """Faster R-CNN on ResNet-50 with a feature pyramid, version 2."""
    verified = FasterRCNN_ResNet50_FPN_V2_Weights.verify(weights)

    def make(backbone_weights: WeightsEnum | None, classes: int, trained: bool, layers: int) -> FasterRCNN:
        del trained
        backbone = resnet50(weights=backbone_weights, progress=progress)  # pyright: ignore[reportArgumentType]
        features = resnet_features(backbone, layers, norm_layer=nn.BatchNorm2d)
        return FasterRCNN(features, num_classes=classes, **improved_parts(features.out_channels), **kwargs)

    of_backbone = ResNet50_Weights.verify(weights_backbone)
    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5)


def _on_mobilenet(
    verified: WeightsEnum | None,
    progress: bool,
    num_classes: int | None,
    of_backbone: WeightsEnum | None,
    trainable: int | None,
    kwargs: dict[str, Any],
) -> FasterRCNN:
    def make(backbone_weights: Any, classes: int, trained: bool, layers: int) -> FasterRCNN:
        norm = FrozenBatchNorm2d if trained else nn.BatchNorm2d
        backbone = mobilenet_v3_large(weights=backbone_weights, progress=progress, norm_layer=norm)
        sizes = ((32, 64, 128, 256, 512),) * 3
        anchors = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))
        return FasterRCNN(mobilenet_features(backbone, True, layers), classes, rpn_anchor_generator=anchors, **kwargs)

    return detector(make, verified, of_backbone, progress, num_classes, trainable, 6)


@builder(FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1, MobileNet_V3_Large_Weights.IMAGENET1K_V1)
def fasterrcnn_mobilenet_v3_large_320_fpn(
    *,
    weights: FasterRCNN_MobileNet_V3_Large_320_FPN_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | str | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FasterRCNN:
    """Faster R-CNN on MobileNetV3, for small images."""
    options = {
        "min_size": 320,
        "max_size": 640,
        "rpn_pre_nms_top_n_test": 150,
        "rpn_post_nms_top_n_test": 150,
        "rpn_score_thresh": 0.05,
        **kwargs,
    }
    verified = FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.verify(weights)
    of_backbone = MobileNet_V3_Large_Weights.verify(weights_backbone)
    return _on_mobilenet(verified, progress, num_classes, of_backbone, trainable_backbone_layers, options)


@builder(FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1, MobileNet_V3_Large_Weights.IMAGENET1K_V1)
def fasterrcnn_mobilenet_v3_large_fpn(
    *,
    weights: FasterRCNN_MobileNet_V3_Large_FPN_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | str | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FasterRCNN:
    """Faster R-CNN on MobileNetV3."""
    verified = FasterRCNN_MobileNet_V3_Large_FPN_Weights.verify(weights)
    of_backbone = MobileNet_V3_Large_Weights.verify(weights_backbone)
    options = {"rpn_score_thresh": 0.05, **kwargs}
    return _on_mobilenet(verified, progress, num_classes, of_backbone, trainable_backbone_layers, options)
