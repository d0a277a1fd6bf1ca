"""Windows for signals: ``hann_window``, ``hamming_window``, ...

A *periodic* window of n numbers is a symmetric one of n + 1 without the last, as a transform of its pieces wants it.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from fnn.arguments import integer
from fnn.dtypes import canonical
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._given import placed
from fnn.ops._promote import kind_of
from fnn.random import on_device
from fnn.typing import Device, DType

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """A triangle, ``1 - |2 n / (N - 1) - 1|``.

    Args:
        window_length: how many numbers.
        periodic: see the module's text.
        dtype: a floating dtype; the default one if None.
        device: where the result lies.

    >>> bartlett_window(4)
    Array([0. , 0.5, 1. , 0.5], dtype=float32)
    """
    return _window(np.bartlett, window_length, periodic, dtype, device, "bartlett_window: ")


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """``0.42 - 0.5 cos(2 pi n / (N - 1)) + 0.08 cos(4 pi n / (N - 1))``; the arguments are those of `bartlett_window`.

    >>> blackman_window(2).shape
    (2,)
    """
    return _window(np.blackman, window_length, periodic, dtype, device, "blackman_window: ")


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """``0.5 - 0.5 cos(2 pi n / (N - 1))``; the arguments are those of `bartlett_window`.

    >>> hann_window(4)
    Array([0. , 0.5, 1. , 0.5], dtype=float32)
    """
    return _window(np.hanning, window_length, periodic, dtype, device, "hann_window: ")


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """``alpha - beta cos(2 pi n / (N - 1))``; the other arguments are those of `bartlett_window`.

    >>> hamming_window(2)
    Array([0.08, 1.  ], dtype=float32)
    """

    def values(n: int) -> np.ndarray:
        return alpha - beta * np.cos(2 * np.pi * np.arange(n) / (n - 1))

    return _window(values, window_length, periodic, dtype, device, "hamming_window: ")


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """``I0(beta sqrt(1 - (2 n / (N - 1) - 1)^2)) / I0(beta)``; the other arguments are those of `bartlett_window`.

    >>> kaiser_window(2, False, 0.0)
    Array([1., 1.], dtype=float32)
    """
    return _window(lambda n: np.kaiser(n, beta), window_length, periodic, dtype, device, "kaiser_window: ")


def _window(
    values: Callable[[int], np.ndarray],
    length: int,
    periodic: bool,
    dtype: DType | None,
    device: Device | None,
    where: str,
) -> jax.Array:
    count, kept = integer(length, "window_length", where), canonical(dtype, where)
    if count < 0:
        raise ArgumentError(f"{where}requires non-negative window_length, got window_length={length}")
    if kind_of(kept) != 2:
        raise ArgumentTypeError(f"{where}expects floating point dtypes, got dtype={kept.name}")
    found = np.ones(count) if count < 2 else values(count + 1)[:-1] if periodic else values(count)
    return placed(on_device(found.astype(kept)), device, where)
