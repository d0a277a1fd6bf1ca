"""Operations on pictures and boxes that torchvision has and PyTorch has not, under torchvision's names."""

from fnn.vision.ops.box_convert import box_convert
from fnn.vision.ops.boxes import (
    box_area,
    box_iou,
    clip_boxes_to_image,
    complete_box_iou,
    distance_box_iou,
    generalized_box_iou,
    masks_to_boxes,
    remove_small_boxes,
)
from fnn.vision.ops.deform_conv import DeformConv2d, deform_conv2d
from fnn.vision.ops.drop_block import DropBlock2d, DropBlock3d, drop_block2d, drop_block3d
from fnn.vision.ops.feature_pyramid_network import FeaturePyramidNetwork
from fnn.vision.ops.losses import (
    complete_box_iou_loss,
    distance_box_iou_loss,
    generalized_box_iou_loss,
    sigmoid_focal_loss,
)
from fnn.vision.ops.misc import (
    MLP,
    Conv2dNormActivation,
    Conv3dNormActivation,
    ConvNormActivation,
    FrozenBatchNorm2d,
    Permute,
    SqueezeExcitation,
)
from fnn.vision.ops.nms import batched_nms, nms
from fnn.vision.ops.poolers import MultiScaleRoIAlign
from fnn.vision.ops.ps_roi import PSRoIAlign, PSRoIPool, ps_roi_align, ps_roi_pool
from fnn.vision.ops.roi_align import RoIAlign, roi_align
from fnn.vision.ops.roi_pool import RoIPool, roi_pool
from fnn.vision.ops.stochastic_depth import StochasticDepth, stochastic_depth

__all__ = [
    "MLP", "Conv2dNormActivation", "Conv3dNormActivation", "ConvNormActivation", "DeformConv2d", "DropBlock2d",
    "DropBlock3d", "FeaturePyramidNetwork", "FrozenBatchNorm2d", "MultiScaleRoIAlign", "PSRoIAlign", "PSRoIPool",
    "Permute", "RoIAlign", "RoIPool", "SqueezeExcitation", "StochasticDepth", "batched_nms", "box_area", "box_convert",
    "box_iou", "clip_boxes_to_image", "complete_box_iou", "complete_box_iou_loss", "deform_conv2d", "distance_box_iou",
    "distance_box_iou_loss", "drop_block2d", "drop_block3d", "generalized_box_iou", "generalized_box_iou_loss",
    "masks_to_boxes", "nms", "ps_roi_align", "ps_roi_pool", "remove_small_boxes", "roi_align", "roi_pool",
    "sigmoid_focal_loss", "stochastic_depth",
]  # fmt: skip
