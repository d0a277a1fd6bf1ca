"""Heads that look at each proposal: its class, its box, and the mask of its object."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError
from fnn.functional.batchnorm import counting
from fnn.nn import functional as F
from fnn.vision.models.detection._boxes import BalancedPositiveNegativeSampler, BoxCoder, Matcher, kept_detections
from fnn.vision.models.detection._keypoints import heatmaps_to_keypoints, keypointrcnn_loss
from fnn.vision.models.detection.rpn import Proposals
from fnn.vision.ops.boxes import box_iou, clip_boxes_to_image
from fnn.vision.ops.roi_align import roi_align

__all__ = ["RoIHeads", "Samples", "fastrcnn_loss", "maskrcnn_loss"]

Targets = Sequence[Mapping[str, Any]]


class Samples:
    """What an image's proposals learn from: boxes (S, 4), their objects' numbers, labels and boxes, and who counts."""

    def __init__(
        self, boxes: jax.Array, matched: jax.Array, labels: jax.Array, objects: jax.Array, valid: jax.Array
    ) -> None:
        self.boxes = boxes
        self.matched = matched
        self.labels = labels
        self.objects = objects
        self.valid = valid

    def first(self, counted: jax.Array, most: int) -> "Samples":
        """Those of them that are counted (S,), at most so many."""
        places = jnp.nonzero(counted, size=min(most, len(counted)), fill_value=len(counted))[0]
        valid = places < len(counted)
        places = jnp.where(valid, places, 0)
        boxes, matched, labels, objects = (x[places] for x in (self.boxes, self.matched, self.labels, self.objects))
        return Samples(boxes, matched, jnp.where(valid, labels, 0), objects, valid)


def fastrcnn_loss(
    class_logits: jax.Array, box_regression: jax.Array, labels: jax.Array, wanted: jax.Array, valid: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The losses of classes and of boxes, over the valid of S samples.

    Args:
        class_logits: (S, C).
        box_regression: (S, 4 * C).
        labels: (S,), 0: no object.
        wanted: (S, 4), the codes of the objects' boxes.
        valid: (S,).
    """
    count = valid.sum()
    entropy = F.cross_entropy(class_logits, labels, reduction="none")
    codes = jnp.take_along_axis(box_regression.reshape(len(labels), -1, 4), labels[:, None, None], 1)[:, 0]
    each = F.smooth_l1_loss(codes, wanted, beta=1 / 9, reduction="none")
    box = jnp.where((valid & (labels > 0))[:, None], each, 0).sum() / count
    return jnp.where(valid, entropy, 0).sum() / count, box


def maskrcnn_loss(mask_logits: jax.Array, samples: Sequence[Samples], targets: Targets) -> jax.Array:
    """The mean binary cross-entropy of the masks (S, C, M, M) of proposals that have an object."""
    size = mask_logits.shape[-1]
    truths = []
    for one, target in zip(samples, targets, strict=True):
        rois = jnp.concatenate([one.matched[:, None].astype(one.boxes.dtype), one.boxes], 1)
        masks = jnp.asarray(target["masks"])[:, None].astype(one.boxes.dtype)
        truths.append(roi_align(masks, rois, (size, size), 1.0)[:, 0])
    labels = jnp.concatenate([one.labels for one in samples])
    counted = jnp.concatenate([one.valid & (one.labels > 0) for one in samples])
    own = jnp.take_along_axis(mask_logits, labels[:, None, None, None], 1)[:, 0]
    entropy = F.binary_cross_entropy_with_logits(own, jnp.concatenate(truths), reduction="none")
    total = jnp.where(counted[:, None, None], entropy, 0).sum()
    return total / jnp.maximum(counted.sum() * size * size, 1)


