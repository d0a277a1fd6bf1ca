"""Sizes, windows, borders and mirrors."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import ImageLike, check_array, dimensions, is_array, on_host
from fnn.vision.transforms import _layout, _pil
from fnn.vision.transforms._interpolate import interpolate
from fnn.vision.transforms.functional.modes import InterpolationMode, as_mode, pil_modes_mapping

__all__ = ["center_crop", "crop", "five_crop", "hflip", "pad", "resize", "resized_crop", "ten_crop", "vflip"]

_ON_ARRAYS = ("nearest", "nearest-exact", "bilinear", "bicubic")


def new_size(size: Sequence[int] | None, max_size: int | None, height: int, width: int) -> list[int]:
    """The height and the width that are asked for; without a ``size`` the longer edge is ``max_size``."""
    short, long = sorted((height, width))
    if size is None:
        if not isinstance(max_size, int):
            raise ArgumentError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        new_short, new_long = int(max_size * short / long), max_size
        return [new_long, new_short] if width <= height else [new_short, new_long]
    if len(size) == 2:
        return [size[0], size[1]]
    new_short, new_long = size[0], int(size[0] * long / short)
    if max_size is not None:
        if max_size <= new_short:
            raise ArgumentError(
                f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge "
                f"size = {list(size)}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return [new_long, new_short] if width <= height else [new_short, new_long]


@on_host
def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Resizes an image.

    Args:
        img: a PIL image or an array (..., H, W).
        size: (height, width), or the length of the smaller edge, the other following in proportion.
        interpolation: an `InterpolationMode` or Pillow's number for one.
        max_size: the most that the longer edge may have; only with a ``size`` of one number.
        antialias: widen the filter where an array shrinks (bilinear and bicubic); PIL images always are.

    Returns:
        an image of the kind of ``img``; integer arrays are rounded.

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a size of another length than 1 or 2, or not positive; ``max_size`` too small.

    >>> resize(np.array([[[0.0, 1.0, 2.0, 3.0]]]), (1, 2), antialias=False).tolist()
    [[[0.5, 2.5]]]
    """
    mode = as_mode(interpolation)
    if isinstance(size, int):
        size = [size]
    if not isinstance(size, (list, tuple)):
        raise ArgumentTypeError(f"Got inappropriate size arg: {size!r}. Expected an int or a sequence of ints")
    if len(size) not in (1, 2):
        raise ArgumentError(f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list")
    if max_size is not None and len(size) != 1:
        raise ArgumentError(
            "max_size should only be passed if size specifies the length of the smaller edge, i.e. size should be an "
            f"int or a sequence of length 1, got max_size={max_size} with size={size}"
        )
    _, height, width = dimensions(img)
    out = new_size(size, max_size, height, width)
    if out == [height, width]:
        return img
    if not is_array(img):
        if antialias is False:
            warnings.warn(
                "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.", stacklevel=3
            )
        return _pil.resize(img, out, pil_modes_mapping[mode])
    if mode.value not in _ON_ARRAYS:
        raise ArgumentError(
            f"Interpolation mode '{mode.value}' is unsupported with Tensor input; expected one of {_ON_ARRAYS}"
        )
    return resize_array(img, (out[0], out[1]), mode.value, bool(antialias))


def resize_array(img: np.ndarray, size: tuple[int, int], mode: str, antialias: bool) -> np.ndarray:
    """An array (..., H, W) in another size; integers are rounded."""
    check_array(img)
    if min(*size, *img.shape[-2:]) <= 0:
        raise ArgumentError(
            "resize: Input and output sizes should be greater than 0, but got "
            f"input (H: {img.shape[-2]}, W: {img.shape[-1]}) output (H: {size[0]}, W: {size[1]})"
        )
    work = img if img.dtype in (np.float32, np.float64) else img.astype(np.float32)
    result = interpolate(work, size, mode, antialias)
    if img.dtype.kind in "iu" and img.dtype != np.uint16:  # which PyTorch's own cuts off
        if mode in ("bicubic", "lanczos") and img.dtype == np.uint8:
            result = np.clip(result, 0, 255)
        result = np.rint(result)
    with np.errstate(invalid="ignore"):
        return result.astype(img.dtype, copy=False)


@on_host
def pad(img: Any, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Adds a border.

    Args:
        img: a PIL image or an array (..., H, W).
        padding: of all sides, (x, y), or (left, top, right, bottom); a negative one crops.
        fill: the colour, in mode ``"constant"``; one value a channel is possible for PIL images.
        padding_mode: ``"constant"``, ``"edge"`` (the last pixel goes on), ``"reflect"`` (mirrored at the last pixel)
            or ``"symmetric"`` (mirrored behind it).

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a padding of another length than 1, 2 or 4, longer than can be mirrored, or an unknown mode.

    >>> pad(np.array([[[1, 2]]]), (1, 0), padding_mode="edge").tolist()
    [[[1, 1, 2, 2]]]
    """
    return (_layout.pad if is_array(img) else _pil.pad)(img, padding, fill, padding_mode)


@on_host
def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """Cuts a window out; beyond the image it is zero.

    Args:
        img: a PIL image or an array (..., H, W).
        top: the first row.
        left: the first column.
        height: the height of the window.
        width: the width of the window.

    Returns:
        an image of the kind of ``img``; of a numpy array, where possible, a view.

    >>> crop(np.arange(6).reshape(1, 2, 3), 0, 1, 2, 2).tolist()
    [[[1, 2], [4, 5]]]
    """
    return (_layout.crop if is_array(img) else _pil.crop)(img, top, left, height, width)


def pair(size: int | Sequence[int]) -> tuple[int, int]:
    """One length or two as height and width."""
    if not isinstance(size, (tuple, list)):
        return int(size), int(size)  # pyright: ignore[reportArgumentType]
    if len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ArgumentError(f"Please provide only two dimensions (h, w) for size, got {size}.")
    return size[0], size[1]


@on_host
def center_crop(img: ImageLike, output_size: int | Sequence[int]) -> Any:
    """Cuts the middle out; a smaller image is padded with zeros first.

    Args:
        img: a PIL image or an array (..., H, W).
        output_size: (height, width), or one length for both.

    >>> center_crop(np.arange(5).reshape(1, 1, 5), (1, 3)).tolist()
    [[[1, 2, 3]]]
    """
    height, width = pair(output_size)
    _, h, w = dimensions(img)
    if width > w or height > h:
        beyond = (
            max(width - w, 0) // 2,
            max(height - h, 0) // 2,
            (max(width - w, 0) + 1) // 2,
            (max(height - h, 0) + 1) // 2,
        )
        img = pad(img, beyond)
        _, h, w = dimensions(img)
    if (height, width) == (h, w):
        return img if is_array(img) else _pil.crop(img, 0, 0, h, w)
    return crop(img, round((h - height) / 2.0), round((w - width) / 2.0), height, width)


@on_host
def resized_crop(
    img: ImageLike,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """Cuts a window out (as `crop`) and resizes it (as `resize`).

    >>> resized_crop(np.ones((3, 8, 8)), 2, 2, 4, 4, (6, 7)).shape
    (3, 6, 7)
    """
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


@on_host
def hflip(img: Any) -> Any:
    """Mirrors left and right.

    >>> hflip(np.array([[[1, 2, 3]]])).tolist()
    [[[3, 2, 1]]]
    """
    if is_array(img):
        check_array(img)
        return img[..., ::-1].copy()
    return _pil.flip(img, "FLIP_LEFT_RIGHT")


@on_host
def vflip(img: Any) -> Any:
    """Mirrors top and bottom.

    >>> vflip(np.array([[[1], [2], [3]]])).tolist()
    [[[3], [2], [1]]]
    """
    if is_array(img):
        check_array(img)
        return img[..., ::-1, :].copy()
    return _pil.flip(img, "FLIP_TOP_BOTTOM")


@on_host
def five_crop(img: ImageLike, size: int | Sequence[int]) -> tuple[Any, Any, Any, Any, Any]:
    """The four corners (top left, top right, bottom left, bottom right) and the middle.

    Args:
        img: a PIL image or an array (..., H, W).
        size: (height, width) of each, or one length for both; at most the image's.

    >>> [part.item() for part in five_crop(np.arange(9).reshape(1, 3, 3), 1)]
    [0, 2, 6, 8, 4]
    """
    height, width = pair(size)
    _, h, w = dimensions(img)
    if width > w or height > h:
        raise ArgumentError(f"Requested crop size {(height, width)} is bigger than input size {(h, w)}")
    corners = ((0, 0), (0, w - width), (h - height, 0), (h - height, w - width))
    tl, tr, bl, br = (crop(img, top, left, height, width) for top, left in corners)
    return tl, tr, bl, br, center_crop(img, (height, width))


@on_host
def ten_crop(img: ImageLike, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[Any, ...]:
    """`five_crop` of the image and of its mirror image.

    Args:
        img: a PIL image or an array (..., H, W).
        size: (height, width) of each, or one length for both.
        vertical_flip: mirror top and bottom instead of left and right.

    >>> [part.item() for part in ten_crop(np.arange(9).reshape(1, 3, 3), 1)]
    [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """
    return five_crop(img, size) + five_crop((vflip if vertical_flip else hflip)(img), size)
