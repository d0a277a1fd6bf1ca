"""Rotation, shear, perspective and elastic deformation."""

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import channels_of, check_array, dimensions, is_array, is_pil, on_host, working
from fnn.vision.transforms import _pil, _warp
from fnn.vision.transforms.functional.conversion import pil_to_tensor, planes_to_pil
from fnn.vision.transforms.functional.modes import InterpolationMode, as_mode, pil_modes_mapping

__all__ = ["affine", "elastic_transform", "perspective", "rotate"]

Fill = int | float | Sequence[float] | None


def inverse_affine_matrix(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """From a pixel of the result to the one it shows: the inverse of T(translate) C R(angle) Sh(shear) scale C^-1."""
    rotation, sx, sy = (math.radians(degrees) for degrees in (angle, *shear))
    a = math.cos(rotation - sy) / math.cos(sy)
    b = -math.cos(rotation - sy) * math.tan(sx) / math.cos(sy) - math.sin(rotation)
    c = math.sin(rotation - sy) / math.cos(sy)
    d = -math.sin(rotation - sy) * math.tan(sx) / math.cos(sy) + math.cos(rotation)
    (cx, cy), (tx, ty) = center, translate
    m = [value / scale for value in (d, -b, 0.0, -c, a, 0.0)]
    m[2] += m[0] * (-cx - tx) + m[1] * (-cy - ty)
    m[5] += m[3] * (-cx - tx) + m[4] * (-cy - ty)
    m[2] += cx
    m[5] += cy
    return m


def _on_array(img: np.ndarray, mode: InterpolationMode, fill: Fill) -> tuple[str, np.dtype]:
    """Checks what all grid transforms of arrays share."""
    check_array(img)
    if fill is not None and not isinstance(fill, (int, float, tuple, list)):
        warnings.warn("Argument fill should be either int, float, tuple or list", stacklevel=4)
    if isinstance(fill, (tuple, list)) and len(fill) > 1 and len(fill) != channels_of(img):
        raise ArgumentError(
            "The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
            f"({len(fill)} != {channels_of(img)})"
        )
    if mode not in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        raise ArgumentError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    return mode.value, working(img)


def _check_angle_and_center(angle: object, center: object) -> None:
    if not isinstance(angle, (int, float)):
        raise ArgumentTypeError(f"Argument angle should be int or float, got {angle!r}")
    if center is not None and not isinstance(center, (list, tuple)):
        raise ArgumentTypeError(f"Argument center should be a sequence, got {center!r}")


def from_middle(img: np.ndarray, center: Sequence[float] | None) -> list[float]:
    """A point (x, y) counted from the middle of the image."""
    if center is None:
        return [0.0, 0.0]
    return [c - size * 0.5 for c, size in zip(center, img.shape[:-3:-1], strict=True)]


@on_host
def rotate(
    img: Any,
    angle: float,
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = None,
) -> Any:
    """Rotates counter-clockwise.

    Args:
        img: a PIL image or an array (..., C, H, W).
        angle: in degrees.
        interpolation: for arrays, nearest or bilinear.
        expand: make the result large enough to hold all of the rotated image (around its own centre).
        center: (x, y) of the point that stays, from the upper left corner; default: the middle.
        fill: what lies outside the image, one value or one a channel; default: 0.

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: an interpolation that arrays do not know, or a ``fill`` of the wrong length.

    >>> rotate(np.array([[[1, 2], [3, 4]]]), 90).tolist()
    [[[2, 4], [1, 3]]]
    """
    mode = as_mode(interpolation)
    _check_angle_and_center(angle, center)
    if not is_array(img):
        return _pil.rotate(img, angle, pil_modes_mapping[mode], expand, center, fill)
    name, dtype = _on_array(img, mode, fill)
    matrix = inverse_affine_matrix(from_middle(img, center), -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    size = (img.shape[-2], img.shape[-1])
    out = _warp.expanded_size(matrix, size) if expand else size
    return _warp.sample(img, _warp.affine_grid(matrix, size, out, dtype), name, fill)


@on_host
def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Sequence[float] | None = None,
) -> Any:
    """Rotates, moves, scales and shears.

    Args:
        img: a PIL image or an array (..., C, H, W).
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

    >>> affine(np.array([[[1, 2, 3]]]), 0, (1, 0), 1.0, 0.0).tolist()
    [[[0, 1, 2]]]
    """
    mode = as_mode(interpolation)
    _check_angle_and_center(angle, center)
    if not isinstance(translate, (list, tuple)):
        raise ArgumentTypeError(f"Argument translate should be a sequence, got {translate!r}")
    if len(translate) != 2:
        raise ArgumentError(f"Argument translate should be a sequence of length 2, got {translate}")
    if scale <= 0.0:
        raise ArgumentError(f"Argument scale should be positive, got {scale}")
    if isinstance(shear, numbers.Number):
        shear = (float(shear), 0.0)  # pyright: ignore[reportArgumentType]
    if not isinstance(shear, (list, tuple)):
        raise ArgumentTypeError(f"Shear should be either a single value or a sequence of two values, got {shear!r}")
    if len(shear) == 1:
        shear = (shear[0], shear[0])
    if len(shear) != 2:
        raise ArgumentError(f"Shear should be a sequence containing two values. Got {shear}")
    _, height, width = dimensions(img)
    if not is_array(img):
        middle = (width * 0.5, height * 0.5) if center is None else center
        matrix = inverse_affine_matrix(middle, angle, translate, scale, shear)
        return _pil.affine(img, matrix, pil_modes_mapping[mode], fill)
    name, dtype = _on_array(img, mode, fill)
    matrix = inverse_affine_matrix(from_middle(img, center), angle, translate, scale, shear)
    return _warp.sample(img, _warp.affine_grid(matrix, (height, width), (height, width), dtype), name, fill)


def perspective_coefficients(
    startpoints: Sequence[Sequence[float]], endpoints: Sequence[Sequence[float]]
) -> list[float]:
    """The projective map from the four ``endpoints`` to the four ``startpoints``: 8 equations, 8 unknowns."""
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ArgumentError(
            f"Please provide exactly four corners, got {len(startpoints)} startpoints and {len(endpoints)} endpoints."
        )
    rows = []
    for (x, y), (u, v) in zip(endpoints, startpoints, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    matrix, target = np.array(rows, np.float64), np.array(startpoints, np.float64).reshape(8)
    try:
        solution = np.linalg.solve(matrix, target)
    except np.linalg.LinAlgError:  # three corners on a line: anything will do
        solution = np.linalg.lstsq(matrix, target, rcond=None)[0]
    return solution.astype(np.float32).tolist()


@on_host
def perspective(
    img: Any,
    startpoints: Sequence[Sequence[float]],
    endpoints: Sequence[Sequence[float]],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> Any:
    """The projective map that moves four corners.

    Args:
        img: a PIL image or an array (..., C, H, W).
        startpoints: (x, y) of the four corners in the image: top left, top right, bottom right, bottom left.
        endpoints: where they go.
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.

    Raises:
        ArgumentError: not four corners.

    >>> corners = [[0, 0], [1, 0], [1, 1], [0, 1]]
    >>> perspective(np.array([[[1, 2], [3, 4]]]), corners, corners).tolist()
    [[[1, 2], [3, 4]]]
    """
    coefficients = perspective_coefficients(startpoints, endpoints)
    mode = as_mode(interpolation)
    if not is_array(img):
        return _pil.perspective(img, coefficients, pil_modes_mapping[mode], fill)
    name, dtype = _on_array(img, mode, fill)
    return _warp.sample(img, _warp.perspective_grid(coefficients, (img.shape[-2], img.shape[-1]), dtype), name, fill)


@on_host
def elastic_transform(
    img: Any,
    displacement: Any,
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> Any:
    """Moves each pixel by its own amount.

    Args:
        img: a PIL image or an array (..., C, H, W).
        displacement: an array (1, H, W, 2) of (x, y), in units of half the image's width and height.
        interpolation: nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a ``displacement`` of another shape.

    >>> elastic_transform(np.array([[[1, 2]]]), np.zeros((1, 1, 2, 2), np.float32)).tolist()
    [[[1, 2]]]
    """
    if isinstance(interpolation, int):
        warnings.warn(
            "Argument interpolation should be of type InterpolationMode instead of int. Please, use InterpolationMode "
            "enum.",
            stacklevel=3,
        )
    mode = as_mode(interpolation)
    if not (is_array(displacement) or hasattr(displacement, "__array__")):
        raise ArgumentTypeError(f"Argument displacement should be a Tensor, got {type(displacement)}")
    if not is_array(img):
        if not is_pil(img):
            raise ArgumentTypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
        return planes_to_pil(elastic_transform(pil_to_tensor(img), displacement, mode, fill), img.mode)
    name, _ = _on_array(img, mode, fill)
    expected = (1, *img.shape[-2:], 2)
    moves = np.asarray(displacement)
    if moves.shape != expected:
        raise ArgumentError(f"Argument displacement shape should be {expected}, but given {moves.shape}")
    grid = _warp.identity_grid((img.shape[-2], img.shape[-1]), np.dtype(np.float32)) + moves[0]
    return _warp.sample(img, grid, name, fill)
