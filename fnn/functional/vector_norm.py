"""The p-norm of vectors, at both ends of a dtype's range, and vectors divided by it."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.functional import _loss_common as common
from fnn.kernels.squares import scaled_squares
from fnn.kernels.sums import spread


def vector_norm(x: jax.Array, p: float, axes: tuple[int, ...], keepdims: bool = False) -> jax.Array:
    """The p-norm over ``axes`` for any real or infinite ``p``; its gradient is 0 wherever the derivative is not one.

    Args:
        x: real or complex, of a full dtype (not a half one).
        p: the exponent; 0 counts what is not 0.
        axes: the dimensions of the vectors.
        keepdims: keep them, of size 1.
    """
    norm, scale = scaled_norm(x, p, axes)
    norm = norm / scale
    if not keepdims:
        return norm
    return lax.reshape(norm, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def divided_by_norm(x: jax.Array, p: float, axes: tuple[int, ...], eps: float, straight: bool = False) -> jax.Array:
    """``x / max(norm(x), eps)``, by a norm that may itself be out of range.

    Args:
        x: as in `vector_norm`.
        p: likewise.
        axes: likewise.
        eps: the least divisor.
        straight: where ``eps`` takes the place of the norm, keep the norm's gradient.
    """
    norm, scale = scaled_norm(x, p, axes)
    least = (scale * eps).astype(norm.dtype)
    divisor = lax.max(norm, least) if straight else lax.select(norm < least, least, norm)
    if straight:
        divisor = common.straight_through(divisor, norm)
    kept = tuple(i for i in range(x.ndim) if i not in axes)

    def whole(y: jax.Array) -> jax.Array:
        return spread(y, x.shape, kept)

    if jnp.iscomplexobj(x):
        return lax.complex(x.real * whole(scale) / whole(divisor), x.imag * whole(scale) / whole(divisor))
    return x * whole(scale) / whole(divisor)


def scaled_norm(x: jax.Array, p: float, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """The norm of ``s * x``, and ``s``, which is 1 where the norm's powers are in range; it has no gradient."""
    p = float(p)
    if p == 2:
        parts = scaled_squares(jnp.abs(x) if jnp.iscomplexobj(x) else x, axes)
        return _root(*parts)
    size = common.absolute(x)
    one = lax.full(tuple(n for i, n in enumerate(x.shape) if i not in axes), 1, size.dtype)
    if p == 0:
        return lax.reduce_sum((size != 0).astype(size.dtype), axes), one
    if p == 1:
        return lax.reduce_sum(size, axes), one
    if math.isinf(p):
        if p > 0 and math.prod(x.shape[i] for i in axes) == 0:
            return lax.reduce_sum(size, axes), one
        return (lax.reduce_max if p > 0 else lax.reduce_min)(size, axes), one
    return _power_norm(size, p, axes)


def _root(squares: jax.Array, scale: jax.Array) -> tuple[jax.Array, jax.Array]:
    zero = squares == 0
    root = lax.sqrt(lax.select(zero, lax.full_like(squares, 1), squares))
    return lax.select(zero, lax.full_like(squares, 0), root), scale


def _power_norm(size: jax.Array, p: float, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """The norm of sizes scaled by the one that counts most: the largest, or for a negative exponent the smallest."""
    info = jnp.finfo(size.dtype)
    most = lax.stop_gradient((jnp.max if p > 0 else jnp.min)(size, axes, initial=0 if p > 0 else jnp.inf))
    usual = (most < float(info.tiny) * 4) | ~(most < float(info.max) / 4)
    scale = lax.select(usual, lax.full_like(most, 1), 1 / lax.select(usual, lax.full_like(most, 1), most))
    kept = tuple(i for i in range(size.ndim) if i not in axes)
    scaled = size * lax.broadcast_in_dim(scale, size.shape, kept)
    zero = scaled == 0
    at_zero = lax.full_like(scaled, 0.0 if p > 0 else math.inf)
    powers = lax.select(zero, at_zero, lax.select(zero, lax.full_like(scaled, 1), scaled) ** p)
    total = lax.reduce_sum(powers, axes)
    none = (total == 0) | jnp.isinf(total)
    root = lax.select(none, lax.full_like(total, 1), total) ** (1 / p)
    limit = lax.select((total == 0) == (p > 0), lax.full_like(total, 0), lax.full_like(total, math.inf))
    return lax.select(none, limit, root), scale
