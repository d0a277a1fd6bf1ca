"""Colour of arrays by numpy: step by step as torchvision's tensor functions, each step rounded to the same dtype.

``torchvision.transforms.v2`` takes some of the steps in another order, or fuses two of them: with ``second`` they are
taken, and rounded, as there.  The checks of arguments are those of the first version; the second has its own.
"""

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import (
    channels_of,
    check_array,
    check_channels,
    is_floating,
    max_value,
    working,
)
from fnn.vision.transforms._fused import fused

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "autocontrast",
    "blend",
    "convert_dtype",
    "equalize",
    "equalized",
    "grayscale",
    "hue_turned",
    "invert",
    "inverted",
    "inverted_from",
    "luma",
    "posterize",
    "solarize",
    "stretched",
    "to_power",
]


def _cast(img: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """To a dtype, values that it does not hold becoming anything, as in C."""
    with np.errstate(invalid="ignore", over="ignore"):
        return img.astype(dtype)


def _to_floating(img: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return _cast(img if dtype.itemsize > 2 else img.astype(np.float32), dtype)  # the half types by way of float32


def convert_dtype(img: np.ndarray, dtype: np.dtype, second: bool = False) -> np.ndarray:
    """To another dtype, white staying white: 255, 32767, ... and 1."""
    if img.dtype == dtype:
        return img
    if is_floating(img.dtype):
        if is_floating(dtype):
            return _to_floating(img, dtype)
        if (img.dtype == np.float32 and dtype in (np.int32, np.int64)) or (
            img.dtype == np.float64 and dtype == np.int64
        ):
            raise ArgumentError(f"The cast from {img.dtype} to {dtype} cannot be performed safely.")
        # a little below max + 1: every integer of the result gets an equal share of [0, 1]
        return _cast(img.astype(working(img)) * working(img).type(max_value(dtype) + 1.0 - 1e-3), dtype)
    high = max_value(img.dtype)
    if is_floating(dtype):
        work = np.dtype(np.float64 if dtype == np.float64 else np.float32)
        result = _to_floating(img, dtype).astype(work, copy=False)
        if second:
            result *= work.type(1.0 / high)
        else:
            result /= work.type(high)
        return result.astype(dtype, copy=False)
    new_high = max_value(dtype)
    if high > new_high:
        return _cast(img // img.dtype.type((high + 1) // (new_high + 1)), dtype)
    return _cast(img, dtype) * dtype.type((new_high + 1) // (high + 1))


def blend(img: np.ndarray, other: np.ndarray, ratio: float, second: bool = False) -> np.ndarray:
    """``ratio * img + (1 - ratio) * other``, inside the range of the dtype, integers cut off."""
    work = working(img)
    result = img.astype(work)
    result *= work.type(ratio)
    if second:
        result = fused(np.broadcast_to(other.astype(work), img.shape), work.type(1.0 - float(ratio)), result, work)
    else:
        result += other.astype(work) * work.type(1.0 - float(ratio))
    np.clip(result, 0, work.type(max_value(img.dtype)), out=result)
    return _cast(result, img.dtype)


def grayscale(img: np.ndarray, num_output_channels: int = 1) -> np.ndarray:
    """The luma of ITU-R 601-2 in one or three equal channels."""
    check_array(img, 3)
    check_channels(img)
    if num_output_channels not in (1, 3):
        raise ArgumentError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    gray = img
    if img.shape[-3] == 3:
        gray = _cast(luma(img), img.dtype)
    return np.repeat(gray, num_output_channels, -3) if gray.shape[-3] != num_output_channels else gray.copy()


def luma(img: np.ndarray, second: bool = False) -> np.ndarray:
    """``0.2989 red + 0.587 green + 0.114 blue``, not rounded, of the first three channels: (..., 1, H, W)."""
    dtype = working(img)
    red, green, blue = (img[..., i, None, :, :].astype(dtype) for i in range(3))
    total = red * dtype.type(0.2989)
    for part, weight in ((green, dtype.type(0.587)), (blue, dtype.type(0.114))):
        total = fused(part, weight, total, dtype) if second else total + part * weight
    return total


def _check_factor(name: str, factor: float) -> None:
    if factor < 0:
        raise ArgumentError(f"{name} ({factor}) is not non-negative.")


def adjust_brightness(img: np.ndarray, factor: float) -> np.ndarray:
    _check_factor("brightness_factor", factor)
    check_array(img)
    check_channels(img)
    return blend(img, np.zeros((), img.dtype), factor)


def adjust_contrast(img: np.ndarray, factor: float) -> np.ndarray:
    _check_factor("contrast_factor", factor)
    check_array(img)
    check_channels(img)
    gray = grayscale(img) if channels_of(img) == 3 else img
    axes = tuple(range(-min(img.ndim, 3), 0))
    return blend(img, gray.mean(axes, keepdims=True, dtype=np.float64).astype(working(img)), factor)


def adjust_saturation(img: np.ndarray, factor: float) -> np.ndarray:
    _check_factor("saturation_factor", factor)
    check_array(img)
    check_channels(img)
    return img if channels_of(img) == 1 else blend(img, grayscale(img), factor)


def adjust_hue(img: np.ndarray, factor: float) -> np.ndarray:
    check_array(img)
    check_channels(img)
    if channels_of(img) == 1:
        return img
    return hue_turned(img, factor)


def hue_turned(img: np.ndarray, factor: float, second: bool = False) -> np.ndarray:
    """An image (..., 3, H, W) whose circle of colours is turned."""
    hue, saturation, value = _to_hsv(convert_dtype(img, np.dtype(np.float32), second), second)
    hue = np.remainder(hue + np.float32(factor), np.float32(1))
    with np.errstate(invalid="ignore"):
        return convert_dtype(_from_hsv(hue, saturation, value, second), img.dtype, second)


def _to_hsv(img: np.ndarray, second: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    red, green, blue = (img[..., i, :, :] for i in range(3))
    high, low = img.max(-3), img.min(-3)
    grey = high == low
    span = high - low
    one = np.float32(1)
    is_red, is_green = high == red, high == green
    with np.errstate(divide="ignore", invalid="ignore"):  # colours outside [0, 1]
        saturation = span / np.where(grey, one, high)
        divisor = np.where(grey, one, span)
        r, g, b = ((high - channel) / divisor for channel in (red, green, blue))
        hue = is_red * (b - g) + (is_green & ~is_red) * (2 + r - b) + (~is_green & ~is_red) * (4 + g - r)
        hue = hue * np.float32(1 / 6) if second else hue / np.float32(6)
        return np.fmod(hue + one, one), saturation, high


def _from_hsv(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray, second: bool) -> np.ndarray:
    one = np.float32(1)
    hue = np.nan_to_num(hue)  # of a colour outside [0, 1]
    sixth = np.floor(hue * np.float32(6))
    part = hue * np.float32(6) - sixth
    rising = saturation * part + (one - saturation) if second else one - saturation * (one - part)
    p, q, t = (np.clip(value * share, 0, 1) for share in (one - saturation, one - saturation * part, rising))
    sixth = sixth.astype(np.int32) % 6
    v = value
    channels = ((v, q, p, p, t, v), (t, v, v, q, p, p), (p, p, t, v, v, q))
    return np.stack([np.choose(sixth, choices) for choices in channels], -3)


def adjust_gamma(img: np.ndarray, gamma: float, gain: float) -> np.ndarray:
    check_array(img)
    check_channels(img)
    return to_power(img, gamma, gain)


def to_power(img: np.ndarray, gamma: float, gain: float, second: bool = False) -> np.ndarray:
    """``gain * img ** gamma``, on the scale of [0, 1]; in the second version cut off only where there is a gain."""
    result = img if is_floating(img.dtype) else convert_dtype(img, np.dtype(np.float32), second)
    work = working(result)
    powers = {1: result.astype(work), 3: (result * result * result).astype(work)}  # as PyTorch rounds them
    with np.errstate(invalid="ignore", divide="ignore"):
        power = powers[int(gamma)] if gamma in powers else np.power(result.astype(np.float64), gamma).astype(work)
    if not second or gain != 1:
        power = np.clip(work.type(gain) * power, 0, 1)
    with np.errstate(invalid="ignore"):
        return convert_dtype(power.astype(result.dtype), img.dtype, second)


def invert(img: np.ndarray) -> np.ndarray:
    check_array(img, 3)
    check_channels(img)
    return inverted(img)


def inverted(img: np.ndarray) -> np.ndarray:
    """White minus the image."""
    return np.subtract(img.dtype.type(max_value(img.dtype)), img)


def posterize(img: np.ndarray, bits: int) -> np.ndarray:
    check_array(img, 3)
    _check_bytes(img)
    check_channels(img)
    return img & np.uint8(256 - 2 ** (8 - bits))


def _check_bytes(img: np.ndarray) -> None:
    if img.dtype != np.uint8:
        raise ArgumentTypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")


def solarize(img: np.ndarray, threshold: float) -> np.ndarray:
    check_array(img, 3)
    check_channels(img)
    if threshold > max_value(img.dtype):
        raise ArgumentTypeError(f"Threshold should be less than bound of img. Got {threshold} for {img.dtype}")
    return inverted_from(img, threshold)


def inverted_from(img: np.ndarray, threshold: float) -> np.ndarray:
    """Inverts every value from ``threshold`` up, which is rounded to the precision of the computation."""
    work = working(img)
    return np.where(img.astype(work, copy=False) >= work.type(threshold), inverted(img), img)


def autocontrast(img: np.ndarray) -> np.ndarray:
    check_array(img, 3)
    check_channels(img)
    return stretched(img)


def stretched(img: np.ndarray, second: bool = False) -> np.ndarray:
    """Each plane from black to white; one of a single value as it is."""
    work, high = working(img), max_value(img.dtype)
    low = img.min((-2, -1), keepdims=True).astype(work)
    span = img.max((-2, -1), keepdims=True).astype(work) - low
    if second:
        step = span * work.type(1.0 / high)
        low[span == 0], step[span == 0] = 0, 1
        return _cast(np.clip((img.astype(work) - low) / step, 0, work.type(high)), img.dtype)
    with np.errstate(divide="ignore", over="ignore"):
        scale = (1 / span) * work.type(high)  # as PyTorch divides a number by a tensor
    flat = ~np.isfinite(scale)
    low[flat], scale[flat] = 0, 1
    return _cast(np.clip((img.astype(work) - low) * scale, 0, work.type(high)), img.dtype)


def equalize(img: np.ndarray) -> np.ndarray:
    if not 3 <= img.ndim <= 4:
        raise ArgumentTypeError(f"Input image tensor should have 3 or 4 dimensions, but found {img.ndim}")
    _check_bytes(img)
    check_channels(img)
    return equalized(img)


def equalized(img: np.ndarray) -> np.ndarray:
    """Each plane of bytes with a histogram as flat as a table of values can make it."""
    planes = img.reshape(-1, *img.shape[-2:])
    return np.stack([_equalized(plane) for plane in planes]).reshape(img.shape)


def _equalized(plane: np.ndarray) -> np.ndarray:
    histogram = np.bincount(plane.reshape(-1), minlength=256)
    used = histogram[histogram != 0]
    step = used[:-1].sum() // 255
    if step == 0:
        return plane
    table = (np.cumsum(histogram) + step // 2) // step
    return np.clip(np.concatenate([[0], table[:-1]]), 0, 255).astype(np.uint8)[plane]
