"""The definition: `lax.conv_general_dilated`, and its adjoints as JAX itself writes them.

It is what every backend but the CPU runs, and what the CPU runs where nothing else pays.
"""

import jax
import jax.numpy as jnp
from jax import lax

from fnn.functional._cpu_convolution._geometry import Geometry
from fnn.functional._mesh import vary, varying


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    r"""Cross-correlation of x (N, C, \*S) with w (O, C / groups, \*K)."""
    return lax.conv_general_dilated(x, w, g.stride, g.pads, rhs_dilation=g.dilation, feature_group_count=g.groups)


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
    return lax.conv_general_dilated(
        y,
        lax.rev(w, tuple(range(2, rank + 2))),
        window_strides=(1,) * rank,
        padding=[(reach - low, n + low - 1 - (t - 1) * s) for reach, (low, _), n, t, s in spans],
        lhs_dilation=g.stride,
        rhs_dilation=g.dilation,
        dimension_numbers=lax.ConvDimensionNumbers(order, (1, 0, *order[2:]), order),  # outputs stand first in w
        feature_group_count=groups,
    )


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """The adjoint in w."""
    w = vary(jnp.zeros((y.shape[1], x.shape[1] // g.groups, *g.kernel), x.dtype), varying(x))
    return jax.vjp(lambda w: forward(x, w, g), w)[1](y)[0]
