"""The cost rule: which formulation a problem gets on the CPU, from its shapes alone.

README.md has the measurements; ``python benchmarks/kernels.py conv`` makes them, all formulations side by side.
"""

import dataclasses
import math

from fnn.kernels.cpu_convolution import _crossed, _pointwise, _trimmed
from fnn.kernels.cpu_convolution._geometry import Geometry

TINY = 1 << 16  # multiplications; below it all ways take microseconds, and the plain one compiles fastest
CACHE = 24 << 20  # bytes of patches that stay in the caches
HEAVY = 0.5  # channels out for each position, from which weights had better be used as they lie
FEW = 4  # channels in: too few for Eigen's packing
SHORT = 128  # elements under the kernel, up to which few channels are written out
BROAD = 32  # channels that make a good product
SMALL = 9  # elements of a kernel whose patches are worth adding up
SHIFTED = 9  # multiplications for each element that a product would write out, up to which sums of shifts win
TERMS = 150  # of a sum of shifts: more compile slowly
PHASED = 30  # terms of the sum of one phase, up to which it beats products with strides
WIDE = {1: 48, 2: 48, 3: 16}  # by rank: channels of a group that is a dense convolution by itself
BLOCKS = 8  # such groups: more compile slowly
LOST = 1.15  # positions computed for each one needed, up to which the surplus is worth it


@dataclasses.dataclass(frozen=True)
class Problem:
    """``images``, channels in and out of a group, bytes of an element, and the geometry."""

    images: int
    cg: int
    og: int
    itemsize: int
    g: Geometry

    @property
    def taps(self) -> int:
        """Elements of the kernel."""
        return math.prod(self.g.kernel)

    @property
    def multiplications(self) -> int:
        """Of the direct sum."""
        return self.images * self.g.groups * self.og * self.cg * self.taps * math.prod(self.g.out)

    @property
    def patches(self) -> int:
        """Bytes of all windows written out."""
        columns = self.images * math.prod(self.g.out) * self.taps
        return columns * self.cg * self.g.groups * self.itemsize

    @property
    def cached(self) -> bool:
        """Whether these stay in the caches."""
        return self.patches < CACHE

    @property
    def heavy(self) -> float:
        """How far the weights outweigh the positions: rearranging them then costs more than writing out windows."""
        return self.og / (self.images * math.prod(self.g.out)) if self.cached else 0

    @property
    def few(self) -> bool:
        """Whether patches of few channels are best written out, image by image."""
        return self.cg <= FEW and self.cg * self.taps <= SHORT and self.cached

    @property
    def even(self) -> bool:
        """Whether the last axis is long enough for `_crossed`, which computes a window at every element of a row."""
        return self.g.out[-1] + self.g.reach[-1] <= LOST * self.g.out[-1]


def forward(p: Problem) -> str:
    """The name of the formulation of the convolution."""
    if (name := _product(p)) is not None:
        return name
    if p.g.groups > 1:
        return _grouped(p, p.cg)
    if p.heavy >= HEAVY:
        return "columns"
    if p.few:
        return "patches"
    if p.g.rank == 1:
        return "columns" if p.cached else "direct"
    if p.g.rank == 2:
        if p.g.unit_stride:
            return _plane(p)
        return "rows" if p.cg <= FEW or p.og >= 4 * p.cg else "crossed"
    if not p.g.unit_stride:
        return "crossed"
    if p.cg <= 2 * FEW and p.patches < 3 * CACHE:
        return "crossed"
    return "slices" if p.og <= 2 * p.cg else "planes"


def input_gradient(p: Problem) -> str:
    """The name of the formulation of the adjoint in x, which is also the transposed convolution."""
    if (name := _product(p)) is not None:
        return name
    if p.g.groups > 1:
        few = p.og <= 2 * FEW and p.og * p.taps <= PHASED * math.prod(p.g.stride)
        name = "shifts" if few and not p.g.unit_stride else _grouped(p, p.og)
        return name if name == "blocks" or p.g.unit_stride else f"phases of {name}"
    if p.heavy >= HEAVY or p.g.apart:
        return "columns"
    if p.g.rank == 3:
        return "crossed" if p.g.unit_stride and p.cg <= min(p.og, BROAD) else "planes"
    if p.cached and (p.g.rank == 1 or (p.cg <= FEW and 5 * p.cg * p.taps <= p.og * p.g.kernel[-1])):
        return "columns"
    if not p.g.unit_stride:
        return "phases"
    if p.g.rank == 1:
        return "direct"
    if p.even or p.cg <= BROAD // 2:
        return "crossed"
    if p.taps <= SMALL and p.patches < CACHE // 4 and p.cg <= 2 * p.og:
        return "columns"
    return "rows" if p.cg >= p.og else "direct"


def weight_gradient(p: Problem) -> str:
    """The name of the formulation of the adjoint in w."""
    if (name := _product(p)) is not None:
        return name
    if p.g.groups > 1:
        return _grouped(p, p.cg)
    if p.heavy >= 4 * HEAVY:  # no weights are read, only written
        return "columns"
    if p.cg <= FEW:
        return "patches" if p.few else "direct"
    if p.g.rank == 3:
        if p.g.unit_stride:
            return "crossed" if p.cg <= 2 * FEW else "reversed"
        return "crossed"
    if not p.g.unit_stride:
        if p.g.rank == 1 and p.cached:
            return "columns"
        return "crossed" if p.cg * p.og <= BROAD**2 else "direct"
    if p.g.rank == 2:
        narrow = p.cg >= 2 * p.og or min(p.cg, p.og) >= 2 * BROAD
        if (p.even and narrow) or (p.taps <= SMALL and p.cg * p.og <= BROAD**2):
            return "crossed"
    return "direct" if p.g.size[0] > LOST * p.g.out[0] else "reversed"


def _product(p: Problem) -> str | None:
    """What is one product anyway, or not worth a thought."""
    if _trimmed.fits(p.g):
        return "trimmed"
    if p.multiplications < TINY:
        return "definition"
    if _pointwise.fits(p.g):
        return "pointwise"
    return "whole" if _pointwise.covers(p.g) else None


def _plane(p: Problem) -> str:
    """A dense convolution of a plane, with strides of 1."""
    if p.og >= 4 * p.cg:
        return "rows"
    if p.cg >= 2 * p.og or p.cg <= 2 * FEW or (p.even and p.cg <= 4 * BROAD):
        return "crossed"
    return "rows" if p.cg <= p.og and p.cg <= 4 * BROAD else "direct"


def _grouped(p: Problem, channels: int) -> str:
    """``channels`` are those of a group that every output sums over."""
    moved = _crossed.moved(p.g, p.cg, p.og, _crossed.split(p.g, p.cg, p.og))
    if p.cg * p.og * p.taps <= SHIFTED * moved and channels * p.taps <= TERMS:
        return "shifts"
    return "blocks" if min(p.cg, p.og) >= WIDE[p.g.rank] and p.g.groups <= BLOCKS else "crossed"
