"""Rotation, shear, shift and scale: affine maps."""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import check_array, dimensions, working
from fnn.vision.transforms import _pil, _warp
from fnn.vision.transforms.functional.modes import InterpolationMode, named_mode, pil_modes_mapping
from fnn.vision.transforms.functional.warp import from_middle, inverse_affine_matrix
from fnn.vision.transforms.v2.functional._box_formats import as_floats, clamped, converted, corners, enclosing
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask, is_rotated_bounding_format

__all__ = ["affine", "affine_bounding_boxes", "affine_image", "affine_keypoints", "affine_mask", "affine_video"]

Fill = int | float | Sequence[float] | None
Point = Sequence[float] | None
Mode = str | InterpolationMode | int
Canvas = tuple[int, int]
F = BoundingBoxFormat
_NEAREST = InterpolationMode.NEAREST


def affine(
    inpt: Input,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Mode = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Point = None,
) -> Any:
    """Rotates, moves, scales and shears.

    Args:
        inpt: a PIL image, an array (..., C, H, W), a mask (which takes the nearest value), boxes or points.
        angle: in degrees, clockwise.
        translate: (x, y) in pixels, applied last.
        scale: a positive factor.
        shear: in degrees: of x alone, or (x, y).
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.
        center: (x, y) of the point that rotation, scale and shear leave, from the upper left corner; default: the
            middle.

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a wrong length, or a ``scale`` that is not positive.

    Example:
        >>> affine(np.array([[[1, 2, 3]]]), 0, (1, 0), 1.0, 0.0).tolist()
        [[[0, 1, 2]]]
    """
    return call(
        affine, inpt, angle=angle, translate=translate, scale=scale, shear=shear, interpolation=interpolation,
        fill=fill, center=center,
    )  # fmt: skip


def _parsed(
    angle: float, translate: Sequence[float], scale: float, shear: Any, center: Point
) -> tuple[float, list[float], list[float], list[float] | None]:
    if not isinstance(angle, (int, float)):
        raise ArgumentTypeError(f"Argument angle should be int or float, got {angle!r}")
    if not isinstance(translate, (list, tuple)):
        raise ArgumentTypeError(f"Argument translate should be a sequence, got {translate!r}")
    if len(translate) != 2:
        raise ArgumentError(f"Argument translate should be a sequence of length 2, got {translate}")
    if scale <= 0.0:
        raise ArgumentError(f"Argument scale should be positive, got {scale}")
    if not isinstance(shear, (numbers.Number, list, tuple)):
        raise ArgumentTypeError(f"Shear should be either a single value or a sequence of two values, got {shear!r}")
    both = [shear, 0.0] if isinstance(shear, numbers.Number) else list(shear)
    both = both * 2 if len(both) == 1 else both
    if len(both) != 2:
        raise ArgumentError(f"Shear should be a sequence containing two values. Got {shear}")
    if center is not None and not isinstance(center, (list, tuple)):
        raise ArgumentTypeError(f"Argument center should be a sequence, got {center!r}")
    return float(angle), list(translate), both, None if center is None else [float(c) for c in center]


def check_grid(image: np.ndarray, mode: InterpolationMode, fill: Fill) -> None:
    """Checks what all maps of arrays along a grid share."""
    check_array(image)
    if isinstance(fill, (tuple, list)):
        channels = 1 if image.ndim == 2 else image.shape[-3]
        if len(fill) > 1 and len(fill) != channels:
            raise ArgumentError(
                "The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
                f"({len(fill)} != {channels})"
            )
    elif fill is not None and not isinstance(fill, (int, float)):
        raise ArgumentError(f"Argument fill should be either int, float, tuple or list, got {fill!r}")
    if mode not in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        raise ArgumentError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")


def _mapped(image: np.ndarray, matrix: list[float], out: Canvas, mode: InterpolationMode, fill: Fill) -> np.ndarray:
    check_grid(image, mode, fill)
    if image.size == 0:
        return image.reshape(*image.shape[:-2], *out)
    grid = _warp.affine_grid(matrix, (image.shape[-2], image.shape[-1]), out, working(image))
    return _warp.sample(image, grid, mode.value, fill, second=True)


@kernel(affine, np.ndarray, Image)
def affine_image(
    image: np.ndarray,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Mode = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Point = None,
) -> Any:
    mode = named_mode(interpolation)
    angle, translate, both, center = _parsed(angle, translate, scale, shear, center)
    matrix = inverse_affine_matrix(from_middle(image, center), angle, translate, scale, both)
    return _mapped(image, matrix, (image.shape[-2], image.shape[-1]), mode, fill)


