"""Mirrors."""

from typing import Any

import numpy as np

from fnn.vision.transforms import functional as first
from fnn.vision.transforms.v2.functional._box_formats import radians_of
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask

__all__ = [
    "hflip", "horizontal_flip", "horizontal_flip_bounding_boxes", "horizontal_flip_image", "horizontal_flip_keypoints",
    "horizontal_flip_mask", "horizontal_flip_video", "vertical_flip", "vertical_flip_bounding_boxes",
    "vertical_flip_image", "vertical_flip_keypoints", "vertical_flip_mask", "vertical_flip_video", "vflip",
]  # fmt: skip

F = BoundingBoxFormat
_SWAPPED = [2, 3, 0, 1, 6, 7, 4, 5]  # the corners of a mirrored box, from its upper left one on


def horizontal_flip(inpt: Input) -> Any:
    """Mirrors left and right.

    Args:
        inpt: a PIL image, an array (..., H, W), boxes or points.

    Example:
        >>> horizontal_flip(np.array([[[1, 2, 3]]])).tolist()
        [[[3, 2, 1]]]
    """
    return call(horizontal_flip, inpt)


def vertical_flip(inpt: Input) -> Any:
    """Mirrors top and bottom.

    Args:
        inpt: a PIL image, an array (..., H, W), boxes or points.

    Example:
        >>> vertical_flip(np.array([[[1], [2], [3]]])).tolist()
        [[[3], [2], [1]]]
    """
    return call(vertical_flip, inpt)


hflip = horizontal_flip
vflip = vertical_flip
kernel(horizontal_flip, PIL)(first.hflip)
kernel(vertical_flip, PIL)(first.vflip)


@kernel(horizontal_flip, np.ndarray, Image)
def horizontal_flip_image(image: np.ndarray) -> Any:
    return first.hflip(image)


@kernel(horizontal_flip, Mask)
def horizontal_flip_mask(mask: np.ndarray) -> Any:
    return first.hflip(mask)


@kernel(vertical_flip, np.ndarray, Image)
def vertical_flip_image(image: np.ndarray) -> Any:
    return first.vflip(image)


@kernel(vertical_flip, Mask)
def vertical_flip_mask(mask: np.ndarray) -> Any:
    return first.vflip(mask)


horizontal_flip_video = of_video(horizontal_flip, horizontal_flip_image)
vertical_flip_video = of_video(vertical_flip, vertical_flip_image)


def _points_flipped(keypoints: np.ndarray, axis: int, length: int) -> np.ndarray:
    points = keypoints.copy()
    points[..., axis] = length - 1 - points[..., axis]
    return points


@kernel(horizontal_flip, KeyPoints)
def horizontal_flip_keypoints(keypoints: np.ndarray, canvas_size: tuple[int, int]) -> Any:
    return _points_flipped(keypoints, 0, canvas_size[1])


@kernel(vertical_flip, KeyPoints)
def vertical_flip_keypoints(keypoints: np.ndarray, canvas_size: tuple[int, int]) -> Any:
    return _points_flipped(keypoints, 1, canvas_size[0])


def _boxes_flipped(boxes: np.ndarray, format: F, axis: int, length: int) -> np.ndarray:
    """Mirrors boxes along x (``axis`` 0) or y (1)."""
    boxes = boxes.copy()
    if format == F.XYXY:
        boxes[..., [axis, axis + 2]] = length - boxes[..., [axis + 2, axis]]
    elif format == F.XYWH:
        boxes[..., axis] = length - (boxes[..., axis] + boxes[..., axis + 2])
    elif format == F.CXCYWH:
        boxes[..., axis] = length - boxes[..., axis]
    elif format == F.XYXYXYXY:
        boxes[..., axis::2] = length - boxes[..., axis::2]
        boxes = boxes[..., _SWAPPED]
    else:
        if format == F.XYWHR:  # the next corner becomes the first
            cos, sin = radians_of(boxes[..., 4])
            boxes[..., 0] += boxes[..., 2] * cos
            boxes[..., 1] -= boxes[..., 2] * sin
        boxes[..., axis] = length - boxes[..., axis]
        boxes[..., 4] = -boxes[..., 4] if axis == 0 else 180 - boxes[..., 4]
    return boxes


@kernel(horizontal_flip, BoundingBoxes)
def horizontal_flip_bounding_boxes(bounding_boxes: np.ndarray, format: F, canvas_size: tuple[int, int]) -> Any:
    return _boxes_flipped(bounding_boxes, format, 0, canvas_size[1])


@kernel(vertical_flip, BoundingBoxes)
def vertical_flip_bounding_boxes(bounding_boxes: np.ndarray, format: F, canvas_size: tuple[int, int]) -> Any:
    return _boxes_flipped(bounding_boxes, format, 1, canvas_size[0])
