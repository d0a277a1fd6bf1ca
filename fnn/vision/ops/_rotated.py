"""The overlap of rotated boxes."""

import math

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["rotated_iou"]


def _corners(boxes: jax.Array) -> jax.Array:
    """(..., 5) to (..., 4, 2), in order around the box."""
    centre, size = boxes[..., None, :2], boxes[..., None, 2:4]
    angle = boxes[..., 4] * (math.pi / 180)
    cos, sin = jnp.cos(angle)[..., None], jnp.sin(angle)[..., None]
    units = jnp.asarray([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], boxes.dtype)
    local = size * units.reshape((1,) * (boxes.ndim - 1) + (4, 2))
    x, y = local[..., 0], local[..., 1]
    return centre + jnp.stack([x * cos + y * sin, y * cos - x * sin], -1)


def _cross(a: jax.Array, b: jax.Array) -> jax.Array:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _inside(points: jax.Array, corners: jax.Array, slack: float) -> jax.Array:
    """Whether each of (..., P, 2) lies in the box with corners (..., 4, 2)."""
    origin = corners[..., None, 0, :]
    found = None
    for edge in (corners[..., None, 1, :] - origin, corners[..., None, 3, :] - origin):
        along, length = ((points - origin) * edge).sum(-1), (edge * edge).sum(-1)
        within = (along >= -slack * length) & (along <= (1 + slack) * length)
        found = within if found is None else found & within
    assert found is not None
    return found


def _intersection(first: jax.Array, second: jax.Array) -> jax.Array:
    """The area that two boxes share; corners (..., 4, 2) each.

    The corners of a convex intersection are corners of one box within the other, and crossings of edges.
    """
    slack = 1e-5 if first.dtype == jnp.float32 else 1e-9
    starts1, starts2 = first[..., :, None, :], second[..., None, :, :]
    edges1 = (jnp.roll(first, -1, -2) - first)[..., :, None, :]
    edges2 = (jnp.roll(second, -1, -2) - second)[..., None, :, :]
    determinant = _cross(edges1, edges2)
    crossing = jnp.abs(determinant) > 1e-14
    safe = jnp.where(crossing, determinant, 1)
    t = _cross(starts2 - starts1, edges2) / safe
    u = _cross(starts2 - starts1, edges1) / safe
    crossing &= (t >= -slack) & (t <= 1 + slack) & (u >= -slack) & (u <= 1 + slack)
    crossings = starts1 + t[..., None] * edges1
    batch = crossings.shape[:-3]

    def flat(x: jax.Array, *shape: int) -> jax.Array:
        return jnp.broadcast_to(x, (*batch, *x.shape[len(batch) :])).reshape(*batch, *shape)

    points = jnp.concatenate([flat(crossings, 16, 2), flat(first, 4, 2), flat(second, 4, 2)], -2)
    valid = jnp.concatenate(
        [flat(crossing, 16), flat(_inside(first, second, slack), 4), flat(_inside(second, first, slack), 4)], -1
    )
    count = valid.sum(-1, keepdims=True)
    centre = jnp.where(valid[..., None], points, 0).sum(-2, keepdims=True) / jnp.maximum(count, 1)[..., None]
    points = jnp.where(valid[..., None], points - centre, 0)
    angle = jnp.where(valid, jnp.arctan2(points[..., 1], points[..., 0]), jnp.inf)
    order = jnp.argsort(angle, -1)
    points = jnp.take_along_axis(points, order[..., None], -2)
    # Behind the last point the first one stands, again and again: edges of length 0.
    there = jnp.arange(24).reshape((1,) * len(batch) + (24,)) < count
    points = jnp.where(there[..., None], points, points[..., :1, :])
    area = 0.5 * jnp.abs(_cross(points, jnp.roll(points, -1, -2)).sum(-1))
    return jnp.where(count[..., 0] > 2, area, 0)


def rotated_iou(boxes1: jax.Array, boxes2: jax.Array) -> jax.Array:
    """Intersection over union of all pairs of (..., N, 5) and (..., M, 5): centre, size, degrees; without gradient."""
    first, second = (
        lax.stop_gradient(x) for x in jnp.broadcast_arrays(boxes1[..., :, None, :], boxes2[..., None, :, :])
    )
    # Coordinates near 0 lose fewer digits.
    middle = jnp.concatenate([(first[..., :2] + second[..., :2]) / 2, jnp.zeros_like(first[..., 2:])], -1)
    first, second = first - middle, second - middle
    area1, area2 = first[..., 2] * first[..., 3], second[..., 2] * second[..., 3]
    inter = _intersection(_corners(first), _corners(second))
    tiny = (area1 < 1e-14) | (area2 < 1e-14)
    return jnp.where(tiny, 0, inter / jnp.where(tiny, 1, area1 + area2 - inter))
