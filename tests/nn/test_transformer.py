"""`nn.Transformer` and what it is made of against torch: draws, names, masks, padding, gradients, warnings, errors."""

from __future__ import annotations

import copy
import functools
import pickle
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from tests import extent, reference
from tests.nn.both import same, same_error

torch = reference.torch

pytestmark = [
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True, but self.use_nested_tensor is False"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage"),
]

E, H, F, N, S, T = 8, 2, 12, 2, 3, 4
STACKS = {"TransformerEncoder": "TransformerEncoderLayer", "TransformerDecoder": "TransformerDecoderLayer"}
NAMES = ["TransformerEncoderLayer", "TransformerDecoderLayer", *STACKS, "Transformer"]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def build(api: Any, name: str, dropout: float = 0.0, norm: bool = True, **kwargs: Any) -> Any:
    """A module of torch's or fnn's; a stack of two layers, with a norm."""
    if name in STACKS:
        layer = getattr(api, STACKS[name])(E, H, F, dropout, **kwargs)
        return getattr(api, name)(layer, 2, api.LayerNorm(E) if norm else None)
    layers = (1, 1) if name == "Transformer" else ()
    return getattr(api, name)(E, H, *layers, F, dropout, **kwargs)


def twins(name: str, **kwargs: Any) -> tuple[Any, Any]:
    """torch's and fnn's with the same random parameters, biases and norms too."""
    ours_only = {k: v[1] if isinstance(v, tuple) else v for k, v in kwargs.items()}
    theirs = build(torch.nn, name, **{k: v[0] if isinstance(v, tuple) else v for k, v in kwargs.items()})
    with torch.no_grad():
        for i, p in enumerate(theirs.parameters()):
            p.copy_(torch.from_numpy(normal(*p.shape, seed=i) * 0.5))
    ours = build(nn, name, **ours_only)
    ours.load_state_dict({k: jnp.asarray(v.numpy()) for k, v in theirs.state_dict().items()})
    return theirs, ours


def inputs(name: str, form: str) -> list[np.ndarray]:
    """Sequences of lengths S and T in the order of the arguments, (length, N, E), (N, length, E) or (length, E)."""
    lengths = {"Enc": (S,), "Dec": (T, S)}.get(name[len("Transformer") :][:3], (S, T))
    shape = {"": lambda n: (n, N, E), "batch first": lambda n: (N, n, E), "unbatched": lambda n: (n, E)}[form]
    return [normal(*shape(n), seed=i + 1) for i, n in enumerate(lengths)]


def tensors(values: dict[str, Any]) -> dict[str, Any]:
    return {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}


