"""Fractional max pooling: windows at random places that spread evenly.  Shapes as in `pooling`."""

from __future__ import annotations

from typing import Literal, cast, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import dtypes, random
from fnn.arguments import listed, per_axis
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.mesh import select
from fnn.kernels.windows import flat_positions, pick
from fnn.typing import ArrayLike, Floats, Ints, Key

__all__ = [
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]

Pooled = jax.Array | tuple[jax.Array, jax.Array]


@overload
def fractional_max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = ...,
    output_ratio: Floats | None = ...,
    return_indices: Literal[False] = ...,
    _random_samples: ArrayLike | None = ...,
    *,
    key: Key | None = ...,
) -> jax.Array: ...
@overload
def fractional_max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = ...,
    output_ratio: Floats | None = ...,
    *,
    return_indices: Literal[True],
    _random_samples: ArrayLike | None = ...,
    key: Key | None = ...,
) -> tuple[jax.Array, jax.Array]: ...
@overload
def fractional_max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = ...,
    output_ratio: Floats | None = ...,
    return_indices: bool = ...,
    _random_samples: ArrayLike | None = ...,
    *,
    key: Key | None = ...,
) -> Pooled: ...
@governed
def fractional_max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Floats | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
    *,
    key: Key | None = None,
) -> Pooled:
    """The largest element of each window of an image, the windows at pseudo-random, evenly spread places.

    Window i of O over S elements starts at ``int((i + u) * a) - int(u * a)`` with ``a = (S - k) / (O - 1)`` and u
    uniform on [0, 1), one for each example, channel and axis; the last ends with the input.
    Graham, "Fractional Max-Pooling" (2014), https://arxiv.org/abs/1412.6071

    Args:
        input: (N, C, H, W) or (C, H, W), floating.
        kernel_size: elements in a window, one number or (kH, kW).
        output_size: number of windows, one number or (H_out, W_out).
        output_ratio: instead of it, H_out / H and W_out / W.
        return_indices: also return where each maximum stands in the flattened (H * W) plane.
        _random_samples: (N, C, 2), the u's of width and height; None: drawn.
        key: a JAX key or a `fnn.random.Generator` to draw them from.

    Returns:
        (N, C, H_out, W_out) or (C, H_out, W_out), or the pair of it and the indices.

    Raises:
        ArgumentError: arguments that do not fit each other or the input.
        MissingKeyError: neither ``_random_samples`` nor ``key``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x = jnp.arange(25.0).reshape(1, 5, 5)
        >>> F.fractional_max_pool2d(x, 2, 3, _random_samples=jnp.full((1, 1, 2), 0.5)).tolist()
        [[[6.0, 8.0, 9.0], [16.0, 18.0, 19.0], [21.0, 23.0, 24.0]]]
    """
    return _fractional(
        "fractional_max_pool2d", 2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, key
    )


@overload
def fractional_max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = ...,
    output_ratio: Floats | None = ...,
    return_indices: Literal[False] = ...,
    _random_samples: ArrayLike | None = ...,
    *,
    key: Key | None = ...,
) -> jax.Array: ...
@overload
def fractional_max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = ...,
    output_ratio: Floats | None = ...,
    *,
    return_indices: Literal[True],
    _random_samples: ArrayLike | None = ...,
    key: Key | None = ...,
) -> tuple[jax.Array, jax.Array]: ...
@overload
def fractional_max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = ...,
    output_ratio: Floats | None = ...,
    return_indices: bool = ...,
    _random_samples: ArrayLike | None = ...,
    *,
    key: Key | None = ...,
) -> Pooled: ...
@governed
def fractional_max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Floats | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
    *,
    key: Key | None = None,
) -> Pooled:
    """The largest element of each window of a volume at random places; see `fractional_max_pool2d`.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W), floating.
        kernel_size: elements in a window, one number or (kD, kH, kW).
        output_size: number of windows, one number or (D_out, H_out, W_out).
        output_ratio: instead of it, the ratios of output and input size.
        return_indices: also return where each maximum stands in the flattened (D * H * W) volume.
        _random_samples: (N, C, 3), the u's of depth, height and width; None: drawn.
        key: a JAX key or a `fnn.random.Generator` to draw them from.

    Returns:
        (N, C, D_out, H_out, W_out) or without N, or the pair of it and the indices.

    Raises:
        ArgumentError: arguments that do not fit each other or the input.
        MissingKeyError: neither ``_random_samples`` nor ``key``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x = jnp.arange(64.0).reshape(1, 4, 4, 4)
        >>> F.fractional_max_pool3d(x, 2, (1, 1, 2), _random_samples=jnp.zeros((1, 1, 3))).tolist()
        [[[[61.0, 63.0]]]]
    """
    return _fractional(
        "fractional_max_pool3d", 3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, key
    )


@governed
def fractional_max_pool2d_with_indices(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Floats | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
    *,
    key: Key | None = None,
) -> tuple[jax.Array, jax.Array]:
    """`fractional_max_pool2d` that returns the indices whatever ``return_indices`` says.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x = jnp.arange(16.0).reshape(1, 4, 4)
        >>> output, indices = F.fractional_max_pool2d_with_indices(x, 2, 2, _random_samples=jnp.zeros((1, 1, 2)))
        >>> output.tolist(), indices.tolist()
        ([[[5.0, 7.0], [13.0, 15.0]]], [[[5, 7], [13, 15]]])
    """
    del return_indices
    return fractional_max_pool2d(
        input, kernel_size, output_size, output_ratio, return_indices=True, _random_samples=_random_samples, key=key
    )


