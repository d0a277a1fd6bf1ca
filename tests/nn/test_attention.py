"""`nn.MultiheadAttention` against torch's: parameters, outputs, gradients, the pair, dropout, repr and errors."""

import copy
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.nn import functional as F
from tests import reference
from tests.nn.both import same, same_error

torch = reference.torch

E, H = 8, 2
CONSTRUCTIONS = {
    "plain": {},
    "no bias": dict(bias=False),
    "bias_kv": dict(add_bias_kv=True),
    "other sizes": dict(kdim=3, vdim=5, add_bias_kv=True),
    "other keys": dict(kdim=3),
    "everything": dict(dropout=0.5, add_bias_kv=True, add_zero_attn=True, kdim=E, vdim=E, batch_first=True),
}


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def made(**kwargs):
    """torch's and fnn's, of one seed."""
    torch.manual_seed(1), fnn.manual_seed(1)
    return torch.nn.MultiheadAttention(E, H, **kwargs), nn.MultiheadAttention(E, H, **kwargs)


@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_construction(name):
    theirs, ours = made(**CONSTRUCTIONS[name])
    want, got = theirs.state_dict(), ours.state_dict()
    assert list(got) == list(want)
    for key, value in want.items():
        # 16 normal numbers and more are equal to rounding, fewer and all uniform ones bit for bit
        np.testing.assert_allclose(got[key], value, rtol=1e-6, atol=1e-7, err_msg=key)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert repr(ours) == repr(theirs)
    for attribute in (
        *("embed_dim", "num_heads", "head_dim", "kdim", "vdim", "dropout", "batch_first", "add_zero_attn"),
        "_qkv_same_embed_dim",
    ):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    absent = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "bias_k", "bias_v")
    assert [getattr(ours, n) is None for n in absent] == [getattr(theirs, n) is None for n in absent]
    torch.manual_seed(2), fnn.manual_seed(2)
    theirs._reset_parameters(), ours._reset_parameters()
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], value, rtol=1e-6, atol=1e-7, err_msg=key)


def test_dtype_and_device():
    attention = nn.MultiheadAttention(E, H, add_bias_kv=True, device="cpu", dtype=jnp.bfloat16)
    assert {p.dtype for p in attention.parameters()} == {jnp.dtype("bfloat16")}
    assert {d.platform for p in attention.parameters() for d in p.data.devices()} == {"cpu"}


CAUSAL = np.triu(np.ones((3, 3), bool), 1)
PADDING = np.array([[False, False, True], [False, True, True]])
# constructor, batch shape of the inputs, arguments of the call
CALLS = {
    "self": ({}, True, {}),
    "keys and values": ({}, False, {}),
    "unbatched": ({}, None, {}),
    "unbatched, batch first": (dict(batch_first=True), None, {}),
    "batch first": (dict(batch_first=True), True, dict(key_padding_mask=PADDING)),
    "other sizes": (dict(kdim=3, vdim=5), False, dict(average_attn_weights=False)),
    "other sizes, batch first": (dict(kdim=3, vdim=5, batch_first=True, bias=False), False, {}),
    "masks": ({}, True, dict(attn_mask=CAUSAL, key_padding_mask=PADDING)),
    "3-D mask": (dict(batch_first=True), True, dict(attn_mask=normal(4, 3, 3), need_weights=False)),
    "causal": ({}, True, dict(attn_mask=CAUSAL, is_causal=True, need_weights=False)),
    "extra keys": (dict(add_bias_kv=True, add_zero_attn=True), True, dict(attn_mask=CAUSAL, key_padding_mask=PADDING)),
    "extra keys, no weights": (dict(add_bias_kv=True, add_zero_attn=True), False, dict(need_weights=False)),
    "no bias": (dict(bias=False), True, {}),
    "dropout": (dict(dropout=0.4), True, {}),
    "dropout, no weights": (dict(dropout=0.4, batch_first=True), True, dict(need_weights=False)),
}


def inputs(constructor: dict, same_input: bool | None) -> list[np.ndarray]:
    sizes = (E, constructor.get("kdim", E), constructor.get("vdim", E))
    if same_input:
        return [normal(*((2, 3) if constructor.get("batch_first") else (3, 2)), E)] * 3
    lengths = [(3,), (4,), (4,)] if same_input is None else [(3, 2), (4, 2), (4, 2)]
    if constructor.get("batch_first"):
        lengths = [shape[::-1] for shape in lengths]
    return [normal(*length, size, seed=i) for i, (length, size) in enumerate(zip(lengths, sizes, strict=True))]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", CALLS)
