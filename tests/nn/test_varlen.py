"""Attention over sequences without padding, against the same sequence by sequence."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.nn import functional as F
from fnn.nn.attention.varlen import AuxRequest, varlen_attn, varlen_attn_out

STARTS_Q, STARTS_K = np.array([0, 3, 3, 8]), np.array([0, 5, 7, 11])


def operands(heads_k=2):
    rng = np.random.default_rng(0)
    return tuple(
        jnp.asarray(rng.standard_normal(s), jnp.float32) for s in ((9, 2, 4), (12, heads_k, 4), (12, heads_k, 3))
    )


def one_by_one(q, k, v, window=(-1, -1), used=None, scale=None):
    """Each sequence by scaled_dot_product_attention; the last token of each axis belongs to none."""
    out = []
    for i, (a, b) in enumerate(itertools.pairwise(STARTS_Q)):
        c, d = STARTS_K[i], STARTS_K[i + 1] if used is None else STARTS_K[i] + used[i]
        at = np.arange(b - a)[:, None] + (d - c) - (b - a)
        j = np.arange(d - c)[None]
        seen = (j >= at - (window[0] if window[0] >= 0 else 99)) & (j <= at + (window[1] if window[1] >= 0 else 99))
        some = (x.swapaxes(0, 1) for x in (q[a:b], k[c:d], v[c:d]))
        y = F.scaled_dot_product_attention(*some, attn_mask=jnp.asarray(seen), scale=scale, enable_gqa=True)
        out.append(y.swapaxes(0, 1))
    return jnp.concatenate([*out, jnp.zeros((1, 2, 3))])


@pytest.mark.parametrize("window", [(-1, 0), (2, 1), (0, -1)])
def test_as_one_by_one(window):
    heads_k = 1 if window == (2, 1) else 2
    args = operands(heads_k)

    @jax.jit
    def run(starts_q, starts_k, *args):
        return varlen_attn(*args, starts_q, starts_k, 6, 5, window_size=window, scale=0.7, enable_gqa=heads_k == 1)

    np.testing.assert_allclose(run(STARTS_Q, STARTS_K, *args), one_by_one(*args, window, scale=0.7), atol=1e-5)
    loss = lambda f: jax.grad(lambda args: jnp.sum(jnp.sin(f(*args))))(args)  # noqa: E731
    found = loss(lambda *a: run(STARTS_Q, STARTS_K, *a))
    for got, want in zip(found, loss(lambda *a: one_by_one(*a, window, scale=0.7)), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_pages_and_logarithms():
    q, k, v = operands()
    used = np.array([4, 1, 3])
    want = one_by_one(q, k, v, used=used)
    y, lse = varlen_attn(q, k, v, STARTS_Q, STARTS_K, 5, 5, seqused_k=used, return_aux=AuxRequest(lse=True))
    np.testing.assert_allclose(y, want, atol=1e-5)
    scores = jnp.einsum("qhd,khd->hqk", q[3:8], k[7:10]) / 2
    np.testing.assert_allclose(lse[:, 3:8], jax.nn.logsumexp(scores, -1), rtol=1e-5)
    assert lse.shape == (2, 9) and np.isneginf(lse[:, 8]).all()
    table = np.array([[3, 0, 9], [1, 9, 9], [4, 2, 9]])  # pages of two keys
    pool = [np.zeros((5, 2, *a.shape[1:]), np.float32) for a in (k, v)]
    for i, start in enumerate(STARTS_K[:-1]):
        for t in range(used[i]):
            for a, room in zip((k, v), pool, strict=True):
                room[table[i, t // 2], t % 2] = a[start + t]
    paged = varlen_attn(q, *pool, STARTS_Q, None, 5, 6, seqused_k=used, block_table=table)
    np.testing.assert_allclose(paged, want, atol=1e-5)
    np.testing.assert_array_equal(
        varlen_attn_out(jnp.zeros_like(y), q, k, v, STARTS_Q, STARTS_K, 5, 5, seqused_k=used), y
    )


def test_rows_at_once(monkeypatch):
    args = operands()
    whole = varlen_attn(*args, STARTS_Q, STARTS_K, 40, 5, window_size=(-1, 0))
    monkeypatch.setattr("fnn.kernels.attention.BLOCK", 1)
    np.testing.assert_allclose(varlen_attn(*args, STARTS_Q, STARTS_K, 40, 5, window_size=(-1, 0)), whole, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (dict(window_size=(1,)), "window_size must have length 2, got 1"),
        (dict(key=jnp.ones((12, 1, 4))), "same number of heads but got Hq=2 and Hkv=1. Try setting enable_gqa=True"),
        (dict(key=jnp.ones((12, 3, 4)), enable_gqa=True), "multiple of kv heads for GQA but got Hq=2 and Hkv=3"),
        (dict(cu_seq_k=None), "expected cu_seq_k"),
        (dict(cu_seq_k=np.array([0, 3])), r"expected 4 of cu_seq_k for 3 sequences .* got shape \[2\]"),
        (dict(cu_seq_q=np.array([0.0, 3.0])), "expected cu_seq_q of an integer dtype, got float"),
        (dict(max_q=2.5), "max_q must be an int, got 2.5"),
        (dict(query=jnp.ones((9, 4))), r"expected query \(tokens, heads, features\)"),
    ],
)
def test_errors(change, text):
    names = ("query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k")
    given = dict(zip(names, (*operands(), STARTS_Q, STARTS_K, 5, 5), strict=True)) | change
    with pytest.raises((ValueError, TypeError), match=text):
        varlen_attn(**given)
