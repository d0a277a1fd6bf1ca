"""The pieces that formulations are made of: padding, strided windows, and the orders of the axes."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.functional._cpu_convolution._geometry import Geometry, Ints

LETTERS = {1: "W", 2: "HW", 3: "DHW"}


def pad(x: jax.Array, pads: Sequence[tuple[int, int]], first: int = 2) -> jax.Array:
    """Zeros around the axes from ``first`` on; a negative number cuts."""
    if all(p == (0, 0) for p in pads):
        return x
    config = [(0, 0, 0)] * x.ndim
    config[first : first + len(pads)] = [(low, high, 0) for low, high in pads]
    return lax.pad(x, np.zeros((), x.dtype)[()], config)


def windows(x: jax.Array, offset: Ints, count: Ints, stride: Ints, first: int = 2) -> jax.Array:
    """``count`` elements of each axis from ``first`` on, ``stride`` apart, beginning at ``offset``."""
    start, stop, step = [0] * x.ndim, list(x.shape), [1] * x.ndim
    for i, (o, n, s) in enumerate(zip(offset, count, stride, strict=True), first):
        start[i], stop[i], step[i] = o, o + (n - 1) * s + 1, s
    return lax.slice(x, start, stop, step)


def spread(y: jax.Array, g: Geometry, tap: Ints, first: int = 2) -> jax.Array:
    """The adjoint of `windows` of one tap followed by the adjoint of `pad`: y laid down on an empty input."""
    config = [(0, 0, 0)] * y.ndim
    for i, (o, (low, _), n, t, s) in enumerate(zip(g.offset(tap), g.pads, g.size, g.out, g.stride, strict=True), first):
        start = o - low
        config[i] = (start, n - start - (t - 1) * s - 1, s - 1)
    return lax.pad(y, np.zeros((), y.dtype)[()], config)


def channels_last(x: jax.Array) -> jax.Array:
    r"""(N, C, \*S) to (N, \*S, C)."""
    return lax.transpose(x, (0, *range(2, x.ndim), 1))


def channels_first(x: jax.Array) -> jax.Array:
    r"""(N, \*S, C) to (N, C, \*S)."""
    return lax.transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def flat(x: jax.Array, axes: int) -> jax.Array:
    """The last ``axes`` axes as one."""
    return x.reshape(*x.shape[: x.ndim - axes], math.prod(x.shape[x.ndim - axes :]))


def mirror(w: jax.Array, groups: int) -> jax.Array:
    r"""(g * og, cg, \*K) to (g * cg, og, \*K) with the kernel turned round: the weights of the adjoint."""
    per_group, kernel = w.shape[1], w.shape[2:]
    w = lax.rev(w, tuple(range(2, w.ndim)))
    w = w.reshape(groups, w.shape[0] // groups, per_group, *kernel)
    return jnp.swapaxes(w, 1, 2).reshape(groups * per_group, -1, *kernel)


def native(
    x: jax.Array, w: jax.Array, stride: Ints, pads: Sequence[tuple[int, int]], dilation: Ints, groups: int = 1
) -> jax.Array:
    r"""XLA's convolution in its own order: x (N, \*S, C), w (\*K, C, O), result (N, \*T, O).

    Another order is rearranged by a pass that does not reach into the bodies of loops and branches.
    """
    axes = LETTERS[len(stride)]
    numbers = (f"N{axes}C", f"{axes}IO", f"N{axes}C")
    return lax.conv_general_dilated(
        x, w, stride, pads, rhs_dilation=dilation, dimension_numbers=numbers, feature_group_count=groups
    )
