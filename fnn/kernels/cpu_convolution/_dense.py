"""Dense convolutions in two dimensions through XLA's own convolution, asked in the way that it does well.

XLA hands a 2-d convolution of stride 1 in its own order (NHWC) and a 1-d one of any stride to Eigen, which packs
patches as it multiplies. All else is brought to one of these.
"""

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels.cpu_convolution import _arrays
from fnn.kernels.cpu_convolution._geometry import Geometry

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


# -- weight gradients -------------------------------------------------------------------------------------
#
# A 1-d convolution along the first axis. The columns under the kernel along the others are images or channels, their
# positions are channels, or images, together with the batch: S is N * T_2 * ... below, K is k_2 * ... * C.


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """Images x (K, H, S), kernel y (T, S, O), dilated by the stride and moved on by the dilation."""
    columns = [lax.transpose(c, (1, 2, 0, *range(3, c.ndim))) for c in _columns(x, g)]
    images = jnp.concatenate([c.reshape(*c.shape[:2], -1) for c in columns])
    kernel = lax.transpose(y, (2, 0, *range(3, y.ndim), 1)).reshape(g.out[0], -1, y.shape[1])
    w = _arrays.native(images, kernel, g.dilation[:1], g.pads[:1], g.stride[:1])
    w = w.reshape(*g.kernel[1:], x.shape[1], g.kernel[0], y.shape[1])
    rank = g.rank
    return lax.transpose(w, (rank + 1, rank - 1, rank, *range(rank - 1)))


def reversed_weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """Images y (O, T, S), kernel x (H, S, K): the result is turned round. For strides of 1.

    Less is packed than by `weight_gradient`, but H products are summed instead of T.
    """
    columns = [lax.transpose(c, (2, 0, *range(3, c.ndim), 1)) for c in _columns(x, g)]
    kernel = jnp.concatenate(columns, -1).reshape(g.size[0], -1, len(columns) * x.shape[1])
    images = lax.transpose(y, (1, 2, 0, *range(3, y.ndim))).reshape(y.shape[1], g.out[0], -1)
    low = g.reach[0] - g.pads[0][0]
    pads = ((low, g.size[0] + g.reach[0] - low - g.out[0]),)
    w = lax.rev(_arrays.native(images, kernel, g.dilation[:1], pads, (1,)), (1,))
    return _arrays.channels_first(w.reshape(y.shape[1], *g.kernel, x.shape[1]))


def _columns(x: jax.Array, g: Geometry) -> list[jax.Array]:
    """What every element of the kernel along the axes but the first meets: (N, C, H, T_2, ...) each."""
    rest = g.axes(slice(1, None))
    return _arrays.met(x, rest, rest.taps, 3)


# -- kernel rows as channels ------------------------------------------------------------------------------


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


def rows_input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """As `input_gradient`, with rows as channels."""
    return rows_forward(y, _arrays.mirror(w, 1), g.mirrored)
