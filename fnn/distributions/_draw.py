"""Draws of the distributions' samplers, from the ambient source: PyTorch's numbers or those of JAX's keys.

What a host generator draws by rejection needs the parameters' numbers; `_implicit` puts gradients to it.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import creation, dtypes, random
from fnn.errors import ArgumentError
from fnn.random import Generator
from fnn.tracing import Tracer

__all__ = ["bernoulli", "binomial", "categorical", "cauchy", "dirichlet", "exponential", "gamma", "normal", "poisson",
           "uniform"]  # fmt: skip

NEEDS_NUMBERS = """{what}: the host generator needs the numbers of {argument}, which is traced here.
Pass a JAX key, sample(shape, generator=key), or sample inside fnn.jit, which provides one."""


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
    if isinstance(key, Generator) and not isinstance(probs, Tracer):
        return random.on_device(key.bernoulli_each(_numbers(probs, "probs", what)).astype(probs.dtype))
    return creation.bernoulli(probs, generator=key)


def categorical(probs: jax.Array, num_samples: int, what: str = "Categorical") -> jax.Array:
    """Indices with these probabilities: (rows, categories) -> (num_samples, rows)."""
    key = random.draw_key(what)
    if not isinstance(key, Generator):
        drawn = jax.random.categorical(key, jnp.log(probs), axis=-1, shape=(num_samples, probs.shape[0]))
        return drawn.astype(dtypes.index_dtype())
    if isinstance(probs, Tracer):
        return creation.multinomial(probs, num_samples, True, generator=key).T
    drawn = key.multinomial(_numbers(probs, "probs", what), num_samples, True)
    return random.on_device(np.ascontiguousarray(drawn.T).astype(dtypes.index_dtype()))


def gamma(concentration: jax.Array, what: str = "Gamma") -> jax.Array:
    """Gamma numbers of rate 1, at least the smallest normal number."""
    key = random.draw_key(what)
    tiny = float(jnp.finfo(concentration.dtype).tiny)
    if isinstance(key, Generator):
        drawn = key.gamma(_numbers(concentration, "concentration", what)).astype(concentration.dtype)
        return random.on_device(np.maximum(drawn, drawn.dtype.type(tiny)))
    return jnp.maximum(jax.random.gamma(key, lax.stop_gradient(concentration)), tiny)


def dirichlet(concentration: jax.Array, what: str = "Dirichlet") -> jax.Array:
    """Points of the simplex."""
    key = random.draw_key(what)
    info = jnp.finfo(concentration.dtype)
    low, high = float(info.tiny), 1.0 - float(info.epsneg)
    if isinstance(key, Generator):
        numbers = _numbers(concentration, "concentration", what)
        parts = np.maximum(key.gamma(numbers.astype(np.float64)), np.finfo(np.float64).tiny)
        parts = parts / parts.sum(-1, keepdims=True)
        return random.on_device(np.clip(parts, low, high).astype(numbers.dtype))
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
        return random.on_device(_host_von_mises(key, *numbers).astype(loc.dtype))
    loc, concentration = lax.stop_gradient((loc, concentration))
    r = _proposal(concentration, jnp)

    def unfinished(carry: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        return ~carry[1].all()

    def again(carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        angle, done, key = carry
        key, now = jax.random.split(key)
        u = jax.random.uniform(now, (3, *loc.shape), loc.dtype)
        found, accepted = _propose(u, concentration, r, jnp)
        return jnp.where(accepted & ~done, found, angle), done | accepted, key

    angle = lax.while_loop(unfinished, again, (jnp.zeros_like(loc), jnp.zeros(loc.shape, bool), key))[0]
    return (angle + math.pi + loc) % (2 * math.pi) - math.pi


def _host_von_mises(key: Generator, loc: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    angle, done = np.zeros(loc.shape), np.zeros(loc.shape, bool)
    r = _proposal(concentration, np)
    while not done.all():
        # PyTorch proposes anew where it has accepted already, and takes the last
        with np.errstate(divide="ignore", invalid="ignore"):
            found, accepted = _propose(key.uniform((3, *loc.shape), np.float64), concentration, r, np)
        angle, done = np.where(accepted, found, angle), done | accepted
    return (angle + math.pi + loc) % (2 * math.pi) - math.pi


def _proposal(concentration, xp):  # type: ignore[no-untyped-def]
    """The parameter of the proposal; where the concentration is tiny by its series."""
    tau = 1 + xp.sqrt(1 + 4 * concentration**2)
    rho = (tau - xp.sqrt(2 * tau)) / (2 * concentration)
    # in single precision rho loses its digits much earlier than in double
    small = 1e-5 if concentration.dtype == np.float64 else 1e-2
    return xp.where(concentration < small, 1 / concentration + concentration, (1 + rho**2) / (2 * rho))


def _propose(u, concentration, r, xp):  # type: ignore[no-untyped-def]
    z = xp.cos(math.pi * u[0])
    f = xp.clip((1 + r * z) / (r + z), -1.0, 1.0)
    c = concentration * (r - f)
    accepted = (c * (2 - c) - u[1] > 0) | (xp.log(c / u[1]) + 1 - c >= 0)
    return xp.sign(u[2] - 0.5) * xp.arccos(f), accepted


def _numbers(x: jax.Array, argument: str, what: str) -> np.ndarray:
    x = lax.stop_gradient(x)
    if isinstance(x, Tracer):
        raise ArgumentError(NEEDS_NUMBERS.format(what=what, argument=argument))
    return np.asarray(x)
