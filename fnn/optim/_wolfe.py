"""The line search of L-BFGS: strong Wolfe conditions, by bracketing and cubic interpolation.

Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6, with the safeguards of Schmidt's minFunc, which
PyTorch follows too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np

G = TypeVar("G")  # a gradient, of which only its owner knows more

_DECREASE, _CURVATURE = 1e-4, 0.9


class _Point(NamedTuple, Generic[G]):
    t: float
    loss: float
    gradient: G
    slope: float


def _minimum(a: _Point, b: _Point, low: float | None = None, high: float | None = None) -> float:
    """Where the cubic with these values and slopes is least, kept within [low, high]."""
    if low is None or high is None:
        low, high = (a.t, b.t) if a.t <= b.t else (b.t, a.t)
    left, right = (a, b) if a.t <= b.t else (b, a)
    with np.errstate(all="ignore"):
        t, f, s = (np.array([getattr(p, k) for p in (left, right)], np.float64) for k in ("t", "loss", "slope"))
        d1 = s[0] + s[1] - 3 * (f[0] - f[1]) / (t[0] - t[1])
        square = d1 * d1 - s[0] * s[1]
        if not square >= 0:
            return (low + high) / 2
        d2 = np.sqrt(square)
        best = float(t[1] - (t[1] - t[0]) * ((s[1] + d2 - d1) / (s[1] - s[0] + 2 * d2)))
    return min(max(best, low), high)


def strong_wolfe(
    at: Callable[[float], tuple[float, G, float]],
    t: float,
    reach: float,
    loss: float,
    gradient: G,
    slope: float,
    tolerance: float,
    most: int,
) -> tuple[float, G, float, int]:
    """A step length that meets the strong Wolfe conditions, or the best that ``most`` trials found.

    Args:
        at: the loss, the gradient and the slope after a step of a length.
        t: the first trial.
        reach: the greatest size of a number of the direction.
        loss: the loss at 0.
        gradient: the gradient at 0.
        slope: the slope at 0.
        tolerance: a bracket that moves no parameter by more is narrow enough.
        most: how many trials to make.

    Returns:
        Loss, gradient and length of the step, and the number of evaluations.
    """
    origin = previous = _Point(0.0, loss, gradient, slope)

    def too_high(p: _Point) -> bool:
        return p.loss > loss + _DECREASE * p.t * slope

    def flat(p: _Point) -> bool:
        return abs(p.slope) <= -_CURVATURE * slope

    point, evaluations, trials, done = _Point(t, *at(t)), 1, 0, False
    bracket = [origin, point]
    while trials < most:
        if too_high(point) or (trials > 1 and point.loss >= previous.loss):
            bracket = [previous, point]
            break
        if flat(point):
            bracket, done = [point], True
            break
        if point.slope >= 0:
            bracket = [previous, point]
            break
        t = _minimum(previous, point, point.t + 0.01 * (point.t - previous.t), point.t * 10)
        previous, point = point, _Point(t, *at(t))
        evaluations += 1
        trials += 1
    else:
        bracket = [origin, point]

    low, high = (0, 1) if bracket[0].loss <= bracket[-1].loss else (1, 0)
    stalled = False
    while not done and trials < most:
        ends = sorted(p.t for p in bracket)
        if (ends[1] - ends[0]) * reach < tolerance:
            break
        t = _minimum(bracket[0], bracket[1])
        margin = 0.1 * (ends[1] - ends[0])
        if min(ends[1] - t, t - ends[0]) < margin:
            # Close to an end: go a tenth of the bracket away from it, at once at the end itself, else the second time.
            if stalled or t >= ends[1] or t <= ends[0]:
                t = ends[1] - margin if abs(t - ends[1]) < abs(t - ends[0]) else ends[0] + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        point = _Point(t, *at(t))
        evaluations += 1
        trials += 1
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
        else:
            if flat(point):
                done = True
            elif point.slope * (bracket[high].t - bracket[low].t) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    best = bracket[low]
    return best.loss, best.gradient, best.t, evaluations
