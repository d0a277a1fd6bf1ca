"""Convolution and its transpose over any number of spatial axes, without checks: what runs on the device.

The definition is `jax.lax.conv_general_dilated`, which every backend but the CPU runs; the CPU has formulations of
its own (`fnn.kernels.cpu_convolution`).  Arrays are channels first: x ``(N, C, *spatial)``, y
``(N, O, *spatial)``.  Half types accumulate in float32 on every backend; float32 precision on an accelerator is
``jax.default_matmul_precision``'s.
"""

from collections.abc import Sequence

import jax

from fnn.kernels.cpu_convolution import convolution, geometry, input_gradient


def convolve(
    x: jax.Array,
    w: jax.Array,
    stride: Sequence[int],
    pads: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> jax.Array:
    """Cross-correlation of x with w ``(O, C / groups, *kernel)``; ``pads`` are (low, high) zeros an axis."""
    return convolution(x, w, geometry(x.shape[2:], w.shape[2:], stride, pads, dilation, groups))


def convolve_transposed(
    x: jax.Array,
    w: jax.Array,
    stride: Sequence[int],
    pads: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> jax.Array:
    """The adjoint of `convolve` in its input, for w ``(C, O / groups, *kernel)``; ``output_padding`` at the high end.

    The convolution that it is the adjoint of has this result's size as its input, and sees none of the
    ``output_padding``, which is less padding at its high end.
    """
    kernel = w.shape[2:]
    each = zip(x.shape[2:], stride, pads, dilation, kernel, output_padding, strict=True)
    size = [(n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, s, p, d, k, e in each]
    padding = [(p, p - e) for p, e in zip(pads, output_padding, strict=True)]
    return input_gradient(x, w, geometry(size, kernel, stride, padding, dilation, groups))
