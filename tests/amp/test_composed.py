"""Functions that torch composes, whole networks, and training: dtypes as torch's, losses within the rounding."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import functional as F
from fnn import nn
from fnn.autocasting import Region, State, opened
from fnn.errors import ArgumentError
from tests import reference
from tests.extent import some

torch = reference.torch
RNG = np.random.default_rng(0)


@contextlib.contextmanager
def without_onednn():
    enabled = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(enabled)


def names(*values):
    return [str(v.dtype).removeprefix("torch.") for v in values if v is not None]


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("mask", [None, "float"])
def test_multi_head_attention(need_weights, mask):
    arrays = [RNG.standard_normal(s).astype(np.float32) for s in [(3, 2, 4), (12, 4), (12,), (4, 4), (4,), (3, 3)]]
    x, w, b, ow, ob, m = arrays
    m = m if mask else None

    def call(function, to):
        options = {"need_weights": need_weights, "attn_mask": None if m is None else to(m), "training": False}
        x_, w_, b_, ow_, ob_ = map(to, (x, w, b, ow, ob))
        return function(x_, x_, x_, 4, 2, w_, b_, None, None, False, 0.0, ow_, ob_, **options)

    with fnn.autocast("cpu"), torch.autocast("cpu", torch.bfloat16):
        ours = call(F.multi_head_attention_forward, jnp.asarray)
        theirs = call(torch.nn.functional.multi_head_attention_forward, torch.tensor)
    reference.assert_equal(list(ours), list(theirs))
    with opened(State(enabled=(Region("cuda", np.dtype(np.float16)),))):
        on_gpu = call(F.multi_head_attention_forward, jnp.asarray)
    assert names(*on_gpu) == ["float16", "float32"][: 1 + need_weights]


EQUATIONS = {
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 5)],
    "ij,kl,jk->il": [(2, 3), (4, 5), (3, 4)],
    "i,j,k->ijk": [(2,), (3,), (4,)],
    "bn,anm,bm->ba": [(2, 5), (3, 5, 7), (2, 7)],
    "ij,j,i->": [(2, 3), (3,), (2,)],
    "ii,ij,jk->k": [(3, 3), (3, 1), (1, 2)],
    "ij,k,l->il": [(1, 2), (4,), (3,)],
    "ab,bc,cd,da": [(2, 3), (3, 1), (1, 4), (4, 2)],
    "...ij,...jk,...kl->...il": [(3, 2, 2, 3), (1, 3, 4), (3, 1, 4, 1)],
    "ij,jk,kl": [(1, 3), (3, 1), (1, 5)],
    "i...,i...->...": [(4, 3), (4, 1)],
    "ij,i->": [(3, 4), (3,)],
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum_is_one_product_after_the_other(equation):
    arrays = [RNG.standard_normal(shape).astype(np.float32) for shape in EQUATIONS[equation]]
    # The second one is narrow already: beside a wide one an elementwise product of it is wide.
    theirs = [torch.tensor(x).to(torch.bfloat16 if n == 1 else torch.float32) for n, x in enumerate(arrays)]
    ours = [reference.to_jax(x) for x in theirs]
    for x in theirs:
        x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        want = torch.einsum(equation, *theirs)

    def call(ours):
        with fnn.autocast("cpu"):
            return fnn.einsum(equation, *ours)

    got, pull = jax.vjp(call, ours)
    assert names(got) == names(want)
    reference.assert_equal(got, want, rtol=1e-6 if got.dtype == np.float32 else 1e-2)
    gradients = torch.autograd.grad(want, theirs, torch.ones_like(want))
    reference.assert_equal(pull(jnp.ones_like(got))[0], list(gradients))


def test_einsum_in_a_region_says_what_is_wrong():
    with fnn.autocast("cpu"), pytest.raises(ArgumentError, match=r"einsum\(\): .*equation='ij,jk->ik', \[\[2, 3\], \["):
        fnn.einsum("ij,jk->ik", jnp.ones((2, 3)), jnp.ones((4, 5)))


def test_linear_cross_entropy():
    x, w, t = RNG.standard_normal((4, 3)).astype(np.float32), np.eye(5, 3, dtype=np.float32), np.arange(4)
    with fnn.autocast("cpu"), torch.autocast("cpu", torch.bfloat16):
        ours = F.linear_cross_entropy(x, w, t)
        theirs = torch.nn.functional.linear_cross_entropy(*map(torch.tensor, (x, w, t)))
        reference.assert_equal(ours, theirs, rtol=1e-3)
        chunked = F.linear_cross_entropy(
            jnp.asarray(x, jnp.bfloat16), jnp.asarray(w, jnp.bfloat16), t,
            options=nn.LinearCrossEntropyOptions(batch_chunk_size=2),
        )  # fmt: skip
        assert chunked.dtype == jnp.float32


def test_triplets_with_a_distance():
    x, y, z = (jnp.asarray(RNG.standard_normal((2, 3)), jnp.float16) for _ in range(3))
    assert F.triplet_margin_with_distance_loss(x, y, z).dtype == jnp.float16
    with opened(State(enabled=(Region("cuda", np.dtype(np.float16)),))):
        assert F.triplet_margin_with_distance_loss(x, y, z).dtype == jnp.float32
        seen = []
        F.triplet_margin_with_distance_loss(
            x, y, z, distance_function=lambda a, b: (seen.append(F.linear(a, b).dtype.name), abs(a - b).sum(-1))[1]
        )
        assert set(seen) == {"float16"}


RECURRENT = [
    (cell, options, given, state)
    for cell in ("LSTM", "GRU", "RNN")
    for options in ({"num_layers": 2, "bidirectional": True}, *([{"proj_size": 2}] if cell == "LSTM" else []))
    for given in ("float32", "bfloat16")
    for state in (None, "float32")
]


@pytest.mark.parametrize(("cell", "options", "given", "state"), some(RECURRENT, 8))
def test_recurrent_networks(cell, options, given, state):
    """Against torch's own composition: oneDNN's kernel of an LSTM, which some processors have, gives halves only."""
    theirs = getattr(torch.nn, cell)(4, 3, **options)
    ours = getattr(nn, cell)(4, 3, **options)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = RNG.standard_normal((5, 2, 4)).astype(np.float32)
    layers = (2 if "num_layers" in options else 1) * (2 if "bidirectional" in options else 1)
    h, c = np.ones((layers, 2, options.get("proj_size", 3)), np.float32), np.ones((layers, 2, 3), np.float32)
    hx = None if state is None else (h, c) if cell == "LSTM" else h
    at = torch.tensor(x).to(getattr(torch, given))
    th = None if hx is None else tuple(map(torch.tensor, hx)) if cell == "LSTM" else torch.tensor(hx)
    with torch.autocast("cpu", torch.bfloat16), without_onednn():
        want = theirs(at, th)
    with fnn.autocast("cpu"):
        got = ours(jnp.asarray(x, given), hx)
    reference.assert_equal(got, want, rtol=4e-2, atol=4e-2)


@pytest.mark.parametrize("cell", ["LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.parametrize("given", ["float32", "bfloat16"])
def test_recurrent_cells(cell, given):
    theirs, ours = getattr(torch.nn, cell)(4, 3), getattr(nn, cell)(4, 3)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = RNG.standard_normal((2, 4)).astype(np.float32)
    with torch.autocast("cpu", torch.bfloat16), fnn.autocast("cpu"):
        want, got = theirs(torch.tensor(x).to(getattr(torch, given))), ours(jnp.asarray(x, given))
    reference.assert_equal(got, want, rtol=4e-2, atol=4e-2)


def cnn(nn):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip


def recurrent(nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.rnn(x)[0][:, -1])

    return Net()


def transformer(nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.layer(x)[:, 0])

    return Net()


MODELS = {"cnn": (cnn, (6, 1, 8, 8)), "lstm": (recurrent, (6, 5, 4)), "transformer": (transformer, (6, 5, 8))}


@pytest.mark.parametrize("name", MODELS)
def test_training_is_torchs(name):
    make, shape = MODELS[name]
    x, t = np.random.default_rng(1).standard_normal(shape).astype(np.float32), np.arange(6) % 3
    torch.manual_seed(1)
    theirs, ours = make(torch.nn), make(nn)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    steps, lr = 10, 0.1
    optimizer = torch.optim.SGD(theirs.parameters(), lr=lr)
    want = []
    for _ in range(steps):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16), without_onednn() if name == "lstm" else contextlib.nullcontext():
            loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(t))
        loss.backward()
        optimizer.step()
        want.append(loss.item())
    mine = fnn.optim.SGD(ours.parameters(), lr=lr)

    @fnn.jit
    def step(x, t):
        with fnn.autocast("cpu"):
            loss, grads = fnn.value_and_grad(lambda model: F.cross_entropy(model(x), t))(ours)
        mine.step(grads)
        return loss

    got = [float(step(x, t)) for _ in range(steps)]
    assert want[-1] < want[0]
    np.testing.assert_allclose(got, want, rtol=1e-2)
    assert {p.dtype.name for p in ours.parameters()} == {"float32"}
