"""Resizing of arrays by numpy, in the order of operations of PyTorch's CPU kernels.

A pixel of a uint8 image is rounded from a float32, so that equal pixels need equal roundings: every sum here is
accumulated tap by tap, each a fused multiply-add, along the width first where the kernels do so.
"""

import math

import numpy as np

from fnn.vision.transforms._fused import fused

__all__ = ["interpolate", "linspace"]

_BLOCK = 1 << 15


def linspace(start: float, end: float, steps: int, dtype: np.dtype) -> np.ndarray:
    """As ``torch.linspace``: from both ends to the middle."""
    first, last = dtype.type(start), dtype.type(end)
    if steps == 1:
        return np.array([first])
    step = (last - first) / dtype.type(steps - 1)
    index = np.arange(steps)
    up = fused(step, index, first, dtype)
    down = fused(-step, steps - 1 - index, last, dtype)
    return np.where(index < steps // 2, up, down)


def interpolate(img: np.ndarray, size: tuple[int, int], mode: str, antialias: bool) -> np.ndarray:
    """Resizes the last two axes.

    Args:
        img: (..., H, W), float32 or float64.
        size: the new height and width.
        mode: ``"nearest"``, ``"nearest-exact"``, ``"bilinear"``, ``"bicubic"`` or ``"lanczos"``.
        antialias: widen the filter when an axis shrinks (``"bilinear"``, ``"bicubic"``; ``"lanczos"`` always does).

    Returns:
        (..., *size), of the dtype of ``img``.
    """
    if mode.startswith("nearest"):
        rows, columns = (_nearest(n, out, mode) for n, out in zip(img.shape[-2:], size, strict=True))
        return img[..., rows[:, None], columns]
    if antialias:
        for axis in (-1, -2):
            if img.shape[axis] != size[axis]:
                img = _along(img, axis, *_filtered(img.shape[axis], size[axis], mode, img.dtype))
        return img
    if mode == "bilinear":
        return _bilinear(img, size)
    for axis in (-1, -2):
        img = _along(img, axis, *_cubic_taps(img.shape[axis], size[axis], img.dtype), None)
    return img


def _along(img: np.ndarray, axis: int, index: np.ndarray, weight: np.ndarray, count: np.ndarray | None) -> np.ndarray:
    """The weighted sums of the entries at ``index`` (out, taps) along an axis.

    With ``count``, the number of taps of each sum, in their order: behind the first, whole fours of taps are
    multiplied as vectors, so that their products are rounded, and the rest is fused.  Without, the second tap is
    taken before the first, and all are fused.
    """
    rows = np.ascontiguousarray(np.moveaxis(img, axis, 0))  # whole rows are gathered faster than single entries
    flat = rows.reshape(len(rows), -1)
    order = list(range(index.shape[1]))
    if count is None:
        order[:2] = 1, 0
        count = np.zeros(len(index), np.int64)
    result = np.empty((len(index), flat.shape[1]), img.dtype)
    step = max(1, _BLOCK // max(1, flat.shape[1]))  # rows whose sums stay in the cache
    for start in range(0, len(index), step):
        part = slice(start, start + step)
        result[part] = _sums(flat, index[part], weight[part], count[part], order)
    return np.ascontiguousarray(np.moveaxis(result.reshape(len(index), *rows.shape[1:]), 0, axis))


def _sums(flat: np.ndarray, index: np.ndarray, weight: np.ndarray, count: np.ndarray, order: list[int]) -> np.ndarray:
    rounded = (count[:, None] - 1) // 4 * 4
    total = flat[index[:, order[0]]] * weight[:, order[0], None]
    for tap in order[1:]:
        values, factor = flat[index[:, tap]], weight[:, tap, None]
        split = tap <= rounded
        if split.all():
            total += values * factor
        elif split.any():
            total = np.where(split, total + values * factor, fused(values, factor, total, flat.dtype))
        else:
            total = fused(values, factor, total, flat.dtype)
    return total


def _bilinear(img: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Both axes at once, each corner under the product of its two weights."""
    (iy, wy), (ix, wx) = (_linear_taps(n, out, img.dtype) for n, out in zip(img.shape[-2:], size, strict=True))
    total = np.zeros((), img.dtype)
    for i, j in ((0, 1), (0, 0), (1, 0), (1, 1)):
        corner = img[..., iy[:, i, None], ix[:, j]]
        total = fused(corner, wy[:, i, None] * wx[:, j], total, img.dtype)
    return total


def _scale(size: int, out: int, dtype: np.dtype) -> np.floating:
    return dtype.type(size) / dtype.type(out)


def _nearest(size: int, out: int, mode: str) -> np.ndarray:
    single = np.dtype(np.float32)  # whatever the image holds
    position = np.arange(out, dtype=single) + single.type(0.5 if mode == "nearest-exact" else 0)
    return np.minimum(np.floor(position * _scale(size, out, single)).astype(np.int64), size - 1)


def _source(size: int, out: int, dtype: np.dtype) -> np.ndarray:
    """Where the middle of each new pixel lies in the old image."""
    half = dtype.type(0.5)
    return fused(np.arange(out, dtype=dtype) + half, np.array(_scale(size, out, dtype)), -np.array(half), dtype)


def _linear_taps(size: int, out: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    source = np.maximum(_source(size, out, dtype), 0)
    low = np.minimum(source.astype(np.int64), size - 1)
    right = np.clip(source - low.astype(dtype), 0, 1)
    index = np.stack([low, np.minimum(low + 1, size - 1)], 1)
    return index, np.stack([1 - right, right], 1)


def _cubic_taps(size: int, out: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Keys' kernel with a = -0.75, as OpenCV's."""
    source = _source(size, out, dtype)
    low = np.minimum(np.floor(source).astype(np.int64), size - 1)
    t = np.clip(source - low.astype(dtype), 0, 1)
    a = dtype.type(-0.75)
    weight = [_far(t + 1, a, last_fused=False), (((a + 2) * t - (a + 3)) * t) * t + 1]
    t = 1 - t
    weight += [(((a + 2) * t - (a + 3)) * t) * t + 1, _far(t + 1, a, last_fused=False)]
    return np.clip(low[:, None] + np.arange(-1, 3), 0, size - 1), np.stack(weight, 1)


def _filtered(size: int, out: int, mode: str, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The taps of a filter that is as wide as the shrinkage asks for, as Pillow's."""
    scale = _scale(size, out, dtype)
    reach = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}[mode]
    support = float(dtype.type(reach * scale)) if scale >= 1 else reach
    widest = math.ceil(support) * 2 + 1
    centre = (float(scale) * (np.arange(out) + 0.5)).astype(dtype)
    spread = dtype.type(1) / scale if scale >= 1 else dtype.type(1)
    first = np.maximum(((centre - dtype.type(support)).astype(np.float64) + 0.5).astype(np.int64), 0)
    last = np.minimum(((centre + dtype.type(support)).astype(np.float64) + 0.5).astype(np.int64), size)
    count = np.clip(last - first, 0, widest)
    index = first[:, None] + np.arange(max(int(count.max()), 1))
    inside = np.arange(index.shape[1]) < count[:, None]
    offset = (index.astype(dtype) - centre[:, None]).astype(np.float64) + 0.5
    weight = np.where(inside, _kernel((offset * float(spread)).astype(dtype), mode), dtype.type(0))
    total = np.zeros(out, dtype)
    for tap in range(weight.shape[1]):
        total = total + weight[:, tap]
    return np.minimum(index, size - 1), weight / np.where(total != 0, total, dtype.type(1))[:, None], count


def _kernel(x: np.ndarray, mode: str) -> np.ndarray:
    x = np.abs(x)
    if mode == "bilinear":
        return np.maximum(1 - x, 0)
    if mode == "lanczos":
        return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0).astype(x.dtype)
    a, one = x.dtype.type(-0.5), np.ones((), x.dtype)  # Keys' kernel as Pillow has it
    near = fused(fused(a + 2, x, -(a + 3), x.dtype) * x, x, one, x.dtype)
    return np.where(x < 1, near, np.where(x < 2, _far(x, a, last_fused=True), x.dtype.type(0)))


def _far(x: np.ndarray, a: np.floating, last_fused: bool) -> np.ndarray:
    """Keys' kernel for 1 <= x < 2: ((a x - 5a) x + 8a) x - 4a."""
    inner = fused(fused(a, x, -5 * a, x.dtype), x, 8 * a, x.dtype)
    return fused(inner, x, -4 * a, x.dtype) if last_fused else inner * x - 4 * a
