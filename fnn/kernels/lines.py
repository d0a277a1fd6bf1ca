"""Neighbouring axes as one, for loops over rows of an image that are too short.

LLVM unrolls a loop of fewer than some 48 turns whole, and what XLA's CPU backend emits for an elementwise computation
is then scalar: 0.3 ns an element where rows are 14, 28 or 32 long, 0.1 ns for the same elements in one line
(``python benchmarks/kernels.py lines``).  XLA takes reshapes into its loops, which run over the last shape of all, so
the computation is also kept apart from what uses it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax

from fnn.kernels import apart
from fnn.kernels.axes import others
from fnn.kernels.sums import SMALL

SHORT = 48  # elements of a row, below which LLVM unrolls the loop over it
Axes = tuple[int, ...]
Result = TypeVar("Result", bound=jax.Array | tuple[jax.Array, ...])


class Lines(NamedTuple):
    """A shape without axes of one element, axes that are used alike joined; and ``axes`` and ``along`` of that."""

    shape: Axes
    axes: Axes
    along: Axes
    apart: bool  # whether rows were short, and are not

    @property
    def kept(self) -> Axes:
        """The shape of a result of the reduction over ``axes``."""
        return tuple(self.shape[i] for i in others(len(self.shape), self.axes))

    @property
    def fine(self) -> Axes:
        """The shape of a weight ``along``."""
        return tuple(self.shape[i] for i in self.along)

    def loop(self, function: Callable[..., Result], *operands: jax.Array) -> Result:
        """``function`` of operands in these shapes, apart from what makes and uses them if that helps."""
        return apart.call(function, *operands) if self.apart else function(*operands)


def lines(shape: Axes, axes: Axes, along: Axes = ()) -> Lines:
    """How a reduction over ``axes``, with weights ``along`` others or the same, looks in few axes."""
    full = [i for i, n in enumerate(shape) if n > 1]
    if not any(i in axes for i in full):
        return Lines(shape, axes, along, apart=False)
    joined: list[list[int]] = []
    for i in full:
        alike = joined and all((i in one) == (joined[-1][-1] in one) for one in (axes, along))
        joined = [*joined[:-1], [*joined[-1], i]] if alike else [*joined, [i]]
    sizes = tuple(math.prod(shape[i] for i in one) for one in joined)
    new_axes, new_along = (tuple(k for k, one in enumerate(joined) if one[0] in which) for which in (axes, along))
    short = math.prod(shape) >= SMALL and shape[full[-1]] < SHORT and sizes[-1] > shape[full[-1]]
    return Lines(sizes, new_axes, new_along, apart=short)
