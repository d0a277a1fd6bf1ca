"""The methods of `torch.Tensor` on a box, with torch's meaning.

What numpy and JAX call by the same name and mean otherwise (``std``, ``repeat``, ``transpose``, ``max(0)``, ``size``)
means here what it means in PyTorch; a call that only numpy knows (``axis=``, ``keepdims=``, a tuple of axes for
``transpose``) is numpy's.  All but the methods in place return arrays, so that a chain of calls goes on with JAX's
methods: ``p.t().reshape(-1)``.

Shapes, parts and reductions stand in files of their own, as do the elementwise methods (`tensor_elementwise`) and
the names that a box does not have, with what to write instead (`tensor_names`); here is the rest: conversion.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from fnn.devices import to_device
from fnn.dtypes import canonical, index_dtype
from fnn.state.tensor_reductions import Reductions
from fnn.state.tensor_shapes import Shapes, many
from fnn.typing import Device, DType

__all__ = ["Size", "TensorMethods"]


class Size(int):
    """The number of elements, as numpy's and JAX's ``size``; called, it is torch's ``size()`` or ``size(dim)``."""

    _shape: tuple[int, ...]  # under this name numpy would take the number for an array

    def __new__(cls, number: int, shape: tuple[int, ...]) -> Size:
        """The number with the shape that it counts."""
        self = super().__new__(cls, number)
        self._shape = shape
        return self

    def __call__(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        if dim is None:
            return self._shape
        if not -len(self._shape) <= dim < len(self._shape):
            n = max(len(self._shape), 1)
            raise IndexError(
                f"size: Dimension out of range (expected to be in range of [{-n}, {n - 1}], got dim={dim})"
            )
        return self._shape[dim]

    def __reduce__(self) -> Any:
        return int, (int(self),)


class TensorMethods(Shapes, Reductions):
    """All methods that take no part in writing; a mixin of `Box`, which has ``data``."""

    __slots__ = ()

    def to(self, *args: Any, dtype: DType | None = None, device: Device | None = None, **ignored: Any) -> jax.Array:
        """The value with another dtype, on another device, or as another array has it."""
        del ignored  # non_blocking, copy
        for value in args:
            if isinstance(value, builtins.bool) or value is None:
                continue
            if hasattr(value, "dtype") and hasattr(value, "shape"):
                dtype, device = value.dtype, getattr(value, "sharding", None)
            elif isinstance(value, (str, int, jax.Device, jax.sharding.Sharding)) and not _names_dtype(value):
                device = value
            else:
                dtype = value
        value = self.data if dtype is None else self.data.astype(canonical(dtype, "to: "))
        return value if device is None else jax.device_put(value, to_device(device, "to: "))

    def type(self, dtype: DType | None) -> jax.Array:
        """The value cast to a dtype."""
        return self.data.astype(canonical(dtype, "type: "))

    def type_as(self, other: jax.Array) -> jax.Array:
        """The value cast to the dtype of ``other``."""
        return self.data.astype(other.dtype)

    def cpu(self) -> jax.Array:
        """The value on the CPU."""
        return self.to("cpu")

    def cuda(self, device: object = None) -> jax.Array:
        """The value on a GPU."""
        return self.to("cuda" if device is None else device)

    def contiguous(self) -> jax.Array:
        """The value: JAX chooses the layout in memory."""
        return self.data

    def is_contiguous(self) -> bool:
        """True: JAX chooses the layout in memory."""
        return True

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return not jnp.issubdtype(self.data.dtype, jnp.unsignedinteger) and self.data.dtype != np.bool_

    def is_same_size(self, other: jax.Array) -> bool:
        """Whether ``other`` has the same shape."""
        return self.data.shape == tuple(other.shape)

    def new_zeros(self, *size: object, dtype: DType | None = None) -> jax.Array:
        """Zeros in this box's dtype."""
        return jnp.zeros(many(size), self.data.dtype if dtype is None else canonical(dtype, "new_zeros: "))

    new_empty = new_zeros

    def new_ones(self, *size: object, dtype: DType | None = None) -> jax.Array:
        """Ones in this box's dtype."""
        return jnp.ones(many(size), self.data.dtype if dtype is None else canonical(dtype, "new_ones: "))

    def new_full(self, size: Any, fill_value: ArrayLike, dtype: DType | None = None) -> jax.Array:
        """One number everywhere, in this box's dtype."""
        return jnp.full(tuple(size), fill_value, self.data.dtype if dtype is None else canonical(dtype, "new_full: "))

    def new_tensor(self, data: object, dtype: DType | None = None) -> jax.Array:
        """An array of ``data`` in this box's dtype."""
        return jnp.array(data, self.data.dtype if dtype is None else canonical(dtype, "new_tensor: "))


def _names_dtype(value: object) -> bool:
    """Whether a string is a dtype's name, not a device's."""
    try:
        return isinstance(value, str) and np.dtype(value) is not None
    except TypeError:
        return False


def _cast(name: str, dtype: Any) -> Callable[[Any], jax.Array]:
    def method(self: Any) -> jax.Array:
        return self.data.astype(index_dtype() if dtype is None else canonical(dtype, f"{name}: "))

    method.__doc__ = f"The value cast to {'int64 (without x64 mode int32)' if dtype is None else np.dtype(dtype).name}."
    return method


# A loop, for as names in the class body they would hide Python's own.
_CASTS = {
    "bfloat16": jnp.bfloat16, "bool": "bool", "byte": "uint8", "cdouble": "complex128", "cfloat": "complex64",
    "char": "int8", "double": "float64", "float": "float32", "half": "float16", "int": "int32", "long": None,
    "short": "int16",
}  # fmt: skip
for _name, _dtype in _CASTS.items():
    setattr(TensorMethods, _name, _cast(_name, _dtype))
