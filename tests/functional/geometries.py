"""Random geometries of convolutions, poolings and foldings, for `tests.functional.geometries_run`.

Sizes are drawn small and close to each other: what compilers get wrong is where they coincide.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Kwargs = dict[str, Any]


class Case(NamedTuple):
    """A call ``function(*arrays, **kwargs)``; the first ``differentiated`` arrays have gradients."""

    function: str
    shapes: tuple[tuple[int, ...], ...]
    kwargs: Kwargs
    differentiated: int


def draw(seed: int) -> Case:
    """The case of this number: every family in turn, ranks in turn."""
    rng = np.random.default_rng(seed)
    family = FAMILIES[seed % len(FAMILIES)]
    while (case := family(rng, 1 + seed // len(FAMILIES) % 3)) is None:
        pass
    return case


def _ints(rng: np.random.Generator, rank: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(low, high + 1, rank))


def _steps(rng: np.random.Generator, rank: int, beside: tuple[int, ...]) -> tuple[int, ...]:
    """Strides or dilations: often 1, often what stands in ``beside`` or one less."""
    free = _ints(rng, rank, 1, 4)
    kinds = rng.integers(0, 4, rank)
    return tuple(max(1, (1, b, b - 1, f)[k]) for k, b, f in zip(kinds, beside, free, strict=True))


def _channels(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Images, groups, channels in and out of a group; sometimes more than fit into a tiny problem."""
    groups = int(rng.choice([1, 1, 2, 3]))
    wide = rng.random() < 0.15
    cg, og = (int(rng.choice([1, 8, 17])) for _ in "io") if wide else (int(rng.integers(1, 4)) for _ in "io")
    return int(rng.integers(1, 4)) * (4 if wide else 1), groups, cg, og


def _convolution(rng: np.random.Generator, rank: int) -> Case | None:
    n, groups, cg, og = _channels(rng)
    size, kernel = _ints(rng, rank, 1, 8), _ints(rng, rank, 1, 5)
    stride, dilation = _steps(rng, rank, kernel), _steps(rng, rank, kernel)
    padding: Any = _ints(rng, rank, 0, 4)
    if rng.random() < 0.15:
        padding, stride = "same", (1,) * rank
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    pads = reach if padding == "same" else [2 * p for p in padding]
    if any(s + p < r + 1 for s, p, r in zip(size, pads, reach, strict=True)):
        return None
    shapes = (n, groups * cg, *size), (groups * og, cg, *kernel), (groups * og,)
    kwargs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Case(f"conv{rank}d", shapes, kwargs, 3)


def _transposed(rng: np.random.Generator, rank: int) -> Case | None:
    n, groups, cg, og = _channels(rng)
    size, kernel = _ints(rng, rank, 1, 5), _ints(rng, rank, 1, 5)
    stride, dilation = _steps(rng, rank, kernel), _steps(rng, rank, kernel)
    padding = _ints(rng, rank, 0, 3)
    extra = tuple(int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation, strict=True))
    each = zip(size, kernel, stride, dilation, padding, extra, strict=True)
    if any((t - 1) * s - 2 * p + d * (k - 1) + e + 1 < 1 for t, k, s, d, p, e in each):
        return None
    shapes = (n, groups * cg, *size), (groups * cg, og, *kernel), (groups * og,)
    kwargs = {"stride": stride, "padding": padding, "output_padding": extra, "dilation": dilation, "groups": groups}
    return Case(f"conv_transpose{rank}d", shapes, kwargs, 3)


def _windows(rng: np.random.Generator, rank: int, dilated: bool) -> tuple[tuple[int, ...], Kwargs] | None:
    size, kernel = _ints(rng, rank, 1, 11), _ints(rng, rank, 1, 6)
    dilation = _steps(rng, rank, kernel) if dilated else (1,) * rank
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    if any(s + 2 * p < d * (k - 1) + 1 for s, k, d, p in zip(size, kernel, dilation, padding, strict=True)):
        return None
    kwargs = {"kernel_size": kernel, "padding": padding, "ceil_mode": bool(rng.integers(2))}
    if rng.integers(3):
        kwargs["stride"] = _steps(rng, rank, kernel)
    return size, kwargs | ({"dilation": dilation} if dilated else {})


def _larger(size: tuple[int, ...], kwargs: Kwargs) -> bool:
    return all(n >= k for n, k in zip(size, kwargs["kernel_size"], strict=True))


def _planes(rng: np.random.Generator, size: tuple[int, ...]) -> tuple[int, ...]:
    return (*_ints(rng, int(rng.integers(1, 3)), 1, 3), *size)


