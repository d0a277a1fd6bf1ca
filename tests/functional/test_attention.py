"""Attention: PyTorch's database, a table of masks, gradients, transformations, dropout, precision and errors."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import fnn
from fnn import functional as F
from fnn.errors import ArgumentTypeError, MissingKeyError
from fnn.nn import functional as ambient
from tests import reference

torch = reference.torch

NAME = "scaled_dot_product_attention"
TORCH = torch.nn.functional.scaled_dot_product_attention
KEY = jax.random.key(0)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def qkv(*batch: int, length: int = 3, keys: int = 4, size: int = 5, values: int = 2) -> list[np.ndarray]:
    shapes = ((length, size), (keys, size), (keys, values))
    return [normal(*batch, *shape, seed=i) for i, shape in enumerate(shapes)]


def both(*arrays: np.ndarray) -> tuple:
    return tuple(torch.from_numpy(a) for a in arrays)


def every(step: int, drops):
    """Skips the samples that draw random numbers, and all but every ``step``-th of the others."""
    seen = iter(range(10**6))
    return lambda sample: "drops at random" if drops(sample) else next(seen) % step or None


def check_database(name: str, function, step: int, drops) -> int:
    """In float64: the inputs of ±9 saturate the softmax, so that float32 gradients are what rounding leaves of them."""
    with jax.enable_x64(True):
        return reference.check_op(f"nn.functional.{name}", function, dtype=torch.float64, skip=every(step, drops))


def test_op_db():
    drops = lambda sample: 0 < sample.kwargs.get("dropout_p", 0.0) < 1  # noqa: E731
    assert check_database(NAME, F.scaled_dot_product_attention, 3, drops) > 4


def test_op_db_errors():
    reference.check_op_errors(f"nn.functional.{NAME}", F.scaled_dot_product_attention)


FLOAT_MASK = normal(3, 4)
BOOL_MASK = FLOAT_MASK > -0.5
EMPTY_ROW = BOOL_MASK.copy()
EMPTY_ROW[1] = False

CASES = {
    "2-D": (qkv(), {}),
    "one batch dimension": (qkv(2), {}),
    "heads": (qkv(2, 3), {}),
    "five dimensions": (qkv(2, 1, 2), {}),
    "causal": (qkv(2, 2), dict(is_causal=True)),
    "causal, fewer keys than queries": (qkv(1, 1, length=4, keys=2), dict(is_causal=True)),
    "scale": (qkv(1, 2), dict(scale=0.3)),
    "negative scale": (qkv(1, 2), dict(scale=-1.0)),
    "scale 0": (qkv(1, 2), dict(scale=0.0)),
    "bool mask": (qkv(2, 2), dict(attn_mask=BOOL_MASK)),
    "float mask": (qkv(2, 2), dict(attn_mask=FLOAT_MASK)),
    "mask with heads": (qkv(2, 2), dict(attn_mask=normal(2, 1, 3, 4))),
    "mask of keys": (qkv(2, 2), dict(attn_mask=normal(2, 1, 1, 4) > 0)),
    "mask of minus infinities": (qkv(2, 2), dict(attn_mask=np.where(BOOL_MASK, FLOAT_MASK, -np.inf))),
    "a masked row": (qkv(2, 2), dict(attn_mask=EMPTY_ROW)),
    "a masked row, floats": (qkv(2), dict(attn_mask=np.where(EMPTY_ROW, np.float32(0), -np.inf).astype(np.float32))),
    "1-D mask": (qkv(), dict(attn_mask=normal(4))),
    "batches broadcast": ([normal(3, 1, 2, 5), normal(1, 2, 4, 5), normal(1, 1, 4, 2)], {}),
    "ranks broadcast": ([normal(3, 2, 5), normal(4, 5), normal(4, 2)], {}),
    "only values have a batch": ([normal(2, 5), normal(4, 5), normal(3, 4, 2)], {}),
    "grouped queries": ([normal(2, 4, 3, 5), normal(2, 2, 4, 5), normal(2, 2, 4, 2)], dict(enable_gqa=True)),
    "multi-query": ([normal(4, 3, 5), normal(1, 4, 5), normal(1, 4, 2)], dict(enable_gqa=True, is_causal=True)),
    "other groups of values": ([normal(1, 4, 3, 5), normal(1, 2, 4, 5), normal(1, 1, 4, 2)], dict(enable_gqa=True)),
    "no queries": (qkv(1, 1, length=0), {}),
    "no keys": (qkv(1, 1, keys=0), {}),
    "no features": (qkv(1, 1, size=0), {}),
    "an empty batch": (qkv(0, 2), {}),
    "all dropped": (qkv(2, 2), dict(dropout_p=1.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_torch(name):
    args, kwargs = CASES[name]
    kwargs = {k: torch.from_numpy(np.asarray(v)) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
    if "attn_mask" in kwargs and kwargs["attn_mask"].dtype == torch.float64:
        kwargs["attn_mask"] = kwargs["attn_mask"].float()
    reference.check_call(TORCH, F.scaled_dot_product_attention, both(*args), kwargs)


def test_a_masked_row_is_zero_with_zero_gradients():
    q, k, v = map(jnp.asarray, qkv(2, 2))
    attend = functools.partial(F.scaled_dot_product_attention, attn_mask=EMPTY_ROW)
    assert not attend(q, k, v)[..., 1, :].any() and attend(q, k, v)[..., 0, :].all()
    gradients = jax.grad(lambda *a: attend(*a).sum(), (0, 1, 2))(q, k, v)
    assert all(jnp.isfinite(g).all() for g in gradients) and not gradients[0][..., 1, :].any()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("mask", [None, "float32", "same"])
def test_half(dtype, mask):
    args = [t.to(getattr(torch, dtype)) for t in both(*qkv(2, 2))]
    kwargs = {}
    if mask:
        kwargs["attn_mask"] = torch.from_numpy(FLOAT_MASK).to(torch.float32 if mask == "float32" else args[0].dtype)
    reference.check_call(TORCH, F.scaled_dot_product_attention, tuple(args), kwargs, rtol=4e-2, atol=4e-2)


def test_half_has_a_float32_softmax():
    q = jnp.full((1, 1), 300.0, jnp.float16)  # the score 90000 is beyond float16
    k, v = jnp.asarray([[300.0], [299.0]], jnp.float16), jnp.asarray([[1.0], [2.0]], jnp.float16)
    np.testing.assert_array_equal(F.scaled_dot_product_attention(q, k, v), [[1.0]])


def test_derivatives():
    args = tuple(map(jnp.asarray, qkv(2)))
    attend = functools.partial(
        F.scaled_dot_product_attention, attn_mask=np.where(EMPTY_ROW, FLOAT_MASK, np.float32(-np.inf))
    )
    check_grads(jax.jit(lambda *a: attend(*a)), args, 2, atol=2e-2, rtol=2e-2)


def test_a_saturated_softmax_has_no_gradient():
    q, k, v = jnp.asarray([[900.0, 700.0]]), jnp.asarray([[900.0, 800.0], [1.0, 2.0]]), jnp.asarray([[1e5], [-3.0]])
    gradient = jax.jit(jax.grad(lambda q: 0.3 * F.scaled_dot_product_attention(q, k, v).sum()))(q)
    np.testing.assert_array_equal(gradient, 0)


def test_transformations():
    q, k, v = map(jnp.asarray, qkv(2, 3))
    want = F.scaled_dot_product_attention(q, k, v, BOOL_MASK)
    np.testing.assert_allclose(jax.jit(F.scaled_dot_product_attention)(q, k, v, BOOL_MASK), want, rtol=1e-5, atol=1e-6)
    batched = jax.vmap(F.scaled_dot_product_attention, in_axes=(0, 0, 0, None))(q, k, v, BOOL_MASK)
    np.testing.assert_allclose(batched, want, rtol=1e-5, atol=1e-6)


def test_dropout_is_torchs():
    q, k, v = qkv(2, 3)
    torch.manual_seed(3), fnn.manual_seed(3)
    want = TORCH(*both(q, k, v), dropout_p=0.4)
    np.testing.assert_allclose(ambient.scaled_dot_product_attention(q, k, v, dropout_p=0.4), want, rtol=1e-4, atol=1e-5)
    generator = fnn.random.Generator().manual_seed(3)
    ours = F.scaled_dot_product_attention(q, k, v, dropout_p=0.4, dropout_key=generator)
    np.testing.assert_allclose(ours, want, rtol=1e-4, atol=1e-5)


def test_dropout_by_key():
    q, k, v = jnp.zeros((1, 1)), jnp.zeros((1000, 1)), jnp.ones((1000, 1))
    draw = functools.partial(F.scaled_dot_product_attention, q, k, v, dropout_p=0.25)
    kept = float(draw(dropout_key=KEY)[0, 0]) * 0.75
    assert abs(kept - 0.75) < 0.06
    with pytest.raises(MissingKeyError, match="got key=None"):
        draw()
    step = fnn.jit(lambda: ambient.scaled_dot_product_attention(q, k, v, dropout_p=0.25))
    assert step() != step()


ONES = jnp.ones((1, 1, 2, 3))
ERRORS = {
    "Expected query, key, and value to all be at least 2 dimensional, but got query.dim: 1": lambda f: f(
        jnp.ones(3), jnp.ones((4, 3)), jnp.ones((4, 3))
    ),
    "have the same dtype, but got query.dtype: float32 key.dtype: bfloat16": lambda f: f(
        ONES, ONES.astype(jnp.bfloat16), ONES
    ),
    "not implemented for query.dtype=int32": lambda f: f(*[jnp.ones((2, 3), int)] * 3),
    "same size E, got query of shape .1, 1, 2, 3. and key of shape .1, 1, 2, 4.": lambda f: f(
        ONES, jnp.ones((1, 1, 2, 4)), ONES
    ),
    "must have the same length S": lambda f: f(ONES, jnp.ones((1, 1, 5, 3)), ONES),
    "Explicit attn_mask should not be set when is_causal=True": lambda f: f(
        ONES, ONES, ONES, jnp.zeros((2, 2)), is_causal=True
    ),
    "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: int32": lambda f: f(
        ONES, ONES, ONES, jnp.zeros((2, 2), int)
    ),
    r"attn_mask must broadcast to the scores' shape \[1, 1, 2, 2\], got \[3, 2\]": lambda f: f(
        ONES, ONES, ONES, jnp.zeros((3, 2))
    ),
    "batch dimensions must match or be 1": lambda f: f(jnp.ones((3, 2, 3)), jnp.ones((2, 2, 3)), jnp.ones((2, 2, 3))),
    "Number of heads in key and value must divide the number of heads in query, got 3 and 3 for 4": lambda f: f(
        jnp.ones((4, 2, 3)), jnp.ones((3, 2, 3)), jnp.ones((3, 2, 3)), enable_gqa=True
    ),
    "dropout probability has to be between 0 and 1, but got 1.5": lambda f: f(ONES, ONES, ONES, dropout_p=1.5),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text):
    with pytest.raises(RuntimeError, match=text):
        ERRORS[text](F.scaled_dot_product_attention)


def test_grouped_queries_need_heads():
    with pytest.raises(IndexError, match="Dimension out of range: enable_gqa needs heads"):
        F.scaled_dot_product_attention(*[jnp.ones((2, 3))] * 3, enable_gqa=True)


# -- multi_head_attention_forward ------------------------------------------------------------------------

MHA = torch.nn.functional.multi_head_attention_forward


def test_mha_op_db():
    drops = lambda sample: 0 < sample.args[9] < 1 and sample.kwargs.get("training", True)  # noqa: E731
    assert check_database("multi_head_attention_forward", F.multi_head_attention_forward, 12, drops) > 3


def mha(size: int = 4, **changes) -> dict:
    """The arguments of a call with E = ``size`` and 2 heads."""
    x = torch.from_numpy(normal(3, 2, size))
    weights = dict(
        in_proj_weight=torch.from_numpy(normal(3 * size, size)), in_proj_bias=torch.from_numpy(normal(3 * size))
    )
    out = dict(out_proj_weight=torch.from_numpy(normal(5, size)), out_proj_bias=torch.from_numpy(normal(5)))
    rest = dict(embed_dim_to_check=size, num_heads=2, bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=0.0)
    return {**dict(query=x, key=x, value=x), **rest, **weights, **out, **changes}


def t(*shape: int, seed: int = 1) -> "torch.Tensor":
    return torch.from_numpy(normal(*shape, seed=seed))


CAUSAL = torch.ones(3, 3).triu(1).bool()
MHA_CASES = {
    "self-attention": {},
    "keys and values": dict(key=t(5, 2, 4), value=t(5, 2, 4, seed=2)),
    "no biases": dict(in_proj_bias=None, out_proj_bias=None),
    "unbatched": dict(query=t(3, 4), key=t(2, 4), value=t(2, 4, seed=2)),
    "unbatched, masks": dict(
        query=t(3, 4), key=t(3, 4), value=t(3, 4), attn_mask=t(2, 3, 3), key_padding_mask=t(3, seed=4)
    ),
    "bool attn_mask": dict(attn_mask=CAUSAL),
    "float attn_mask": dict(attn_mask=t(3, 3)),
    "3-D attn_mask": dict(attn_mask=t(4, 3, 3)),
    "padding": dict(key_padding_mask=torch.tensor([[False, False, True], [False, True, True]])),
    "float padding": dict(key_padding_mask=t(2, 3)),
    "both masks": dict(attn_mask=CAUSAL, key_padding_mask=torch.tensor([[False, False, True], [False, True, False]])),
    "a masked row": dict(attn_mask=torch.tensor([[False] * 3, [True] * 3, [False, True, False]])),
    "causal hint": dict(attn_mask=CAUSAL, is_causal=True),
    "causal hint and padding": dict(attn_mask=CAUSAL, is_causal=True, key_padding_mask=CAUSAL[:2]),
    "bias_kv": dict(bias_k=t(1, 1, 4), bias_v=t(1, 1, 4, seed=2), attn_mask=t(3, 3), key_padding_mask=t(2, 3)),
    "bias_kv and causal hint": dict(bias_k=t(1, 1, 4), bias_v=t(1, 1, 4), attn_mask=CAUSAL, is_causal=True),
    "zero attention": dict(add_zero_attn=True, attn_mask=t(4, 3, 3), key_padding_mask=t(2, 3)),
    "zero attention and bias_kv": dict(add_zero_attn=True, bias_k=t(1, 1, 4), bias_v=t(1, 1, 4)),
    "static": dict(static_k=t(4, 5, 2), static_v=t(4, 5, 2, seed=2)),
    "static keys": dict(static_k=t(4, 3, 2), attn_mask=t(3, 3)),
    "separate weights": dict(
        key=t(5, 2, 3),
        value=t(5, 2, 6),
        in_proj_weight=None,
        use_separate_proj_weight=True,
        q_proj_weight=t(4, 4),
        k_proj_weight=t(4, 3),
        v_proj_weight=t(4, 6),
    ),
    "not training": dict(dropout_p=0.5, training=False),
}


@pytest.mark.parametrize("averaged", [False, None], ids=["heads", "no weights"])
@pytest.mark.parametrize("name", MHA_CASES)
def test_mha_equals_torch(name, averaged):
    check_mha(name, averaged)


@pytest.mark.parametrize("name", ["self-attention", "unbatched, masks"])
def test_mha_averages_the_weights(name):
    check_mha(name, averaged=True)


def check_mha(name: str, averaged: bool | None) -> None:
    kwargs = mha(**MHA_CASES[name], need_weights=averaged is not None, average_attn_weights=bool(averaged))
    if name == "a masked row" and averaged is not None:
        pytest.skip("torch gives NaN; the next test says what fnn gives")
    reference.check_call(MHA, F.multi_head_attention_forward, (), kwargs)


@pytest.mark.parametrize("masked", [[False, True], [True, True]], ids=["one head", "all heads"])
def test_mha_of_a_head_without_keys(masked):
    """Zeros with the weights and without them, and finite gradients."""
    mask = torch.tensor([[[m] * 3] * 3 for m in masked] * 2)  # (N H, L, S)
    arguments = {k: reference.to_jax(v) for k, v in mha(attn_mask=mask, average_attn_weights=False).items()}

    def attend(query, need_weights):
        return F.multi_head_attention_forward(**{**arguments, "query": query, "need_weights": need_weights})

    query = arguments["query"]
    output, weights = attend(query, True)
    heads = weights.sum((0, 2, 3))
    np.testing.assert_allclose(heads, [0.0 if m else 6.0 for m in masked], rtol=1e-5)
    np.testing.assert_allclose(output, attend(query, False)[0], rtol=1e-5, atol=1e-6)
    for need_weights in (True, False):
        gradient = jax.grad(lambda q, n=need_weights: attend(q, n)[0].sum())(query)
        assert jnp.isfinite(gradient).all()


@pytest.mark.parametrize("need_weights", [True, False])
def test_mha_dropout_is_torchs(need_weights):
    kwargs = mha(dropout_p=0.4, need_weights=need_weights)
    torch.manual_seed(5), fnn.manual_seed(5)
    want = MHA(**kwargs)
    ours = ambient.multi_head_attention_forward(**reference.to_jax(kwargs))
    reference.assert_equal(ours, want)
    with pytest.raises(MissingKeyError):
        F.multi_head_attention_forward(**reference.to_jax(kwargs))
    first, second = (
        F.multi_head_attention_forward(**reference.to_jax(kwargs), dropout_key=jax.random.key(i))[0] for i in (0, 1)
    )
    assert not np.allclose(first, second)


def test_mha_bfloat16():
    kwargs = {k: v.bfloat16() if isinstance(v, torch.Tensor) else v for k, v in mha(attn_mask=t(3, 3)).items()}
    reference.check_call(MHA, F.multi_head_attention_forward, (), kwargs, rtol=6e-2, atol=0.15)
    masks = dict(attn_mask=jnp.zeros((3, 3)))
    with pytest.raises(ArgumentTypeError, match="Input dtypes must be the same, got attn_mask of float32 and query of"):
        F.multi_head_attention_forward(**{**reference.to_jax(kwargs), **masks})
    assert F.multi_head_attention_forward(**{**reference.to_jax(kwargs), **masks}, need_weights=False)[1] is None


def test_mha_shares_a_projection_of_the_same_input():
    kwargs = reference.to_jax(mha())

    def contractions(query: str, key: str, value: str) -> int:
        def attend(x, y):
            given = {"x": x, "y": y}
            own = {"query": given[query], "key": given[key], "value": given[value]}
            return F.multi_head_attention_forward(**{**kwargs, **own})[0]

        return str(jax.make_jaxpr(attend)(kwargs["query"], kwargs["query"])).count("dot_general[")

    assert [contractions(*names) for names in ("xxx", "xyy", "xyx")] == [4, 5, 6]


BAD = {
    "query should be unbatched 2D or batched 3D tensor but received 4-D query tensor": dict(query=t(1, 3, 2, 4)),
    "For batched (3-D) `query`, expected `key` and `value` to be 3-D but found 2-D": dict(key=t(3, 4)),
    "For unbatched (2-D) `query`, expected `key` and `value` to be 2-D but found 3-D": dict(query=t(3, 4)),
    "For batched (3-D) `query`, expected `key_padding_mask` to be `None` or 2-D but found 1-D": dict(
        key_padding_mask=t(3)
    ),
    "For batched (3-D) `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found 1-D": dict(attn_mask=t(3)),
    "Expected `attn_mask` shape to be (2, 3, 3) but got": dict(
        query=t(3, 4), key=t(3, 4), value=t(3, 4), attn_mask=t(1, 3, 3)
    ),
    "only bool and floating types of attn_mask are supported": dict(attn_mask=torch.ones(3, 3, dtype=torch.int32)),
    "only bool and floating types of key_padding_mask are supported": dict(
        key_padding_mask=torch.ones(2, 3, dtype=torch.int32)
    ),
    "Need attn_mask if specifying the is_causal hint": dict(is_causal=True),
    "was expecting embedding dimension of 6, but got 4": dict(embed_dim_to_check=6),
    "embed_dim 4 not divisible by num_heads 3": dict(num_heads=3),
    "does not match value shape": dict(key=t(5, 2, 4)),
    "key's sequence and batch dims": dict(key=t(5, 2, 4), use_separate_proj_weight=True, q_proj_weight=t(4, 4)),
    "use_separate_proj_weight is False but in_proj_weight is None": dict(in_proj_weight=None),
    "use_separate_proj_weight is True but k_proj_weight is None": dict(
        use_separate_proj_weight=True, q_proj_weight=t(4, 4)
    ),
    "expecting key weights shape of (4, 4), but got": dict(
        use_separate_proj_weight=True, q_proj_weight=t(4, 4), k_proj_weight=t(4, 5), v_proj_weight=t(4, 4)
    ),
    "The shape of the 2D attn_mask is": dict(attn_mask=t(3, 4)),
    "The shape of the 3D attn_mask is": dict(attn_mask=t(3, 3, 3)),
    "bias_k is set but bias_v is None": dict(bias_k=t(1, 1, 4)),
    "bias_v is set but bias_k is None": dict(bias_v=t(1, 1, 4)),
    "bias cannot be added to static key.": dict(bias_k=t(1, 1, 4), bias_v=t(1, 1, 4), static_k=t(4, 3, 2)),
    "expecting static_k.size(0) of 4, but got 3": dict(static_k=t(3, 3, 2)),
    "expecting static_v.size(2) of 2, but got 3": dict(static_v=t(4, 3, 3)),
    "Expected key_padded_mask.shape[1] to be 3, but got 4": dict(key_padding_mask=t(2, 4)),
    "Expected key_padded_mask.shape[0] to be 2, but got 3": dict(key_padding_mask=t(3, 3)),
}


@pytest.mark.parametrize("text", BAD)
def test_mha_errors(text):
    kwargs = mha(**BAD[text])
    with pytest.raises((AssertionError, RuntimeError)) as theirs:
        MHA(**kwargs)
    assert text in str(theirs.value), theirs.value
    with pytest.raises(type(theirs.value)) as ours:
        F.multi_head_attention_forward(**reference.to_jax(kwargs))
    assert text in str(ours.value) and isinstance(ours.value, (ValueError, RuntimeError))


REFUSED = {
    "expected in_proj_weight of shape [12, 4], got [12, 5]": dict(in_proj_weight=t(12, 5)),
    "expected in_proj_bias of shape [12], got [4]": dict(in_proj_bias=t(4)),
    "must have the same batch size, got [3, 2, 4] and [3, 1, 4]": dict(key=t(3, 1, 4), value=t(3, 1, 4)),
    "attn_mask is for 3 keys, but static_k has 5": dict(attn_mask=t(3, 3), static_k=t(4, 5, 2), static_v=t(4, 5, 2)),
}


@pytest.mark.parametrize("text", REFUSED)
def test_mha_refuses_what_torch_refuses(text):
    kwargs = mha(**REFUSED[text])
    with pytest.raises(RuntimeError):
        MHA(**kwargs)
    with pytest.raises(RuntimeError) as ours:
        F.multi_head_attention_forward(**reference.to_jax(kwargs))
    assert text in str(ours.value)


def test_mha_warns_of_masks_of_two_kinds():
    kwargs = mha(attn_mask=CAUSAL, key_padding_mask=t(2, 3))
    with pytest.warns(
        UserWarning, match="Support for mismatched key_padding_mask and attn_mask is deprecated"
    ) as caught:
        F.multi_head_attention_forward(**reference.to_jax(kwargs))
    assert caught[0].filename == __file__
