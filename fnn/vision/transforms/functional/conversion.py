"""From PIL images to arrays and back, between dtypes, and to zero mean and unit variance."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import (
    ImageLike,
    check_array,
    dimensions,
    is_array,
    is_floating,
    is_pil,
    of_jax,
    on_host,
    pil_from_array,
    pixels_of,
)
from fnn.vision.transforms import _colour, _layout

__all__ = [
    "convert_image_dtype",
    "erase",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "normalize",
    "pil_to_tensor",
    "to_pil_image",
    "to_tensor",
]

_SHORT = "I;16" if sys.byteorder == "little" else "I;16B"
_PIXELS = {"I": np.int32, _SHORT: np.int16, "F": np.float32}  # all other modes hold bytes
_MODE_OF = {np.dtype(np.uint8): "L", np.dtype(np.int16): _SHORT, np.dtype(np.int32): "I", np.dtype(np.float32): "F"}
_MODES = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}


@on_host
def get_dimensions(img: ImageLike) -> list[int]:
    """The number of channels, the height and the width of an image.

    Args:
        img: a PIL image or an array (..., C, H, W).

    >>> get_dimensions(np.zeros((3, 4, 5)))
    [3, 4, 5]
    """
    return dimensions(img)


@on_host
def get_image_size(img: ImageLike) -> list[int]:
    """The width and the height of an image (in this order).

    >>> get_image_size(np.zeros((3, 4, 5)))
    [5, 4]
    """
    _, height, width = dimensions(img)
    return [width, height]


@on_host
def get_image_num_channels(img: ImageLike) -> int:
    """The number of channels of an image; 1 for an array (H, W).

    >>> get_image_num_channels(np.zeros((3, 4, 5)))
    3
    """
    return dimensions(img)[0]


def _default_float() -> np.dtype:
    """The default dtype of fnn; float32 where nothing has loaded the module in which it could be changed."""
    dtypes = sys.modules.get("fnn.dtypes")
    return np.dtype(np.float32) if dtypes is None else dtypes.get_default_dtype()


def to_tensor(pic: Any) -> np.ndarray:
    """Pixels as a numpy array (C, H, W): bytes scaled to [0, 1], everything else as it is.

    Args:
        pic: a PIL image, or a numpy array (H, W, C) or (H, W).

    Returns:
        (C, H, W), new and contiguous; float32 (fnn's default dtype) from bytes, otherwise of the dtype of ``pic``.

    Raises:
        ArgumentTypeError: ``pic`` is neither of the two.
        ArgumentError: an array that has not 2 or 3 dimensions.

    >>> to_tensor(np.array([[0, 51], [102, 255]], np.uint8))
    array([[[0. , 0.2],
            [0.4, 1. ]]], dtype=float32)
    """
    if is_array(pic):
        if pic.ndim not in (2, 3):
            raise ArgumentError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        pixels = pic
    elif is_pil(pic):
        kind = _PIXELS.get(pic.mode)
        pixels = np.asarray(pic, kind) if kind is not None or pic.mode == "1" else np.asarray(pic, np.uint8)
        if pixels.dtype == np.bool_:
            pixels = pixels * np.uint8(255)
    else:
        raise ArgumentTypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if pixels.dtype != np.uint8:
        return planes.copy("C")
    dtype = _default_float()
    result = np.empty(planes.shape, np.float64 if dtype == np.float64 else np.float32)
    np.copyto(result, planes)
    result /= result.dtype.type(255)
    return result.astype(dtype, copy=False)


def pil_to_tensor(pic: ImageLike) -> np.ndarray:
    """The pixels of a PIL image as a new numpy array (C, H, W) of the type that its mode holds.

    Args:
        pic: a PIL image.

    Raises:
        ArgumentTypeError: ``pic`` is something else.

    >>> from PIL import Image
    >>> pil_to_tensor(Image.new("RGB", (2, 1), (1, 2, 3))).tolist()
    [[[1, 1]], [[2, 2]], [[3, 3]]]
    """
    if not is_pil(pic):
        raise ArgumentTypeError(f"pic should be PIL Image. Got {type(pic)}")
    return pixels_of(pic)


@on_host
def convert_image_dtype(image: Any, dtype: Any = np.float32) -> Any:
    """To another dtype, so that white stays white: the largest integer, or 1.0.

    Args:
        image: an array of any shape.
        dtype: the dtype of the result.

    Returns:
        an array of the shape of ``image``.

    Raises:
        ArgumentTypeError: ``image`` is no array.
        ArgumentError: float32 to int32 or int64, or float64 to int64, where white would overflow.

    >>> convert_image_dtype(np.array([[0, 51, 255]], np.uint8))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    if not is_array(image):
        raise ArgumentTypeError(f"Input img should be Tensor Image. Got {type(image)}")
    return _colour.convert_dtype(image, np.dtype(dtype))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A PIL image of an array; floating values are taken as [0, 1].

    A numpy array is read as (H, W, C), what PIL itself uses, unless only (C, H, W) can be meant: when the last axis
    is too long for channels and the first is not.  A JAX array is always (C, H, W).

    Args:
        pic: a numpy array (H, W, C), (C, H, W) or (H, W), or a JAX array (C, H, W) or (H, W).
        mode: the mode of the image; default: by the number of channels and the dtype.

    Raises:
        ArgumentTypeError: no array, or of a dtype that no mode holds.
        ArgumentError: more than 4 channels, or a mode that does not fit.

    >>> to_pil_image(np.zeros((3, 8, 9), np.uint8)).size
    (9, 8)
    """
    if is_pil(pic) or not (is_array(pic) or of_jax(pic)):
        raise ArgumentTypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if not is_array(pic):
        return planes_to_pil(np.asarray(pic), mode)
    if pic.ndim == 3 and not channels_are_last(pic):
        return planes_to_pil(pic, mode)
    return _pixels_to_pil(pic, mode)


def channels_are_last(pic: np.ndarray) -> bool:
    """Whether an array of three axes is (H, W, C): unless only (C, H, W) can be meant."""
    return not (pic.shape[2] > 4 and (pic.shape[0] < 4 or (pic.shape[0] == 4 and pic.shape[1] > 4)))


def planes_to_pil(planes: np.ndarray, mode: str | None = None) -> Any:
    """A PIL image of an array (C, H, W) or (H, W)."""
    return _pixels_to_pil(planes.transpose(1, 2, 0) if planes.ndim == 3 else planes, mode)


def _pixels_to_pil(pixels: np.ndarray, mode: str | None) -> Any:
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3:
        raise ArgumentError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    channels = pixels.shape[-1]
    if not 1 <= channels <= 4:
        raise ArgumentError(f"pic should not have > 4 channels. Got {channels} channels.")
    if is_floating(pixels.dtype) and mode != "F":
        pixels = pixels.astype(np.float32) if pixels.dtype.kind != "f" else pixels
        with np.errstate(invalid="ignore", over="ignore"):
            pixels = (pixels * 255).astype(np.uint8)
    if channels == 1:
        expected = _MODE_OF.get(pixels.dtype)
        if mode is not None and mode != expected:
            raise ArgumentError(f"Incorrect mode ({mode}) supplied for input type {pixels.dtype}. Should be {expected}")
        mode, pixels = expected, pixels[:, :, 0]
    elif mode is None:
        mode = _MODES[channels][0] if pixels.dtype == np.uint8 else None
    elif mode not in _MODES[channels]:
        raise ArgumentError(f"Only modes {list(_MODES[channels])} are supported for {channels}D inputs, got {mode!r}")
    if mode is None or (channels > 1 and pixels.dtype != np.uint8):
        raise ArgumentTypeError(f"Input type {pixels.dtype} is not supported")
    return pil_from_array(pixels, mode)


@on_host
def normalize(tensor: Any, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    """``(tensor - mean) / std``, channel by channel.

    Args:
        tensor: a floating array (..., C, H, W).
        mean: one value a channel (or one for all).
        std: one value a channel (or one for all), not zero.
        inplace: write the result into ``tensor`` (numpy arrays only; a JAX array never changes).

    Returns:
        an array of the shape and dtype of ``tensor``.

    Raises:
        ArgumentTypeError: no array, or one of integers.
        ArgumentError: fewer than 3 dimensions, or a zero in ``std``.

    >>> normalize(np.full((1, 1, 2), 0.75, np.float32), [0.5], [0.5])
    array([[[0.5, 0.5]]], dtype=float32)
    """
    if not is_array(tensor):
        raise ArgumentTypeError(f"img should be Tensor Image. Got {type(tensor)}")
    check_array(tensor)
    dtype = tensor.dtype
    if not is_floating(dtype):
        raise ArgumentTypeError(f"Input tensor should be a float tensor. Got {dtype}.")
    if tensor.ndim < 3:
        raise ArgumentError(
            f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {tensor.shape}"
        )
    centre, scale = np.asarray(mean, dtype), np.asarray(std, dtype)
    if (scale == 0).any():
        raise ArgumentError(f"std evaluated to zero after conversion to {dtype}, leading to division by zero.")
    if centre.ndim == 1:
        centre = centre[:, None, None]
    if scale.ndim == 1:
        scale = scale[:, None, None]
    for name, value in (("mean", centre), ("std", scale)):
        if value.ndim and value.shape[0] not in (1, tensor.shape[-3]):
            raise ArgumentError(
                f"normalize: {name} has {value.shape[0]} values, which must match the {tensor.shape[-3]} channels of "
                f"an array of shape {tensor.shape}"
            )
    result = np.subtract(tensor, centre, out=tensor if inplace else None)
    result /= scale
    return result


@on_host
def erase(img: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """Writes ``v`` into a window.

    Args:
        img: an array (..., C, H, W).
        i: the first row.
        j: the first column.
        h: the height of the window.
        w: the width of the window.
        v: what to write; broadcast to the window.
        inplace: write into ``img`` itself (numpy arrays only; a JAX array never changes).

    Raises:
        ArgumentTypeError: ``img`` is no array.

    >>> erase(np.ones((1, 2, 3)), 0, 1, 1, 2, 0.0).tolist()
    [[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]
    """
    if not is_array(img):
        raise ArgumentTypeError(f"img should be Tensor Image. Got {type(img)}")
    return _layout.erase(img, i, j, h, w, v, inplace)
