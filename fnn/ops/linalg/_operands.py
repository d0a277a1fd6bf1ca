"""Matrices as arguments: of the right dtype and shape, or refused; and what went wrong with one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._operands import array
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

_DTYPES = frozenset(map(np.dtype, ("float32", "float64", "complex64", "complex128")))


class LinAlgError(ArgumentError):
    """A matrix has not the property that an operation needs: it is singular, or not positive definite.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> try:
        ...     fnn.linalg.inv(jnp.zeros((2, 2)))
        ... except fnn.linalg.LinAlgError:
        ...     print("singular")
        singular
    """


def matrix(A: ArrayLike, where: str, name: str = "A", square: bool = False) -> jax.Array:
    """``A`` as an array of matrices."""
    x = array(A, where, name)
    if x.ndim < 2:
        raise ArgumentError(
            f"{where}: The input tensor {name} must have at least 2 dimensions, got shape {list(x.shape)}"
        )
    if square and x.shape[-1] != x.shape[-2]:
        raise ArgumentError(f"{where}: {name} must be batches of square matrices, got shape {list(x.shape)}")
    numeric(x, where, name)
    return x


def numeric(x: jax.Array, where: str, name: str = "A") -> None:
    """Raises for a dtype that no decomposition exists for."""
    if x.dtype not in _DTYPES:
        raise ArgumentTypeError(f"{where}: Expected {name} to be floating (32 or 64 bits) or complex, got {x.dtype}")


def same_dtype(where: str, x: jax.Array, y: jax.Array) -> None:
    """Raises if two arrays differ in dtype."""
    if x.dtype != y.dtype:
        raise ArgumentTypeError(f"{where}: Expected both arrays to have the same dtype, got {x.dtype} and {y.dtype}")


def raise_if(where: str, bad: jax.Array, text: str) -> None:
    """Raises `LinAlgError` if one of ``bad`` holds; traced, it cannot be known."""
    if not isinstance(bad, Tracer) and np.asarray(bad).any():
        index = tuple(int(i) for i in np.argwhere(np.asarray(bad))[0])
        batch = f"(Batch element {index[0] if len(index) == 1 else index}): " if index else ""
        raise LinAlgError(f"{where}: {batch}{text}")


def adjoint(x: jax.Array) -> jax.Array:
    """The conjugate transpose."""
    return jnp.conj(jnp.swapaxes(x, -1, -2))


def identity(x: jax.Array, rows: int, columns: int | None = None) -> jax.Array:
    """An identity matrix in the dtype of ``x``, with as many dimensions."""
    eye = jnp.eye(rows, columns, dtype=x.dtype)
    return eye.reshape((1,) * (x.ndim - 2) + eye.shape)


def from_triangle(x: jax.Array, upper: bool) -> jax.Array:
    """The Hermitian matrix of a triangle; its gradient is shared by both triangles, as PyTorch's."""
    part = jnp.triu(x, 1) if upper else jnp.tril(x, -1)
    diagonal = jnp.real(jnp.diagonal(x, axis1=-2, axis2=-1)).astype(x.dtype)
    whole = part + adjoint(part) + identity(x, x.shape[-1]) * diagonal[..., None, :]
    even = (x + adjoint(x)) / 2
    return even + lax.stop_gradient(whole - even)
