"""RetinaNet: detections of anchors, without proposals (Lin et al., arXiv:1708.02002).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar), ``num_classes`` (by default 91), ``weights_backbone`` (published weights of the backbone, unless
there are ``weights``), ``trainable_backbone_layers`` (how many of its layers are trained, from the last one on) and the
keyword arguments of `RetinaNet`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.models._registry import builder
from fnn.vision.models.detection._boxes import BoxCoder, Matcher, box_loss
from fnn.vision.models.detection._detector import detector
from fnn.vision.models.detection._one_stage import OneStage, Outputs
from fnn.vision.models.detection._weights import RetinaNet_ResNet50_FPN_V2_Weights, RetinaNet_ResNet50_FPN_Weights
from fnn.vision.models.detection.anchor_utils import AnchorGenerator
from fnn.vision.models.detection.backbone_utils import resnet_features
from fnn.vision.models.detection.generalized_rcnn import Detections, Targets
from fnn.vision.models.detection.rpn import flat_predictions
from fnn.vision.models.detection.transform import GeneralizedRCNNTransform
from fnn.vision.models.resnet import ResNet50_Weights, resnet50
from fnn.vision.ops.boxes import box_iou
from fnn.vision.ops.feature_pyramid_network import LastLevelP6P7
from fnn.vision.ops.losses import sigmoid_focal_loss
from fnn.vision.ops.misc import Conv2dNormActivation, FrozenBatchNorm2d

__all__ = [
    "RetinaNet",
    "RetinaNet_ResNet50_FPN_V2_Weights",
    "RetinaNet_ResNet50_FPN_Weights",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
]

Make = Callable[..., nn.Module]


def default_anchors() -> AnchorGenerator:
    """Three sizes for each of five levels, three shapes each."""
    sizes = tuple((x, int(x * 2 ** (1.0 / 3)), int(x * 2 ** (2.0 / 3))) for x in (32, 64, 128, 256, 512))
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))


class _Tower(nn.Module):
    """Four 3x3 convolutions and one that predicts something for each anchor."""

    _version = 2

    def __init__(self, in_channels: int, norm_layer: Make | None) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *(Conv2dNormActivation(in_channels, in_channels, norm_layer=norm_layer) for _ in range(4))
        )

    def _initialise_tower(self) -> None:
        for module in self.conv.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        version = local_metadata.get("version")
        if version is None or version < 2:  # activations were counted among the convolutions
            for i in range(4):
                for name in ("weight", "bias"):
                    old = f"{prefix}conv.{2 * i}.{name}"
                    if old in state_dict:
                        state_dict[f"{prefix}conv.{i}.0.{name}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args, **kwargs)


class RetinaNetClassificationHead(_Tower):
    """Logits of the classes of each anchor.

    Args:
        in_channels: of the feature maps.
        num_anchors: at each place.
        num_classes: the number of classes.
        prior_probability: what the logits say at first.
        norm_layer: makes a normalisation of so many channels; None for none.
    """

    def __init__(
        self,
        in_channels: int,
        num_anchors: int,
        num_classes: int,
        prior_probability: float = 0.01,
        norm_layer: Make | None = None,
    ) -> None:
        super().__init__(in_channels, norm_layer)
        self._initialise_tower()
        self.cls_logits = nn.Conv2d(in_channels, num_anchors * num_classes, kernel_size=3, stride=1, padding=1)
        nn.init.normal_(self.cls_logits.weight, std=0.01)
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - prior_probability) / prior_probability))
        self.num_classes = num_classes
        self.num_anchors = num_anchors

    def compute_loss(self, targets: Targets, logits: jax.Array, matched: Sequence[jax.Array]) -> jax.Array:
        """The focal loss of (N, A, K) logits, for each object once."""
        losses = []
        for target, own, found in zip(targets, logits, matched, strict=True):
            objects = found >= 0
            labels = jnp.asarray(target["labels"])
            truth = jnp.zeros_like(own)
            if len(labels):
                hot = jax.nn.one_hot(labels[jnp.maximum(found, 0)], self.num_classes, dtype=own.dtype)
                truth = jnp.where(objects[:, None], hot, 0)
            loss = sigmoid_focal_loss(own, truth)
            counted = (found != Matcher.BETWEEN_THRESHOLDS)[:, None]
            losses.append(jnp.where(counted, loss, 0).sum() / jnp.maximum(objects.sum(), 1))
        return sum(losses[1:], losses[0]) / len(targets)

    def forward(self, x: Sequence[jax.Array]) -> jax.Array:
        maps = [self.cls_logits(self.conv(features)) for features in x]
        return jnp.concatenate(flat_predictions(maps, self.num_classes), 1)


class RetinaNetRegressionHead(_Tower):
    """Codes of the box of each anchor.

    Args:
        in_channels: of the feature maps.
        num_anchors: at each place.
        norm_layer: makes a normalisation of so many channels; None for none.
    """

    def __init__(self, in_channels: int, num_anchors: int, norm_layer: Make | None = None) -> None:
        super().__init__(in_channels, norm_layer)
        self.bbox_reg = nn.Conv2d(in_channels, num_anchors * 4, kernel_size=3, stride=1, padding=1)
        nn.init.normal_(self.bbox_reg.weight, std=0.01)
        nn.init.zeros_(self.bbox_reg.bias)
        self._initialise_tower()
        self.box_coder = BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self._loss_type = "l1"

    def compute_loss(
        self, targets: Targets, codes: jax.Array, anchors: Sequence[jax.Array], matched: Sequence[jax.Array]
    ) -> jax.Array:
        """The loss of (N, A, 4) codes, for each object once."""
        losses = []
        for target, own, each, found in zip(targets, codes, anchors, matched, strict=True):
            boxes = jnp.asarray(target["boxes"])
            objects = boxes[jnp.maximum(found, 0)] if len(boxes) else each
            counted = found >= 0
            loss = box_loss(self._loss_type, self.box_coder, each, objects, own, counted)
            losses.append(loss / jnp.maximum(counted.sum(), 1))
        return sum(losses[1:], losses[0]) / max(1, len(targets))

    def forward(self, x: Sequence[jax.Array]) -> jax.Array:
        return jnp.concatenate(flat_predictions([self.bbox_reg(self.conv(features)) for features in x], 4), 1)


class RetinaNetHead(nn.Module):
    """`RetinaNetClassificationHead` and `RetinaNetRegressionHead`; arguments as there."""

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int, norm_layer: Make | None = None) -> None:
        super().__init__()
        self.classification_head = RetinaNetClassificationHead(
            in_channels, num_anchors, num_classes, norm_layer=norm_layer
        )
        self.regression_head = RetinaNetRegressionHead(in_channels, num_anchors, norm_layer=norm_layer)

    def compute_loss(
        self,
        targets: Targets,
        head_outputs: Mapping[str, jax.Array],
        anchors: Sequence[jax.Array],
        matched_idxs: Sequence[jax.Array],
    ) -> dict[str, jax.Array]:
        """The losses of classes and of boxes."""
        logits, codes = head_outputs["cls_logits"], head_outputs["bbox_regression"]
        return {
            "classification": self.classification_head.compute_loss(targets, logits, matched_idxs),
            "bbox_regression": self.regression_head.compute_loss(targets, codes, anchors, matched_idxs),
        }

    def forward(self, x: Sequence[jax.Array]) -> dict[str, jax.Array]:
        return {"cls_logits": self.classification_head(x), "bbox_regression": self.regression_head(x)}


class RetinaNet(OneStage):
    """Classes and boxes of anchors at all levels of a feature pyramid.

    Args:
        backbone: gives a feature map, or a dict of them, with ``out_channels`` channels.
        num_classes: the number of classes.
        min_size: see `GeneralizedRCNNTransform`, as are the next three.
        max_size: of the images.
        image_mean: of the images.
        image_std: of the images.
        anchor_generator: makes the anchors.
        head: says what is at each anchor. Default: `RetinaNetHead`.
        proposal_matcher: says which object an anchor belongs to.
        score_thresh: a detection's least score.
        nms_thresh: the overlap from which on the worse of two detections of one class is dropped.
        detections_per_img: how many there are at most.
        fg_iou_thresh: from this overlap with an object up an anchor belongs to it.
        bg_iou_thresh: below this it belongs to none.
        topk_candidates: the best of each level that are looked at.
        **kwargs: more arguments of `GeneralizedRCNNTransform`.

    Shape:
        A list of images (3, H, W), in training also of targets; in training a dict of losses, else for each image a
        dict of detections.

    Example:
        >>> from fnn import nn
        >>> from fnn.vision.models import detection
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.ReLU())
        >>> backbone.out_channels = 8
        >>> anchors = detection.anchor_utils.AnchorGenerator(((8, 16),), ((0.5, 1.0),))
        >>> model = detection.RetinaNet(backbone, num_classes=4, anchor_generator=anchors)
        >>> model.head.classification_head.cls_logits.out_channels  # 4 anchors a place, 4 classes
        16
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
        proposal_matcher: Matcher | None = None,
        score_thresh: float = 0.05,
        nms_thresh: float = 0.5,
        detections_per_img: int = 300,
        fg_iou_thresh: float = 0.5,
        bg_iou_thresh: float = 0.4,
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
                f"anchor_generator should be of type AnchorGenerator or None instead of {type(anchor_generator)}"
            )
        self.backbone = backbone
        self.anchor_generator = default_anchors() if anchor_generator is None else anchor_generator
        if head is None:
            count = self.anchor_generator.num_anchors_per_location()[0]
            head = RetinaNetHead(backbone.out_channels, count, num_classes)
        self.head = head
        self.proposal_matcher = (
            Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=True)
            if proposal_matcher is None
            else proposal_matcher
        )
        self.box_coder = BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        mean = [0.485, 0.456, 0.406] if image_mean is None else image_mean
        std = [0.229, 0.224, 0.225] if image_std is None else image_std
        self.transform = GeneralizedRCNNTransform(min_size, max_size, mean, std, **kwargs)
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates

    def compute_loss(
        self, targets: Targets, head_outputs: Mapping[str, jax.Array], anchors: Sequence[jax.Array]
    ) -> dict[str, jax.Array]:
        """The head's losses, of the anchors' objects."""
        matched = []
        for target, each in zip(targets, anchors, strict=True):
            boxes = jnp.asarray(target["boxes"])
            none = jnp.full(len(each), Matcher.BELOW_LOW_THRESHOLD)
            matched.append(self.proposal_matcher(box_iou(boxes, each)) if boxes.size else none)
        return self.head.compute_loss(targets, head_outputs, anchors, matched)

    def postprocess_detections(
        self,
        head_outputs: Mapping[str, jax.Array],
        anchors: Sequence[jax.Array],
        image_shapes: Sequence[tuple[int, int]],
        counts: Sequence[int],
    ) -> Detections:
        """The best boxes of each image; ``counts``: the anchors of each level."""
        scores, codes = jax.nn.sigmoid(head_outputs["cls_logits"]), head_outputs["bbox_regression"]
        return [
            self._best_of_levels(scores[i], codes[i], anchors[i], size, counts, self.box_coder.decode_single)
            for i, size in enumerate(image_shapes)
        ]

    def _losses(
        self, targets: Targets, outputs: Outputs, anchors: Sequence[jax.Array], counts: Sequence[int]
    ) -> dict[str, jax.Array]:
        del counts
        return self.compute_loss(targets, outputs, anchors)

    def _detections(
        self, outputs: Outputs, anchors: Sequence[jax.Array], sizes: Sequence[tuple[int, int]], counts: Sequence[int]
    ) -> Detections:
        return self.postprocess_detections(outputs, anchors, sizes, counts)


