"""Rotation, shear, perspective and elastic deformation of arrays by numpy: sampling along a grid.

A grid (H, W, 2) holds, for each pixel of the result, where (x, y) to look in the image, the image's borders being at
-1 and 1.  It is built and sampled in the order of operations of PyTorch's CPU kernels: in nearest mode a coordinate
half way between two pixels goes the same way.
"""

from collections.abc import Sequence

import numpy as np

from fnn.vision._images import check_array
from fnn.vision.transforms._fused import fused
from fnn.vision.transforms._interpolate import linspace

__all__ = ["affine_grid", "expanded_size", "identity_grid", "perspective_grid", "sample"]

Fill = int | float | Sequence[float] | None


def _centred(size: int, dtype: np.dtype) -> np.ndarray:
    """The middles of pixels, counted from the middle of the image."""
    return np.arange(size, dtype=dtype) - dtype.type(size * 0.5 - 0.5)


def affine_grid(matrix: Sequence[float], size: tuple[int, int], out: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Where the affine map ``matrix`` (a row of six, from result to image, from the centres) looks.

    Args:
        matrix: the first two rows of the map, in pixels.
        size: height and width of the image.
        out: height and width of the result.
        dtype: float32 or float64.

    Returns:
        (*out, 2)
    """
    half = np.array([0.5 * size[1], 0.5 * size[0]], dtype)
    theta = np.array(matrix, dtype).reshape(2, 3).T / half  # (3, 2)
    x, y = _centred(out[1], dtype), _centred(out[0], dtype)[:, None]
    return np.stack([(x * theta[0, i] + y * theta[1, i]) + theta[2, i] for i in (0, 1)], -1)


def expanded_size(matrix: Sequence[float], size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the smallest image that holds all of the mapped one."""
    single = np.float32
    height, width = size
    x = np.array([-0.5, -0.5, 0.5, 0.5], single) * single(width)
    y = np.array([-0.5, 0.5, 0.5, -0.5], single) * single(height)
    theta = np.array(matrix, single).reshape(2, 3)
    out = []
    for row, extent in zip(theta, (width, height), strict=True):
        corners = (x * row[0] + y * row[1]) + row[2]
        low, high = corners.min() + single(extent * 0.5), corners.max() + single(extent * 0.5)
        tolerance = single(1e-4)  # or a rounding error of a right angle would add a row
        ceiling = np.ceil(np.trunc(high / tolerance) * tolerance)
        out.append(int(ceiling - np.floor(np.trunc(low / tolerance) * tolerance)))
    return out[1], out[0]


def perspective_grid(coefficients: Sequence[float], size: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Where the projective map of eight ``coefficients`` (from result to image, from the corner) looks."""
    a, b, c, d, e, f, g, h = (dtype.type(value) for value in coefficients)
    x = np.arange(size[1], dtype=dtype) + dtype.type(0.5)
    y = np.arange(size[0], dtype=dtype)[:, None] + dtype.type(0.5)
    below = (x * g + y * h) + dtype.type(1)
    half = dtype.type(0.5 * size[1]), dtype.type(0.5 * size[0])
    rows = ((a, b, c), (d, e, f))
    above = ((x * (r[0] / s) + y * (r[1] / s)) + r[2] / s for r, s in zip(rows, half, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):  # the horizon, which lies outside the image
        return np.stack([part / below - dtype.type(1) for part in above], -1)


def identity_grid(size: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """The grid (*size, 2) that looks at its own place."""
    y, x = (linspace((1 - n) / n, (n - 1) / n, n, dtype) for n in size)
    return np.stack(np.broadcast_arrays(x, y[:, None]), -1)


def sample(img: np.ndarray, grid: np.ndarray, mode: str, fill: Fill, second: bool = False) -> np.ndarray:
    """Looks up ``img`` along ``grid``.

    Args:
        img: (..., C, H, W)
        grid: (H', W', 2), float32 or float64.
        mode: ``"nearest"`` or ``"bilinear"``.
        fill: what lies outside the image, one value or one a channel; None: zeros.
        second: blend with the fill in the order of the second version of transforms.

    Returns:
        (..., C, H', W'), of the dtype of ``img``; integers are rounded.
    """
    check_array(img)
    with np.errstate(invalid="ignore", over="ignore"):
        return _sampled(img, grid, mode, fill, second)


def _sampled(img: np.ndarray, grid: np.ndarray, mode: str, fill: Fill, second: bool) -> np.ndarray:
    height, width = img.shape[-2:]
    dtype = grid.dtype
    one, half = dtype.type(1), dtype.type(0.5)
    x, y = (fused(grid[..., i] + one, dtype.type(n / 2), -half, dtype) for i, n in ((0, width), (1, height)))
    flat = img.reshape(*img.shape[:-2], height * width)
    outside = np.zeros((), dtype) if fill is None else _per_channel(fill, dtype, img.ndim)
    if mode == "nearest":
        inside, index = _look_up(np.rint(x), np.rint(y), height, width)
        values = flat[..., index]
        if img.dtype.itemsize >= 4:
            values = values.astype(dtype, copy=False)  # as PyTorch, where grid and image are of one type
        return _finished(np.where(inside, values, outside), img.dtype, second)
    left, top = np.floor(x), np.floor(y)
    w, n = x - left, y - top
    e, s = one - w, one - n
    total, mask = np.zeros((), dtype), np.zeros((), dtype)
    for dx, dy, weight in ((0, 0, s * e), (1, 0, s * w), (0, 1, n * e), (1, 1, n * w)):
        inside, index = _look_up(left + dx, top + dy, height, width)
        values = np.where(inside, flat[..., index].astype(dtype, copy=False), dtype.type(0))
        total = fused(values, weight, total, dtype)
        mask = fused(inside, weight, mask, dtype)
    if fill is not None:
        total = (total - outside) * mask + outside if second else total * mask + (one - mask) * outside
    return _finished(total, img.dtype, second)


def _look_up(x: np.ndarray, y: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Which coordinates are inside the image, and their places in it (anywhere, for the others)."""
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside, np.where(inside, y, 0).astype(np.int64) * width + np.where(inside, x, 0).astype(np.int64)


def _per_channel(fill: int | float | Sequence[float], dtype: np.dtype, ndim: int) -> np.ndarray:
    values = np.array(fill if isinstance(fill, (tuple, list)) else [fill], dtype)
    return values.reshape(-1, 1, 1) if ndim > 2 else values


def _finished(img: np.ndarray, dtype: np.dtype, second: bool) -> np.ndarray:
    if dtype.kind in "iu" or (second and dtype.kind == "b"):
        img = np.rint(img) if img.dtype.kind == "f" else img
    return img.astype(dtype, copy=False)
