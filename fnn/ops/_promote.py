"""PyTorch's rules for the dtype of a result.

An operand is a *dimensioned* array, a 0-d array, or a Python number.  Those with dimensions decide; 0-d arrays, and
after them numbers, have a say only where their kind (bool, integer, floating, complex) is a higher one:
https://docs.pytorch.org/docs/2.13/tensor_attributes.html#type-promotion-doc
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import get_default_dtype, index_dtype, to_array

__all__ = ["as_inexact", "kind_of", "promoted", "result_type"]

_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2, "V": 2, "c": 3}  # "V": bfloat16 and its kin


def kind_of(dtype: object) -> int:
    """0 for bool, 1 for integers, 2 for floating, 3 for complex dtypes."""
    dtype = np.dtype(dtype)  # type: ignore[call-overload]
    return 2 if jnp.issubdtype(dtype, jnp.floating) else _KINDS[dtype.kind]


def _of_number(value: object) -> np.dtype:
    if isinstance(value, (bool, np.bool_)):
        return np.dtype(bool)
    if isinstance(value, int):
        return index_dtype()
    default = get_default_dtype()
    return complex_of(default) if isinstance(value, complex) else default


def complex_of(dtype: object) -> np.dtype:
    """The complex dtype whose parts have this floating dtype (complex64 for the half ones, which JAX has not)."""
    return np.dtype("complex128" if np.dtype(dtype) == np.float64 else "complex64")  # type: ignore[call-overload]


def result_type(*operands: Any) -> np.dtype:
    """The dtype to which operands are converted: arrays, boxes or Python numbers.

    >>> result_type(jnp.ones(2, jnp.bfloat16), jnp.ones((), jnp.float32), 2.5)
    dtype(bfloat16)
    >>> result_type(jnp.ones(2, jnp.int32), 2.5)
    dtype('float32')
    """
    levels: list[np.dtype | None] = [None, None, None]  # dimensioned, 0-d, numbers
    for operand in operands:
        if isinstance(operand, (bool, int, float, complex)) and not isinstance(operand, np.generic):
            level, dtype = 2, _of_number(operand)
        else:
            array = operand if hasattr(operand, "dtype") else to_array(operand)
            level, dtype = (0 if array.ndim else 1), np.dtype(array.dtype)
        known = levels[level]
        levels[level] = dtype if known is None else np.dtype(jnp.promote_types(known, dtype))
    result: np.dtype | None = None
    for dtype in levels:
        if result is None or dtype is None:
            result = result if dtype is None else dtype
        elif kind_of(dtype) > kind_of(result):
            result = complex_of(result) if kind_of(result) == 2 else dtype
    if result is None:
        raise ValueError("result_type: expected at least one operand")
    return result


def promoted(*operands: Any) -> list[jax.Array]:
    """The operands as arrays of their common dtype (not broadcast)."""
    dtype = result_type(*operands)
    return [to_array(x).astype(dtype) if hasattr(x, "dtype") else jnp.asarray(_wrapped(x, dtype)) for x in operands]


def _wrapped(number: Any, dtype: np.dtype) -> np.ndarray:
    """A number as an operand: one that a narrow integer dtype cannot hold loses its upper bits, as PyTorch's.

    Not so in int32, which stands for PyTorch's int64 as well: there it is an error.
    """
    if isinstance(number, int) and dtype.kind in "iu" and dtype.itemsize < 4:
        return np.asarray(number).astype(dtype)
    return np.asarray(number, dtype)


def as_inexact(x: jax.Array) -> jax.Array:
    """Integers and booleans in the default floating dtype, as PyTorch's floating functions take them."""
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(get_default_dtype())
