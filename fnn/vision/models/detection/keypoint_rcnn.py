"""Keypoint R-CNN: detections with keypoints (He et al., arXiv:1703.06870)."""

from collections.abc import Sequence
from typing import Any

import jax

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import functional as F
from fnn.vision.models._registry import builder, settled
from fnn.vision.models.detection._detector import detector
from fnn.vision.models.detection._weights import KeypointRCNN_ResNet50_FPN_Weights
from fnn.vision.models.detection.anchor_utils import AnchorGenerator
from fnn.vision.models.detection.backbone_utils import resnet_features
from fnn.vision.models.detection.faster_rcnn import FasterRCNN
from fnn.vision.models.resnet import ResNet50_Weights, resnet50
from fnn.vision.ops.misc import FrozenBatchNorm2d
from fnn.vision.ops.poolers import MultiScaleRoIAlign

__all__ = ["KeypointRCNN", "KeypointRCNN_ResNet50_FPN_Weights", "keypointrcnn_resnet50_fpn"]


class KeypointRCNN(FasterRCNN):
    """`FasterRCNN` with keypoints for each detection: ``"keypoints"`` (N, K, 3), ``"keypoints_scores"`` (N, K).

    Args:
        backbone: see `FasterRCNN`.
        num_classes: with the background; None if there is a ``box_predictor``.
        min_size: see `FasterRCNN`, as are all up to ``bbox_reg_weights``. Default: one of six is drawn.
        max_size: see there.
        image_mean: see there.
        image_std: see there.
        rpn_anchor_generator: see there.
        rpn_head: see there.
        rpn_pre_nms_top_n_train: see there.
        rpn_pre_nms_top_n_test: see there.
        rpn_post_nms_top_n_train: see there.
        rpn_post_nms_top_n_test: see there.
        rpn_nms_thresh: see there.
        rpn_fg_iou_thresh: see there.
        rpn_bg_iou_thresh: see there.
        rpn_batch_size_per_image: see there.
        rpn_positive_fraction: see there.
        rpn_score_thresh: see there.
        box_roi_pool: see there.
        box_head: see there.
        box_predictor: see there.
        box_score_thresh: see there.
        box_nms_thresh: see there.
        box_detections_per_img: see there.
        box_fg_iou_thresh: see there.
        box_bg_iou_thresh: see there.
        box_batch_size_per_image: see there.
        box_positive_fraction: see there.
        bbox_reg_weights: see there.
        keypoint_roi_pool: cuts detections out of feature maps.
        keypoint_head: makes features of what it cuts out.
        keypoint_predictor: makes a heat map for each keypoint.
        num_keypoints: K, by default 17; None if there is a ``keypoint_predictor``.
        **kwargs: see `FasterRCNN`.

    Raises:
        ArgumentError: ``num_keypoints`` is given besides a predictor.
        ArgumentTypeError: ``keypoint_roi_pool`` is of another class.

    >>> backbone = nn.Conv2d(3, 4, 3, stride=8, padding=1)
    >>> KeypointRCNN(backbone, 2, num_keypoints=5, keypoint_predictor=nn.Identity())
    Traceback (most recent call last):
    ...
    fnn.errors.ArgumentError: num_keypoints should be None when keypoint_predictor is specified
    """

    def __init__(
        self,
        backbone: Any,
        num_classes: int | None = None,
        min_size: int | Sequence[int] | None = None,
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
        keypoint_roi_pool: MultiScaleRoIAlign | None = None,
        keypoint_head: nn.Module | None = None,
        keypoint_predictor: nn.Module | None = None,
        num_keypoints: int | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(keypoint_roi_pool, (MultiScaleRoIAlign, type(None))):
            raise ArgumentTypeError(
                f"keypoint_roi_pool should be of type MultiScaleRoIAlign or None instead of {type(keypoint_roi_pool)}"
            )
        if min_size is None:
            min_size = (640, 672, 704, 736, 768, 800)
        if num_keypoints is not None and keypoint_predictor is not None:
            raise ArgumentError("num_keypoints should be None when keypoint_predictor is specified")
        pool = MultiScaleRoIAlign(["0", "1", "2", "3"], 14, 2) if keypoint_roi_pool is None else keypoint_roi_pool
        head = KeypointRCNNHeads(backbone.out_channels, (512,) * 8) if keypoint_head is None else keypoint_head
        if keypoint_predictor is None:
            keypoint_predictor = KeypointRCNNPredictor(512, 17 if num_keypoints is None else num_keypoints)
        super().__init__(
            backbone,
            num_classes,
            min_size,
            max_size,
            image_mean,
            image_std,
            rpn_anchor_generator,
            rpn_head,
            rpn_pre_nms_top_n_train,
            rpn_pre_nms_top_n_test,
            rpn_post_nms_top_n_train,
            rpn_post_nms_top_n_test,
            rpn_nms_thresh,
            rpn_fg_iou_thresh,
            rpn_bg_iou_thresh,
            rpn_batch_size_per_image,
            rpn_positive_fraction,
            rpn_score_thresh,
            box_roi_pool,
            box_head,
            box_predictor,
            box_score_thresh,
            box_nms_thresh,
            box_detections_per_img,
            box_fg_iou_thresh,
            box_bg_iou_thresh,
            box_batch_size_per_image,
            box_positive_fraction,
            bbox_reg_weights,
            **kwargs,
        )
        self.roi_heads.keypoint_roi_pool = pool
        self.roi_heads.keypoint_head = head
        self.roi_heads.keypoint_predictor = keypoint_predictor


class KeypointRCNNHeads(nn.Sequential):
    """3x3 convolutions, each with a rectifier.

    Args:
        in_channels: of the input.
        layers: output channels of each convolution.
    """

    def __init__(self, in_channels: int, layers: Sequence[int]) -> None:
        blocks: list[nn.Module] = []
        for out in layers:
            blocks += [nn.Conv2d(in_channels, out, 3, stride=1, padding=1), nn.ReLU(inplace=True)]
            in_channels = out
        super().__init__(*blocks)
        for module in self.children():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)


