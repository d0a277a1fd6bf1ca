"""The logarithm of the gamma function and its derivatives, each the derivative of the one before."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.scipy import special

__all__ = ["digamma_of", "lgamma_of", "polygamma_of", "zeta_of"]


@jax.custom_jvp
def lgamma_of(x: jax.Array) -> jax.Array:
    """``log(|gamma(x)|)``."""
    return lax.lgamma(x)


@lgamma_of.defjvp
def _lgamma_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return lgamma_of(primals[0]), digamma_of(primals[0]) * tangents[0]


@jax.custom_jvp
def digamma_of(x: jax.Array) -> jax.Array:
    """Its derivative: infinite at 0, with the sign opposite to that of the 0, NaN at negative integers."""
    pole = jnp.where(jnp.signbit(x), jnp.inf, -jnp.inf).astype(x.dtype)
    negative = (x < 0) & (x == jnp.floor(x))
    safe = jnp.where((x == 0) | negative, 1, x)
    return jnp.where(x == 0, pole, jnp.where(negative, jnp.nan, lax.digamma(safe)))


@digamma_of.defjvp
def _digamma_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return digamma_of(primals[0]), polygamma_of(1, primals[0]) * tangents[0]


_MOST_STEPS = 4096  # beyond, float32 has no digits behind the point that matter


def _zeta(s: int | jax.Array, x: jax.Array) -> jax.Array:
    """``sum of (x + k)^-s`` over k from 0: to the right of 0 JAX has it, from the left it is reached in steps of 1."""
    x = lax.stop_gradient(x)

    def left(carry: tuple[jax.Array, ...]) -> jax.Array:
        return jnp.any(carry[1] < 1) & (carry[0] < _MOST_STEPS)

    def step(carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        count, at, total = carry
        short = at < 1
        base = jnp.where(short, at, 1)
        term = lax.integer_pow(base, -s) if isinstance(s, int) else lax.pow(base, -s)
        return count + 1, jnp.where(short, at + 1, at), jnp.where(short, total + term, total)

    _, at, total = lax.while_loop(left, step, (jnp.zeros((), jnp.int32), x, jnp.zeros_like(x)))
    return total + special.zeta(jnp.full_like(x, s) if isinstance(s, int) else s, jnp.maximum(at, 1))


@jax.custom_jvp
def zeta_of(s: jax.Array, q: jax.Array) -> jax.Array:
    """Hurwitz's zeta function as PyTorch has it: left of 0 for integers s only, infinite at poles, NaN for s < 1."""
    whole = q == jnp.floor(q)
    infinite = (s == 1) | ((s > 1) & (q <= 0) & whole)
    undefined = (s < 1) | ((q <= 0) & ~whole & (s != jnp.floor(s))) | jnp.isnan(s) | jnp.isnan(q)
    outside = infinite | undefined
    value = _zeta(lax.stop_gradient(jnp.where(outside, 2, s)), jnp.where(outside, 1, q))
    return jnp.where(infinite, jnp.inf, jnp.where(undefined, jnp.nan, value))


def _zeta_jvp(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[jax.Array, jax.Array]:
    (s, q), (change_s, change_q) = primals, tangents
    value, change = zeta_of(s, q), jnp.zeros_like(s)
    if not isinstance(change_q, SymbolicZero):
        change = -s * zeta_of(s + 1, q) * change_q
    if not isinstance(change_s, SymbolicZero):  # PyTorch has none; JAX's is a series to the right of 0
        right = jnp.where(q > 0, q, jnp.nan)
        change = change + jax.jvp(lambda v: special.zeta(v, right), (s,), (change_s,))[1]
    return value, change


zeta_of.defjvp(_zeta_jvp, symbolic_zeros=True)


def polygamma_of(order: int, x: jax.Array) -> jax.Array:
    """The derivative of order 1 or more of `digamma_of`."""
    sign = 1.0 if order % 2 else -1.0
    if order == 1:
        # Hurwitz's sum converges right of 0 only; to the left, psi'(1 - x) + psi'(x) = (pi / sin(pi x))^2.
        reflected = x < 0.5
        right = jnp.where(reflected, 1 - x, x)
        value = special.zeta(jnp.full_like(x, 2), right)
        sine = jnp.sin(math.pi * x)
        value = jnp.where(reflected, (math.pi / sine) ** 2 - value, value)
        return _with_derivative(value, x, 1)
    value = sign * math.gamma(order + 1) * _zeta(order + 1, x)
    return _with_derivative(value, x, order)


def _with_derivative(value: jax.Array, x: jax.Array, order: int) -> jax.Array:
    @jax.custom_jvp
    def known(value: jax.Array, x: jax.Array) -> jax.Array:
        return value

    @known.defjvp
    def _known_jvp(primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        value, x = primals
        return known(value, x), polygamma_of(order + 1, x) * tangents[1]

    return known(lax.stop_gradient(value), x)