@governed
def fractional_max_pool3d_with_indices(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Floats | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
    *,
    key: Key | None = None,
) -> tuple[jax.Array, jax.Array]:
    """`fractional_max_pool3d` that returns the indices whatever ``return_indices`` says.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x = jnp.arange(64.0).reshape(1, 4, 4, 4)
        >>> places = jnp.zeros((1, 1, 3))
        >>> output, indices = F.fractional_max_pool3d_with_indices(x, 2, (1, 1, 2), _random_samples=places)
        >>> output.tolist(), indices.tolist()
        ([[[[61.0, 63.0]]]], [[[[61, 63]]]])
    """
    del return_indices
    return fractional_max_pool3d(
        input, kernel_size, output_size, output_ratio, return_indices=True, _random_samples=_random_samples, key=key
    )


def _fractional(
    name: str,
    rank: int,
    input: ArrayLike,
    kernel_size: Ints,
    output_size: Ints | None,
    output_ratio: Floats | None,
    return_indices: bool,
    samples: ArrayLike | None,
    key: Key | None,
) -> Pooled:
    where = f"{name}: "
    x = to_array(input, "input", where)
    if output_size is None and output_ratio is None:
        raise ArgumentError(f"{name} requires specifying either an output_size or an output_ratio")
    if x.ndim not in (rank + 1, rank + 2) or 0 in x.shape[x.ndim - rank - 1 :]:
        raise ArgumentError(
            f"{where}Expected {rank + 1}D or {rank + 2}D input with non-zero size for non-batch dimensions, "
            f"but got {listed(x.shape)}"
        )
    if not dtypes.is_floating(x):
        raise ArgumentTypeError(f"{where}not implemented for input of dtype {x.dtype}")
    batched = x.ndim == rank + 2
    x = x if batched else lax.expand_dims(x, [0])
    n, channels, sizes = x.shape[0], x.shape[1], x.shape[2:]
    kernel = per_axis(kernel_size, rank, "kernel_size", where)
    out = _output_size(where, rank, sizes, output_size, output_ratio)
    for size, k, o in zip(sizes, kernel, out, strict=True):
        if k <= 0 or o < 0 or o + k - 1 > size:
            raise ArgumentError(
                f"{where}pool size too large relative to input size: kernel_size={kernel_size!r}, "
                f"output size {listed(out)}, input {listed(x.shape)}"
            )
    if samples is None:
        samples = random.uniform(random.resolve(key, name), (n, channels, rank), x.dtype)
    samples = to_array(samples, "_random_samples", where)
    if samples.dtype != x.dtype:
        raise ArgumentTypeError(
            f"{where}Expect _random_samples to have the same dtype as input: {samples.dtype}, {x.dtype}"
        )
    if samples.ndim != 3 or samples.shape[0] < n or samples.shape[1] != channels or samples.shape[2] != rank:
        raise ArgumentError(
            f"{where}Expect _random_samples of shape [{n}, {channels}, {rank}], got {listed(samples.shape)}"
        )
    samples = samples[:n]
    if rank == 2:  # PyTorch's first sample is the width's in two dimensions, but the depth's in three
        samples = lax.rev(samples, [2])
    position = None
    if return_indices:
        position = lax.broadcast_in_dim(flat_positions(sizes, x.ndim), x.shape, tuple(range(x.ndim)))
    for i in reversed(range(rank)):  # the last axis first, see max_pool
        x, position = _along(x, i + 2, position, samples[:, :, i], kernel[i], out[i])
    if not batched:
        x, position = lax.squeeze(x, [0]), None if position is None else lax.squeeze(position, [0])
    return x if position is None else (x, position)


def _along(
    x: jax.Array, axis: int, position: jax.Array | None, sample: jax.Array, kernel: int, out: int
) -> tuple[jax.Array, jax.Array | None]:
    start = _starts(sample, x.shape[axis], kernel, out)  # (N, C, O)
    start = lax.expand_dims(start, [d for d in range(2, x.ndim) if d != axis])

    def at(values: jax.Array, offset: int) -> jax.Array:
        return jnp.take_along_axis(values, start + offset, axis, mode="clip")

    best, where = at(x, 0), None if position is None else at(position, 0)
    for j in range(1, kernel):
        value = at(x, j)
        better = pick(best, value)
        best = select(better, value, best)
        if position is not None and where is not None:
            where = select(better, at(position, j), where)
    return best, where


def _starts(sample: jax.Array, size: int, kernel: int, out: int) -> jax.Array:
    shape = (*sample.shape, out)
    last = lax.full(shape, size - kernel, np.int32)
    if out <= 1:
        return last
    dtype = sample.dtype
    alpha = jnp.asarray(size - kernel, dtype) / jnp.asarray(out - 1, dtype)
    i = lax.broadcasted_iota(dtype, shape, 2)
    u = lax.broadcast_in_dim(sample, shape, (0, 1))
    start = ((i + u) * alpha).astype(np.int32) - (u * alpha).astype(np.int32)
    return select(lax.eq(i, lax.full_like(i, out - 1)), last, start)


def _output_size(
    where: str, rank: int, sizes: tuple[int, ...], output_size: Ints | None, ratio: Floats | None
) -> tuple[int, ...]:
    if output_size is None:
        assert ratio is not None  # checked by the caller
        ratios = tuple(ratio) if isinstance(ratio, (tuple, list)) else (cast(float, ratio),) * rank
        if len(ratios) != rank:
            raise ArgumentError(f"{where}output_ratio must be one number or {rank}, got output_ratio={ratio!r}")
        return tuple(int(size * r) for size, r in zip(sizes, ratios, strict=True))
    expected = "{name} must either be a single Int or tuple of Ints, got {value!r}"
    return per_axis(output_size, rank, "output_size", where, expected, repeats=False)
