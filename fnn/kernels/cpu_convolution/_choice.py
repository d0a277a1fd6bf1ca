"""The cost rule: which formulation a problem gets on the CPU, from its shapes alone.

README.md has the measurements; ``python benchmarks/kernels.py conv`` makes them, all formulations side by side.
"""

import dataclasses
import math

from fnn.kernels.cpu_convolution import _crossed, _pointwise, _trimmed
from fnn.kernels.cpu_convolution._geometry import Geometry

TINY = 1 << 16  # multiplications; below it all ways take microseconds, and the plain one compiles fastest
CACHE = 24 << 20  # bytes of patches that stay in the caches
HEAVY = 1  # channels out for each position, from which weights had better be used as they lie
FEW = 8  # channels in: too few for a product along them
SHORT = 128  # elements under the kernel, up to which few channels are written out
SHIFTED = 9  # multiplications for each element that a product would write out, up to which sums of shifts win
TERMS = 150  # of a sum of shifts: more compile slowly
WIDE = 128  # positions of an image that make a product by themselves
LONG = 20  # elements of a kernel of a plane or volume, from which the library is better at them


@dataclasses.dataclass(frozen=True)
class Problem:
    """``images``, channels in and out of a group, bytes of an element, and the geometry."""

    images: int
    cg: int
    og: int
    itemsize: int
    g: Geometry
    library: bool = False

    @property
    def taps(self) -> int:
        """Elements of the kernel."""
        return math.prod(self.g.kernel)

    @property
    def multiplications(self) -> int:
        """Of the direct sum."""
        return self.images * self.g.groups * self.og * self.cg * self.taps * self.positions

    @property
    def positions(self) -> int:
        """Of an image, that have a window."""
        return math.prod(self.g.out)

    @property
    def patches(self) -> int:
        """Bytes of all windows written out."""
        columns = self.images * self.positions * self.taps
        return columns * self.cg * self.g.groups * self.itemsize

    @property
    def cached(self) -> bool:
        """Whether these are of one group and stay in the caches."""
        return self.patches < CACHE and self.g.groups == 1

    @property
    def heavy(self) -> float:
        """How far the weights outweigh the positions: rearranging them costs more than writing out windows."""
        return self.og / (self.images * self.positions) if self.cached else 0

    @property
    def few(self) -> bool:
        """Whether patches of few channels are best written out, image by image."""
        return self.cg <= FEW and self.cg * self.taps <= SHORT and self.cached


def forward(p: Problem) -> str:
    """The name of the formulation of the convolution."""
    if (name := _product(p, p.library)) is not None:
        return name
    if p.g.groups > 1 and _shifted(p, p.cg) and not _served(p):
        return "shifts"
    if p.heavy >= HEAVY:
        return "columns"
    if p.library:
        return "library"
    if p.few:
        return "patches"
    return "columns" if p.g.rank == 1 and p.cached else "crossed"


def input_gradient(p: Problem) -> str:
    """The name of the formulation of the adjoint in x, which is also the transposed convolution."""
    if (name := _product(p, p.library and p.positions >= WIDE)) is not None:
        return name
    around = p.library and 2 * math.prod(p.g.size) < p.positions  # columns compute it, the library does not
    if (p.heavy >= HEAVY and not around) or (p.g.groups == 1 and p.g.apart and p.taps > 1):
        return "columns"
    if p.g.rank == 1 and p.cached and not p.library:
        return "columns"
    if not p.g.unit_stride:
        return "phases"
    if p.g.groups > 1 and _shifted(p, p.og) and not _served(p):
        return "shifts"
    return "library" if p.library and (p.cg > FEW or p.g.groups > 1) else "crossed"


def weight_gradient(p: Problem) -> str:
    """The name of the formulation of the adjoint in w."""
    many = p.library and p.positions >= WIDE
    if (name := _product(p, many)) is not None:
        return name
    if p.g.groups > 1:
        if _shifted(p, p.cg):
            return "shifts"
        return "library" if p.library and p.cg >= FEW and p.g.rank > 1 else "crossed"
    if p.heavy >= 2 * HEAVY or (p.g.rank == 1 and p.cached and not p.library):  # no weights are read, only written
        return "columns"
    if p.few or p.taps == 1:
        return "patches by the library" if p.library else "patches"
    return "library" if p.library and p.cg > FEW else "crossed"


def _product(p: Problem, library: bool) -> str | None:
    """What is one product anyway, or not worth a thought; with ``library``, dense products are left to it."""
    if _trimmed.fits(p.g):
        return "trimmed"
    if p.multiplications < TINY:
        return "definition"
    if p.g.groups > 1:
        own = min(p.cg, p.og) >= (2 * FEW if p.library else 2)
    else:
        own = p.heavy >= HEAVY or not library
    if own and _pointwise.fits(p.g):
        return "pointwise"
    return "whole" if _pointwise.covers(p.g) else None


def _shifted(p: Problem, channels: int) -> bool:
    """Whether groups are so small that a sum of shifts is best; ``channels`` are those that every output sums over."""
    if channels * p.taps > TERMS:
        return False
    if min(p.cg, p.og) == 1:
        return True
    if p.library and p.taps >= SHIFTED:
        return False
    moved = _crossed.moved(p.g, p.cg, p.og, _crossed.split(p.g, p.cg, p.og))
    return p.cg * p.og * p.taps <= SHIFTED * moved


def _served(p: Problem) -> bool:
    """Whether a depthwise kernel is one that the library does better than sums of shifts: never its weight gradient."""
    return p.library and p.g.rank > 1 and p.taps >= LONG and p.cg == p.og