_LEVELS = [2, 3, 4]  # the finest has too many anchors


@builder(RetinaNet_ResNet50_FPN_Weights.COCO_V1, ResNet50_Weights.IMAGENET1K_V1)
def retinanet_resnet50_fpn(
    *,
    weights: RetinaNet_ResNet50_FPN_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | str | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> RetinaNet:
    """RetinaNet on ResNet-50 with a feature pyramid."""
    verified = RetinaNet_ResNet50_FPN_Weights.verify(weights)

    def make(backbone_weights: Any, classes: int, trained: bool, layers: int) -> RetinaNet:
        norm = FrozenBatchNorm2d if trained else nn.BatchNorm2d
        backbone = resnet50(weights=backbone_weights, progress=progress, norm_layer=norm)
        return RetinaNet(resnet_features(backbone, layers, _LEVELS, LastLevelP6P7(256, 256)), classes, **kwargs)

    of_backbone = ResNet50_Weights.verify(weights_backbone)
    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5, without_eps=True)


@builder(RetinaNet_ResNet50_FPN_V2_Weights.COCO_V1, ResNet50_Weights.IMAGENET1K_V1)
def retinanet_resnet50_fpn_v2(
    *,
    weights: RetinaNet_ResNet50_FPN_V2_Weights | str | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | str | None = None,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> RetinaNet:
    """RetinaNet on ResNet-50 with a feature pyramid, version 2."""
    verified = RetinaNet_ResNet50_FPN_V2_Weights.verify(weights)

    def make(backbone_weights: Any, classes: int, trained: bool, layers: int) -> RetinaNet:
        del trained
        backbone = resnet50(weights=backbone_weights, progress=progress)
        features = resnet_features(backbone, layers, _LEVELS, LastLevelP6P7(2048, 256))
        anchors = default_anchors()
        count = anchors.num_anchors_per_location()[0]
        head = RetinaNetHead(features.out_channels, count, classes, norm_layer=partial(nn.GroupNorm, 32))
        head.regression_head._loss_type = "giou"
        return RetinaNet(features, classes, anchor_generator=anchors, head=head, **kwargs)

    of_backbone = ResNet50_Weights.verify(weights_backbone)
    return detector(make, verified, of_backbone, progress, num_classes, trainable_backbone_layers, 5)
