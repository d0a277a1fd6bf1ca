"""Draws of the distributions' samplers, from the ambient source: PyTorch's numbers or those of JAX's keys.

What a host generator draws by rejection needs the parameters' numbers; `_implicit` puts gradients to it.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import _rejection, creation, dtypes, random, tracing
from fnn.errors import ArgumentError
from fnn.random import Generator

__all__ = ["bernoulli", "binomial", "categorical", "cauchy", "dirichlet", "exponential", "gamma", "normal", "poisson",
           "uniform"]  # fmt: skip

NEEDS_NUMBERS = """{what}: the host generator needs the numbers of {argument}, which is traced here.
By rejection as many numbers are drawn as it takes, which depends on the parameters. Sample outside of the traced
function, pass a JAX key, sample(shape, generator=key), or sample inside fnn.jit(..., random="jax"), which has one."""


def normal(shape: tuple[int, ...], dtype: np.dtype, what: str = "Normal") -> jax.Array:
    """Standard normal numbers."""
    return random.normal(random.draw_key(what), shape, dtype)


def uniform(
    shape: tuple[int, ...], dtype: np.dtype, what: str = "Uniform", low: float = 0.0, high: float = 1.0
) -> jax.Array:
    """Numbers from [low, high)."""
    return random.uniform(random.draw_key(what), shape, dtype, low, high)


def exponential(shape: tuple[int, ...], dtype: np.dtype, what: str = "Exponential") -> jax.Array:
    """Numbers from the exponential distribution of rate 1."""
    return random.exponential(random.draw_key(what), shape, dtype)


def cauchy(shape: tuple[int, ...], dtype: np.dtype, what: str = "Cauchy") -> jax.Array:
    """Standard Cauchy numbers."""
    key = random.draw_key(what)
    if isinstance(key, Generator):
        return random.on_device(key.cauchy(shape, dtype))
    return jax.random.cauchy(key, shape, dtype)


def bernoulli(probs: jax.Array, what: str = "Bernoulli") -> jax.Array:
    """Ones with these probabilities, else zeros."""
    key = random.draw_key(what)
    if isinstance(key, Generator) and not isinstance(probs, tracing.Tracer):
        return random.on_device(key.bernoulli_each(_numbers(probs, "probs", what)).astype(probs.dtype))
    return creation.bernoulli(probs, generator=key)


def categorical(probs: jax.Array, num_samples: int, what: str = "Categorical") -> jax.Array:
    """Indices with these probabilities: (rows, categories) -> (num_samples, rows)."""
    key = random.draw_key(what)
    if not isinstance(key, Generator):
        drawn = jax.random.categorical(key, jnp.log(probs), axis=-1, shape=(num_samples, probs.shape[0]))
        return drawn.astype(dtypes.index_dtype())
    if isinstance(probs, tracing.Tracer):
        return creation.multinomial(probs, num_samples, True, generator=key).T
    drawn = key.multinomial(_numbers(probs, "probs", what), num_samples, True)
    return random.on_device(np.ascontiguousarray(drawn.T).astype(dtypes.index_dtype()))


def gamma(concentration: jax.Array, what: str = "Gamma") -> jax.Array:
    """Gamma numbers of rate 1, at least the smallest normal number."""
    key = random.draw_key(what)
    tiny = float(jnp.finfo(concentration.dtype).tiny)
    if isinstance(key, Generator):
        drawn = key.gamma(_numbers(concentration, "concentration", what)).astype(concentration.dtype)
        return jnp.maximum(random.on_device(drawn), tiny)
    return jnp.maximum(jax.random.gamma(key, lax.stop_gradient(concentration)), tiny)


def dirichlet(concentration: jax.Array, what: str = "Dirichlet") -> jax.Array:
    """Points of the simplex."""
    key = random.draw_key(what)
    info = jnp.finfo(concentration.dtype)
    low, high = float(info.tiny), 1.0 - float(info.epsneg)
    if isinstance(key, Generator):
        numbers = _numbers(concentration, "concentration", what)
        return random.on_device(key.dirichlet(numbers, low, high).astype(numbers.dtype))
    logs = jax.random.loggamma(key, lax.stop_gradient(concentration))
    return jnp.clip(jax.nn.softmax(logs, axis=-1), low, high)


def poisson(rate: jax.Array, what: str = "Poisson") -> jax.Array:
    """Counts of this rate, in its dtype."""
    key = random.draw_key(what)
    if isinstance(key, Generator):
        return random.on_device(key.poisson(_numbers(rate, "rate", what)).astype(rate.dtype))
    return jax.random.poisson(key, lax.stop_gradient(rate)).astype(rate.dtype)


def binomial(count: jax.Array, probs: jax.Array, what: str = "Binomial") -> jax.Array:
    """Successes among ``count`` trials, in the dtype of ``probs``."""
    key = random.draw_key(what)
    if isinstance(key, Generator):
        numbers = _numbers(count, "total_count", what), _numbers(probs, "probs", what)
        return random.on_device(key.binomial(*numbers).astype(probs.dtype))
    return jax.random.binomial(key, lax.stop_gradient(count), lax.stop_gradient(probs), dtype=probs.dtype)


def von_mises(loc: jax.Array, concentration: jax.Array, what: str = "VonMises") -> jax.Array:
    """Angles in [-pi, pi), by rejection from a wrapped Cauchy distribution (Best and Fisher, 1979)."""
    key = random.draw_key(what)
    if isinstance(key, Generator):
        numbers = [_numbers(x, n, what).astype(np.float64) for x, n in ((loc, "loc"), (concentration, "concentration"))]
        return random.on_device(key.von_mises(*numbers).astype(loc.dtype))
    loc, concentration = lax.stop_gradient((loc, concentration))
    r = _rejection.von_mises_proposal(concentration, jnp)

    def unfinished(carry: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        return ~carry[1].all()

    def again(carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        angle, done, key = carry
        key, now = jax.random.split(key)
        u = jax.random.uniform(now, (3, *loc.shape), loc.dtype)
        found, accepted = _rejection.von_mises_angle(u, concentration, r, jnp)
        return jnp.where(accepted & ~done, found, angle), done | accepted, key

    angle = lax.while_loop(unfinished, again, (jnp.zeros_like(loc), jnp.zeros(loc.shape, bool), key))[0]
    return (angle + math.pi + loc) % (2 * math.pi) - math.pi


def _numbers(x: jax.Array, argument: str, what: str) -> np.ndarray:
    found = tracing.known(lax.stop_gradient(x))
    if found is None:
        raise ArgumentError(NEEDS_NUMBERS.format(what=what, argument=argument))
    return found
