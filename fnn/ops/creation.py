"""Arrays of one number: ``zeros``, ``ones``, ``full``, ``empty``, and the same in the form of another array.

``empty`` is of zeros: JAX has no memory without values.  Sizes may be several integers or one sequence of them.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import canonical, get_default_dtype, number_in, operand_in, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._given import ints_of, placed, size_of
from fnn.ops._promote import kind_of, result_type
from fnn.typing import ArrayLike, Device, DType, Ints, Scalar, Shape

__all__ = [
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "new_empty",
    "new_full",
    "new_ones",
    "new_zeros",
    "ones",
    "ones_like",
    "scalar_tensor",
    "zeros",
    "zeros_like",
]


def zeros(size: Ints, *others: int, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """Zeros.

    Args:
        size: the shape, as one sequence or the first of several integers.
        *others: the other integers.
        dtype: the default float dtype if None.
        device: where the result lies.

    >>> zeros(2, 3).shape
    (2, 3)
    """
    return _filled((size, *others), 0, dtype, device, "zeros: ")


def ones(size: Ints, *others: int, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """Ones; the arguments are those of `zeros`.

    >>> ones((2,))
    Array([1., 1.], dtype=float32)
    """
    return _filled((size, *others), 1, dtype, device, "ones: ")


def empty(size: Ints, *others: int, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """An array whose values do not matter (zeros); the arguments are those of `zeros`.

    >>> empty(2, dtype="int32").dtype
    dtype('int32')
    """
    return _filled((size, *others), 0, dtype, device, "empty: ")


def full(size: Ints, fill_value: Scalar, *, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """One number everywhere.

    Args:
        size: the shape.
        fill_value: the number.
        dtype: that of the number if None: bool, PyTorch's int64, or the default dtype.
        device: where the result lies.

    >>> full((2,), 7)
    Array([7, 7], dtype=int32)
    """
    shape = size_of((size,), "full: ")
    return _filled((shape,), fill_value, _dtype_of(fill_value, "full: ") if dtype is None else dtype, device, "full: ")


def zeros_like(input: ArrayLike, *, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """Zeros in the shape and dtype of ``input``.

    >>> zeros_like(jnp.arange(2))
    Array([0, 0], dtype=int32)
    """
    return _like(input, 0, dtype, device, "zeros_like: ")


def ones_like(input: ArrayLike, *, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """Ones in the shape and dtype of ``input``.

    >>> ones_like(jnp.arange(2), dtype="float32")
    Array([1., 1.], dtype=float32)
    """
    return _like(input, 1, dtype, device, "ones_like: ")


def empty_like(input: ArrayLike, *, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """An array in the shape and dtype of ``input`` whose values do not matter (zeros).

    >>> empty_like(jnp.ones((2, 3))).shape
    (2, 3)
    """
    return _like(input, 0, dtype, device, "empty_like: ")


def full_like(
    input: ArrayLike, fill_value: Scalar, *, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """One number everywhere, in the shape and dtype of ``input``.

    >>> full_like(jnp.ones(2), 7)
    Array([7., 7.], dtype=float32)
    """
    return _like(input, fill_value, dtype, device, "full_like: ")


def new_zeros(
    input: ArrayLike, size: Ints, *others: int, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """Zeros of a size, in the dtype of ``input``.

    >>> new_zeros(jnp.arange(3), 2)
    Array([0, 0], dtype=int32)
    """
    return _new(input, (size, *others), 0, dtype, device, "new_zeros: ")


def new_ones(
    input: ArrayLike, size: Ints, *others: int, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """Ones of a size, in the dtype of ``input``.

    >>> new_ones(jnp.arange(3), 2)
    Array([1, 1], dtype=int32)
    """
    return _new(input, (size, *others), 1, dtype, device, "new_ones: ")


def new_empty(
    input: ArrayLike, size: Ints, *others: int, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """An array of a size, in the dtype of ``input``, whose values do not matter (zeros).

    >>> new_empty(jnp.arange(3), 2).shape
    (2,)
    """
    return _new(input, (size, *others), 0, dtype, device, "new_empty: ")


def new_full(
    input: ArrayLike, size: Ints, fill_value: Scalar, *, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """One number everywhere, in the dtype of ``input``.

    >>> new_full(jnp.ones(3), (2,), 7)
    Array([7., 7.], dtype=float32)
    """
    return _new(input, (size,), fill_value, dtype, device, "new_full: ")


def scalar_tensor(s: Scalar, *, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """A number as an array without dimensions, in the default dtype unless another is named.

    >>> scalar_tensor(2)
    Array(2., dtype=float32)
    """
    where = "scalar_tensor: "
    kept = canonical(dtype, where)
    number = operand_in(s, kept, where) if isinstance(s, (bool, int, float, complex)) else s
    return placed(_fill((), number, kept, where), device, where)


def eye(n: int, m: int | None = None, *, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """Ones on the diagonal, zeros elsewhere.

    Args:
        n: the number of rows.
        m: the number of columns; ``n`` if None.
        dtype: the default float dtype if None.
        device: where the result lies.

    >>> eye(2)
    Array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    where = "eye: "
    shape = ints_of((n, n if m is None else m), "n", where)
    if min(shape) < 0:
        raise ArgumentError(f"{where}n and m must be greater or equal to 0, got n={n}, m={m}")
    return placed(jnp.eye(*shape, dtype=canonical(dtype, where)), device, where)


def _filled(
    size: tuple[Ints | Shape, ...], value: Scalar, dtype: DType | None, device: Device | None, where: str
) -> jax.Array:
    kept = canonical(dtype, where)
    return placed(_fill(size_of(size, where), value, kept, where), device, where)


def _like(input: ArrayLike, value: Scalar, dtype: DType | None, device: Device | None, where: str) -> jax.Array:
    x = to_array(input, "input", where)
    return placed(_fill(x.shape, value, x.dtype if dtype is None else canonical(dtype, where), where), device, where)


def _new(
    input: ArrayLike, size: tuple[Ints, ...], value: Scalar, dtype: DType | None, device: Device | None, where: str
) -> jax.Array:
    x = to_array(input, "input", where)
    kept = x.dtype if dtype is None else canonical(dtype, where)
    return placed(_fill(size_of(size, where), value, kept, where), device, where)


def _fill(shape: tuple[int, ...], value: Scalar | np.ndarray, dtype: np.dtype, where: str) -> jax.Array:
    if getattr(value, "ndim", 0):
        raise ArgumentTypeError(f"{where}argument 'fill_value' must be a number, got shape={np.shape(value)}")
    number = number_in(value, dtype, where) if isinstance(value, (bool, int, float, complex)) else value
    return jnp.full(shape, number, dtype)


def _dtype_of(value: Any, where: str) -> np.dtype:
    if getattr(value, "ndim", 0):
        raise ArgumentTypeError(f"{where}argument 'fill_value' must be a number, got shape={np.shape(value)}")
    if not hasattr(value, "dtype"):
        return result_type(value)
    kind = kind_of(value.dtype)
    return result_type((False, 0, 0.0, 0j)[kind]) if kind != 2 else get_default_dtype()