def arrays(values: dict[str, Any]) -> dict[str, Any]:
    return {k: jnp.asarray(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}


def causal(size: int) -> np.ndarray:
    return np.triu(np.full((size, size), -np.inf, np.float32), 1)


def padding(length: int) -> np.ndarray:
    """(N, length): none of the first sequence is padded, and of the second all but two."""
    return np.arange(length) >= np.array([[length], [2]])


BIASED = normal(N * H, S, S, seed=5), normal(N * H, T, T, seed=6), normal(N * H, T, S, seed=7)
TANH = {"activation": (torch.tanh, jnp.tanh)}
GELU = {"activation": (torch.nn.GELU(), nn.GELU())}
ALL = {
    "tgt_mask": causal(T) < 0,
    "memory_mask": np.eye(T, S, dtype=bool),
    "tgt_key_padding_mask": padding(T),
    "memory_key_padding_mask": padding(S) & False,
}
LAYER, DECODER_LAYER, ENCODER, DECODER, WHOLE = NAMES
# class, form of the inputs, constructor's arguments, masks; every other case is in the short run
CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "layer: boolean padding": (LAYER, "", {}, {"src_key_padding_mask": padding(S)}),
    "layer: added padding": (LAYER, "batch first", {}, {"src_key_padding_mask": normal(N, S)}),
    "layer: a mask for each head": (LAYER, "", {"norm_first": True, **GELU}, {"src_mask": BIASED[0]}),
    "layer: both masks": (LAYER, "", TANH, {"src_mask": causal(S) < 0, "src_key_padding_mask": padding(S)}),
    "layer: unbatched": (LAYER, "unbatched", {"bias": False}, {"src_mask": BIASED[0][:H]}),
    "layer: causal": (LAYER, "batch first", {"layer_norm_eps": 0.3}, {"src_mask": causal(S), "is_causal": True}),
    "decoder layer: all": (DECODER_LAYER, "", {"activation": "gelu"}, ALL),
    "decoder layer: heads": (DECODER_LAYER, "batch first", TANH, {"tgt_mask": BIASED[1], "memory_mask": BIASED[2]}),
    "decoder layer: causal": (
        *(DECODER_LAYER, "", {"norm_first": True, "layer_norm_eps": 0.3, "bias": False}),
        {"tgt_mask": causal(T), "tgt_is_causal": True, "memory_mask": causal(T)[:, :S], "memory_is_causal": True},
    ),
    "decoder layer: unbatched": (
        *(DECODER_LAYER, "unbatched", {"batch_first": True}),
        {"memory_key_padding_mask": padding(S)[1], "tgt_key_padding_mask": normal(T)},
    ),
    "encoder: causal, seen": (ENCODER, "", {"norm_first": True}, {"mask": causal(S)}),
    "encoder: plain": (ENCODER, "batch first", {"norm": False}, {}),
    "encoder: causal, seen, boolean, padded": (
        *(ENCODER, "batch first", {}),
        {"mask": causal(S) < 0, "src_key_padding_mask": padding(S)},
    ),
    "encoder: causal, said": (ENCODER, "unbatched", {"bias": False}, {"mask": causal(S), "is_causal": True}),
    "decoder: causal, seen": (DECODER, "batch first", {"norm_first": True}, {"tgt_mask": causal(T)}),
    "decoder: all": (DECODER, "", {"norm": False}, ALL),
    "transformer: all": (
        *(WHOLE, "batch first", {"norm_first": True, **TANH}),
        {**ALL, "src_mask": BIASED[0][0], "src_key_padding_mask": np.where(padding(S), -np.inf, 0).astype(np.float32)},
    ),
    "transformer: plain": (WHOLE, "", {"layer_norm_eps": 0.2}, {}),
    "transformer: causal": (
        *(WHOLE, "unbatched", {"bias": False}),
        {"src_mask": causal(S), "tgt_mask": causal(T), "src_is_causal": True, "tgt_is_causal": True},
    ),
    "encoder: said not to be": (ENCODER, "", {}, {"mask": BIASED[0], "is_causal": False}),
}


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize("case", extent.some(CASES, 10))
def test_values_and_gradients(case):
    name, form, constructor, masks = CASES[case]
    if form == "batch first":
        constructor = {**constructor, "batch_first": True}
    theirs, ours = twins(name, **constructor)
    given = inputs(name, form)
    wanted = [*theirs.parameters(), *(torch.from_numpy(a).requires_grad_() for a in given)]
    want = theirs(*wanted[-len(given) :], **tensors(masks))
    cotangent = normal(*want.shape, seed=9)
    gradients = torch.autograd.grad(want, wanted, torch.from_numpy(cotangent))
    given, masks = [jnp.asarray(a) for a in given], arrays(masks)

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
    def run(params: Any, given: Any) -> Any:
        output = fnn.func.functional_call(ours, params, tuple(given), masks)
        return jnp.sum(output * cotangent), output

    (_, output), (by_params, by_inputs) = run(dict(ours.named_parameters()), given)
    reference.assert_equal(output, want, "output")
    reference.assert_equal(ours(*given, **masks), want, "eager output")
    got = [*(by_params[n] for n, _ in theirs.named_parameters()), *by_inputs]
    reference.assert_equal(got, list(gradients), "gradients", rtol=1e-3, atol=1e-4)


# -- construction ----------------------------------------------------------------------------------------

FORMS = [{}, {"norm_first": True, "batch_first": True, "activation": "gelu"}, {"bias": False, **GELU}]


