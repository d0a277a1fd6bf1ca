"""Windows: crops."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.vision._images import check_array
from fnn.vision.transforms import _layout
from fnn.vision.transforms import functional as first
from fnn.vision.transforms.functional.geometry import pair
from fnn.vision.transforms.v2.functional._box_formats import clamped, rectangles
from fnn.vision.transforms.v2.functional.padding import shift
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask

__all__ = [
    "center_crop", "center_crop_bounding_boxes", "center_crop_image", "center_crop_keypoints", "center_crop_mask",
    "center_crop_video", "crop", "crop_bounding_boxes", "crop_image", "crop_keypoints", "crop_mask", "crop_video",
]  # fmt: skip

Size = int | Sequence[int]
Canvas = tuple[int, int]
F = BoundingBoxFormat


def crop(inpt: Input, top: int, left: int, height: int, width: int) -> Any:
    """Cuts a window out; beyond the image it is zero.

    Args:
        inpt: a PIL image, an array (..., H, W), a mask, boxes or points.
        top: the first row.
        left: the first column.
        height: the height of the window.
        width: the width of the window.

    Returns:
        what ``inpt`` is; of a numpy array, where possible, a view.

    Example:
        >>> crop(np.arange(6).reshape(1, 2, 3), 0, 1, 2, 2).tolist()
        [[[1, 2], [4, 5]]]
    """
    return call(crop, inpt, top=top, left=left, height=height, width=width)


kernel(crop, PIL)(first.crop)


@kernel(crop, np.ndarray, Image)
def crop_image(image: np.ndarray, top: int, left: int, height: int, width: int) -> Any:
    return _layout.crop(image, top, left, height, width)


@kernel(crop, Mask)
def crop_mask(mask: np.ndarray, top: int, left: int, height: int, width: int) -> Any:
    return _layout.crop(mask, top, left, height, width)


crop_video = of_video(crop, crop_image)


@kernel(crop, KeyPoints)
def crop_keypoints(keypoints: np.ndarray, top: int, left: int, height: int, width: int) -> Any:
    return keypoints - np.array([left, top], keypoints.dtype), (height, width)


@kernel(crop, BoundingBoxes)
def crop_bounding_boxes(
    bounding_boxes: np.ndarray,
    format: F,
    top: int,
    left: int,
    height: int,
    width: int,
    clamping_mode: str | None = "soft",
) -> Any:
    boxes = shift(bounding_boxes, format, -left, -top)
    if format == F.XYXYXYXY:
        boxes = rectangles(boxes)
    return clamped(boxes, format, (height, width), clamping_mode), (height, width)


def center_crop(inpt: Input, output_size: Size) -> Any:
    """Cuts the middle out; a smaller image is padded with zeros first.

    Args:
        inpt: a PIL image, an array (..., H, W), a mask, boxes or points.
        output_size: (height, width), or one length for both.

    Example:
        >>> center_crop(np.arange(5).reshape(1, 1, 5), (1, 3)).tolist()
        [[[1, 2, 3]]]
    """
    return call(center_crop, inpt, output_size=output_size)


kernel(center_crop, PIL)(first.center_crop)


@kernel(center_crop, np.ndarray, Image)
def center_crop_image(image: np.ndarray, output_size: Size) -> Any:
    check_array(image)
    return (
        image.reshape(*image.shape[:-2], *pair(output_size))
        if image.size == 0
        else first.center_crop(image, output_size)
    )


@kernel(center_crop, Mask)
def center_crop_mask(mask: np.ndarray, output_size: Size) -> Any:
    return center_crop_image(mask, output_size)


center_crop_video = of_video(center_crop, center_crop_image)


def _middle(output_size: Size, canvas_size: Canvas) -> tuple[int, int, int, int]:
    height, width = pair(output_size)
    return round((canvas_size[0] - height) / 2.0), round((canvas_size[1] - width) / 2.0), height, width


@kernel(center_crop, KeyPoints)
def center_crop_keypoints(inpt: np.ndarray, canvas_size: Canvas, output_size: Size) -> Any:
    return crop_keypoints(inpt, *_middle(output_size, canvas_size))


@kernel(center_crop, BoundingBoxes)
def center_crop_bounding_boxes(
    bounding_boxes: np.ndarray,
    format: F,
    canvas_size: Canvas,
    output_size: Size,
    clamping_mode: str | None = "soft",
) -> Any:
    return crop_bounding_boxes(bounding_boxes, format, *_middle(output_size, canvas_size), clamping_mode)
