"""Between the formats of boxes, and keeping them on their canvas.

Coordinates are computed in the dtype of the boxes, those of integers in float32 where torchvision does so.
"""

from collections.abc import Callable, Sequence

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import is_floating
from fnn.vision.tv_tensors import BoundingBoxFormat, is_rotated_bounding_format

__all__ = ["as_floats", "clamped", "converted", "corners", "degrees_of", "enclosing", "rectangles", "radians_of"]

F = BoundingBoxFormat
_CORNERS = [[0, 1], [2, 1], [2, 3], [0, 3]]


def as_floats(boxes: np.ndarray) -> np.ndarray:
    """In a floating dtype: float32, where they have none."""
    return boxes if is_floating(boxes.dtype) else boxes.astype(np.float32)


def _half(extent: np.ndarray) -> np.ndarray:
    return extent / 2 if is_floating(extent.dtype) else extent // 2


def _xywh_to_xyxy(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1)


def _xyxy_to_xywh(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], -1)


def _xywh_to_cxcywh(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[..., :2] + _half(boxes[..., 2:]), boxes[..., 2:]], -1)


def _cxcywh_to_xyxy(boxes: np.ndarray) -> np.ndarray:
    floats = as_floats(boxes)
    start = floats[..., :2] - floats[..., 2:] / 2
    return np.concatenate([start, floats[..., 2:] + start], -1).astype(boxes.dtype)


def _cxcywh_to_xywh(boxes: np.ndarray) -> np.ndarray:
    if not is_floating(boxes.dtype):  # the extents of what the corners were rounded to
        return _xyxy_to_xywh(_cxcywh_to_xyxy(boxes))
    return np.concatenate([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., 2:]], -1)


def _xyxy_to_cxcywh(boxes: np.ndarray) -> np.ndarray:
    extent = boxes[..., 2:] - boxes[..., :2]
    return np.concatenate([_half(boxes[..., :2] * 2 + extent), extent], -1)


