"""Samplers that take an unforeseeable number of uniforms for each number they make, in double, one after the other.

Every function gets ``uniform`` (and ``normal``), which gives the next number of a stream, and takes from it in
PyTorch's order.
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["binomial", "gamma", "poisson"]

Draw = Callable[[], float]

# PyTorch writes these two as constants of single precision.
_THIRD = 11184811 / 2**25
_SQUEEZE = 8885214 / 2**28


def gamma(alpha: float, uniform: Draw, normal: Draw, rounded: Callable[[float], float]) -> float:
    """A number of the gamma distribution of rate 1 (Marsaglia and Tsang, 2000); below 1 from that of alpha + 1.

    ``rounded`` rounds to the precision of alpha, in which PyTorch computes with it.
    """
    if alpha == 0:
        return 0.0
    if not alpha > 0:
        return math.nan
    scale = 1.0
    if alpha < 1:
        scale = (1.0 - uniform()) ** rounded(1.0 / alpha)
        alpha = rounded(alpha + 1.0)
    d = rounded(alpha - _THIRD)
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = normal()
        while (root := 1.0 + c * x) <= 0:
            x = normal()
        v = root * root * root
        u = 1.0 - uniform()
        square = x * x
        if u < 1.0 - _SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v)):
            return scale * d * v


def poisson(rate: float, uniform: Draw) -> float:
    """A number of the Poisson distribution: by products below 10, by transformed rejection above (Hörmann, 1993)."""
    if rate == 0:
        return 0.0
    if not rate >= 0:
        return math.nan
    if rate < 10:
        limit, product, count = math.exp(-rate), 1.0, 0
        while True:
            product *= uniform()
            if product <= limit:
                return float(count)
            count += 1
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    certain = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue  # infinitely far out
        k = math.floor((2.0 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= certain:
            return float(k)
        if k < 0 or (us < 0.013 and v > us) or v == 0.0:
            continue
        if math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b) <= (
            -rate + k * log_rate - math.lgamma(k + 1.0)
        ):
            return float(k)


def binomial(count: float, prob: float, uniform: Draw) -> float:
    """Successes among ``count`` trials: by waiting times where few are expected, else as `poisson` (BTRS)."""
    if math.isnan(count) or math.isnan(prob):
        return math.nan
    if count <= 0 or prob <= 0:
        return 0.0
    if prob >= 1:
        return float(count)
    if prob > 0.5:
        return count - binomial(count, 1.0 - prob, uniform)
    return _transformed_binomial(count, prob, uniform) if count * prob >= 10 else _waiting(count, prob, uniform)


def _waiting(count: float, prob: float, uniform: Draw) -> float:
    successes, trials, log_failure = 0, 0.0, math.log1p(-prob)
    while True:
        u = uniform()
        trials += math.ceil(math.log(u) / log_failure) if u > 0 else math.inf
        if trials > count:
            return float(successes)
        successes += 1


def _transformed_binomial(count: float, prob: float, uniform: Draw) -> float:
    spread = math.sqrt(count * prob * (1.0 - prob))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * prob
    centre = count * prob + 0.5
    certain = 0.92 - 4.2 / b
    odds = prob / (1.0 - prob)
    alpha = (2.83 + 5.1 / b) * spread
    m = math.floor((count + 1) * prob)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        k = math.floor((2 * a / us + b) * u + centre)
        if us >= 0.07 and v <= certain:
            return float(k)
        if k < 0 or k > count or v == 0.0:
            continue
        bound = (
            (m + 0.5) * math.log((m + 1) / (odds * (count - m + 1)))
            + (count + 1) * math.log((count - m + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _tail(m) + _tail(count - m) - _tail(k) - _tail(count - k)
        )  # fmt: skip
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return float(k)


def _tail(k: float) -> float:
    """What Stirling's formula leaves out of log(k!)."""
    if k <= 9:
        return math.lgamma(k + 1) - ((k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi))
    square = (k + 1) * (k + 1)
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1)
