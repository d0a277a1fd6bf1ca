"""Reductions of values into the elements that indices name, with PyTorch's derivatives.

JAX has no derivative of a scattered maximum or minimum, nor of a product to which several values go.  Here each is the
reduction with a linear rule of its own: a maximum hands its derivative in equal parts to all that reach it, a product
to each factor the product of the others.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from fnn.ops._promote import kind_of

__all__ = ["REDUCTIONS", "added", "reduced_into"]

Places = tuple[Any, ...]

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def reduced_into(x: jax.Array, places: Places, values: jax.Array, reduce: str, include_self: bool) -> jax.Array:
    """``x`` with ``values`` reduced into the elements at ``places``.

    Args:
        x: the array.
        places: an index for each of its dimensions, of one shape.
        values: the shape of the indices, the dtype of ``x``.
        reduce: one of `REDUCTIONS`.
        include_self: whether what is there counts too.
    """
    if not include_self:
        touched = jnp.zeros(x.shape, bool).at[places].set(True)
        x = jnp.where(touched, _neutral(reduce, x), x)
    if reduce == "sum":
        return added(x, places, values)
    if reduce == "mean":
        total = x.at[places].add(values)
        count = jnp.full(x.shape, int(include_self), jnp.int32).at[places].add(1)
        count = jnp.maximum(count, 1) if not include_self else count
        return total // count.astype(x.dtype) if kind_of(x.dtype) < 2 else total / count.astype(x.dtype)
    if reduce == "prod" and x.dtype == bool:
        return x.at[places].min(values)
    if reduce == "prod":
        return _product(x, places, values) if kind_of(x.dtype) > 1 else x.at[places].multiply(values)
    if kind_of(x.dtype) < 2:
        return _scattered(x, places, values, reduce == "amax")
    return _extreme(x, places, values, reduce == "amax")


def added(x: jax.Array, places: Places, values: jax.Array) -> jax.Array:
    """``x`` with ``values`` added at ``places``; a sum of booleans is true if one is."""
    return x.at[places].max(values) if x.dtype == bool else x.at[places].add(values)


def _neutral(reduce: str, x: jax.Array) -> jax.Array:
    if reduce in ("sum", "mean", "prod"):
        return jnp.asarray(reduce == "prod", x.dtype)
    if x.dtype == bool:
        return jnp.asarray(reduce == "amin")
    if kind_of(x.dtype) == 1:
        return jnp.asarray(jnp.iinfo(x.dtype).min if reduce == "amax" else jnp.iinfo(x.dtype).max, x.dtype)
    return jnp.asarray(-jnp.inf if reduce == "amax" else jnp.inf, x.dtype)


def _scattered(x: jax.Array, places: Places, values: jax.Array, largest: bool) -> jax.Array:
    return x.at[places].max(values) if largest else x.at[places].min(values)


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def _extreme(x: jax.Array, places: Places, values: jax.Array, largest: bool) -> jax.Array:
    return _scattered(x, places, values, largest)


@_extreme.defjvp
def _extreme_jvp(largest: bool, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    x, places, values = primals
    dx, _, dvalues = tangents
    result = _scattered(x, places, values, largest)
    kept = (x == result).astype(x.dtype)
    reached = (values == result[places]).astype(x.dtype)
    count = kept.at[places].add(reached)
    return result, (dx * kept).at[places].add(dvalues * reached) / jnp.where(count == 0, 1, count)


@jax.custom_jvp
def _product(x: jax.Array, places: Places, values: jax.Array) -> jax.Array:
    return x.at[places].multiply(values)


@_product.defjvp
def _product_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    x, places, values = primals
    dx, _, dvalues = tangents
    # The product of the others is the product by the factor; of a factor that is the only zero, without it.
    zero_x, zero_values = x == 0, values == 0
    zeros = zero_x.astype(jnp.int32).at[places].add(zero_values.astype(jnp.int32))
    without_x = _product(jnp.where(zero_x, 1, x), places, values)
    alone = zero_values & (zeros[places] == 1)
    filled = jnp.where(alone, 1, values)
    without = _product(x, places, filled)[places] / jnp.where(zero_values, 1, values)
    without = jnp.where(zero_values & ~alone, 0, without)
    others = without_x / jnp.where(zero_x, 1, x)
    return _product(x, places, values), (dx * others).at[places].add(dvalues * without)
