"""Transposed convolutions in one, two and three dimensions; shapes as in `fnn.functional.conv`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import integer, listed
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import _promotion as promotion
from fnn.functional._conv_operands import (
    add_bias,
    check_bias,
    check_channels,
    check_not_empty,
    check_not_negative,
    check_positive,
    check_weight,
    operands,
    per_space,
    written,
)
from fnn.kernels.convolve import convolve_transposed
from fnn.typing import ArrayLike, Ints

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


_AXES = ("depth", "height", "width")


@governed
def conv_transpose1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> jax.Array:
    """The adjoint of `conv1d`: every input entry lays down a copy of the filter, scaled by it.

    Args:
        input: (N, C, L) or (C, L).
        weight: (C, O / groups, k).
        bias: (O,), added to every position; None adds nothing.
        stride: step between two copies of the filter in the output.
        padding: entries cut off both ends of the output.
        output_padding: entries added to its far end; less than the stride or the dilation.
        groups: number of blocks of channels; divides C.
        dilation: step between two elements of the kernel.

    Returns:
        (N, O, M) or (O, M), ``M = (L - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1``.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.conv_transpose1d(jnp.array([[[1.0, 2.0]]]), jnp.array([[[1.0, 10.0]]]), stride=2).tolist()
        [[[1.0, 10.0, 2.0, 20.0]]]
    """
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@governed
def conv_transpose2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> jax.Array:
    """The adjoint of `conv2d`: every input entry lays down a copy of the filter, scaled by it.

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (C, O / groups, k0, k1).
        bias: (O,), added to every position; None adds nothing.
        stride: step between two copies of the filter in the output, one int or one an axis (as below).
        padding: rows and columns cut off all sides of the output.
        output_padding: rows and columns added to its far sides; less than the stride or the dilation.
        groups: number of blocks of channels; divides C.
        dilation: step between two elements of the kernel.

    Returns:
        (N, O, H', W') or (O, H', W'),
        ``H' = (H - 1) * stride - 2 * padding + dilation * (k0 - 1) + output_padding + 1``.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.conv_transpose2d(jnp.array([[[1.0, 2.0]]]), jnp.ones((1, 1, 2, 2))).tolist()
        [[[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]]]
    """
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@governed
def conv_transpose3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> jax.Array:
    """The adjoint of `conv3d`: every input entry lays down a copy of the filter, scaled by it.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W).
        weight: (C, O / groups, k0, k1, k2).
        bias: (O,), added to every position; None adds nothing.
        stride: step between two copies of the filter in the output, one int or one an axis (as below).
        padding: entries cut off all sides of the output.
        output_padding: entries added to its far sides; less than the stride or the dilation.
        groups: number of blocks of channels; divides C.
        dilation: step between two elements of the kernel.

    Returns:
        (N, O, D', H', W') or (O, D', H', W'), sizes as in `conv_transpose2d`.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.conv_transpose3d(jnp.ones((1, 1, 1, 2)), jnp.ones((1, 1, 1, 1, 2))).tolist()
        [[[[1.0, 2.0, 1.0]]]]
    """
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _conv_transpose(
    rank: int,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Ints,
    padding: Ints,
    output_padding: Ints,
    groups: int,
    dilation: Ints,
) -> jax.Array:
    where = f"conv_transpose{rank}d: "
    if bias is not None and rank < 3:
        bias = _converted_bias(to_array(bias, "bias", where), to_array(input, "input", where))
    x, w, b = operands(rank, input, weight, bias, where)
    stride, dilation = per_space(stride, rank, "stride", where), per_space(dilation, rank, "dilation", where)
    pads, extra = per_space(padding, rank, "padding", where), per_space(output_padding, rank, "output_padding", where)
    groups = integer(groups, "groups", where)
    check_positive(stride, dilation, groups, where)
    check_not_negative(pads, "padding", where)
    check_not_negative(extra, "output_padding", where)

    batched = x.ndim == rank + 2
    check_weight(w, groups, where)
    if w.shape[1] == 0:
        raise ArgumentError(f"{where}non-empty weight expected, but got: {listed(w.shape)}")
    check_channels(x.shape[-rank - 1], w.shape[0], f"{where}Given transposed=1", w, x)
    check_bias(b, w.shape[1] * groups, f"{where}Given transposed=1, weight", w)
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation, strict=True)):
        names = {"output_padding": extra, "stride": stride, "dilation": dilation}
        text = " ".join(f"{n}_{a}: {v}" for n, vs in names.items() for a, v in zip(_AXES[-rank:], vs, strict=True))
        raise ArgumentError(f"{where}output padding must be smaller than either stride or dilation, but got {text}")
    sizes = zip(x.shape[-rank:], stride, pads, dilation, w.shape[2:], extra, strict=True)
    out = [(size - 1) * s - 2 * p + d * (k - 1) + e + 1 for size, s, p, d, k, e in sizes]
    check_not_empty(x, rank, where)
    if min(out) < 1:
        raise ArgumentError(
            f"{where}Given input size per channel: ({written(x.shape[-rank:])}). "
            f"Calculated output size per channel: ({written(out)}). Output size is too small"
        )

    y = convolve_transposed(x if batched else lax.expand_dims(x, (0,)), w, stride, pads, extra, dilation, groups)
    y = y if b is None else add_bias(y, b)
    return y if batched else lax.squeeze(y, (0,))


def _converted_bias(bias: jax.Array, x: jax.Array) -> jax.Array:
    """The bias in the dtype of ``x``, if that can hold it.

    PyTorch's one- and two-dimensional transposed convolutions of full precision copy it into their output.
    """
    strict = x.dtype in (jnp.bfloat16, jnp.float16) or jnp.iscomplexobj(x)
    return bias if strict or promotion.kind(bias.dtype) > promotion.kind(x.dtype) else bias.astype(x.dtype)
