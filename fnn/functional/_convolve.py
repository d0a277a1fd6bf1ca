"""Convolution and its transpose over any number of spatial axes, without checks: what runs on the device.

`convolve` and `convolve_transposed` are the only two places where fnn calls XLA's convolution.  Arrays are
channels first: x ``(N, C, *spatial)``, y ``(N, O, *spatial)``.  Half types accumulate in float32 on every
backend; float32 precision on an accelerator is ``jax.default_matmul_precision``'s.
"""

from collections.abc import Sequence

import jax
from jax import lax


def convolve(
    x: jax.Array,
    w: jax.Array,
    stride: Sequence[int],
    pads: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> jax.Array:
    """Cross-correlation of x with w ``(O, C / groups, *kernel)``; ``pads`` are (low, high) zeros an axis."""
    return lax.conv_general_dilated(x, w, stride, pads, rhs_dilation=dilation, feature_group_count=groups)


def convolve_transposed(
    x: jax.Array,
    w: jax.Array,
    stride: Sequence[int],
    pads: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> jax.Array:
    """The adjoint of `convolve` in x, for w ``(C, O / groups, *kernel)``; ``output_padding`` at the high end.

    It is the convolution of x, its entries ``stride`` apart, with the mirrored kernel: a padding of p at the
    input of a convolution leaves a border of ``dilation * (kernel - 1) - p`` to its adjoint.
    """
    rank = w.ndim - 2
    channels, per_group, *kernel = w.shape
    if groups > 1:
        # (groups * C/groups, O/groups) -> (C/groups, groups * O/groups)
        w = lax.reshape(w, (groups, channels // groups, per_group, *kernel))
        w = lax.transpose(w, (1, 0, *range(2, rank + 3)))
        w = lax.reshape(w, (channels // groups, groups * per_group, *kernel))
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    axes = (1, 0, *range(2, rank + 2))  # input channels stand first in w
    return lax.conv_general_dilated(
        x,
        lax.rev(w, tuple(range(2, rank + 2))),
        window_strides=(1,) * rank,
        padding=[(span - p, span - p + extra) for span, p, extra in zip(spans, pads, output_padding, strict=True)],
        lhs_dilation=stride,
        rhs_dilation=dilation,
        dimension_numbers=lax.ConvDimensionNumbers(tuple(range(rank + 2)), axes, tuple(range(rank + 2))),
        feature_group_count=groups,
    )
