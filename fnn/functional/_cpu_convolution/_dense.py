"""Dense convolutions in two dimensions through XLA's own convolution, asked in the way that it does well.

XLA hands a 2-d convolution of stride 1 in its own order (NHWC) and a 1-d one of any stride to Eigen, which packs
patches as it multiplies. All else is brought to one of these.
"""

import jax
import jax.numpy as jnp
from jax import lax

from fnn.functional._cpu_convolution import _arrays
from fnn.functional._cpu_convolution._geometry import Geometry
from fnn.functional._cpu_convolution._pointwise import correlate

# -- stride 1 ---------------------------------------------------------------------------------------------


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Eigen's convolution, for strides of 1 and one group.

    One surplus column keeps XLA from handing it to YNNPACK, which is slower here.
    """
    surplus = max(0, g.size[-1] + 1 - g.out[-1])
    pads = (*g.pads[:-1], (g.pads[-1][0], g.pads[-1][1] + surplus))
    kernel = lax.transpose(w, (*range(2, w.ndim), 1, 0))
    y = _arrays.native(_arrays.channels_last(x), kernel, g.stride, pads, g.dilation)
    return _arrays.channels_first(lax.slice_in_dim(y, 0, g.out[-1], axis=g.rank))


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The convolution of y with the mirrored kernel."""
    return forward(y, _arrays.mirror(w, 1), g.mirrored)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """One 1-d convolution along H, with the columns under the kernel as images; any stride and dilation.

    Its images are x as (k_w * C, H, N * T_w), its kernel y as (T_h, N * T_w, O), dilated by the stride and moved on
    by the dilation, its result (k_w * C, k_h, O).
    """
    n, channels, height = x.shape[:3]
    out, t_h, t_w = y.shape[1:]
    padded = _arrays.pad(x, g.pads[1:], 3)
    starts = [j * g.dilation[1] for j in range(g.kernel[1])]
    columns = [_arrays.windows(padded, (j,), (t_w,), g.stride[1:], 3) for j in starts]
    images = [lax.transpose(c, (1, 2, 0, 3)).reshape(channels, height, n * t_w) for c in columns]
    kernel = lax.transpose(y, (2, 0, 3, 1)).reshape(t_h, n * t_w, out)
    w = _arrays.native(jnp.concatenate(images), kernel, g.dilation[:1], g.pads[:1], g.stride[:1])
    w = w.reshape(g.kernel[1], channels, g.kernel[0], out)
    return lax.transpose(w, (3, 1, 2, 0))


def line_weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """In one dimension: x as (C, L, N) convolved with y as (T, N, O), the roles of channels and images exchanged."""
    kernel = lax.transpose(y, (2, 0, 1))
    w = _arrays.native(lax.transpose(x, (1, 2, 0)), kernel, g.dilation, g.pads, g.stride)
    return lax.transpose(w, (2, 0, 1))


# -- strides ----------------------------------------------------------------------------------------------


def rows_forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The rows under the kernel as channels, then a 1-d convolution along W; any stride."""
    n, _, _, width = x.shape
    k_h, k_w = g.kernel
    t_h, t_w = g.out
    padded = _arrays.channels_last(_arrays.pad(x, g.pads[:1]))  # padding after the transposition takes twice the time
    rows = [_arrays.windows(padded, (i * g.dilation[0],), (t_h,), g.stride[:1], 1) for i in range(k_h)]
    image = jnp.concatenate(rows, -1).reshape(n * t_h, width, -1)
    kernel = lax.transpose(w, (3, 2, 1, 0)).reshape(k_w, -1, w.shape[0])
    y = _arrays.native(image, kernel, g.stride[1:], g.pads[1:], g.dilation[1:])
    return _arrays.channels_first(y.reshape(n, t_h, t_w, -1))


def taps_weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """One product for each element of the kernel, of y and what it met; any rank and stride."""
    padded = _arrays.pad(x, g.pads)
    y = _arrays.flat(y, g.rank)[:, None]
    met = [_arrays.flat(_arrays.windows(padded, g.offset(tap), g.out, g.stride), g.rank)[:, None] for tap in g.taps]
    w = jnp.stack([correlate(y, one)[0] for one in met], -1)
    return w.reshape(*w.shape[:2], *g.kernel)
