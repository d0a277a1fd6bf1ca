"""Draws in the form of an array: what PyTorch does to a Tensor in place, and counts of given rates."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import random, tracing
from fnn.dtypes import is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.random import Generator
from fnn.typing import ArrayLike, Key

__all__ = ["binomial", "cauchy", "exponential", "geometric", "log_normal", "poisson"]

_NEEDS_NUMBERS = (
    "{what}: the host generator needs the numbers of {argument}, which is traced here; draw outside of the traced "
    "function, pass a JAX key as generator, or use fnn.jit(..., random='jax')"
)


def _key(generator: Key | None, what: str) -> Any:
    return random.draw_key(what) if generator is None else random.resolve(generator, what)


def _form(input: ArrayLike, what: str) -> jax.Array:
    x = to_array(input, "input", f"{what}: ")
    if not is_floating(x):
        raise ArgumentTypeError(f"{what}: not implemented for dtype={x.dtype}; expected a floating dtype")
    return x


def _numbers(x: jax.Array, argument: str, what: str) -> np.ndarray:
    found = tracing.known(lax.stop_gradient(x))
    if found is None:
        raise ArgumentError(_NEEDS_NUMBERS.format(what=what, argument=argument))
    return found


def poisson(input: ArrayLike, *, generator: Key | None = None) -> jax.Array:
    """Counts of Poisson distributions.

    Args:
        input: the rates, any shape, not negative.
        generator: a `fnn.random.Generator` or a JAX key.

    Returns:
        The shape and dtype of ``input``; it has no gradient.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.poisson(jnp.zeros(3)))
        [0. 0. 0.]
    """
    rate, key = _form(input, "poisson"), _key(generator, "poisson")
    if isinstance(key, Generator):
        numbers = _numbers(rate, "input", "poisson")
        if (numbers < 0).any():
            raise ArgumentError(f"poisson: expected rates that are not negative, got input={numbers.min()}")
        return random.on_device(key.poisson(numbers).astype(rate.dtype))
    return jax.random.poisson(key, lax.stop_gradient(rate)).astype(rate.dtype)


def binomial(count: ArrayLike, prob: ArrayLike, *, generator: Key | None = None) -> jax.Array:
    """Successes among so many trials.

    Args:
        count: the numbers of trials, floating, any shape.
        prob: the probabilities of success, broadcast with it, of its dtype.
        generator: a `fnn.random.Generator` or a JAX key.

    Returns:
        The common shape, in the dtype of both.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.binomial(jnp.array([2.0, 3.0]), jnp.array([0.0, 1.0])))
        [0. 3.]
    """
    n, p = _form(count, "binomial"), _form(prob, "binomial")
    if n.dtype != p.dtype:
        raise ArgumentTypeError(f"binomial: expected count and prob of one dtype, got {n.dtype} and {p.dtype}")
    n, p = jnp.broadcast_arrays(n, p)
    key = _key(generator, "binomial")
    if isinstance(key, Generator):
        drawn = key.binomial(_numbers(n, "count", "binomial"), _numbers(p, "prob", "binomial"))
        return random.on_device(drawn.astype(p.dtype))
    return jax.random.binomial(key, lax.stop_gradient(n), lax.stop_gradient(p), dtype=p.dtype)


def exponential(input: ArrayLike, lambd: float = 1.0, *, generator: Key | None = None) -> jax.Array:
    """Numbers of the exponential distribution, as ``input.exponential_(lambd)`` leaves them.

    Args:
        input: says shape and dtype.
        lambd: the rate, above 0.
        generator: a `fnn.random.Generator` or a JAX key.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> bool((fnn.exponential(jnp.empty(3)) >= 0).all())
        True
    """
    x, key = _form(input, "exponential"), _key(generator, "exponential")
    if not lambd > 0:
        raise ArgumentError(f"exponential: expected lambd > 0, got lambd={lambd}")
    if isinstance(key, Generator):
        return random.on_device(key.exponential(x.shape, x.dtype, lambd))
    return jax.random.exponential(key, x.shape, x.dtype) / lambd


def cauchy(input: ArrayLike, median: float = 0.0, sigma: float = 1.0, *, generator: Key | None = None) -> jax.Array:
    """Numbers of the Cauchy distribution, as ``input.cauchy_(median, sigma)`` leaves them.

    Args:
        input: says shape and dtype.
        median: the median.
        sigma: half the width at half the maximum, above 0.
        generator: a `fnn.random.Generator` or a JAX key.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cauchy(jnp.empty(3), 2.0).shape
        (3,)
    """
    x, key = _form(input, "cauchy"), _key(generator, "cauchy")
    if not sigma > 0:
        raise ArgumentError(f"cauchy: expected sigma > 0, got sigma={sigma}")
    if isinstance(key, Generator):
        drawn = random.on_device(key.cauchy(x.shape, x.dtype))
    else:
        drawn = jax.random.cauchy(key, x.shape, x.dtype)
    return median + sigma * drawn


def geometric(input: ArrayLike, p: float, *, generator: Key | None = None) -> jax.Array:
    """How many trials it takes to the first success, as ``input.geometric_(p)`` leaves it.

    Args:
        input: says shape and dtype.
        p: the probability of success, in (0, 1).
        generator: a `fnn.random.Generator` or a JAX key.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> bool((fnn.geometric(jnp.empty(3), 0.5) >= 1).all())
        True
    """
    x, key = to_array(input, "input", "geometric: "), _key(generator, "geometric")
    if not 0 < p < 1:
        raise ArgumentError(f"geometric: expected p to be in (0, 1), got p={p}")
    if isinstance(key, Generator):
        return random.on_device(key.geometric(x.shape, x.dtype, p))
    return jax.random.geometric(key, p, x.shape).astype(x.dtype)


def log_normal(input: ArrayLike, mean: float = 1.0, std: float = 2.0, *, generator: Key | None = None) -> jax.Array:
    """Numbers whose logarithms are normal, as ``input.log_normal_(mean, std)`` leaves them.

    Args:
        input: says shape and dtype.
        mean: the mean of the logarithm.
        std: its standard deviation, above 0.
        generator: a `fnn.random.Generator` or a JAX key.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> bool((fnn.log_normal(jnp.empty(3)) > 0).all())
        True
    """
    x, key = _form(input, "log_normal"), _key(generator, "log_normal")
    if not std > 0:
        raise ArgumentError(f"log_normal: expected std > 0, got std={std}")
    if isinstance(key, Generator):
        return random.on_device(key.log_normal(x.shape, x.dtype, mean, std))
    return jnp.exp(mean + std * jax.random.normal(key, x.shape, x.dtype))
