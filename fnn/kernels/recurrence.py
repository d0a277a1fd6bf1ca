r"""Recurrences over time as scans whose derivative needs no product of its own at each step.

Autodiff of a scan adds the gradient of the recurrent matrix up step by step: a product and a pass over the matrix at
each.  Here the derivative is written by hand: with the states h of the forward scan at hand, the tangent
``h[t - 1] @ dW.T`` of all steps is one product before a scan that is linear in the tangents.  Its transpose gives the
gradient of all gates first and that of ``W`` as one product after.  It is a ``custom_jvp``, so forward mode and higher
orders follow by JAX's own rules.

The legend: T steps, N sequences, H the hidden size, G the size of all gates, P the size of h (H without a projection).
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax

from fnn.kernels.mesh import select

__all__ = ["matmul_t", "one_step", "recurrence"]

Arrays = tuple[jax.Array, ...]
# Steps in one turn of the loop. On a CPU one is as fast as two, gradients of four are slower by up to a third, and each
# takes longer to compile (python benchmarks/kernels.py recurrence); elsewhere each turn that is saved is a wait less.
_UNROLL, _UNROLL_ELSEWHERE = 1, 4


def matmul_t(a: jax.Array, b: jax.Array) -> jax.Array:
    r"""``a @ b.T``: (\*, K), (M, K) -> (\*, M); in the dtype of ``b``, the weight, where states are wider."""
    a = a if a.dtype == b.dtype else lax.convert_element_type(a, b.dtype)
    return lax.dot_general(a, b, (((a.ndim - 1,), (1,)), ((), ())))


def _split(x: jax.Array, n: int) -> Arrays:
    return tuple(jnp.split(x, n, axis=-1))


def _added(parts: Arrays, whole: jax.Array) -> Arrays:
    """The gates of two sums: one comes in parts."""
    return tuple(a + b for a, b in zip(parts, _split(whole, len(parts)), strict=True))


class Tanh:
    """``h = tanh(x + h @ W.T)``; the weights are (W,)."""

    gates = 1

    @staticmethod
    def step(x: Arrays, carry: Arrays, weights: Arrays) -> tuple[Arrays, Arrays]:
        new = jnp.tanh(x[0] + matmul_t(carry[0], weights[0]))
        return (new,), (new,)

    @staticmethod
    def slopes(kept: Arrays, carry: Arrays) -> Arrays:
        del carry
        return (1 - jnp.square(kept[0]),)

    @staticmethod
    def external(dx: jax.Array, kept: Arrays, carry: Arrays, dweights: Arrays) -> Arrays:
        del kept
        return (dx + matmul_t(carry[0], dweights[0]),)

    @staticmethod
    def linear(external: Arrays, slopes: Arrays, dcarry: Arrays, weights: Arrays) -> Arrays:
        return (slopes[0] * (external[0] + matmul_t(dcarry[0], weights[0])),)


class Relu(Tanh):
    """``h = max(x + h @ W.T, 0)``; the weights are (W,)."""

    @staticmethod
    def step(x: Arrays, carry: Arrays, weights: Arrays) -> tuple[Arrays, Arrays]:
        new = lax.max(x[0] + matmul_t(carry[0], weights[0]), jnp.zeros_like(x[0]))
        return (new,), (new,)

    @staticmethod
    def slopes(kept: Arrays, carry: Arrays) -> Arrays:
        del carry
        return ((kept[0] > 0).astype(kept[0].dtype),)


class Lstm:
    """Gates i, f, g, o of ``x + h @ W.T``; ``c = f c + i g``, ``h = o tanh(c)``; the weights are (W,) or (W, R).

    R projects h.
    """

    gates = 4

    @staticmethod
    def step(x: Arrays, carry: Arrays, weights: Arrays) -> tuple[Arrays, Arrays]:
        h, c = carry
        i, f, g, o = _added(x, matmul_t(h, weights[0]))
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        c = f * c + i * g
        t = jnp.tanh(c)
        h = o * t
        return ((matmul_t(h, weights[1]) if len(weights) > 1 else h), c), (i, f, g, o, t)

    @staticmethod
    def slopes(kept: Arrays, carry: Arrays) -> Arrays:
        """Of c by the gates i, f, g and by c; of h by the gate o and by c."""
        i, f, g, o, t = kept
        of_c = (g * i * (1 - i), carry[1] * f * (1 - f), i * (1 - jnp.square(g)), f)
        return (*of_c, t * o * (1 - o), o * (1 - jnp.square(t)))

    @staticmethod
    def external(dx: jax.Array, kept: Arrays, carry: Arrays, dweights: Arrays) -> Arrays:
        gates = dx + matmul_t(carry[0], dweights[0])
        if len(dweights) == 1:
            return (gates,)
        return gates, matmul_t(kept[3] * kept[4], dweights[1])

    @staticmethod
    def linear(external: Arrays, slopes: Arrays, dcarry: Arrays, weights: Arrays) -> Arrays:
        dh, dc = dcarry
        di, df, dg, do = _split(external[0] + matmul_t(dh, weights[0]), 4)
        by_i, by_f, by_g, by_c, h_by_o, h_by_c = slopes
        dc = by_i * di + by_f * df + by_g * dg + by_c * dc
        dh = h_by_o * do + h_by_c * dc
        return (matmul_t(dh, weights[1]) + external[1] if len(weights) > 1 else dh), dc


class Gru:
    """Gates r, z, n: ``n = tanh(x_n + r (h @ W_n.T + b))``, ``h = (1 - z) n + z h``; the weights are (W,) or (W, b)."""

    gates = 3

    @staticmethod
    def step(x: Arrays, carry: Arrays, weights: Arrays) -> tuple[Arrays, Arrays]:
        (h,) = carry
        hr, hz, hn = _split(matmul_t(h, weights[0]), 3)
        xr, xz, xn = x
        if len(weights) > 1:
            hn = hn + jnp.broadcast_to(weights[1], hn.shape)
        r, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
        n = jnp.tanh(xn + r * hn)
        return ((1 - z) * n + z * h,), (r, z, n, hn)

    @staticmethod
    def slopes(kept: Arrays, carry: Arrays) -> Arrays:
        """Of r, z and n by what is inside; of h by n is 1 - z, of h by z is h - n, of h by h is z."""
        r, z, n, hn = kept
        return r, z, hn * r * (1 - r), (carry[0] - n) * z * (1 - z), (1 - z) * (1 - jnp.square(n))

    @staticmethod
    def external(dx: jax.Array, kept: Arrays, carry: Arrays, dweights: Arrays) -> Arrays:
        eh_r, eh_z, eh_n = _split(matmul_t(carry[0], dweights[0]), 3)
        ex_r, ex_z, ex_n = _split(dx, 3)
        if len(dweights) > 1:
            eh_n = eh_n + jnp.broadcast_to(dweights[1], eh_n.shape)
        return (jnp.concatenate((ex_r + eh_r, ex_z + eh_z, ex_n + kept[0] * eh_n), -1),)

    @staticmethod
    def linear(external: Arrays, slopes: Arrays, dcarry: Arrays, weights: Arrays) -> Arrays:
        r, z, n_by_r, h_by_z, h_by_n = slopes
        er, ez, en = _split(external[0], 3)
        dr, dz, dn = _split(matmul_t(dcarry[0], weights[0]), 3)
        inside = en + n_by_r * (er + dr) + r * dn
        return (h_by_n * inside + h_by_z * (ez + dz) + z * dcarry[0],)


CELLS = {"tanh": Tanh, "relu": Relu, "lstm": Lstm, "gru": Gru}


def _unroll() -> int:
    return _UNROLL if jax.default_backend() == "cpu" else _UNROLL_ELSEWHERE


def _where(mask: jax.Array | None, new: Arrays, old: Arrays) -> Arrays:
    if mask is None:
        return new
    return tuple(select(lax.broadcast_in_dim(mask, n.shape, (0,)), n, o) for n, o in zip(new, old, strict=True))


def _run(kind: str, reverse: bool, x: jax.Array, carry: Arrays, weights: Arrays, mask: jax.Array | None, keep: bool):
    """The scan; with ``keep`` also the states before each step and what the slopes are made of."""
    cell = CELLS[kind]

    def step(carry: Arrays, now: tuple):
        x, mask = now
        new, kept = cell.step(x, carry, weights)
        new = _where(mask, new, carry)
        return new, (new[0], (kept, carry) if keep else ((), ()))

    # The gates come one by one: of a step's row that several gates are cut from, XLA's CPU compiler makes a function
    # of its own inside of a loop that is then not vectorised (python benchmarks/kernels.py recurrence).
    return lax.scan(step, carry, (_split(x, cell.gates), mask), reverse=reverse, unroll=_unroll())


def one_step(kind: str, x: jax.Array, carry: Arrays, weights: Arrays) -> Arrays:
    """The states after one step whose inputs' part of the gates is ``x``, (N, G); see `recurrence`."""
    cell = CELLS[kind]
    return cell.step(_split(x, cell.gates), carry, weights)[0]


