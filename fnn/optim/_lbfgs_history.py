"""What L-BFGS does to parameters, gradients and its history: compiled, on vectors."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn.optim._each import joined, planes
from fnn.typing import Real

__all__ = [
    "History", "Measured", "direction", "flat", "flat_gradient", "grown", "moved", "remembered", "slope_of",
]  # fmt: skip


class History(NamedTuple):
    """The last changes of gradient and parameters; places that are not used yet hold zeros."""

    dirs: jax.Array  # (room, n): changes y of the gradient
    steps: jax.Array  # (room, n): changes s of the parameters
    rho: jax.Array  # (room,): 1 / yᵀs
    used: jax.Array  # how many there are
    scale: jax.Array  # of the first approximation of the inverse Hessian


class Measured(NamedTuple):
    """A gradient as one vector."""

    vector: jax.Array
    largest: jax.Array  # its greatest size
    total: jax.Array  # its summed size


def flat(arrays: list[jax.Array]) -> jax.Array:
    """The arrays as one vector of real numbers."""
    return jnp.concatenate([planes(x).reshape(-1) for x in arrays])


@jax.jit
def flat_gradient(grads: list[jax.Array | None], params: list[jax.Array]) -> Measured:
    """The gradients, with zeros for those that are absent."""
    g = flat([jnp.zeros_like(p) if g is None else g for g, p in zip(grads, params, strict=True)])
    return Measured(g, jnp.max(jnp.abs(g)), jnp.sum(jnp.abs(g)))


@jax.jit
def moved(params: list[jax.Array], t: Real, d: jax.Array) -> list[jax.Array]:
    """The parameters, ``t`` times ``d`` further."""
    result, at = [], 0
    for p in params:
        real = planes(p)
        result.append(joined(real + t * d[at : at + real.size].reshape(real.shape), p.dtype))
        at += real.size
    return result


@jax.jit
def slope_of(g: jax.Array, d: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The derivative along ``d``, and the greatest size of a number of ``d``."""
    return jnp.dot(g, d), jnp.max(jnp.abs(d))


@jax.jit
def remembered(memory: History, g: jax.Array, last: jax.Array, d: jax.Array, t: Real) -> History:
    """The history with the last change of the gradient and of the parameters, where that is a downward curve."""
    *changes, count, _ = memory
    y, s = g - last, d * t
    ys = jnp.dot(y, s)
    full = count == memory.rho.shape[0]
    kept = [jnp.where(full, jnp.roll(x, -1, 0), x) for x in changes]
    at = jnp.where(full, count - 1, count)
    dirs, steps, rho = (x.at[at].set(v) for x, v in zip(kept, (y, s, 1 / ys), strict=True))
    found = History(dirs, steps, rho, at + 1, ys / jnp.dot(y, y))
    return jax.tree.map(lambda a, b: jnp.where(ys > 1e-10, a, b), found, memory)


@jax.jit
def direction(memory: History, g: jax.Array) -> jax.Array:
    """The approximate inverse Hessian times -g, by the two-loop recursion."""
    dirs, steps, rho, _, scale = memory

    def back(q: jax.Array, x: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        y, s, r = x
        a = jnp.dot(s, q) * r
        return q - a * y, a

    def forth(r: jax.Array, x: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        y, s, rho, a = x
        return r + (a - jnp.dot(y, r) * rho) * s, None

    q, a = jax.lax.scan(back, -g, (dirs, steps, rho), reverse=True)
    return jax.lax.scan(forth, q * scale, (dirs, steps, rho, a))[0]


def grown(memory: History, limit: int) -> History:
    """Room for one more entry, up to ``limit``."""
    room = memory.rho.shape[0]
    if int(memory.used) < room or room >= limit:
        return memory

    def wider(x: jax.Array) -> jax.Array:
        return jnp.concatenate([x, jnp.zeros((min(2 * room, limit) - room, *x.shape[1:]), x.dtype)])

    return memory._replace(dirs=wider(memory.dirs), steps=wider(memory.steps), rho=wider(memory.rho))
