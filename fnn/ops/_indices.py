"""What the functions that take indices share: the checks, and what cannot be done while a program is traced."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import listed
from fnn.dtypes import number_in, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._promote import kind_of
from fnn.tracing import concrete, known
from fnn.typing import ArrayLike, Scalar

__all__ = [
    "check_bounds",
    "in_front",
    "index_array",
    "line_of",
    "number_for",
    "places_along",
    "values_for",
    "values_of",
]


def index_array(index: ArrayLike, where: str, name: str = "index") -> jax.Array:
    """An array of int32 or int64, as PyTorch wants indices.

    Raises:
        ArgumentTypeError: another dtype.
    """
    at = to_array(index, name, where)
    if kind_of(at.dtype) != 1 or at.dtype.itemsize < 4:
        if not at.size:  # PyTorch asks nothing of an empty one, and jnp.array([]) is of floats
            return at.astype(jnp.int32)
        raise ArgumentTypeError(f"{where}{name} must be an int32 or int64 array, got {name}.dtype={at.dtype}")
    return at


def check_bounds(index: jax.Array, size: int, where: str, dim: int | None = None, negative: bool = False) -> None:
    """Refuses indices outside of the dimension; those of a compiled program have no values to look at.

    Raises:
        IndexError: names the first that is out of bounds.
    """
    values = concrete(index)
    if values is None or not values.size:
        return
    wrong = (values >= size) | (values < (-size if negative else 0))
    if wrong.any():
        place = "" if dim is None else f" for dimension {dim}"
        raise IndexError(f"{where}index {values[wrong][0]} is out of bounds{place} with size {size}")


def in_front(index: jax.Array, size: int) -> jax.Array:
    """Negative indices counted from the front."""
    return jnp.where(index < 0, index + size, index)


def line_of(index: ArrayLike, where: str) -> jax.Array:
    """An index of at most one dimension, as a vector.

    Raises:
        IndexError: it has more.
    """
    at = index_array(index, where)
    if at.ndim > 1:
        raise IndexError(f"{where}Index is supposed to be a vector, got shape={listed(at.shape)}")
    return at.reshape(-1)


def places_along(index: jax.Array, axis: int) -> tuple[jax.Array, ...]:
    """An index along one dimension as one along all: each element keeps its place along the others."""
    return tuple(
        index if n == axis else jax.lax.broadcasted_iota(index.dtype, index.shape, n) for n in range(index.ndim)
    )


def number_for(value: Any, dtype: np.dtype, where: str) -> jax.Array:
    """One number, or an array without dimensions, to be written into an array of a dtype.

    Raises:
        ArgumentTypeError: it is an array with dimensions.
        ArgumentError: the dtype cannot hold it; of an array in a compiled program nobody knows.
    """
    if getattr(value, "ndim", 0):
        raise ArgumentTypeError(
            f"{where}only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    if isinstance(value, (bool, int, float, complex)):
        return jnp.asarray(number_in(value, dtype, where))
    number = to_array(value, "value", where)
    known = concrete(number)
    if known is not None:
        number_in(known.item(), dtype, where)
    elif kind_of(number.dtype) == 3 and kind_of(dtype) in (1, 2):
        number = number.real
    return number.astype(dtype)


def values_for(values: Scalar | ArrayLike, x: jax.Array, where: str, name: str) -> jax.Array:
    """Values to be written, of the dtype that they are written to.

    Raises:
        ArgumentTypeError: another dtype.
    """
    array = to_array(values, name, where)
    if array.dtype != x.dtype:
        raise ArgumentTypeError(
            f"{where}Expected self.dtype to be equal to {name}.dtype, got {x.dtype} and {array.dtype}"
        )
    return array


def values_of(x: jax.Array, where: str, name: str, instead: str) -> np.ndarray:
    """The values of an array on which the shape of a result depends.

    Args:
        x: the array.  A compiled program knows the values of what it makes itself, of numbers and shapes.
        where: who asks.
        name: the argument.
        instead: what to write where the values are not known.

    Raises:
        ArgumentError: it depends on what a compiled program is given.
    """
    values = known(x)
    if values is None:
        raise ArgumentError(
            f"{where}the shape of the result depends on the values of '{name}', which have none while a program is "
            f"traced; {instead}"
        )
    return values
