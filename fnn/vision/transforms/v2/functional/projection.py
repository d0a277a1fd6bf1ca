"""Projective maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import is_floating, working
from fnn.vision.transforms import _pil, _warp
from fnn.vision.transforms.functional.modes import InterpolationMode, named_mode, pil_modes_mapping
from fnn.vision.transforms.functional.warp import perspective_coefficients
from fnn.vision.transforms.v2.functional._box_formats import clamped, converted, corners, enclosing
from fnn.vision.transforms.v2.functional.affinity import check_grid
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask, is_rotated_bounding_format

__all__ = [
    "perspective", "perspective_bounding_boxes", "perspective_image", "perspective_keypoints", "perspective_mask",
    "perspective_video",
]  # fmt: skip

Fill = int | float | Sequence[float] | None
Points = Sequence[Sequence[float]] | None
Mode = str | InterpolationMode | int
Canvas = tuple[int, int]
F = BoundingBoxFormat


def perspective(
    inpt: Input,
    startpoints: Points,
    endpoints: Points,
    interpolation: Mode = InterpolationMode.BILINEAR,
    fill: Fill = None,
    coefficients: Sequence[float] | None = None,
) -> Any:
    """The projective map that moves four corners.

    Args:
        inpt: a PIL image, an array (..., C, H, W), a mask (which takes the nearest value), boxes or points.
        startpoints: (x, y) of the four corners in the image: top left, top right, bottom right, bottom left.
        endpoints: where they go.
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.
        coefficients: instead of points, the eight of the map from the result to the image:
            ``x = (a u + b v + c) / (g u + h v + 1)``, ``y = (d u + e v + f) / (g u + h v + 1)``.

    Raises:
        ArgumentError: not four corners, not eight coefficients, both or neither; for boxes and points, a map that has
            no inverse.

    Example:
        >>> corners = [[0, 0], [1, 0], [1, 1], [0, 1]]
        >>> perspective(np.array([[[1, 2], [3, 4]]]), corners, corners).tolist()
        [[[1, 2], [3, 4]]]
    """
    return call(
        perspective, inpt, startpoints=startpoints, endpoints=endpoints, interpolation=interpolation, fill=fill,
        coefficients=coefficients,
    )  # fmt: skip


def _coefficients(startpoints: Points, endpoints: Points, coefficients: Sequence[float] | None) -> Sequence[float]:
    if coefficients is not None:
        if startpoints is not None and endpoints is not None:
            raise ArgumentError("The startpoints/endpoints and the coefficients shouldn't be defined concurrently.")
        if len(coefficients) != 8:
            raise ArgumentError(f"Argument coefficients should have 8 float values, got {len(coefficients)}")
        return coefficients
    if startpoints is None or endpoints is None:
        raise ArgumentError("Either the startpoints/endpoints or the coefficients must have non `None` values.")
    return perspective_coefficients(startpoints, endpoints)


@kernel(perspective, np.ndarray, Image)
def perspective_image(
    image: np.ndarray,
    startpoints: Points,
    endpoints: Points,
    interpolation: Mode = InterpolationMode.BILINEAR,
    fill: Fill = None,
    coefficients: Sequence[float] | None = None,
) -> Any:
    eight = _coefficients(startpoints, endpoints, coefficients)
    mode = named_mode(interpolation)
    check_grid(image, mode, fill)
    if image.size == 0:
        return image
    grid = _warp.perspective_grid(eight, (image.shape[-2], image.shape[-1]), working(image))
    return _warp.sample(image, grid, mode.value, fill, second=True)


perspective_video = of_video(perspective, perspective_image)


@kernel(perspective, PIL)
def _perspective_pil(
    image: Any,
    startpoints: Points,
    endpoints: Points,
    interpolation: Mode = InterpolationMode.BILINEAR,
    fill: Fill = None,
    coefficients: Sequence[float] | None = None,
) -> Any:
    eight = _coefficients(startpoints, endpoints, coefficients)
    return _pil.perspective(image, eight, pil_modes_mapping[named_mode(interpolation)], fill)


@kernel(perspective, Mask)
def perspective_mask(
    mask: np.ndarray,
    startpoints: Points,
    endpoints: Points,
    fill: Fill = None,
    coefficients: Sequence[float] | None = None,
) -> Any:
    return perspective_image(mask, startpoints, endpoints, InterpolationMode.NEAREST, fill, coefficients)


def _points_mapped(points: np.ndarray, coefficients: Sequence[float], what: str) -> np.ndarray:
    """Points (N, 2) under the inverse of the map, in floating point."""
    a, b, c, d, e, f, g, h = coefficients
    below = a * e - b * d
    if below == 0:
        raise ArgumentError(
            f"Provided perspective_coeffs {list(coefficients)} can not be inverted to transform {what}. "
            "Denominator is zero, denom=0"
        )
    dtype = points.dtype if is_floating(points.dtype) else np.dtype(np.float32)
    across = [e - f * h, -b + c * h, b * f - c * e]
    down = [-d + f * g, a - c * g, -a * f + c * d]
    divisor = [-e * g + d * h, -a * h + b * g, 0]
    theta = (np.array([across, down, divisor]) / below).astype(dtype)
    theta[2, 2] = 1
    x, y = points[:, 0].astype(dtype), points[:, 1].astype(dtype)
    u, v, w = ((x * row[0] + y * row[1]) + row[2] for row in theta)
    return np.stack([u / w, v / w], -1)


@kernel(perspective, KeyPoints)
def perspective_keypoints(
    keypoints: np.ndarray,
    canvas_size: Canvas,
    startpoints: Points,
    endpoints: Points,
    coefficients: Sequence[float] | None = None,
) -> Any:
    if keypoints.size == 0:
        return keypoints
    eight = _coefficients(startpoints, endpoints, coefficients)
    moved = _points_mapped(keypoints.reshape(-1, 2), eight, "keypoints")
    return moved.astype(keypoints.dtype).reshape(keypoints.shape)


@kernel(perspective, BoundingBoxes)
def perspective_bounding_boxes(
    bounding_boxes: np.ndarray,
    format: F,
    canvas_size: Canvas,
    startpoints: Points,
    endpoints: Points,
    coefficients: Sequence[float] | None = None,
    clamping_mode: str | None = "soft",
) -> Any:
    if bounding_boxes.size == 0:
        return bounding_boxes
    eight = _coefficients(startpoints, endpoints, coefficients)
    rotated = is_rotated_bounding_format(format)
    boxes = enclosing(_points_mapped(corners(bounding_boxes, format), eight, "bounding boxes"), rotated)
    between = F.XYXYXYXY if rotated else F.XYXY
    boxes = converted(clamped(boxes, between, canvas_size, clamping_mode), between, format)
    return boxes.reshape(bounding_boxes.shape).astype(bounding_boxes.dtype)
