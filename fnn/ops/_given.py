"""What functions are given, normalised: sizes and dimensions that PyTorch takes one by one or as a sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from fnn.arguments import integer, listed, wrap_dim
from fnn.devices import to_device
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike, Device, Ints

__all__ = ["arrays_of", "ints_of", "placed", "size_of", "wrap_dims"]


def ints_of(given: Sequence[Any], name: str, where: str) -> tuple[int, ...]:
    """``f(2, 3)`` and ``f((2, 3))`` alike."""
    values = given[0] if len(given) == 1 and isinstance(given[0], Sequence) else given
    return tuple(integer(value, name, where) for value in values)


def size_of(given: Sequence[Any], where: str) -> tuple[int, ...]:
    """A shape to be made: no number below 0."""
    size = ints_of(given, "size", where)
    if any(n < 0 for n in size):
        raise ArgumentError(f"{where}Trying to create tensor with negative dimension {min(size)}: {listed(size)}")
    return size


def wrap_dims(dims: Ints, ndim: int, where: str) -> tuple[int, ...]:
    """Dimensions counted from the front.

    Raises:
        IndexError: there is no such dimension.
        ArgumentError: one is named twice.
    """
    found = tuple(wrap_dim(dim, ndim, where) for dim in ([dims] if isinstance(dims, (int, np.integer)) else dims))
    if len(set(found)) < len(found):
        twice = next(dim for dim in found if found.count(dim) > 1)
        raise ArgumentError(f"{where}dim {twice} appears multiple times in the list of dims, got dims={dims}")
    return found


def arrays_of(given: Iterable[ArrayLike], where: str, name: str = "tensors") -> list[jax.Array]:
    """A list of arrays from ``f(a, b)`` and ``f([a, b])`` alike.

    Raises:
        ArgumentTypeError: what is given is an array, or one of its elements is none.
    """
    if isinstance(given, (jax.Array, np.ndarray, str)) or not isinstance(given, Iterable):
        raise ArgumentTypeError(f"{where}argument '{name}' must be tuple of Tensors, not {type(given).__name__}")
    given = tuple(given)
    if len(given) == 1 and isinstance(given[0], (list, tuple)):
        given = tuple(given[0])
    for n, value in enumerate(given):
        if not isinstance(value, (jax.Array, np.ndarray)) and not hasattr(value, "__jax_array__"):
            raise ArgumentTypeError(
                f"{where}expected Tensor as element {n} in argument '{name}', but got {type(value).__name__}"
            )
    return [to_array(value, name, where) for value in given]


def placed(x: jax.Array, device: Device | None, where: str) -> jax.Array:
    """``x`` on a device, if one is named."""
    return x if device is None else jax.device_put(x, to_device(device, where))
