"""Windows in another size."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.vision.transforms import functional as first
from fnn.vision.transforms.functional.modes import InterpolationMode
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.transforms.v2.functional.resizing import (
    resize_bounding_boxes,
    resize_image,
    resize_keypoints,
    resize_mask,
    resize_pil,
)
from fnn.vision.transforms.v2.functional.windows import crop_bounding_boxes, crop_image, crop_keypoints, crop_mask
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask

__all__ = [
    "resized_crop", "resized_crop_bounding_boxes", "resized_crop_image", "resized_crop_keypoints",
    "resized_crop_mask", "resized_crop_video",
]  # fmt: skip

Size = int | Sequence[int]
Mode = str | InterpolationMode | int
Canvas = tuple[int, int]
F = BoundingBoxFormat


def resized_crop(
    inpt: Input,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Size,
    interpolation: Mode = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """`crop`, then `resize`.

    Args:
        inpt: a PIL image, an array (..., C, H, W), a mask, boxes or points.
        top: the first row of the window.
        left: the first column.
        height: the height of the window.
        width: the width of the window.
        size: as in `resize`.
        interpolation: as in `resize`.
        antialias: as in `resize`.

    Example:
        >>> resized_crop(np.arange(16).reshape(1, 4, 4), 0, 0, 2, 2, (1, 1), "nearest").tolist()
        [[[0]]]
    """
    return call(
        resized_crop, inpt, top=top, left=left, height=height, width=width, size=size, interpolation=interpolation,
        antialias=antialias,
    )  # fmt: skip


@kernel(resized_crop, np.ndarray, Image)
def resized_crop_image(
    image: np.ndarray,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Size,
    interpolation: Mode = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    window = crop_image(image, top, left, height, width)
    return resize_image(window, size, interpolation=interpolation, antialias=antialias)


resized_crop_video = of_video(resized_crop, resized_crop_image)


@kernel(resized_crop, PIL)
def _resized_crop_pil(
    image: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Size,
    interpolation: Mode = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    window = first.crop(image, top, left, height, width)
    return resize_pil(window, size, interpolation=interpolation, antialias=antialias)


@kernel(resized_crop, Mask)
def resized_crop_mask(mask: np.ndarray, top: int, left: int, height: int, width: int, size: Size) -> Any:
    return resize_mask(crop_mask(mask, top, left, height, width), size)


@kernel(resized_crop, KeyPoints)
def resized_crop_keypoints(keypoints: np.ndarray, top: int, left: int, height: int, width: int, size: Size) -> Any:
    points, canvas_size = crop_keypoints(keypoints, top, left, height, width)
    return resize_keypoints(points, size=size, canvas_size=canvas_size)


@kernel(resized_crop, BoundingBoxes)
def resized_crop_bounding_boxes(
    bounding_boxes: np.ndarray,
    format: F,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Size,
    clamping_mode: str | None = "soft",
) -> Any:
    boxes, canvas_size = crop_bounding_boxes(bounding_boxes, format, top, left, height, width, clamping_mode)
    return resize_bounding_boxes(boxes, canvas_size, size, format=format, clamping_mode=clamping_mode)
