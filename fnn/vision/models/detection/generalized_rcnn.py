"""What detectors share: checks of targets, and results as torchvision gives them."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import nn
from fnn.errors import ArgumentError
from fnn.tracing import concrete
from fnn.vision.models.detection._masks import paste_masks_in_image
from fnn.vision.models.detection.transform import resize_boxes, resize_keypoints

__all__ = ["GeneralizedRCNN", "as_maps", "checked_targets", "finished", "resized_detections"]

Detections = list[dict[str, jax.Array]]
Targets = Sequence[Mapping[str, Any]]


def checked_targets(targets: Targets | None) -> None:
    """What a detector needs in training: boxes (N, 4) for each image."""
    if targets is None:
        raise ArgumentError("targets should not be none when in training mode")
    for target in targets:
        boxes = target["boxes"]
        if not hasattr(boxes, "shape"):
            raise ArgumentError(f"Expected target boxes to be of type Tensor, got {type(boxes)}.")
        if len(boxes.shape) != 2 or boxes.shape[-1] != 4:
            raise ArgumentError(f"Expected target boxes to be a tensor of shape [N, 4], got {boxes.shape}.")


def checked_boxes(targets: Targets | None) -> None:
    """That no target's box is empty, where values are known."""
    for i, target in enumerate(targets or ()):
        boxes = concrete(target["boxes"])
        if boxes is None:
            continue
        degenerate = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(1))
        if len(degenerate):
            raise ArgumentError(
                "All bounding boxes should have positive height and width. Found invalid box "
                f"{boxes[degenerate[0]].tolist()} for target at index {i}."
            )


def as_maps(features: Any) -> OrderedDict[str, jax.Array]:
    """A backbone's output as a dict of feature maps."""
    return OrderedDict([("0", features)]) if hasattr(features, "shape") else features


def resized_detections(
    detections: Detections, image_sizes: Sequence[tuple[int, int]], original_sizes: Sequence[tuple[int, int]]
) -> Detections:
    """Boxes, masks and keypoints in the coordinates of the images as they came."""
    for found, size, original in zip(detections, image_sizes, original_sizes, strict=True):
        found["boxes"] = resize_boxes(found["boxes"], size, original)
        if "masks" in found:
            found["masks"] = paste_masks_in_image(found["masks"], found["boxes"], original)
        if "keypoints" in found:
            found["keypoints"] = resize_keypoints(found["keypoints"], size, original)
    return detections


def finished(detections: Detections) -> Detections:
    """Without the rows that hold nothing, where it is known which these are."""
    done = []
    for found in detections:
        valid = concrete(found["valid"])
        if valid is None:
            done.append(found)
            continue
        count = int(valid.sum())
        done.append({n: jnp.asarray(np.asarray(x)[:count]) for n, x in found.items() if n != "valid"})
    return done


class GeneralizedRCNN(nn.Module):
    """Features, proposals, and heads that look at each proposal.

    Args:
        backbone: gives a feature map, or a dict of them.
        rpn: makes proposals.
        roi_heads: makes detections of proposals.
        transform: brings images to a size.

    Shape:
        A list of images (3, H, W), in training also of targets; in training a dict of losses, else for each image a
        dict of detections.
    """

    def __init__(self, backbone: nn.Module, rpn: nn.Module, roi_heads: nn.Module, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads

    def forward(self, images: Sequence[jax.Array], targets: Targets | None = None) -> Any:
        if self.training:
            checked_targets(targets)
        original = [(image.shape[-2], image.shape[-1]) for image in images]
        batch, targets = self.transform(images, targets)
        checked_boxes(targets)
        features = as_maps(self.backbone(batch.tensors))
        proposals, proposal_losses = self.rpn(batch, features, targets)
        detections, losses = self.roi_heads(features, proposals, batch.image_sizes, targets)
        if self.training:
            return {**losses, **proposal_losses}
        return finished(resized_detections(detections, batch.image_sizes, original))