class KeypointRCNNPredictor(nn.Module):
    """Heat maps of keypoints, at four times the resolution.

    Args:
        in_channels: of the input.
        num_keypoints: how many there are.
    """

    def __init__(self, in_channels: int, num_keypoints: int) -> None:
        super().__init__()
        self.kps_score_lowres = nn.ConvTranspose2d(in_channels, num_keypoints, 4, stride=2, padding=1)
        nn.init.kaiming_normal_(self.kps_score_lowres.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.kps_score_lowres.bias)
        self.up_scale = 2
        self.out_channels = num_keypoints

    def forward(self, x: jax.Array) -> jax.Array:
        return F.interpolate(
            self.kps_score_lowres(x),
            scale_factor=float(self.up_scale),
            mode="bilinear",
            align_corners=False,
            recompute_scale_factor=False,
        )


@builder(KeypointRCNN_ResNet50_FPN_Weights.COCO_V1, ResNet50_Weights.IMAGENET1K_V1)
def keypointrcnn_resnet50_fpn(
    *,
    weights: KeypointRCNN_ResNet50_FPN_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    num_keypoints: int | None = None,
    weights_backbone: ResNet50_Weights | str | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> KeypointRCNN:
    """Keypoint R-CNN on ResNet-50 with a feature pyramid.

    Args:
        weights: published weights or their name.
        progress: whether a download shows a progress bar.
        num_classes: with the background, by default 2.
        num_keypoints: by default 17.
        weights_backbone: published weights of the backbone, unless there are ``weights``.
        trainable_backbone_layers: how many of its layers are trained, from the last one on.
        **kwargs: arguments of `KeypointRCNN`.
    """
    verified = KeypointRCNN_ResNet50_FPN_Weights.verify(weights)
    of_backbone = ResNet50_Weights.verify(weights_backbone)
    if verified is not None:
        count = settled("num_keypoints", num_keypoints, len(verified.meta["keypoint_names"]))
    else:
        count = 17 if num_keypoints is None else num_keypoints
        num_classes = 2 if num_classes is None else num_classes

    def make(backbone_weights: Any, classes: int, trained: bool, layers: int) -> KeypointRCNN:
        norm = FrozenBatchNorm2d if trained else nn.BatchNorm2d
        backbone = resnet50(weights=backbone_weights, progress=progress, norm_layer=norm)
        return KeypointRCNN(resnet_features(backbone, layers), classes, num_keypoints=count, **kwargs)

    old = verified == KeypointRCNN_ResNet50_FPN_Weights.COCO_V1
    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5, without_eps=old)
