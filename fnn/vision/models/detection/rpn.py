"""Region proposals: boxes in which there may be an object (Ren et al., arXiv:1506.01497)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models.detection._boxes import BalancedPositiveNegativeSampler, BoxCoder, Matcher
from fnn.vision.models.detection.anchor_utils import AnchorGenerator
from fnn.vision.models.detection.image_list import ImageList
from fnn.vision.ops.boxes import box_iou, clip_boxes_to_image
from fnn.vision.ops.misc import Conv2dNormActivation
from fnn.vision.ops.nms import padded_nms

__all__ = ["Proposals", "RPNHead", "RegionProposalNetwork", "flat_predictions"]


class Proposals(NamedTuple):
    """An image's proposals: boxes (P, 4), and which of them are there (P,)."""

    boxes: jax.Array
    valid: jax.Array


class RPNHead(nn.Module):
    """For each anchor whether it holds an object, and the object's box.

    Args:
        in_channels: of the feature maps.
        num_anchors: at each place.
        conv_depth: the number of 3x3 convolutions before.
    """

    _version = 2

    def __init__(self, in_channels: int, num_anchors: int, conv_depth: int = 1) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *(Conv2dNormActivation(in_channels, in_channels, kernel_size=3, norm_layer=None) for _ in range(conv_depth))
        )
        self.cls_logits = nn.Conv2d(in_channels, num_anchors, kernel_size=1, stride=1)
        self.bbox_pred = nn.Conv2d(in_channels, num_anchors * 4, kernel_size=1, stride=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        version = local_metadata.get("version")
        if version is None or version < 2:  # there was one convolution
            for name in ("weight", "bias"):
                if f"{prefix}conv.{name}" in state_dict:
                    state_dict[f"{prefix}conv.0.0.{name}"] = state_dict.pop(f"{prefix}conv.{name}")
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args, **kwargs)

    def forward(self, x: Sequence[jax.Array]) -> tuple[list[jax.Array], list[jax.Array]]:
        hidden = [self.conv(feature) for feature in x]
        return [self.cls_logits(t) for t in hidden], [self.bbox_pred(t) for t in hidden]


def flat_predictions(maps: Sequence[jax.Array], width: int) -> list[jax.Array]:
    """Of each (N, A * width, H, W) the predictions for each anchor: (N, H * W * A, width)."""
    flat = []
    for x in maps:
        n, _, h, w = x.shape
        flat.append(x.reshape(n, -1, width, h, w).transpose(0, 3, 4, 1, 2).reshape(n, -1, width))
    return flat


