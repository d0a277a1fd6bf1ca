"""Resizing of bytes by integer weights, as Pillow and PyTorch's CPU kernels for them do.

The weights of a sum are rounded to 16 bits, as large as they can be, and each sum is rounded to a byte: along the width
first, then along the height.
"""

import numpy as np

from fnn.vision.transforms._interpolate import _cubic_taps, _filtered, _linear_taps

__all__ = ["resize_bytes"]

_WIDE = np.dtype(np.float64)
_BLOCK = 1 << 16


def resize_bytes(img: np.ndarray, size: tuple[int, int], mode: str, antialias: bool) -> np.ndarray:
    """Resizes the last two axes of bytes.

    Args:
        img: (..., H, W), uint8.
        size: the new height and width.
        mode: ``"bilinear"``, ``"bicubic"`` or, with ``antialias``, ``"lanczos"``.
        antialias: widen the filter when an axis shrinks.

    Returns:
        (..., *size), uint8.
    """
    for axis in (-1, -2):
        if img.shape[axis] != size[axis]:
            img = _along(img, axis, *_taps(img.shape[axis], size[axis], mode, antialias))
    return img


def _taps(size: int, out: int, mode: str, antialias: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which entries are summed for each of the results, (out, taps), and their weights."""
    if antialias:
        index, weight, _ = _filtered(size, out, mode, _WIDE)
        return index, weight
    index, weight = (_linear_taps if mode == "bilinear" else _cubic_taps)(size, out, _WIDE)
    for tap in range(1, index.shape[1]):  # at a border one entry has the weights of several
        same = index[:, tap] == index[:, tap - 1]
        weight[same, tap] += weight[same, tap - 1]
        weight[same, tap - 1] = 0
    return index, weight


def _along(img: np.ndarray, axis: int, index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    most, bits = weight.max(), 0
    while bits < 22 and int(0.5 + most * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    scaled = weight * (1 << bits)
    whole = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int32)
    rows = np.moveaxis(img, axis, 0)
    flat = rows.astype(np.int32, order="C").reshape(len(rows), -1)
    result = np.empty((len(index), flat.shape[1]), np.uint8)
    step = max(1, _BLOCK // max(1, flat.shape[1]))  # rows whose sums stay in the cache
    for start in range(0, len(index), step):
        part = slice(start, start + step)
        total = np.full(result[part].shape, 1 << (bits - 1), np.int32)
        for tap in range(index.shape[1]):
            values = flat[index[part, tap]]
            values *= whole[part, tap, None]
            total += values
        total >>= bits
        result[part] = np.clip(total, 0, 255, out=total)
    return np.ascontiguousarray(np.moveaxis(result.reshape(len(index), *rows.shape[1:]), 0, axis))