affine_video = of_video(affine, affine_image)


@kernel(affine, PIL)
def _affine_pil(
    image: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Mode = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Point = None,
) -> Any:
    mode = named_mode(interpolation)
    angle, translate, both, center = _parsed(angle, translate, scale, shear, center)
    _, height, width = dimensions(image)
    middle = [width * 0.5, height * 0.5] if center is None else center
    matrix = inverse_affine_matrix(middle, angle, translate, scale, both)
    return _pil.affine(image, matrix, pil_modes_mapping[mode], fill)


@kernel(affine, Mask)
def affine_mask(
    mask: np.ndarray,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    fill: Fill = None,
    center: Point = None,
) -> Any:
    return affine_image(mask, angle, translate, scale, shear, _NEAREST, fill, center)


class _Map:
    """An affine map of points, and the canvas that holds all of the mapped one."""

    def __init__(
        self,
        canvas_size: Canvas,
        angle: float,
        translate: Sequence[float],
        scale: float,
        shear: float | Sequence[float],
        center: Point,
    ) -> None:
        self.canvas_size = canvas_size
        angle, translate, both, center = _parsed(angle, translate, scale, shear, center)
        middle = [canvas_size[1] * 0.5, canvas_size[0] * 0.5] if center is None else center
        self.inverse = inverse_affine_matrix(middle, angle, translate, scale, both)
        self.matrix = _inverted(self.inverse)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Maps floating points (N, 2)."""
        dtype = points.dtype
        theta = np.array(self.matrix, dtype).reshape(2, 3)
        return (points[:, :1] * theta[:, 0] + points[:, 1:] * theta[:, 1]) + theta[:, 2]

    def expanded(self, dtype: np.dtype) -> tuple[np.ndarray, Canvas]:
        """Where the upper left of the mapped canvas comes to lie, and how large it is."""
        height, width = self.canvas_size
        ends = self.points(np.array([[0, 0], [0, height], [width, height], [width, 0]], dtype))
        return ends.min(0), _warp.expanded_size(self.inverse, (height, width))


def _inverted(matrix: Sequence[float]) -> list[float]:
    a, b, tx, c, d, ty = matrix
    below = a * d - b * c
    a, b, c, d = d / below, -b / below, -c / below, a / below
    return [a, b, -(a * tx + b * ty), c, d, -(c * tx + d * ty)]


def _points_mapped(keypoints: np.ndarray, canvas_size: Canvas, how: _Map, expand: bool) -> tuple[np.ndarray, Canvas]:
    if keypoints.size == 0:
        return keypoints, canvas_size
    points = how.points(as_floats(keypoints).reshape(-1, 2))
    if expand:
        corner, canvas_size = how.expanded(points.dtype)
        points = points - corner
    return points.reshape(keypoints.shape).astype(keypoints.dtype), canvas_size


def _boxes_mapped(
    boxes: np.ndarray, format: F, canvas_size: Canvas, how: _Map, expand: bool, clamping_mode: str | None
) -> tuple[np.ndarray, Canvas]:
    if boxes.size == 0:
        return boxes, canvas_size
    rotated = is_rotated_bounding_format(format)
    mapped = enclosing(how.points(corners(as_floats(boxes), format)), rotated)
    if expand:
        corner, canvas_size = how.expanded(mapped.dtype)
        mapped = mapped - np.tile(corner, mapped.shape[1] // 2)
    between = F.XYXYXYXY if rotated else F.XYXY
    mapped = converted(clamped(mapped, between, canvas_size, clamping_mode), between, format)
    return mapped.reshape(boxes.shape).astype(boxes.dtype), canvas_size


@kernel(affine, KeyPoints)
def affine_keypoints(
    keypoints: np.ndarray,
    canvas_size: Canvas,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    center: Point = None,
) -> Any:
    return _points_mapped(keypoints, canvas_size, _Map(canvas_size, angle, translate, scale, shear, center), False)


@kernel(affine, BoundingBoxes)
def affine_bounding_boxes(
    bounding_boxes: np.ndarray,
    format: F,
    canvas_size: Canvas,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    center: Point = None,
    clamping_mode: str | None = "soft",
) -> Any:
    how = _Map(canvas_size, angle, translate, scale, shear, center)
    return _boxes_mapped(bounding_boxes, format, canvas_size, how, False, clamping_mode)[0]
