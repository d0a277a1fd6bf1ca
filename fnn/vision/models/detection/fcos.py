"""FCOS: detections of places instead of anchors (Tian et al., arXiv:1904.01355, arXiv:2006.09214)."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import functional as F
from fnn.vision.models._registry import builder
from fnn.vision.models.detection._boxes import BoxLinearCoder
from fnn.vision.models.detection._detector import detector
from fnn.vision.models.detection._one_stage import OneStage, Outputs
from fnn.vision.models.detection._weights import FCOS_ResNet50_FPN_Weights
from fnn.vision.models.detection.anchor_utils import AnchorGenerator
from fnn.vision.models.detection.backbone_utils import resnet_features
from fnn.vision.models.detection.generalized_rcnn import Detections, Targets
from fnn.vision.models.detection.rpn import flat_predictions
from fnn.vision.models.detection.transform import GeneralizedRCNNTransform
from fnn.vision.models.resnet import ResNet50_Weights, resnet50
from fnn.vision.ops.feature_pyramid_network import LastLevelP6P7
from fnn.vision.ops.losses import generalized_box_iou_loss, sigmoid_focal_loss
from fnn.vision.ops.misc import FrozenBatchNorm2d

__all__ = ["FCOS", "FCOS_ResNet50_FPN_Weights", "fcos_resnet50_fpn"]

Make = Callable[..., nn.Module]


def _tower(channels: int, depth: int, norm_layer: Make | None) -> nn.Sequential:
    """3x3 convolutions, each with a normalisation and a rectifier."""
    make = partial(nn.GroupNorm, 32) if norm_layer is None else norm_layer
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Conv2d(channels, channels, kernel_size=3, stride=1, padding=1), make(channels), nn.ReLU()]
    return nn.Sequential(*layers)


def _initialise(layers: Sequence[nn.Module]) -> None:
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)


class FCOSClassificationHead(nn.Module):
    """Logits of the classes at each place.

    Args:
        in_channels: of the feature maps.
        num_anchors: at each place.
        num_classes: the number of classes.
        num_convs: how many convolutions come before.
        prior_probability: what the logits say at first.
        norm_layer: makes a normalisation of so many channels. Default: GroupNorm with 32 groups.
    """

    def __init__(
        self,
        in_channels: int,
        num_anchors: int,
        num_classes: int,
        num_convs: int = 4,
        prior_probability: float = 0.01,
        norm_layer: Make | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_anchors = num_anchors
        self.conv = _tower(in_channels, num_convs, norm_layer)
        _initialise(list(self.conv))
        self.cls_logits = nn.Conv2d(in_channels, num_anchors * num_classes, kernel_size=3, stride=1, padding=1)
        nn.init.normal_(self.cls_logits.weight, std=0.01)
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - prior_probability) / prior_probability))

    def forward(self, x: Sequence[jax.Array]) -> jax.Array:
        maps = [self.cls_logits(self.conv(features)) for features in x]
        return jnp.concatenate(flat_predictions(maps, self.num_classes), 1)


class FCOSRegressionHead(nn.Module):
    """Codes of the box at each place, and how near the place is to the box's centre.

    Args:
        in_channels: of the feature maps.
        num_anchors: at each place.
        num_convs: how many convolutions come before.
        norm_layer: makes a normalisation of so many channels. Default: GroupNorm with 32 groups.
    """

    def __init__(self, in_channels: int, num_anchors: int, num_convs: int = 4, norm_layer: Make | None = None) -> None:
        super().__init__()
        self.conv = _tower(in_channels, num_convs, norm_layer)
        self.bbox_reg = nn.Conv2d(in_channels, num_anchors * 4, kernel_size=3, stride=1, padding=1)
        self.bbox_ctrness = nn.Conv2d(in_channels, num_anchors, kernel_size=3, stride=1, padding=1)
        _initialise([self.bbox_reg, self.bbox_ctrness])
        _initialise(list(self.conv))

    def forward(self, x: Sequence[jax.Array]) -> tuple[jax.Array, jax.Array]:
        hidden = [self.conv(features) for features in x]
        codes = flat_predictions([F.relu(self.bbox_reg(each)) for each in hidden], 4)
        centred = flat_predictions([self.bbox_ctrness(each) for each in hidden], 1)
        return jnp.concatenate(codes, 1), jnp.concatenate(centred, 1)


class FCOSHead(nn.Module):
    """`FCOSClassificationHead` and `FCOSRegressionHead`; arguments as there."""

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int, num_convs: int = 4) -> None:
        super().__init__()
        self.box_coder = BoxLinearCoder(normalize_by_size=True)
        self.classification_head = FCOSClassificationHead(in_channels, num_anchors, num_classes, num_convs)
        self.regression_head = FCOSRegressionHead(in_channels, num_anchors, num_convs)

    def compute_loss(
        self,
        targets: Targets,
        head_outputs: Mapping[str, jax.Array],
        anchors: Sequence[jax.Array],
        matched_idxs: Sequence[jax.Array],
    ) -> dict[str, jax.Array]:
        """The losses of classes, of boxes and of centredness, for each place that has an object."""
        logits, codes = head_outputs["cls_logits"], head_outputs["bbox_regression"]
        classes, boxes = [], []
        for target, own, found in zip(targets, anchors, matched_idxs, strict=True):
            number = jnp.maximum(found, 0)
            if len(target["labels"]):
                classes.append(jnp.where(found < 0, -1, jnp.asarray(target["labels"])[number]))
                boxes.append(jnp.asarray(target["boxes"])[number])
            else:
                classes.append(jnp.full_like(found, -1))
                boxes.append(own)
        labels, every = jnp.stack(classes), jnp.stack(anchors)
        counted = labels >= 0
        # What is not counted gets a box that has finite losses: a NaN times 0 would be one in the gradient.
        objects = jnp.where(counted[..., None], jnp.stack(boxes), every)
        count = jnp.maximum(counted.sum(), 1)

        truth = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)  # of -1: zeros
        decoded = jnp.where(counted[..., None], self.box_coder.decode(codes, every), every)
        overlap = generalized_box_iou_loss(decoded, objects, reduction="none")
        left, top, right, bottom = jnp.moveaxis(self.box_coder.encode(every, objects), -1, 0)
        centred = jnp.sqrt(
            (jnp.minimum(left, right) / jnp.maximum(left, right))
            * (jnp.minimum(top, bottom) / jnp.maximum(top, bottom))
        )
        predicted = head_outputs["bbox_ctrness"][..., 0]
        entropy = F.binary_cross_entropy_with_logits(predicted, centred, reduction="none")
        return {
            "classification": sigmoid_focal_loss(logits, truth, reduction="sum") / count,
            "bbox_regression": jnp.where(counted, overlap, 0).sum() / count,
            "bbox_ctrness": jnp.where(counted, entropy, 0).sum() / count,
        }

    def forward(self, x: Sequence[jax.Array]) -> dict[str, jax.Array]:
        logits = self.classification_head(x)
        codes, centred = self.regression_head(x)
        return {"cls_logits": logits, "bbox_regression": codes, "bbox_ctrness": centred}


class FCOS(OneStage):
    """Classes and boxes of places at all levels of a feature pyramid.

    Args:
        backbone: gives a feature map, or a dict of them, with ``out_channels`` channels.
        num_classes: with the background.
        min_size: see `GeneralizedRCNNTransform`, as are the next three.
        max_size: of the images.
        image_mean: of the images.
        image_std: of the images.
        anchor_generator: makes a square around each place, as large as the map's stride.
        head: says what is at each place. Default: `FCOSHead`.
        center_sampling_radius: how far from a box's centre its places are, in squares.
        score_thresh: a detection's least score.
        nms_thresh: the overlap from which on the worse of two detections of one class is dropped.
        detections_per_img: how many there are at most.
        topk_candidates: the best of each level that are looked at.
        **kwargs: more arguments of `GeneralizedRCNNTransform`.

    Shape:
        A list of images (3, H, W), in training also of targets; in training a dict of losses, else for each image a
        dict of detections.

    Raises:
        ArgumentError: the backbone has no ``out_channels``, or there is more than one anchor at a place.

    >>> backbone = nn.Conv2d(3, 32, 3, stride=8, padding=1)
    >>> anchors = AnchorGenerator(((8,),), ((1.0,),))
    >>> model = FCOS(backbone, 2, min_size=16, anchor_generator=anchors).eval()
    >>> sorted(model([jnp.zeros((3, 16, 16))])[0])
    ['boxes', 'labels', 'scores']
    """

    def __init__(
        self,
        backbone: Any,
        num_classes: int,
        min_size: int | Sequence[int] = 800,
        max_size: int = 1333,
        image_mean: Sequence[float] | None = None,
        image_std: Sequence[float] | None = None,
        anchor_generator: AnchorGenerator | None = None,
        head: nn.Module | None = None,
        center_sampling_radius: float = 1.5,
        score_thresh: float = 0.2,
        nms_thresh: float = 0.6,
        detections_per_img: int = 100,
        topk_candidates: int = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if not hasattr(backbone, "out_channels"):
            raise ArgumentError(
                "backbone should contain an attribute out_channels specifying the number of output channels (assumed "
                "to be the same for all the levels)"
            )
        if not isinstance(anchor_generator, (AnchorGenerator, type(None))):
            raise ArgumentTypeError(
                f"anchor_generator should be of type AnchorGenerator or None, instead  got {type(anchor_generator)}"
            )
        if anchor_generator is None:  # squares as large as the strides of the five maps
            anchor_generator = AnchorGenerator(((8,), (16,), (32,), (64,), (128,)), ((1.0,),) * 5)
        count = anchor_generator.num_anchors_per_location()[0]
        if count != 1:
            raise ArgumentError(f"anchor_generator.num_anchors_per_location()[0] should be 1 instead of {count}")
        self.backbone = backbone
        self.anchor_generator = anchor_generator
        self.head = FCOSHead(backbone.out_channels, count, num_classes) if head is None else head
        self.box_coder = BoxLinearCoder(normalize_by_size=True)
        mean = [0.485, 0.456, 0.406] if image_mean is None else image_mean
        std = [0.229, 0.224, 0.225] if image_std is None else image_std
        self.transform = GeneralizedRCNNTransform(min_size, max_size, mean, std, **kwargs)
        self.center_sampling_radius = center_sampling_radius
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates

    def _matched(self, anchors: jax.Array, boxes: jax.Array, counts: Sequence[int]) -> jax.Array:
        """Which of M objects each of A places belongs to, or -1: (A,)."""
        centre = (boxes[:, :2] + boxes[:, 2:])[None] / 2
        place = (anchors[:, :2] + anchors[:, 2:])[:, None] / 2
        size = (anchors[:, 2] - anchors[:, 0])[:, None]
        near = jnp.abs(place - centre).max(2) < self.center_sampling_radius * size
        sides = jnp.concatenate([place - boxes[None, :, :2], boxes[None, :, 2:] - place], 2)  # (A, M, 4)
        number = jnp.arange(len(anchors))[:, None]
        least = jnp.where(number < counts[0], 0, size * 4)
        most = jnp.where(number >= len(anchors) - counts[-1], jnp.inf, size * 8)
        farthest = sides.max(2)
        belongs = near & (sides.min(2) > 0) & (farthest > least) & (farthest < most)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        rank = belongs.astype(jnp.float32) * (1e8 - areas)[None]  # of several objects the smallest
        return jnp.where(rank.max(1) < 1e-5, -1, rank.argmax(1))

    def compute_loss(
        self,
        targets: Targets,
        head_outputs: Mapping[str, jax.Array],
        anchors: Sequence[jax.Array],
        num_anchors_per_level: Sequence[int],
    ) -> dict[str, jax.Array]:
        """The head's losses, of the places' objects."""
        matched = []
        for target, each in zip(targets, anchors, strict=True):
            boxes = jnp.asarray(target["boxes"])
            none = jnp.full(len(each), -1)
            matched.append(self._matched(each, boxes, num_anchors_per_level) if boxes.size else none)
        return self.head.compute_loss(targets, head_outputs, anchors, matched)

    def _losses(
        self, targets: Targets, outputs: Outputs, anchors: Sequence[jax.Array], counts: Sequence[int]
    ) -> dict[str, jax.Array]:
        return self.compute_loss(targets, outputs, anchors, counts)

    def _detections(
        self, outputs: Outputs, anchors: Sequence[jax.Array], sizes: Sequence[tuple[int, int]], counts: Sequence[int]
    ) -> Detections:
        scores = jnp.sqrt(jax.nn.sigmoid(outputs["cls_logits"]) * jax.nn.sigmoid(outputs["bbox_ctrness"]))
        codes = outputs["bbox_regression"]
        return [
            self._best_of_levels(scores[i], codes[i], anchors[i], size, counts, self.box_coder.decode)
            for i, size in enumerate(sizes)
        ]


@builder(FCOS_ResNet50_FPN_Weights.COCO_V1, ResNet50_Weights.IMAGENET1K_V1)
def fcos_resnet50_fpn(
    *,
    weights: FCOS_ResNet50_FPN_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | str | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FCOS:
    """FCOS on ResNet-50 with a feature pyramid.

    Args:
        weights: published weights or their name.
        progress: whether a download shows a progress bar.
        num_classes: with the background, by default 91.
        weights_backbone: published weights of the backbone, unless there are ``weights``.
        trainable_backbone_layers: how many of its layers are trained, from the last one on.
        **kwargs: arguments of `FCOS`.
    """
    verified = FCOS_ResNet50_FPN_Weights.verify(weights)

    def make(backbone_weights: Any, classes: int, trained: bool, layers: int) -> FCOS:
        norm = FrozenBatchNorm2d if trained else nn.BatchNorm2d
        backbone = resnet50(weights=backbone_weights, progress=progress, norm_layer=norm)
        return FCOS(resnet_features(backbone, layers, [2, 3, 4], LastLevelP6P7(256, 256)), classes, **kwargs)

    of_backbone = ResNet50_Weights.verify(weights_backbone)
    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5)
