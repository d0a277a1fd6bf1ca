"""Formats of boxes, and what to do with boxes and points that leave their canvas."""

from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision import tv_tensors
from fnn.vision._images import on_host
from fnn.vision.transforms.v2.functional._box_formats import as_floats, clamped, converted
from fnn.vision.transforms.v2.functional.registry import is_pure_tensor
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, is_rotated_bounding_format
from fnn.vision.tv_tensors.boxes import as_format

__all__ = [
    "clamp_bounding_boxes", "clamp_keypoints", "convert_bounding_box_format", "sanitize_bounding_boxes",
    "sanitize_keypoints",
]  # fmt: skip

Format = BoundingBoxFormat | str
Size = tuple[int, int]


@on_host
def convert_bounding_box_format(
    inpt: Any, old_format: Format | None = None, new_format: Format | None = None, inplace: bool = False
) -> Any:
    """Boxes in another format.

    Args:
        inpt: `BoundingBoxes`, or a plain array (..., K).
        old_format: of a plain array.
        new_format: of the result.
        inplace: write into ``inpt``, where the formats have as many coordinates.

    Raises:
        ArgumentTypeError: no new format, or no array.
        ArgumentError: an old format that is missing, or given twice; or one of the two is rotated.

    Example:
        >>> convert_bounding_box_format(np.array([[2, 3, 4, 6]]), "XYWH", "XYXY").tolist()
        [[2, 3, 6, 9]]
    """
    if new_format is None:
        raise ArgumentTypeError("convert_bounding_box_format() missing 1 required argument: 'new_format'")
    new = as_format(new_format)
    typed = isinstance(inpt, BoundingBoxes)
    if not typed and not is_pure_tensor(inpt):
        raise ArgumentTypeError(
            f"Input can either be a plain tensor or a bounding box tv_tensor, but got {type(inpt)} instead."
        )
    if typed and old_format is not None:
        raise ArgumentError("For bounding box tv_tensor inputs, `old_format` must not be passed.")
    if not typed and old_format is None:
        raise ArgumentError("For pure tensor inputs, `old_format` has to be passed.")
    boxes = inpt.view(np.ndarray) if typed else inpt
    result = converted(boxes, inpt.format if typed else as_format(old_format), new)  # pyright: ignore[reportArgumentType]
    if inplace and result.shape == boxes.shape:
        boxes[...] = result
        result = boxes
    return tv_tensors.wrap(result, like=inpt, format=new) if typed else result


@on_host
def clamp_bounding_boxes(
    inpt: Any, format: Format | None = None, canvas_size: Size | None = None, clamping_mode: str | None = "auto"
) -> Any:
    """Boxes cut off at the borders of their canvas.

    Args:
        inpt: `BoundingBoxes`, or a plain array (..., K).
        format: of a plain array.
        canvas_size: of a plain array: height and width.
        clamping_mode: ``"soft"``, ``"hard"``, None (not at all), or ``"auto"``: as the boxes say.  The two differ for
            rotated boxes: the smallest one around what is left, or the largest one within.

    Raises:
        ArgumentTypeError: no array.
        ArgumentError: another mode; for a plain array, something is missing; for boxes, something is given twice.

    Example:
        >>> clamp_bounding_boxes(np.array([[-2, 3, 4, 60]]), "XYXY", (32, 32), "soft").tolist()
        [[0, 3, 4, 32]]
    """
    if clamping_mode not in (None, "soft", "hard", "auto"):
        raise ArgumentError(f"clamping_mode must be soft, hard, auto or None, got {clamping_mode}")
    if is_pure_tensor(inpt):
        if format is None or canvas_size is None or clamping_mode == "auto":
            raise ArgumentError(
                "For pure tensor inputs, `format`, `canvas_size` and `clamping_mode` have to be passed."
            )
        return clamped(inpt, as_format(format), canvas_size, clamping_mode)
    if not isinstance(inpt, BoundingBoxes):
        raise ArgumentTypeError(
            f"Input can either be a plain tensor or a bounding box tv_tensor, but got {type(inpt)} instead."
        )
    if format is not None or canvas_size is not None:
        raise ArgumentError("For bounding box tv_tensor inputs, `format` and `canvas_size` must not be passed.")
    mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
    return tv_tensors.wrap(clamped(inpt.view(np.ndarray), inpt.format, inpt.canvas_size, mode), like=inpt)


@on_host
def clamp_keypoints(inpt: Any, canvas_size: Size | None = None) -> Any:
    """Points moved to the nearest pixel of their canvas.

    Args:
        inpt: `KeyPoints`, or a plain array (..., 2).
        canvas_size: of a plain array: height and width.

    Raises:
        ArgumentTypeError: no array.
        ArgumentError: a size that is missing, or given twice.

    Example:
        >>> clamp_keypoints(np.array([[-2, 3], [40, 60]]), (32, 32)).tolist()
        [[0, 3], [31, 31]]
    """
    if is_pure_tensor(inpt):
        if canvas_size is None:
            raise ArgumentError("For pure tensor inputs, `canvas_size` has to be passed.")
        return _points_clamped(inpt, canvas_size)
    if not isinstance(inpt, KeyPoints):
        raise ArgumentTypeError(
            f"Input can either be a plain tensor or a keypoints tv_tensor, but got {type(inpt)} instead."
        )
    if canvas_size is not None:
        raise ArgumentError("For keypoints tv_tensor inputs, `canvas_size` must not be passed.")
    return tv_tensors.wrap(_points_clamped(inpt.view(np.ndarray), inpt.canvas_size), like=inpt)


