"""Convolutions in one, two and three dimensions; the transposed ones are in `conv_transpose`.

Shapes: N batch, C input channels, O output channels, L length, (D, H, W) volume; ``k`` stands for the sizes of
the kernel.  An input without N is one example and gives an output without N.  Channels are split into
``groups`` that do not see each other.
"""

from __future__ import annotations

import jax
from jax import lax

from fnn.arguments import integer, listed
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import _promotion as promotion
from fnn.functional._conv_operands import (
    add_bias,
    check_bias,
    check_channels,
    check_not_empty,
    check_not_negative,
    check_positive,
    check_weight,
    named_padding,
    operands,
    per_space,
    written,
)
from fnn.kernels.convolve import convolve
from fnn.typing import ArrayLike, Ints

__all__ = ["conv1d", "conv2d", "conv3d", "conv_tbc"]


@governed
def conv1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """Cross-correlates a signal with a set of filters.

    Args:
        input: (N, C, L) or (C, L).
        weight: (O, C / groups, k).
        bias: (O,), added to every position; None adds nothing.
        stride: step between two outputs.
        padding: zeros at both ends, ``"valid"`` (none), or ``"same"`` (output as long as the input; needs
            stride 1; an odd zero goes to the end).
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels; divides C and O.

    Returns:
        (N, O, M) or (O, M), ``M = (L + 2 * padding - dilation * (k - 1) - 1) // stride + 1``.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.conv1d(jnp.arange(4.0).reshape(1, 1, 4), jnp.ones((1, 1, 2))).tolist()
        [[[1.0, 3.0, 5.0]]]
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


@governed
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """Cross-correlates an image with a set of filters.

    ``out[n, o, i, j] = bias[o] + sum(weight[o, c, a, b] * input[n, c, i * stride + a * dilation - padding, ...])``

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (O, C / groups, k0, k1).
        bias: (O,), added to every position; None adds nothing.
        stride: step between two outputs, one int or one an axis (as the next two).
        padding: zeros at both ends, ``"valid"`` (none), or ``"same"`` (output as large as the input; needs
            stride 1; an odd zero goes to the end).
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels; divides C and O.

    Returns:
        (N, O, H', W') or (O, H', W'), ``H' = (H + 2 * padding - dilation * (k0 - 1) - 1) // stride + 1``.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.conv2d(jnp.arange(9.0).reshape(1, 1, 3, 3), jnp.ones((1, 1, 2, 2)), jnp.ones(1)).tolist()
        [[[[9.0, 13.0], [21.0, 25.0]]]]
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


