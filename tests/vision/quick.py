"""Models without the time it takes to draw their weights."""

import math

import numpy as np

import fnn
from fnn import random


class _NoNumbers(fnn.Generator):
    """Gives arrays whose pages nobody has touched."""

    def uniform(self, shape, *args, **kwargs):
        size = 4 * math.prod(shape)
        raw = np.zeros(size + 64, np.uint8)
        start = -raw.ctypes.data % 64  # aligned: JAX takes it over without a copy
        return raw[start : start + size].view(np.float32).reshape(shape)

    normal = uniform


def zeros():
    """Inside the ``with`` block all drawn weights are 0."""
    return random.constructing(_NoNumbers())
