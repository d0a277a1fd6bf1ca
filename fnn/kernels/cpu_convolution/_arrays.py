"""The pieces that formulations are made of: padding, strided windows, and the orders of the axes."""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.kernels.cpu_convolution._geometry import Geometry, Ints


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


def met(x: jax.Array, g: Geometry, taps: Sequence[Ints], first: int = 2, count: Ints | None = None) -> list[jax.Array]:
    """For each of ``taps`` what it meets, window by window; ``count`` windows, if not all."""
    x = pad(x, g.pads, first)
    return [windows(x, g.offset(tap), count or g.out, g.stride, first) for tap in taps]


def lay_down(y: jax.Array, g: Geometry, tap: Ints, first: int = 2) -> jax.Array:
    """The adjoint of `windows` of one tap followed by the adjoint of `pad`: y laid down on an empty input."""
    config = [(0, 0, 0)] * y.ndim
    for i, (o, (low, _), n, s) in enumerate(zip(g.offset(tap), g.pads, g.size, g.stride, strict=True), first):
        start = o - low
        config[i] = (start, n - start - (y.shape[i] - 1) * s - 1, s - 1)
    return lax.pad(y, np.zeros((), y.dtype)[()], config)


def collect(columns: jax.Array, g: Geometry) -> jax.Array:
    r"""The adjoint of all windows (col2im): (taps, N, C, \*T) to (N, C, \*size), laid down and added up."""
    if not g.apart:
        return functools.reduce(lax.add, (lay_down(columns[i], g, tap) for i, tap in enumerate(g.taps)))
    # Position s * t + i of the padded input is tap i of window t, or nothing.
    rank, lead = g.rank, columns.shape[1:3]
    columns = columns.reshape(*g.kernel, *lead, *g.out)
    columns = pad(columns, [(0, s - k) for s, k in zip(g.stride, g.kernel, strict=True)], 0)
    order = (rank, rank + 1, *(i for axis in range(rank) for i in (rank + 2 + axis, axis)))
    whole = lax.transpose(columns, order).reshape(*lead, *(t * s for t, s in zip(g.out, g.stride, strict=True)))
    sizes = zip(g.pads, g.size, whole.shape[2:], strict=True)
    return pad(whole, [(-low, n + low - there) for (low, _), n, there in sizes])


def progression(indices: Sequence[int]) -> slice:
    """The slice that takes evenly spaced ``indices``."""
    return slice(indices[0], indices[-1] + 1, indices[1] - indices[0] if len(indices) > 1 else 1)


def channels_last(x: jax.Array) -> jax.Array:
    r"""(N, C, \*S) to (N, \*S, C)."""
    return lax.transpose(x, (0, *range(2, x.ndim), 1))


def flat(x: jax.Array, axes: int) -> jax.Array:
    """The last ``axes`` axes as one."""
    return x.reshape(*x.shape[: x.ndim - axes], math.prod(x.shape[x.ndim - axes :]))


def mirror(w: jax.Array, groups: int) -> jax.Array:
    r"""(g * og, cg, \*K) to (g * cg, og, \*K) with the kernel turned round: the weights of the adjoint."""
    per_group, kernel = w.shape[1], w.shape[2:]
    w = lax.rev(w, tuple(range(2, w.ndim)))
    w = w.reshape(groups, w.shape[0] // groups, per_group, *kernel)
    return jnp.swapaxes(w, 1, 2).reshape(groups * per_group, -1, *kernel)
