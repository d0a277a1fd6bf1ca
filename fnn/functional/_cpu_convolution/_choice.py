"""The cost rule: which formulation a problem gets on the CPU, from its shapes alone. README.md has the measurements."""

import dataclasses
import math

from fnn.functional._cpu_convolution import _blocks, _pointwise, _trimmed
from fnn.functional._cpu_convolution._geometry import Geometry

TINY = 1 << 16  # multiplications; below it all ways take microseconds, and the plain one compiles fastest
CACHE = 24 << 20  # bytes of patches that stay in the caches
WIDE = 16 << 20  # bytes of patches, up to which adding them up beats a convolution to half as many channels
FEW = 4  # channels in: too few for Eigen's packing
SHORT = 128  # elements under the kernel, up to which few channels are written out
SHIFTED = 5  # channels of a group, up to which elementwise sums beat products
TERMS = 30  # of an elementwise sum, in three dimensions or of a phase
BLOCKS = 16  # dense convolutions that stand for one grouped one: more compile slowly
LINES = 8  # images that are channels enough for a 1-d weight gradient
LOST = 1.125  # more positions than "reversed" needs, up to which it wins


@dataclasses.dataclass(frozen=True)
class Problem:
    """``images``, channels in and out of a group, bytes of an element, and the geometry."""

    images: int
    cg: int
    og: int
    itemsize: int
    g: Geometry

    @property
    def multiplications(self) -> int:
        """Of the direct sum."""
        return self.images * self.g.groups * self.og * self.cg * math.prod(self.g.kernel) * math.prod(self.g.out)

    @property
    def patches(self) -> int:
        """Bytes of all windows written out."""
        columns = self.images * math.prod(self.g.out) * math.prod(self.g.kernel)
        return columns * self.cg * self.g.groups * self.itemsize

    @property
    def weighs_more(self) -> bool:
        """Whether rearranging the weights would cost more than writing out all windows."""
        return self._outweighs(self.g.out)

    @property
    def collects_less(self) -> bool:
        """Whether rearranging the weights would cost more than adding up all windows."""
        return self._outweighs(self.g.size)

    def _outweighs(self, size: tuple[int, ...]) -> bool:
        return self.g.groups == 1 and self.images * math.prod(size) <= 2 * self.og and self.patches < CACHE

    @property
    def blocks(self) -> int:
        """How many merged blocks of groups there are."""
        return self.g.groups // _blocks.merged(self.cg, self.og, self.g.groups)


def forward(p: Problem) -> str:
    """The name of the formulation of the convolution."""
    if (name := _product(p)) is not None:
        return name
    if p.weighs_more:
        return "columns"
    if p.g.groups > 1 and (name := _grouped(p, p.cg)) != "planes":
        return name
    if p.g.rank == 3:
        return "slices" if p.og <= 2 * p.cg else "planes"
    if p.g.unit_stride:
        few = p.cg <= FEW and p.cg * math.prod(p.g.kernel) <= SHORT and p.patches < CACHE
        return "patches" if few else "direct"
    return "direct" if p.g.rank == 1 else "rows"


def input_gradient(p: Problem) -> str:
    """The name of the formulation of the adjoint in x, which is also the transposed convolution."""
    if (name := _product(p)) is not None:
        return name
    if p.g.groups > 1:
        name = _grouped(p, p.og)
        terms = p.og * math.prod(p.g.kernel) / math.prod(p.g.stride)
        if not p.g.unit_stride and p.og <= 2 * SHIFTED and terms <= TERMS:
            name = "shifts"
        return f"phases of {name}" if name in ("shifts", "blocks") and not p.g.unit_stride else name
    if p.collects_less or p.g.apart:
        return "columns"
    if p.g.rank == 3:
        return "planes"
    widens = p.g.unit_stride and p.og >= 2 * p.cg and p.patches < WIDE
    if widens or (p.cg <= FEW and p.patches < CACHE):
        return "columns"
    return "direct" if p.g.unit_stride else "phases"


def weight_gradient(p: Problem) -> str:
    """The name of the formulation of the adjoint in w."""
    if (name := _product(p)) is not None:
        return name
    if p.weighs_more:
        return "columns"
    if p.g.groups > 1:
        return _grouped(p, p.cg)
    if p.g.unit_stride:
        return "direct" if p.g.rank < 3 and p.g.size[0] > LOST * p.g.out[0] else "reversed"
    if (p.g.rank == 1 and p.images < LINES) or p.g.rank == 3:
        return "columns" if p.patches < CACHE else "taps"
    return "direct"


def _product(p: Problem) -> str | None:
    """What is one product anyway, or not worth a thought."""
    if p.multiplications < TINY:
        return "definition"
    if _trimmed.fits(p.g):
        return "trimmed"
    if _pointwise.fits(p.g):
        return "pointwise"
    return "whole" if _pointwise.covers(p.g) else None


def _grouped(p: Problem, channels: int) -> str:
    """``channels`` are those of a group that every output sums over."""
    if channels <= SHIFTED and (p.g.rank < 3 or channels * math.prod(p.g.kernel) <= TERMS):
        return "shifts"
    if p.g.rank == 1:
        return "lifted"
    if p.g.rank == 3:
        return "planes"
    return "blocks" if p.blocks <= BLOCKS else "patches"
