"""Resizing signals, images and volumes by interpolation.

All modes are separable: one weighted sum of a few elements (`fnn.kernels.resample`) along each axis.  The
places and weights depend on sizes only, and are computed with numpy while tracing, in the precision that PyTorch
uses, so that a place on the border between two elements falls to the same side.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

from fnn import dtypes
from fnn.arguments import listed
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from fnn.kernels.resample import Table, resample, table, take
from fnn.typing import ArrayLike, Floats, Size

__all__ = ["interpolate", "upsample", "upsample_nearest", "upsample_bilinear"]

Sizes = int | Sequence[int]
Scales = float | Sequence[float]

_RANKS = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "area": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
    "lanczos": (2,),
}


@governed
def interpolate(
    input: ArrayLike,
    size: Sizes | None = None,
    scale_factor: Scales | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> jax.Array:
    """Resizes the spatial axes to ``size``, or by ``scale_factor``.

    Args:
        input: (N, C, L), (N, C, H, W) or (N, C, D, H, W), floating; uint8 for nearest, nearest-exact, and (rounded)
            for bilinear, bicubic and lanczos.
        size: the new sizes, one number or one an axis.
        scale_factor: instead of it, the ratio of new and old size, one number or one an axis; the new size is
            rounded down.
        mode: ``"nearest"`` (the element at ``floor(i / scale)``), ``"nearest-exact"`` (the nearest centre),
            ``"linear"``, ``"bilinear"``, ``"trilinear"`` (for one, two, three spatial axes), ``"bicubic"`` (two;
            cubic convolution with a = -0.75, or -0.5 with ``antialias``), ``"lanczos"`` (two; needs ``antialias``)
            or ``"area"`` (`adaptive_avg_pool2d` and its like).
        align_corners: whether the centres of the corner elements coincide, rather than their outer edges; for the
            linear modes and bicubic only.
        recompute_scale_factor: interpolate with the ratio of the rounded sizes instead of ``scale_factor``.
        antialias: when shrinking, widen the kernel by the scale, as Pillow does; for two spatial axes.

    Returns:
        (N, C, *size) of the input's dtype.

    Raises:
        ArgumentError: arguments that do not fit each other or the input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x = jnp.array([[[0.0, 4.0]]])
        >>> F.interpolate(x, scale_factor=2).tolist(), F.interpolate(x, 4, mode="linear").tolist()
        ([[[0.0, 0.0, 4.0, 4.0]]], [[[0.0, 1.0, 3.0, 4.0]]])
    """
    x = to_array(input, "input", "interpolate: ")
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ArgumentError(
                "interpolate: align_corners option can only be set with the interpolating modes: linear | bilinear | "
                f"bicubic | trilinear, but got align_corners={align_corners!r} with mode={mode!r}"
            )
    out, scales = _output_size(x, size, scale_factor)
    if recompute_scale_factor and size is not None:
        raise ArgumentError("interpolate: recompute_scale_factor is not meaningful with an explicit size.")
    if recompute_scale_factor or mode == "area":
        scales = (None,) * len(out)
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and x.ndim == 4):
        raise ArgumentError(
            "interpolate: Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
            f"tensor as input, but got mode={mode!r} and an input of shape {listed(x.shape)}"
        )
    rank = x.ndim - 2
    if rank not in _RANKS.get(mode, ()):
        _refuse(mode, x)
    if mode == "lanczos":
        if align_corners:
            raise ArgumentError("interpolate: Lanczos mode does not support align_corners=True")
        if not antialias:
            raise ArgumentError("interpolate: Lanczos mode requires antialias=True")
    if mode == "area":
        pool = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[rank - 1]
        return pool(x, out)
    _check_sizes(x, out)
    _check_dtype(x, mode, antialias)
    if mode in ("nearest", "nearest-exact"):
        for axis, (n, scale) in enumerate(zip(out, scales, strict=True), 2):
            x = _nearest(x, axis, n, scale, mode == "nearest-exact")
        return x
    return _weighted(x, out, scales, mode, bool(align_corners), antialias)


def upsample(
    input: ArrayLike,
    size: Sizes | None = None,
    scale_factor: Scales | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> jax.Array:
    """Deprecated, as in PyTorch: use `interpolate`, which takes the same arguments.

    Example:
        >>> import warnings
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     y = F.upsample(jnp.array([[[0.0, 4.0]]]), 4)
        >>> y.tolist()
        [[[0.0, 0.0, 4.0, 4.0]]]
    """
    warnings.warn(_DEPRECATED.format("upsample"), stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: ArrayLike, size: Sizes | None = None, scale_factor: Scales | None = None) -> jax.Array:
    """Deprecated, as in PyTorch: use `interpolate`, whose default mode this is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     F.upsample_nearest(jnp.ones((1, 1, 2)), scale_factor=2).shape
        (1, 1, 4)
    """
    warnings.warn(_DEPRECATED.format("upsample_nearest"), stacklevel=2)
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: ArrayLike, size: Sizes | None = None, scale_factor: Scales | None = None) -> jax.Array:
    """Deprecated, as in PyTorch: use `interpolate` with ``mode="bilinear", align_corners=True``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     F.upsample_bilinear(jnp.ones((1, 1, 2, 2)), scale_factor=2).shape
        (1, 1, 4, 4)
    """
    warnings.warn(_DEPRECATED.format("upsample_bilinear"), stacklevel=2)
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


_DEPRECATED = "`nn.functional.{}` is deprecated. Use `nn.functional.interpolate` instead."


# -- arguments --------------------------------------------------------------------------------------


def _output_size(
    x: jax.Array, size: Size, scale_factor: Floats | None
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new sizes, and the scales that were asked for (None: the ratio of the sizes)."""
    rank, spatial = x.ndim - 2, x.shape[2:]
    if size is not None and scale_factor is not None:
        raise ArgumentError(
            f"interpolate: only one of size or scale_factor should be defined, got {size=} and {scale_factor=}"
        )
    given, name = (size, "size") if size is not None else (scale_factor, "scale_factor")
    if given is None:
        raise ArgumentError("interpolate: either size or scale_factor should be defined")
    each: tuple[Any, ...] = tuple(given) if isinstance(given, (list, tuple)) else (given,) * rank
    if len(each) != rank:
        raise ArgumentError(
            f"interpolate: Input and {'output' if size is not None else 'scale_factor'} must have the same number of "
            f"spatial dimensions, but got input with spatial dimensions of {listed(spatial)} and {name}={given!r}"
        )
    try:
        if size is not None:
            if not all(isinstance(n, (int, np.integer)) for n in each):
                raise TypeError
            return tuple(int(n) for n in each), (None,) * rank
        scales = tuple(float(s) for s in each if not isinstance(s, str))
        return tuple(int(n * s) for n, s in zip(spatial, scales, strict=True)), scales
    except (TypeError, ValueError, OverflowError):
        wanted = "int or a tuple of ints" if size is not None else "float or a tuple of floats"
        raise ArgumentTypeError(f"interpolate: expected {name} to be one {wanted}, but got {given!r}") from None


