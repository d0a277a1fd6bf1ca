"""Brightness, contrast, colour and sharpness.

PIL images are changed by Pillow.  Arrays are changed in the order of operations, and with the rounding, of
torchvision's second version of transforms, which is not always that of the first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import check_array, is_floating, max_value, working
from fnn.vision.transforms import _colour, _layout
from fnn.vision.transforms import functional as first
from fnn.vision.transforms.functional.conversion import pil_to_tensor, planes_to_pil
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import Image

__all__ = [
    "adjust_brightness", "adjust_brightness_image", "adjust_brightness_video", "adjust_contrast",
    "adjust_contrast_image", "adjust_contrast_video", "adjust_gamma", "adjust_gamma_image", "adjust_gamma_video",
    "adjust_hue", "adjust_hue_image", "adjust_hue_video", "adjust_saturation", "adjust_saturation_image",
    "adjust_saturation_video", "adjust_sharpness", "adjust_sharpness_image", "adjust_sharpness_video",
    "grayscale_to_rgb", "grayscale_to_rgb_image", "permute_channels", "permute_channels_image",
    "permute_channels_video", "rgb_to_grayscale", "rgb_to_grayscale_image", "to_grayscale",
]  # fmt: skip


def _channels(image: np.ndarray) -> int:
    """The number of channels, which must be 1 or 3."""
    check_array(image, 3)
    channels = image.shape[-3]
    if channels not in (1, 3):
        raise ArgumentTypeError(f"Input image tensor permitted channel values are 1 or 3, but found {channels}")
    return channels


def _check_factor(name: str, factor: float) -> None:
    if factor < 0:
        raise ArgumentError(f"{name} ({factor}) is not non-negative.")


def rgb_to_grayscale(inpt: Input, num_output_channels: int = 1) -> Any:
    """A grey image: 0.2989 red + 0.587 green + 0.114 blue.

    Args:
        inpt: a PIL image or an array (..., 1 or 3, H, W).
        num_output_channels: 1 or 3 (equal ones).

    Raises:
        ArgumentError: another number of channels.

    Example:
        >>> rgb_to_grayscale(np.array([[[255]], [[0]], [[0]]], np.uint8)).item()
        76
    """
    return call(rgb_to_grayscale, inpt, num_output_channels=num_output_channels)


to_grayscale = rgb_to_grayscale


def _check_grey(num_output_channels: int) -> None:
    if num_output_channels not in (1, 3):
        raise ArgumentError(f"num_output_channels must be 1 or 3, got {num_output_channels}.")


@kernel(rgb_to_grayscale, np.ndarray, Image)
def rgb_to_grayscale_image(image: np.ndarray, num_output_channels: int = 1) -> Any:
    _check_grey(num_output_channels)
    grey = image if _channels(image) == 1 else _colour.luma(image, second=True).astype(image.dtype)
    return np.repeat(grey, num_output_channels, -3)


@kernel(rgb_to_grayscale, PIL)
def _rgb_to_grayscale_pil(image: Any, num_output_channels: int = 1) -> Any:
    _check_grey(num_output_channels)
    return first.to_grayscale(image, num_output_channels)


def _grey(image: np.ndarray) -> np.ndarray:
    """The luma, cut off to an integer where the image holds integers, in floating point."""
    grey = _colour.luma(image, second=True)
    return grey if is_floating(image.dtype) else np.floor(grey)


def grayscale_to_rgb(inpt: Input) -> Any:
    """A grey image in three equal channels; one of colours as it is.

    Args:
        inpt: a PIL image or an array (..., C, H, W).

    Example:
        >>> grayscale_to_rgb(np.array([[[7]]], np.uint8)).ravel().tolist()
        [7, 7, 7]
    """
    return call(grayscale_to_rgb, inpt)


@kernel(grayscale_to_rgb, np.ndarray, Image)
def grayscale_to_rgb_image(image: np.ndarray) -> Any:
    check_array(image, 3)
    return image if image.shape[-3] >= 3 else rgb_to_grayscale_image(image, num_output_channels=3)


@kernel(grayscale_to_rgb, PIL)
def _grayscale_to_rgb_pil(image: Any) -> Any:
    return image.convert(mode="RGB")


def adjust_brightness(inpt: Input, brightness_factor: float) -> Any:
    """Blends with black.

    Args:
        inpt: a PIL image or an array (..., 1 or 3, H, W).
        brightness_factor: 0 gives black, 1 the image, 2 twice its brightness.

    Raises:
        ArgumentError: a negative factor for an array.

    Example:
        >>> adjust_brightness(np.array([[[100, 200]]], np.uint8), 1.5).tolist()
        [[[150, 255]]]
    """
    return call(adjust_brightness, inpt, brightness_factor=brightness_factor)


@kernel(adjust_brightness, np.ndarray, Image)
def adjust_brightness_image(image: np.ndarray, brightness_factor: float) -> Any:
    _check_factor("brightness_factor", brightness_factor)
    _channels(image)
    work = working(image)
    bright = np.clip(image.astype(work) * work.type(brightness_factor), 0, work.type(max_value(image.dtype)))
    return bright.astype(image.dtype)


def adjust_contrast(inpt: Input, contrast_factor: float) -> Any:
    """Blends with the mean of the grey image.

    Args:
        inpt: a PIL image or an array (..., 1 or 3, H, W).
        contrast_factor: 0 gives plain grey, 1 the image, 2 twice its contrast.

    Raises:
        ArgumentError: a negative factor for an array.

    Example:
        >>> adjust_contrast(np.array([[[100, 200]]], np.uint8), 0.5).tolist()
        [[[125, 175]]]
    """
    return call(adjust_contrast, inpt, contrast_factor=contrast_factor)


@kernel(adjust_contrast, np.ndarray, Image)
def adjust_contrast_image(image: np.ndarray, contrast_factor: float) -> Any:
    _check_factor("contrast_factor", contrast_factor)
    grey = _grey(image) if _channels(image) == 3 else image
    mean = grey.mean((-3, -2, -1), keepdims=True, dtype=np.float64).astype(working(image))
    return _colour.blend(image, mean, contrast_factor, second=True)


def adjust_saturation(inpt: Input, saturation_factor: float) -> Any:
    """Blends with the grey image.

    Args:
        inpt: a PIL image or an array (..., 1 or 3, H, W).
        saturation_factor: 0 gives the grey image, 1 the image, 2 twice its saturation.

    Raises:
        ArgumentError: a negative factor for an array.

    Example:
        >>> adjust_saturation(np.array([[[100]], [[100]], [[100]]], np.uint8), 2.0).ravel().tolist()
        [101, 101, 101]
    """
    return call(adjust_saturation, inpt, saturation_factor=saturation_factor)


@kernel(adjust_saturation, np.ndarray, Image)
def adjust_saturation_image(image: np.ndarray, saturation_factor: float) -> Any:
    _check_factor("saturation_factor", saturation_factor)
    if _channels(image) == 1:
        return image
    return _colour.blend(image, _grey(image), saturation_factor, second=True)


def adjust_sharpness(inpt: Input, sharpness_factor: float) -> Any:
    """Blends with a smoothed image.

    Args:
        inpt: a PIL image or an array (..., 1 or 3, H, W).
        sharpness_factor: 0 gives the smoothed image, 1 the image, 2 twice its sharpness.

    Raises:
        ArgumentError: a negative factor for an array.

    Example:
        >>> adjust_sharpness(np.eye(3)[None] * 13, 0.0)[0, 1].tolist()
        [0.0, 1.0, 0.0]
    """
    return call(adjust_sharpness, inpt, sharpness_factor=sharpness_factor)


@kernel(adjust_sharpness, np.ndarray, Image)
def adjust_sharpness_image(image: np.ndarray, sharpness_factor: float) -> Any:
    check_array(image, 3)
    return _layout.adjust_sharpness(image, sharpness_factor, second=True)


def adjust_hue(inpt: Input, hue_factor: float) -> Any:
    """Turns the circle of colours.

    Args:
        inpt: a PIL image or an array (..., 1 or 3, H, W); grey images stay as they are.
        hue_factor: in [-0.5, 0.5]: half a turn back to half a turn on.

    Raises:
        ArgumentError: a factor outside.

    Example:
        >>> adjust_hue(np.array([[[1.0]], [[0.0]], [[0.0]]], np.float32), 0.5).ravel().tolist()
        [0.0, 1.0, 1.0]
    """
    return call(adjust_hue, inpt, hue_factor=hue_factor)


@kernel(adjust_hue, np.ndarray, Image)
def adjust_hue_image(image: np.ndarray, hue_factor: float) -> Any:
    if not -0.5 <= hue_factor <= 0.5:
        raise ArgumentError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if _channels(image) == 1 or image.size == 0:
        return image
    return _colour.hue_turned(image, hue_factor, second=True)


def adjust_gamma(inpt: Input, gamma: float, gain: float = 1) -> Any:
    """``gain * inpt ** gamma``, on the scale of [0, 1].

    Args:
        inpt: a PIL image or an array (..., H, W).
        gamma: above 1 darkens, below 1 brightens; not negative.
        gain: a factor.

    Raises:
        ArgumentError: a negative ``gamma``.

    Example:
        >>> adjust_gamma(np.array([[[0.5]]], np.float32), 2).tolist()
        [[[0.25]]]
    """
    return call(adjust_gamma, inpt, gamma=gamma, gain=gain)


@kernel(adjust_gamma, np.ndarray, Image)
def adjust_gamma_image(image: np.ndarray, gamma: float, gain: float = 1.0) -> Any:
    if gamma < 0:
        raise ArgumentError(f"Gamma should be a non-negative real number, got {gamma}")
    return _colour.to_power(image, gamma, gain, second=True)


def permute_channels(inpt: Input, permutation: Sequence[int]) -> Any:
    """Puts the channels into another order: channel i of the result is channel ``permutation[i]`` of the input.

    Args:
        inpt: a PIL image or an array (..., C, H, W).
        permutation: the C numbers of channels in their new order.

    Raises:
        ArgumentError: not as many numbers as channels.

    Example:
        >>> permute_channels(np.array([[[1]], [[2]], [[3]]]), [2, 0, 1]).ravel().tolist()
        [3, 1, 2]
    """
    return call(permute_channels, inpt, permutation=permutation)


@kernel(permute_channels, np.ndarray, Image)
def permute_channels_image(image: np.ndarray, permutation: Sequence[int]) -> Any:
    check_array(image, 3)
    if len(permutation) != image.shape[-3]:
        raise ArgumentError(
            f"Length of permutation does not match number of channels: {len(permutation)} != {image.shape[-3]}"
        )
    return image[..., list(permutation), :, :]


@kernel(permute_channels, PIL)
def _permute_channels_pil(image: Any, permutation: Sequence[int]) -> Any:
    return planes_to_pil(permute_channels_image(pil_to_tensor(image), permutation))


for _functional, _on_pil in (
    (adjust_brightness, first.adjust_brightness),
    (adjust_contrast, first.adjust_contrast),
    (adjust_gamma, first.adjust_gamma),
    (adjust_hue, first.adjust_hue),
    (adjust_saturation, first.adjust_saturation),
    (adjust_sharpness, first.adjust_sharpness),
):
    kernel(_functional, PIL)(_on_pil)

adjust_brightness_video = of_video(adjust_brightness, adjust_brightness_image)
adjust_contrast_video = of_video(adjust_contrast, adjust_contrast_image)
adjust_gamma_video = of_video(adjust_gamma, adjust_gamma_image)
adjust_hue_video = of_video(adjust_hue, adjust_hue_image)
adjust_saturation_video = of_video(adjust_saturation, adjust_saturation_image)
adjust_sharpness_video = of_video(adjust_sharpness, adjust_sharpness_image)
permute_channels_video = of_video(permute_channels, permute_channels_image)