@pytest.mark.parametrize("name", NAMES)
def test_construction(name):
    for seed, form in zip((0, 1, 1234), FORMS, strict=True):
        torch.manual_seed(seed), fnn.manual_seed(seed)
        theirs = build(torch.nn, name, **{k: v[0] if isinstance(v, tuple) else v for k, v in form.items()})
        ours = build(nn, name, **{k: v[1] if isinstance(v, tuple) else v for k, v in form.items()})
        assert repr(ours) == repr(theirs)
        state = ours.state_dict()
        assert list(state) == list(theirs.state_dict())
        assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
        for key, value in theirs.state_dict().items():
            np.testing.assert_array_equal(state[key], value.numpy(), err_msg=key)
        assert torch.rand(1).item() == float(fnn.rand(1)[0])  # as many draws
        assert not theirs.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in state.items()}).missing_keys
        assert [type(m).__name__ for m in ours.modules()] == [type(m).__name__ for m in theirs.modules()]


def test_attributes():
    attributes = ("num_layers", "norm", "enable_nested_tensor", "use_nested_tensor", "mask_check", "norm_first")
    attributes += ("d_model", "nhead", "batch_first", "activation_relu_or_gelu")
    for name in NAMES:
        for form in FORMS:
            same(lambda api, name=name, form=form: {
                a: getattr(module, a, "none")
                for module in [build(api.nn, name, **{k: v[api.name == "fnn"] if isinstance(v, tuple) else v
                                                      for k, v in form.items()})]
                for a in attributes
            })  # fmt: skip
    layer = functools.partial(nn.TransformerEncoderLayer, E, H, F)
    found = [layer(activation=a).activation_relu_or_gelu for a in ("relu", nn.ReLU(), "gelu", nn.GELU(), jnp.tanh)]
    assert found == [1, 1, 2, 2, 0]


