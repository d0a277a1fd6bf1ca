"""Models made without drawing weights that a file replaces."""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnn import random

_open: contextvars.ContextVar[bool] = contextvars.ContextVar("unfilled", default=False)


class _Zeros(random.Generator):
    """Gives zeros in pages that nobody has touched, which take no memory."""

    def uniform(
        self, shape: tuple[int, ...], dtype: Any = np.float32, low: float = 0.0, high: float = 1.0
    ) -> np.ndarray:
        return _zeros(shape, dtype)

    def normal(
        self, shape: tuple[int, ...], dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0
    ) -> np.ndarray:
        return _zeros(shape, dtype)


def _zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    # aligned, so that JAX takes the array over as it is
    size = np.dtype(dtype).itemsize * math.prod(shape)
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def blank(shape: tuple[int, ...]) -> jax.Array:
    """Zeros for a parameter of a layer's own, which take no memory in an `unfilled` block."""
    return random.on_device(_zeros(shape, np.float32))


@contextlib.contextmanager
def unfilled() -> Iterator[None]:
    """Modules made in this block have zeros for weights; the global generator stays as it is."""
    token = _open.set(True)
    try:
        with random.constructing(_Zeros()):
            yield
    finally:
        _open.reset(token)


def is_unfilled() -> bool:
    """Whether an `unfilled` block is open."""
    return _open.get()
