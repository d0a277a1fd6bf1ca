"""Rotation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.vision._images import check_array
from fnn.vision.transforms import _pil, _warp
from fnn.vision.transforms.functional.modes import InterpolationMode, named_mode, pil_modes_mapping
from fnn.vision.transforms.functional.warp import from_middle, inverse_affine_matrix
from fnn.vision.transforms.v2.functional.affinity import _boxes_mapped, _Map, _mapped, _points_mapped
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask

__all__ = ["rotate", "rotate_bounding_boxes", "rotate_image", "rotate_keypoints", "rotate_mask", "rotate_video"]

Fill = int | float | Sequence[float] | None
Point = Sequence[float] | None
Mode = str | InterpolationMode | int
Canvas = tuple[int, int]
F = BoundingBoxFormat
_NEAREST = InterpolationMode.NEAREST


def rotate(
    inpt: Input,
    angle: float,
    interpolation: Mode = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Point = None,
    fill: Fill = None,
) -> Any:
    """Rotates counter-clockwise.

    Args:
        inpt: a PIL image, an array (..., C, H, W), a mask (which takes the nearest value), boxes or points.
        angle: in degrees.
        interpolation: for arrays, nearest or bilinear.
        expand: make the result large enough to hold all of the rotated image (around its own centre).
        center: (x, y) of the point that stays, from the upper left corner; default: the middle.
        fill: what lies outside the image, one value or one a channel; default: 0.

    Raises:
        ArgumentError: an interpolation that arrays do not know, or a ``fill`` of the wrong length.

    Example:
        >>> rotate(np.array([[[1, 2], [3, 4]]]), 90).tolist()
        [[[2, 4], [1, 3]]]
    """
    return call(rotate, inpt, angle=angle, interpolation=interpolation, expand=expand, fill=fill, center=center)


@kernel(rotate, np.ndarray, Image)
def rotate_image(
    image: np.ndarray,
    angle: float,
    interpolation: Mode = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Point = None,
    fill: Fill = None,
) -> Any:
    check_array(image)
    angle = angle % 360
    height, width = image.shape[-2:]
    if center is None and (angle in (0, 180) or (angle in (90, 270) and (expand or height == width))):
        return np.rot90(image, int(angle) // 90, (-2, -1)).copy()
    mode = named_mode(interpolation)
    matrix = inverse_affine_matrix(from_middle(image, center), -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    out = _warp.expanded_size(matrix, (height, width)) if expand else (height, width)
    return _mapped(image, matrix, out, mode, fill)


rotate_video = of_video(rotate, rotate_image)


@kernel(rotate, PIL)
def _rotate_pil(
    image: Any,
    angle: float,
    interpolation: Mode = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Point = None,
    fill: Fill = None,
) -> Any:
    return _pil.rotate(image, angle, pil_modes_mapping[named_mode(interpolation)], expand, center, fill)


@kernel(rotate, Mask)
def rotate_mask(mask: np.ndarray, angle: float, expand: bool = False, center: Point = None, fill: Fill = None) -> Any:
    return rotate_image(mask, angle, _NEAREST, expand, center, fill)


@kernel(rotate, KeyPoints)
def rotate_keypoints(
    keypoints: np.ndarray, canvas_size: Canvas, angle: float, expand: bool = False, center: Point = None
) -> Any:
    how = _Map(canvas_size, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center)
    return _points_mapped(keypoints, canvas_size, how, expand)


@kernel(rotate, BoundingBoxes)
def rotate_bounding_boxes(
    bounding_boxes: np.ndarray,
    format: F,
    canvas_size: Canvas,
    angle: float,
    expand: bool = False,
    center: Point = None,
    clamping_mode: str | None = "soft",
) -> Any:
    how = _Map(canvas_size, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center)
    return _boxes_mapped(bounding_boxes, format, canvas_size, how, expand, clamping_mode)
