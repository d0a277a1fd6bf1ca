"""What the models' constructors share about initial values."""

import contextlib
import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnn import nn, random

__all__ = ["is_batch_norm", "make_divisible", "skipped_draws", "unit_norm"]


class _Skipping(random.Generator):
    """Draws as many words from another generator as that one would, and computes nothing from them."""

    def __init__(self, other: random.Generator) -> None:
        super().__init__()
        self._other = other

    def uniform(
        self, shape: tuple[int, ...], dtype: Any = np.float32, low: float = 0.0, high: float = 1.0
    ) -> np.ndarray:
        if dtype != np.float32:
            return self._other.uniform(shape, dtype, low, high)
        return self._zeros(shape, math.prod(shape))

    def normal(
        self, shape: tuple[int, ...], dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0
    ) -> np.ndarray:
        n = math.prod(shape)
        if dtype != np.float32 or n < 16:
            return self._other.normal(shape, dtype, mean, std)
        return self._zeros(shape, n + 16 * (n % 16 != 0))  # the last block is drawn once more

    def _zeros(self, shape: tuple[int, ...], words: int) -> np.ndarray:
        self._other.skip(words)
        # aligned, so that JAX takes the array over as it is, without touching its pages
        size = 4 * math.prod(shape)
        raw = np.zeros(size + 64, np.uint8)
        start = -raw.ctypes.data % 64
        return raw[start : start + size].view(np.float32).reshape(shape)


@contextlib.contextmanager
def skipped_draws(skip: bool = True) -> Iterator[None]:
    """Modules made in this block get zeros, which somebody must replace; the generator moves on as it would.

    So a constructor that draws all weights anew, as torchvision's do, is not slowed down by the ones it throws away,
    and still leaves the generator where PyTorch's would be.
    """
    if not skip or random.is_constructing():
        yield
        return
    with random.constructing(_Skipping(random.default_generator)):
        yield


def is_batch_norm(norm_layer: object) -> bool:
    """Whether ``norm_layer`` makes (as None does) BatchNorm2d, which draws nothing and starts as the identity."""
    return norm_layer in (None, nn.BatchNorm2d) or (
        isinstance(norm_layer, functools.partial) and norm_layer.func is nn.BatchNorm2d
    )


def unit_norm(norm: Any) -> None:
    """Sets an affine normalisation to the identity."""
    if norm.weight is not None:
        nn.init.ones_(norm.weight)
    if norm.bias is not None:
        nn.init.zeros_(norm.bias)


def make_divisible(channels: float, divisor: int, least: int | None = None) -> int:
    """The number of channels nearest to ``channels`` that ``divisor`` divides, at most a tenth below it."""
    rounded = max(divisor if least is None else least, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
