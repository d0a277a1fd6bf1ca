"""Borders."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.transforms import _layout
from fnn.vision.transforms import functional as first
from fnn.vision.transforms.v2.functional._box_formats import clamped
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask

__all__ = ["pad", "pad_bounding_boxes", "pad_image", "pad_keypoints", "pad_mask", "pad_video"]

Size = int | Sequence[int]
Fill = int | float | Sequence[float] | None
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


def shift(boxes: np.ndarray, format: F, x: int, y: int) -> np.ndarray:
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
    return clamped(shift(bounding_boxes, format, left, top), format, canvas, clamping_mode), canvas
