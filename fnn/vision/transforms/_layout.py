"""Cropping, padding, smoothing and erasing of arrays (..., C, H, W) by numpy."""

import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import check_array, check_channels, max_value, working
from fnn.vision.transforms._colour import blend
from fnn.vision.transforms._fused import fused
from fnn.vision.transforms._interpolate import linspace

__all__ = ["adjust_sharpness", "check_padding", "crop", "erase", "gaussian_blur", "gaussian_softmax", "pad", "sides"]

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def check_padding(padding: object, padding_mode: object) -> None:
    """Refuses what is no padding, for images of either kind."""
    if not isinstance(padding, (numbers.Integral, tuple, list)):
        raise ArgumentTypeError(f"Got inappropriate padding arg: expected an int or a sequence, got {padding!r}")
    if not isinstance(padding_mode, str):
        raise ArgumentTypeError(f"Got inappropriate padding_mode arg: expected a str, got {padding_mode!r}")
    if isinstance(padding, (tuple, list)) and len(padding) not in (1, 2, 4):
        raise ArgumentError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple")
    if padding_mode not in PADDING_MODES:
        raise ArgumentError(
            f"Padding mode should be either constant, edge, reflect or symmetric, got padding_mode={padding_mode!r}"
        )


def sides(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """One, two (x, y) or four (left, top, right, bottom) paddings as (left, top, right, bottom)."""
    if not isinstance(padding, Sequence):
        return padding, padding, padding, padding
    if len(padding) == 1:
        return padding[0], padding[0], padding[0], padding[0]
    if len(padding) == 2:
        return padding[0], padding[1], padding[0], padding[1]
    left, top, right, bottom = padding
    return left, top, right, bottom


def pad(img: np.ndarray, padding: int | Sequence[int], fill: float | None, padding_mode: str) -> np.ndarray:
    """Pads the last two axes; a negative padding crops."""
    check_array(img)
    check_padding(padding, padding_mode)
    fill = 0 if fill is None else fill
    if not isinstance(fill, (int, float)):
        raise ArgumentTypeError(f"Got inappropriate fill arg: arrays take an int or a float, got {fill!r}")
    left, top, right, bottom = sides(padding)
    counted = (lambda n: min(n, 0)) if padding_mode in ("constant", "symmetric") else int
    if any(
        n + counted(a) + counted(b) < 0 for n, a, b in zip(img.shape[-2:], (top, left), (bottom, right), strict=True)
    ):
        raise ArgumentError(f"pad: padding={padding} takes away more than an image of shape {img.shape} has")
    if padding_mode == "symmetric":  # crops before it pads, the others after
        img = _cut(img, min(left, 0), min(top, 0), min(right, 0), min(bottom, 0))
    grown = [(0, 0)] * (img.ndim - 2) + [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
    if padding_mode == "constant":
        img = np.pad(img, grown, constant_values=_fill_value(fill, img.dtype))
    else:
        if padding_mode != "edge":
            _check_reach(img, grown, padding_mode)
        img = np.pad(img, grown, padding_mode)  # pyright: ignore[reportCallIssue, reportArgumentType]
    if padding_mode != "symmetric":
        img = _cut(img, min(left, 0), min(top, 0), min(right, 0), min(bottom, 0))
    return img


def _cut(img: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    height, width = img.shape[-2:]
    return img[..., -top : height + bottom, -left : width + right]


def _fill_value(fill: float, dtype: np.dtype) -> Any:
    if dtype.kind in "iu" and not np.iinfo(dtype).min <= fill <= np.iinfo(dtype).max:
        raise ArgumentError(f"pad: fill={fill}: value cannot be converted to type {dtype} without overflow")
    return np.array(float(fill)).astype(dtype)


def _check_reach(img: np.ndarray, grown: list[tuple[int, int]], padding_mode: str) -> None:
    for axis in (-1, -2):
        most = img.shape[axis] - (padding_mode == "reflect")
        if max(grown[axis]) > most:
            raise ArgumentError(
                f"pad: Padding size should be less than the corresponding input dimension, but got: padding "
                f"{grown[axis]} at dimension {img.ndim + axis} of input {list(img.shape)} in mode {padding_mode!r}"
            )


def crop(img: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """A window, which is a view; zeros where it reaches beyond the image."""
    check_array(img)
    h, w = img.shape[-2:]
    right, bottom = left + width, top + height
    if left >= 0 and top >= 0 and right <= w and bottom <= h:
        return img[..., top:bottom, left:right]
    beyond = (
        max(-left + min(0, right), 0),
        max(-top + min(0, bottom), 0),
        max(right - max(w, left), 0),
        max(bottom - max(h, top), 0),
    )
    return pad(img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)], beyond, 0, "constant")


def erase(img: np.ndarray, i: int, j: int, h: int, w: int, v: object, inplace: bool) -> np.ndarray:
    check_array(img)
    img = img if inplace else img.copy()
    img[..., i : i + h, j : j + w] = v
    return img


def gaussian(size: int, sigma: float, dtype: np.dtype) -> np.ndarray:
    x = np.arange(size, dtype=dtype) - dtype.type((size - 1) * 0.5)
    exponent = dtype.type(-0.5) * np.square(x / dtype.type(sigma))
    density = np.exp(exponent.astype(np.float64)).astype(dtype)
    return density / _sum(density)


def _sum(x: np.ndarray) -> np.floating:
    """In the order of PyTorch's kernel: the rest, then the lanes of eights; below eight, every fourth."""

    def rows(parts: np.ndarray) -> Any:
        whole = len(parts) // 4 * 4
        sums = [parts[k:whole:4].sum(0, dtype=x.dtype) for k in range(4)]
        for part in parts[whole:]:
            sums[0] = sums[0] + part
        return ((sums[0] + sums[1]) + sums[2]) + sums[3]

    if len(x) < 8:
        return rows(x)
    whole = len(x) // 8 * 8
    total = x.dtype.type(0)
    for value in (*x[whole:], *rows(x[:whole].reshape(-1, 8))):
        total = total + value
    return total


def gaussian_softmax(size: int, sigma: float, dtype: np.dtype) -> np.ndarray:
    """The weights as the second version of transforms computes them, a softmax of ``-x^2 / (2 sigma^2)``."""
    end = (size - 1) / (2.0 * math.sqrt(2.0))
    exponent = -np.square(linspace(-end, end, size, dtype) / dtype.type(sigma))
    density = np.exp(exponent.astype(np.float64)).astype(dtype)
    return density / density.sum()


def gaussian_blur(
    img: np.ndarray,
    kernel_size: Sequence[int],
    sigma: Sequence[float],
    weights: Callable[[int, float, np.dtype], np.ndarray] = gaussian,
) -> np.ndarray:
    """The correlation with a Gaussian: in float64, one axis after the other, then rounded.

    PyTorch sums in float32 over both axes at once.  Where that may round to another integer, it is done here, too.
    """
    check_array(img)
    dtype = working(img)
    grown = [(0, 0)] * (img.ndim - 2) + [(size // 2, size // 2) for size in reversed(kernel_size)]
    _check_reach(img, grown, "reflect")
    wide = np.pad(img.astype(np.float64), grown, "reflect")
    x, y = (weights(size, width, dtype) for size, width in zip(kernel_size, sigma, strict=True))
    result = _filtered(_filtered(wide, -1, x), -2, y)
    if img.dtype.kind not in "iu":
        return result.astype(img.dtype, copy=False)
    distance = np.abs(result - np.floor(result) - 0.5)
    close = np.argwhere(distance <= len(x) * len(y) * 2.0**-24 * np.abs(wide).max(initial=0))
    if len(close):
        result[tuple(close.T)] = _summed(wide.astype(dtype), close, np.outer(y, x))
    return np.rint(result).astype(img.dtype)


def _summed(img: np.ndarray, places: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The correlation at some ``places``, in the order in which PyTorch's kernels sum."""
    *lead, row, column = places.T
    grouped = np.prod(img.shape[:-2]) > 1  # a single plane is convolved by another kernel than many
    total = np.zeros(len(places), img.dtype)
    for (i, j), weight in np.ndenumerate(kernel):
        values = img[(*lead, row + i, column + j)]
        total = fused(values, weight, total, img.dtype) if grouped else total + values * weight
    return total


def _filtered(img: np.ndarray, axis: int, weights: np.ndarray) -> np.ndarray:
    """The valid part of the correlation along an axis with symmetric weights."""
    n = img.shape[axis] - len(weights) + 1
    parts = np.moveaxis(img, axis, 0)
    middle = len(weights) // 2
    total = parts[middle : middle + n] * float(weights[middle])
    for tap in range(middle):
        total += (parts[tap : tap + n] + parts[len(weights) - 1 - tap :][:n]) * float(weights[tap])
    return np.moveaxis(total, 0, axis)


def adjust_sharpness(img: np.ndarray, factor: float, second: bool = False) -> np.ndarray:
    if factor < 0:
        raise ArgumentError(f"sharpness_factor ({factor}) is not non-negative.")
    check_array(img)
    check_channels(img)
    if min(img.shape[-2:]) <= 2:
        return img
    dtype = working(img)
    h, w = img.shape[-2:]
    inner = img[..., 1:-1, 1:-1].astype(dtype)
    total = np.zeros_like(inner)
    for i in range(3):
        for j in range(3):
            total += img[..., i : h - 2 + i, j : w - 2 + j]
    total = (total + 4 * inner) / dtype.type(13)
    total = np.rint(total) if img.dtype.kind in ("iub" if second else "iu") else total
    if second:
        result = img.astype(dtype)
        result[..., 1:-1, 1:-1] = fused(total - inner, dtype.type(1.0 - factor), inner, dtype)
        return np.clip(result, 0, max_value(img.dtype)).astype(img.dtype)
    smooth = img.copy()  # the border stays as it is
    smooth[..., 1:-1, 1:-1] = total
    return blend(img, smooth, factor)
