"""The definition: `lax.conv_general_dilated` and its adjoints.

It is what every backend but the CPU runs, and what the CPU runs where nothing else pays. The adjoints are JAX's own
but for three things that XLA gets wrong: see `_cut`, `_taken_for_groups` and `weight_gradient_on_one_device`.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry, Ints, Pads
from fnn.kernels.mesh import gathered, summed, vary, varying

_TERMS = 150  # products, one for each element of the kernel: more compile slowly


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    r"""Cross-correlation of x (N, C, \*S) with w (O, C / groups, \*K)."""
    x, pads = _cut(x, g.pads, (1,) * g.rank)
    return lax.conv_general_dilated(x, w, g.stride, pads, rhs_dilation=g.dilation, feature_group_count=g.groups)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    r"""The adjoint in x: y (N, O, \*T), its entries ``stride`` apart, convolved with the mirrored kernel."""
    rank, groups = g.rank, g.groups
    per_group, kernel = w.shape[1], w.shape[2:]
    if groups > 1:  # (g * og, cg) to (og, g * cg)
        w = lax.reshape(w, (groups, w.shape[0] // groups, per_group, *kernel))
        w = lax.transpose(w, (1, 0, *range(2, rank + 3)))
        w = lax.reshape(w, (w.shape[0], groups * per_group, *kernel))
    order = tuple(range(rank + 2))
    spans = zip(g.reach, g.pads, g.size, g.out, g.stride, strict=True)
    pads = tuple((reach - low, n + low - 1 - (t - 1) * s) for reach, (low, _), n, t, s in spans)
    y, pads = _cut(y, pads, g.stride)
    surplus = _taken_for_groups(g, pads, y.shape[2:])
    x = lax.conv_general_dilated(
        y,
        lax.rev(w, tuple(range(2, rank + 2))),
        window_strides=(1,) * rank,
        padding=[(low, high + more) for (low, high), more in zip(pads, surplus, strict=True)],
        lhs_dilation=g.stride,
        rhs_dilation=g.dilation,
        dimension_numbers=lax.ConvDimensionNumbers(order, (1, 0, *order[2:]), order),  # outputs stand first in w
        feature_group_count=groups,
    )
    return _arrays.pad(x, [(0, -more) for more in surplus])


def _cut(x: jax.Array, pads: Pads, dilation: Ints) -> tuple[jax.Array, Pads]:
    r"""What is left of x (N, C, \*S), entries ``dilation`` apart, where padding is negative, and the padding then.

    XLA's CPU backend computes a plane by a product over its rows, and where an axis is cut at its beginning and padded
    at its end, it leaves places of the result unwritten.
    """
    if not any(low < 0 < high for low, high in pads):
        return x, pads
    start, stop, left = [0] * x.ndim, list(x.shape), []
    for axis, ((low, high), s) in enumerate(zip(pads, dilation, strict=True), 2):
        if low < 0 < high:
            gone = min(-(low // s), x.shape[axis])  # entries; the zeros behind the last of them stay
            start[axis] = gone
            if gone == x.shape[axis]:
                low, high = 0, (gone - 1) * s + 1 + low + high
            else:
                low += gone * s
        left.append((low, high))
    return lax.slice(x, start, stop), tuple(left)


def _taken_for_groups(g: Geometry, pads: Pads, out: Ints) -> list[int]:
    """Zeros to add at the end of each axis of an input gradient so that XLA does not abort the process.

    XLA swaps image and kernel where the kernel is the larger one (`SwapConvolutionOperandsIfBeneficial`). An axis
    without padding whose entries lie as far apart as the kernel is long it takes for an axis of groups and leaves
    alone, whatever the image's size there: the window does not fit its new kernel, which is fatal. Here, where windows
    move by 1, these are axes of two elements under a stride of 2. A zero at the end makes them ordinary ones.
    """
    misread = [
        k == s == 2 and d == 1 and p == (0, 0) and t != 2
        for k, s, d, p, t in zip(g.kernel, g.stride, g.dilation, pads, out, strict=True)
    ]
    others = [(k, t) for k, t, odd in zip(g.kernel, out, misread, strict=True) if not odd]
    swapped = math.prod(k for k, _ in others) > math.prod(t for _, t in others)
    return [int(odd and swapped) for odd in misread]


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """The adjoint in w: channels of x as images, its images as channels, the kernel is y; right on any mesh."""
    rank, groups = g.rank, g.groups
    shape = (y.shape[1], x.shape[1] // groups, *g.kernel)
    if 0 in (*x.shape, *y.shape):
        return vary(jnp.zeros(shape, x.dtype), varying(x))
    order = tuple(range(rank + 2))
    flipped = (1, 0, *order[2:])
    x, pads = _cut(x, g.pads, (1,) * rank)
    size = x.shape[2:]
    if groups > 1:  # (N, g * cg, ...) to (cg, g * N, ...)
        x, y = gathered(x), gathered(y)
        x = lax.reshape(x, (x.shape[0], groups, x.shape[1] // groups, *size))
        x = lax.transpose(x, (2, 1, 0, *range(3, rank + 3)))
        x = lax.reshape(x, (x.shape[0], groups * x.shape[2], *size))
    return lax.conv_general_dilated(
        x,
        y,
        g.dilation,
        pads,
        rhs_dilation=g.stride,
        dimension_numbers=lax.ConvDimensionNumbers(order if groups > 1 else flipped, flipped, flipped),
        feature_group_count=groups,
        **summed(x, y),
    )


def weight_gradient_on_one_device(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """The adjoint in w as JAX writes it and accelerators' libraries know it: groups by ``batch_group_count``.

    XLA's partitioner adds up such a convolution over every axis of a mesh, also over those that its operands are not
    split over: on (4, 2) devices, with images split over the first axis, the result is doubled.
    """
    w = vary(jnp.zeros((y.shape[1], x.shape[1] // g.groups, *g.kernel), x.dtype), varying(x))
    return jax.vjp(lambda w: forward(x, w, g), w)[1](y)[0]


def weight_gradient_on_mesh(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """The adjoint in w without moving images between devices: groups as products, one for each kernel element."""
    if g.groups == 1 or math.prod(g.kernel) > _TERMS or 0 in (*x.shape, *y.shape):
        return weight_gradient(x, y, g)
    rows = [a.reshape(a.shape[0], g.groups, -1, *a.shape[2:]) for a in (y, *_arrays.met(x, g, g.taps))]
    over = (0, *range(3, g.rank + 3))
    wide = jnp.float32 if x.dtype.itemsize < 4 else x.dtype
    product = functools.partial(
        lax.dot_general,
        rows[0],
        dimension_numbers=((over, over), ((1,), (1,))),
        preferred_element_type=wide,
        **summed(x, y),
    )
    w = jnp.stack([product(row) for row in rows[1:]], -1).astype(x.dtype)  # (g, og, cg, taps)
    return w.reshape(y.shape[1], -1, *g.kernel)
