"""Gradients of samples with respect to the parameters that they were drawn with, by the implicit function theorem.

A sample x of a distribution function F(x; a) has dx/da = -(dF/da) / (dF/dx) at a fixed random number.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import digamma

__all__ = ["dirichlet_sample", "gamma_sample"]


@jax.custom_jvp
def gamma_sample(x: jax.Array, concentration: jax.Array) -> jax.Array:
    """``x``, a gamma number of rate 1, as a function of its concentration."""
    return x


@gamma_sample.defjvp
def _gamma_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    x, concentration = primals
    # the stub asks for a dtype, which the function does not take
    slope = lax.random_gamma_grad(concentration, x)  # pyright: ignore[reportCallIssue]
    return x, slope * tangents[1]


@jax.custom_jvp
def dirichlet_sample(x: jax.Array, concentration: jax.Array) -> jax.Array:
    """``x``, points of the simplex, as a function of their concentration.

    Coordinate i is a beta number of the parameters a_i and sum(a) - a_i; where it grows, the others shrink in
    proportion.  This is PyTorch's choice among the paths that have the right mean.
    """
    return x


@dirichlet_sample.defjvp
def _dirichlet_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    x, concentration = primals
    rest = jnp.broadcast_to(concentration.sum(-1, keepdims=True), x.shape) - concentration
    pushes = beta_grad(x, concentration, rest) / (1 - x) * tangents[1]
    return x, pushes - x * pushes.sum(-1, keepdims=True)


def beta_grad(x: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """dx/da of a beta number x of the parameters a and b, all of one shape.

    With I_x(a, b) = x^a (1 - x)^b K(x; a, b) / (a B(a, b)), K the continued fraction, the density cancels.  It
    converges fast below (a + 1) / (a + b + 2); above, I_x(a, b) = 1 - I_{1-x}(b, a) is differentiated.
    """
    below = x <= (a + 1) / (a + b + 2)
    here = jnp.where(below, x, 1 - x)
    first, second = jnp.where(below, a, b), jnp.where(below, b, a)
    one, zero = jnp.ones_like(a), jnp.zeros_like(a)
    moved = jnp.where(below, one, zero), jnp.where(below, zero, one)
    fraction, change = jax.jvp(lambda p, q: _fraction(here, p, q), (first, second), moved)
    of_first = jnp.log(here) - 1 / first
    of_second = jnp.log1p(-here)
    common = digamma(a + b) - digamma(a)
    slope = jnp.where(below, of_first, of_second) + common + change / fraction
    size = here * (1 - here) / first * fraction * slope
    return jnp.where(below, -size, size)


def _fraction(x: jax.Array, a: jax.Array, b: jax.Array, steps: int = 100) -> jax.Array:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated from the front (Lentz)."""
    tiny = 1e-30

    def kept(v: jax.Array) -> jax.Array:
        return jnp.where(abs(v) < tiny, tiny, v)

    def step(m: jax.Array, carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        c, d, h = carry
        m = m.astype(x.dtype)
        for coefficient in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / kept(1 + coefficient * d)
            c = kept(1 + coefficient / c)
            h = h * c * d
        return c, d, h

    d = 1 / kept(1 - (a + b) * x / (a + 1))
    return lax.fori_loop(1, steps, step, (jnp.ones_like(x), d, d))[2]
