"""Mask R-CNN: detections with masks (He et al., arXiv:1703.06870).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar), ``num_classes`` (with the background, by default 91), ``weights_backbone`` (published weights of
the backbone, unless there are ``weights``), ``trainable_backbone_layers`` (how many of its layers are trained, from
the last one on) and the keyword arguments of `MaskRCNN`.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.models._registry import builder
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.models.detection._detector import detector
from fnn.vision.models.detection._weights import MaskRCNN_ResNet50_FPN_V2_Weights, MaskRCNN_ResNet50_FPN_Weights
from fnn.vision.models.detection.anchor_utils import AnchorGenerator
from fnn.vision.models.detection.backbone_utils import resnet_features
from fnn.vision.models.detection.faster_rcnn import FasterRCNN, improved_parts
from fnn.vision.models.resnet import ResNet50_Weights, resnet50
from fnn.vision.ops.misc import Conv2dNormActivation, FrozenBatchNorm2d
from fnn.vision.ops.poolers import MultiScaleRoIAlign

__all__ = [
    "MaskRCNN",
    "MaskRCNN_ResNet50_FPN_V2_Weights",
    "MaskRCNN_ResNet50_FPN_Weights",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
]


class MaskRCNN(FasterRCNN):
    """`FasterRCNN` with a mask for each detection.

    Args:
        backbone: see `FasterRCNN`.
        num_classes: with the background; None if there are predictors.
        min_size: see `FasterRCNN`, as are all up to ``bbox_reg_weights``.
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
        mask_roi_pool: cuts detections out of feature maps.
        mask_head: makes features of what it cuts out.
        mask_predictor: makes logits of a mask for each class.
        **kwargs: see `FasterRCNN`.

    Example:
        >>> from fnn import nn
        >>> from fnn.vision import ops
        >>> from fnn.vision.models import detection
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.ReLU())
        >>> backbone.out_channels = 8
        >>> model = detection.MaskRCNN(
        ...     backbone,
        ...     num_classes=4,
        ...     rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(((8, 16),), ((0.5, 1.0),)),
        ...     box_roi_pool=ops.MultiScaleRoIAlign(["0"], output_size=2, sampling_ratio=2),
        ...     mask_roi_pool=ops.MultiScaleRoIAlign(["0"], output_size=4, sampling_ratio=2),
        ... )
        >>> model.roi_heads.mask_predictor.mask_fcn_logits.out_channels
        4
    """

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
        mask_roi_pool: MultiScaleRoIAlign | None = None,
        mask_head: nn.Module | None = None,
        mask_predictor: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(mask_roi_pool, (MultiScaleRoIAlign, type(None))):
            raise ArgumentTypeError(
                f"mask_roi_pool should be of type MultiScaleRoIAlign or None instead of {type(mask_roi_pool)}"
            )
        if num_classes is not None and mask_predictor is not None:
            raise ArgumentError("num_classes should be None when mask_predictor is specified")
        pool = MultiScaleRoIAlign(["0", "1", "2", "3"], 14, 2) if mask_roi_pool is None else mask_roi_pool
        head = MaskRCNNHeads(backbone.out_channels, (256,) * 4, 1) if mask_head is None else mask_head
        if mask_predictor is None:
            if num_classes is None:
                raise ArgumentError("num_classes should not be None when mask_predictor is not specified")
            mask_predictor = MaskRCNNPredictor(256, 256, num_classes)
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
        self.roi_heads.mask_roi_pool = pool
        self.roi_heads.mask_head = head
        self.roi_heads.mask_predictor = mask_predictor


class MaskRCNNHeads(nn.Sequential):
    """3x3 convolutions.

    Args:
        in_channels: of the input.
        layers: output channels of each convolution.
        dilation: of the convolutions.
        norm_layer: makes a normalisation of so many channels; None for none.
    """

    _version = 2

    def __init__(
        self,
        in_channels: int,
        layers: Sequence[int],
        dilation: int,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        blocks = []
        for out in layers:
            blocks.append(
                Conv2dNormActivation(
                    in_channels, out, kernel_size=3, padding=dilation, dilation=dilation, norm_layer=norm_layer
                )
            )
            in_channels = out
        super().__init__(*blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        version = local_metadata.get("version")
        if version is None or version < 2:  # its convolutions had names of their own
            for i in range(len(self)):
                for name in ("weight", "bias"):
                    old = f"{prefix}mask_fcn{i + 1}.{name}"
                    if old in state_dict:
                        state_dict[f"{prefix}{i}.0.{name}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args, **kwargs)


class MaskRCNNPredictor(nn.Sequential):
    """Doubles the resolution and makes logits of a mask for each class.

    Args:
        in_channels: of the input.
        dim_reduced: channels between.
        num_classes: with the background.
    """

    def __init__(self, in_channels: int, dim_reduced: int, num_classes: int) -> None:
        super().__init__(
            OrderedDict(
                conv5_mask=nn.ConvTranspose2d(in_channels, dim_reduced, 2, 2, 0),
                relu=nn.ReLU(inplace=True),
                mask_fcn_logits=nn.Conv2d(dim_reduced, num_classes, 1, 1, 0),
            )
        )
        for name, parameter in self.named_parameters():
            if "weight" in name:
                nn.init.kaiming_normal_(parameter, mode="fan_out", nonlinearity="relu")


@builder(MaskRCNN_ResNet50_FPN_Weights.COCO_V1, ResNet50_Weights.IMAGENET1K_V1)
def maskrcnn_resnet50_fpn(
    *,
    weights: MaskRCNN_ResNet50_FPN_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | str | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> MaskRCNN:
    """Mask R-CNN on ResNet-50 with a feature pyramid."""
    verified = MaskRCNN_ResNet50_FPN_Weights.verify(weights)

    def make(backbone_weights: Any, classes: int, trained: bool, layers: int) -> MaskRCNN:
        norm = FrozenBatchNorm2d if trained else nn.BatchNorm2d
        backbone = resnet50(weights=backbone_weights, progress=progress, norm_layer=norm)
        return MaskRCNN(resnet_features(backbone, layers), num_classes=classes, **kwargs)

    of_backbone = ResNet50_Weights.verify(weights_backbone)
    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5, without_eps=True)


@builder(MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1, ResNet50_Weights.IMAGENET1K_V1)
def maskrcnn_resnet50_fpn_v2(
    *,
    weights: MaskRCNN_ResNet50_FPN_V2_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | str | None = None,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> MaskRCNN:
    """Mask R-CNN on ResNet-50 with a feature pyramid, version 2."""
    verified = MaskRCNN_ResNet50_FPN_V2_Weights.verify(weights)

    def make(backbone_weights: WeightsEnum | None, classes: int, trained: bool, layers: int) -> MaskRCNN:
        del trained
        backbone = resnet50(weights=backbone_weights, progress=progress)  # pyright: ignore[reportArgumentType]
        features = resnet_features(backbone, layers, norm_layer=nn.BatchNorm2d)
        parts = improved_parts(features.out_channels)
        head = MaskRCNNHeads(features.out_channels, [256, 256, 256, 256], 1, norm_layer=nn.BatchNorm2d)
        return MaskRCNN(features, num_classes=classes, **parts, mask_head=head, **kwargs)

    of_backbone = ResNet50_Weights.verify(weights_backbone)
    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5)