def test_equals_torch(name, training):
    constructor, same_input, call = CALLS[name]
    theirs, ours = made(**constructor)
    theirs.train(training), ours.train(training)
    arrays = inputs(constructor, same_input)
    tensors, given = [torch.from_numpy(a) for a in arrays], [jnp.asarray(a) for a in arrays]
    if same_input:
        tensors, given = tensors[:1] * 3, given[:1] * 3
    tcall = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in call.items()}
    torch.manual_seed(4), fnn.manual_seed(4)
    want = theirs(*tensors, **tcall)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.manual_seed(4)
        reference.assert_equal(theirs(*tensors, **tcall), want)  # torch's fast path and its slow one agree
    got = ours(*given, **call)
    reference.assert_equal(got, want, rtol=1e-4, atol=1e-5)
    if not training:
        return

    cotangents = [normal(*o.shape, seed=9) for o in want if o is not None]
    outputs = [o for o in want if o is not None]
    wanted = torch.autograd.grad(outputs, list(theirs.parameters()), [torch.from_numpy(c) for c in cotangents])

    def loss(module):
        kept = [o for o in module(*given, **call) if o is not None]
        return sum((o * c).sum() for o, c in zip(kept, cotangents, strict=True))

    fnn.manual_seed(4)
    gradients = fnn.grad(loss)(ours)
    for (key, _), gradient in zip(theirs.named_parameters(), wanted, strict=True):
        reference.assert_equal(gradients[key], gradient, key, rtol=1e-3, atol=1e-4)


def test_masked_rows():
    """The bias of the output, whether or not the weights are asked for (torch: NaN where they are)."""
    theirs, ours = made()
    x, padding = normal(3, 2, E), np.array([[True] * 3, [False] * 3])
    for need in (True, False):
        want = theirs(*[torch.from_numpy(x)] * 3, key_padding_mask=torch.from_numpy(padding), need_weights=need)
        got = ours(*[jnp.asarray(x)] * 3, key_padding_mask=padding, need_weights=need)
        if need:
            assert bool(torch.isnan(want[0][:, 0]).all()) and not got[1][0].any()
            reference.assert_equal(got[0][:, 1], want[0][:, 1])
            np.testing.assert_allclose(got[0][:, 0], np.tile(ours.out_proj.bias.data, (3, 1)), rtol=1e-6)
        else:
            reference.assert_equal(got, want)


