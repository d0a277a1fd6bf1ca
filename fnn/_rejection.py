"""Samplers that take an unforeseeable number of uniforms for each number they make, in double, one after the other.

Every function gets ``uniform`` (and ``normal``), which gives the next number of a stream, and takes from it in
PyTorch's order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["binomial", "gamma", "poisson", "von_mises", "von_mises_angle", "von_mises_proposal"]

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


def von_mises(
    loc: np.ndarray, concentration: np.ndarray, uniform: Callable[[tuple[int, ...]], np.ndarray]
) -> np.ndarray:
    """Angles in [-pi, pi), by rejection from a wrapped Cauchy distribution (Best and Fisher, 1979)."""
    angle, done = np.zeros(loc.shape), np.zeros(loc.shape, bool)
    r = von_mises_proposal(concentration, np)
    while not done.all():
        # PyTorch proposes anew where it has accepted already, and takes the last
        with np.errstate(divide="ignore", invalid="ignore"):
            found, accepted = von_mises_angle(uniform((3, *loc.shape)), concentration, r, np)
        angle, done = np.where(accepted, found, angle), done | accepted
    return (angle + math.pi + loc) % (2 * math.pi) - math.pi


def von_mises_proposal(concentration: Any, xp: Any) -> Any:
    """The parameter of the proposal; where the concentration is tiny by its series.  ``xp`` is numpy or its like."""
    tau = 1 + xp.sqrt(1 + 4 * concentration**2)
    rho = (tau - xp.sqrt(2 * tau)) / (2 * concentration)
    # in single precision rho loses its digits much earlier than in double
    small = 1e-5 if concentration.dtype == np.float64 else 1e-2
    return xp.where(concentration < small, 1 / concentration + concentration, (1 + rho**2) / (2 * rho))


def von_mises_angle(u: Any, concentration: Any, r: Any, xp: Any) -> Any:
    """Proposed angles of three uniforms each, and which of them are accepted."""
    z = xp.cos(math.pi * u[0])
    f = xp.clip((1 + r * z) / (r + z), -1.0, 1.0)
    c = concentration * (r - f)
    accepted = (c * (2 - c) - u[1] > 0) | (xp.log(c / u[1]) + 1 - c >= 0)
    return xp.sign(u[2] - 0.5) * xp.arccos(f), accepted