class RegionProposalNetwork(nn.Module):
    """Anchors, what a head says about them, and the best of the boxes that follow.

    Args:
        anchor_generator: makes the anchors.
        head: says whether there is an object, and where its box is.
        fg_iou_thresh: from this overlap with an object up an anchor belongs to it.
        bg_iou_thresh: below this it belongs to none.
        batch_size_per_image: how many anchors the losses look at.
        positive_fraction: how many of them belong to objects at most.
        pre_nms_top_n: the best of each level that are looked at, ``"training"`` and ``"testing"``.
        post_nms_top_n: how many proposals there are at most, likewise.
        nms_thresh: the overlap from which on the worse of two proposals is dropped.
        score_thresh: the least score.
    """

    def __init__(
        self,
        anchor_generator: AnchorGenerator,
        head: nn.Module,
        fg_iou_thresh: float,
        bg_iou_thresh: float,
        batch_size_per_image: int,
        positive_fraction: float,
        pre_nms_top_n: Mapping[str, int],
        post_nms_top_n: Mapping[str, int],
        nms_thresh: float,
        score_thresh: float = 0.0,
    ) -> None:
        super().__init__()
        self.anchor_generator = anchor_generator
        self.head = head
        self.box_coder = BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.proposal_matcher = Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=True)
        self.fg_bg_sampler = BalancedPositiveNegativeSampler(batch_size_per_image, positive_fraction)
        self._pre_nms_top_n = pre_nms_top_n
        self._post_nms_top_n = post_nms_top_n
        self.nms_thresh = nms_thresh
        self.score_thresh = score_thresh
        self.min_size = 1e-3

    def pre_nms_top_n(self) -> int:
        """How many of each level are looked at."""
        return self._pre_nms_top_n["training" if self.training else "testing"]

    def post_nms_top_n(self) -> int:
        """How many proposals there are at most."""
        return self._post_nms_top_n["training" if self.training else "testing"]

    def filter_proposals(
        self,
        logits: Sequence[jax.Array],
        codes: jax.Array,
        anchors: Sequence[jax.Array],
        sizes: Sequence[tuple[int, int]],
    ) -> list[Proposals]:
        """The best boxes of each image; ``logits`` by level, (N, A_l) each, ``codes`` (N, A, 4)."""
        picked, levels, before = [], [], 0
        for level, values in enumerate(logits):
            k = min(self.pre_nms_top_n(), values.shape[1])
            picked.append(lax.top_k(values, k)[1] + before)
            levels.append(jnp.full(k, level))
            before += values.shape[1]
        places, level = jnp.concatenate(picked, 1), jnp.concatenate(levels)
        scores = jax.nn.sigmoid(jnp.take_along_axis(jnp.concatenate(logits, 1), places, 1))
        proposals = []
        for i, size in enumerate(sizes):
            boxes = self.box_coder.decode_single(codes[i][places[i]], anchors[i][places[i]])
            boxes = clip_boxes_to_image(boxes, size)
            large = ((boxes[:, 2:] - boxes[:, :2]) >= self.min_size).all(1)
            left = jnp.where(large & (scores[i] >= self.score_thresh), scores[i], -jnp.inf)
            most = min(self.post_nms_top_n(), len(left))
            kept, valid = padded_nms(boxes, left, level, self.nms_thresh, most)
            proposals.append(Proposals(jnp.where(valid[:, None], boxes[kept], 0), valid))
        return proposals

    def assign_targets_to_anchors(
        self, anchors: Sequence[jax.Array], targets: Sequence[Mapping[str, Any]]
    ) -> tuple[list[jax.Array], list[jax.Array]]:
        """For each image the anchors' labels (1: an object, 0: none, -1: left out) and the boxes of their objects."""
        labels, objects = [], []
        for each, target in zip(anchors, targets, strict=True):
            boxes = jnp.asarray(target["boxes"])
            if boxes.size == 0:
                objects.append(jnp.zeros_like(each))
                labels.append(jnp.zeros(len(each)))
                continue
            found = self.proposal_matcher(box_iou(boxes, each))
            objects.append(boxes[jnp.maximum(found, 0)])
            labels.append(jnp.where(found >= 0, 1.0, jnp.where(found == Matcher.BETWEEN_THRESHOLDS, -1.0, 0.0)))
        return labels, objects

    def compute_loss(
        self,
        logits: jax.Array,
        codes: jax.Array,
        anchors: Sequence[jax.Array],
        labels: Sequence[jax.Array],
        objects: Sequence[jax.Array],
    ) -> tuple[jax.Array, jax.Array]:
        """The losses of objectness and of boxes; ``logits`` (N, A), ``codes`` (N, A, 4)."""
        positive, negative = (jnp.concatenate(masks) for masks in self.fg_bg_sampler(labels))
        chosen = positive | negative
        count = chosen.sum()
        boxes, every = jnp.concatenate(objects), jnp.concatenate(anchors)
        boxes = jnp.where(positive[:, None], boxes, every)
        wanted = self.box_coder.encode_single(boxes, every)
        each = F.smooth_l1_loss(codes.reshape(-1, 4), wanted, beta=1 / 9, reduction="none")
        box = jnp.where(positive[:, None], each, 0).sum() / count
        truth = jnp.maximum(jnp.concatenate(labels), 0).astype(logits.dtype)
        entropy = F.binary_cross_entropy_with_logits(logits.reshape(-1), truth, reduction="none")
        return jnp.where(chosen, entropy, 0).sum() / count, box

    def forward(
        self,
        images: ImageList,
        features: Mapping[str, jax.Array],
        targets: Sequence[Mapping[str, Any]] | None = None,
    ) -> tuple[list[Proposals], dict[str, jax.Array]]:
        maps = list(features.values())
        objectness, deltas = self.head(maps)
        anchors = self.anchor_generator(images, maps)
        logits = [x[..., 0] for x in flat_predictions(objectness, 1)]
        codes = jnp.concatenate(flat_predictions(deltas, 4), 1)
        proposals = self.filter_proposals(
            [lax.stop_gradient(x) for x in logits], lax.stop_gradient(codes), anchors, images.image_sizes
        )
        if not self.training:
            return proposals, {}
        if targets is None:
            raise ArgumentError("targets should not be None")
        labels, objects = self.assign_targets_to_anchors(anchors, targets)
        objectness_loss, boxes_loss = self.compute_loss(jnp.concatenate(logits, 1), codes, anchors, labels, objects)
        return proposals, {"loss_objectness": objectness_loss, "loss_rpn_box_reg": boxes_loss}