def _refuse(mode: str, x: jax.Array) -> None:
    ranks = _RANKS.get(mode)
    if ranks is not None and len(ranks) == 1 and x.ndim in (3, 4, 5):
        raise ArgumentError(f"interpolate: Got {x.ndim}D input, but {mode} mode needs {ranks[0] + 2}D input")
    raise ArgumentError(
        f"interpolate: Only 3D, 4D and 5D input Tensors supported (got {x.ndim}D) for the modes: nearest | linear | "
        f"bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
    )


def _check_sizes(x: jax.Array, out: tuple[int, ...]) -> None:
    if min(*x.shape[2:], *out) <= 0:
        raise ArgumentError(
            f"interpolate: Input and output sizes should be greater than 0, but got input {listed(x.shape[2:])} "
            f"output {listed(out)}"
        )
    if x.shape[1] == 0:
        raise ArgumentError(
            f"interpolate: Non-empty {x.ndim}D data tensor expected but got a tensor with sizes {listed(x.shape)}"
        )


def _check_dtype(x: jax.Array, mode: str, antialias: bool) -> None:
    if dtypes.is_floating(x) and not (antialias and x.dtype.itemsize < 4):
        return
    if x.dtype == np.uint8 and mode not in ("linear", "trilinear"):
        return
    raise ArgumentTypeError(
        f"interpolate: mode={mode!r}, antialias={antialias} is not implemented for input of dtype {x.dtype}"
    )