@pytest.mark.parametrize("name", NAMES)
def test_copies_pairs_and_dtypes(name):
    module = build(nn, name, device="cpu", dtype=jnp.bfloat16, norm=False)
    assert {p.dtype for p in module.parameters()} == {jnp.dtype(jnp.bfloat16)}
    assert {d.platform for p in module.parameters() for d in p.data.devices()} == {"cpu"}

    module = build(nn, name, dropout=0.5).eval()
    given = [jnp.asarray(a) for a in inputs(name, "")]
    want = module(*given)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        np.testing.assert_array_equal(other(*given), want)
    if name in STACKS:  # of the whole: the step below; of a layer: its pair
        np.testing.assert_allclose(fnn.jit(lambda m, *x: m(*x))(module, *given), want, rtol=1e-4, atol=1e-5)

    layer = fnn.pure(functools.partial(build, nn, name, 0.5))()
    params, state = layer.init(jax.random.key(0))
    assert state == {} and {k: v.shape for k, v in params.items()} == {k: p.shape for k, p in module.named_parameters()}
    if name not in STACKS.values():
        return  # the rest is that of their layers
    params = dict(module.named_parameters())
    np.testing.assert_allclose(layer.apply(params, {}, *given)[0], want, rtol=1e-4, atol=1e-5)
    drop = jax.jit(lambda key: layer.apply(params, {}, *given, training=True, key=key)[0])
    first, again, other = (drop(jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other) and not np.allclose(first, want)


@pytest.mark.parametrize("name", NAMES)
def test_dropout_draws_as_torch_does(name):
    """Of attention weights, of both linear maps and of every residual branch, in torch's order."""
    theirs, ours = twins(name, dropout=0.5)
    given = inputs(name, "")
    torch.manual_seed(3), fnn.manual_seed(3)
    want = theirs(*map(torch.from_numpy, given))
    reference.assert_equal(ours(*map(jnp.asarray, given)), want)
    assert torch.rand(1).item() == float(fnn.rand(1)[0])


@pytest.mark.parametrize("name", NAMES)
def test_half(name):
    theirs, ours = twins(name)
    given = [torch.from_numpy(a).bfloat16() for a in inputs(name, "")]
    want = theirs.bfloat16()(*given)
    got = ours.bfloat16()(*map(reference.to_jax, given))
    assert got.dtype == jnp.bfloat16
    reference.assert_equal(got, want, rtol=5e-2, atol=1e-1)


def test_custom_parts():
    def made(api: Any) -> Any:
        encoder, decoder = build(api.nn, ENCODER, norm=False), build(api.nn, DECODER, norm=False)
        module = api.nn.Transformer(E, H, custom_encoder=encoder, custom_decoder=decoder)
        assert module.encoder is encoder and module.decoder is decoder
        return module

    torch.manual_seed(7), fnn.manual_seed(7)
    assert same(lambda api: {k: v for k, v in made(api).state_dict().items() if "layers.1" in k})


def test_training_step_of_a_padded_batch():
    """Layers in a loop of the user's, with `fnn.jit`: the loss falls, and the masks are arguments."""
    model = nn.Transformer(E, H, 1, 1, F, 0.1, batch_first=True)
    optimizer = fnn.optim.Adam(model.parameters(), lr=1e-2)
    src, tgt = (jnp.asarray(a) for a in inputs(WHOLE, "batch first"))

    @fnn.jit
    def step(model, optimizer, src, tgt, mask, padded):
        def loss(model):
            out = model(src, tgt, tgt_mask=mask, src_key_padding_mask=padded, memory_key_padding_mask=padded)
            return jnp.mean((out - tgt) ** 2)

        value, gradients = fnn.value_and_grad(loss)(model)
        optimizer.step(gradients)
        return value

    mask = nn.Transformer.generate_square_subsequent_mask(T)
    losses = [float(step(model, optimizer, src, tgt, mask, padding(S))) for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


# -- padding left out ------------------------------------------------------------------------------------

LEFT = padding(S)
APART = np.array([[False, True, False], [False, False, False]])
EMPTY = np.array([[True, True, True], [False, False, True]])


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("check", [True, False], ids=["checked", "unchecked"])
def test_padding_is_left_out_as_in_torch(check, norm):
    theirs, ours = twins(ENCODER, batch_first=True, norm=norm)
    theirs.eval(), ours.eval()
    theirs.mask_check = ours.mask_check = check
    x = inputs(ENCODER, "batch first")[0]
    jitted = fnn.jit(lambda m, x, padded: m(x, src_key_padding_mask=padded))
    for padded in (LEFT, APART, EMPTY):
        call = [torch.from_numpy(x), None, torch.from_numpy(padded)]
        ours.requires_grad_(True)
        kept = theirs(*call)  # with gradients nothing is left out
        reference.assert_equal(ours(x, None, padded), kept, "trainable")
        with torch.no_grad():
            want = theirs(*call)
        ours.requires_grad_(False)
        got = ours(x, None, padded)
        reference.assert_equal(got, want, "frozen")
        np.testing.assert_allclose(jitted(ours, x, padded), got, rtol=1e-5, atol=1e-6)
        additive = np.where(padded, np.float32(-np.inf), np.float32(0))
        np.testing.assert_array_equal(ours(x, None, additive), got)
        assert (padded is APART and check) or not np.allclose(want, kept.detach())
        if not norm and padded is not APART:
            assert not np.asarray(got)[padded].any()
    ours.train()
    reference.assert_equal(ours(x, None, LEFT), theirs.train()(torch.from_numpy(x), None, torch.from_numpy(LEFT)))


def test_padding_stays_where_torch_keeps_it():
    """With a mask of scores, without a batch, with finite numbers, where the input is differentiated, when told to."""
    theirs, ours = twins(ENCODER, batch_first=True)
    theirs.eval(), ours.eval().requires_grad_(False)
    x = inputs(ENCODER, "batch first")[0]
    for args in ((x, causal(S), np.where(LEFT, -np.inf, 0).astype(np.float32)), (x[1], None, LEFT[1])):
        with torch.no_grad():
            want = theirs(*(None if a is None else torch.from_numpy(a) for a in args))
        reference.assert_equal(ours(*args), want)
    finite = np.where(LEFT, -1, 0).astype(np.float32)
    want = theirs(*map(torch.from_numpy, (x,)), None, torch.from_numpy(finite))
    reference.assert_equal(ours(x, None, finite), want)

    t = torch.from_numpy(x).requires_grad_()
    want = torch.autograd.grad(theirs(t, None, torch.from_numpy(LEFT)).square().sum(), t)[0]
    got = jax.grad(lambda x: jnp.sum(ours(x, None, LEFT) ** 2))(jnp.asarray(x))
    reference.assert_equal(got, want, rtol=1e-3, atol=1e-4)

    ours.use_nested_tensor = False
    reference.assert_equal(ours(x, None, LEFT), theirs(torch.from_numpy(x), None, torch.from_numpy(LEFT)))


# -- the causal mask -------------------------------------------------------------------------------------


def test_subsequent_mask():
    for dtype in ("float32", "bfloat16", "float16", "bool", "complex64"):
        want = torch.nn.Transformer.generate_square_subsequent_mask(4, dtype=getattr(torch, dtype))
        reference.assert_equal(nn.Transformer.generate_square_subsequent_mask(4, "cpu", jnp.dtype(dtype)), want)
    got = build(nn, WHOLE).generate_square_subsequent_mask(0)
    assert got.shape == (0, 0) and got.dtype == jnp.float32
    fnn.set_default_dtype(jnp.bfloat16)
    try:
        assert nn.Transformer.generate_square_subsequent_mask(2).dtype == jnp.bfloat16
    finally:
        fnn.set_default_dtype(jnp.float32)


class Spy(nn.Module):
    """An encoder layer that says what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn, self.told = nn.MultiheadAttention(E, H), []

    def forward(self, src, src_mask=None, is_causal=None, src_key_padding_mask=None):
        self.told.append(is_causal)
        return src


@pytest.mark.parametrize("dtype", [np.float32, np.bool_])
def test_causal_masks_are_seen(dtype):
    encoder = nn.TransformerEncoder(Spy(), 1, enable_nested_tensor=False)
    x, full = jnp.asarray(normal(S, N, E)), nn.Transformer.generate_square_subsequent_mask(S, dtype=dtype)
    other = nn.Transformer.generate_square_subsequent_mask(T, dtype=dtype)
    told = encoder.layers[0].told
    for mask, said in (
        (full, None),
        (None, None),
        (full, False),
        (None, True),
        (full.T, None),
        (other, None),
    ):
        encoder(x, mask, is_causal=said)
    assert told == [True, False, False, True, False, False]
    jax.jit(lambda mask: encoder(x, mask))(full)
    assert told[-1] is False


# -- warnings and errors ---------------------------------------------------------------------------------


def odd(api: Any, eps: float = 0.5) -> Any:
    layer = api.nn.TransformerEncoderLayer(E, H, F, batch_first=True)
    layer.norm1.eps = eps
    return layer


def packed(api: Any) -> Any:
    layer = api.nn.TransformerEncoderLayer(E, H, F, batch_first=True)
    layer.self_attn = api.nn.MultiheadAttention(E, H, kdim=4, batch_first=True)
    return layer


def layer_of(**kwargs: Any) -> Any:
    return lambda api: api.nn.TransformerEncoderLayer(*(E, kwargs.get("nhead", H), F), **{
        k: v for k, v in {"batch_first": True, **kwargs}.items() if k != "nhead"
    })  # fmt: skip


REASONS = {
    "norm_first": layer_of(norm_first=True),
    "batch_first": layer_of(batch_first=False),
    "bias": layer_of(bias=False),
    "activation": layer_of(activation=abs),
    "eps": odd,
    "heads": layer_of(nhead=1),
    "sizes": packed,
    "class": lambda api: api.nn.TransformerDecoderLayer(E, H, F, batch_first=True),
}


@pytest.mark.filterwarnings("default:enable_nested_tensor")
def test_warnings_about_the_fast_path():
    for make in (*REASONS.values(), layer_of()):
        said = []
        for api in (torch, fnn):
            layer = make(api)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                encoder = api.nn.TransformerEncoder(layer, 1)
                api.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
            said.append([*((w.category, str(w.message)) for w in caught), encoder.use_nested_tensor])
        assert said[0] == said[1]
        assert len(said[1]) == (1 if said[1][-1] else 2)


def test_warnings_about_masks():
    x, mask, padded = normal(N, S, E), causal(S), padding(S)
    for name in (LAYER, ENCODER, DECODER):
        said = []
        for api, of in ((torch, torch.from_numpy), (fnn, jnp.asarray)):
            module = build(api.nn, name, batch_first=True)
            args = (of(x), of(x), of(mask), None, of(padded)) if name == DECODER else (of(x), of(mask), of(padded))
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                module(*args)
            said.append({str(w.message) for w in caught})
        assert said[0] == said[1] and len(said[0]) == 1


def whole(api: Any, **kwargs: Any) -> Any:
    return api.nn.Transformer(4, 2, 1, 1, 4, **kwargs)


ERRORS = {
    "encoder activation": lambda api: api.nn.TransformerEncoderLayer(4, 2, activation="tanh"),
    "decoder activation": lambda api: api.nn.TransformerDecoderLayer(4, 2, activation="tanh"),
    "heads": lambda api: api.nn.Transformer(5, 2),
    "batch": lambda api: whole(api)(api.array(3, 2, 4), api.array(3, 1, 4)),
    "batch first": lambda api: whole(api, batch_first=True)(api.array(2, 3, 4), api.array(1, 3, 4)),
    "features": lambda api: whole(api)(api.array(3, 2, 4), api.array(3, 2, 5)),
    "features of both": lambda api: whole(api)(api.array(3, 5), api.array(3, 5)),
    "hint": lambda api: whole(api)(api.array(3, 2, 4), api.array(3, 2, 4), src_is_causal=True),
    "hint of the target": lambda api: whole(api)(api.array(3, 2, 4), api.array(3, 2, 4), tgt_is_causal=True),
    "hint of the memory": lambda api: whole(api)(api.array(3, 2, 4), api.array(3, 2, 4), memory_is_causal=True),
    "no layer": lambda api: api.nn.TransformerEncoder(layer_of()(api), 0)(api.array(3, 2, E)),
    "rank": lambda api: layer_of()(api)(api.array(1, 2, 3, E)),
    "padding": lambda api: layer_of()(api)(api.array(2, 3, E), None, api.array(2, 3, 1)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_torchs(name):
    same_error(ERRORS[name])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: whole(fnn)(jnp.ones((3, 2, 4)), jnp.ones((3, 1, 4))),
            "Transformer: the batch number of src and tgt must be equal, got src of shape [3, 2, 4] and tgt of shape "
            "[3, 1, 4]",
        ),
        (
            lambda: whole(fnn)(jnp.ones((3, 5)), jnp.ones((3, 4))),
            "Transformer: the feature number of src and tgt must be equal to d_model (=4), got src of shape [3, 5] and "
            "tgt of shape [3, 4]",
        ),
        (
            lambda: nn.Transformer.generate_square_subsequent_mask(2, dtype=jnp.int32),
            "generate_square_subsequent_mask: value cannot be converted to type int32: minus infinity for dtype=int32",
        ),
        (
            lambda: layer_of()(fnn)(jnp.ones((2, 3, E)), None, jnp.ones((2, 3), jnp.int32)),
            "TransformerEncoderLayer: only bool and floating types of src_key_padding_mask are supported, got int32",
        ),
        (
            lambda: build(nn, ENCODER)(jnp.ones((2, 3, E)), jnp.ones((2, 2), jnp.int32)),
            "TransformerEncoder: only bool and floating types of mask are supported, got int32",
        ),
        (
            lambda: nn.TransformerDecoderLayer(4, 2, activation="tanh"),
            "TransformerDecoderLayer: activation should be relu/gelu, not tanh",
        ),
        (
            lambda: nn.Transformer.generate_square_subsequent_mask(-1),
            "generate_square_subsequent_mask: Trying to create tensor with negative dimension -1: sz=-1",
        ),
        (
            lambda: nn.TransformerEncoder(layer_of()(fnn), 1.5),
            "TransformerEncoder: argument 'num_layers' must be int, not float (=1.5)",
        ),
        (
            lambda: layer_of()(fnn)(jnp.ones((2, 3, E)), jnp.ones((4, 4))),
            "multi_head_attention_forward: The shape of the 2D attn_mask is [4, 4], but should be [3, 3].",
        ),
    ],
)
def test_texts_of_errors(call, text):
    with pytest.raises(fnn.ArgumentError) as error:
        call()
    assert str(error.value) == text