def test_module_database():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db
    info = next(i for i in module_db if i.module_cls is torch.nn.MultiheadAttention)
    count = 0
    for training in (True, False):
        found = list(info.module_inputs_func(info, "cpu", torch.float32, False, training))
        for case in found[:: max(1, len(found) // 12)]:
            args, kwargs = case.constructor_input.args, case.constructor_input.kwargs
            torch.manual_seed(count), fnn.manual_seed(count)
            theirs = torch.nn.MultiheadAttention(*args, **kwargs).train(training)
            ours = nn.MultiheadAttention(*reference.to_jax(args), **reference.to_jax(kwargs)).train(training)
            with torch.no_grad():
                want = theirs(*case.forward_input.args, **case.forward_input.kwargs)
            got = ours(*reference.to_jax(case.forward_input.args), **reference.to_jax(case.forward_input.kwargs))
            reference.assert_equal(got, want, f"{args} {kwargs}", rtol=1e-3, atol=1e-4)
            count += 1
    assert count >= 24


def test_it_is_a_pair():
    layer = fnn.pure(nn.MultiheadAttention)(E, H, dropout=0.5, add_bias_kv=True)
    params, state = jax.jit(layer.init)(jax.random.key(0))
    assert (
        state == {}
        and params["in_proj_weight"].shape == (3 * E, E)
        and {"out_proj.weight", "out_proj.bias"} <= set(params)
    )
    bound = (6 / (4 * E)) ** 0.5
    assert 0.9 * bound < abs(params["in_proj_weight"]).max() <= bound and params["bias_k"].std() > 0.1
    x = jnp.asarray(normal(3, 2, E))
    (y, weights), _ = layer.apply(params, state, x, x, x)
    module = nn.MultiheadAttention(E, H, add_bias_kv=True)
    module.load_state_dict(params)
    reference.assert_equal((y, weights), tuple(map(torch.tensor, map(np.asarray, module(x, x, x)))))
    dropped = [layer.apply(params, state, x, x, x, training=True, key=jax.random.key(i))[0][0] for i in (0, 0, 1)]
    np.testing.assert_array_equal(dropped[0], dropped[1])
    assert not np.allclose(dropped[0], dropped[2])


def test_transformations():
    attention = nn.MultiheadAttention(E, H, batch_first=True)
    x = jnp.asarray(normal(4, 3, E))
    want = attention(x, x, x)[0]
    np.testing.assert_allclose(fnn.jit(lambda m, x: m(x, x, x)[0])(attention, x), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fnn.vmap(lambda x: attention(x, x, x)[0])(x), want, rtol=1e-5, atol=1e-6)


def test_dropout_under_jit_is_fresh_at_each_call():
    attention = nn.MultiheadAttention(E, H, dropout=0.5)
    x = jnp.asarray(normal(3, 2, E))
    step = fnn.jit(lambda m, x: m(x, x, x, need_weights=False)[0])
    assert not np.allclose(step(attention, x), step(attention, x))


def test_bfloat16():
    theirs, ours = made()
    x = torch.from_numpy(normal(3, 2, E)).bfloat16()
    for need in (True, False):
        want = theirs.bfloat16()(x, x, x, need_weights=need)
        got = ours.bfloat16()(*[reference.to_jax(x)] * 3, need_weights=need)
        reference.assert_equal(got, want)


def test_merge_masks():
    theirs, ours = made()
    x, attn, padding = normal(2, 3, E), normal(3, 3), normal(2, 3, seed=5)
    for masks in ((None, None), (None, padding), (attn, None), (attn, padding), (normal(4, 3, 3), padding)):
        tensors = [None if m is None else torch.from_numpy(m) for m in masks]
        merged, kind = theirs.merge_masks(*tensors, torch.from_numpy(x))
        got, got_kind = ours.merge_masks(*masks, jnp.asarray(x))
        reference.assert_equal(got, merged)
        assert got_kind == kind


def test_surgery_copies_and_pickles():
    attention = nn.MultiheadAttention(E, H, add_bias_kv=True)
    x = jnp.asarray(normal(3, 2, E))
    want = attention(x, x, x)[0]
    for other in (copy.deepcopy(attention), pickle.loads(pickle.dumps(attention))):
        np.testing.assert_array_equal(other(x, x, x)[0], want)
    attention.bias_k = attention.bias_v = None
    assert not np.allclose(attention(x, x, x)[0], want)


ERRORS = {
    "no heads": lambda api: api.nn.MultiheadAttention(4, 0),
    "no features": lambda api: api.nn.MultiheadAttention(-1, 1),
    "indivisible": lambda api: api.nn.MultiheadAttention(5, 2),
    "rank": lambda api: api.nn.MultiheadAttention(4, 2)(*[api.array(1, 2, 3, 4)] * 3),
    "embedding": lambda api: api.nn.MultiheadAttention(4, 2)(*[api.array(3, 5)] * 3),
    "no mask": lambda api: api.nn.MultiheadAttention(4, 2)(*[api.array(3, 4)] * 3, is_causal=True),
    "padding": lambda api: api.nn.MultiheadAttention(4, 2)(*[api.array(3, 4)] * 3, key_padding_mask=api.array(1, 3)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name])


def test_a_mask_of_integers_is_refused():
    with pytest.raises(AssertionError, match="only bool and floating types of attn_mask are supported, got int32"):
        nn.MultiheadAttention(4, 2)(*[jnp.ones((3, 4))] * 3, attn_mask=jnp.ones((3, 3), int))


def test_a_state_dict_travels():
    def act(api):
        attention = api.nn.MultiheadAttention(4, 2, kdim=3)
        other = api.nn.MultiheadAttention(4, 2, kdim=3)
        return str(other.load_state_dict(attention.state_dict()))

    same(act)


def test_it_is_handed_on_where_torch_has_it():
    assert nn.modules.activation.MultiheadAttention is nn.MultiheadAttention
    assert F.multi_head_attention_forward.__module__ == "fnn.nn.functional"
