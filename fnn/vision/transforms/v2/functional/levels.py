"""Inverting, fewer levels, and histograms."""

from typing import Any

import numpy as np

from fnn.errors import ArgumentTypeError
from fnn.vision._images import is_floating, max_value, working
from fnn.vision.transforms import _colour
from fnn.vision.transforms import functional as first
from fnn.vision.transforms.v2.functional.colour import _channels
from fnn.vision.transforms.v2.functional.dtypes import to_dtype_image, value_bits
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import Image

__all__ = [
    "autocontrast", "autocontrast_image", "autocontrast_video", "equalize", "equalize_image", "equalize_video",
    "invert", "invert_image", "invert_video", "posterize", "posterize_image", "posterize_video", "solarize",
    "solarize_image", "solarize_video",
]  # fmt: skip


def invert(inpt: Input) -> Any:
    """White minus the image.

    Args:
        inpt: a PIL image or an array of any shape.

    Example:
        >>> invert(np.array([[[0, 55]]], np.uint8)).tolist()
        [[[255, 200]]]
    """
    return call(invert, inpt)


@kernel(invert, np.ndarray, Image)
def invert_image(image: np.ndarray) -> Any:
    if not is_floating(image.dtype):
        value_bits(image.dtype)
    return _colour.inverted(image)


def posterize(inpt: Input, bits: int) -> Any:
    """Keeps the ``bits`` most significant bits of each value, or as many levels of floating ones.

    Args:
        inpt: a PIL image or an array of any shape.
        bits: 0 to 8.

    Raises:
        ArgumentTypeError: another number of bits.

    Example:
        >>> posterize(np.array([[[255, 100]]], np.uint8), 1).tolist()
        [[[128, 0]]]
    """
    return call(posterize, inpt, bits=bits)


@kernel(posterize, np.ndarray, Image)
def posterize_image(image: np.ndarray, bits: int) -> Any:
    if not isinstance(bits, int) or not 0 <= bits <= 8:
        raise ArgumentTypeError(f"bits must be a positive integer in the range [0, 8], got {bits} instead.")
    if is_floating(image.dtype):
        levels, work = 1 << bits, working(image)
        step = np.clip(np.floor(image.astype(work) * work.type(levels)), 0, levels - 1)
        return (step * work.type(1.0 / levels)).astype(image.dtype)
    most = value_bits(image.dtype)
    if bits >= most:
        return image
    return image & image.dtype.type(((1 << bits) - 1) << (most - bits))


def solarize(inpt: Input, threshold: float) -> Any:
    """Inverts every value from ``threshold`` up.

    Args:
        inpt: a PIL image or an array of any shape.
        threshold: the first value to invert, at most white.

    Raises:
        ArgumentTypeError: a threshold above white.

    Example:
        >>> solarize(np.array([[[100, 200]]], np.uint8), 150).tolist()
        [[[100, 55]]]
    """
    return call(solarize, inpt, threshold=threshold)


@kernel(solarize, np.ndarray, Image)
def solarize_image(image: np.ndarray, threshold: float) -> Any:
    if threshold > max_value(image.dtype):
        raise ArgumentTypeError(
            f"Threshold should be less or equal the maximum value of the dtype, but got {threshold}"
        )
    return _colour.inverted_from(image, threshold)


def autocontrast(inpt: Input) -> Any:
    """Stretches each channel, so that its darkest value becomes black and its lightest white.

    Args:
        inpt: a PIL image or an array (..., 1 or 3, H, W).

    Example:
        >>> autocontrast(np.array([[[0.25, 0.375, 0.5]]], np.float32)).tolist()
        [[[0.0, 0.5, 1.0]]]
    """
    return call(autocontrast, inpt)


@kernel(autocontrast, np.ndarray, Image)
def autocontrast_image(image: np.ndarray) -> Any:
    _channels(image)
    return image if image.size == 0 else _colour.stretched(image, second=True)


def equalize(inpt: Input) -> Any:
    """Makes the histogram of each channel as flat as a table of 256 values can.

    Args:
        inpt: a PIL image or an array (..., H, W); other dtypes than bytes are made bytes and back.

    Example:
        >>> equalize(np.array([[[1, 2], [3, 4]]], np.uint8)).tolist()
        [[[1, 2], [3, 4]]]
    """
    return call(equalize, inpt)


@kernel(equalize, np.ndarray, Image)
def equalize_image(image: np.ndarray) -> Any:
    if image.size == 0:
        return image
    return to_dtype_image(_colour.equalized(to_dtype_image(image, np.uint8, scale=True)), image.dtype, scale=True)


for _functional, _on_pil in (
    (invert, first.invert),
    (posterize, first.posterize),
    (solarize, first.solarize),
    (autocontrast, first.autocontrast),
    (equalize, first.equalize),
):
    kernel(_functional, PIL)(_on_pil)

invert_video = of_video(invert, invert_image)
posterize_video = of_video(posterize, posterize_image)
solarize_video = of_video(solarize, solarize_image)
autocontrast_video = of_video(autocontrast, autocontrast_image)
equalize_video = of_video(equalize, equalize_image)
