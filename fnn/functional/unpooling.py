"""Max unpooling: puts maxima back where max pooling found them, zeros elsewhere.  Shapes as in `pooling`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import numpy as np
from jax import lax
from jax.core import Tracer

from fnn import dtypes
from fnn.arguments import listed, ntuple, per_axis
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.mesh import gathered, like_rows, select
from fnn.typing import ArrayLike, Ints

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]


@governed
def max_unpool1d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> jax.Array:
    """The partial inverse of `max_pool1d`; see `max_unpool2d`.

    Args:
        input: (N, C, M) or (C, M), the maxima.
        indices: the indices that `max_pool1d` returned.
        kernel_size: of the pooling; with ``stride`` and ``padding`` it says how long the output is.
        stride: of the pooling; None: ``kernel_size``.
        padding: of the pooling.
        output_size: the length of the output, (L,) or (N, C, L), where pooling left it open.

    Returns:
        (N, C, L) or (C, L).

    Raises:
        ArgumentError: sizes that do not fit, or an index outside the output.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> values, indices = F.max_pool1d(jnp.array([[1.0, 3.0, 2.0, 0.0]]), 2, return_indices=True)
        >>> F.max_unpool1d(values, indices, 2).tolist()
        [[0.0, 3.0, 2.0, 0.0]]
    """
    return _max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


@governed
def max_unpool2d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> jax.Array:
    """The partial inverse of `max_pool2d`.

    Of elements with the same index the last one stays; the gradient reaches all of them.  Indices are checked
    where their values are known, that is, outside a JAX trace; inside, those out of range are dropped.

    Args:
        input: (N, C, H_in, W_in) or (C, H_in, W_in), the maxima.
        indices: the indices that `max_pool2d` returned: into the flattened (H * W) plane.
        kernel_size: of the pooling; with ``stride`` and ``padding`` it says how large the output is.
        stride: of the pooling; None: ``kernel_size``.
        padding: of the pooling.
        output_size: the output's size, (H, W) or (N, C, H, W), where pooling left it open.

    Returns:
        (N, C, H, W) or (C, H, W).

    Raises:
        ArgumentError: sizes that do not fit, or an index outside the output.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.max_unpool2d(jnp.array([[[5.0]]]), jnp.array([[[3]]]), 2).tolist()
        [[[0.0, 0.0], [0.0, 5.0]]]
    """
    return _max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


@governed
def max_unpool3d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> jax.Array:
    """The partial inverse of `max_pool3d`; see `max_unpool2d`.

    Args:
        input: (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in), the maxima.
        indices: the indices that `max_pool3d` returned: into the flattened (D * H * W) volume.
        kernel_size: of the pooling; with ``stride`` and ``padding`` it says how large the output is.
        stride: of the pooling; None: ``kernel_size``.
        padding: of the pooling.
        output_size: the output's size, (D, H, W) or (N, C, D, H, W), where pooling left it open.

    Returns:
        (N, C, D, H, W) or (C, D, H, W).

    Raises:
        ArgumentError: sizes that do not fit, or an index outside the output.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.max_unpool3d(jnp.array([[[[5.0]]]]), jnp.array([[[[1]]]]), (1, 1, 2)).tolist()
        [[[[0.0, 5.0]]]]
    """
    return _max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _max_unpool(
    name: str,
    rank: int,
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    output_size: Ints | None,
) -> jax.Array:
    where = f"{name}: "
    x, index = to_array(input, "input", where), to_array(indices, "indices", where)
    kernel = per_axis(kernel_size, rank, "kernel_size", where)
    step = kernel if stride is None else per_axis(stride, rank, "stride", where)
    pad = per_axis(padding, rank, "padding", where)
    if x.ndim not in (rank + 1, rank + 2):
        raise ArgumentError(
            f"{where}Input to max_unpooling{rank}d should be a {rank + 1}d or {rank + 2}d Tensor, "
            f"but got a tensor with {x.ndim} dimensions."
        )
    if index.dtype != dtypes.index_dtype():
        raise ArgumentTypeError(
            f"{where}elements in indices should be type {dtypes.index_dtype()} but got: {index.dtype}"
        )
    if index.shape != x.shape:
        raise ArgumentError(
            f"{where}Expected shape of indices to be same as that of the input tensor ({listed(x.shape)}) "
            f"but got indices tensor with shape: {listed(index.shape)}"
        )
    if not dtypes.is_floating(x):
        raise ArgumentTypeError(f"{where}not implemented for input of dtype {x.dtype}")
    if 0 in x.shape[x.ndim - rank - 1 :]:
        raise ArgumentError(
            f"{where}Expected input to have non-zero size for non-batch dimensions, but got {listed(x.shape)}"
        )
    if min(step) <= 0:
        raise ArgumentError(f"{where}strides should be greater than zero, but got stride: {listed(step)}")
    out = _output_size(where, rank, x.shape[-rank:], kernel, step, pad, output_size)
    volume = math.prod(out)
    _check_range(where, index, volume, out)
    rows, given = math.prod(x.shape[:-rank]), x
    index, x = gathered(index), gathered(x)  # on an explicit mesh: a scatter goes anywhere
    index = lax.reshape(index, (rows, math.prod(x.shape[-rank:])))
    # one flat scatter: row r's plane starts at r * volume; what is out of range goes beyond the end and is dropped
    inside = lax.bitwise_and(lax.ge(index, lax.full_like(index, 0)), lax.lt(index, lax.full_like(index, volume)))
    start = lax.broadcast_in_dim(np.arange(rows, dtype=index.dtype) * volume, index.shape, (0,))
    index = select(inside, lax.add(index, start), lax.full_like(index, rows * volume))
    flat = lax.scatter(
        lax.full((rows * volume,), 0, x.dtype),
        lax.reshape(index, (index.size, 1)),
        lax.reshape(x, (x.size,)),
        lax.ScatterDimensionNumbers((), (0,), (0,)),
        # untrue for overlapping windows, but it makes the transpose the plain gather that PyTorch's backward is
        unique_indices=True,
        mode=lax.GatherScatterMode.FILL_OR_DROP,
    )
    return like_rows(lax.reshape(flat, (*x.shape[:-rank], *out)), given)


def _output_size(
    where: str,
    rank: int,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    output_size: Ints | None,
) -> tuple[int, ...]:
    default = tuple((n - 1) * s + k - 2 * p for n, s, k, p in zip(sizes, stride, kernel, padding, strict=True))
    out = default
    if output_size is not None:
        out = ntuple(output_size, rank, "output_size", where)
        if len(out) == rank + 2:
            out = out[2:]
        if len(out) != rank:
            raise ArgumentError(
                f"{where}output_size should be a sequence containing {rank} or {rank + 2} elements, "
                f"but it has a length of '{len(out)}'"
            )
        for i, (n, usual, s) in enumerate(zip(out, default, stride, strict=True)):
            if not usual - s < n < usual + s:
                raise ArgumentError(
                    f'{where}invalid output_size "{output_size}" (dim {i} must be between {usual - s} and {usual + s})'
                )
    for i, n in enumerate(out):
        if n < 0:
            raise ArgumentError(
                f"{where}max_unpooling: output_size must contain non-negative spatial dimensions, "
                f"but got output_size[{i}]={n}"
            )
    return out


def _check_range(where: str, index: jax.Array, volume: int, out: tuple[int, ...]) -> None:
    if isinstance(index, Tracer):
        return
    values = np.asarray(index)
    bad = values[(values < 0) | (values >= volume)]
    if bad.size:
        raise ArgumentError(
            f"{where}Found an invalid max index: {bad[0]} (output volumes are of size {'x'.join(map(str, out))})"
        )
