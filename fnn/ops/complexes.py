"""Complex numbers out of real ones, and back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import is_complex, is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._promote import complex_of
from fnn.typing import ArrayLike

__all__ = ["complex", "polar", "view_as_complex", "view_as_real"]


def complex(real: ArrayLike, imag: ArrayLike) -> jax.Array:
    """``real + 1j * imag``.

    Args:
        real: float32 or float64.
        imag: the same dtype; both are broadcast.

    >>> complex(jnp.ones(1), 2 * jnp.ones(1))
    Array([1.+2.j], dtype=complex64)
    """
    first, second = _pair(real, imag, ("real", "imag"), "complex: ")
    return jax.lax.complex(first, second)


def polar(abs: ArrayLike, angle: ArrayLike) -> jax.Array:
    """``abs * (cos(angle) + 1j * sin(angle))``.

    Args:
        abs: float32 or float64.
        angle: the same dtype; both are broadcast.

    >>> polar(jnp.ones(1), jnp.zeros(1))
    Array([1.+0.j], dtype=complex64)
    """
    size, at = _pair(abs, angle, ("abs", "angle"), "polar: ")
    return jax.lax.complex(size * jnp.cos(at), size * jnp.sin(at))


def view_as_real(input: ArrayLike) -> jax.Array:
    """The parts of complex numbers in a last dimension of size 2.

    >>> view_as_real(jnp.array([1 + 2j]))
    Array([[1., 2.]], dtype=float32)
    """
    x = to_array(input, "input", "view_as_real: ")
    if not is_complex(x):
        raise ArgumentTypeError(f"view_as_real is only supported for complex tensors, got dtype={x.dtype}")
    return jnp.stack([x.real, x.imag], -1)


def view_as_complex(input: ArrayLike) -> jax.Array:
    """Complex numbers whose parts stand in a last dimension of size 2.

    >>> view_as_complex(jnp.array([[1.0, 2.0]]))
    Array([1.+2.j], dtype=complex64)
    """
    x = to_array(input, "input", "view_as_complex: ")
    if not is_floating(x) or x.dtype.itemsize < 4:
        raise ArgumentTypeError(f"view_as_complex is only supported for float32 and float64, got dtype={x.dtype}")
    if not x.ndim or x.shape[-1] != 2:
        raise ArgumentError(f"view_as_complex: Tensor must have a last dimension of size 2, got shape={x.shape}")
    return jax.lax.complex(x[..., 0], x[..., 1]).astype(complex_of(x.dtype))


def _pair(first: ArrayLike, second: ArrayLike, names: tuple[str, str], where: str) -> tuple[jax.Array, jax.Array]:
    a, b = to_array(first, names[0], where), to_array(second, names[1], where)
    for name, x in zip(names, (a, b), strict=True):
        if x.dtype not in (np.float32, np.float64):
            raise ArgumentTypeError(f"{where}expected float32 or float64 for {name}, got {name}.dtype={x.dtype}")
    if a.dtype != b.dtype:
        raise ArgumentTypeError(f"{where}expected both of one dtype, got {a.dtype} and {b.dtype}")
    shape = jnp.broadcast_shapes(a.shape, b.shape)
    return jnp.broadcast_to(a, shape), jnp.broadcast_to(b, shape)
