"""Sampling an image or volume at arbitrary places (spatial transformers): affine_grid and grid_sample.

Places are normalised: -1 and 1 are the outer edges of the image or, with ``align_corners``, the centres of its
corner elements.  The last axis of a grid holds x (along W), y (along H) and, for a volume, z (along D).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import dtypes
from fnn.arguments import listed
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.mesh import reshape
from fnn.kernels.taps import Taps, weighted_elements
from fnn.typing import ArrayLike

__all__ = ["affine_grid", "grid_sample"]

_CHANGED = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
    "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details."
)


def affine_grid(theta: ArrayLike, size: Sequence[int], align_corners: bool | None = None) -> jax.Array:
    """The places from which `grid_sample` makes an affine image: ``theta @ (x, y, 1)`` for each output element.

    Jaderberg et al., "Spatial Transformer Networks" (2015), https://arxiv.org/abs/1506.02025

    Args:
        theta: (N, 2, 3) for images or (N, 3, 4) for volumes, floating.
        size: the output's shape, (N, C, H, W) or (N, C, D, H, W).
        align_corners: see the head of this module; None: False, with a warning.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ArgumentError: shapes that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> theta = jnp.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> F.affine_grid(theta, (1, 1, 1, 2), align_corners=False).tolist()
        [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    t = to_array(theta, "theta", "affine_grid: ")
    if align_corners is None:
        warnings.warn(_CHANGED, stacklevel=2)
        align_corners = False
    if not dtypes.is_floating(t):
        raise ArgumentTypeError(f"affine_grid: Expected theta to have floating point type, but got {t.dtype}")
    size = tuple(int(n) for n in size)
    rank = len(size) - 2
    if rank not in (2, 3):
        raise ArgumentError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {listed(size)}."
        )
    if t.ndim != 3 or t.shape[1:] != (rank, rank + 1) or t.shape[0] != size[0]:
        raise ArgumentError(
            f"affine_grid: Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
            f"{listed(size)}. Got {listed(t.shape)}."
        )
    if align_corners and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. "
            "This is not an intended use case of affine_grid. See the documentation of affine_grid for details.",
            stacklevel=2,
        )
    elif min(size) <= 0:
        raise ArgumentError(f"affine_grid: Expected non-zero, positive output size. Got {listed(size)}")
    lines = [_line(n, align_corners) for n in size[2:]]
    places = np.stack([*reversed(np.meshgrid(*lines, indexing="ij")), np.ones(size[2:])], -1)
    places = places.reshape(-1, rank + 1).astype(t.dtype)
    grid = lax.dot_general(
        jnp.asarray(places), t, (((1,), (2,)), ((), ())), precision=lax.Precision.HIGHEST
    )  # (D * H * W, N, rank)
    return lax.reshape(lax.transpose(grid, (1, 0, 2)), (size[0], *size[2:], rank))


def _line(n: int, align_corners: bool) -> np.ndarray:
    if n <= 1:
        return np.zeros(n)
    return np.linspace(-1, 1, n) if align_corners else np.linspace(-1, 1, n) * (n - 1) / n