def _meets_the_input(size: tuple[int, ...], kwargs: Kwargs) -> bool:
    """Whether every window has an element that is no padding; of others PyTorch's index lies outside its memory."""
    each = zip(size, kwargs["kernel_size"], kwargs["dilation"], kwargs["padding"], strict=True)
    for axis, (n, k, d, p) in enumerate(each):
        stride = kwargs.get("stride", kwargs["kernel_size"])[axis]
        room = n + 2 * p - d * (k - 1) - 1
        count = (-(-room // stride) if kwargs["ceil_mode"] else room // stride) + 1
        starts = (i * stride - p for i in range(count))
        if not all(any(0 <= start + j * d < n for j in range(k)) for start in starts if start < n + p):
            return False
    return True


def _maximum(rng: np.random.Generator, rank: int) -> Case | None:
    if (drawn := _windows(rng, rank, True)) is None or not _meets_the_input(*drawn):
        return None
    return Case(f"max_pool{rank}d", (_planes(rng, drawn[0]),), drawn[1] | {"return_indices": bool(rng.integers(2))}, 1)


def _average(rng: np.random.Generator, rank: int) -> Case | None:
    drawn = _windows(rng, rank, False)
    if drawn is None or (rank == 3 and not _larger(*drawn)):  # which PyTorch lets pass in two dimensions alone
        return None
    kwargs = drawn[1] | {"count_include_pad": bool(rng.integers(2))}
    if rank > 1 and rng.random() < 0.3:
        kwargs["divisor_override"] = int(rng.integers(1, 9))
    return Case(f"avg_pool{rank}d", (_planes(rng, drawn[0]),), kwargs, 1)


def _power(rng: np.random.Generator, rank: int) -> Case | None:
    if (drawn := _windows(rng, rank, False)) is None:
        return None
    size, kwargs = drawn
    if not _larger(size, kwargs):
        return None
    del kwargs["padding"]
    if rank == 1:
        kwargs = {k: v[0] if isinstance(v, tuple) else v for k, v in kwargs.items()}
    return Case(f"lp_pool{rank}d", (_planes(rng, size),), kwargs | {"norm_type": int(rng.choice([2, 4]))}, 1)


def _adaptive(rng: np.random.Generator, rank: int) -> Case:
    kind = str(rng.choice(["avg", "max"]))
    out: Any = _ints(rng, rank, 1, 7)
    return Case(f"adaptive_{kind}_pool{rank}d", (_planes(rng, _ints(rng, rank, 1, 11)),), {"output_size": out}, 1)


def _fractional(rng: np.random.Generator, rank: int) -> Case | None:
    rank = max(2, rank)
    size, kernel, out = _ints(rng, rank, 1, 9), _ints(rng, rank, 1, 4), _ints(rng, rank, 1, 6)
    if any(o + k - 1 >= s for s, k, o in zip(size, kernel, out, strict=True)):
        return None
    samples = tuple(rng.random((2, 3, rank)).tolist())
    kwargs = {"kernel_size": kernel, "output_size": out, "_random_samples": samples}
    return Case(f"fractional_max_pool{rank}d", ((2, 3, *size),), kwargs, 1)


def _unpooled(rng: np.random.Generator, rank: int) -> Case | None:
    """The arrays are what is pooled; `run` pools with indices and takes that back."""
    size, kernel, stride = _ints(rng, rank, 2, 9), _ints(rng, rank, 1, 3), _ints(rng, rank, 1, 3)
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    each = list(zip(size, kernel, stride, padding, strict=True))
    if any(n + 2 * p < k or s < k for n, k, s, p in each):
        return None
    kwargs = {"kernel_size": kernel, "stride": stride, "padding": padding, "output_size": size}
    if any(abs((n + 2 * p - k) // s * s + k - 2 * p - n) >= s for n, k, s, p in each):
        return None
    return Case(f"max_unpool{rank}d", ((2, 2, *size),), kwargs, 1)


def _unfolded(rng: np.random.Generator, rank: int) -> Case | None:
    size, kernel, padding = _ints(rng, 2, 1, 8), _ints(rng, 2, 1, 4), _ints(rng, 2, 0, 3)
    stride, dilation = _steps(rng, 2, kernel), _steps(rng, 2, kernel)
    each = zip(size, kernel, padding, stride, dilation, strict=True)
    blocks = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, p, s, d in each]
    if min(blocks) < 1:
        return None
    kwargs = {"kernel_size": kernel, "padding": padding, "stride": stride, "dilation": dilation}
    if rank % 2:
        return Case("unfold", ((2, 3, *size),), kwargs, 1)
    shape = (2, 3 * kernel[0] * kernel[1], blocks[0] * blocks[1])
    return Case("fold", (shape,), kwargs | {"output_size": size}, 1)


# Convolutions stand twice: they have the most to get wrong.
FAMILIES = [
    *(_convolution, _transposed, _maximum, _average, _convolution, _transposed),
    *(_power, _adaptive, _fractional, _unpooled, _unfolded),
]
