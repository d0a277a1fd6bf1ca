r"""Scaled dot-product attention.

The legend: E is the size of a query, L the number of queries, S the number of keys, H that of heads, \* any number of
batch dimensions.  bfloat16 and float16 are multiplied with float32 accumulation, and the softmax is in float32.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import floating, narrow
from fnn.autocasting import governed
from fnn.dtypes import is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.causal_bias import CausalBias, CausalVariant
from fnn.functional.dropout import dropout
from fnn.kernels.attention import SDPBackend, by_rows, choose, cudnn_takes, has_cudnn, rows_at_once
from fnn.kernels.attention import cudnn as attention_by_cudnn
from fnn.kernels.mesh import select
from fnn.typing import ArrayLike, Key, Scalar

__all__ = ["scaled_dot_product_attention"]

_NAME = "scaled_dot_product_attention: "


@governed
def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    attn_mask: ArrayLike | CausalBias | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    dropout_key: Key | None = None,
) -> jax.Array:
    r"""``softmax(query @ key.T * scale + mask) @ value``: for each query the values, weighted by how keys match it.

    Vaswani et al., "Attention Is All You Need" (2017), arXiv:1706.03762; grouped queries: arXiv:2305.13245.

    A query that may attend to no key at all gets zeros, with zero gradients.  The batch dimensions broadcast.

    The (L, S) scores of long inputs are not held whole: queries go through the formula in blocks, and derivatives
    compute scores once more, unless weights are dropped.  On a GPU cuDNN's kernel takes what it can; like PyTorch's
    fused kernels it has first derivatives only, and no forward mode.  `fnn.nn.attention.sdpa_kernel` forces a way.

    Args:
        query: (\*, L, E) or (\*, Hq, L, E), floating.
        key: (\*, S, E) or (\*, H, S, E): what queries are compared with (no random key; that is ``dropout_key``).
        value: (\*, S, Ev) or (\*, H, S, Ev).
        attn_mask: broadcasts to (\*, L, S).  Booleans: True where a query may attend to a key.  Floats are added to
            the scores: float32 or the dtype of ``query``.  A `fnn.nn.attention.bias.CausalBias` holds no array.
        dropout_p: the probability of a weight to be dropped.  There is no ``training``: pass 0 in evaluation.
        is_causal: query i attends to keys 0, ..., i only; not with ``attn_mask``.
        scale: what scores are multiplied with; None is ``1 / sqrt(E)``.
        enable_gqa: the heads of ``key`` and of ``value`` may be fewer than those of ``query``, by a divisor; each then
            serves as many consecutive heads of ``query``.
        dropout_key: a JAX key or a `fnn.random.Generator`; needed where ``dropout_p > 0``.

    Returns:
        (\*, L, Ev), in the dtype of ``query``.

    Raises:
        ArgumentError: shapes do not agree, or a mask is given with ``is_causal``.
        ArgumentTypeError: dtypes differ.
        MissingKeyError: ``dropout_p > 0`` without ``dropout_key``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> q, k, v = jnp.zeros((2, 1)), jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]])
        >>> F.scaled_dot_product_attention(q, k, v).tolist()
        [[2.0], [2.0]]
        >>> F.scaled_dot_product_attention(q, k, v, is_causal=True).tolist()
        [[1.0], [2.0]]
    """
    q, k, v = (to_array(x, n, _NAME) for x, n in ((query, "query"), (key, "key"), (value, "value")))
    _check_operands(q, k, v)
    if enable_gqa:
        k, v = _repeat_heads(q, k, v)
    if k.shape[-2] != v.shape[-2]:
        raise ArgumentError(
            f"{_NAME}key and value must have the same length S, got key of shape {list(k.shape)} and value of shape "
            f"{list(v.shape)}"
        )
    if is_causal and attn_mask is not None:
        if isinstance(attn_mask, CausalBias):
            raise ArgumentError(f"{_NAME}CausalBias should not be used with causal=True")
        raise ArgumentError(f"{_NAME}Explicit attn_mask should not be set when is_causal=True")
    shift = 0  # of the diagonal, to the right
    if isinstance(attn_mask, CausalBias):
        if attn_mask.variant == CausalVariant.LOWER_RIGHT:
            # PyTorch's CPU path applies the materialised mask, which must fit; the other variant fits any lengths.
            _check_fit(attn_mask.shape, (q.shape[-2], k.shape[-2]))
            shift = attn_mask.shape[1] - attn_mask.shape[0]
        is_causal, attn_mask = True, None
    q, k = _broadcast_batches(q, k)
    shape = (*q.shape[:-1], k.shape[-2])  # of the scores
    mask = None if attn_mask is None else _checked_mask(to_array(attn_mask, "attn_mask", _NAME), shape, q)
    drops = dropout_p != 0
    cudnn = has_cudnn() and cudnn_takes(q, k, v, mask is not None or shift != 0, is_causal, drops)
    backend = choose(shape, drops, cudnn)
    if backend == SDPBackend.CUDNN_ATTENTION:
        return attention_by_cudnn(q, k, v, is_causal, scale)

    def attend(first: jax.Array | int, q: jax.Array, mask: jax.Array | None) -> jax.Array:
        scores = attention_scores(q, k, scale)
        if is_causal:
            scores = _only(_causal(q.shape[-2], k.shape[-2], first + shift), scores)
        if mask is not None:
            scores = _masked(scores, mask)
        weights = narrow(attention_weights(scores, mask is not None or shift < 0), q)
        return weighted_values(dropout(weights, dropout_p, key=dropout_key), v)

    if backend == SDPBackend.MATH:
        return attend(0, q, mask)
    return by_rows(attend, q, mask, rows_at_once(shape))


def attention_scores(q: jax.Array, k: jax.Array, scale: Scalar | None = None) -> jax.Array:
    r"""``q @ k.T * scale``: (\*, L, E), (\*, S, E) -> (\*, L, S); in float32 for half types."""
    if scale is None:
        scale = 1 / math.sqrt(max(q.shape[-1], 1))  # without features every score is 0
    q, k = _broadcast_batches(q, k)
    last, batch = q.ndim - 1, tuple(range(q.ndim - 2))
    wide = jnp.float32 if q.dtype.itemsize == 2 else q.dtype
    out = lax.dot_general(q, k, (((last,), (last,)), (batch, batch)), preferred_element_type=wide)
    return out * jnp.asarray(scale, out.dtype)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def attention_weights(scores: jax.Array, safe: bool = False) -> jax.Array:
    """The softmax over the last axis; a row of minus infinities gives NaN, or zeros if ``safe``.

    Its derivative is written by the weights alone, so that saturated ones (exactly 1 and 0) have exactly none.
    """
    rows, last = tuple(range(scores.ndim - 1)), (scores.ndim - 1,)
    highest = lax.reduce_max(scores, last)
    if safe:
        highest = lax.select(highest == -jnp.inf, lax.full_like(highest, 0), highest)
    exponential = lax.exp(scores - lax.broadcast_in_dim(highest, scores.shape, rows))
    total = lax.reduce_sum(exponential, last)
    if safe:
        total = lax.select(total == 0, lax.full_like(total, 1), total)
    return exponential / lax.broadcast_in_dim(total, scores.shape, rows)


@attention_weights.defjvp
def _attention_weights_jvp(safe: bool, primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    weights = attention_weights(*primals, safe)
    change = weights * tangents[0]
    total = lax.reduce_sum(change, (change.ndim - 1,))
    return weights, change - weights * lax.broadcast_in_dim(total, change.shape, tuple(range(change.ndim - 1)))


def weighted_values(weights: jax.Array, v: jax.Array) -> jax.Array:
    r"""``weights @ v``: (\*, L, S), (\*, S, Ev) -> (\*, L, Ev)."""
    weights, v = _broadcast_batches(weights, v)
    batch = tuple(range(v.ndim - 2))
    return lax.dot_general(weights, v, (((v.ndim - 1,), (v.ndim - 2,)), (batch, batch)))


def _check_operands(q: jax.Array, k: jax.Array, v: jax.Array) -> None:
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ArgumentError(
            f"{_NAME}Expected query, key, and value to all be at least 2 dimensional, but got query.dim: {q.ndim} "
            f"key.dim: {k.ndim} and value.dim: {v.ndim} instead."
        )
    if not q.dtype == k.dtype == v.dtype:
        raise ArgumentTypeError(
            f"{_NAME}Expected query, key, and value to have the same dtype, but got query.dtype: {q.dtype} key.dtype: "
            f"{k.dtype} and value.dtype: {v.dtype} instead."
        )
    floating(q, _NAME, "query")
    if q.shape[-1] != k.shape[-1]:
        raise ArgumentError(
            f"{_NAME}query and key must have the same size E, got query of shape {list(q.shape)} and key of shape "
            f"{list(k.shape)}"
        )


def _repeat_heads(q: jax.Array, k: jax.Array, v: jax.Array) -> tuple[jax.Array, ...]:
    """``k`` and ``v`` with each head repeated as often as the heads of ``q`` need it."""
    if min(q.ndim, k.ndim, v.ndim) < 3:
        raise IndexError(
            f"{_NAME}Dimension out of range: enable_gqa needs heads, (*, H, L, E), got shapes {list(q.shape)}, "
            f"{list(k.shape)} and {list(v.shape)}"
        )
    heads = q.shape[-3]
    if any(not x.shape[-3] or heads % x.shape[-3] for x in (k, v)):
        raise ArgumentError(
            f"{_NAME}Number of heads in key and value must divide the number of heads in query, got {k.shape[-3]} and "
            f"{v.shape[-3]} for {heads}"
        )

    def repeat(x: jax.Array) -> jax.Array:
        *batch, h, s, e = x.shape
        if h == heads:
            return x
        n = len(batch)
        wide = lax.broadcast_in_dim(x, (*batch, h, heads // h, s, e), (*range(n + 1), n + 2, n + 3))
        return wide.reshape(*batch, heads, s, e)

    return repeat(k), repeat(v)


def _broadcast_batches(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Both with the same batch dimensions."""
    if a.shape[:-2] == b.shape[:-2]:
        return a, b
    try:
        batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ArgumentError(
            f"{_NAME}The size of the batch dimensions must match or be 1, got shapes {list(a.shape)} and "
            f"{list(b.shape)}"
        ) from None
    return jnp.broadcast_to(a, (*batch, *a.shape[-2:])), jnp.broadcast_to(b, (*batch, *b.shape[-2:]))


