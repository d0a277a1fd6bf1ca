"""The Dirichlet distribution as PyTorch's CPU generator draws it."""

import math

import numpy as np

from fnn.host_random import default_generator

__all__ = ["dirichlet"]


def dirichlet(alpha: np.ndarray) -> np.ndarray:
    """As ``torch._sample_dirichlet(alpha)``: gamma numbers, one after the other, divided by the sum of their row."""
    gamma = np.array([max(_gamma(float(a)), np.finfo(np.float64).tiny) for a in alpha.ravel()]).reshape(alpha.shape)
    values = (gamma / gamma.sum(-1, keepdims=True)).astype(alpha.dtype)
    return np.clip(values, np.finfo(alpha.dtype).tiny, np.nextafter(alpha.dtype.type(1), alpha.dtype.type(0)))


def _uniform() -> float:
    return float(default_generator.uniform((1,), np.float64)[0])


def _gamma(alpha: float) -> float:
    """Marsaglia and Tsang, "A simple method for generating gamma variables" (2000), by rejection."""
    scale = 1.0
    if alpha < 1.0:
        if alpha == 0.0:
            return 0.0
        scale = (1 - _uniform()) ** (1.0 / alpha)
        alpha += 1.0
    d = alpha - float(np.float32(1.0) / np.float32(3.0))
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = float(default_generator.normal((1,), np.float64)[0])
        y = 1.0 + c * x
        if y <= 0:
            continue
        v = y * y * y
        u = 1 - _uniform()
        if u < 1.0 - float(np.float32(0.0331)) * x**4 or math.log(u) < 0.5 * x * x + d * (1.0 - v + math.log(v)):
            return scale * d * v
