"""Values written by a mask that has none yet: its shape says all, where ``x.at[mask]`` would need to count it."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import listed
from fnn.errors import ArgumentError
from fnn.tracing import concrete

__all__ = ["put_by_mask", "traced_mask"]

Places = Sequence[jax.Array | slice]


def traced_mask(places: Places) -> int | None:
    """The place of the one mask whose values are not known, if all other places are numbers or whole dimensions."""
    found: int | None = None
    for i, at in enumerate(places):
        if isinstance(at, slice) or not (at.ndim or at.dtype == np.bool_):
            continue
        if found is not None or at.dtype != np.bool_ or not at.ndim:
            return None
        found = i
    mask = places[found] if found is not None else None
    return found if isinstance(mask, jax.Array) and concrete(mask) is None else None


def put_by_mask(
    x: jax.Array, places: Places, number: int, values: jax.Array, accumulate: bool, where: str
) -> jax.Array:
    """``x.at[places].set(values)``, or ``.add`` with ``accumulate``, by a choice between old and new elements.

    Args:
        x: the array.
        places: a mask; numbers and whole dimensions beside it.
        number: which of them is the mask.
        values: broadcast to what ``x[places]`` would be.  The dimension that stands for the mask's true elements has
            one value for all of them, or one for each in their order.
        accumulate: whether values are added.
        where: who asks, for messages.
    """
    mask = places[number]
    assert isinstance(mask, jax.Array)
    axis = sum(at.ndim if not isinstance(at, slice) and at.dtype == np.bool_ else 1 for at in places[:number])
    if x.shape[axis : axis + mask.ndim] != mask.shape:
        raise IndexError(
            f"{where}the shape of the mask {listed(mask.shape)} does not match the shape of the indexed tensor "
            f"{listed(x.shape)} at dimension {axis}"
        )
    opened = (*places[:number], *(slice(None),) * mask.ndim, *places[number + 1 :])
    part = x[opened]
    axis = sum(isinstance(at, slice) for at in places[:number])  # of the mask in what is left without the numbers
    if not _adjacent(places):  # what several separated indices name comes first
        back, axis = axis, 0
        front = tuple(range(mask.ndim))
        part = jnp.moveaxis(part, tuple(range(back, back + mask.ndim)), front)
    else:
        back = axis
    new = _chosen(part, axis, mask, values, accumulate, where)
    if back != axis:
        new = jnp.moveaxis(new, tuple(range(mask.ndim)), tuple(range(back, back + mask.ndim)))
    return new if all(isinstance(at, slice) for at in opened) else x.at[opened].set(new)


def _chosen(part: jax.Array, axis: int, mask: jax.Array, values: jax.Array, accumulate: bool, where: str) -> jax.Array:
    """The elements of ``part`` or the values, by a mask over the dimensions from ``axis`` on."""
    before, after = part.shape[:axis], part.shape[axis + mask.ndim :]
    flat = part.reshape(*before, mask.size, *after)
    if values.ndim > flat.ndim:
        raise _mismatch(values, where)
    spread = values.reshape((1,) * (flat.ndim - values.ndim) + values.shape)
    each = spread.shape[axis]
    if not each or not flat.size:
        return part
    line = mask.reshape(-1)
    if each > 1:
        spread = jnp.take(spread, jnp.clip(jnp.cumsum(line) - 1, 0, each - 1), axis=axis)
    try:
        spread = jnp.broadcast_to(spread, flat.shape)
    except ValueError:
        raise _mismatch(values, where) from None
    if accumulate:
        spread = flat | spread if flat.dtype == np.bool_ else flat + spread
    line = line.reshape(mask.size, *(1,) * len(after))
    return jnp.where(line, spread, flat).reshape(part.shape)


def _adjacent(places: Places) -> bool:
    """Whether no whole dimension stands between two indices."""
    taken = [i for i, at in enumerate(places) if not isinstance(at, slice)]
    return taken[-1] - taken[0] + 1 == len(taken)


def _mismatch(values: jax.Array, where: str) -> ArgumentError:
    return ArgumentError(
        f"{where}shape mismatch: value tensor of shape {listed(values.shape)} cannot be broadcast to the indexing "
        "result"
    )