def _causal(queries: int, keys: int, first: jax.Array | int = 0) -> jax.Array:
    """(L, S): True on and below the diagonal, for queries of which the first has this index."""
    shape = (queries, keys)
    rows = lax.broadcasted_iota(np.int32, shape, 0)
    if not (isinstance(first, int) and first == 0):
        rows = rows + first
    return rows >= lax.broadcasted_iota(np.int32, shape, 1)


def _only(allowed: jax.Array, scores: jax.Array) -> jax.Array:
    """``scores`` where allowed, else minus infinity."""
    return select(jnp.broadcast_to(allowed, scores.shape), scores, lax.full_like(scores, -jnp.inf))


def _checked_mask(mask: jax.Array, shape: tuple[int, ...], q: jax.Array) -> jax.Array:
    """A mask of at least two dimensions that fits scores of this shape."""
    if mask.dtype != jnp.bool_ and not (is_floating(mask) and mask.dtype in (jnp.float32, q.dtype)):
        raise ArgumentTypeError(
            f"{_NAME}Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{mask.dtype} and query.dtype: {q.dtype} instead."
        )
    _check_fit(mask.shape, shape)
    return mask.reshape((1,) * (2 - mask.ndim) + mask.shape)


def _check_fit(mask: tuple[int, ...], scores: tuple[int, ...]) -> None:
    try:
        fits = jnp.broadcast_shapes(mask, scores) == scores
    except ValueError:
        fits = False
    if not fits:
        raise ArgumentError(f"{_NAME}attn_mask must broadcast to the scores' shape {list(scores)}, got {list(mask)}")


def _masked(scores: jax.Array, mask: jax.Array) -> jax.Array:
    mask = jnp.broadcast_to(mask, scores.shape)
    return _only(mask, scores) if mask.dtype == jnp.bool_ else scores + mask.astype(scores.dtype)