def recurrence(
    kind: str, reverse: bool, x: jax.Array, carry: Arrays, weights: Arrays, mask: jax.Array | None
) -> tuple[jax.Array, Arrays]:
    """The states of all steps, and the last.

    Args:
        kind: of `CELLS`.
        reverse: whether the last step comes first.
        x: (T, N, G), the inputs' part of the gates, with all biases that are outside of a product.
        carry: (h,) or (h, c): (N, P) and (N, H).
        weights: of the cell: (G, P) and what its docstring says.
        mask: (T, N), False where a sequence has no such step and its state stays; None: all have.

    Returns:
        (T, N, P), and the last ``carry``.
    """
    if x.shape[0] == 1:  # a decoder that goes word by word: no loop to trace, compile and run
        new = _where(None if mask is None else mask[0], one_step(kind, x[0], carry, weights), carry)
        return new[0][None], new
    return _compiled(kind, reverse, x, carry, weights, mask)


def _plain(
    kind: str, reverse: bool, x: jax.Array, carry: Arrays, weights: Arrays, mask: jax.Array | None
) -> tuple[jax.Array, Arrays]:
    last, (outputs, _) = _run(kind, reverse, x, carry, weights, mask, keep=False)
    return outputs, last


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _scanned(
    kind: str, reverse: bool, x: jax.Array, carry: Arrays, weights: Arrays, mask: jax.Array | None
) -> tuple[jax.Array, Arrays]:
    return _plain(kind, reverse, x, carry, weights, mask)


@_scanned.defjvp
def _scanned_jvp(kind: str, reverse: bool, primals: tuple, tangents: tuple):
    x, carry, weights, mask = primals
    dx, dcarry, dweights, _ = tangents
    cell = CELLS[kind]
    last, (outputs, (kept, before)) = _run(kind, reverse, x, carry, weights, mask, keep=True)
    slopes = cell.slopes(kept, before)
    external = cell.external(dx, kept, before, dweights)

    def step(dcarry: Arrays, now: tuple):
        external, slopes, mask = now
        new = _where(mask, cell.linear(external, slopes, dcarry, weights), dcarry)
        return new, new[0]

    dlast, doutputs = lax.scan(step, dcarry, (external, slopes, mask), reverse=reverse, unroll=_unroll())
    return (outputs, last), (doutputs, dlast)


# The body of a scan is a new function at each call: outside of a program it would be traced and compiled each time.
# Before JAX 0.10 a scan in the rule of a derivative has no transpose: the derivative there is that of the scan.
_compiled = jax.jit(_scanned if jax.__version_info__ >= (0, 10) else _plain, static_argnums=(0, 1))
