"""Brightness, contrast, colour, and the filters that sharpen and smooth."""

from collections.abc import Callable, Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import ImageLike, is_array, is_pil, on_host
from fnn.vision.transforms import _colour, _layout, _pil
from fnn.vision.transforms.functional.conversion import pil_to_tensor, planes_to_pil

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "autocontrast",
    "equalize",
    "gaussian_blur",
    "invert",
    "posterize",
    "rgb_to_grayscale",
    "solarize",
    "to_grayscale",
]


def _enhance(img: ImageLike, on_array: Callable[[Any, float], Any], kind: str, factor: float) -> Any:
    return on_array(img, factor) if is_array(img) else _pil.enhance(img, kind, factor)


@on_host
def adjust_brightness(img: ImageLike, brightness_factor: float) -> Any:
    """Blends with black.

    Args:
        img: a PIL image or an array (..., 1 or 3, H, W).
        brightness_factor: 0 gives black, 1 the image, 2 twice its brightness.

    Raises:
        ArgumentError: a negative factor for an array.

    >>> import numpy as np
    >>> adjust_brightness(np.array([[[100, 200]]], np.uint8), 1.5).tolist()
    [[[150, 255]]]
    """
    return _enhance(img, _colour.adjust_brightness, "Brightness", brightness_factor)


@on_host
def adjust_contrast(img: ImageLike, contrast_factor: float) -> Any:
    """Blends with the mean of the grey image.

    Args:
        img: a PIL image or an array (..., 1 or 3, H, W).
        contrast_factor: 0 gives plain grey, 1 the image, 2 twice its contrast.

    Raises:
        ArgumentError: a negative factor for an array.

    >>> import numpy as np
    >>> adjust_contrast(np.array([[[100, 200]]], np.uint8), 0.5).tolist()
    [[[125, 175]]]
    """
    return _enhance(img, _colour.adjust_contrast, "Contrast", contrast_factor)


@on_host
def adjust_saturation(img: ImageLike, saturation_factor: float) -> Any:
    """Blends with the grey image.

    Args:
        img: a PIL image or an array (..., 1 or 3, H, W).
        saturation_factor: 0 gives the grey image, 1 the image, 2 twice its saturation.

    Raises:
        ArgumentError: a negative factor for an array.

    >>> import numpy as np
    >>> adjust_saturation(np.array([[[100]], [[100]], [[100]]], np.uint8), 2.0).ravel().tolist()
    [101, 101, 101]
    """
    return _enhance(img, _colour.adjust_saturation, "Color", saturation_factor)


@on_host
def adjust_sharpness(img: ImageLike, sharpness_factor: float) -> Any:
    """Blends with a smoothed image.

    Args:
        img: a PIL image or an array (..., 1 or 3, H, W).
        sharpness_factor: 0 gives the smoothed image, 1 the image, 2 twice its sharpness.

    Raises:
        ArgumentError: a negative factor for an array.

    >>> import numpy as np
    >>> adjust_sharpness(np.eye(3)[None] * 13, 0.0)[0, 1].tolist()
    [0.0, 1.0, 0.0]
    """
    return _enhance(img, _layout.adjust_sharpness, "Sharpness", sharpness_factor)


