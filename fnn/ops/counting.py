"""Distinct elements, and how many there are of each: `unique`, `bincount`, histograms.

The shape of what `unique`, `unique_consecutive` and `bincount` return depends on values: they work eagerly only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import integer, wrap_dim
from fnn.dtypes import index_dtype, x64
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import op
from fnn.ops._operands import FLOATING, array, concrete_only, require_inexact
from fnn.ops._promote import kind_of
from fnn.ops.returns import Histogram, Histogramdd
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["bincount", "histc", "histogram", "histogramdd", "unique", "unique_consecutive"]

_INVERSE = "whether to return, for each element, its index among the distinct ones."
_COUNTS = "whether to return how often each distinct element comes."
_UNIQUE = "Under jit write jnp.unique(x, size=n), whose n is the greatest number of distinct elements."


def _packed(
    values: jax.Array, inverse: np.ndarray | None, counts: np.ndarray | None
) -> jax.Array | tuple[jax.Array, ...]:
    extra = [jnp.asarray(e, index_dtype()) for e in (inverse, counts) if e is not None]
    return (values, *extra) if extra else values


def _unchanged(x: jax.Array, host: np.ndarray, index: np.ndarray, axis: int | None) -> jax.Array:
    return jnp.take(x.reshape(-1) if axis is None else x, jnp.asarray(index, np.int32), 0 if axis is None else axis)


@op(
    sorted="whether the distinct elements are to be in order: they always are.",
    return_inverse=_INVERSE,
    return_counts=_COUNTS,
    dim="distinct slices along this dimension are wanted; None: distinct elements.",
)
def unique(
    input: ArrayLike, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None,
) -> jax.Array | tuple[jax.Array, ...]:  # fmt: skip
    """The distinct elements, in order.

    Returns:
        The elements; with ``return_inverse`` or ``return_counts`` a tuple of them, the inverse and the counts.

    Raises:
        ArgumentError: ``input`` is traced.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.unique(jnp.array([3, 1, 3]), return_counts=True)
        (Array([1, 3], dtype=int32), Array([1, 2], dtype=int32))
    """
    del sorted
    x = array(input, "unique")
    host = concrete_only("unique", x, _UNIQUE)
    axis = None if dim is None else wrap_dim(dim, x.ndim, "unique: ")
    if axis is not None and x.size == 0 and x.shape[axis] != 0:
        raise ArgumentError(
            "unique: There are 0 sized dimensions, and they aren't selected, so unique cannot be "
            f"applied, got {list(x.shape)}"
        )
    small = host.astype(np.float32) if host.dtype.name in ("bfloat16", "float16") else host
    if axis is not None and x.ndim == 0:
        axis = None
    _, index, inverse, counts = np.unique(
        small, return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    inverse = inverse.reshape(x.shape if axis is None else -1)
    return _packed(
        _unchanged(x, host, index, axis), inverse if return_inverse else None, counts if return_counts else None
    )


def _rows(host: np.ndarray, axis: int) -> np.ndarray:
    """The slices along ``axis``, flattened; there may be none, or empty ones."""
    size = host.shape[axis]
    return np.moveaxis(host, axis, 0).reshape(size, host.size // size if size else 0)


@op(
    return_inverse="whether to return, for each element, the index of its run.",
    return_counts="whether to return the length of each run.",
    dim="the dimension along which slices are compared; None: of the flattened array, elements.",
)
def unique_consecutive(
    input: ArrayLike, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> jax.Array | tuple[jax.Array, ...]:
    """The first element of each run of equal ones.

    Returns:
        The elements; with ``return_inverse`` or ``return_counts`` a tuple of them, the inverse and the counts.

    Raises:
        ArgumentError: ``input`` is traced.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.unique_consecutive(jnp.array([1, 1, 3, 1]))
        Array([1, 3, 1], dtype=int32)
    """
    x = array(input, "unique_consecutive")
    host = concrete_only("unique_consecutive", x, "Compare neighbours: x[1:] != x[:-1] has a fixed shape.")
    axis = None if dim is None or x.ndim == 0 else wrap_dim(dim, x.ndim, "unique_consecutive: ")
    if axis is not None and x.size == 0 and x.shape[axis] != 0:
        raise ArgumentError(
            f"unique_consecutive: There are 0 sized dimensions, and they aren't selected, got {list(x.shape)}"
        )
    rows = host.reshape(-1, 1) if axis is None else _rows(host, axis)
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]).any(1)
    index = np.flatnonzero(first)
    inverse = np.cumsum(first) - 1
    counts = np.diff(np.append(index, len(rows)))
    inverse = inverse.reshape(x.shape) if axis is None else inverse
    return _packed(
        _unchanged(x, host, index, axis), inverse if return_inverse else None, counts if return_counts else None
    )


@op(input="(n,), non-negative integers.", weights="(n,), what each element counts; None: 1.",
    minlength="the least number of counts.")  # fmt: skip
def bincount(input: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0) -> jax.Array:
    """How often each integer comes, from 0 to the largest.

    Raises:
        ArgumentError: ``input`` is traced, so that the largest is not known.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.bincount(jnp.array([1, 3, 1]))
        Array([0, 2, 0, 1], dtype=int32)
    """
    x = array(input, "bincount")
    if x.ndim != 1 or kind_of(x.dtype) != 1:
        raise ArgumentError(f"bincount only supports 1-d non-negative integral inputs, got {x.dtype}{list(x.shape)}")
    if minlength < 0:
        raise ArgumentError(f"bincount: minlength should be >= 0, got minlength={minlength}")
    host = concrete_only("bincount", x, "Write jnp.bincount(x, weights, length=n), whose n is the number of counts.")
    if host.size and host.min() < 0:
        raise ArgumentError(f"bincount only supports 1-d non-negative integral inputs, got input.min()={host.min()}")
    length = max(int(host.max()) + 1 if host.size else 0, minlength)
    if weights is None:
        return jnp.bincount(x, length=length).astype(index_dtype())
    w = array(weights, "bincount", "weights")
    if w.shape != x.shape:
        raise ArgumentError(f"bincount: weights should be 1-d and have the same length as input, got {list(w.shape)}")
    w = w if kind_of(w.dtype) == FLOATING and w.dtype.itemsize > 2 else w.astype(np.float64 if x64() else np.float32)
    return jnp.zeros(length, w.dtype).at[x].add(w)


# -- histograms ---------------------------------------------------------------------------------------


def _edges(x: jax.Array, bins: int, low: object, high: object, where: str, around: float = 0.5) -> jax.Array:
    """Equal intervals, from the smallest to the largest element if ``low`` is None; ``around`` a single value."""
    if bins <= 0:
        raise ArgumentError(f"{where}: bins must be > 0, got bins={bins}")
    if low is None:
        first, last = (jnp.min(x), jnp.max(x)) if x.size else (jnp.zeros((), x.dtype), jnp.ones((), x.dtype))
        known = concrete(jnp.stack([first, last]))
        if known is not None and not np.isfinite(known).all():
            raise ArgumentError(f"{where}: range of [{known[0]}, {known[1]}] is not finite")
    else:
        if not (math.isfinite(float(low)) and math.isfinite(float(high))):  # type: ignore[arg-type]
            raise ArgumentError(f"{where}: range of [{low}, {high}] is not finite")
        if low > high:  # type: ignore[operator]
            raise ArgumentError(f"{where}: max must be larger than min, got min={low}, max={high}")
        first, last = jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)
    same = first == last
    first, last = jnp.where(same, first - around, first), jnp.where(same, last + around, last)
    return jnp.linspace(first, last, bins + 1, dtype=x.dtype)


def _places(x: jax.Array, edges: jax.Array) -> jax.Array:
    """The interval of each element, the last one closed on both sides; as many as there are intervals: in none."""
    bins = edges.shape[0] - 1
    place = jnp.searchsorted(edges, x, side="right") - 1
    place = jnp.where(x == edges[-1], bins - 1, place)
    return jnp.where((x >= edges[0]) & (x <= edges[-1]), place, bins)


@op(bins="how many intervals.", min="where the first begins.", max="where the last ends; if both are equal, "
    "the intervals go from the smallest to the largest element.")  # fmt: skip
def histc(input: ArrayLike, bins: int = 100, min: float = 0, max: float = 0) -> jax.Array:
    """How many elements lie in each of equal intervals.

    Returns:
        (bins,), in the dtype of ``input``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.histc(jnp.array([0.1, 0.9, 0.8]), bins=2, min=0, max=1)
        Array([1., 2.], dtype=float32)
    """
    x = array(input, "histc")
    if kind_of(x.dtype) not in (1, FLOATING):
        raise ArgumentTypeError(f"histc: not implemented for {x.dtype}")
    count = integer(bins, "bins", "histc: ")
    flat = lax.stop_gradient(x.reshape(-1))
    wide = flat.astype(np.float32) if flat.dtype.itemsize <= 2 or kind_of(flat.dtype) == 1 else flat
    if min > max:
        raise ArgumentError(f"histc: max must be larger than min, got min={min}, max={max}")
    edges = _edges(wide, count, None if min == max else min, None if min == max else max, "histc", 1.0)
    low, high = edges[0], edges[-1]
    kept = jnp.finfo(flat.dtype) if flat.dtype.itemsize == 2 and kind_of(flat.dtype) == FLOATING else None

    def rounded(values: jax.Array) -> jax.Array:  # PyTorch computes in the array's own precision
        return values if kept is None else lax.reduce_precision(values, kept.nexp, kept.nmant)

    low, high = rounded(low), rounded(high)
    place = rounded(rounded(rounded(wide - low) * count) / rounded(high - low)).astype(np.int32)  # and in this order
    place = jnp.where((wide >= low) & (wide <= high), jnp.minimum(place, count - 1), count)
    return jnp.zeros(count, x.dtype).at[place].add(jnp.ones((), x.dtype), mode="drop")


def _counted(x: jax.Array, edges: Sequence[jax.Array], weight: jax.Array | None, density: bool) -> jax.Array:
    shape = tuple(e.shape[0] - 1 for e in edges)
    places = tuple(_places(x[:, i], e) for i, e in enumerate(edges))
    weights = jnp.ones(x.shape[0], x.dtype) if weight is None else weight.reshape(-1)
    inside = jnp.all(jnp.stack([p < n for p, n in zip(places, shape, strict=True)]), 0)
    weights = jnp.where(inside, weights, 0)
    hist = jnp.zeros(shape, x.dtype).at[places].add(weights, mode="drop")
    if density:
        volume = hist / jnp.sum(hist)
        for i, e in enumerate(edges):
            volume = volume / jnp.diff(e).reshape([-1 if i == j else 1 for j in range(len(edges))])
        return volume
    return hist


@op(
    input="floating.",
    bins="how many equal intervals, or the edges of the intervals in ascending order.",
    range="``(first, last)`` edge; None: from the smallest to the largest element.",
    weight="what each element counts, of the shape of ``input``; None: 1.",
    density="whether to give densities, whose integral is 1.",
)
def histogram(
    input: ArrayLike, bins: int | ArrayLike, *, range: tuple[float, float] | None = None,
    weight: ArrayLike | None = None, density: bool = False,
) -> Histogram:  # fmt: skip
    """How many elements lie in each of several intervals, the last of which is closed.

    Returns:
        ``(hist, bin_edges)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.histogram(jnp.array([0.1, 0.9, 0.8]), 2, range=(0.0, 1.0)).hist
        Array([1., 2.], dtype=float32)
    """
    x = array(input, "histogram")
    require_inexact("histogram", x, complex_too=False)
    flat = lax.stop_gradient(x.reshape(-1, 1))
    counts = None if weight is None else array(weight, "histogram", "weight")
    if counts is not None and counts.shape != x.shape:
        raise ArgumentError(f"histogram: weight must have the shape of input {list(x.shape)}, got {list(counts.shape)}")
    if counts is not None and counts.dtype != x.dtype:
        raise ArgumentTypeError(f"histogram: weight must have the dtype of input, {x.dtype}, got {counts.dtype}")
    edges = _given_edges("histogram", bins, flat[:, 0], range)
    return Histogram(_counted(flat, [edges], counts, density), edges)


def _given_edges(where: str, bins: object, x: jax.Array, limits: Sequence[float] | None) -> jax.Array:
    if isinstance(bins, int):
        if limits is not None and len(limits) != 2:
            raise ArgumentError(f"{where}: range should have 2 elements, got range={limits}")
        low, high = limits or (None, None)
        return _edges(x, bins, low, high, where)
    edges = array(bins, where, "bins")
    if limits is not None:
        raise ArgumentTypeError(f"{where}: range={limits} cannot be given together with edges")
    if edges.ndim != 1:
        raise ArgumentError(f"{where}: bins tensor should have one dimension, but got {edges.ndim} dimensions")
    if edges.dtype != x.dtype:
        raise ArgumentTypeError(f"{where}: bins must have the dtype of input, {x.dtype}, got {edges.dtype}")
    return edges


@op(
    input="(..., d): points of d coordinates, floating.",
    bins="how many intervals of each coordinate: one number, one for each, or the edges for each.",
    range="the first and the last edge of each coordinate, 2 d numbers; None: from the smallest to the largest.",
    weight="what each point counts; None: 1.",
    density="whether to give densities, whose integral is 1.",
)
def histogramdd(
    input: ArrayLike, bins: int | Sequence[int] | Sequence[ArrayLike], range: Sequence[float] | None = None,
    weight: ArrayLike | None = None, density: bool = False,
) -> Histogramdd:  # fmt: skip
    """How many points lie in each of the boxes that intervals of their coordinates make.

    Returns:
        ``(hist, bin_edges)``, the latter a tuple of one array for each coordinate.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.histogramdd(jnp.array([[0.1, 0.9], [0.8, 0.2]]), [2, 2]).hist
        Array([[0., 1.],
               [1., 0.]], dtype=float32)
    """
    x = array(input, "histogramdd")
    require_inexact("histogramdd", x, complex_too=False)
    if x.ndim < 2:
        raise ArgumentError(f"histogramdd: input tensor should have at least 2 dimensions, but got {x.ndim}")
    points = lax.stop_gradient(x.reshape(-1, x.shape[-1]))
    count = points.shape[1]
    each = [bins] * count if isinstance(bins, int) else list(bins)
    if len(each) != count:
        raise ArgumentError(
            f"histogramdd: The size of bins must be equal to the innermost dimension of the input, got {len(each)}"
        )
    limits: list[Sequence[float] | None] = [None] * count
    if range is not None:
        if len(range) != 2 * count:
            raise ArgumentError(
                f"histogramdd: for a {count}-dimensional histogram range should have {2 * count} elements"
            )
        limits = list(zip(range[::2], range[1::2], strict=True))
    edges = tuple(_given_edges("histogramdd", b, points[:, i], limits[i]) for i, b in enumerate(each))
    return Histogramdd(
        _counted(points, edges, None if weight is None else array(weight, "histogramdd", "weight"), density), edges
    )
