"""flex_attention and BlockMask against torch's, which runs on the CPU forward only; gradients against the formula."""

import functools
import importlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.nn.attention import flex_attention as ours
from tests import reference

torch = reference.torch
theirs = importlib.import_module("torch.nn.attention.flex_attention")


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """torch runs its own formula, without a compiler and its warnings."""
    monkeypatch.setattr(theirs, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


B, H, L, S = 2, 4, 21, 14
Q, K, V = normal(B, H, L, 8), normal(B, H, S, 8, seed=1), normal(B, H, S, 6, seed=2)
BIAS = normal(H, L + S)


def causal(b, h, q, k):
    return q >= k


def by_head(b, h, q, k):
    return (q >= k) & ((q - k) < 3 * (h + 1)) & ((q > 1) | (b == 0))


def distance(score, b, h, q, k):
    return score + 0.1 * (h + 1) * (k - q)


def capped(score, b, h, q, k):
    return 3 * (score / 3) ** 3 - b * score


def biased(api, score, b, h, q, k):
    return score + api(BIAS)[h, q - k + S]


SCORES = {"none": None, "distance": distance, "capped": capped, "a table": biased}
MASKS = {"none": None, "causal": causal, "by head and batch": by_head}
CASES = [
    *[("none", m, 4) for m in MASKS],
    *[("distance", "causal", 128), ("capped", "none", 4), ("a table", "by head and batch", (5, 3))],
]


def made(api, like, score, mask, size):
    """The arguments for one of the two."""
    function = SCORES[score]
    if function is biased:
        function = functools.partial(biased, like)
    if MASKS[mask] is None:
        return {"score_mod": function}
    device = {"device": "cpu"}
    return {
        "score_mod": function,
        "block_mask": api.create_block_mask(MASKS[mask], B, H, L, S, BLOCK_SIZE=size, **device),
    }


@pytest.mark.parametrize(("score", "mask", "size"), CASES)
def test_values_are_torchs(score, mask, size):
    aux = theirs.AuxRequest(lse=True)
    want, statistics = theirs.flex_attention(
        *map(torch.from_numpy, (Q, K, V)), **made(theirs, torch.from_numpy, score, mask, size), return_aux=aux
    )
    arguments = made(ours, jnp.asarray, score, mask, size)
    attend = functools.partial(ours.flex_attention, **arguments, return_aux=ours.AuxRequest(True, True))
    if mask == "none":
        attend = functools.partial(attend, kernel_options={"BLOCK_M": 4, "BLOCK_N": 5})
    got, found = jax.jit(attend)(Q, K, V)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.lse, statistics.lse, rtol=1e-4, atol=1e-5)
    assert found.max_scores.shape == (B, H, L)
    assert bool((found.max_scores <= found.lse + 1e-5).all())


def formula(q, k, v, bias, mask):
    """What a table of biases and a mask amount to, in one matrix."""
    scores = jnp.einsum("bhle,bhse->bhls", q, k) / np.sqrt(q.shape[-1])
    scores = scores + bias[:, np.arange(L)[:, None] - np.arange(S) + S][None]
    scores = jnp.where(mask, scores, -jnp.inf)
    weights = jnp.exp(scores - jax.scipy.special.logsumexp(scores, axis=-1, keepdims=True))
    return weights @ v, jax.scipy.special.logsumexp(scores, axis=-1)


