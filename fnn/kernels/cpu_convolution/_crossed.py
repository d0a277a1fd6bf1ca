"""Some axes of the kernel as channels in, the others as channels out, and one product between them.

The leading axes are written out as patches are: a copy of x for each of their elements, R below. The product
has a result for each element of the trailing axes, Z, and these are shifted and added up:

    Z[b, o, h, w] = sum over a, c of W[o, c, a, b] R[a, c, h, w],   R[a, c, h, w] = x[c, h + a, w]
    y[o, h, w]    = sum over b of Z[b, o, h, w + b]

With a 3 x 3 kernel both have three times the elements of x and y, where patches have nine times those of x and no
product reaches further than a channel of its group. Everything stays in rows, channels first, images next to each
other, so nothing but whole images is transposed. A stride along a trailing axis makes phases: elements of the kernel
that are a multiple of the stride apart meet the same columns of x.
"""

import functools
import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry, Ints

_MOVE = 24  # multiplications in the time that a number takes to be written and read
_CLEARLY = 0.8  # of the usual cost, from which another split is taken


def moved(g: Geometry, cg: int, og: int, leading: int, into: int = 1, out: int = 1) -> int:
    """Numbers that a window of a group has written out for it, ``into`` and ``out`` times, before and after."""
    return into * math.prod(g.kernel[:leading]) * cg + out * math.prod(g.kernel[leading:]) * og


def split(g: Geometry, cg: int, og: int, into: int = 1, out: int = 1) -> int:
    """How many axes go to channels in: all but the last, if no other number costs a good deal less.

    Copies are made in two passes, written out part by part and then put together; a product writes in one.
    """

    def cost(i: int) -> float:
        axes = list(zip(g.out, g.reach, g.stride, strict=True))[i:]
        surplus = math.prod((t + r // s) / t for t, r, s in axes)
        return surplus * (math.prod(g.kernel) * cg * og + _MOVE * moved(g, cg, og, i, into, out))

    best = min(range(g.rank + 1), key=cost)
    return best if cost(best) < _CLEARLY * cost(g.rank - 1) else g.rank - 1


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """R, the product, and the sum of its shifted parts."""
    terms: list[jax.Array] = []
    for phase in _phases(g, split(g, w.shape[1], w.shape[0] // g.groups, 2, 1)):
        met = _met(x, g, phase)
        z = jnp.matmul(_weights(w, g, phase), _matrix(met))
        z = z.reshape(g.groups, len(phase.taps), -1, *met.shape[2:])
        terms += [_arrays.windows(z[:, i], at, g.out, (1,) * g.rank, 3) for i, at in enumerate(phase.shifts)]
    return _images_first(functools.reduce(lax.add, terms), g)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Each step's adjoint, in turn."""
    terms: list[jax.Array] = []
    for phase in _phases(g, split(g, w.shape[1], w.shape[0] // g.groups, 1, 2)):
        laid = _laid_down(y, g, phase)
        r = jnp.matmul(jnp.swapaxes(_weights(w, g, phase), 1, 2), _matrix(laid))
        r = r.reshape(g.groups, len(phase.inner), -1, *laid.shape[2:])
        terms += [_arrays.lay_down(r[:, i], g, (*inner, *phase.first), 3) for i, inner in enumerate(phase.inner)]
    return _images_first(functools.reduce(lax.add, terms), g)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """The product of the shifted parts, as adjoints of the sum have them, and R."""
    found: dict[Ints, jax.Array] = {}
    leading = split(g, x.shape[1] // g.groups, y.shape[1] // g.groups)
    for phase in _phases(g, leading):
        a, b = _matrix(_laid_down(y, g, phase)), _matrix(_met(x, g, phase))
        w = jnp.einsum("gal,gbl->gab", a, b)
        w = w.reshape(g.groups, len(phase.taps), y.shape[1] // g.groups, len(phase.inner), -1)
        found |= {tap: w[:, i] for i, tap in enumerate(phase.taps)}
    trailing = itertools.product(*map(range, g.kernel[leading:]))
    whole = jnp.stack([found[tap] for tap in trailing], -1)  # (g, og, inner, cg, trailing)
    return jnp.swapaxes(whole, 2, 3).reshape(y.shape[1], -1, *g.kernel)


class _Phase:
    """Elements of the kernel's trailing axes that meet the same columns of x."""

    def __init__(self, g: Geometry, leading: int, axes: Sequence[list[int]]) -> None:
        self.taps = list(itertools.product(*axes))
        self.first = self.taps[0]
        self.elements = [_arrays.progression(one) for one in axes]
        self.inner = list(itertools.product(*map(range, g.kernel[:leading])))
        steps = [
            [(i - one[0]) * d // s for i in one]
            for one, d, s in zip(axes, g.dilation[leading:], g.stride[leading:], strict=True)
        ]
        self.reach = (0,) * leading + tuple(one[-1] for one in steps)
        self.shifts = [(0,) * leading + at for at in itertools.product(*steps)]
        self.out = tuple(t + r for t, r in zip(g.out, self.reach, strict=True))


def _phases(g: Geometry, leading: int) -> list[_Phase]:
    axes = []
    for k, s, d in zip(g.kernel[leading:], g.stride[leading:], g.dilation[leading:], strict=True):
        same: dict[int, list[int]] = {}
        for i in range(k):
            same.setdefault(d * i % s, []).append(i)
        axes.append(list(same.values()))
    return [_Phase(g, leading, one) for one in itertools.product(*axes)]


def _met(x: jax.Array, g: Geometry, phase: _Phase) -> jax.Array:
    """R: (g, inner * cg, N, ...)."""
    x = jnp.swapaxes(x, 0, 1).reshape(g.groups, -1, x.shape[0], *g.size)
    return jnp.concatenate(_arrays.met(x, g, [(*inner, *phase.first) for inner in phase.inner], 3, phase.out), 1)


def _laid_down(y: jax.Array, g: Geometry, phase: _Phase) -> jax.Array:
    """The adjoint of the sum of shifted parts: (g, taps * og, N, ...)."""
    y = jnp.swapaxes(y, 0, 1).reshape(g.groups, -1, y.shape[0], *g.out)
    around = [[(at, r - at) for at, r in zip(one, phase.reach, strict=True)] for one in phase.shifts]
    return jnp.concatenate([_arrays.pad(y, one, 3) for one in around], 1)


def _weights(w: jax.Array, g: Geometry, phase: _Phase) -> jax.Array:
    """(g, taps * og, inner * cg)."""
    w = w[(..., *phase.elements)].reshape(g.groups, -1, *w.shape[1:2], len(phase.inner), len(phase.taps))
    return lax.transpose(w, (0, 4, 1, 3, 2)).reshape(g.groups, len(phase.taps) * w.shape[1], -1)


def _matrix(a: jax.Array) -> jax.Array:
    return a.reshape(*a.shape[:2], math.prod(a.shape[2:]))


def _images_first(a: jax.Array, g: Geometry) -> jax.Array:
    r"""(g, C, N, \*S) to (N, g * C, \*S)."""
    return jnp.swapaxes(a.reshape(-1, *a.shape[2:]), 0, 1)