@on_host
def adjust_hue(img: Any, hue_factor: float) -> Any:
    """Turns the circle of colours.

    Args:
        img: a PIL image or an array (..., 1 or 3, H, W); grey images stay as they are.
        hue_factor: in [-0.5, 0.5]: half a turn back to half a turn on.

    Raises:
        ArgumentError: a factor outside.

    >>> import numpy as np
    >>> adjust_hue(np.array([[[1.0]], [[0.0]], [[0.0]]], np.float32), 0.5).ravel().tolist()
    [0.0, 1.0, 1.0]
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ArgumentError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    return (_colour if is_array(img) else _pil).adjust_hue(img, hue_factor)


@on_host
def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """``gain * img ** gamma``, on the scale of [0, 1].

    Args:
        img: a PIL image or an array (..., 1 or 3, H, W).
        gamma: above 1 darkens, below 1 brightens; not negative.
        gain: a factor.

    Raises:
        ArgumentError: a negative ``gamma``.

    >>> import numpy as np
    >>> adjust_gamma(np.array([[[0.5]]], np.float32), 2).tolist()
    [[[0.25]]]
    """
    if gamma < 0:
        raise ArgumentError(f"Gamma should be a non-negative real number, got {gamma}")
    return (_colour if is_array(img) else _pil).adjust_gamma(img, gamma, gain)


def to_grayscale(img: ImageLike, num_output_channels: int = 1) -> Any:
    """A grey PIL image of a PIL image, in one or three equal channels.

    >>> from PIL import Image
    >>> to_grayscale(Image.new("RGB", (1, 1), (255, 0, 0))).getpixel((0, 0))
    76
    """
    if not is_pil(img):
        raise ArgumentTypeError(f"Input should be PIL Image. Got {type(img)}")
    return _pil.grayscale(img, num_output_channels)


@on_host
def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """A grey image: 0.2989 red + 0.587 green + 0.114 blue.

    Args:
        img: a PIL image or an array (..., 1 or 3, H, W).
        num_output_channels: 1 or 3 (equal ones).

    Raises:
        ArgumentError: another number of channels.

    >>> import numpy as np
    >>> rgb_to_grayscale(np.array([[[255]], [[0]], [[0]]], np.uint8)).item()
    76
    """
    return (_colour if is_array(img) else _pil).grayscale(img, num_output_channels)


@on_host
def gaussian_blur(img: Any, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None) -> Any:
    """Smooths by a Gaussian, the image being mirrored at its borders.

    Args:
        img: a PIL image or an array (..., C, H, W).
        kernel_size: odd; one or (x, y).
        sigma: the standard deviation, in pixels; one or (x, y).  Default: ``0.15 * kernel_size + 0.35``.

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a wrong length, an even size or a ``sigma`` that is not positive.

    >>> import numpy as np
    >>> gaussian_blur(np.ones((1, 3, 3)), 3, 1.0).round(6).tolist()
    [[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]
    """
    if not isinstance(kernel_size, (int, list, tuple)):
        raise ArgumentTypeError(f"kernel_size should be int or a sequence of integers. Got {type(kernel_size)}")
    kernel_size = [kernel_size] * 2 if isinstance(kernel_size, int) else kernel_size
    if len(kernel_size) != 2:
        raise ArgumentError(f"If kernel_size is a sequence its length should be 2. Got {len(kernel_size)}")
    if any(size % 2 == 0 or size < 0 for size in kernel_size):
        raise ArgumentError(f"kernel_size should have odd and positive integers. Got {kernel_size}")
    if sigma is None:
        sigma = [size * 0.15 + 0.35 for size in kernel_size]
    if not isinstance(sigma, (int, float, list, tuple)):
        raise ArgumentTypeError(f"sigma should be either float or sequence of floats. Got {type(sigma)}")
    sigma = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else sigma
    if len(sigma) == 1:
        sigma = [sigma[0]] * 2
    if len(sigma) != 2:
        raise ArgumentError(f"If sigma is a sequence, its length should be 2. Got {len(sigma)}")
    if any(s <= 0.0 for s in sigma):
        raise ArgumentError(f"sigma should have positive values. Got {sigma}")
    if is_array(img):
        return _layout.gaussian_blur(img, kernel_size, sigma)
    if not is_pil(img):
        raise ArgumentTypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    return planes_to_pil(_layout.gaussian_blur(pil_to_tensor(img), kernel_size, sigma), img.mode)


@on_host
def invert(img: Any) -> Any:
    """White minus the image.

    >>> import numpy as np
    >>> invert(np.array([[[0, 55]]], np.uint8)).tolist()
    [[[255, 200]]]
    """
    return _colour.invert(img) if is_array(img) else _pil.operate(img, "invert")


@on_host
def posterize(img: Any, bits: int) -> Any:
    """Keeps the ``bits`` (0 to 8) most significant bits of each byte.

    >>> import numpy as np
    >>> posterize(np.array([[[255, 100]]], np.uint8), 1).tolist()
    [[[128, 0]]]
    """
    if not 0 <= bits <= 8:
        raise ArgumentError(f"The number if bits should be between 0 and 8. Got {bits}")
    return _colour.posterize(img, bits) if is_array(img) else _pil.operate(img, "posterize", bits)


@on_host
def solarize(img: Any, threshold: float) -> Any:
    """Inverts every value from ``threshold`` up.

    >>> import numpy as np
    >>> solarize(np.array([[[100, 200]]], np.uint8), 150).tolist()
    [[[100, 55]]]
    """
    return _colour.solarize(img, threshold) if is_array(img) else _pil.operate(img, "solarize", threshold)


@on_host
def autocontrast(img: Any) -> Any:
    """Stretches each channel, so that its darkest value becomes black and its lightest white.

    >>> import numpy as np
    >>> autocontrast(np.array([[[50, 100, 101]]], np.uint8)).tolist()
    [[[0, 250, 255]]]
    """
    return _colour.autocontrast(img) if is_array(img) else _pil.operate(img, "autocontrast")


@on_host
def equalize(img: Any) -> Any:
    """Makes the histogram of each channel as flat as a table of values can.

    Args:
        img: a PIL image or an array (1 or 3, H, W) or (N, 1 or 3, H, W) of uint8.

    >>> import numpy as np
    >>> equalize(np.array([[[1, 2], [3, 4]]], np.uint8)).tolist()
    [[[1, 2], [3, 4]]]
    """
    return _colour.equalize(img) if is_array(img) else _pil.operate(img, "equalize")
