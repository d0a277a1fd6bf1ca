"""Products that are added before they are rounded, as PyTorch's CPU kernels add them, whose compiler fuses the two."""

from typing import Any

import numpy as np

__all__ = ["fused"]


def fused(a: Any, b: Any, c: Any, dtype: np.dtype) -> np.ndarray:
    """``a * b + c``, rounded once to ``dtype``, float32 or float64.

    The last bit counts where what follows has steps: a sum that is a half, a level of ``posterize``.
    """
    if dtype != np.float64:  # in float64 the product is exact
        wide = np.multiply(a, b, dtype=np.float64)
        wide += c
        return wide.astype(dtype, copy=False)
    x, y, z = (np.asarray(value, np.float64) for value in (a, b, c))
    with np.errstate(over="ignore", invalid="ignore"):
        exact, plain = _rounded_once(x, y, z), x * y + z
    return np.where(np.isfinite(exact), exact, plain)


def _rounded_once(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """In float64, where numbers have room to be cut in halves (S. Boldo, G. Melquiond, IEEE Trans. Comput. 57, 2008).

    Product and sum are written as four numbers without an error, of which three are added up by rounding to odd, so
    that the last addition, which rounds, sees on which side of a tie they lie.
    """
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    low, lowest = _exact_sum(c, rest)
    high, middle = _exact_sum(product, low)
    small, error = _exact_sum(lowest, middle)
    even = small.view(np.int64) & 1 == 0
    odd = np.nextafter(small, np.copysign(np.inf, error))
    return high + np.where(even & (error != 0), odd, small)


def _halves(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers of 26 digits, whose products are exact."""
    wide = a * (2.0**27 + 1)
    high = wide - (wide - a)
    return high, a - high


def _exact_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sum as it is rounded, and its error."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)
