"""An array as a value: what a layer holds of an array that its constructor was given."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.tracing import concrete
from fnn.typing import DType

__all__ = ["HashableArray"]


class HashableArray:
    """An immutable array that compares and hashes by its contents, so that a layer that holds it can.

    Args:
        value: anything array-like with known values.
        name: what it is called in an error.
    """

    __slots__ = ("_array",)

    def __init__(self, value: object, name: str = "value") -> None:
        if not isinstance(value, HashableArray):
            value = concrete(to_array(value, name))
            if value is None:
                raise ArgumentError(
                    f"argument '{name}' must have known values, but it is traced (built under jit or grad)"
                )
            value = np.array(value)
            value.flags.writeable = False
        self._array = value._array if isinstance(value, HashableArray) else value

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    @property
    def dtype(self) -> np.dtype:
        """The array's dtype."""
        return self._array.dtype

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._array, dtype) if copy or dtype not in (None, self.dtype) else self._array

    def __jax_array__(self) -> Any:
        return jnp.asarray(self._array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HashableArray) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"{self._array.tolist()}"

    def __reduce__(self) -> tuple:
        return HashableArray, (np.array(self._array),)

    def _key(self) -> tuple:
        return self.shape, str(self.dtype), self._array.tobytes()
