"""Detectors without proposals: a head says what is at each anchor of each feature map, and that is all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.vision.models.detection._boxes import kept_detections
from fnn.vision.models.detection.generalized_rcnn import (
    Detections,
    Targets,
    as_maps,
    checked_boxes,
    checked_targets,
    finished,
    resized_detections,
)
from fnn.vision.models.detection.transform import GeneralizedRCNNTransform
from fnn.vision.ops.boxes import clip_boxes_to_image

__all__ = ["Decode", "OneStage", "Outputs"]

Outputs = Mapping[str, jax.Array]
Decode = Callable[[jax.Array, jax.Array], jax.Array]


class OneStage(nn.Module):
    """What detectors without proposals share.

    They have a ``backbone``, an ``anchor_generator``, a ``head``, a ``transform``, limits of what a detection is, and
    say by `_losses` and `_detections` what follows from the outputs of the head.
    """

    backbone: Any
    anchor_generator: Any
    head: Any
    transform: GeneralizedRCNNTransform
    score_thresh: float
    nms_thresh: float
    detections_per_img: int
    topk_candidates: int

    def _losses(
        self, targets: Targets, outputs: Outputs, anchors: Sequence[jax.Array], counts: Sequence[int]
    ) -> dict[str, jax.Array]:
        """Of outputs (N, A, K) and anchors (A, 4) for each image; ``counts``: how many each level has."""
        raise TypeError(f"{type(self).__name__} defines no losses")

    def _detections(
        self, outputs: Outputs, anchors: Sequence[jax.Array], sizes: Sequence[tuple[int, int]], counts: Sequence[int]
    ) -> Detections:
        """Of the same for images of these sizes."""
        raise TypeError(f"{type(self).__name__} defines no detections")

    def _best_of_levels(
        self,
        scores: jax.Array,
        codes: jax.Array,
        anchors: jax.Array,
        size: tuple[int, int],
        counts: Sequence[int],
        decode: Decode,
    ) -> dict[str, jax.Array]:
        """The detections of one image: of scores (A, K), codes and anchors (A, 4), the best of each level."""
        classes = scores.shape[-1]
        boxes, best, labels, start = [], [], [], 0
        for count in counts:
            own = slice(start, start + count)
            start += count
            flat = scores[own].reshape(-1)
            flat = jnp.where(flat > self.score_thresh, flat, -jnp.inf)
            values, places = lax.top_k(flat, min(self.topk_candidates, count * classes))
            each = places // classes
            boxes.append(clip_boxes_to_image(decode(codes[own][each], anchors[own][each]), size))
            best.append(values)
            labels.append(places % classes)
        every, score, label = (jnp.concatenate(parts) for parts in (boxes, best, labels))
        return kept_detections(every, score, label, self.nms_thresh, self.detections_per_img)

    def forward(self, images: Sequence[jax.Array], targets: Targets | None = None) -> Any:
        if self.training:
            checked_targets(targets)
        original = [(image.shape[-2], image.shape[-1]) for image in images]
        batch, targets = self.transform(images, targets)
        checked_boxes(targets)
        maps = list(as_maps(self.backbone(batch.tensors)).values())
        outputs = self.head(maps)
        anchors = self.anchor_generator(batch, maps)
        places = [x.shape[2] * x.shape[3] for x in maps]
        per_place = self.anchor_generator.num_anchors_per_location()
        counts = [count * anchors for count, anchors in zip(places, per_place, strict=True)]
        if self.training:
            assert targets is not None
            return self._losses(targets, outputs, anchors, counts)
        detections = self._detections(outputs, anchors, batch.image_sizes, counts)
        return finished(resized_detections(detections, batch.image_sizes, original))
