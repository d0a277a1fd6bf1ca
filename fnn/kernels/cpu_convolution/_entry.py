"""The two entry points, which check the shapes and make the operands agree."""

import jax

from fnn.errors import ArgumentError
from fnn.kernels.cpu_convolution._geometry import Geometry
from fnn.kernels.cpu_convolution._primitives import forward_p, input_gradient_p
from fnn.kernels.mesh import agree


def convolution(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    r"""Cross-correlation of x (N, C, \*S) with w (O, C / groups, \*K): (N, O, \*T)."""
    _check("convolution", "x", x, w.shape[1] * g.groups, g.size, w, g)
    return forward_p.bind(*agree(x, w), geometry=g)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    r"""The adjoint in x of `convolution`, from y (N, O, \*T) to (N, C, \*S)."""
    _check("input_gradient", "y", y, w.shape[0], g.out, w, g)
    return input_gradient_p.bind(*agree(y, w), geometry=g)


def _check(
    where: str, name: str, a: jax.Array, channels: int, size: tuple[int, ...], w: jax.Array, g: Geometry
) -> None:
    if a.ndim != g.rank + 2 or a.shape[1:] != (channels, *size):
        raise ArgumentError(f"{where}: expected {name} of shape (N, {channels}, *{size}), got {a.shape}")
    if w.ndim != g.rank + 2 or w.shape[2:] != g.kernel or w.shape[0] % g.groups:
        raise ArgumentError(
            f"{where}: expected w of shape (a multiple of groups={g.groups}, C / groups, *{g.kernel}), got {w.shape}"
        )