def radians_of(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of angles in degrees."""
    angle = degrees * np.pi / 180.0
    return np.cos(angle), np.sin(angle)


def degrees_of(radians: np.ndarray) -> np.ndarray:
    """Angles in degrees."""
    return radians / np.pi * 180.0


def _turned(boxes: np.ndarray, sign: int) -> np.ndarray:
    """Between the corner and the centre of rotated boxes: half their extent along the turned axes, on or back."""
    x, y, w, h, r = np.moveaxis(boxes, -1, 0)
    cos, sin = radians_of(r)
    across, down = sign * (np.abs(w) / 2), sign * (np.abs(h) / 2)
    return np.stack([x + across * cos + down * sin, y - across * sin + down * cos, w, h, r], -1)


def _cxcywhr_to_xywhr(boxes: np.ndarray) -> np.ndarray:
    return _turned(boxes, -1)


def _xywhr_to_cxcywhr(boxes: np.ndarray) -> np.ndarray:
    return _turned(boxes, 1)


def _xywhr_to_corners(boxes: np.ndarray) -> np.ndarray:
    x, y, w, h, r = np.moveaxis(boxes, -1, 0)
    cos, sin = radians_of(r)
    across, down = (w * cos, w * sin), (h * sin, h * cos)
    return np.stack([
        x, y, x + across[0], y - across[1], x + (across[0] + down[0]), y - (across[1] - down[1]), x + down[0],
        y + down[1],
    ], -1)  # fmt: skip


def _corners_to_xywhr(boxes: np.ndarray) -> np.ndarray:
    work = boxes if boxes.dtype in (np.float32, np.float64) else boxes.astype(np.float32)
    x1, y1, x2, y2, x3, y3 = (work[..., i] for i in range(6))
    extent = [np.sqrt(np.square(x) + np.square(y)) for x, y in ((x2 - x1, y2 - y1), (x3 - x2, y3 - y2))]
    return np.stack([x1, y1, *extent, degrees_of(np.arctan2(y1 - y2, x2 - x1))], -1).astype(boxes.dtype)


# Of each kind, unrotated and rotated: to the format in the middle, and from there.
_TO: dict[F, Callable[[np.ndarray], np.ndarray]] = {
    F.XYWH: _xywh_to_xyxy, F.CXCYWH: _cxcywh_to_xyxy, F.CXCYWHR: _cxcywhr_to_xywhr, F.XYXYXYXY: _corners_to_xywhr
}  # fmt: skip
_FROM: dict[F, Callable[[np.ndarray], np.ndarray]] = {
    F.XYWH: _xyxy_to_xywh, F.CXCYWH: _xyxy_to_cxcywh, F.CXCYWHR: _xywhr_to_cxcywhr, F.XYXYXYXY: _xywhr_to_corners
}  # fmt: skip
_DIRECT = {(F.XYWH, F.CXCYWH): _xywh_to_cxcywh, (F.CXCYWH, F.XYWH): _cxcywh_to_xywh}


def converted(boxes: np.ndarray, old: F, new: F) -> np.ndarray:
    """Boxes (..., K) in another format; the same array, if it is no other."""
    if old == new:
        return boxes
    if is_rotated_bounding_format(old) != is_rotated_bounding_format(new):
        raise ArgumentError(f"Cannot convert between rotated and unrotated bounding boxes, got {old} and {new}.")
    if (old, new) in _DIRECT:
        return _DIRECT[old, new](boxes)
    for table, format in ((_TO, old), (_FROM, new)):
        if format in table:
            boxes = table[format](boxes)
    return boxes


def corners(boxes: np.ndarray, format: F) -> np.ndarray:
    """The four corners (N * 4, 2) of boxes."""
    if is_rotated_bounding_format(format):
        return converted(boxes, format, F.XYXYXYXY).reshape(-1, 2)
    return converted(boxes, format, F.XYXY).reshape(-1, 4)[:, _CORNERS].reshape(-1, 2)


def enclosing(points: np.ndarray, rotated: bool) -> np.ndarray:
    """Boxes around four moved corners each: upright ones as XYXY, or rectangles of four corners."""
    if rotated:
        return rectangles(points.reshape(-1, 8))
    four = points.reshape(-1, 4, 2)
    return np.concatenate([four.min(1), four.max(1)], 1)


def rectangles(boxes: np.ndarray) -> np.ndarray:
    """Makes rectangles of parallelograms (..., 8), whose longer diagonal stays."""
    work = boxes if boxes.dtype in (np.float32, np.float64) else boxes.astype(np.float32)
    x1, y1, x2, y2, x3, y3, x4, y4 = np.moveaxis(work, -1, 0)
    cx, cy = (x1 + x3) / 2, (y1 + y3) / 2
    top = np.sqrt(np.square(x2 - x1) + np.square(y2 - y1))
    side = np.sqrt(np.square(x4 - x1) + np.square(y4 - y1))
    along, down = np.arctan2(y1 - y2, x2 - x1), np.arctan2(y1 - y4, x4 - x1)
    between = along - down
    sign = np.where(between > np.pi / 2, -1, 1).astype(work.dtype)
    cos, sin = np.cos(between), np.sin(between)
    w = np.where(top < side, top * sin, top + side * cos * sign)
    h = np.where(top > side, side * sin, side + top * cos * sign)
    angle = np.where(side > top, down + work.dtype.type(np.pi / 2), along)
    cos, sin = np.cos(angle), np.sin(angle)
    wx, wy, hx, hy = w / 2 * cos, w / 2 * sin, h / 2 * sin, h / 2 * cos
    return np.stack([
        cx - wx - hx, cy - hy + wy, cx + wx - hx, cy - hy - wy, cx + wx + hx, cy + hy - wy, cx - wx + hx, cy + hy + wy
    ], -1).astype(boxes.dtype)  # fmt: skip


def clamped(boxes: np.ndarray, format: F, canvas_size: Sequence[int], mode: str | None) -> np.ndarray:
    """Boxes (..., K) cut off at the borders of their canvas, in a new array."""
    if mode is None:
        return boxes.copy()
    if is_rotated_bounding_format(format):
        return _rotated_clamped(boxes, format, canvas_size, mode)
    xyxy = converted(as_floats(boxes), format, F.XYXY).copy()
    np.clip(xyxy[..., 0::2], 0, canvas_size[1], out=xyxy[..., 0::2])
    np.clip(xyxy[..., 1::2], 0, canvas_size[0], out=xyxy[..., 1::2])
    return converted(xyxy, F.XYXY, format).astype(boxes.dtype)


def _rotated_clamped(boxes: np.ndarray, format: F, canvas_size: Sequence[int], mode: str) -> np.ndarray:
    """Cuts off at the left border, four times, the plane being turned by a right angle in between."""
    height, width = canvas_size
    out = converted(boxes, format, F.XYXYXYXY).reshape(-1, 8).copy()
    original = out.copy()
    with np.errstate(all="ignore"):  # upright edges have no slope
        for _ in range(4):
            index = _leftmost_first(out)
            out, original = (np.take_along_axis(array, index, 1) for array in (out, original))
            out = _cut_left(out, original, (height, width), mode)
            out, original = (np.take_along_axis(array, index, 1) for array in (out, original))
            for array in (out, original):
                array[:, ::2], array[:, 1::2] = array[:, 1::2].copy(), width - array[:, ::2]
            height, width = width, height
    return converted(out, F.XYXYXYXY, format).reshape(boxes.shape)


def _leftmost_first(boxes: np.ndarray) -> np.ndarray:
    """Where to take coordinates from, so that the leftmost corner, of several the highest, comes first."""
    x, y = boxes[:, 0::2], boxes[:, 1::2]
    rank = y / np.abs(y).max(1, keepdims=True) + (x / np.abs(x).max(1, keepdims=True)) * 100
    return (2 * rank.argmin(1)[:, None] + np.arange(8)) % 8


def _edges(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lines y = a x + b from each corner to the next."""
    x, y = boxes[:, 0::2], boxes[:, 1::2]
    a = (np.roll(y, -1, 1) - y) / (np.roll(x, -1, 1) - x)
    return a, y - a * x


def _between(x: np.ndarray, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
    return np.minimum(np.maximum(x, low), high)


def _cut_left(boxes: np.ndarray, original: np.ndarray, canvas_size: tuple[int, int], mode: str) -> np.ndarray:
    """Keeps boxes right of x = 0."""
    a, _ = _edges(boxes)
    b = _intercepts(boxes, original, canvas_size, mode)
    x = -(b - np.roll(b, 1, 1)) / (a - np.roll(a, 1, 1))
    crossing = np.stack([x, a * x + b], -1).reshape(-1, 8)
    pushed = boxes.copy()
    pushed[:, [0, 6]] = np.maximum(pushed[:, [0, 6]], 0)
    x1, y1, x2, y2, x3, y3, x4, y4 = boxes.T
    crosses = (x1 < 0) & ~np.isnan(crossing).any(1)
    upright = np.isclose(y1, y2) | np.isclose(y3, y4)
    outside = (x1 <= 0) & (x2 <= 0) & (x3 <= 0) & (x4 <= 0)
    nothing = outside | np.isclose(y1, y4) | np.isclose(y2, y3) | (upright & np.isclose(x1, x2))
    for which, instead in ((crosses, crossing), (upright, pushed), (nothing, np.zeros_like(boxes))):
        boxes = np.where(which[:, None], instead, boxes)
    return boxes


def _intercepts(boxes: np.ndarray, original: np.ndarray, canvas_size: tuple[int, int], mode: str) -> np.ndarray:
    """Where the edges of the clamped boxes, which keep their slopes, are to meet the left border.

    ``"soft"``: around what is left of the box.  ``"hard"``: within it, so that the area is largest.
    """
    height, width = canvas_size
    a, b = _edges(boxes)
    a1, a2, a3, a4 = a.T
    b1, b2, b3, b4 = b.T
    m1, m2, m3, m4 = _edges(original)[1].T
    b1 = _between(_between(b2, b1, b3), 0, height)
    b4 = _between(_between(b3, b2, b4), 0, height)
    if mode == "hard":
        b1 = b4 = (b1 + b4) / 2
        above = (b1 * a2 / a1, b3 * a2 / a3, (a1 - a2) * width + b1, (a3 - a2) * width + b3)
        b2 = np.minimum(np.stack(above).max(0), b2)
        below = (
            height * (1 - a3 / a4) + b4 * a3 / a4,
            height * (1 - a3 / a2) + b2 * a3 / a2,
            (a2 - a3) * width + b2,
            (a4 - a3) * width + b4,
        )
        b3 = np.maximum(np.stack(below).min(0), b3)
        b1 = b4 = _between(_between(b1, m1, m3), m2, m4)
    return np.stack([_between(b1, m1, m3), _between(b2, m2, m4), _between(b3, m1, m3), _between(b4, m2, m4)], -1)
