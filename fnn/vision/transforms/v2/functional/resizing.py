"""Other sizes."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import check_array
from fnn.vision.transforms import _pil
from fnn.vision.transforms._bytes import resize_bytes
from fnn.vision.transforms.functional.geometry import new_size, resize_array
from fnn.vision.transforms.functional.modes import InterpolationMode, named_mode, pil_modes_mapping
from fnn.vision.transforms.v2.functional._box_formats import as_floats, clamped, converted, rectangles
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask, is_rotated_bounding_format

__all__ = ["resize", "resize_bounding_boxes", "resize_image", "resize_keypoints", "resize_mask", "resize_video"]

Mode = str | InterpolationMode | int
Size = int | Sequence[int] | None
Canvas = tuple[int, int]
F = BoundingBoxFormat
_NEAREST = (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT)
_ON_ARRAYS = (*_NEAREST, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC, InterpolationMode.LANCZOS)


def resize(
    inpt: Input,
    size: Size,
    interpolation: Mode = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Another size.

    Args:
        inpt: a PIL image, an array (..., C, H, W), a mask (which takes the nearest value), boxes or points.
        size: (height, width), or the length of the smaller edge; None: the longer edge is ``max_size``.
        interpolation: an `InterpolationMode`, its value, or Pillow's number for one.
        max_size: the most that the longer edge may have; only with a ``size`` of one number or None.
        antialias: widen the filter where an array shrinks (bilinear, bicubic and lanczos); PIL images always are.

    Raises:
        ArgumentError: a size that is none, or a mode that arrays do not know.

    Example:
        >>> resize(np.array([[[0.0, 1.0, 2.0, 3.0]]]), (1, 2), antialias=False).tolist()
        [[[0.5, 2.5]]]
    """
    return call(resize, inpt, size=size, interpolation=interpolation, max_size=max_size, antialias=antialias)


def _wanted(canvas_size: Sequence[int], size: Size, max_size: int | None) -> tuple[int, int]:
    if isinstance(size, int):
        size = [size]
    if size is not None and len(size) not in (1, 2):
        raise ArgumentError(f"resize: size should be an int, a sequence of one or two, or None, got size={size}")
    if max_size is not None and size is not None and len(size) != 1:
        raise ArgumentError(
            "max_size should only be passed if size is None or specifies the length of the smaller edge, i.e. size "
            f"should be an int or a sequence of length 1, got max_size={max_size} with size={size}"
        )
    height, width = new_size(size, max_size, *canvas_size)
    return height, width


@kernel(resize, np.ndarray, Image)
def resize_image(
    image: np.ndarray,
    size: Size,
    interpolation: Mode = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    mode = named_mode(interpolation)
    if mode == InterpolationMode.LANCZOS and not antialias:
        raise ArgumentError("InterpolationMode.LANCZOS requires antialias=True")
    if mode not in _ON_ARRAYS:
        raise ArgumentError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    check_array(image)
    new = _wanted(image.shape[-2:], size, max_size)
    if new == image.shape[-2:]:
        return image
    if image.size == 0:
        return image.reshape(*image.shape[:-2], *new)
    if image.dtype == np.uint8 and mode not in _NEAREST:
        return resize_bytes(image, new, mode.value, bool(antialias))
    return resize_array(image, new, mode.value, bool(antialias) and mode not in _NEAREST)


resize_video = of_video(resize, resize_image)


@kernel(resize, PIL)
def resize_pil(
    image: Any,
    size: Size,
    interpolation: Mode = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """A PIL image in another size."""
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.", stacklevel=4
        )
    mode = named_mode(interpolation)
    new = _wanted((image.height, image.width), size, max_size)
    return image if new == (image.height, image.width) else _pil.resize(image, new, pil_modes_mapping[mode])


@kernel(resize, Mask)
def resize_mask(
    mask: np.ndarray,
    size: Size,
    interpolation: Mode = InterpolationMode.BILINEAR,
    max_size: int | None = None,
) -> Any:
    mode = named_mode(interpolation)
    return resize_image(mask, size, mode if mode in _NEAREST else InterpolationMode.NEAREST, max_size)


def _scaled(values: np.ndarray, old: Canvas, new: Canvas) -> np.ndarray:
    """Coordinates x, y, x, y, ... on a canvas of another size, in floating point."""
    ratios = np.array([new[1] / old[1], new[0] / old[0]] * (values.shape[-1] // 2), np.float32)
    return as_floats(values) * ratios.astype(as_floats(values[:0]).dtype)


@kernel(resize, KeyPoints)
def resize_keypoints(keypoints: np.ndarray, size: Size, canvas_size: Canvas, max_size: int | None = None) -> Any:
    new = _wanted(canvas_size, size, max_size)
    if new == tuple(canvas_size):
        return keypoints, canvas_size
    return _scaled(keypoints, canvas_size, new).astype(keypoints.dtype), new


@kernel(resize, BoundingBoxes)
def resize_bounding_boxes(
    bounding_boxes: np.ndarray,
    canvas_size: Canvas,
    size: Size,
    max_size: int | None = None,
    format: F = F.XYXY,
    clamping_mode: str | None = "soft",
) -> Any:
    new = _wanted(canvas_size, size, max_size)
    if new == tuple(canvas_size):
        return bounding_boxes, canvas_size
    if not is_rotated_bounding_format(format):
        return _scaled(bounding_boxes, canvas_size, new).astype(bounding_boxes.dtype), new
    corners = converted(bounding_boxes, format, F.XYXYXYXY).reshape(-1, 8)
    boxes = clamped(rectangles(_scaled(corners, canvas_size, new)), F.XYXYXYXY, new, clamping_mode)
    boxes = converted(boxes, F.XYXYXYXY, format).astype(bounding_boxes.dtype)
    return boxes.reshape(bounding_boxes.shape), new
