r"""Attention without the whole matrix of scores, and which of the ways to compute it is taken.

`by_rows` is the plain formula for some queries at a time: rows of scores are independent of each other, so the
arithmetic is unchanged.  `by_tiles` goes over the keys as well, with a running maximum and sum (Dao et al.,
"FlashAttention", 2022, arXiv:2205.14135), and leaves tiles out.  Both are checkpointed scans, so that every derivative
needs the memory of one block and not of the matrix, at the cost of computing scores once more.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.errors import ArgumentError

# From this many keys on, and this many scores in all, the scores of a call are not held whole; a block of queries has
# about `BLOCK` of them (python benchmarks/kernels.py attention).
LONG, SCORES, BLOCK = 1024, 1 << 26, 1 << 22


class SDPBackend(enum.IntEnum):
    """How `scaled_dot_product_attention` is computed; see `fnn.nn.attention.sdpa_kernel`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn import functional as F
        >>> from fnn.nn.attention import SDPBackend, sdpa_kernel
        >>> x = jnp.ones((1, 2, 4))
        >>> with sdpa_kernel(SDPBackend.MATH):
        ...     F.scaled_dot_product_attention(x, x, x).shape
        (1, 2, 4)
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    __str__ = enum.Enum.__str__


class Backends(NamedTuple):
    """What `sdpa_kernel` allows, and the order in which it is tried, if one was asked for."""

    allowed: frozenset[SDPBackend] = frozenset(SDPBackend)
    order: tuple[SDPBackend, ...] | None = None


# A part of the key of JAX's caches, so that a program belongs to the backends that it was traced under.
backends = jax.make_user_context(Backends())

_NAME = "scaled_dot_product_attention: "
_BLOCKWISE = (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION)


def choose(scores: tuple[int, ...], drops: bool, cudnn: bool) -> SDPBackend:
    r"""The backend for one call: MATH is the plain formula, FLASH_ATTENTION and EFFICIENT_ATTENTION `by_rows`.

    Args:
        scores: their shape, (\*, L, S).
        drops: whether weights are dropped, which only the plain formula does.
        cudnn: whether cuDNN's kernel is there and takes these operands.

    Raises:
        ArgumentError: no backend that is allowed can run this.
    """
    allowed, order = backends.value
    runs = {SDPBackend.MATH: True, SDPBackend.CUDNN_ATTENTION: cudnn, **dict.fromkeys(_BLOCKWISE, not drops)}
    able = [b for b in order or runs if b in allowed and runs.get(b)]
    if not able:
        if not drops or not allowed.intersection(_BLOCKWISE):
            raise ArgumentError(
                f"{_NAME}No viable backend for scaled_dot_product_attention was found. This is likely due to turning "
                f"off both the math kernel and the fused kernels; allowed: {_listed(allowed)}"
            )
        raise ArgumentError(
            f"{_NAME}No available kernel. Aborting execution. {_listed(allowed)} cannot drop weights (dropout_p > 0); "
            "allow SDPBackend.MATH as well"
        )
    if order is not None:
        return able[0]
    if SDPBackend.CUDNN_ATTENTION in able:
        return SDPBackend.CUDNN_ATTENTION
    blockwise = next((b for b in _BLOCKWISE if b in able), SDPBackend.MATH)
    if SDPBackend.MATH not in able:
        return blockwise
    return blockwise if scores[-1] >= LONG and math.prod(scores) >= SCORES else SDPBackend.MATH


def _listed(some: frozenset[SDPBackend]) -> str:
    return ", ".join(str(b) for b in sorted(some)) or "none"


def cudnn_takes(q: jax.Array, k: jax.Array, v: jax.Array, masked: bool, causal: bool, drops: bool) -> bool:
    """Whether cuDNN's flash kernel computes this as the formula does, wherever it may run.

    It wants half types and four dimensions of one batch and one number of heads, and heads of up to 128 features, a
    multiple of 8.  A mask would be handed to it as a bias, for which rows that are masked whole give means and not
    zeros; its dropout is not ours; its causal mask is ours if the lengths are equal.
    """
    heads = q.shape[-1]
    return (
        q.dtype in (jnp.bfloat16, jnp.float16)
        and q.ndim == k.ndim == v.ndim == 4
        and q.shape[:2] == k.shape[:2] == v.shape[:2]
        and heads == v.shape[-1]
        and heads % 8 == 0
        and 0 < heads <= 128
        and min(q.shape[2], k.shape[2]) > 0
        and not (masked or drops)
        and (not causal or q.shape[2] == k.shape[2])
    )