def test_gradients_also_of_what_is_captured():
    blocks = ours.create_block_mask(causal, None, None, L, S, BLOCK_SIZE=4)
    mask = ours.create_mask(causal, B, H, L, S)

    def tiled(q, k, v, bias):
        out, aux = ours.flex_attention(
            q, k, v, lambda s, b, h, i, j: s + bias[h, i - j + S], blocks, return_aux=ours.AuxRequest(lse=True)
        )
        return out, aux.lse

    weigh = lambda f: lambda *a: sum((x * jnp.cos(jnp.arange(x.size).reshape(x.shape))).sum() for x in f(*a))  # noqa: E731
    arrays = tuple(map(jnp.asarray, (Q, K, V, BIAS)))
    got = jax.jit(jax.grad(weigh(tiled), (0, 1, 2, 3)))(*arrays)
    want = jax.jit(jax.grad(weigh(lambda *a: formula(*a, mask)), (0, 1, 2, 3)))(*arrays)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_a_derivative_of_the_gradient():
    blocks = ours.create_block_mask(causal, 1, 1, 9, 9, BLOCK_SIZE=4)
    args = tuple(jnp.asarray(a[:1, :1, :9]) for a in (Q, K, V))
    tangents = tuple(map(jnp.cos, args))

    def second(attend):
        gradient = jax.grad(lambda *a: jnp.sin(attend(*a)).sum(), (0, 1, 2))
        return jax.jit(lambda *a: jax.jvp(gradient, a, tangents)[1])(*args)

    want = second(functools.partial(F.scaled_dot_product_attention, is_causal=True))
    for a, b in zip(second(functools.partial(ours.flex_attention, block_mask=blocks)), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_vmap():
    attend = functools.partial(ours.flex_attention, block_mask=ours.create_block_mask(causal, 1, 1, L, S, BLOCK_SIZE=4))
    mapped = jax.vmap(attend)(*(a[:, None] for a in (Q, K, V)))[:, 0]
    np.testing.assert_allclose(mapped, attend(Q, K, V), rtol=1e-5, atol=1e-6)


def test_a_parameter_in_a_module():
    class Biased(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(jnp.asarray(BIAS))

        def forward(self, q, k, v):
            return ours.flex_attention(q, k, v, lambda s, b, h, i, j: s + self.table[h, i - j + S])

    model = Biased()
    loss = lambda model: model(Q, K, V)[..., 0].sum()  # noqa: E731
    value, gradient = fnn.jit(lambda model: fnn.value_and_grad(loss)(model))(model)
    want = jax.value_and_grad(lambda bias: formula(Q, K, V, bias, jnp.ones((L, S), bool))[0][..., 0].sum())(
        jnp.asarray(BIAS)
    )
    np.testing.assert_allclose(value, want[0], rtol=1e-4)
    np.testing.assert_allclose(gradient["table"], want[1], rtol=1e-3, atol=1e-4)


def test_groups_scale_and_a_shared_batch():
    few = K[:1, :2], V[:1, :2]
    arguments = {"scale": 0.2, "enable_gqa": True}
    masks = [api.create_block_mask(by_head, B, H, L, S, "cpu", 8) for api in (theirs, ours)]
    want = theirs.flex_attention(*map(torch.from_numpy, (Q, *few)), distance, masks[0], **arguments)
    got = ours.flex_attention(Q, *few, distance, masks[1], **arguments)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_dtypes(dtype):
    with jax.enable_x64(dtype == "float64"):
        want = theirs.flex_attention(*(torch.from_numpy(a).to(getattr(torch, dtype)) for a in (Q, K, V)), capped)
        got = ours.flex_attention(*(jnp.asarray(a, dtype) for a in (Q, K, V)), capped)
        assert got.dtype == dtype
        tolerance = 1e-10 if dtype == "float64" else 2e-2
        np.testing.assert_allclose(np.asarray(got).astype(np.float64), want.double(), rtol=tolerance, atol=tolerance)


def test_plain_attention_is_the_other_function():
    np.testing.assert_allclose(
        ours.flex_attention(Q, K, V), F.scaled_dot_product_attention(Q, K, V), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(("length", "keys"), [(0, S), (L, 0)])
def test_nothing_to_attend_to(length, keys):
    out, aux = ours.flex_attention(Q[:, :, :length], K[:, :, :keys], V[:, :, :keys], return_aux=ours.AuxRequest(True))
    assert out.shape == (B, H, length, 6) and not out.any() and bool((aux.lse == -jnp.inf).all())


def temporary(length: int) -> int:
    """What the gradient of a call needs besides its arguments and results, in bytes."""
    x = jax.ShapeDtypeStruct((1, 1, length, 8), np.float32)
    loss = lambda q, k, v: ours.flex_attention(q, k, v, distance).sum()  # noqa: E731
    return jax.jit(jax.grad(loss, (0, 1, 2))).lower(x, x, x).compile().memory_analysis().temp_size_in_bytes


def test_memory_is_linear():
    small, large = temporary(4096), temporary(8192)
    assert large < 2.2 * small < 4096**2 * 4 / 2


def test_blocks_that_are_left_out_are_not_computed():
    """What stands there does not count, be it NaN: torch's kernels skip blocks, too."""
    counts, at = jnp.asarray([[[1, 1]]]), jnp.asarray([[[[0, 1], [1, 0]]]])
    mask = ours.BlockMask.from_kv_blocks(counts, at, BLOCK_SIZE=4)
    assert mask.shape == (1, 1, 8, 8)
    q, k, v = Q[:1, :1, :8], K[:1, :1, :8], V[:1, :1, :8]
    got = ours.flex_attention(q, k, v, block_mask=mask)
    for rows in (slice(4), slice(4, 8)):
        want = ours.flex_attention(q[:, :, rows], k[:, :, rows], v[:, :, rows])
        np.testing.assert_allclose(got[:, :, rows], want, rtol=1e-5, atol=1e-6)
    bad = jnp.asarray(v).at[:, :, 4:].set(jnp.nan)
    assert bool(jnp.isfinite(ours.flex_attention(q, k, bad, block_mask=mask)[:, :, :4]).all())


# -- block masks -----------------------------------------------------------------------------------------

ARRAYS = [
    *("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices"),
    *("full_q_num_blocks", "full_q_indices", "dq_write_order", "dq_write_order_full", "dq_kv_order"),
]


def same_mask(a, b) -> None:
    for name in ARRAYS:
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None), name
        if x is not None:
            np.testing.assert_array_equal(x, y, err_msg=name)
            assert x.dtype == np.int32 and y.dtype == torch.int32, name
    assert a.shape == tuple(b.shape) and a.BLOCK_SIZE == b.BLOCK_SIZE and a.seq_lengths == b.seq_lengths
    assert a.numel() == b.numel() and a.sparsity() == pytest.approx(b.sparsity())
    assert a.dq_kv_order_spt == b.dq_kv_order_spt
    np.testing.assert_array_equal(a.to_dense(), b.to_dense())
    assert str(a) == str(b)
    assert repr(a) == repr(b).replace("torch.Size([", "(").replace("])", ")").replace(
        "_sliced_mask_mod_error", "sliced_mask"
    )


OPTIONS = {
    "plain": {},
    "a rectangle": {"BLOCK_SIZE": (4, 3)},
    "together": {"separate_full_blocks": False, "BLOCK_SIZE": 4},
    "ascending": {"compute_dq_write_order": True, "dq_kv_order": False, "BLOCK_SIZE": 4},
    "descending": {"compute_dq_write_order": True, "BLOCK_SIZE": 4},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_block_masks_are_torchs(name):
    made = [api.create_block_mask(by_head, B, H, L, S, "cpu", **OPTIONS[name]) for api in (ours, theirs)]
    same_mask(*made)
    same_mask(*(m[1] for m in made))
    same_mask(*(m[:, -1:] for m in made))
    same_mask(made[0][0, 1:3, jnp.asarray([0])], made[1][0, 1:3, torch.tensor([0])])
    for limits in ({"grid_size": 2}, {"grid_size": (-1, 3), "limit": 9}):
        assert made[0].to_string(**limits) == made[1].to_string(**limits)
    for flatten in (True, False):
        a, b = (m.as_tuple(flatten) for m in made)
        assert len(a) == len(b) and a[-1] is b[-1] is by_head
    same_mask(made[0].to("cpu"), made[1])
    leaves, tree = jax.tree.flatten(made[0])
    same_mask(jax.tree.unflatten(tree, leaves), made[1])
    same_mask(jax.jit(lambda m: m)(made[0]), made[1])


def test_a_corner():
    mask = ours.create_block_mask(causal, 1, 1, 16, 16, BLOCK_SIZE=4)._adjust(9, 6)
    want = ours.create_block_mask(causal, 1, 1, 9, 6, BLOCK_SIZE=4, separate_full_blocks=False)
    np.testing.assert_array_equal(mask.to_dense(), want.to_dense())
    arrays = Q[:, :, :9], K[:, :, :6], V[:, :, :6]
    np.testing.assert_allclose(
        ours.flex_attention(*arrays, block_mask=mask), F.scaled_dot_product_attention(*arrays, is_causal=True),
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


def test_functions_of_masks():
    for make in (
        lambda api: api.create_mask(api.and_masks(causal, by_head), B, H, L, S, "cpu"),
        lambda api: api.create_mask(api.or_masks(causal, by_head), B, None, L, S, "cpu"),
        lambda api: api.create_mask(api.and_masks(), None, None, 2, 3, "cpu"),
        lambda api: api.create_mask(api.or_masks(), None, None, 2, 3, "cpu"),
        lambda api: api.create_mask(api.noop_mask, None, None, 2, 3, "cpu"),
    ):
        np.testing.assert_array_equal(make(ours), make(theirs))
    score = lambda api: lambda s, b, h, q, k: api.where(q >= k, s, -float("inf"))  # noqa: E731
    np.testing.assert_array_equal(
        ours.create_mask(score(jnp), None, None, 3, 4), theirs.create_mask(score(torch), None, None, 3, 4, "cpu")
    )


def test_deprecated_arguments():
    with pytest.warns(FutureWarning, match="return_lse is deprecated"):
        out, lse = ours.flex_attention(Q, K, V, return_lse=True)
    again, aux = ours.flex_attention(Q, K, V, return_aux=ours.AuxRequest(lse=True))
    np.testing.assert_array_equal(out, again)
    np.testing.assert_array_equal(lse, aux.lse)
    assert aux.max_scores is None
    with pytest.warns(DeprecationWarning, match="_compile is deprecated"):
        compiled = ours.create_block_mask(causal, 1, 1, 8, 8, BLOCK_SIZE=4, _compile=True)
    np.testing.assert_array_equal(compiled.to_dense(), ours.create_block_mask(causal, 1, 1, 8, 8, None, 4).to_dense())


def blocks(length=L, keys=S, b=1, h=1):
    return ours.create_block_mask(causal, b, h, length, keys, BLOCK_SIZE=4)


attend = ours.flex_attention
ERRORS = {
    "query, key, and value must be 4D, .B, H, L, E., got query of shape .4, 21, 8.": lambda: attend(Q[0], K, V),
    "not implemented for query.dtype=int32": lambda: attend(*[np.ones((1, 1, 2, 3), np.int32)] * 3),
    "same embedding dimension but got E=8 and E=6": lambda: attend(Q, V, V),
    "same B, H and S, got": lambda: attend(Q, K, V[:, :, :3]),
    "same number of heads but got Hq=4 and Hkv=2. Try setting enable_gqa": lambda: attend(Q, K[:, :2], V[:, :2]),
    "multiple of kv heads for GQA but got Hq=4 and Hkv=3": lambda: attend(Q, K[:, :3], V[:, :3], enable_gqa=True),
    "non-none block_mask, but got block_mask=None, Bq=2, and Bkv=1": lambda: attend(Q, K[:1], V[:1]),
    "got Bq=2, Bkv=1, B_block_mask=1": lambda: attend(Q, K[:1], V[:1], block_mask=blocks()),
    "for a smaller length than": lambda: attend(Q, K, V, block_mask=blocks(8)),
    "got q_len=21 and kv_len=14. As the block mask was created for a larger length": lambda: attend(
        Q, K, V, block_mask=blocks(32)
    ),
    "block_mask must be for B=2 and Hq=4, or 1 of them": lambda: attend(Q, K, V, block_mask=blocks(h=3)),
    "Cannot use mask_mod from a sliced BlockMask": lambda: attend(Q, K, V, block_mask=blocks()[0]),
    "Cannot specify both return_lse and return_aux": lambda: attend(
        Q, K, V, return_lse=True, return_aux=ours.AuxRequest()
    ),
    "unknown kernel option BLOCK=3": lambda: attend(Q, K, V, kernel_options={"BLOCK": 3}),
    "Invalid BACKEND value 'CPU'. Must be one of": lambda: attend(Q, K, V, kernel_options={"BACKEND": "CPU"}),
    "BACKEND cannot be combined with legacy": lambda: attend(
        Q, K, V, kernel_options={"BACKEND": "AUTO", "FORCE_USE_FLEX_ATTENTION": True}
    ),
    "Returning max scores is not supported with BACKEND='FLASH'": lambda: attend(
        Q, K, V, kernel_options={"BACKEND": "FLASH"}, return_aux=ours.AuxRequest(max_scores=True)
    ),
    "BLOCK_M and BLOCK_N must be positive ints, got .0, 512.": lambda: attend(Q, K, V, kernel_options={"BLOCK_M": 0}),
    "requires a mask_mod function": lambda: ours.create_block_mask(distance, 1, 1, 2, 2),
    "Expected 4 or 5 positional args, got 1": lambda: ours.create_mask(lambda q: q, 1, 1, 2, 2),
    "dq_kv_order must be a bool": lambda: ours.create_block_mask(causal, 1, 1, 2, 2, dq_kv_order=1),
    "All inputs should be callable mask_mods": lambda: ours.and_masks(causal, 3),
    "must have at least 2 dimensions, got kv_indices of shape .3.": lambda: ours.BlockMask.from_kv_blocks(
        jnp.ones(()), jnp.ones(3)
    ),
    "full_kv_num_blocks and full_kv_indices must be both": lambda: ours.BlockMask.from_kv_blocks(
        jnp.ones((1, 1, 1)), jnp.ones((1, 1, 1, 1)), jnp.ones((1, 1, 1))
    ),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text):
    with warnings.catch_warnings(), pytest.raises(ArgumentError, match=text):
        ERRORS[text]()
