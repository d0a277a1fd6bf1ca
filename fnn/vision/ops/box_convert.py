"""The formats of boxes."""

import math

import jax
import jax.numpy as jnp

from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["box_convert"]


def _from_centre(x: jax.Array) -> jax.Array:
    cx, cy, w, h = _parts(x)
    return jnp.stack([cx - 0.5 * w, cy - 0.5 * h, cx + 0.5 * w, cy + 0.5 * h], -1)


def _to_centre(x: jax.Array) -> jax.Array:
    x1, y1, x2, y2 = _parts(x)
    return jnp.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], -1)


def _from_size(x: jax.Array) -> jax.Array:
    return jnp.concatenate([x[..., :2], x[..., :2] + x[..., 2:]], -1)


def _to_size(x: jax.Array) -> jax.Array:
    return jnp.concatenate([x[..., :2], x[..., 2:] - x[..., :2]], -1)


def _parts(x: jax.Array) -> list[jax.Array]:
    return [x[..., i] for i in range(x.shape[-1])]


def _like(result: jax.Array, x: jax.Array) -> jax.Array:
    """Whole numbers stay whole."""
    return result if jnp.issubdtype(x.dtype, jnp.floating) else jnp.round(result).astype(x.dtype)


def _turned(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    angle = x[..., -1] * math.pi / 180.0
    return jnp.cos(angle), jnp.sin(angle)


def _rotated_corner(x: jax.Array) -> jax.Array:
    (cx, cy, w, h, r), (cos, sin) = _parts(x), _turned(x)
    left, top = cx - w / 2 * cos - h / 2 * sin, cy - h / 2 * cos + w / 2 * sin
    return _like(jnp.stack(jnp.broadcast_arrays(left, top, w, h, r), -1), x)


def _rotated_centre(x: jax.Array) -> jax.Array:
    (x1, y1, w, h, r), (cos, sin) = _parts(x), _turned(x)
    cx, cy = x1 + w / 2 * cos + h / 2 * sin, y1 - w / 2 * sin + h / 2 * cos
    return _like(jnp.stack(jnp.broadcast_arrays(cx, cy, w, h, r), -1), x)


def _rotated_corners(x: jax.Array) -> jax.Array:
    (x1, y1, w, h, _), (cos, sin) = _parts(x), _turned(x)
    x2, y2 = x1 + w * cos, y1 - w * sin
    corners = (x1, y1, x2, y2, x2 + h * sin, y2 + h * cos, x1 + h * sin, y1 + h * cos)
    return _like(jnp.stack(jnp.broadcast_arrays(*corners), -1), x)


def _from_rotated_corners(x: jax.Array) -> jax.Array:
    x1, y1, x2, y2, x3, y3, _, _ = _parts(x)
    angle = jnp.arctan2(y1 - y2, x2 - x1) * 180 / math.pi
    w, h = jnp.sqrt((x2 - x1) ** 2 + (y1 - y2) ** 2), jnp.sqrt((x3 - x2) ** 2 + (y3 - y2) ** 2)
    return _like(jnp.stack(jnp.broadcast_arrays(x1, y1, w, h, angle), -1), x)


# What leads to and from the first format of each kind.
_ALIGNED = {"xyxy": (), "xywh": (_from_size, _to_size), "cxcywh": (_from_centre, _to_centre)}
_ROTATED = {
    "xywhr": (),
    "cxcywhr": (_rotated_corner, _rotated_centre),
    "xyxyxyxy": (_from_rotated_corners, _rotated_corners),
}


def box_convert(boxes: ArrayLike, in_fmt: str, out_fmt: str) -> jax.Array:
    """Converts boxes from one format into another.

    Args:
        boxes: (..., K).
        in_fmt: of ``boxes``: ``"xyxy"``, two corners; ``"xywh"``, the upper left corner, width and height;
            ``"cxcywh"``, the centre, width and height (K = 4); ``"xywhr"`` and ``"cxcywhr"`` (K = 5), with a rotation
            about the centre by so many degrees, counterclockwise; ``"xyxyxyxy"`` (K = 8), the corners of a rotated box,
            clockwise from the upper left one.
        out_fmt: of the result, of the same kind.

    Returns:
        (..., K').

    Raises:
        ArgumentError: there is no such format, or one is of rotated boxes and the other is not.

    >>> box_convert(jnp.array([1.0, 2.0, 4.0, 8.0]), "xyxy", "cxcywh")
    Array([2.5, 5. , 3. , 6. ], dtype=float32)
    """
    for formats in (_ALIGNED, _ROTATED):
        if in_fmt in formats and out_fmt in formats:
            break
    else:
        raise ArgumentError(f"Unsupported Bounding Box Conversions for given in_fmt {in_fmt} and out_fmt {out_fmt}")
    x = jnp.asarray(boxes)
    if in_fmt == out_fmt:
        return x
    if formats[in_fmt]:
        x = formats[in_fmt][0](x)
    return formats[out_fmt][1](x) if formats[out_fmt] else x
