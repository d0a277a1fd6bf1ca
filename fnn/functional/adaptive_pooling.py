"""Pooling into a given number of bins: adaptive averages and maxima in one, two and three dimensions.

Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``;
bins overlap where O does not divide S.  Shapes as in `fnn.functional.max_pooling`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Literal, overload

import jax
import numpy as np
from jax import lax

from fnn import dtypes
from fnn.arguments import listed, ntuple
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.mesh import select
from fnn.kernels.resample import Table, resample, table, take
from fnn.kernels.windows import flat_positions, largest, pick
from fnn.typing import ArrayLike, Size

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
]

Pooled = jax.Array | tuple[jax.Array, jax.Array]


def adaptive_avg_pool1d(input: ArrayLike, output_size: int | Sequence[int]) -> jax.Array:
    """The mean of each of ``output_size`` bins of a signal.

    Args:
        input: (N, C, L) or (C, L), floating.
        output_size: number of bins.

    Returns:
        (N, C, output_size) or (C, output_size).

    Raises:
        ArgumentError: an input or output size that does not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.adaptive_avg_pool1d(jnp.arange(5.0).reshape(1, 5), 2).tolist()
        [[1.0, 3.0]]
    """
    return _adaptive_avg("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: ArrayLike, output_size: Size) -> jax.Array:
    """The mean of each of ``output_size`` bins of an image.

    Args:
        input: (N, C, H, W) or (C, H, W), floating.
        output_size: number of bins, one number or (H_out, W_out); None keeps the input's size.

    Returns:
        (N, C, H_out, W_out) or (C, H_out, W_out).

    Raises:
        ArgumentError: an input or output size that does not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.adaptive_avg_pool2d(jnp.arange(16.0).reshape(1, 4, 4), (1, 2)).tolist()
        [[[6.5, 8.5]]]
    """
    return _adaptive_avg("adaptive_avg_pool2d", 2, input, output_size)


@governed
def adaptive_avg_pool3d(input: ArrayLike, output_size: Size) -> jax.Array:
    """The mean of each of ``output_size`` bins of a volume.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W), floating.
        output_size: number of bins, one number or (D_out, H_out, W_out); None keeps the input's size.

    Returns:
        (N, C, D_out, H_out, W_out) or without N.

    Raises:
        ArgumentError: an input or output size that does not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.adaptive_avg_pool3d(jnp.arange(8.0).reshape(1, 2, 2, 2), 1).tolist()
        [[[[3.5]]]]
    """
    return _adaptive_avg("adaptive_avg_pool3d", 3, input, output_size)


@overload
def adaptive_max_pool1d(
    input: ArrayLike, output_size: int | Sequence[int], return_indices: Literal[False] = ...
) -> jax.Array: ...
@overload
def adaptive_max_pool1d(
    input: ArrayLike, output_size: int | Sequence[int], *, return_indices: Literal[True]
) -> tuple[jax.Array, jax.Array]: ...
@overload
def adaptive_max_pool1d(input: ArrayLike, output_size: int | Sequence[int], return_indices: bool = ...) -> Pooled: ...
def adaptive_max_pool1d(input: ArrayLike, output_size: int | Sequence[int], return_indices: bool = False) -> Pooled:
    """The largest element of each of ``output_size`` bins of a signal; see `max_pool1d` for ties and NaN.

    Args:
        input: (N, C, L) or (C, L), floating.
        output_size: number of bins.
        return_indices: also return where in L each maximum stands.

    Returns:
        (N, C, output_size) or (C, output_size), or the pair of it and the indices.

    Raises:
        ArgumentError: an input or output size that does not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.adaptive_max_pool1d(jnp.arange(5.0).reshape(1, 5), 2).tolist()
        [[2.0, 4.0]]
    """
    return _adaptive_max("adaptive_max_pool1d", 1, input, output_size, return_indices)


@overload
def adaptive_max_pool2d(input: ArrayLike, output_size: Size, return_indices: Literal[False] = ...) -> jax.Array: ...
@overload
def adaptive_max_pool2d(
    input: ArrayLike, output_size: Size, *, return_indices: Literal[True]
) -> tuple[jax.Array, jax.Array]: ...
@overload
def adaptive_max_pool2d(input: ArrayLike, output_size: Size, return_indices: bool = ...) -> Pooled: ...
def adaptive_max_pool2d(input: ArrayLike, output_size: Size, return_indices: bool = False) -> Pooled:
    """The largest element of each of ``output_size`` bins of an image; see `max_pool2d` for ties and NaN.

    Args:
        input: (N, C, H, W) or (C, H, W), floating.
        output_size: number of bins, one number or (H_out, W_out); None keeps the input's size.
        return_indices: also return where each maximum stands in the flattened (H * W) plane.

    Returns:
        (N, C, H_out, W_out) or (C, H_out, W_out), or the pair of it and the indices.

    Raises:
        ArgumentError: an input or output size that does not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.adaptive_max_pool2d(jnp.arange(16.0).reshape(1, 4, 4), (1, 2)).tolist()
        [[[13.0, 15.0]]]
    """
    return _adaptive_max("adaptive_max_pool2d", 2, input, output_size, return_indices)


@overload
def adaptive_max_pool3d(input: ArrayLike, output_size: Size, return_indices: Literal[False] = ...) -> jax.Array: ...
@overload
def adaptive_max_pool3d(
    input: ArrayLike, output_size: Size, *, return_indices: Literal[True]
) -> tuple[jax.Array, jax.Array]: ...
@overload
def adaptive_max_pool3d(input: ArrayLike, output_size: Size, return_indices: bool = ...) -> Pooled: ...
@governed
def adaptive_max_pool3d(input: ArrayLike, output_size: Size, return_indices: bool = False) -> Pooled:
    """The largest element of each of ``output_size`` bins of a volume; see `max_pool2d` for ties and NaN.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W), floating.
        output_size: number of bins, one number or (D_out, H_out, W_out); None keeps the input's size.
        return_indices: also return where each maximum stands in the flattened (D * H * W) volume.

    Returns:
        (N, C, D_out, H_out, W_out) or without N, or the pair of it and the indices.

    Raises:
        ArgumentError: an input or output size that does not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.adaptive_max_pool3d(jnp.arange(8.0).reshape(1, 2, 2, 2), 1).tolist()
        [[[[7.0]]]]
    """
    return _adaptive_max("adaptive_max_pool3d", 3, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(
    input: ArrayLike, output_size: int | Sequence[int], return_indices: bool = False
) -> tuple[jax.Array, jax.Array]:
    """`adaptive_max_pool1d` that returns the indices whatever ``return_indices`` says.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> output, indices = F.adaptive_max_pool1d_with_indices(jnp.arange(4.0)[None, None], 2)
        >>> indices.tolist()
        [[[1, 3]]]
    """
    del return_indices
    return adaptive_max_pool1d(input, output_size, return_indices=True)


def adaptive_max_pool2d_with_indices(
    input: ArrayLike, output_size: Size, return_indices: bool = False
) -> tuple[jax.Array, jax.Array]:
    """`adaptive_max_pool2d` that returns the indices whatever ``return_indices`` says.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> output, indices = F.adaptive_max_pool2d_with_indices(jnp.arange(4.0).reshape(1, 1, 2, 2), 1)
        >>> indices.tolist()
        [[[[3]]]]
    """
    del return_indices
    return adaptive_max_pool2d(input, output_size, return_indices=True)


@governed
def adaptive_max_pool3d_with_indices(
    input: ArrayLike, output_size: Size, return_indices: bool = False
) -> tuple[jax.Array, jax.Array]:
    """`adaptive_max_pool3d` that returns the indices whatever ``return_indices`` says.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> output, indices = F.adaptive_max_pool3d_with_indices(jnp.arange(8.0).reshape(1, 1, 2, 2, 2), 1)
        >>> indices.tolist()
        [[[[[7]]]]]
    """
    del return_indices
    return adaptive_max_pool3d(input, output_size, return_indices=True)


def _adaptive_avg(name: str, rank: int, input: ArrayLike, output_size: Size) -> jax.Array:
    x, out = _arguments(name, rank, input, output_size)
    dtype, sizes = x.dtype, x.shape[-rank:]
    if x.size == 0 or 0 in out:
        return lax.full((*x.shape[:-rank], *out), 0, dtype)
    if dtype.itemsize < 4:  # half types add up in float32
        x = lax.convert_element_type(x, np.float32)
    lead = x.shape[:-rank]
    if all(size % n == 0 for size, n in zip(sizes, out, strict=True)):
        # bins of equal length: (..., O, S / O, ...), then the mean of every second axis
        if max(out) == 1:
            x = lax.reduce_sum(lax.reshape(x, (*lead, math.prod(sizes))), [len(lead)])
        else:
            for i in reversed(range(rank)):  # one by one: reshapes on explicit meshes split one axis
                before, after = x.shape[: len(lead) + i], x.shape[len(lead) + i + 1 :]
                x = lax.reshape(x, (*before, out[i], sizes[i] // out[i], *after))
            x = lax.reduce_sum(x, [len(lead) + 2 * i + 1 for i in range(rank)])
        x = lax.div(x, lax.full_like(x, math.prod(sizes) // math.prod(out)))
        return lax.reshape(lax.convert_element_type(x, dtype), (*lead, *out))
    for i in reversed(range(rank)):
        if out[i] != sizes[i]:
            x = resample(x, len(lead) + i, _mean_table(sizes[i], out[i], x.dtype.name))
    return lax.convert_element_type(x, dtype)


def _adaptive_max(name: str, rank: int, input: ArrayLike, output_size: Size, return_indices: bool) -> Pooled:
    x, out = _arguments(name, rank, input, output_size)
    if x.ndim == rank + 2 and x.shape[1] == 0:
        raise ArgumentError(
            f"{name}: Expected input to have non-zero size for non-batch dimensions, "
            f"but input has sizes {listed(x.shape)}"
        )
    sizes, lead = x.shape[-rank:], x.shape[:-rank]
    if x.size == 0 or 0 in out:
        empty = lax.full((*lead, *out), 0, x.dtype)
        return (empty, lax.full(empty.shape, 0, dtypes.index_dtype())) if return_indices else empty
    position = None
    if return_indices:
        position = lax.broadcast_in_dim(flat_positions(sizes, x.ndim), x.shape, tuple(range(x.ndim)))
    if max(out) == 1:  # one bin: all axes at once
        flat = (*lead, math.prod(sizes))
        position = None if position is None else lax.reshape(position, flat)
        x, position = _largest_of_bins(lax.reshape(x, flat), len(lead), position, 1)
        shape = (*lead, *out)
        x, position = lax.reshape(x, shape), None if position is None else lax.reshape(position, shape)
        return x if position is None else (x, position)
    for i in reversed(range(rank)):  # the last axis first, see max_pool
        x, position = _largest_of_bins(x, len(lead) + i, position, out[i])
    return x if position is None else (x, position)


def _largest_of_bins(
    x: jax.Array, axis: int, position: jax.Array | None, out: int
) -> tuple[jax.Array, jax.Array | None]:
    size = x.shape[axis]
    if size == out:
        return x, position
    if size % out == 0:
        return largest(x, axis, position, size // out, size // out, 0, 1, out)
    # Bin lengths differ by at most one: two windows of the largest power of two in the shortest cover each bin.
    start, end = _bins(size, out)
    length = 1 << (int((end - start).min()).bit_length() - 1)
    x, position = largest(x, axis, position, length, 1, 0, 1, size - length + 1)
    first, second = take(x, start, axis), take(x, end - length, axis)
    better = pick(first, second)
    x = lax.select(better, second, first)
    if position is not None:
        position = select(better, take(position, end - length, axis), take(position, start, axis))
    return x, position


def _bins(size: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    i = np.arange(out)
    return i * size // out, -((i + 1) * -size // out)


@functools.lru_cache(maxsize=1024)
def _mean_table(size: int, out: int, dtype: str) -> Table:
    start, end = _bins(size, out)
    length = end - start
    slot = np.arange(length.max())[None]
    real = slot < length[:, None]
    weight = np.broadcast_to(1 / length.astype(dtype)[:, None], real.shape)
    return table(np.minimum(start[:, None] + slot, size - 1), weight, size, real)


def _arguments(name: str, rank: int, input: ArrayLike, output_size: Size) -> tuple[jax.Array, tuple[int, ...]]:
    where = f"{name}: "
    x = to_array(input, "input", where)
    given = output_size if isinstance(output_size, (tuple, list)) else ntuple(output_size, rank, "output_size", where)
    if len(given) != rank:
        need = "'output_size' should contain one int" if rank == 1 else f"output_size must be {rank}"
        raise ArgumentError(f"{where}{need}, but got output_size={output_size!r}")
    if x.ndim not in (rank + 1, rank + 2):
        raise ArgumentError(
            f"{where}Expected {rank + 1}D or {rank + 2}D tensor, but got {listed(x.shape)} "
            f"(Input dimension should be at least {rank + 1})"
        )
    if rank > 1:
        given = tuple(s if n is None else n for n, s in zip(given, x.shape[-rank:], strict=True))
    out = ntuple(given, rank, "output_size", where)
    if min(out) < 0:
        raise ArgumentError(
            f"{where}elements of output_size must be greater than or equal to 0 but received {output_size!r}"
        )
    if 0 in x.shape[x.ndim - rank :]:
        raise ArgumentError(
            f"{where}Expected input to have non-zero size for non-batch dimensions, "
            f"but input has sizes {listed(x.shape)}"
        )
    if not dtypes.is_floating(x):
        raise ArgumentTypeError(f"{where}not implemented for input of dtype {x.dtype}")
    return x, out
