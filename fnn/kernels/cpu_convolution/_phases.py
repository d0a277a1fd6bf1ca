"""The input gradient of a strided convolution, which is also a strided transposed convolution, phase by phase.

Positions of x with the same remainder modulo the stride form a phase. A phase meets only the elements of the
kernel with the matching remainder, and it meets them at stride 1: each phase is a small dense convolution of y
(the sub-pixel decomposition of arXiv:1609.05158), and no zeros between the entries of y are ever multiplied.
"""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry

Adjoint = Callable[[jax.Array, jax.Array, Geometry], jax.Array]


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry, adjoint: Adjoint) -> jax.Array:
    """The phases' input gradients by ``adjoint`` (of a geometry of stride 1), interleaved."""
    axes = [_axis(*one) for one in zip(g.kernel, g.stride, g.pads, g.dilation, strict=True)]
    parts: dict[tuple[int, ...], jax.Array] = {}
    for phase in itertools.product(*(range(s) for s in g.stride)):
        chosen = [axis[i] for axis, i in zip(axes, phase, strict=True)]
        if not all(taps for taps, _ in chosen):
            continue
        sub = w
        for axis, (taps, _) in enumerate(chosen, 2):
            sub = sub[(slice(None),) * axis + (_arrays.progression(taps),)]
        parts[phase] = adjoint(y, sub, _phase_geometry(g, chosen))
    return _interleave(parts, y.shape[0], w.shape[1] * g.groups, g, y.dtype)


def _axis(k: int, s: int, pads: tuple[int, int], d: int) -> list[tuple[list[int], list[int]]]:
    """For every phase its kernel elements, and the entry of y that each meets at the phase's first position.

    Position r + s * q of x is met by element i at entry (r + s * q + low - d * i) / s of y.
    """
    phases = []
    for first in range(pads[0], pads[0] + s):
        taps = [i for i in range(k) if (first - d * i) % s == 0]
        phases.append((taps, [(first - d * i) // s for i in taps]))
    return phases


def _phase_geometry(g: Geometry, chosen: list[tuple[list[int], list[int]]]) -> Geometry:
    """Element j of a phase meets entry ``first - step * j`` of y: padding ``first``, dilation ``step``."""
    size = tuple(-(-n // s) for n, s in zip(g.size, g.stride, strict=True))
    kernel = tuple(len(taps) for taps, _ in chosen)
    step = tuple(met[0] - met[1] if len(met) > 1 else 1 for _, met in chosen)
    low = [met[0] for _, met in chosen]
    sizes = zip(g.out, kernel, step, low, size, strict=True)
    pads = tuple((p, t - 1 + d * (k - 1) + 1 - n - p) for t, k, d, p, n in sizes)
    return Geometry(size, kernel, (1,) * g.rank, pads, step, g.groups)


def _interleave(
    parts: dict[tuple[int, ...], jax.Array], n: int, channels: int, g: Geometry, dtype: np.dtype
) -> jax.Array:
    size = tuple(-(-a // s) for a, s in zip(g.size, g.stride, strict=True))
    zero = jnp.zeros((n, channels, *size), dtype)

    def merge(axis: int, phase: tuple[int, ...]) -> jax.Array:
        if axis == g.rank:
            return parts.get(phase, zero)
        slots = [merge(axis + 1, (*phase, r)) for r in range(g.stride[axis])]
        if len(slots) == 1:
            return slots[0]
        whole = jnp.stack(slots, axis + 3)
        return whole.reshape(*whole.shape[: axis + 2], -1, *whole.shape[axis + 4 :])

    x = merge(0, ())
    return x[(slice(None), slice(None), *(slice(n) for n in g.size))]