# -- nearest ----------------------------------------------------------------------------------------


def _nearest(x: jax.Array, axis: int, out: int, scale: float | None, exact: bool) -> jax.Array:
    size = x.shape[axis]
    precise = "float64" if x.dtype == np.float64 else "float32"
    index = _nearest_index(size, out, scale, exact, precise)
    if size == out and (index == np.arange(size)).all():
        return x
    if out % size == 0 and (index == np.arange(out) // (out // size)).all():
        shape = (*x.shape[: axis + 1], out // size, *x.shape[axis + 1 :])
        x = lax.broadcast_in_dim(x, shape, tuple(d for d in range(x.ndim + 1) if d != axis + 1))
        return lax.reshape(x, (*shape[:axis], out, *shape[axis + 2 :]))
    if dtypes.is_floating(x):
        return resample(x, axis, _nearest_table(size, out, scale, exact, precise))
    return take(x, index, axis)


@functools.lru_cache(maxsize=1024)
def _nearest_table(size: int, out: int, scale: float | None, exact: bool, precise: str) -> Table:
    return table(_nearest_index(size, out, scale, exact, precise)[:, None], None, size)


@functools.lru_cache(maxsize=1024)
def _nearest_index(size: int, out: int, scale: float | None, exact: bool, precise: str) -> np.ndarray:
    real = np.dtype(precise).type
    ratio = _ratio(size, out, scale, False, real)
    i = np.arange(out).astype(real)
    place = (i + real(0.5)) * ratio if exact else i * ratio
    return np.minimum(np.floor(place.astype(np.float32)).astype(np.int64), size - 1)


# -- weighted ---------------------------------------------------------------------------------------


def _weighted(
    x: jax.Array,
    out: tuple[int, ...],
    scales: tuple[float | None, ...],
    mode: str,
    align_corners: bool,
    antialias: bool,
) -> jax.Array:
    dtype = x.dtype
    precise = "float32" if dtype.itemsize in (2, 4) else "float64"  # uint8 computes its whole weights in float64
    x = lax.convert_element_type(x, np.int32 if dtype == np.uint8 else np.dtype(precise))
    kind = "linear" if mode.endswith("linear") else mode.removeprefix("bi")
    make = _antialiased_table if antialias else _cubic_table if kind == "cubic" else _linear_table
    axes = list(zip(range(2, x.ndim), out, scales, strict=True))
    if dtype == np.uint8 or not antialias:  # a shrinking line is cheaper over the axes after it; whole numbers round
        axes.reverse()
    for axis, n, scale in axes:
        if n == x.shape[axis] and kind == "linear":
            continue
        weights = make(x.shape[axis], n, scale, align_corners, precise, kind)
        if dtype == np.uint8:
            weights, bits = _whole(weights)
            x = resample(x, axis, weights) + (1 << (bits - 1)) >> bits
            x = lax.clamp(np.int32(0), x, np.int32(255))
        else:
            x = resample(x, axis, weights)
    return lax.convert_element_type(x, dtype)


def _ratio(size: int, out: int, scale: float | None, align_corners: bool, real: type[np.floating]) -> np.floating:
    """Input elements a step of the output."""
    if align_corners:
        return real(size - 1) / real(out - 1) if out > 1 else real(0)
    return real(1 / scale) if scale is not None and scale > 0 else real(size) / real(out)


def _places(size: int, out: int, scale: float | None, align_corners: bool, real: type[np.floating]) -> np.ndarray:
    """Where in the input each output element lies; the centre of element i is at i."""
    ratio = _ratio(size, out, scale, align_corners, real)
    i = np.arange(out).astype(real)
    return ratio * i if align_corners else ratio * (i + real(0.5)) - real(0.5)


@functools.lru_cache(maxsize=1024)
def _linear_table(size: int, out: int, scale: float | None, align_corners: bool, precise: str, kind: str) -> Table:
    real = np.dtype(precise).type
    place = np.maximum(_places(size, out, scale, align_corners, real), real(0))
    low = np.minimum(np.floor(place).astype(np.int64), size - 1)
    part = np.clip(place - low.astype(precise), real(0), real(1))
    index = np.stack([low, np.minimum(low + 1, size - 1)], 1)
    return table(index, np.stack([real(1) - part, part], 1), size)


@functools.lru_cache(maxsize=1024)
def _cubic_table(size: int, out: int, scale: float | None, align_corners: bool, precise: str, kind: str) -> Table:
    real = np.dtype(precise).type
    place = _places(size, out, scale, align_corners, real)
    low = np.minimum(np.floor(place).astype(np.int64), size - 1)
    part = np.clip(place - low.astype(precise), real(0), real(1))
    index = np.clip(low[:, None] + np.arange(-1, 3)[None], 0, size - 1)
    away = np.stack([part + real(1), part, real(1) - part, real(2) - part], 1)
    return table(index, _cubic(away, -0.75).astype(precise), size)


@functools.lru_cache(maxsize=1024)
def _antialiased_table(size: int, out: int, scale: float | None, align_corners: bool, precise: str, kind: str) -> Table:
    """Weights of a kernel that is as wide as the larger of an input and an output element, as Pillow's."""
    real = np.dtype(precise).type
    kernel, radius = _KERNELS[kind]
    ratio = _ratio(size, out, scale, align_corners, real)
    half = real(0.5)
    wide = max(ratio, real(1))
    support = real(radius) * wide
    centre = ratio * (np.arange(out).astype(precise) + half)
    start = np.maximum((centre - support + half).astype(np.int64), 0)
    end = np.minimum((centre + support + half).astype(np.int64), size)
    slot = np.arange(max(1, int((end - start).max())))[None]
    real_slot = slot < (end - start)[:, None]
    index = np.minimum(start[:, None] + slot, size - 1)
    weight = kernel(((start[:, None] + slot).astype(precise) - centre[:, None] + half) / wide)
    weight = np.where(real_slot, weight, 0)
    total = weight.sum(1, keepdims=True)
    weight = weight / np.where(total == 0, 1, total)
    return table(index, weight.astype(precise), size, real_slot)


@functools.lru_cache(maxsize=1024)
def _whole(weights: Table) -> tuple[Table, int]:
    """The table with 16-bit whole weights and the number of bits that scale them up, as in Pillow's Resample.c."""
    dense = np.zeros((len(weights.index), weights.size))
    rows = np.broadcast_to(np.arange(len(dense))[:, None], weights.index.shape)
    given = np.ones(rows.shape) if weights.weight is None else weights.weight
    np.add.at(dense, (rows, weights.index), np.where(weights.real, given, 0))
    weight = np.take_along_axis(dense, weights.index, 1)
    bits = 0
    while bits < 22 and int(0.5 + weight.max() * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    # an edge that stands for several places outside keeps the sum of their weights once
    first = np.array([[i not in row[:k] for k, i in enumerate(row)] for row in weights.index.tolist()])
    weight = np.trunc(weight * (1 << bits) + np.copysign(0.5, weight)).astype(np.int32)
    return table(weights.index, weight, weights.size, weights.real & first), bits


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - np.abs(x))


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys, "Cubic Convolution Interpolation for Digital Image Processing" (1981), eq. 15 with parameter a."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


_KERNELS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "linear": (_triangle, 1.0),
    "cubic": (lambda x: _cubic(x, -0.5), 2.0),
    "lanczos": (_lanczos, 3.0),
}