def has_cudnn() -> bool:
    """Whether programs run on a GPU, by default."""
    return jax.default_backend() == "gpu"


def cudnn(q: jax.Array, k: jax.Array, v: jax.Array, causal: bool, scale: float | None) -> jax.Array:
    """CuDNN's flash attention: (N, H, L, E), (N, H, S, E), (N, H, S, E) -> (N, H, L, E)."""
    q, k, v = (x.swapaxes(1, 2) for x in (q, k, v))
    out = jax.nn.dot_product_attention(q, k, v, is_causal=causal, scale=scale, implementation="cudnn")
    return out.swapaxes(1, 2)


def rows_at_once(scores: tuple[int, ...]) -> int:
    r"""How many of L queries make one block of `by_rows`, for scores of shape (\*, L, S)."""
    *batch, length, keys = scores
    fit = BLOCK // max(math.prod(batch) * keys, 1)
    return max(min(length, 1 << max(fit.bit_length() - 1, 4)), 1)


def by_rows(
    attend: Callable[[jax.Array, jax.Array, jax.Array | None], jax.Array],
    q: jax.Array,
    mask: jax.Array | None,
    size: int,
) -> jax.Array:
    r"""``attend(first, q, mask)`` for ``size`` queries at a time, put together again.

    Args:
        attend: what is computed of some queries, of which the first has the index ``first``: (\*, l, Ev).
        q: (\*, L, E).
        mask: (\*, L, S), or (\*, 1, S), which all blocks share.
        size: of a block.
    """
    length = q.shape[-2]
    whole = length // size * size
    split = mask is not None and mask.shape[-2] == length != 1
    outputs = []
    if whole:
        attend_block = jax.checkpoint(attend, prevent_cse=False)
        starts = jnp.arange(0, whole, size, dtype=np.int32)
        xs = starts, _blocks(q, whole, size), _blocks(mask, whole, size) if mask is not None and split else None

        def block(_: None, x: tuple) -> tuple[None, jax.Array]:
            first, rows, masked = x
            return None, attend_block(first, rows, masked if split else mask)

        stacked = jnp.moveaxis(lax.scan(block, None, xs)[1], 0, -3)
        outputs.append(stacked.reshape(*stacked.shape[:-3], whole, stacked.shape[-1]))
    if whole < length:
        rest = mask[..., whole:, :] if mask is not None and split else mask
        outputs.append(attend(jnp.asarray(whole, np.int32), q[..., whole:, :], rest))
    return outputs[0] if len(outputs) == 1 else jnp.concatenate(outputs, axis=-2)