@governed
def grid_sample(
    input: ArrayLike,
    grid: ArrayLike,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> jax.Array:
    """Interpolates the input at the places of a grid.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W), floating.
        grid: (N, H_out, W_out, 2) or (N, D_out, H_out, W_out, 3), places in the input; see the head of this module.
        mode: ``"bilinear"`` (trilinear for volumes), ``"nearest"`` or ``"bicubic"`` (images only, a = -0.75).
        padding_mode: beyond the input lie ``"zeros"``, the nearest ``"border"`` element, or its ``"reflection"``.
        align_corners: see the head of this module; None: False, with a warning.

    Returns:
        (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out).

    Raises:
        ArgumentError: arguments that do not fit each other.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x = jnp.array([[[[0.0, 1.0], [2.0, 3.0]]]])
        >>> F.grid_sample(x, jnp.zeros((1, 1, 1, 2)), align_corners=False).tolist()
        [[[[1.5]]]]
    """
    x, g = to_array(input, "input", "grid_sample: "), to_array(grid, "grid", "grid_sample: ")
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ArgumentError(f"grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ArgumentError(
            f"grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: {padding_mode!r}"
        )
    if align_corners is None:
        warnings.warn(_CHANGED, stacklevel=3)  # to the caller, past the door
        align_corners = False
    _check(x, g, mode)
    dtype = x.dtype
    if dtype.itemsize < 4:
        x, g = lax.convert_element_type(x, np.float32), lax.convert_element_type(g, np.float32)
    rank = x.ndim - 2
    sizes = x.shape[2:]
    # one array of places an axis, in the order of the input's axes
    lines = reshape(g, (g.shape[0], math.prod(g.shape[1:-1]), rank))  # rows of an image make short loops
    places = [_unnormalised(lines[..., rank - 1 - i], sizes[i], align_corners) for i in range(rank)]
    if mode != "bicubic":
        places = [_padded(p, n, padding_mode, align_corners) for p, n in zip(places, sizes, strict=True)]
    if mode == "nearest":
        taps = [_nearest_taps(p) for p in places]
    elif mode == "bilinear":
        taps = [_linear_taps(p) for p in places]
    else:
        taps = [_cubic_taps(p, n, padding_mode, align_corners) for p, n in zip(places, sizes, strict=True)]
    out = weighted_elements(x, taps)
    return lax.convert_element_type(reshape(out, (*x.shape[:2], *g.shape[1:-1])), dtype)


def _check(x: jax.Array, g: jax.Array, mode: str) -> None:
    rank, name = x.ndim - 2, "grid_sample"
    shapes = f"but got input with sizes {listed(x.shape)} and grid with sizes {listed(g.shape)}"
    if x.ndim not in (4, 5) or g.ndim != x.ndim:
        raise ArgumentError(f"{name}(): expected 4D or 5D input and grid with same number of dimensions, {shapes}")
    if x.shape[0] != g.shape[0]:
        raise ArgumentError(f"{name}(): expected grid and input to have same batch size, {shapes}")
    if g.shape[-1] != rank:
        raise ArgumentError(f"{name}(): expected grid to have size {rank} in last dimension, {shapes}")
    if 0 in x.shape[2:]:
        raise ArgumentError(f"{name}(): expected input to have non-empty spatial dimensions, {shapes}")
    if mode == "bicubic" and rank != 2:
        raise ArgumentError(f"{name}(): bicubic interpolation only supports 4D input, {shapes}")
    if x.dtype != g.dtype or not dtypes.is_floating(x):
        raise ArgumentTypeError(
            f"{name}(): expected input and grid to have the same floating dtype, but input has {x.dtype} and grid "
            f"has {g.dtype}"
        )


# -- places -----------------------------------------------------------------------------------------


def _unnormalised(place: jax.Array, size: int, align_corners: bool) -> jax.Array:
    if align_corners:
        return (place + 1) * ((size - 1) / 2)
    return ((place + 1) * size - 1) / 2


def _padded(place: jax.Array, size: int, padding_mode: str, align_corners: bool) -> jax.Array:
    """Places beyond the input moved into it; the gradient of a place that is cut off is zero."""
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        low, high = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
        place = _reflected(place, low, high - low)
    place = jnp.where(jnp.isnan(place), 0, place)
    return lax.clamp(jnp.zeros((), place.dtype), place, jnp.asarray(size - 1, place.dtype))


def _reflected(place: jax.Array, low: float, span: float) -> jax.Array:
    if span == 0:
        return lax.full_like(place, 0)
    away = place - low
    away = lax.select(lax.lt(away, lax.full_like(away, 0)), -away, away)
    flips = lax.stop_gradient(lax.floor(away / span))
    rest = away - flips * span
    even = lax.eq(lax.rem(flips, lax.full_like(flips, 2)), lax.full_like(flips, 0))
    return lax.select(even, rest, span - rest) + low


# -- elements ---------------------------------------------------------------------------------------


def _whole(place: jax.Array) -> jax.Array:
    """Whole places as integers; those far outside (or NaN) stay outside."""
    far = np.asarray(2.0**30, place.dtype)
    place = jnp.nan_to_num(lax.stop_gradient(place), nan=-far)
    return lax.convert_element_type(lax.clamp(-far, place, far), np.int32)


def _nearest_taps(place: jax.Array) -> Taps:
    nearest = lax.round(place, lax.RoundingMethod.TO_NEAREST_EVEN)
    return [(_whole(nearest), lax.full_like(place, 1))]


def _linear_taps(place: jax.Array) -> Taps:
    low = lax.stop_gradient(lax.floor(place))
    part = place - low
    return [(_whole(low), 1 - part), (_whole(low + 1), part)]


def _cubic_taps(place: jax.Array, size: int, padding_mode: str, align_corners: bool) -> Taps:
    """Cubic convolution (Keys 1981) with a = -0.75; the four elements are moved into the input one by one."""
    low = lax.stop_gradient(lax.floor(place))
    t = place - low
    a = -0.75

    def near(d: jax.Array) -> jax.Array:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: jax.Array) -> jax.Array:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    index = [_whole(_padded(low + j, size, padding_mode, align_corners)) for j in range(-1, 3)]
    return list(zip(index, [far(t + 1), near(t), near(1 - t), far(2 - t)], strict=True))