def _points_clamped(points: np.ndarray, canvas_size: Size) -> np.ndarray:
    most = np.array([canvas_size[1] - 1, canvas_size[0] - 1], as_floats(points[:0]).dtype)
    return np.clip(as_floats(points), 0, most).astype(points.dtype)


@on_host
def sanitize_bounding_boxes(
    bounding_boxes: Any,
    format: Format | None = None,
    canvas_size: Size | None = None,
    min_size: float = 1.0,
    min_area: float = 1.0,
) -> tuple[Any, Any]:
    """Leaves out boxes that are too small or not inside their canvas.

    Args:
        bounding_boxes: `BoundingBoxes`, or a plain array (N, K).
        format: of a plain array.
        canvas_size: of a plain array: height and width.
        min_size: the least width and height.
        min_area: the least area.

    Returns:
        the boxes that are left, and of all N whether they are (to choose the labels by).

    Raises:
        ArgumentError: no array; for a plain array, something is missing; for boxes, something is given twice.

    Example:
        >>> boxes, valid = sanitize_bounding_boxes(np.array([[0, 0, 4, 4], [5, 5, 5, 6]]), "XYXY", (8, 8))
        >>> boxes.tolist(), valid.tolist()
        ([[0, 0, 4, 4]], [True, False])
    """
    if is_pure_tensor(bounding_boxes):
        if format is None or canvas_size is None:
            raise ArgumentError(
                "format and canvas_size cannot be None if bounding_boxes is a pure tensor. "
                f"Got format={format} and canvas_size={canvas_size}. "
                "Set those to appropriate values or pass bounding_boxes as a tv_tensors.BoundingBoxes object."
            )
        valid = valid_boxes(bounding_boxes, as_format(format), canvas_size, min_size, min_area)
        return bounding_boxes[valid], valid
    if not isinstance(bounding_boxes, BoundingBoxes):
        raise ArgumentError("bounding_boxes must be a tv_tensors.BoundingBoxes instance or a pure tensor.")
    if format is not None or canvas_size is not None:
        raise ArgumentError(
            "format and canvas_size must be None when bounding_boxes is a tv_tensors.BoundingBoxes instance. "
            f"Got format={format} and canvas_size={canvas_size}. "
            "Leave those to None or pass bounding_boxes as a pure tensor."
        )
    boxes = bounding_boxes.view(np.ndarray)
    valid = valid_boxes(boxes, bounding_boxes.format, bounding_boxes.canvas_size, min_size, min_area)
    return tv_tensors.wrap(boxes[valid], like=bounding_boxes), valid


def valid_boxes(
    boxes: np.ndarray, format: BoundingBoxFormat, canvas_size: Size, min_size: float, min_area: float
) -> np.ndarray:
    """Which boxes (N, K) are large enough and inside the canvas."""
    rotated = is_rotated_bounding_format(format)
    boxes = converted(boxes, format, BoundingBoxFormat.XYXYXYXY if rotated else BoundingBoxFormat.XYXY)
    if rotated:
        # the second difference mixes x with y, as torchvision's does
        first = boxes[:, 0] - boxes[:, 2], boxes[:, 1] - boxes[:, 3]
        second = boxes[:, 3] - boxes[:, 5], boxes[:, 4] - boxes[:, 6]
        w, h = (np.sqrt(np.square(dx) + np.square(dy)) for dx, dy in (first, second))
    else:
        w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    valid = (w >= min_size) & (h >= min_size) & (boxes >= 0).all(-1) & (w * h >= min_area)
    height, width = canvas_size
    return valid & (boxes[:, 0::2] <= width).all(-1) & (boxes[:, 1::2] <= height).all(-1)


@on_host
def sanitize_keypoints(key_points: Any, canvas_size: Size | None = None) -> tuple[Any, Any]:
    """Leaves out points that are not inside their canvas; of an array (N, ..., 2), groups of which one point is not.

    Args:
        key_points: `KeyPoints`, or a plain array (N, ..., 2).
        canvas_size: of a plain array: height and width.

    Returns:
        the points that are left, and of all N whether they are (to choose the labels by).

    Raises:
        ArgumentError: no array, or a size that is missing, or given twice.

    Example:
        >>> points, valid = sanitize_keypoints(np.array([[0, 1], [9, 1]]), (8, 8))
        >>> points.tolist(), valid.tolist()
        ([[0, 1]], [True, False])
    """
    if is_pure_tensor(key_points):
        if canvas_size is None:
            raise ArgumentError(
                "canvas_size cannot be None if key_points is a pure tensor. "
                "Set it to an appropriate value or pass key_points as a tv_tensors.KeyPoints object."
            )
        valid = valid_points(key_points, canvas_size)
        return key_points[valid], valid
    if not isinstance(key_points, KeyPoints):
        raise ArgumentError("key_points must be a tv_tensors.KeyPoints instance or a pure tensor.")
    if canvas_size is not None:
        raise ArgumentError(
            f"canvas_size must be None when key_points is a tv_tensors.KeyPoints instance. Got {canvas_size=}. "
            "Leave it to None or pass key_points as a pure tensor."
        )
    points = key_points.view(np.ndarray)
    valid = valid_points(points, key_points.canvas_size)
    return tv_tensors.wrap(points[valid], like=key_points), valid


def valid_points(points: np.ndarray, canvas_size: Size) -> np.ndarray:
    """Which points (N, ..., 2) are inside the canvas, with all of their group."""
    height, width = canvas_size
    x, y = points[..., 0], points[..., 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.asarray(inside.reshape(len(inside), -1).all(1) if inside.ndim > 1 else inside)
