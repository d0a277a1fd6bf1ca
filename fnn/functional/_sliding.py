"""Windows that slide over the spatial axes: their arguments, checked, and their number."""

import dataclasses
from typing import Any

import jax

from fnn.arguments import listed, ntuple
from fnn.errors import ArgumentError

_WORDS = {1: "one int", 2: "two ints", 3: "three ints"}


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows over the last ``len(kernel)`` axes; ``out`` counts them."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    out: tuple[int, ...]


def windows(
    name: str, x: jax.Array, rank: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Windows:
    """Normalises and validates the arguments of a pooling operation on ``x``."""
    where = f"{name}: "
    k = tuple_of(rank, kernel, "kernel_size", where)
    s = k if stride is None or stride == () or stride == [] else tuple_of(rank, stride, "stride", where)
    p = tuple_of(rank, padding, "padding", where)
    d = tuple_of(rank, dilation, "dilation", where)
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


def tuple_of(n: int, value: Any, name: str, where: str) -> tuple[int, ...]:
    """``n`` ints: from one int, a sequence of one, or a sequence of ``n``."""
    values = ntuple(value, n, name, where)
    if len(values) == 1:
        values = values * n
    if len(values) != n:
        raise ArgumentError(
            f"{where}{name} must either be a single int, or a tuple of {_WORDS[n]}, but got {name}={value!r}"
        )
    return values


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
