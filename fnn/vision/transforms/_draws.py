"""Single numbers of the host generator, drawn as torchvision draws them.

Each takes the word that `Generator.uniform` or `Generator.randint` would take and makes the same number of it,
without the cost of an array: a transform draws a handful of them for every picture.
"""

import math

import numpy as np

from fnn.host_random import default_generator

__all__ = ["exp", "integer", "log", "rand", "uniform"]


def _single(x: float) -> float:
    """``x`` rounded to float32."""
    return float(np.float32(x))


def _word() -> int:
    return int(default_generator.words(1)[0])


def rand() -> float:
    """As ``torch.rand(1)``."""
    return (_word() & 0xFF_FFFF) * 2.0**-24


def uniform(low: float, high: float) -> float:
    """As ``torch.empty(1).uniform_(low, high)``."""
    low, high = _single(low), _single(high)
    value = _single((_word() & 0xFF_FFFF) * (_single(high - low) * 2.0**-24) + low)
    return low if value == high else value


def integer(low: int, high: int) -> int:
    """As ``torch.randint(low, high, (1,))``."""
    if low >= high:
        return int(default_generator.randint(low, high, (1,))[0])  # which raises PyTorch's error
    return _word() % (high - low) + low


def log(x: float) -> float:
    """The logarithm in float32."""
    return _single(math.log(_single(x)))


def exp(x: float) -> float:
    """The exponential in float32."""
    return _single(math.exp(_single(x)))
