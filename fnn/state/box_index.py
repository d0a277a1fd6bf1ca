"""Indices into a box: an integer out of range raises, as in PyTorch and Python; JAX would take the nearest element."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.tracing import Tracer

__all__ = ["check_index", "mask_places"]


def check_index(index: Any, shape: tuple[int, ...]) -> None:
    """Refuses integers out of range; arrays as indices are JAX's.

    Raises:
        IndexError: an integer that names no element of its dimension.
    """
    kind = type(index)
    if kind is int:
        if shape and not -shape[0] <= index < shape[0]:
            raise IndexError(f"index {index} is out of bounds for dimension 0 with size {shape[0]}")
    elif kind is tuple:
        _check_each(index, shape)
    elif isinstance(index, np.integer):
        check_index(int(index), shape)


def mask_places(index: Any) -> tuple[jax.Array | None, ...] | None:
    """What `fnn.index_put` takes for an index with one mask whose values are not known; None: it is another index."""
    found: list[jax.Array | None] = []
    masks = 0
    parts: tuple[Any, ...] = index if type(index) is tuple else (index,)
    for part in parts:
        if isinstance(part, slice) and part == slice(None):
            found.append(None)
        elif isinstance(part, Tracer) and part.dtype == np.bool_ and part.ndim:
            masks += 1
            found.append(part)
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            found.append(jnp.asarray(part))
        else:
            return None
    return tuple(found) if masks == 1 else None


def _check_each(index: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    dim = 0
    for n, part in enumerate(index):
        if part is Ellipsis:
            dim = len(shape) - sum(map(_dims, index[n + 1 :]))
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            if 0 <= dim < len(shape) and not -shape[dim] <= part < shape[dim]:
                raise IndexError(f"index {part} is out of bounds for dimension {dim} with size {shape[dim]}")
            dim += 1
        else:
            dim += _dims(part)


def _dims(part: Any) -> int:
    """How many dimensions a part of an index takes."""
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool_)):
        return 0
    return part.ndim if getattr(part, "dtype", None) == np.bool_ else 1