class RoIHeads(nn.Module):
    """Makes detections of proposals.

    Args:
        box_roi_pool: cuts proposals out of feature maps.
        box_head: makes features of what it cuts out.
        box_predictor: makes logits of classes, and codes of a box for each.
        fg_iou_thresh: from this overlap with an object up a proposal belongs to it.
        bg_iou_thresh: below this it belongs to none.
        batch_size_per_image: how many proposals the losses look at.
        positive_fraction: how many of them belong to objects at most.
        bbox_reg_weights: of the codes. Default: (10, 10, 5, 5).
        score_thresh: a detection's least score.
        nms_thresh: the overlap from which on the worse of two detections of one class is dropped.
        detections_per_img: how many there are at most.
        mask_roi_pool: cuts detections out, for masks.
        mask_head: makes features of what it cuts out.
        mask_predictor: makes logits of a mask for each class.
        keypoint_roi_pool: cuts detections out, for keypoints.
        keypoint_head: makes features of what it cuts out.
        keypoint_predictor: makes a heat map for each keypoint.
    """

    def __init__(
        self,
        box_roi_pool: nn.Module,
        box_head: nn.Module,
        box_predictor: nn.Module,
        fg_iou_thresh: float,
        bg_iou_thresh: float,
        batch_size_per_image: int,
        positive_fraction: float,
        bbox_reg_weights: tuple[float, float, float, float] | None,
        score_thresh: float,
        nms_thresh: float,
        detections_per_img: int,
        mask_roi_pool: nn.Module | None = None,
        mask_head: nn.Module | None = None,
        mask_predictor: nn.Module | None = None,
        keypoint_roi_pool: nn.Module | None = None,
        keypoint_head: nn.Module | None = None,
        keypoint_predictor: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.proposal_matcher = Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=False)
        self.fg_bg_sampler = BalancedPositiveNegativeSampler(batch_size_per_image, positive_fraction)
        self.box_coder = BoxCoder((10.0, 10.0, 5.0, 5.0) if bbox_reg_weights is None else bbox_reg_weights)
        self.box_roi_pool = box_roi_pool
        self.box_head = box_head
        self.box_predictor = box_predictor
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.mask_roi_pool = mask_roi_pool
        self.mask_head = mask_head
        self.mask_predictor = mask_predictor
        self.keypoint_roi_pool = keypoint_roi_pool
        self.keypoint_head = keypoint_head
        self.keypoint_predictor = keypoint_predictor

    def has_mask(self) -> bool:
        """Whether there are masks."""
        return None not in (self.mask_roi_pool, self.mask_head, self.mask_predictor)

    def has_keypoint(self) -> bool:
        """Whether there are keypoints."""
        return None not in (self.keypoint_roi_pool, self.keypoint_head, self.keypoint_predictor)

    def check_targets(self, targets: Targets | None) -> Targets:
        """That all is there that the losses need."""
        if targets is None:
            raise ArgumentError("targets should not be None")
        more = [*(["masks"] if self.has_mask() else []), *(["keypoints"] if self.has_keypoint() else [])]
        for name in ("boxes", "labels", *more):
            if not all(name in target for target in targets):
                raise ArgumentError(f"Every element of targets should have a {name} key")
        return targets

    def select_training_samples(self, proposals: Sequence[Proposals], targets: Targets) -> list[Samples]:
        """Proposals and the objects' own boxes, as many as the losses look at."""
        every, labels = [], []
        for proposal, target in zip(proposals, targets, strict=True):
            objects = jnp.asarray(target["boxes"]).astype(proposal.boxes.dtype)
            boxes = jnp.concatenate([proposal.boxes, objects])
            valid = jnp.concatenate([proposal.valid, jnp.ones(len(objects), bool)])
            if len(objects) == 0:
                matched = jnp.zeros(len(boxes), jnp.int32)
                label = jnp.zeros(len(boxes), jnp.int32)
                objects = jnp.zeros((1, 4), boxes.dtype)
            else:
                found = self.proposal_matcher(box_iou(objects, boxes))
                matched = jnp.maximum(found, 0)
                label = jnp.asarray(target["labels"]).astype(jnp.int32)[matched]
                label = jnp.where(found == Matcher.BELOW_LOW_THRESHOLD, 0, label)
                label = jnp.where(found == Matcher.BETWEEN_THRESHOLDS, -1, label)
            labels.append(jnp.where(valid, label, -1))
            every.append((boxes, matched, objects))
        samples = []
        positive, negative = self.fg_bg_sampler(labels)
        for (boxes, matched, objects), label, a, b in zip(every, labels, positive, negative, strict=True):
            chosen = Samples(boxes, matched, label, objects[matched], a | b)
            samples.append(chosen.first(chosen.valid, self.fg_bg_sampler.batch_size_per_image))
        return samples

    def postprocess_detections(
        self,
        class_logits: jax.Array,
        box_regression: jax.Array,
        proposals: Sequence[Proposals],
        image_shapes: Sequence[tuple[int, int]],
    ) -> list[dict[str, jax.Array]]:
        """The best boxes of each image, each with its class and score."""
        classes = class_logits.shape[-1]
        decoded = self.box_coder.decode_single(box_regression, jnp.concatenate([p.boxes for p in proposals]))
        probabilities = F.softmax(class_logits, -1)
        detections, start = [], 0
        for proposal, size in zip(proposals, image_shapes, strict=True):
            own = slice(start, start + len(proposal.boxes))
            start = own.stop
            boxes = clip_boxes_to_image(decoded[own].reshape(-1, classes, 4), size)[:, 1:].reshape(-1, 4)
            scores = probabilities[own, 1:].reshape(-1)
            labels = jnp.tile(jnp.arange(1, classes), len(proposal.boxes))
            there = jnp.repeat(proposal.valid, classes - 1) & (scores > self.score_thresh)
            there &= ((boxes[:, 2:] - boxes[:, :2]) >= 1e-2).all(1)
            left = jnp.where(there, scores, -jnp.inf)
            detections.append(kept_detections(boxes, left, labels, self.nms_thresh, self.detections_per_img))
        return detections

    def _seen(
        self,
        kind: str,
        features: Mapping[str, jax.Array],
        boxes: Sequence[jax.Array],
        valid: Sequence[jax.Array],
        sizes: Sequence[tuple[int, int]],
    ) -> Any:
        """What the predictor of a kind says of the boxes of all images, whose heads know which of them there are."""
        pool, head, predictor = (getattr(self, f"{kind}_{part}") for part in ("roi_pool", "head", "predictor"))
        with counting(jnp.concatenate(list(valid))):
            return predictor(head(pool(features, list(boxes), sizes)))

    def forward(
        self,
        features: Mapping[str, jax.Array],
        proposals: Sequence[Proposals],
        image_shapes: Sequence[tuple[int, int]],
        targets: Targets | None = None,
    ) -> tuple[list[dict[str, jax.Array]], dict[str, jax.Array]]:
        if self.training:
            targets = self.check_targets(targets)
            return [], self._losses(features, proposals, image_shapes, targets)
        given = [p.boxes for p in proposals], [p.valid for p in proposals], image_shapes
        logits, regression = self._seen("box", features, *given)
        detections = self.postprocess_detections(logits, regression, proposals, image_shapes)
        given = [d["boxes"] for d in detections], [d["valid"] for d in detections], image_shapes
        if self.has_mask():
            probabilities = jax.nn.sigmoid(self._seen("mask", features, *given))
            start = 0
            for found in detections:
                own = probabilities[start : start + len(found["labels"])]
                found["masks"] = jnp.take_along_axis(own, found["labels"][:, None, None, None], 1)
                start += len(found["labels"])
        if self.has_keypoint():
            heat, start = self._seen("keypoint", features, *given), 0
            for found, size in zip(detections, image_shapes, strict=True):
                own = heat[start : start + len(found["labels"])]
                found["keypoints"], found["keypoints_scores"] = heatmaps_to_keypoints(own, found["boxes"], size)
                start += len(found["labels"])
        return detections, {}

    def _losses(
        self,
        features: Mapping[str, jax.Array],
        proposals: Sequence[Proposals],
        image_shapes: Sequence[tuple[int, int]],
        targets: Targets,
    ) -> dict[str, jax.Array]:
        samples = self.select_training_samples(proposals, targets)
        boxes = [one.boxes for one in samples]
        logits, regression = self._seen("box", features, boxes, [one.valid for one in samples], image_shapes)
        labels = jnp.concatenate([one.labels for one in samples])
        valid = jnp.concatenate([one.valid for one in samples])
        # What does not count gets a box that has a code: a NaN times 0 would be one in the gradient.
        every = jnp.where(valid[:, None], jnp.concatenate(boxes), jnp.asarray([[0.0, 0.0, 1.0, 1.0]]))
        objects = jnp.where((labels > 0)[:, None], jnp.concatenate([one.objects for one in samples]), every)
        wanted = self.box_coder.encode_single(objects, every)
        classifier, box = fastrcnn_loss(logits, regression, labels, wanted, valid)
        losses = {"loss_classifier": classifier, "loss_box_reg": box}
        # The other heads learn from the samples that have an object.
        most = self.fg_bg_sampler.most_positive
        samples = [one.first(one.valid & (one.labels > 0), most) for one in samples]
        given = [one.boxes for one in samples], [one.valid for one in samples], image_shapes
        if self.has_mask():
            losses["loss_mask"] = maskrcnn_loss(self._seen("mask", features, *given), samples, targets)
        if self.has_keypoint():
            keypoints = [
                _of_objects(target["keypoints"], one.matched) for one, target in zip(samples, targets, strict=True)
            ]
            heat = self._seen("keypoint", features, *given)
            losses["loss_keypoint"] = keypointrcnn_loss(heat, given[0], keypoints, given[1])
        return losses


def _of_objects(values: jax.Array, matched: jax.Array) -> jax.Array:
    """Each sample's row of what is known of an image's objects; zeros, if it has none."""
    values = jnp.asarray(values)
    return values[matched] if len(values) else jnp.zeros((len(matched), *values.shape[1:]), values.dtype)