def _blocks(x: jax.Array, whole: int, size: int) -> jax.Array:
    r"""(\*, L, E) -> (blocks, \*, size, E), of the first ``whole`` rows."""
    x = x[..., :whole, :]
    return jnp.moveaxis(x.reshape(*x.shape[:-2], whole // size, size, x.shape[-1]), -3, 0)


# What is done to a tile of scores (B, H, q, k) whose queries and keys have these indices, in the tile (i, j).
Modify = Callable[[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]


class Attended(NamedTuple):
    """The output (B, H, L, Ev), the logarithm of the sum of exponentials and the highest score, (B, H, L)."""

    output: jax.Array
    lse: jax.Array
    highest: jax.Array


def by_tiles(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    scale: float,
    modify: Modify,
    visit: jax.Array | None,
    sizes: tuple[int, int],
) -> Attended:
    """Attention over tiles of scores: (B, H, L, E), (B, H, S, E), (B, H, S, Ev) -> (B, H, L, Ev).

    Args:
        q: (B, H, L, E), not empty.
        k: (B, H, S, E), not empty.
        v: (B, H, S, Ev).
        scale: what scores are multiplied with.
        modify: the scores of a tile, modified; minus infinity where a query may not attend.
        visit: (ceil(L / q), ceil(S / k)) booleans, whether a tile has anything to attend to; None, all have.
        sizes: of a tile, (q, k).
    """
    (length, keys), (high, wide) = (q.shape[2], k.shape[2]), sizes
    dtype = jnp.float32 if q.dtype.itemsize == 2 else q.dtype
    rows, columns = -(-length // high), -(-keys // wide)
    q, k, v = _tiled(q, rows, high), _tiled(k, columns, wide), _tiled(v, columns, wide)

    def tile(i: jax.Array, q: jax.Array, j: jax.Array, k: jax.Array, v: jax.Array, state: Attended) -> Attended:
        at_q = jnp.minimum(i * high + jnp.arange(high, dtype=np.int32), length - 1)
        at_k = j * wide + jnp.arange(wide, dtype=np.int32)
        dims = (((3,), (3,)), ((0, 1), (0, 1)))
        scores = lax.dot_general(q, k, dims, preferred_element_type=dtype) * jnp.asarray(scale, dtype)
        scores = modify(scores, at_q, jnp.minimum(at_k, keys - 1), i, j).astype(dtype)
        there = jnp.broadcast_to((at_k < keys).reshape(1, 1, 1, -1), scores.shape)
        scores = lax.select(there, scores, lax.full_like(scores, -np.inf))
        # The results do not depend on what is subtracted, so neither do their derivatives.
        highest = jnp.maximum(state.highest, lax.stop_gradient(scores.max(-1)))
        base = jnp.where(highest == -np.inf, jnp.zeros((), dtype), highest)
        exponential = jnp.exp(scores - base[..., None])
        before = jnp.exp(state.highest - base)  # 0 for the first keys that count
        update = lax.dot_general(
            exponential.astype(v.dtype), v, (((3,), (2,)), ((0, 1), (0, 1))), preferred_element_type=dtype
        )
        return Attended(state.output * before[..., None] + update, state.lse * before + exponential.sum(-1), highest)

    def row(i: jax.Array, q: jax.Array, visits: jax.Array | None) -> Attended:
        def step(state: Attended, x: tuple) -> tuple[Attended, None]:
            j, k, v, wanted = x
            if wanted is None:
                return tile(i, q, j, k, v, state), None
            return lax.cond(wanted, lambda: tile(i, q, j, k, v, state), lambda: state), None

        lead = q.shape[:3]
        start = Attended(jnp.zeros((*lead, v.shape[-1]), dtype), jnp.zeros(lead, dtype), jnp.full(lead, -np.inf, dtype))
        xs = jnp.arange(columns, dtype=np.int32), k, v, visits
        state = lax.scan(jax.checkpoint(step, prevent_cse=False), start, xs)[0]
        none = state.lse == 0
        total = jnp.where(none, jnp.ones((), dtype), state.lse)
        base = jnp.where(state.highest == -np.inf, jnp.zeros((), dtype), state.highest)
        lse = jnp.where(none, jnp.asarray(-np.inf, dtype), base + jnp.log(total))
        return Attended(state.output / total[..., None], lse, state.highest)

    one_row = jax.checkpoint(row, prevent_cse=False)
    found = lax.scan(lambda _, x: (None, one_row(*x)), None, (jnp.arange(rows, dtype=np.int32), q, visit))[1]
    return Attended(*(_untiled(x, length) for x in found))


def _tiled(x: jax.Array, count: int, size: int) -> jax.Array:
    """(B, H, L, E) -> (tiles, B, H, size, E), with zeros at the end."""
    b, h, length, e = x.shape
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), (0, count * size - length, 0), (0, 0, 0)])
    return jnp.moveaxis(x.reshape(b, h, count, size, e), 2, 0)


def _untiled(x: jax.Array, length: int) -> jax.Array:
    """(tiles, B, H, size, ...) -> (B, H, L, ...)."""
    x = jnp.moveaxis(x, 0, 2)
    return x.reshape(*x.shape[:2], x.shape[2] * x.shape[3], *x.shape[4:])[:, :, :length]