@governed
def conv3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """Cross-correlates a volume with a set of filters.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W).
        weight: (O, C / groups, k0, k1, k2).
        bias: (O,), added to every position; None adds nothing.
        stride: step between two outputs, one int or one an axis (as the next two).
        padding: zeros at both ends, ``"valid"`` (none), or ``"same"`` (output as large as the input; needs
            stride 1; an odd zero goes to the end).
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels; divides C and O.

    Returns:
        (N, O, D', H', W') or (O, D', H', W'), sizes as in `conv2d`.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.conv3d(jnp.ones((1, 2, 2, 2, 2)), jnp.ones((1, 2, 2, 2, 2))).tolist()
        [[[[[16.0]]]]]
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


@governed
def conv_tbc(input: ArrayLike, weight: ArrayLike, bias: ArrayLike, pad: int = 0) -> jax.Array:
    """Cross-correlates a sequence whose first axis is time with a set of filters.

    Args:
        input: (L, N, C).
        weight: (k, C, O).
        bias: (O,), added to every position.
        pad: zeros at both ends.

    Returns:
        (M, N, O), ``M = L + 2 * pad - k + 1``.

    Raises:
        ArgumentError: shapes or dtypes that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.conv_tbc(jnp.arange(4.0).reshape(4, 1, 1), jnp.ones((2, 1, 1)), jnp.zeros(1)).ravel().tolist()
        [1.0, 3.0, 5.0]
    """
    where = "conv_tbc: "
    x, w, b = (to_array(v, n, where) for v, n in ((input, "input"), (weight, "weight"), (bias, "bias")))
    pad = integer(pad, "pad", where)
    if x.ndim != 3:
        raise ArgumentError(
            f"{where}Input must have 3 dims: time, batch, in_channel, got input.shape={listed(x.shape)}"
        )
    if w.ndim != 3:
        raise ArgumentError(
            f"{where}Weight tensor must have 3 dims: kernel_width, in_channels, out_channels, got "
            f"weight.shape={listed(w.shape)}"
        )
    shapes = f"got input.shape={listed(x.shape)} and weight.shape={listed(w.shape)}"
    if b.ndim != 1:
        raise ArgumentError(f"{where}Bias must be 1-D, got bias.shape={listed(b.shape)}")
    if x.shape[2] != w.shape[1]:
        raise ArgumentError(f"{where}Input dim 2 (input channels) is not == dim 1 in the weight tensor, {shapes}")
    if b.shape[0] != w.shape[2]:
        raise ArgumentError(
            f"{where}Bias size must equal dim 2 in the weight tensor (output channels), got "
            f"bias.shape={listed(b.shape)} and weight.shape={listed(w.shape)}"
        )
    if not x.dtype == w.dtype == b.dtype:
        raise ArgumentTypeError(
            f"{where}input, weight and bias must have the same dtype, but got {x.dtype}, {w.dtype} and {b.dtype}"
        )
    promotion.require(where, "floating or complex", input=x)
    check_not_negative([pad], "pad", where)
    length = x.shape[0] + 2 * pad - w.shape[0] + 1
    if length < 0:
        raise ArgumentError(
            f"{where}Trying to create tensor with negative dimension {length}: the kernel is longer than the padded "
            f"input, {shapes}, pad={pad}"
        )
    if 0 in (length, *x.shape[1:], *w.shape):
        return lax.broadcast_in_dim(b, (length, x.shape[1], b.shape[0]), (2,))
    one = (1,)
    y = convolve(lax.transpose(x, (1, 2, 0)), lax.transpose(w, (2, 1, 0)), one, [(pad, pad)], one, 1)
    y = lax.transpose(y, (2, 0, 1))
    return lax.add(y, lax.broadcast_in_dim(b, y.shape, (2,)))


def _conv(
    rank: int,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Ints,
    padding: Ints | str,
    dilation: Ints,
    groups: int,
) -> jax.Array:
    where = f"conv{rank}d: "
    x, w, b = operands(rank, input, weight, bias, where)
    stride, dilation = per_space(stride, rank, "stride", where), per_space(dilation, rank, "dilation", where)
    groups = integer(groups, "groups", where)
    check_positive(stride, dilation, groups, where)
    spans = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    if isinstance(padding, str):
        pads = named_padding(padding, stride, spans, where)
    else:
        pads = [(p, p) for p in per_space(padding, rank, "padding", where)]
        check_not_negative([p for p, _ in pads], "padding", where)

    batched = x.ndim == rank + 2
    check_weight(w, groups, where)
    check_channels(x.shape[-rank - 1], w.shape[1] * groups, f"{where}Given groups={groups}", w, x)
    check_bias(b, w.shape[0], f"{where}Given weight", w)
    padded = [size + low + high for size, (low, high) in zip(x.shape[-rank:], pads, strict=True)]
    if any(size < span + 1 for size, span in zip(padded, spans, strict=True)):
        raise ArgumentError(
            f"{where}Calculated padded input size per channel: ({written(padded)}). Kernel size: "
            f"({written([span + 1 for span in spans])}). Kernel size can't be greater than actual input size"
        )
    check_not_empty(x, rank, where)

    if x.shape[-rank - 1] == 0:  # PyTorch: no channels in, none out
        out = [(size - span - 1) // s + 1 for size, span, s in zip(padded, spans, stride, strict=True)]
        return lax.full((*x.shape[: -rank - 1], 0, *out), 0, x.dtype)
    y = convolve(x if batched else lax.expand_dims(x, (0,)), w, stride, pads, dilation, groups)
    y = y if b is None else add_bias(y, b)
    return y if batched else lax.squeeze(y, (0,))
