"""Clamping, with PyTorch's gradients: an element on a bound has the whole of it; and functions of an order."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.arguments import integer
from fnn.dtypes import number_in
from fnn.errors import ArgumentError
from fnn.ops._document import alias, op
from fnn.ops._gamma import polygamma_of
from fnn.ops._operands import array, computed_wide, no_complex, same_rank
from fnn.ops._promote import as_inexact, promoted, result_type
from fnn.ops.pointwise_unary import digamma, lgamma
from fnn.typing import ArrayLike

__all__ = ["clamp", "clamp_max", "clamp_min", "clip", "mvlgamma", "polygamma"]


def _clamped(where: str, input: ArrayLike, min: ArrayLike | None, max: ArrayLike | None) -> jax.Array:
    given = [b for b in (min, max) if b is not None]
    if not given:
        raise ArgumentError(f"{where}: At least one of 'min' or 'max' must not be None")
    no_complex(where, array(input, where))
    kept = result_type(input, *given)
    bounds = (jnp.asarray(number_in(v, kept, f"{where}: ")) if isinstance(v, (bool, int, float)) else v for v in given)
    x, *bounds = same_rank(where, *promoted(input, *bounds))
    no_complex(where, x)
    shape = jnp.broadcast_shapes(x.shape, *(b.shape for b in bounds))
    x, *bounds = (jnp.broadcast_to(v, shape) for v in (x, *bounds))
    if min is not None:
        low = bounds.pop(0)
        x = jnp.where((x < low) | (low != low), low, x)
    if max is not None:
        high = bounds.pop(0)
        x = jnp.where((x > high) | (high != high), high, x)
    return x


@op(min="the lower bound, a number or an array; None: none.", max="the upper bound, likewise.")
def clamp(input: ArrayLike, min: ArrayLike | None = None, max: ArrayLike | None = None) -> jax.Array:
    """Every element moved into ``[min, max]``; ``max`` wins where ``min > max``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.clamp(jnp.array([-2, 0, 5]), min=-1, max=1)
        Array([-1,  0,  1], dtype=int32)
    """
    return _clamped("clamp", input, min, max)


clip = alias(clamp, "clip")


@op(min="the lower bound, a number or an array.")
def clamp_min(input: ArrayLike, min: ArrayLike) -> jax.Array:
    """Every element that is smaller than ``min`` becomes ``min``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.clamp_min(jnp.array([-2, 5]), 0)
        Array([0, 5], dtype=int32)
    """
    return _clamped("clamp_min", input, min, None)


@op(max="the upper bound, a number or an array.")
def clamp_max(input: ArrayLike, max: ArrayLike) -> jax.Array:
    """Every element that is greater than ``max`` becomes ``max``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.clamp_max(jnp.array([-2, 5]), 0)
        Array([-2,  0], dtype=int32)
    """
    return _clamped("clamp_max", input, None, max)


@op(n="the order, 0 or more.", input="the array, of any shape, not complex.")
def polygamma(n: int, input: ArrayLike) -> jax.Array:
    """The derivative of order ``n`` of `digamma`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.polygamma(1, jnp.array([1.0]))
        Array([1.644934], dtype=float32)
    """
    order = integer(n, "n", "polygamma: ")
    if order < 0:
        raise ArgumentError(f"polygamma(n, x) does not support negative n, got n={n}")
    if order == 0:
        return digamma(input)
    x = as_inexact(array(input, "polygamma"))
    no_complex("polygamma", x)
    return computed_wide(lambda w: polygamma_of(order, w), x)


@op(p="the number of dimensions.")
def mvlgamma(input: ArrayLike, p: int) -> jax.Array:
    """The logarithm of the multivariate gamma function of dimension ``p``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.mvlgamma(jnp.array([3.0]), 2)
        Array([1.550195], dtype=float32)
    """
    x = as_inexact(array(input, "mvlgamma"))
    no_complex("mvlgamma", x)
    count = integer(p, "p", "mvlgamma: ")
    if count < 1:
        raise ArgumentError(f"mvlgamma: p has to be greater than or equal to 1, got p={p}")
    constant = count * (count - 1) / 4 * math.log(math.pi)
    steps = range(count)
    return computed_wide(lambda w: sum((lgamma(w - j / 2) for j in steps), jnp.asarray(constant, w.dtype)), x)
