"""Recurrent networks and packed sequences against torch; one program for all lengths."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import functional, layers, nn
from fnn.kernels import recurrence
from fnn.nn.utils import rnn
from tests import reference

torch = reference.torch

LENGTHS = [2, 5, 1, 5, 3]
KINDS = [
    ("RNN", {"nonlinearity": "relu", "bidirectional": True}),
    ("LSTM", {"num_layers": 2, "bidirectional": True}),
    ("LSTM", {"proj_size": 2, "bias": False, "bidirectional": True}),
    ("GRU", {"num_layers": 2, "bidirectional": True}),
]
IDS = [f"{name}-{n}" for n, (name, _) in enumerate(KINDS)]


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def twins(name: str, *args, **kwargs):
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    ours = getattr(nn, name)(*args, **kwargs)
    ours.load_state_dict({k: jnp.asarray(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


def states(name: str, kwargs: dict, batch: int = 5, of=np.asarray):
    many = kwargs.get("num_layers", 1) * 2
    h = of(numbers(many, batch, kwargs.get("proj_size", 0) or 4, seed=1))
    return (h, of(numbers(many, batch, 4, seed=2))) if name == "LSTM" else h


def leaves(value):
    return [np.asarray(v) for v in jax.tree.leaves(value)]


def close(ours, theirs, rtol=1e-4, atol=1e-5):
    theirs = [v.detach().numpy() for v in torch.utils._pytree.tree_leaves(theirs)]
    for a, b in zip(leaves(ours), theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(("name", "kwargs"), KINDS, ids=IDS)
def test_packed(name, kwargs):
    """Unsorted lengths, first states, both directions: outputs, last states, gradients of everything."""
    ours, theirs = twins(name, 3, 4, **kwargs)
    x, weight = numbers(6, 5, 3), numbers(5, 5, 2 * (kwargs.get("proj_size") or 4), seed=3)

    tx = torch.from_numpy(x).requires_grad_()
    pack = torch.nn.utils.rnn.pack_padded_sequence
    packed = pack(tx, torch.tensor(LENGTHS), enforce_sorted=False)
    first = states(name, kwargs, of=lambda v: torch.from_numpy(v).requires_grad_())
    out, last = theirs(packed, first)
    padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(out)
    loss = (padded * torch.from_numpy(weight)).sum()
    loss = loss + sum((v**2).sum() for v in (last if name == "LSTM" else (last,)))
    wanted = [tx, *(first if name == "LSTM" else (first,)), *theirs.parameters()]
    gradients = torch.autograd.grad(loss, wanted)

    pure, params = getattr(layers, name)(3, 4, **kwargs), fnn.split(ours)[0]

    def step(x, hx, params, ends):
        packed = rnn.pack_padded_sequence(x, ends, enforce_sorted=False)
        (out, last), _ = pure.apply(params, {}, packed, hx)
        filled, ends = rnn.pad_packed_sequence(out)
        loss = (filled[:5] * weight).sum() + sum((v**2).sum() for v in jax.tree.leaves(last))
        return loss, (filled, ends, last)

    ends = jnp.asarray(LENGTHS)
    by = jax.jit(jax.value_and_grad(step, (0, 1, 2), has_aux=True))
    (_, (filled, got, h)), grads = by(jnp.asarray(x), jax.tree.map(jnp.asarray, states(name, kwargs)), params, ends)
    assert filled.shape[0] == 6 and not np.asarray(filled[5]).any()  # traced: the padded size
    close((filled[:5], h), (padded, last))
    assert got.tolist() == lengths.tolist()
    close((grads[0], grads[1], [grads[2][n] for n, _ in theirs.named_parameters()]), list(gradients))

    eager, h = ours(rnn.pack_padded_sequence(jnp.asarray(x), LENGTHS, enforce_sorted=False), states(name, kwargs))
    close((eager.data, h), (out.data, last))
    for field in ("batch_sizes", "sorted_indices", "unsorted_indices"):
        assert getattr(eager, field).tolist() == getattr(out, field).tolist(), field


def test_one_program_for_all_lengths():
    model, traces = nn.LSTM(3, 4, batch_first=True), []

    @fnn.jit
    def run(model, x, lengths):
        traces.append(None)
        packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        with pytest.raises(ValueError, match="Right: output, lengths = pad_packed_sequence"):
            packed.data  # noqa: B018
        with pytest.raises(ValueError, match="lengths are traced"):
            rnn.pad_packed_sequence(packed, total_length=2)
        return rnn.pad_packed_sequence(model(packed)[0], batch_first=True, total_length=5)[0]

    x, seen = jnp.asarray(numbers(2, 4, 3)), 0
    for lengths in ([4, 2], [1, 3], [2, 2]):
        out = run(model, x, jnp.asarray(lengths))
        seen = seen or len(traces)
        for n, length in enumerate(lengths):
            want = model(x[n : n + 1, :length])[0][0]
            np.testing.assert_allclose(out[n, :length], want, rtol=1e-5, atol=1e-6)
            assert not np.asarray(out[n, length:]).any()
    assert len(traces) == seen


def test_padding_is_not_read():
    x = jnp.asarray(numbers(3, 2, 3)).at[1:, 1].set(jnp.nan)
    model = nn.GRU(3, 4, bidirectional=True)

    def loss(model, x):
        return rnn.pad_packed_sequence(model(rnn.pack_padded_sequence(x, [3, 1]))[0])[0].sum()

    grads = fnn.grad(loss)(model, x)
    assert all(np.isfinite(g).all() for g in grads.values())


SEQUENCES = [numbers(n, 2, seed=n) for n in (2, 4, 1)]


def test_packing():
    ours = rnn.pack_sequence([jnp.asarray(s) for s in SEQUENCES], enforce_sorted=False)
    theirs = torch.nn.utils.rnn.pack_sequence([torch.from_numpy(s) for s in SEQUENCES], enforce_sorted=False)
    for a, b in zip(ours, theirs, strict=True):
        assert a.tolist() == b.tolist()
    again = rnn.PackedSequence(*ours)  # made of its packed form
    for a, b in zip(rnn.unpack_sequence(again), SEQUENCES, strict=True):
        np.testing.assert_array_equal(a, b)
    pair = rnn.PackedSequence((ours.data, ours.batch_sizes), sorted_indices=ours.sorted_indices)
    assert pair.unsorted_indices.tolist() == theirs.unsorted_indices.tolist()
    assert ours._replace(data=ours.data * 2).data.tolist() == (theirs.data * 2).tolist()
    assert ours.half().data.dtype == jnp.float16 and ours.to(jnp.float32) is ours and len(ours) == 4
    kwargs = {"batch_first": True, "padding_value": -1.5, "total_length": 6}
    close(rnn.pad_packed_sequence(ours, **kwargs), torch.nn.utils.rnn.pad_packed_sequence(theirs, **kwargs))
    text = repr(rnn.pack_sequence([jnp.array([1, 2]), jnp.array([3])]))
    assert text.startswith("PackedSequence(data=Array([1, 3, 2]") and text.endswith("unsorted_indices=None)")
    assert rnn.__all__ == torch.nn.utils.rnn.__all__


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding(side, batch_first):
    ours = rnn.pad_sequence([jnp.asarray(s) for s in SEQUENCES], batch_first, 0.5, side)
    theirs = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(s) for s in SEQUENCES], batch_first, 0.5, side)
    close(ours, theirs)
    if side == "right":
        for a, b in zip(rnn.unpad_sequence(ours, [2, 4, 1], batch_first), SEQUENCES, strict=True):
            np.testing.assert_array_equal(a, b)


ONES = jnp.ones((3, 2, 4))
BAD = [
    (
        lambda: rnn.pack_padded_sequence(ONES, [1, 2]),
        "must be sorted in decreasing order when `enforce_sorted` is True",
    ),
    (lambda: rnn.pack_padded_sequence(ONES, [2, 0]), r"Length of all samples has to be greater than 0.*\[2, 0\]"),
    (lambda: rnn.pack_padded_sequence(ONES, [4, 1]), r"at most T=3, got \[4, 1\]"),
    (lambda: rnn.pack_padded_sequence(ONES, [2]), r"Expected `len\(lengths\)` to be equal to batch_size"),
    (
        lambda: rnn.pad_packed_sequence(rnn.pack_padded_sequence(ONES, [2, 1]), total_length=1),
        "max sequence length being 2",
    ),
    (lambda: rnn.pad_sequence([]), "received an empty list of sequences"),
    (lambda: rnn.pad_sequence(3), "Expected iterable for input sequences"),
    (lambda: rnn.pad_sequence([ONES], padding_side="up"), "one of left or right, but got up"),
    (lambda: rnn.PackedSequence(ONES), "list or tuple of length 2"),
    (lambda: nn.LSTM(4, 3, proj_size=3), "proj_size has to be smaller than hidden_size"),
    (lambda: nn.RNN(4, 3, proj_size=0), "RNN: proj_size argument is only supported for LSTM, not RNN or GRU, got .*=0"),
    (lambda: nn.RNNBase("GRU", 4, 3, proj_size=2), "RNNBase: proj_size argument is only supported for LSTM"),
    (lambda: nn.GRU(4, 3, proj_size=2), "proj_size argument is only supported for LSTM"),
    (lambda: nn.GRU(4, 3, dropout=1.5, num_layers=2), r"dropout should be a number in range \[0, 1\].*1.5"),
    (lambda: nn.RNN(4, 3, nonlinearity="sin"), "Unknown nonlinearity 'sin'. Select from 'tanh' or 'relu'"),
    (lambda: nn.RNN(4, 3, bias=1), "bias should be of type bool, got: int"),
    (lambda: nn.RNN(4.0, 3), "input_size should be of type int, got: float"),
    (lambda: nn.RNN(0, 3), "input_size must be greater than zero"),
    (lambda: nn.RNNBase("ELMAN", 4, 3), "Unrecognized RNN mode: ELMAN"),
    (lambda: nn.LSTM(4, 3)(jnp.ones(4)), "LSTM.*: Expected input to be 2D or 3D, got 1D"),
    (lambda: nn.LSTM(5, 3)(ONES), r"input.size\(-1\) must be equal to input_size. Expected 5, got 4"),
    (lambda: nn.LSTM(4, 3)(ONES.astype(jnp.bfloat16)), r"input dtype \(bfloat16\) does not match weight dtype"),
    (lambda: nn.GRU(4, 3)(ONES, jnp.ones((2, 2, 3))), r"Expected hidden size \(1, 2, 3\), got \[2, 2, 3\]"),
    (lambda: nn.GRU(4, 3)(ONES, jnp.ones((1, 3))), "For batched 3-D input, hx should also be 3-D but got 2-D tensor"),
    (
        lambda: nn.LSTM(4, 3)(ONES[0], (ONES, ONES)),
        r"For unbatched 2-D input, hx and cx should also be 2-D but got \(3-D",
    ),
    (lambda: nn.LSTM(4, 3)(ONES, jnp.ones((1, 2, 3))), "expected hx to be a tuple of two arrays"),
    (lambda: nn.RNNCell(4, 3, nonlinearity="sin")(ONES[0]), "Unknown nonlinearity: sin"),
    (lambda: nn.GRUCell(4, 3)(ONES), "GRUCell.*: Expected input to be 1D or 2D, got 3D"),
    (lambda: nn.LSTMCell(4, 3)(ONES[0], (ONES, ONES)), r"Expected hx\[0\] to be 1D or 2D, got 3D"),
    (lambda: nn.GRUCell(4, 3)(ONES[0], jnp.ones((2, 5))), "hidden0 has inconsistent hidden_size: got 5, expected 3"),
    (lambda: nn.GRUCell(4, 3)(ONES[0], jnp.ones((3, 3))), "Input batch size 2 doesn't match hidden0 batch size 3"),
]


@pytest.mark.parametrize(("action", "text"), BAD, ids=[text[:40] for _, text in BAD])
def test_errors(action, text):
    with pytest.raises(ValueError, match=text):
        action()


def test_dropout_between_layers_is_torchs():
    with pytest.warns(UserWarning, match="non-zero dropout expects num_layers greater than 1, but got dropout=0.5"):
        nn.LSTM(3, 4, dropout=0.5)
    ours, theirs = twins("GRU", 3, 4, 2, dropout=0.5)
    torch.manual_seed(3), fnn.manual_seed(3)
    x = numbers(5, 2, 3)
    close(ours(jnp.asarray(x)), theirs(torch.from_numpy(x)))
    packs = (
        rnn.pack_padded_sequence(jnp.asarray(x), [3, 5], enforce_sorted=False),
        torch.nn.utils.rnn.pack_padded_sequence(torch.from_numpy(x), [3, 5], enforce_sorted=False),
    )
    (out, last), (wanted, state) = ours(packs[0]), theirs(packs[1])  # a mask over what is there, as it is packed
    close((out.data, last), (wanted.data, state))
    assert (out.padded[3:, 0] == 0).all()
    torch.manual_seed(5), fnn.manual_seed(5)
    grads = fnn.grad(lambda model: model(packs[0])[0].padded.sum())(ours)
    wanted = torch.autograd.grad(theirs(packs[1])[0].data.sum(), list(theirs.parameters()))
    close([grads[name] for name, _ in theirs.named_parameters()], wanted)
    close(ours.eval()(jnp.asarray(x)), theirs.eval()(torch.from_numpy(x)))


def test_an_eager_call_is_compiled_once(monkeypatch):
    steps = []

    class Counted(recurrence.Gru):
        @staticmethod
        def step(*args):
            steps.append(None)
            return recurrence.Gru.step(*args)

    monkeypatch.setitem(recurrence.CELLS, "gru", Counted)
    model, x = nn.GRU(7, 3), jnp.ones((6, 2, 7))  # of a size that no other test has
    gradients = fnn.value_and_grad(lambda model: model(x)[0].sum())
    model(x), gradients(model)
    assert steps
    steps.clear()
    model(x), gradients(model)
    assert not steps


def test_the_bases_have_no_forward():
    for name, args in (("RNNBase", ("GRU", 3, 4)), ("RNNCellBase", (3, 4, True, 2))):
        with pytest.raises(NotImplementedError) as theirs:
            getattr(torch.nn, name)(*args)(torch.ones(2, 3))
        with pytest.raises(NotImplementedError) as ours:
            getattr(nn, name)(*args)(jnp.ones((2, 3)))
        assert str(ours.value) == str(theirs.value)


def test_one_step_is_one_of_many():
    """A sequence of one step needs no scan; a packed one without that step keeps its state."""
    ours, theirs = twins("LSTM", 3, 4, bidirectional=True)
    x = numbers(1, 5, 3)
    close(
        ours(jnp.asarray(x), states("LSTM", {})), theirs(torch.from_numpy(x), states("LSTM", {}, of=torch.from_numpy))
    )
    lengths = jnp.array([1, 0])
    run = jax.jit(lambda x, lengths: functional.gru(x, [(jnp.ones((6, 3)), jnp.ones((6, 2)))], lengths=lengths))
    output, last = run(jnp.ones((1, 2, 3)), lengths)
    assert (output[0, 1] == 0).all() and (last[0, 1] == 0).all() and (last[0, 0] == output[0, 0]).all()


@pytest.mark.parametrize("seed", [0, 1, 1234])
def test_draws(seed):
    for name, args, kwargs in [
        ("LSTM", (3, 5, 2), {"bidirectional": True, "proj_size": 2}),
        ("RNN", (3, 5, 2, "relu", False, True), {}),
        ("GRUCell", (3, 5), {}),
        ("RNNCellBase", (3, 5, True, 2), {}),
    ]:
        torch.manual_seed(seed), fnn.manual_seed(seed)
        if name == "RNNCellBase":
            theirs, ours = torch.nn.RNNCellBase(*args), nn.RNNCellBase(*args)
        else:
            theirs, ours = getattr(torch.nn, name)(*args, **kwargs), getattr(nn, name)(*args, **kwargs)
        want, got = theirs.state_dict(), ours.state_dict()
        assert list(want) == list(got) and repr(ours) == repr(theirs)
        assert all(np.array_equal(got[k], v.numpy()) for k, v in want.items()), name
        if isinstance(ours, nn.RNNBase):
            assert ours.mode == theirs.mode and isinstance(theirs, torch.nn.RNNBase)
            shapes = lambda m: [[tuple(w.shape) for w in part] for part in m.all_weights]  # noqa: E731
            assert ours._flat_weights_names == theirs._flat_weights_names
            assert [tuple(w.shape) for w in ours._flat_weights] == [tuple(w.shape) for w in theirs._flat_weights]
            assert shapes(ours) == shapes(theirs) and ours.flatten_parameters() is None
            theirs.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in got.items()})


def test_derivatives_of_all_orders():
    """Forward over reverse and reverse over reverse agree with a recurrence written out."""
    weights = {k: jnp.asarray(numbers(*s, seed=n)) for n, (k, s) in enumerate({"i": (8, 3), "h": (8, 2)}.items())}
    x = jnp.asarray(numbers(3, 1, 3))

    def scanned(h):
        return functional.lstm(x, [(weights["i"], h)])[0].sum()

    def written(h):
        state, total = None, 0.0
        for step in x:
            state = functional.lstm_cell(step, state, weights["i"], h)
            total = total + state[0].sum()
        return total

    for order in (jax.hessian, lambda f: jax.jacrev(jax.jacrev(f))):
        ours, theirs = (jax.jit(order(f))(weights["h"]) for f in (scanned, written))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_half():
    ours, theirs = twins("LSTM", 3, 4)
    ours, theirs = ours.bfloat16(), theirs.bfloat16()
    x = numbers(5, 2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = theirs(torch.from_numpy(x).bfloat16())[0].float()
    got = ours(jnp.asarray(x, jnp.bfloat16))[0]
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(got.astype(jnp.float32), want.detach().numpy(), rtol=0.05, atol=0.02)
