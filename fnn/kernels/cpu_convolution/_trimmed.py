"""Kernels that reach beyond the image: the elements that see nothing but padding are left out.

Dilated kernels on small images are such: of 3 x 3 elements 12 apart only the middle one meets a 12 x 12 image.
"""

from collections.abc import Callable

import jax

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry

Inner = Callable[[jax.Array, jax.Array, Geometry], jax.Array]


def fits(g: Geometry) -> bool:
    """Whether there is anything to leave out."""
    return any(one.stop - one.start < k for one, k in zip(g.live, g.kernel, strict=True))


def convolve(a: jax.Array, w: jax.Array, g: Geometry, inner: Inner) -> jax.Array:
    """``inner``, a forward or an input gradient, with what is left of the kernel."""
    return inner(a, w[(slice(None), slice(None), *g.live)], g.trimmed(g.live))


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry, inner: Inner) -> jax.Array:
    """``inner`` for what is left of the kernel, zeros elsewhere."""
    around = [(one.start, k - one.stop) for one, k in zip(g.live, g.kernel, strict=True)]
    return _arrays.pad(inner(x, y, g.trimmed(g.live)), around)
