"""Joining and splitting axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax

from fnn.arguments import wrap_dim
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike


def flatten(input: ArrayLike, start_dim: int = 0, end_dim: int = -1) -> jax.Array:
    """Joins the axes from ``start_dim`` to ``end_dim`` (included) into one; a scalar becomes a vector.

    Args:
        input: any shape.
        start_dim: the first axis to join.
        end_dim: the last one.

    Returns:
        The same numbers in the new shape.

    Raises:
        IndexError: an axis is out of range.
        ArgumentError: ``start_dim`` comes after ``end_dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.functional.shape import flatten
        >>> flatten(jnp.ones((2, 3, 4)), 1).shape
        (2, 12)
    """
    x = to_array(input, "input", "flatten: ")
    start, end = wrap_dim(start_dim, x.ndim, "flatten: "), wrap_dim(end_dim, x.ndim, "flatten: ")
    if start > end:
        raise ArgumentError(
            "flatten: flatten() has invalid args: start_dim cannot come after end_dim; got "
            f"start_dim={start_dim}, end_dim={end_dim}"
        )
    if x.ndim == 0:
        return x.reshape(1)
    return x.reshape(*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])


def unflatten(input: ArrayLike, dim: int, sizes: Sequence[int]) -> jax.Array:
    """Splits the axis ``dim`` into axes of ``sizes``, of which one may be -1.

    Args:
        input: any shape.
        dim: the axis to split.
        sizes: the new axes; their product is the size of the old one.

    Returns:
        The same numbers in the new shape.

    Raises:
        IndexError: ``dim`` is out of range.
        ArgumentError: the sizes do not multiply to the size of the axis.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.functional.shape import unflatten
        >>> unflatten(jnp.ones((2, 12)), 1, (3, -1)).shape
        (2, 3, 4)
    """
    x = to_array(input, "input", "unflatten: ")
    axis, new = wrap_dim(dim, x.ndim, "unflatten: "), [int(s) for s in sizes]
    if not new:
        raise ArgumentError("unflatten: sizes must be non-empty")
    if x.ndim == 0:
        x = x.reshape(1)
    if new.count(-1) > 1:
        raise ArgumentError(f"unflatten: only one dimension can be inferred, got sizes={new}")
    if min(new) < -1:
        raise ArgumentError(f"unflatten: invalid shape dimension {min(new)}, got sizes={new}")
    known = math.prod(s for s in new if s != -1)
    if -1 in new and known:
        new[new.index(-1)] = x.shape[axis] // known
    if math.prod(new) != x.shape[axis] or -1 in new:
        raise ArgumentError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({x.shape[axis]}) in "
            "the input tensor"
        )
    return x.reshape(*x.shape[:axis], *new, *x.shape[axis + 1 :])
