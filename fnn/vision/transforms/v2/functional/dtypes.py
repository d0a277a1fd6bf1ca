"""Between dtypes, and to zero mean and unit variance."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import is_floating
from fnn.vision.transforms import _colour
from fnn.vision.transforms import functional as first
from fnn.vision.transforms.v2.functional.registry import Input, call, kernel, of_video
from fnn.vision.tv_tensors import BoundingBoxes, Image, KeyPoints, Mask

__all__ = [
    "convert_image_dtype", "normalize", "normalize_image", "normalize_video", "to_dtype", "to_dtype_image",
    "to_dtype_video",
]  # fmt: skip

_BITS = {"uint8": 8, "int8": 7, "int16": 15, "uint16": 16, "int32": 31, "int64": 63}


def value_bits(dtype: np.dtype) -> int:
    """How many bits of an integer dtype hold the value."""
    if dtype.name not in _BITS:
        raise ArgumentTypeError(f"Number of value bits is only defined for integer dtypes, but got {dtype}.")
    return _BITS[dtype.name]


def to_dtype(inpt: Input, dtype: object = np.float32, scale: bool = False) -> Any:
    """To another dtype.

    Args:
        inpt: an array of any shape.
        dtype: the dtype of the result.
        scale: whether white stays white, the largest integer or 1.0; only of images and videos.

    Raises:
        ArgumentError: scaled, float32 to int32 or int64, or float64 to int64, where white would overflow.

    Example:
        >>> to_dtype(np.array([0, 255], np.uint8), np.float32, scale=True)
        array([0., 1.], dtype=float32)
    """
    return call(to_dtype, inpt, dtype=dtype, scale=scale)


@kernel(to_dtype, np.ndarray, Image)
def to_dtype_image(image: np.ndarray, dtype: object = np.float32, scale: bool = False) -> Any:
    wanted = np.dtype(dtype)  # pyright: ignore[reportArgumentType, reportCallIssue]
    if image.dtype == wanted:
        return image
    if not scale:
        with np.errstate(invalid="ignore", over="ignore"):
            return image.astype(wanted)
    if not is_floating(image.dtype) and not is_floating(wanted):
        for integer in (image.dtype, wanted):
            value_bits(integer)
    return _colour.convert_dtype(image, wanted, second=True)


to_dtype_video = of_video(to_dtype, to_dtype_image)


@kernel(to_dtype, BoundingBoxes, KeyPoints, Mask, measures=True)
def _to_dtype_unscaled(inpt: Any, dtype: object = np.float32, scale: bool = False) -> Any:
    return inpt.astype(dtype)


def convert_image_dtype(image: np.ndarray, dtype: object = np.float32) -> Any:
    """`to_dtype` with ``scale=True``, under the first version's name.

    Args:
        image: an array of any shape.
        dtype: the dtype of the result.

    Example:
        >>> convert_image_dtype(np.array([0, 255], np.uint8))
        array([0., 1.], dtype=float32)
    """
    return to_dtype_image(image, dtype=dtype, scale=True)


def normalize(inpt: Input, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    """``(inpt - mean) / std``, channel by channel.

    Args:
        inpt: a floating array (..., C, H, W).
        mean: one value a channel (or one for all).
        std: one value a channel (or one for all), not zero.
        inplace: write the result into ``inpt`` (numpy arrays only; a JAX array never changes).

    Raises:
        ArgumentTypeError: an array of integers.
        ArgumentError: fewer than 3 dimensions, or a zero in ``std``.

    Example:
        >>> normalize(np.full((1, 1, 2), 0.75, np.float32), [0.5], [0.5])
        array([[[0.5, 0.5]]], dtype=float32)
    """
    return call(normalize, inpt, mean=mean, std=std, inplace=inplace)


@kernel(normalize, np.ndarray, Image)
def normalize_image(image: np.ndarray, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    if not is_floating(image.dtype):
        raise ArgumentTypeError(f"Input tensor should be a float tensor. Got {image.dtype}.")
    if image.ndim < 3:
        raise ArgumentError(f"Expected tensor to be a tensor image of size (..., C, H, W). Got {image.shape}.")
    return first.normalize(image, mean, std, inplace)


normalize_video = of_video(normalize, normalize_image)
