"""Some axes of the kernel as channels in, the others as channels out, and one product between them.

The leading ``split`` axes are written out as patches are: a copy of x for each of their elements, R below. The product
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
import numpy as np
from jax import lax

from fnn.functional._cpu_convolution import _arrays
from fnn.functional._cpu_convolution._geometry import Geometry, Ints


def forward(x: jax.Array, w: jax.Array, g: Geometry, split: int) -> jax.Array:
    """R, the product, and the sum of its shifted parts."""
    terms: list[jax.Array] = []
    for phase in _phases(g, split):
        met = _met(x, g, phase)
        z = _product(_weights(w, g, phase), met)
        z = z.reshape(g.groups, len(phase.taps), -1, *met.shape[2:])
        terms += [_arrays.windows(z[:, i], at, g.out, (1,) * g.rank, 3) for i, at in enumerate(phase.shifts)]
    return _images_first(functools.reduce(lax.add, terms), g)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry, split: int) -> jax.Array:
    """Each step's adjoint, in turn."""
    terms: list[jax.Array] = []
    for phase in _phases(g, split):
        spread = _spread(y, g, phase)
        r = _product(jnp.swapaxes(_weights(w, g, phase), 1, 2), spread)
        r = r.reshape(g.groups, len(phase.inner), -1, *spread.shape[2:])
        terms += [_laid_down(r[:, i], g, (*inner, *phase.first)) for i, inner in enumerate(phase.inner)]
    return _images_first(functools.reduce(lax.add, terms), g)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry, split: int) -> jax.Array:
    """The product of the shifted parts, as adjoints of the sum have them, and R."""
    found: dict[Ints, jax.Array] = {}
    for phase in _phases(g, split):
        a, b = _matrix(_spread(y, g, phase)), _matrix(_met(x, g, phase))
        w = jnp.einsum("gal,gbl->gab", a, b) if g.groups > 1 else lax.dot_general(a[0], b[0], (((1,), (1,)), ((), ())))
        w = w.reshape(g.groups, len(phase.taps), y.shape[1] // g.groups, len(phase.inner), -1)
        found |= {tap: w[:, i] for i, tap in enumerate(phase.taps)}
    trailing = itertools.product(*map(range, g.kernel[split:]))
    whole = jnp.stack([found[tap] for tap in trailing], -1)  # (g, og, inner, cg, trailing)
    return jnp.swapaxes(whole, 2, 3).reshape(y.shape[1], -1, *g.kernel)


class _Phase:
    """Elements of the kernel's trailing axes that meet the same columns of x."""

    def __init__(self, g: Geometry, split: int, axes: Sequence[list[int]]) -> None:
        self.taps = list(itertools.product(*axes))
        self.first = self.taps[0]
        self.inner = list(itertools.product(*map(range, g.kernel[:split])))
        steps = [
            [(i - one[0]) * d // s for i in one]
            for one, d, s in zip(axes, g.dilation[split:], g.stride[split:], strict=True)
        ]
        self.reach = (0,) * split + tuple(one[-1] for one in steps)
        self.shifts = [(0,) * split + at for at in itertools.product(*steps)]
        self.out = tuple(t + r for t, r in zip(g.out, self.reach, strict=True))


def _phases(g: Geometry, split: int) -> list[_Phase]:
    axes = []
    for k, s, d in zip(g.kernel[split:], g.stride[split:], g.dilation[split:], strict=True):
        same: dict[int, list[int]] = {}
        for i in range(k):
            same.setdefault(d * i % s, []).append(i)
        axes.append(list(same.values()))
    return [_Phase(g, split, one) for one in itertools.product(*axes)]


def _met(x: jax.Array, g: Geometry, phase: _Phase) -> jax.Array:
    """R: (g, inner * cg, N, ...)."""
    x = jnp.swapaxes(x, 0, 1).reshape(g.groups, -1, x.shape[0], *g.size)
    return jnp.concatenate(_arrays.met(x, g, [(*inner, *phase.first) for inner in phase.inner], 3, phase.out), 1)


def _spread(y: jax.Array, g: Geometry, phase: _Phase) -> jax.Array:
    """The adjoint of the sum of shifted parts: (g, taps * og, N, ...)."""
    y = jnp.swapaxes(y, 0, 1).reshape(g.groups, -1, y.shape[0], *g.out)
    around = [[(at, r - at) for at, r in zip(one, phase.reach, strict=True)] for one in phase.shifts]
    return jnp.concatenate([_arrays.pad(y, one, 3) for one in around], 1)


def _laid_down(r: jax.Array, g: Geometry, tap: Ints) -> jax.Array:
    """The adjoint of one part of `_met`."""
    config = [(0, 0, 0)] * 3
    for o, (low, _), n, t, s in zip(g.offset(tap), g.pads, g.size, r.shape[3:], g.stride, strict=True):
        config.append((o - low, n - (o - low) - (t - 1) * s - 1, s - 1))
    return lax.pad(r, np.zeros((), r.dtype)[()], config)


def _weights(w: jax.Array, g: Geometry, phase: _Phase) -> jax.Array:
    """(g, taps * og, inner * cg)."""
    split = g.rank - len(phase.first)
    last = phase.taps[-1]
    w = w.reshape(g.groups, -1, *w.shape[1:])
    for axis, (i, j) in enumerate(zip(phase.first, last, strict=True), 3 + split):
        count = len({tap[axis - 3 - split] for tap in phase.taps})
        w = w[(slice(None),) * axis + (slice(i, j + 1, (j - i) // (count - 1) if count > 1 else 1),)]
    w = w.reshape(*w.shape[:3], len(phase.inner), len(phase.taps))
    return lax.transpose(w, (0, 4, 1, 3, 2)).reshape(g.groups, len(phase.taps) * w.shape[1], -1)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    b = _matrix(b)
    return jnp.matmul(a, b) if len(a) > 1 else (a[0] @ b[0])[None]


def _matrix(a: jax.Array) -> jax.Array:
    return a.reshape(*a.shape[:2], math.prod(a.shape[2:]))


def _images_first(a: jax.Array, g: Geometry) -> jax.Array:
    r"""(g, C, N, \*S) to (N, g * C, \*S)."""
    return jnp.swapaxes(a.reshape(-1, *a.shape[2:]), 0, 1)
