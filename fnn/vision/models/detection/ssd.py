"""SSD: detections of default boxes at several resolutions (Liu et al., arXiv:1512.02325)."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models._registry import builder
from fnn.vision.models.detection._boxes import BoxCoder, SSDMatcher, box_loss, kept_detections
from fnn.vision.models.detection._detector import detector
from fnn.vision.models.detection._one_stage import OneStage, Outputs
from fnn.vision.models.detection._vgg_features import vgg_features
from fnn.vision.models.detection._weights import SSD300_VGG16_Weights
from fnn.vision.models.detection.anchor_utils import DefaultBoxGenerator
from fnn.vision.models.detection.backbone_utils import out_channels_of, xavier_init
from fnn.vision.models.detection.generalized_rcnn import Detections, Targets
from fnn.vision.models.detection.rpn import flat_predictions
from fnn.vision.models.detection.transform import GeneralizedRCNNTransform
from fnn.vision.models.vgg import VGG16_Weights, vgg16
from fnn.vision.ops.boxes import box_iou, clip_boxes_to_image

__all__ = ["SSD300_VGG16_Weights", "ssd300_vgg16"]


class SSDScoringHead(nn.Module):
    """Predictions for each default box, by a module for each feature map.

    Args:
        module_list: the modules.
        num_columns: how many numbers are predicted for each box.
    """

    def __init__(self, module_list: nn.ModuleList, num_columns: int) -> None:
        super().__init__()
        self.module_list = module_list
        self.num_columns = num_columns

    def forward(self, x: Sequence[jax.Array]) -> jax.Array:
        maps = [module(features) for module, features in zip(self.module_list, x, strict=True)]
        return jnp.concatenate(flat_predictions(maps, self.num_columns), 1)


class SSDClassificationHead(SSDScoringHead):
    """Logits of the classes of each default box.

    Args:
        in_channels: of each feature map.
        num_anchors: at each place of each feature map.
        num_classes: with the background.
    """

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int) -> None:
        super().__init__(_convolutions(in_channels, num_anchors, num_classes), num_classes)


class SSDRegressionHead(SSDScoringHead):
    """Codes of the box of each default box.

    Args:
        in_channels: of each feature map.
        num_anchors: at each place of each feature map.
    """

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int]) -> None:
        super().__init__(_convolutions(in_channels, num_anchors, 4), 4)


def _convolutions(in_channels: Sequence[int], num_anchors: Sequence[int], columns: int) -> nn.ModuleList:
    convolutions = nn.ModuleList()
    for channels, count in zip(in_channels, num_anchors, strict=False):
        convolutions.append(nn.Conv2d(channels, columns * count, kernel_size=3, padding=1))
    xavier_init(convolutions)
    return convolutions


class SSDHead(nn.Module):
    """`SSDClassificationHead` and `SSDRegressionHead`; arguments as there."""

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int) -> None:
        super().__init__()
        self.classification_head = SSDClassificationHead(in_channels, num_anchors, num_classes)
        self.regression_head = SSDRegressionHead(in_channels, num_anchors)

    def forward(self, x: Sequence[jax.Array]) -> dict[str, jax.Array]:
        return {"bbox_regression": self.regression_head(x), "cls_logits": self.classification_head(x)}


class SSD(OneStage):
    """Classes and boxes of default boxes at several resolutions.

    Args:
        backbone: gives a feature map, or a dict of them; ``out_channels`` has the channels of each, if it is there.
        anchor_generator: makes the default boxes.
        size: width and height that all images get.
        num_classes: with the background.
        image_mean: see `GeneralizedRCNNTransform`.
        image_std: see `GeneralizedRCNNTransform`.
        head: says what is at each box. Default: `SSDHead`.
        score_thresh: a detection's least score.
        nms_thresh: the overlap from which on the worse of two detections of one class is dropped.
        detections_per_img: how many there are at most.
        iou_thresh: from this overlap with an object up a default box belongs to it.
        topk_candidates: the best of each class that are looked at.
        positive_fraction: how many of the boxes that the loss of classes looks at have an object.
        **kwargs: more arguments of `GeneralizedRCNNTransform`.

    Shape:
        A list of images (3, H, W), in training also of targets; in training a dict of losses, else for each image a
        dict of detections.

    Raises:
        ArgumentError: the backbone has not as many outputs as the default boxes have maps.

    >>> boxes = DefaultBoxGenerator([[2]])
    >>> model = SSD(nn.Conv2d(3, 4, 3, stride=8, padding=1), boxes, (16, 16), 3, score_thresh=0.9).eval()
    >>> sorted(model([jnp.zeros((3, 16, 16))])[0])
    ['boxes', 'labels', 'scores']
    """

    def __init__(
        self,
        backbone: Any,
        anchor_generator: DefaultBoxGenerator,
        size: tuple[int, int],
        num_classes: int,
        image_mean: Sequence[float] | None = None,
        image_std: Sequence[float] | None = None,
        head: nn.Module | None = None,
        score_thresh: float = 0.01,
        nms_thresh: float = 0.45,
        detections_per_img: int = 200,
        iou_thresh: float = 0.5,
        topk_candidates: int = 400,
        positive_fraction: float = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.anchor_generator = anchor_generator
        self.box_coder = BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
        if head is None:
            channels = out_channels_of(backbone, size)
            maps = len(anchor_generator.aspect_ratios)
            if len(channels) != maps:
                raise ArgumentError(
                    f"The length of the output channels from the backbone ({len(channels)}) do not match the length of "
                    f"the anchor generator aspect ratios ({maps})"
                )
            head = SSDHead(channels, anchor_generator.num_anchors_per_location(), num_classes)
        self.head = head
        self.proposal_matcher = SSDMatcher(iou_thresh)
        mean = [0.485, 0.456, 0.406] if image_mean is None else image_mean
        std = [0.229, 0.224, 0.225] if image_std is None else image_std
        self.transform = GeneralizedRCNNTransform(
            min(size), max(size), mean, std, size_divisible=1, fixed_size=size, **kwargs
        )
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates
        self.neg_to_pos_ratio = (1.0 - positive_fraction) / positive_fraction

    def compute_loss(
        self,
        targets: Targets,
        head_outputs: Mapping[str, jax.Array],
        anchors: Sequence[jax.Array],
        matched_idxs: Sequence[jax.Array],
    ) -> dict[str, jax.Array]:
        """The losses of boxes and of classes; of default boxes without an object those that look most like one."""
        logits, codes = head_outputs["cls_logits"], head_outputs["bbox_regression"]
        box, classes = jnp.zeros((), codes.dtype), []
        for target, own, each, found in zip(targets, codes, anchors, matched_idxs, strict=True):
            boxes, counted = jnp.asarray(target["boxes"]), found >= 0
            if boxes.size == 0:
                classes.append(jnp.zeros_like(found))
                continue
            number = jnp.maximum(found, 0)
            classes.append(jnp.where(counted, jnp.asarray(target["labels"])[number], 0))
            box += box_loss("smooth_l1", self.box_coder, each, boxes[number], own, counted)
        labels = jnp.stack(classes)
        count = jnp.maximum(sum((found >= 0).sum() for found in matched_idxs), 1)

        entropy = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), reduction="none")
        entropy = entropy.reshape(labels.shape)
        positive = labels > 0
        wanted = self.neg_to_pos_ratio * positive.sum(1, keepdims=True)
        order = jnp.argsort(jnp.where(positive, jnp.inf, -lax.stop_gradient(entropy)), 1)
        negative = jnp.argsort(order, 1) < wanted  # by rank: all others first, then the positive ones
        classification = jnp.where(positive, entropy, 0).sum() + jnp.where(negative, entropy, 0).sum()
        return {"bbox_regression": box / count, "classification": classification / count}

    def postprocess_detections(
        self,
        head_outputs: Mapping[str, jax.Array],
        image_anchors: Sequence[jax.Array],
        image_shapes: Sequence[tuple[int, int]],
    ) -> Detections:
        """The best boxes of each class of each image."""
        probabilities = F.softmax(head_outputs["cls_logits"], -1)[..., 1:]
        detections = []
        for codes, scores, anchors, size in zip(
            head_outputs["bbox_regression"], probabilities, image_anchors, image_shapes, strict=True
        ):
            boxes = clip_boxes_to_image(self.box_coder.decode_single(codes, anchors), size)
            scores = jnp.where(scores > self.score_thresh, scores, -jnp.inf).T  # (K - 1, A)
            best, places = lax.top_k(scores, min(self.topk_candidates, scores.shape[1]))
            labels = jnp.repeat(jnp.arange(1, len(scores) + 1), best.shape[1])
            every = boxes[places.reshape(-1)]
            most = self.detections_per_img
            detections.append(kept_detections(every, best.reshape(-1), labels, self.nms_thresh, most))
        return detections

    def _losses(
        self, targets: Targets, outputs: Outputs, anchors: Sequence[jax.Array], counts: Sequence[int]
    ) -> dict[str, jax.Array]:
        del counts
        matched = []
        for target, each in zip(targets, anchors, strict=True):
            boxes = jnp.asarray(target["boxes"])
            none = jnp.full(len(each), -1)
            matched.append(self.proposal_matcher(box_iou(boxes, each)) if boxes.size else none)
        return self.compute_loss(targets, outputs, anchors, matched)

    def _detections(
        self, outputs: Outputs, anchors: Sequence[jax.Array], sizes: Sequence[tuple[int, int]], counts: Sequence[int]
    ) -> Detections:
        del counts
        return self.postprocess_detections(outputs, anchors, sizes)


@builder(SSD300_VGG16_Weights.COCO_V1, VGG16_Weights.IMAGENET1K_FEATURES)
def ssd300_vgg16(
    *,
    weights: SSD300_VGG16_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: VGG16_Weights | str | None = VGG16_Weights.IMAGENET1K_FEATURES,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> SSD:
    """SSD on VGG-16, for images of 300 x 300.

    Args:
        weights: published weights or their name.
        progress: whether a download shows a progress bar.
        num_classes: with the background, by default 91.
        weights_backbone: published weights of the backbone, unless there are ``weights``.
        trainable_backbone_layers: how many of its layers are trained, from the last one on, by default 4.
        **kwargs: arguments of `SSD`, but for ``size``.
    """
    verified = SSD300_VGG16_Weights.verify(weights)
    of_backbone = VGG16_Weights.verify(weights_backbone)

    def make(backbone_weights: Any, classes: int, trained: bool, layers: int) -> SSD:
        del trained
        backbone = vgg_features(vgg16(weights=backbone_weights, progress=progress), False, layers)
        boxes = DefaultBoxGenerator(
            [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
            scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
            steps=[8, 16, 32, 64, 100, 300],
        )
        # The backbone was trained with values up to 255.
        how = {"image_mean": [0.48235, 0.45882, 0.40784], "image_std": [1.0 / 255.0] * 3, **kwargs}
        return SSD(backbone, boxes, (300, 300), classes, **how)

    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5, 4)
