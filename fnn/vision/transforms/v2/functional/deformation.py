"""Each pixel moved by its own amount."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import is_floating, working
from fnn.vision.transforms import _warp
from fnn.vision.transforms.functional.conversion import pil_to_tensor, planes_to_pil
from fnn.vision.transforms.functional.modes import InterpolationMode, named_mode
from fnn.vision.transforms.v2.functional._box_formats import clamped, converted, corners, enclosing
from fnn.vision.transforms.v2.functional.affinity import check_grid
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask, is_rotated_bounding_format

__all__ = [
    "elastic", "elastic_bounding_boxes", "elastic_image", "elastic_keypoints", "elastic_mask", "elastic_transform",
    "elastic_video",
]  # fmt: skip

Fill = int | float | Sequence[float] | None
Mode = str | InterpolationMode | int
Canvas = tuple[int, int]
F = BoundingBoxFormat


def elastic(
    inpt: Input, displacement: object, interpolation: Mode = InterpolationMode.BILINEAR, fill: Fill = None
) -> Any:
    """Moves each pixel by its own amount.

    Boxes and points are moved by the displacement at their place, with the other sign, which is nearly the inverse.

    Args:
        inpt: a PIL image, an array (..., C, H, W), a mask (which takes the nearest value), boxes or points.
        displacement: an array (1, H, W, 2) of (x, y), in units of half the image's width and height: where to look.
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.

    Raises:
        ArgumentTypeError: ``displacement`` is no array.
        ArgumentError: a ``displacement`` of another shape.

    Example:
        >>> elastic(np.array([[[1, 2]]]), np.zeros((1, 1, 2, 2), np.float32)).tolist()
        [[[1, 2]]]
    """
    return call(elastic, inpt, displacement=displacement, interpolation=interpolation, fill=fill)


elastic_transform = elastic


def _moves(displacement: object, size: Sequence[int], dtype: np.dtype) -> np.ndarray:
    if not hasattr(displacement, "__array__"):
        raise ArgumentTypeError(f"Argument displacement should be a Tensor, got {type(displacement)}")
    moves = np.asarray(displacement)
    expected = (1, *size, 2)
    if moves.shape != expected:
        raise ArgumentError(f"Argument displacement shape should be {expected}, but given {moves.shape}")
    return moves[0].astype(dtype, copy=False)


@kernel(elastic, np.ndarray, Image)
def elastic_image(
    image: np.ndarray, displacement: object, interpolation: Mode = InterpolationMode.BILINEAR, fill: Fill = None
) -> Any:
    mode = named_mode(interpolation)
    check_grid(image, mode, fill)
    size, dtype = (image.shape[-2], image.shape[-1]), working(image)
    moves = _moves(displacement, size, dtype)
    return _warp.sample(image, _warp.identity_grid(size, dtype) + moves, mode.value, fill, second=True)


elastic_video = of_video(elastic, elastic_image)


@kernel(elastic, PIL)
def _elastic_pil(
    image: Any, displacement: object, interpolation: Mode = InterpolationMode.BILINEAR, fill: Fill = None
) -> Any:
    return planes_to_pil(elastic_image(pil_to_tensor(image), displacement, interpolation, fill), image.mode)


@kernel(elastic, Mask)
def elastic_mask(mask: np.ndarray, displacement: object, fill: Fill = None) -> Any:
    return elastic_image(mask, displacement, InterpolationMode.NEAREST, fill)


def _points_moved(points: np.ndarray, canvas_size: Canvas, moves: np.ndarray) -> np.ndarray:
    """Points (N, 2) moved against the displacement at their pixel, in floating point."""
    where = np.clip(points.astype(np.int64), 0, [canvas_size[1] - 1, canvas_size[0] - 1])
    inverse = _warp.identity_grid(canvas_size, moves.dtype) - moves
    half = np.array([0.5 * canvas_size[1], 0.5 * canvas_size[0]], moves.dtype)
    return (inverse[where[:, 1], where[:, 0]] + 1) * half - moves.dtype.type(0.5)


def _dtype(array: np.ndarray) -> np.dtype:
    return array.dtype if is_floating(array.dtype) else np.dtype(np.float32)


@kernel(elastic, KeyPoints)
def elastic_keypoints(keypoints: np.ndarray, canvas_size: Canvas, displacement: object) -> Any:
    moves = _moves(displacement, canvas_size, _dtype(keypoints))
    if keypoints.size == 0:
        return keypoints
    moved = _points_moved(keypoints.reshape(-1, 2), canvas_size, moves)
    return moved.astype(keypoints.dtype).reshape(keypoints.shape)


@kernel(elastic, BoundingBoxes)
def elastic_bounding_boxes(
    bounding_boxes: np.ndarray,
    format: F,
    canvas_size: Canvas,
    displacement: object,
    clamping_mode: str | None = "soft",
) -> Any:
    moves = _moves(displacement, canvas_size, _dtype(bounding_boxes))
    if bounding_boxes.size == 0:
        return bounding_boxes
    rotated = is_rotated_bounding_format(format)
    between = F.CXCYWHR if rotated else F.XYXY
    if rotated:  # only the centre is moved
        boxes = converted(bounding_boxes, format, between).reshape(-1, 5)
        points = np.ceil(boxes[:, :2])
    else:
        boxes, points = bounding_boxes, np.ceil(corners(bounding_boxes, format))
    moved = _points_moved(points, canvas_size, moves)
    boxes = np.concatenate([moved, boxes[:, 2:]], 1) if rotated else enclosing(moved, False)
    boxes = clamped(boxes.astype(bounding_boxes.dtype), between, canvas_size, clamping_mode)
    return converted(boxes, between, format).reshape(bounding_boxes.shape)
