"""Windows and borders: crops and padding."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import check_array
from fnn.vision.transforms import _layout
from fnn.vision.transforms import functional as first
from fnn.vision.transforms.functional.geometry import pair
from fnn.vision.transforms.functional.modes import InterpolationMode
from fnn.vision.transforms.v2.functional._box_formats import clamped, rectangles
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.transforms.v2.functional.resizing import (
    resize_bounding_boxes,
    resize_image,
    resize_keypoints,
    resize_mask,
    resize_pil,
)
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask

__all__ = [
    "center_crop", "center_crop_bounding_boxes", "center_crop_image", "center_crop_keypoints", "center_crop_mask",
    "center_crop_video", "crop", "crop_bounding_boxes", "crop_image", "crop_keypoints", "crop_mask", "crop_video",
    "pad", "pad_bounding_boxes", "pad_image", "pad_keypoints", "pad_mask", "pad_video", "resized_crop",
    "resized_crop_bounding_boxes", "resized_crop_image", "resized_crop_keypoints", "resized_crop_mask",
    "resized_crop_video",
]  # fmt: skip

Size = int | Sequence[int]
Fill = int | float | Sequence[float] | None
Mode = str | InterpolationMode | int
Canvas = tuple[int, int]
F = BoundingBoxFormat


def pad(inpt: Input, padding: Size, fill: Fill = None, padding_mode: str = "constant") -> Any:
    """Adds a border.

    Args:
        inpt: a PIL image, an array (..., C, H, W), a mask, boxes or points (these two in mode ``"constant"`` only).
        padding: of all sides, (x, y), or (left, top, right, bottom); a negative one crops.
        fill: the colour, in mode ``"constant"``, one value or one a channel; default: 0.
        padding_mode: ``"constant"``, ``"edge"`` (the last pixel goes on), ``"reflect"`` (mirrored at the last pixel)
            or ``"symmetric"`` (mirrored behind it).

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a padding of another length than 1, 2 or 4, longer than can be mirrored, or an unknown mode.

    Example:
        >>> pad(np.array([[[1, 2]]]), (1, 0), padding_mode="edge").tolist()
        [[[1, 1, 2, 2]]]
    """
    return call(pad, inpt, padding=padding, fill=fill, padding_mode=padding_mode)


def sides(padding: Size) -> tuple[int, int, int, int]:
    """A padding as (left, top, right, bottom)."""
    if not isinstance(padding, (int, tuple, list)):
        raise ArgumentTypeError(f"`padding` should be an integer or tuple or list of integers, but got {padding}")
    if not isinstance(padding, int) and len(padding) not in (1, 2, 4):
        raise ArgumentError(f"Padding must be an int or a 1, 2, or 4 element tuple or list. Found {len(padding)}")
    return _layout.sides(padding)


@kernel(pad, np.ndarray, Image)
def pad_image(image: np.ndarray, padding: Size, fill: Fill = None, padding_mode: str = "constant") -> Any:
    left, top, right, bottom = sides(padding)
    if fill is None or isinstance(fill, (int, float)):
        return _layout.pad(image, (left, top, right, bottom), fill, padding_mode)
    if len(fill) == 1:
        return _layout.pad(image, (left, top, right, bottom), fill[0], padding_mode)
    if padding_mode != "constant":
        raise ArgumentError(f"Padding mode '{padding_mode}' is not supported if fill is not scalar")
    result = _layout.pad(image, (left, top, right, bottom), 0, padding_mode)
    colour = np.array(fill, np.float64).astype(image.dtype).reshape(-1, 1, 1)
    height, width = result.shape[-2:]
    result[..., : max(top, 0), :] = colour
    result[..., height - max(bottom, 0) :, :] = colour
    result[..., :, : max(left, 0)] = colour
    result[..., :, width - max(right, 0) :] = colour
    return result


pad_video = of_video(pad, pad_image)


@kernel(pad, PIL)
def _pad_pil(image: Any, padding: Size, fill: Fill = None, padding_mode: str = "constant") -> Any:
    return first.pad(image, padding, 0 if fill is None else fill, padding_mode)


@kernel(pad, Mask)
def pad_mask(mask: np.ndarray, padding: Size, fill: Fill = None, padding_mode: str = "constant") -> Any:
    if isinstance(fill, (tuple, list)):
        raise ArgumentError(f"Non-scalar fill value is not supported, got fill={fill}")
    return pad_image(mask, padding, fill, padding_mode)


def _grown(canvas_size: Canvas, padding: Size) -> Canvas:
    left, top, right, bottom = sides(padding)
    return canvas_size[0] + top + bottom, canvas_size[1] + left + right


@kernel(pad, KeyPoints)
def pad_keypoints(keypoints: np.ndarray, canvas_size: Canvas, padding: Size, padding_mode: str = "constant") -> Any:
    if padding_mode != "constant":
        raise ArgumentError(
            f"Padding mode '{padding_mode}' is not supported with KeyPoints (supported modes are constant)"
        )
    left, top, _, _ = sides(padding)
    return keypoints + np.array([left, top], keypoints.dtype), _grown(canvas_size, padding)


def _shift(boxes: np.ndarray, format: F, x: int, y: int) -> np.ndarray:
    """Moves boxes, by adding to those of their coordinates that are places."""
    pairs = {F.XYXY: 2, F.XYXYXYXY: 4}.get(format, 1)
    moves = [x, y] * pairs + [0] * (boxes.shape[-1] - 2 * pairs)
    return boxes + np.array(moves, boxes.dtype)


@kernel(pad, BoundingBoxes)
def pad_bounding_boxes(
    bounding_boxes: np.ndarray,
    format: F,
    canvas_size: Canvas,
    padding: Size,
    padding_mode: str = "constant",
    clamping_mode: str | None = "soft",
) -> Any:
    if padding_mode != "constant":
        raise ArgumentError(f"Padding mode '{padding_mode}' is not supported with bounding boxes")
    left, top, _, _ = sides(padding)
    canvas = _grown(canvas_size, padding)
    return clamped(_shift(bounding_boxes, format, left, top), format, canvas, clamping_mode), canvas


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
    boxes = _shift(bounding_boxes, format, -left, -top)
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
