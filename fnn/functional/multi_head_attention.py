"""Multi-head attention: projections, heads, masks, and the attention of every head.

The legend: E is the embedding dimension, H the number of heads, D = E / H, N the batch, L the number of queries, S that
of keys.  Inputs are (L, N, E), sequence first; unbatched (L, E).
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import floating, narrow
from fnn.autocasting import lower, softmax_is_wide
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.attention import (
    attention_scores,
    attention_weights,
    scaled_dot_product_attention,
    weighted_values,
)
from fnn.functional.attention_masks import AttentionError, additive_mask
from fnn.functional.dropout import dropout
from fnn.functional.linear import linear
from fnn.typing import ArrayLike, Key

__all__ = ["multi_head_attention_forward"]

_NAME = "multi_head_attention_forward: "


def multi_head_attention_forward(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: ArrayLike | None,
    in_proj_bias: ArrayLike | None,
    bias_k: ArrayLike | None,
    bias_v: ArrayLike | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: ArrayLike,
    out_proj_bias: ArrayLike | None,
    training: bool = True,
    key_padding_mask: ArrayLike | None = None,
    need_weights: bool = True,
    attn_mask: ArrayLike | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: ArrayLike | None = None,
    k_proj_weight: ArrayLike | None = None,
    v_proj_weight: ArrayLike | None = None,
    static_k: ArrayLike | None = None,
    static_v: ArrayLike | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    *,
    dropout_key: Key | None = None,
) -> tuple[jax.Array, jax.Array | None]:
    """``concat(head_1, ..., head_H) @ out_proj_weight.T``, each head an attention of projected inputs.

    Vaswani et al., "Attention Is All You Need" (2017), arXiv:1706.03762.

    In masks True means "do not attend" (the opposite of `scaled_dot_product_attention`); floats are added to the
    scores.  A query that may attend to no key gets weights of zero, and zeros before the output projection, as in
    PyTorch without ``need_weights`` (with them PyTorch gives NaN).

    Args:
        query: (L, N, E) or (L, E), floating.
        key: (S, N, Ek) or (S, Ek); the random key is ``dropout_key``.
        value: (S, N, Ev) or (S, Ev).
        embed_dim_to_check: E.
        num_heads: H, a divisor of E.
        in_proj_weight: (3 E, E), the projections of query, key and value; None with ``use_separate_proj_weight``.
        in_proj_bias: (3 E,) or None.
        bias_k: (1, 1, E) or None: one more key, the same in every sequence; together with ``bias_v``.
        bias_v: (1, 1, E) or None: its value.
        add_zero_attn: append one more key and value of zeros.
        dropout_p: the probability of an attention weight to be dropped.
        out_proj_weight: (O, E).
        out_proj_bias: (O,) or None.
        training: whether to drop at all.
        key_padding_mask: (N, S) or (S,): the keys to ignore.
        need_weights: whether to return the attention weights.
        attn_mask: (L, S) or (N H, L, S).
        use_separate_proj_weight: project with the three weights below, so that Ek and Ev may differ from E.
        q_proj_weight: (E, E).
        k_proj_weight: (E, Ek).
        v_proj_weight: (E, Ev).
        static_k: (N H, S', D), keys that take the place of the projected ones.
        static_v: (N H, S', D), values that take the place of the projected ones.
        average_attn_weights: return the mean of the weights over heads.
        is_causal: says that ``attn_mask``, which must be given, is the causal mask.
        dropout_key: a JAX key or a `fnn.random.Generator`; needed where ``training`` and ``dropout_p > 0``.

    Returns:
        (L, N, O) or (L, O); and the weights (N, L, S), or (N, H, L, S) if not averaged (without N if unbatched), or
        None without ``need_weights``.

    Raises:
        ArgumentError: shapes do not agree (where PyTorch asserts it is an AssertionError as well).
        ArgumentTypeError: dtypes differ.
        MissingKeyError: a draw is needed and ``dropout_key`` is None.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x, weight = jnp.ones((3, 2, 4)), jnp.ones((12, 4))
        >>> y, weights = F.multi_head_attention_forward(
        ...     x, x, x, 4, 2, weight, None, None, None, False, 0.0, jnp.eye(4), None
        ... )
        >>> y.shape, weights.shape
        ((3, 2, 4), (2, 3, 3))
    """
    q, k, v = _inputs(query, key, value)
    mask = None if attn_mask is None else to_array(attn_mask, "attn_mask", _NAME)
    padding = None if key_padding_mask is None else to_array(key_padding_mask, "key_padding_mask", _NAME)
    batched = _check_ranks(q, k, v, padding, mask, num_heads)
    if not batched:
        q, k, v = map_shared(lambda x: lax.expand_dims(x, [1]), q, k, v)
        padding = None if padding is None else lax.expand_dims(padding, [0])

    padding = additive_mask(padding, "key_padding_mask", q.dtype, _NAME, mask)
    if is_causal and mask is None:
        raise ArgumentError(
            f"{_NAME}Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and padding is None and not need_weights:
        mask = None  # the hint says all that it says
    else:
        mask, is_causal = additive_mask(mask, "attn_mask", q.dtype, _NAME), False
    _check_sizes(q, k, v, embed_dim_to_check, num_heads, use_separate_proj_weight)
    length, batch, embed_dim = q.shape
    head_dim = embed_dim // num_heads
    if mask is not None:
        mask = _by_head(mask, batch, num_heads, length, k.shape[0])

    if use_separate_proj_weight:
        q, k, v = _project(q, k, v, (q_proj_weight, k_proj_weight, v_proj_weight), in_proj_bias)
    else:
        q, k, v = _project_packed(q, k, v, in_proj_weight, in_proj_bias)

    if bias_k is not None and bias_v is not None:
        for static, name in ((static_k, "key"), (static_v, "value")):
            if static is not None:
                raise AttentionError(f"{_NAME}bias cannot be added to static {name}.")
        k, v = _append(k, to_array(bias_k, "bias_k", _NAME)), _append(v, to_array(bias_v, "bias_v", _NAME))
        mask, padding = _one_more(mask), _one_more(padding)
    elif bias_k is not None or bias_v is not None:
        missing, there = ("bias_v", "bias_k") if bias_v is None else ("bias_k", "bias_v")
        raise AttentionError(f"{_NAME}{there} is set but {missing} is None")

    def heads(x: jax.Array) -> jax.Array:  # (S, N, E) -> (N, H, S, D)
        return x.reshape(x.shape[0], batch, num_heads, head_dim).transpose(1, 2, 0, 3)

    q = heads(q)
    k = heads(k) if static_k is None else _static(static_k, "static_k", batch, num_heads, head_dim)
    v = heads(v) if static_v is None else _static(static_v, "static_v", batch, num_heads, head_dim)
    if add_zero_attn:
        k, v = (lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), (0, 1, 0), (0, 0, 0)]) for x in (k, v))
        mask, padding = _one_more(mask), _one_more(padding)
    mask = _merge(mask, padding, batch, k.shape[2])
    if not training:
        dropout_p = 0.0

    if need_weights:
        weights = _weights(q, k, mask)  # (N, H, L, S)
        weights = dropout(weights, dropout_p, key=dropout_key)
        out = weighted_values(*lower(weights, v))  # (N, H, L, D)
        if average_attn_weights:
            weights = jnp.mean(weights, axis=1)
        if not batched:
            weights = lax.squeeze(weights, [0])
    else:
        weights = None
        out = scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal, dropout_key=dropout_key)
    out = linear(out.transpose(2, 0, 1, 3).reshape(length, batch, embed_dim), out_proj_weight, out_proj_bias)
    return (out if batched else lax.squeeze(out, [1])), weights


# -- masks -----------------------------------------------------------------------------------------------


def _by_head(mask: jax.Array, batch: int, heads: int, length: int, keys: int) -> jax.Array:
    """(L, S) or (N H, L, S) as (1, 1, L, S) or (N, H, L, S)."""
    for ndim, want in ((2, (length, keys)), (3, (batch * heads, length, keys))):
        if mask.ndim == ndim and mask.shape != want:
            raise ArgumentError(
                f"{_NAME}The shape of the {ndim}D attn_mask is {list(mask.shape)}, but should be {list(want)}."
            )
    return mask.reshape((1, 1, length, keys) if mask.ndim == 2 else (batch, heads, length, keys))


def _one_more(mask: jax.Array | None) -> jax.Array | None:
    """With one more key, which is not masked."""
    if mask is None:
        return None
    return lax.pad(mask, jnp.zeros((), mask.dtype), [*[(0, 0, 0)] * (mask.ndim - 1), (0, 1, 0)])


def _merge(mask: jax.Array | None, padding: jax.Array | None, batch: int, keys: int) -> jax.Array | None:
    """Both masks as one that broadcasts to (N, H, L, S)."""
    if padding is not None:
        for i, want in enumerate((batch, keys)):
            if padding.shape[i] != want:
                raise AttentionError(
                    f"{_NAME}Expected key_padded_mask.shape[{i}] to be {want}, but got {padding.shape[i]}"
                )
        padding = padding.reshape(batch, 1, 1, keys)
    if mask is None:
        return padding
    if mask.shape[-1] != keys:
        raise ArgumentError(f"{_NAME}attn_mask is for {mask.shape[-1]} keys, but static_k has {keys}")
    return mask if padding is None else mask + padding


def _weights(q: jax.Array, k: jax.Array, mask: jax.Array | None) -> jax.Array:
    q, k, mask = lower(q, k, mask)  # torch.baddbmm and torch.bmm
    scores = attention_scores(q, k)
    if mask is not None:
        if mask.dtype != q.dtype:
            raise ArgumentTypeError(
                f"{_NAME}Input dtypes must be the same, got attn_mask of {mask.dtype} and query of {q.dtype}"
            )
        scores = scores + jnp.broadcast_to(mask, scores.shape).astype(scores.dtype)
    weights = attention_weights(scores, mask is not None)
    return weights if softmax_is_wide() else narrow(weights, q)


# -- inputs and projections ------------------------------------------------------------------------------


def _inputs(query: ArrayLike, key: ArrayLike, value: ArrayLike) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The three as arrays; what is the same object stays so, and is projected at once."""
    q = floating(query, _NAME, "query")
    k = q if key is query else to_array(key, "key", _NAME)
    return q, k, k if value is key else to_array(value, "value", _NAME)


def map_shared(
    function: Callable[[jax.Array], jax.Array], q: jax.Array, k: jax.Array, v: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """``function`` of each; what is the same object stays so."""
    new_q = function(q)
    new_k = new_q if k is q else function(k)
    return new_q, new_k, new_k if v is k else function(v)


def _project_packed(
    q: jax.Array, k: jax.Array, v: jax.Array, weight: ArrayLike | None, bias: ArrayLike | None
) -> tuple[jax.Array, ...]:
    """The projections by the thirds of one weight; inputs that are the same object share a contraction."""
    if weight is None:
        raise AttentionError(f"{_NAME}use_separate_proj_weight is False but in_proj_weight is None")
    e, w = q.shape[-1], to_array(weight, "in_proj_weight", _NAME)
    b = None if bias is None else to_array(bias, "in_proj_bias", _NAME)
    if w.shape != (3 * e, e):
        raise ArgumentError(f"{_NAME}expected in_proj_weight of shape {[3 * e, e]}, got {list(w.shape)}")
    if b is not None and b.shape != (3 * e,):
        raise ArgumentError(f"{_NAME}expected in_proj_bias of shape {[3 * e]}, got {list(b.shape)}")

    def part(x: jax.Array, start: int, stop: int) -> list[jax.Array]:
        rows = slice(start * e, stop * e)
        out = linear(x, w[rows], None if b is None else b[rows])
        return [out[..., i * e : (i + 1) * e] for i in range(stop - start)]

    if k is not v:
        return (*part(q, 0, 1), *part(k, 1, 2), *part(v, 2, 3))
    return tuple(part(q, 0, 3) if q is k else part(q, 0, 1) + part(k, 1, 3))


def _project(q: jax.Array, k: jax.Array, v: jax.Array, weights: tuple, bias: ArrayLike | None) -> tuple[jax.Array, ...]:
    """The projections by three weights."""
    for weight, name in zip(weights, "qkv", strict=True):
        if weight is None:
            raise AttentionError(f"{_NAME}use_separate_proj_weight is True but {name}_proj_weight is None")
    e = q.shape[-1]
    b = None if bias is None else to_array(bias, "in_proj_bias", _NAME)
    if b is not None and b.shape != (3 * e,):
        raise AttentionError(f"{_NAME}expecting query bias shape of {(e,)}: in_proj_bias has shape {list(b.shape)}")
    out = []
    for i, (x, weight, name) in enumerate(zip((q, k, v), weights, ("query", "key", "value"), strict=True)):
        w = to_array(weight, f"{name[0]}_proj_weight", _NAME)
        if w.shape != (e, x.shape[-1]):
            raise AttentionError(
                f"{_NAME}expecting {name} weights shape of {(e, x.shape[-1])}, but got {list(w.shape)}"
            )
        out.append(linear(x, w, None if b is None else b[i * e : (i + 1) * e]))
    return tuple(out)


def _append(x: jax.Array, bias: jax.Array) -> jax.Array:
    """(S, N, E) with ``bias`` (1, 1, E) as one more key."""
    return lax.concatenate([x, jnp.broadcast_to(bias, (1, *x.shape[1:])).astype(x.dtype)], 0)


def _static(given: ArrayLike, name: str, batch: int, heads: int, head_dim: int) -> jax.Array:
    """(N H, S, D) as (N, H, S, D)."""
    x = to_array(given, name, _NAME)
    for axis, want in ((0, batch * heads), (2, head_dim)):
        if x.ndim != 3 or x.shape[axis] != want:
            got = x.shape[axis] if x.ndim == 3 else list(x.shape)
            raise AttentionError(f"{_NAME}expecting {name}.size({axis}) of {want}, but got {got}")
    return x.reshape(batch, heads, x.shape[1], head_dim)


# -- checks ----------------------------------------------------------------------------------------------


def _check_ranks(
    q: jax.Array, k: jax.Array, v: jax.Array, padding: jax.Array | None, mask: jax.Array | None, heads: int
) -> bool:
    """Whether the inputs are batched."""
    if q.ndim not in (2, 3):
        raise AttentionError(
            f"{_NAME}query should be unbatched 2D or batched 3D tensor but received {q.ndim}-D query tensor"
        )
    head = f"{_NAME}For {'batched' if q.ndim == 3 else 'unbatched'} ({q.ndim}-D) `query`, expected "
    if not q.ndim == k.ndim == v.ndim:
        raise AttentionError(
            f"{head}`key` and `value` to be {q.ndim}-D but found {k.ndim}-D and {v.ndim}-D tensors respectively"
        )
    if padding is not None and padding.ndim != q.ndim - 1:
        raise AttentionError(
            f"{head}`key_padding_mask` to be `None` or {q.ndim - 1}-D but found {padding.ndim}-D tensor instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise AttentionError(f"{head}`attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead")
    if q.ndim == 2 and mask is not None and mask.ndim == 3 and mask.shape != (heads, q.shape[0], k.shape[0]):
        want = (heads, q.shape[0], k.shape[0])
        raise AttentionError(f"{_NAME}Expected `attn_mask` shape to be {want} but got {mask.shape}")
    return q.ndim == 3


def _check_sizes(q: jax.Array, k: jax.Array, v: jax.Array, embed_dim: int, heads: int, separate: bool) -> None:
    e = q.shape[-1]
    if e != embed_dim:
        raise AttentionError(f"{_NAME}was expecting embedding dimension of {embed_dim}, but got {e}")
    if e % heads:
        raise AttentionError(f"{_NAME}embed_dim {e} not divisible by num_heads {heads}")
    if separate and k.shape[:2] != v.shape[:2]:
        raise AttentionError(
            f"{_NAME}key's sequence and batch dims {list(k.shape[:2])} do not match value's {list(v.shape[:2])}"
        )
    if not separate and k.shape != v.shape:
        raise AttentionError(f"{_NAME}key shape {list(k.shape)} does not match value shape {list(v.shape)}")
    if k.shape[1] != q.shape[1]:
        raise ArgumentError(
            f"{_NAME}query, key and value must have the same batch size, got {list(q.shape)} and {list(k.shape)}"
        )
