"""Attention over sequences of different lengths that lie one after the other, without padding.

Of query, key and value all tokens stand in one axis; cumulative lengths say where each sequence begins and ends. The
legend: N sequences, T_q and T_k tokens in all of them, H_q and H_kv heads, D features.

PyTorch has this for its kernels on a GPU only; here it is the formula, some queries at a time, on any backend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import floating, listed
from fnn.dtypes import is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.attention import by_rows, rows_at_once
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

__all__ = ["varlen_attn", "varlen_attn_out", "AuxRequest"]

_NAME = "varlen_attn: "


class AuxRequest(NamedTuple):
    """What `varlen_attn` is to return besides its output.

    Example:
        >>> from fnn.nn.attention.varlen import AuxRequest
        >>> AuxRequest(lse=True)
        AuxRequest(lse=True)
    """

    lse: bool = False


def varlen_attn(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    cu_seq_q: ArrayLike,
    cu_seq_k: ArrayLike | None,
    max_q: int,
    max_k: int,
    *,
    return_aux: AuxRequest | None = None,
    scale: float | None = None,
    window_size: Sequence[int] = (-1, -1),
    enable_gqa: bool = False,
    seqused_k: ArrayLike | None = None,
    block_table: ArrayLike | None = None,
    num_splits: int | None = None,
) -> Any:
    """Attention in which the queries of a sequence see the keys of the same sequence.

    Args:
        query: (T_q, H_q, D), floating.
        key: (T_k, H_kv, D); with ``block_table`` a pool of pages, (pages, page size, H_kv, D).
        value: (T_k, H_kv, Dv), or pages of them.
        cu_seq_q: (N + 1,), where the sequences of queries begin, and the last one ends: 0 comes first.
        cu_seq_k: (N + 1,), the same of keys and values; None with ``block_table`` only.
        max_q: the greatest number of queries of a sequence, known when a function is traced.
        max_k: the greatest number of keys of a sequence, likewise.
        return_aux: whether the logarithms of the sums of exponentials are wanted, too.
        scale: of the scores; ``1 / sqrt(D)`` if it is None.
        window_size: how many keys to the left and to the right of its own a query sees, -1 for all; the last query of
            a sequence is at its last key. (-1, 0) is causal attention.
        enable_gqa: lets ``H_q / H_kv`` heads of queries share one of keys and values.
        seqused_k: (N,), how many keys of each sequence count.
        block_table: (N, pages of a sequence), the pages that hold the keys of each sequence, in order; needs
            ``seqused_k``.
        num_splits: how PyTorch's kernel splits its sums; the formula has one sum, which depends on no other sequence.

    Returns:
        (T_q, H_q, Dv), zeros where a query sees no key; with ``return_aux.lse`` also the logarithms (H_q, T_q), in
        float32 at least, -inf where it sees none.

    Raises:
        ArgumentError: shapes, heads or options that do not fit.
        ArgumentTypeError: types that do not fit, or a greatest length that is not known.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.attention.varlen import varlen_attn
        >>> x = jnp.ones((5, 1, 4))
        >>> starts = jnp.array([0, 2, 5])
        >>> varlen_attn(x, x, x, starts, starts, 3, 3, window_size=(-1, 0)).shape
        (5, 1, 4)
    """
    del num_splits
    q, k, v = (floating(a, _NAME, name) for a, name in ((query, "query"), (key, "key"), (value, "value")))
    window = tuple(window_size)
    if len(window) != 2:
        raise ArgumentError(f"{_NAME}window_size must have length 2, got {len(window)} (window_size={window_size!r})")
    at_most = [_known(n, name) for n, name in ((max_q, "max_q"), (max_k, "max_k"))]
    starts_q = _integers(cu_seq_q, "cu_seq_q")
    starts_k = None if cu_seq_k is None else _integers(cu_seq_k, "cu_seq_k")
    used = None if seqused_k is None else _integers(seqused_k, "seqused_k")
    pages = None if block_table is None else _integers(block_table, "block_table", 2)
    _check(q, k, v, enable_gqa, paged=pages is not None)
    _check_sequences(starts_q, starts_k, used, pages)

    if pages is not None and used is not None:
        keys, lengths_k = _of_pages(pages, k.shape[1], at_most[1]), used
        k, v = (a.reshape(-1, *a.shape[2:]) for a in (k, v))
    else:
        assert starts_k is not None
        keys, lengths_k = _from(starts_k[:-1], at_most[1]), jnp.diff(starts_k)
        lengths_k = lengths_k if used is None else jnp.minimum(lengths_k, used)
    lengths_q = jnp.diff(starts_q)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    padded = [_rows(q, _from(starts_q[:-1], at_most[0]), lengths_q), *(_rows(a, keys, lengths_k) for a in (k, v))]
    out, lse = _attend(padded[0], padded[1], padded[2], lengths_q, lengths_k, scale, window)

    # (N, max_q, H_q, ...) -> (T_q, H_q, ...)
    token = jnp.arange(q.shape[0])
    of = jnp.clip(jnp.searchsorted(starts_q, token, side="right") - 1, 0, starts_q.shape[0] - 2)
    at = token - starts_q[of]
    there = (at < at_most[0]) & (token < starts_q[-1])
    of, at = jnp.where(there, of, 0), jnp.where(there, at, 0)
    out = jnp.where(there[:, None, None], out[of, at], 0).astype(q.dtype)
    if return_aux is None or not return_aux.lse:
        return out
    return out, jnp.where(there[:, None], lse[of, at], -jnp.inf).T


def varlen_attn_out(
    out: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    cu_seq_q: ArrayLike,
    cu_seq_k: ArrayLike | None,
    max_q: int,
    max_k: int,
    *,
    return_aux: AuxRequest | None = None,
    scale: float | None = None,
    window_size: Sequence[int] = (-1, -1),
    enable_gqa: bool = False,
    seqused_k: ArrayLike | None = None,
    block_table: ArrayLike | None = None,
    num_splits: int | None = None,
) -> Any:
    """`varlen_attn` with an array for its result, which says its shape and dtype only: arrays are immutable.

    Args:
        out: (T_q, H_q, Dv), of the dtype of ``query``.
        query: see `varlen_attn`, as all that follow.
        key: see `varlen_attn`.
        value: see `varlen_attn`.
        cu_seq_q: see `varlen_attn`.
        cu_seq_k: see `varlen_attn`.
        max_q: see `varlen_attn`.
        max_k: see `varlen_attn`.
        return_aux: see `varlen_attn`.
        scale: see `varlen_attn`.
        window_size: see `varlen_attn`.
        enable_gqa: see `varlen_attn`.
        seqused_k: see `varlen_attn`.
        block_table: see `varlen_attn`.
        num_splits: see `varlen_attn`.

    Returns:
        As `varlen_attn`: what PyTorch writes into ``out`` is what is returned.

    Raises:
        ArgumentError: ``out`` has another shape or dtype than the result, or as `varlen_attn`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.attention.varlen import varlen_attn_out
        >>> x = jnp.ones((3, 1, 4))
        >>> starts = jnp.array([0, 1, 3])
        >>> varlen_attn_out(jnp.empty_like(x), x, x, x, starts, starts, 2, 2).shape
        (3, 1, 4)
    """
    found = varlen_attn(
        query,
        key,
        value,
        cu_seq_q,
        cu_seq_k,
        max_q,
        max_k,
        return_aux=return_aux,
        scale=scale,
        window_size=window_size,
        enable_gqa=enable_gqa,
        seqused_k=seqused_k,
        block_table=block_table,
        num_splits=num_splits,
    )
    result, room = found[0] if isinstance(found, tuple) else found, to_array(out, "out", "varlen_attn_out: ")
    if room.shape != result.shape or room.dtype != result.dtype:
        raise ArgumentError(
            f"varlen_attn_out: expected out of shape {listed(result.shape)} and dtype {result.dtype}, but got "
            f"{listed(room.shape)} and {room.dtype}"
        )
    return found


# -- the formula ----------------------------------------------------------------------------------------


def _attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    lengths_q: jax.Array,
    lengths_k: jax.Array,
    scale: float,
    window: tuple[int, ...],
) -> tuple[jax.Array, jax.Array]:
    """(N, L, H_q, D), (N, S, H_kv, D), (N, S, H_kv, Dv) -> (N, L, H_q, Dv), (N, L, H_q)."""
    n, length, heads, _ = q.shape
    shared = heads // k.shape[2]
    real = jnp.promote_types(q.dtype, np.float32)
    grouped = q.reshape(n, length, k.shape[2], shared, q.shape[-1]).transpose(0, 2, 3, 1, 4)  # (N, H_kv, G, L, D)
    k, v = k.transpose(0, 2, 1, 3), v.transpose(0, 2, 1, 3)
    at_k = np.arange(k.shape[2], dtype=np.int32)
    after = (lengths_k - lengths_q)[:, None, None]  # of the key that a query is at
    there = at_k[None, None] < lengths_k[:, None, None]  # (N, 1, S)

    def some(first: jax.Array, q: jax.Array, mask: jax.Array | None) -> jax.Array:
        del mask
        at_q = first + np.arange(q.shape[-2], dtype=np.int32)[None, :, None] + after
        seen = jnp.broadcast_to(there, (n, q.shape[-2], len(at_k)))
        if window[0] >= 0:
            seen = seen & (at_k[None, None] >= at_q - window[0])
        if window[1] >= 0:
            seen = seen & (at_k[None, None] <= at_q + window[1])
        seen = seen[:, None, None]
        scores = jnp.einsum("nhgld,nhsd->nhgls", q, k, preferred_element_type=real) * scale
        scores = jnp.where(seen, scores, -jnp.inf)
        highest = lax.stop_gradient(scores.max(-1, keepdims=True, initial=-jnp.inf))
        highest = jnp.where(jnp.isneginf(highest), 0, highest)
        exponentials = jnp.exp(scores - highest)
        sums = exponentials.sum(-1, keepdims=True)
        none = sums == 0
        sums = jnp.where(none, 1, sums)
        y = jnp.einsum("nhgls,nhsd->nhgld", exponentials / sums, v.astype(real))
        return jnp.concatenate((y, jnp.where(none, -jnp.inf, highest + jnp.log(sums))), -1)

    size = rows_at_once((n, heads, length, len(at_k)))
    both = some(jnp.zeros((), np.int32), grouped, None) if size >= length else by_rows(some, grouped, None, size)
    both = both.transpose(0, 3, 1, 2, 4).reshape(n, length, heads, v.shape[-1] + 1)
    return both[..., :-1], both[..., -1]


def _from(starts: jax.Array, count: int) -> jax.Array:
    """``count`` integers from each start on: (N, count)."""
    return starts[:, None] + np.arange(count, dtype=starts.dtype)[None]


def _rows(a: jax.Array, at: jax.Array, lengths: jax.Array) -> jax.Array:
    """Rows of the first axis (N, count, ...), zeros for what a sequence does not have."""
    there = np.arange(at.shape[1], dtype=np.int32)[None] < lengths[:, None]
    rows = a.at[jnp.where(there, at, 0)].get(mode="clip")
    return jnp.where(lax.expand_dims(there, range(2, rows.ndim)), rows, jnp.zeros((), a.dtype))


def _of_pages(pages: jax.Array, size: int, count: int) -> jax.Array:
    """The rows of the pool that hold the first ``count`` keys of each sequence."""
    token = np.arange(count, dtype=np.int32)
    page = np.minimum(token // size, pages.shape[1] - 1)
    return pages[:, page] * size + (token % size)[None]


# -- arguments ------------------------------------------------------------------------------------------


def _known(n: object, name: str) -> int:
    if isinstance(n, Tracer):
        raise ArgumentTypeError(
            f"{_NAME}{name} must be known when a function is traced, for it is the length of an axis; got a traced "
            "value. Close over it, or make it a static argument"
        )
    try:
        return int(n.__index__())  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        raise ArgumentTypeError(f"{_NAME}{name} must be an int, got {n!r}") from None


def _integers(a: ArrayLike, name: str, rank: int = 1) -> jax.Array:
    array = to_array(a, name, _NAME)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise ArgumentTypeError(f"{_NAME}expected {name} of an integer dtype, got {array.dtype}")
    if array.ndim != rank:
        raise ArgumentError(f"{_NAME}expected {name} with {rank} dimension(s), got shape {listed(array.shape)}")
    return array


def _check(q: jax.Array, k: jax.Array, v: jax.Array, enable_gqa: bool, paged: bool) -> None:
    rank = 4 if paged else 3
    shapes = f"got query {listed(q.shape)}, key {listed(k.shape)}, value {listed(v.shape)}"
    if q.ndim != 3 or k.ndim != rank or v.ndim != rank:
        of = "(pages, page size, heads, features)" if paged else "(tokens, heads, features)"
        raise ArgumentError(f"{_NAME}expected query (tokens, heads, features), key and value {of}; {shapes}")
    heads_q, heads_k = q.shape[1], k.shape[-2]
    if not enable_gqa and heads_q != heads_k:
        raise ArgumentError(
            f"{_NAME}Expect query and key/value to have the same number of heads but got Hq={heads_q} and "
            f"Hkv={heads_k}. Try setting enable_gqa=True for GQA."
        )
    if heads_k == 0 or heads_q % heads_k != 0:
        raise ArgumentError(
            f"{_NAME}Expect number of query heads to be a multiple of kv heads for GQA but got Hq={heads_q} and "
            f"Hkv={heads_k}."
        )
    if k.shape[:-1] != v.shape[:-1] or q.shape[-1] != k.shape[-1]:
        raise ArgumentError(f"{_NAME}expected keys as long as queries, and a value for each key; {shapes}")
    if not (q.dtype == k.dtype == v.dtype and is_floating(q)):
        raise ArgumentTypeError(f"{_NAME}expected one floating dtype, got {q.dtype}, {k.dtype} and {v.dtype}")


def _check_sequences(
    starts_q: jax.Array, starts_k: jax.Array | None, used: jax.Array | None, pages: jax.Array | None
) -> None:
    n = starts_q.shape[0] - 1
    if n < 1:
        raise ArgumentError(f"{_NAME}expected cu_seq_q of shape (N + 1,), got {listed(starts_q.shape)}")
    if pages is None and starts_k is None:
        raise ArgumentError(f"{_NAME}expected cu_seq_k, which may be None with block_table only")
    if pages is not None and used is None:
        raise ArgumentError(f"{_NAME}block_table needs seqused_k, the number of keys of each sequence")
    for name, array, count in (("cu_seq_k", starts_k, n + 1), ("seqused_k", used, n), ("block_table", pages, n)):
        if array is not None and array.shape[0] != count:
            raise ArgumentError(
                f"{_NAME}expected {count} of {name} for {n} sequences (cu_seq_q has shape {listed(starts_q.shape)}), "
                f"got shape {listed(array.shape)}"
            )
