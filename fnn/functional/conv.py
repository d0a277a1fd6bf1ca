"""Convolutions and transposed convolutions in one, two and three dimensions.

Shapes: N batch, C input channels, O output channels, L length, (D, H, W) volume; ``k`` stands for the sizes of
the kernel.  An input without N is one example and gives an output without N.  Channels are split into
``groups`` that do not see each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import integer, listed, per_axis
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import _promotion as promotion
from fnn.kernels.convolve import convolve, convolve_transposed
from fnn.typing import ArrayLike, Ints

__all__ = ["conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


_AXES = ("depth", "height", "width")


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
    _check_not_negative([pad], "pad", where)
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
    x, w, b = _operands(rank, input, weight, bias, where)
    stride, dilation = _spatial(stride, rank, "stride", where), _spatial(dilation, rank, "dilation", where)
    groups = integer(groups, "groups", where)
    _check_positive(stride, dilation, groups, where)
    spans = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    if isinstance(padding, str):
        pads = _named_padding(padding, stride, spans, where)
    else:
        pads = [(p, p) for p in _spatial(padding, rank, "padding", where)]
        _check_not_negative([p for p, _ in pads], "padding", where)

    batched = x.ndim == rank + 2
    _check_weight(w, groups, where)
    _check_channels(x.shape[-rank - 1], w.shape[1] * groups, f"{where}Given groups={groups}", w, x)
    _check_bias(b, w.shape[0], f"{where}Given weight", w)
    padded = [size + low + high for size, (low, high) in zip(x.shape[-rank:], pads, strict=True)]
    if any(size < span + 1 for size, span in zip(padded, spans, strict=True)):
        raise ArgumentError(
            f"{where}Calculated padded input size per channel: ({_by(padded)}). Kernel size: "
            f"({_by([span + 1 for span in spans])}). Kernel size can't be greater than actual input size"
        )
    _check_not_empty(x, rank, where)

    if x.shape[-rank - 1] == 0:  # PyTorch: no channels in, none out
        out = [(size - span - 1) // s + 1 for size, span, s in zip(padded, spans, stride, strict=True)]
        return lax.full((*x.shape[: -rank - 1], 0, *out), 0, x.dtype)
    y = convolve(x if batched else lax.expand_dims(x, (0,)), w, stride, pads, dilation, groups)
    y = y if b is None else _add_bias(y, b)
    return y if batched else lax.squeeze(y, (0,))


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
    x, w, b = _operands(rank, input, weight, bias, where)
    stride, dilation = _spatial(stride, rank, "stride", where), _spatial(dilation, rank, "dilation", where)
    pads, extra = _spatial(padding, rank, "padding", where), _spatial(output_padding, rank, "output_padding", where)
    groups = integer(groups, "groups", where)
    _check_positive(stride, dilation, groups, where)
    _check_not_negative(pads, "padding", where)
    _check_not_negative(extra, "output_padding", where)

    batched = x.ndim == rank + 2
    _check_weight(w, groups, where)
    if w.shape[1] == 0:
        raise ArgumentError(f"{where}non-empty weight expected, but got: {listed(w.shape)}")
    _check_channels(x.shape[-rank - 1], w.shape[0], f"{where}Given transposed=1", w, x)
    _check_bias(b, w.shape[1] * groups, f"{where}Given transposed=1, weight", w)
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation, strict=True)):
        names = {"output_padding": extra, "stride": stride, "dilation": dilation}
        text = " ".join(f"{n}_{a}: {v}" for n, vs in names.items() for a, v in zip(_AXES[-rank:], vs, strict=True))
        raise ArgumentError(f"{where}output padding must be smaller than either stride or dilation, but got {text}")
    sizes = zip(x.shape[-rank:], stride, pads, dilation, w.shape[2:], extra, strict=True)
    out = [(size - 1) * s - 2 * p + d * (k - 1) + e + 1 for size, s, p, d, k, e in sizes]
    _check_not_empty(x, rank, where)
    if min(out) < 1:
        raise ArgumentError(
            f"{where}Given input size per channel: ({_by(x.shape[-rank:])}). "
            f"Calculated output size per channel: ({_by(out)}). Output size is too small"
        )

    y = convolve_transposed(x if batched else lax.expand_dims(x, (0,)), w, stride, pads, extra, dilation, groups)
    y = y if b is None else _add_bias(y, b)
    return y if batched else lax.squeeze(y, (0,))


def _add_bias(y: jax.Array, bias: jax.Array) -> jax.Array:
    if y.dtype not in (jnp.bfloat16, jnp.float16):
        return lax.add(y, lax.broadcast_in_dim(bias, y.shape, (1,)))
    # In float32, so that the bias' gradient is summed in float32 too.
    wide = lax.broadcast_in_dim(lax.convert_element_type(bias, jnp.float32), y.shape, (1,))
    return lax.convert_element_type(lax.add(lax.convert_element_type(y, jnp.float32), wide), y.dtype)


def _operands(
    rank: int, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, where: str
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    x, w = to_array(input, "input", where), to_array(weight, "weight", where)
    b = None if bias is None else to_array(bias, "bias", where)
    if x.ndim not in (rank + 1, rank + 2):
        raise ArgumentError(
            f"{where}Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {where[:-2]}, "
            f"but got input of size: {listed(x.shape)}"
        )
    if w.ndim != rank + 2:
        raise ArgumentError(
            f"{where}Expected a {rank + 2}-dimensional weight for input of size {listed(x.shape)}, "
            f"but got weight of size {listed(w.shape)}"
        )
    for name, array in (("weight", w), ("bias", b)):
        if array is not None and array.dtype != x.dtype:
            raise ArgumentError(
                f"{where}Input type ({x.dtype}) and {name} type ({array.dtype}) should be the same "
                f"(expected scalar type {x.dtype} but found {array.dtype})"
            )
    if x.dtype == jnp.bool_:
        raise ArgumentTypeError(f"{where}not implemented for dtype bool")
    return x, w, b


def _converted_bias(bias: jax.Array, x: jax.Array) -> jax.Array:
    """The bias in the dtype of ``x``, if that can hold it.

    PyTorch's one- and two-dimensional transposed convolutions of full precision copy it into their output.
    """
    strict = x.dtype in (jnp.bfloat16, jnp.float16) or jnp.iscomplexobj(x)
    return bias if strict or promotion.kind(bias.dtype) > promotion.kind(x.dtype) else bias.astype(x.dtype)


_SPATIAL = (
    "expected {name} to be a single integer value or a list of {n} values to match the convolution dimensions, but got "
    "{name}={values}"
)


def _spatial(value: Ints, rank: int, name: str, where: str) -> tuple[int, ...]:
    return per_axis(value, rank, name, where, _SPATIAL)


def _named_padding(padding: str, stride: Sequence[int], spans: Sequence[int], where: str) -> list[tuple[int, int]]:
    if padding == "valid":
        return [(0, 0)] * len(spans)
    if padding != "same":
        raise ArgumentError(f"{where}Invalid padding string: '{padding}', expected 'valid' or 'same'")
    if any(s != 1 for s in stride):
        raise ArgumentError(
            f"{where}padding='same' is not supported for strided convolutions, got stride={listed(stride)}"
        )
    return [(span // 2, span - span // 2) for span in spans]


def _check_positive(stride: Sequence[int], dilation: Sequence[int], groups: int, where: str) -> None:
    if min(stride) <= 0:
        raise ArgumentError(f"{where}non-positive stride is not supported, got stride={listed(stride)}")
    if min(dilation) <= 0:
        raise ArgumentError(f"{where}dilation should be greater than zero, but got {listed(dilation)}")
    if groups <= 0:
        raise ArgumentError(f"{where}non-positive groups is not supported, got groups={groups}")


def _check_not_negative(values: Sequence[int], name: str, where: str) -> None:
    if min(values) < 0:
        raise ArgumentError(f"{where}negative {name} is not supported, got {name}={listed(values)}")


def _check_weight(w: jax.Array, groups: int, where: str) -> None:
    if min(w.shape[2:]) == 0:
        raise ArgumentError(f"{where}kernel size should be greater than zero, but got weight of size {listed(w.shape)}")
    if w.shape[0] < groups or w.shape[0] % groups:
        problem = "divisible by" if w.shape[0] >= groups else "at least"
        raise ArgumentError(
            f"{where}Given groups={groups}, expected weight to be {problem} {groups} at dimension 0, "
            f"but got weight of size {listed(w.shape)} instead"
        )


def _check_channels(found: int, expected: int, given: str, w: jax.Array, x: jax.Array) -> None:
    if found != expected:
        raise ArgumentError(
            f"{given}, weight of size {listed(w.shape)}, expected input{listed(x.shape)} to have {expected} channels, "
            f"but got {found} channels instead"
        )


def _check_bias(b: jax.Array | None, channels: int, given: str, w: jax.Array) -> None:
    if b is not None and b.shape != (channels,):
        raise ArgumentError(
            f"{given} of size {listed(w.shape)}, expected bias to be 1-dimensional with {channels} elements, "
            f"but got bias of size {listed(b.shape)} instead"
        )


def _check_not_empty(x: jax.Array, rank: int, where: str) -> None:
    if 0 in x.shape[-rank:] and 0 not in x.shape[:-rank]:
        raise ArgumentError(
            f"{where}Only zero batch or zero channel inputs are supported, but got input shape: {listed(x.shape)}"
        )


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(str(s) for s in sizes)
