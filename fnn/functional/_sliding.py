"""Windows that slide over the spatial axes: their arguments, checked, and their number."""

from __future__ import annotations

import dataclasses

import jax

from fnn.arguments import listed, per_axis
from fnn.errors import ArgumentError
from fnn.typing import Ints


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows over the last ``len(kernel)`` axes; ``out`` counts them."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    out: tuple[int, ...]


def windows(
    name: str,
    x: jax.Array,
    rank: int,
    kernel: Ints,
    stride: Ints | None,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> Windows:
    """Normalises and validates the arguments of a pooling operation on ``x``."""
    where = f"{name}: "
    k = per_axis(kernel, rank, "kernel_size", where)
    s = k if stride is None or stride == () or stride == [] else per_axis(stride, rank, "stride", where)
    p = per_axis(padding, rank, "padding", where)
    d = per_axis(dilation, rank, "dilation", where)
    if min(k) <= 0:
        raise ArgumentError(f"{where}kernel_size must be greater than zero, but got kernel_size={kernel!r}")
    if min(s) <= 0:
        raise ArgumentError(f"{where}stride must be greater than zero (stride should not be zero), but got {stride!r}")
    if min(d) <= 0:
        raise ArgumentError(f"{where}dilation must be greater than zero, but got dilation={dilation!r}")
    if min(p) < 0:
        raise ArgumentError(f"{where}pad must be non-negative, but got pad: padding={padding!r}")
    for pad, n, step in zip(p, k, d, strict=True):
        if pad > ((n - 1) * step + 1) // 2:
            raise ArgumentError(
                f"{where}pad should be at most half of effective kernel size, but got pad={pad}, "
                f"kernel_size={n} and dilation={step}"
            )
    check_spatial(name, x, rank)
    sizes = x.shape[-rank:]
    out = tuple(_count(*one, ceil_mode) for one in zip(sizes, k, s, p, d, strict=True))
    if min(out) < 1:
        channels = x.shape[-rank - 1]
        raise ArgumentError(
            f"{where}Given input size: ({_by(channels, sizes)}). Calculated output size: ({_by(channels, out)}). "
            f"Output size is too small (Invalid computed output size: {min(out)})"
        )
    return Windows(k, s, p, d, out)


def check_spatial(name: str, x: jax.Array, rank: int) -> None:
    """``x`` has ``rank`` spatial axes, channels and perhaps a batch, of which only the batch may be empty."""
    batched = x.ndim == rank + 2
    if x.ndim not in (rank + 1, rank + 2) or 0 in x.shape[batched:]:
        raise ArgumentError(
            f"{name}: Expected {rank + 1}D or {rank + 2}D (batch mode) tensor with optional 0 dim batch size for input "
            f"(Expected input's non-batch dimensions to have positive length; non-empty {rank + 1}D or {rank + 2}D), "
            f"but got: {listed(x.shape)}"
        )


def _count(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    # the last window starts inside the input or its left padding
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


def _by(channels: int, sizes: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in (channels, *sizes))
