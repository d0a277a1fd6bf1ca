"""COCO's masks of objects: polygons, and runs of pixels column by column, in numbers or in letters."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError

__all__ = ["decoded"]

_FINER = 5  # edges are drawn on a grid so many times as fine


def decoded(segmentation: Any, canvas_size: Sequence[int]) -> np.ndarray:
    """The mask (H, W), of 0 and 1 in bytes, that a ``"segmentation"`` of COCO's annotations stands for.

    Args:
        segmentation: a list of polygons [x1, y1, x2, y2, ...], or runs as ``{"size": [H, W], "counts": ...}``.
        canvas_size: height and width of the image.

    Raises:
        ArgumentError: neither of the two, or runs that do not fill the image.
    """
    height, width = canvas_size
    if isinstance(segmentation, dict):
        return _of_runs(segmentation, height, width)
    if not isinstance(segmentation, list):
        raise ArgumentError(f"COCO segmentation expected to be a dict or a list, got {type(segmentation)}")
    mask = np.zeros((height, width), np.uint8)
    for polygon in segmentation:
        mask |= _of_polygon(polygon, height, width)
    return mask


def _of_runs(runs: dict[str, Any], height: int, width: int) -> np.ndarray:
    size, counts = runs.get("size"), runs.get("counts")
    if isinstance(counts, (str, bytes)):
        counts = _read(counts.encode() if isinstance(counts, str) else counts)
    if not isinstance(counts, list) or not all(type(n) is int and n >= 0 for n in counts):
        raise ArgumentError(f"COCO segmentation: counts must be text or a list of integers >= 0, got {counts!r:.80}")
    if not isinstance(size, (list, tuple)) or list(size) != [height, width] or sum(counts) != height * width:
        raise ArgumentError(
            f"COCO segmentation: the runs must fill an image of size {[height, width]}, got size={size} and runs of "
            f"{sum(counts)} pixels"
        )
    pixels = np.repeat(np.arange(len(counts), dtype=np.int64) & 1, counts).astype(np.uint8)
    return np.ascontiguousarray(pixels.reshape(width, height).T)


def _read(letters: bytes) -> list[int]:
    """Runs in letters: of each five bits of a number, the sixth saying that more follow.

    From the fourth on they are differences to the run before the last one.
    """
    counts: list[int] = []
    number = shift = 0
    for letter in letters:
        bits = letter - 48
        if not 0 <= bits < 64 or shift > 30:
            raise ArgumentError(f"COCO segmentation: no runs in letters: {letters!r:.80}")
        number |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:  # the sign
            number -= 1 << shift
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number = shift = 0
    return counts


def _of_polygon(polygon: Sequence[float], height: int, width: int) -> np.ndarray:
    """The pixels whose centre is within, by where the outline crosses the columns."""
    if len(polygon) < 6 or len(polygon) % 2:
        raise ArgumentError(f"COCO segmentation: a polygon has pairs of x and y, at least three, got {len(polygon)}")
    corners = np.array(polygon, np.float64).reshape(-1, 2)
    if not np.isfinite(corners).all():
        raise ArgumentError("COCO segmentation: a polygon has a corner that is not finite")
    limit = _FINER * 4 * max(height, width)
    corners = np.clip(np.trunc(_FINER * corners + 0.5), -limit, limit).astype(np.int64)
    outline = [_edge(start, end) for start, end in zip(corners, np.roll(corners, -1, 0), strict=True)]
    u, v = np.concatenate(outline, 1)
    before, after = u[:-1], u[1:]
    column = (np.where(after < before, after, after - 1) + 0.5) / _FINER - 0.5
    row = np.ceil(np.clip((np.minimum(v[:-1], v[1:]) + 0.5) / _FINER - 0.5, 0, height)).astype(np.int64)
    crosses = (after != before) & (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    starts = column[crosses].astype(np.int64) * height + row[crosses]
    inside = np.cumsum(np.bincount(starts, minlength=height * width + 1))[: height * width] & 1
    return np.ascontiguousarray(inside.astype(np.uint8).reshape(width, height).T)


def _edge(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The points (2, n) of the fine grid from one to the other, one for each step along the longer side."""
    long = int(abs(end[0] - start[0]) < abs(end[1] - start[1]))
    turned = start[long] > end[long]
    first, last = (end, start) if turned else (start, end)
    steps = np.arange(last[long] - first[long] + 1)
    slope = (last[1 - long] - first[1 - long]) / max(len(steps) - 1, 1)
    points = np.empty((2, len(steps)), np.int64)
    points[long] = first[long] + steps
    points[1 - long] = np.trunc(first[1 - long] + slope * steps + 0.5)
    return points[:, ::-1] if turned else points
