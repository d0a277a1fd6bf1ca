"""The shape of a convolution: all that is static about it besides its channels and its batch."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Sequence

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Geometry:
    """One entry a spatial axis, but for ``groups``.

    ``pads`` are exact: the last window ends where the padded input ends, so a negative high padding says how
    many entries at the end are seen by no window. `geometry` makes them so.
    """

    size: Ints  # of x
    kernel: Ints
    stride: Ints
    pads: Pads  # zeros before and after; negative cuts
    dilation: Ints
    groups: int

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.size)

    @functools.cached_property
    def reach(self) -> Ints:
        """Steps from the first to the last element under the kernel."""
        return tuple(d * (k - 1) for d, k in zip(self.dilation, self.kernel, strict=True))

    @functools.cached_property
    def out(self) -> Ints:
        """The size of y."""
        return tuple(
            (n + low + high - reach - 1) // s + 1
            for n, (low, high), reach, s in zip(self.size, self.pads, self.reach, self.stride, strict=True)
        )

    @functools.cached_property
    def taps(self) -> tuple[Ints, ...]:
        """The position of every kernel element, in the order of the flattened kernel."""
        return tuple(itertools.product(*map(range, self.kernel)))

    def offset(self, tap: Ints) -> Ints:
        """Where in the padded input the first window has its element ``tap``."""
        return tuple(d * i for d, i in zip(self.dilation, tap, strict=True))

    @property
    def unit_stride(self) -> bool:
        """Whether every position has a window."""
        return all(s == 1 for s in self.stride)

    @property
    def unpadded(self) -> bool:
        """Whether windows see nothing but the input."""
        return all(low == 0 and high <= 0 for low, high in self.pads)

    @property
    def mirrored(self) -> "Geometry":
        """The convolution of y with the mirrored kernel that is the input gradient where the stride is 1."""
        pads = (
            (r - low, n + low - t) for r, (low, _), n, t in zip(self.reach, self.pads, self.size, self.out, strict=True)
        )
        return dataclasses.replace(self, size=self.out, pads=tuple(pads))

    def replace(self, **changes: object) -> "Geometry":
        """A geometry that differs in some fields."""
        return dataclasses.replace(self, **changes)  # pyright: ignore

    @functools.cached_property
    def live(self) -> tuple[slice, ...]:
        """From the first to the last element of the kernel, along each axis, that ever sees more than padding."""
        found = []
        for k, s, (low, _), d, n, t in zip(
            self.kernel, self.stride, self.pads, self.dilation, self.size, self.out, strict=True
        ):
            first = [max(0, -((d * i - low) // s)) for i in range(k)]  # window that sees no padding before the image
            seen = [i for i, j in enumerate(first) if j < t and s * j + d * i - low < n]
            found.append(slice(seen[0], seen[-1] + 1) if seen else slice(0, 1))
        return tuple(found)

    def trimmed(self, to: tuple[slice, ...]) -> "Geometry":
        """The geometry of the kernel's elements ``to`` alone."""
        cuts = zip(self.pads, self.dilation, self.kernel, to, strict=True)
        pads = tuple((low - d * one.start, high - d * (k - one.stop)) for (low, high), d, k, one in cuts)
        return dataclasses.replace(self, kernel=tuple(one.stop - one.start for one in to), pads=pads)

    @property
    def apart(self) -> bool:
        """Whether no two windows overlap."""
        axes = zip(self.kernel, self.stride, self.dilation, strict=True)
        return all(k == 1 or (k <= s and d == 1) for k, s, d in axes)


def geometry(
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    pads: Iterable[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> Geometry:
    """The geometry of these arguments, with exact paddings and as few differences between equal ones as can be."""
    loose = Geometry(tuple(size), tuple(kernel), tuple(stride), tuple(pads), tuple(dilation), groups)
    one = tuple(1 if k == 1 else d for k, d in zip(loose.kernel, loose.dilation, strict=True))
    still = tuple(1 if t == 1 else s for t, s in zip(loose.out, loose.stride, strict=True))
    exact = (
        (low, (t - 1) * s + reach + 1 - n - low)
        for n, (low, _), t, s, reach in zip(loose.size, loose.pads, loose.out, still, loose.reach, strict=True)
    )
    return Geometry(loose.size, loose.kernel, still, tuple(exact), one, groups)
