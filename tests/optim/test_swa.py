"""Averages of weights: values equal to torch's, eagerly and under fnn.jit."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError
from fnn.optim import swa_utils
from fnn.optim.swa_utils import AveragedModel, update_bn

RNG = np.random.default_rng(0)
UPDATES = 4


def model_of(nn):
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def draws(state):
    """Other values for every entry of a state_dict, the same for both frameworks."""
    return {
        name: (RNG.standard_normal(np.shape(v)) + 1).astype(np.float32)
        if "num_batches" not in name
        else np.array(RNG.integers(0, 90))
        for name, v in state.items()
    }


def load(torch, theirs, ours, values):
    theirs.load_state_dict({k: torch.tensor(v) for k, v in values.items()})
    ours.load_state_dict({k: jnp.asarray(v) for k, v in values.items()})


def assert_same(theirs, ours, rtol=1e-6):
    theirs, ours = theirs.state_dict(), ours.state_dict()
    assert list(theirs) == list(ours)
    for name, value in theirs.items():
        np.testing.assert_allclose(np.asarray(ours[name]), value.numpy(), rtol=rtol, atol=1e-7, err_msg=name)


def options_of(utils):
    """The same options for torch's swa_utils and for fnn's."""
    return [
        {},
        {"use_buffers": True},
        {"avg_fn": utils.get_ema_avg_fn(0.7)},
        {"avg_fn": utils.get_swa_avg_fn(), "use_buffers": True},
        {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.8), "use_buffers": True},
        {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.3)},
        {"multi_avg_fn": utils.get_swa_multi_avg_fn()},
        {"avg_fn": lambda averaged, current, n: averaged * 0.5 + current * (n + 1)},
    ]


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("case", range(8))
def test_averages_as_torch(case, jitted):
    torch = pytest.importorskip("torch")
    theirs, ours = model_of(torch.nn), model_of(nn)
    load(torch, theirs, ours, draws(theirs.state_dict()))
    their_mean = torch.optim.swa_utils.AveragedModel(theirs, **options_of(torch.optim.swa_utils)[case])
    our_mean = AveragedModel(ours, **options_of(swa_utils)[case])
    traces = []

    def update(mean, model):
        traces.append(1)
        mean.update_parameters(model)

    update = fnn.jit(update) if jitted else update
    for _ in range(UPDATES):
        load(torch, theirs, ours, draws(theirs.state_dict()))
        their_mean.update_parameters(theirs)
        update(our_mean, ours)
        assert_same(their_mean, our_mean)
    assert not jitted or len(traces) <= 2, "n is a value"
    assert int(our_mean.n_averaged) == UPDATES
    x = RNG.standard_normal((5, 3)).astype(np.float32)
    theirs.eval(), ours.eval(), their_mean.eval(), our_mean.eval()
    np.testing.assert_allclose(our_mean(jnp.asarray(x)), their_mean(torch.tensor(x)).detach(), rtol=1e-4, atol=1e-5)


def test_signatures_are_torchs():
    torch = pytest.importorskip("torch")
    assert sorted(swa_utils.__all__) == sorted(torch.optim.swa_utils.__all__)
    for name in swa_utils.__all__:
        ours, theirs = (
            [(p.name, p.default) for p in inspect.signature(getattr(where, name)).parameters.values()]
            for where in (swa_utils, torch.optim.swa_utils)
        )
        assert ours == theirs, name


def test_a_list_of_new_arrays_may_be_returned():
    model = nn.Linear(2, 2)
    mean = AveragedModel(model, multi_avg_fn=lambda averaged, current, n: [a.data * 0 + 7 for a in averaged])
    mean.update_parameters(model)
    np.testing.assert_array_equal(mean.module.weight.data, model.weight.data)
    mean.update_parameters(model)
    np.testing.assert_array_equal(mean.module.weight.data, np.full((2, 2), 7))


def test_the_mean_is_of_its_own():
    """The copy is neither changed by, nor does it change, the model; its state crosses."""
    model = nn.Linear(2, 2)
    mean = AveragedModel(model, device="cpu")
    mean.update_parameters(model)
    before = np.array(mean.module.weight.data)
    model.weight.fill_(5.0)
    np.testing.assert_array_equal(mean.module.weight.data, before)
    mean.update_parameters(model)
    np.testing.assert_allclose(mean.module.weight.data, before + (5 - before) / 2, rtol=1e-6)
    again = AveragedModel(nn.Linear(2, 2))
    again.load_state_dict(mean.state_dict())
    np.testing.assert_array_equal(again.module.weight.data, mean.module.weight.data)
    assert int(again.n_averaged) == 2


def test_a_function_of_the_users_may_look_at_values():
    """It is not traced by an eager update."""
    model = nn.Linear(2, 2)
    mean = AveragedModel(model, avg_fn=lambda averaged, current, n: current if n >= 2 else averaged)
    first = np.array(model.weight.data)
    for n in range(3):
        model.weight.fill_(float(n)) if n else None
        mean.update_parameters(model)
        np.testing.assert_array_equal(mean.module.weight.data, first if n < 2 else np.full((2, 2), 2.0))


def test_arrays_in_hand_survive_updates():
    """The compiled update donates only what nobody else holds."""
    model = nn.Linear(2, 2)
    mean = AveragedModel(model)
    held = []
    for _ in range(3):
        mean.update_parameters(model)
        held += [mean.module.weight.data, model.weight.data]
    for array in held:
        np.testing.assert_allclose(array, held[1], rtol=1e-6)


def test_part_of_a_compiled_training_step():
    model = nn.Linear(2, 1)
    mean = AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.5))
    optimizer = fnn.optim.SGD(model.parameters(), lr=0.1)
    scheduler = swa_utils.SWALR(optimizer, 0.05, anneal_epochs=3)
    traces, expected = [], None

    @fnn.jit
    def train_step(model, mean, optimizer, x):
        traces.append(1)
        _, grads = fnn.value_and_grad(lambda model: (model(x) ** 2).sum())(model)
        optimizer.step(grads)
        mean.update_parameters(model)

    for _ in range(5):
        train_step(model, mean, optimizer, jnp.ones((1, 2)))
        scheduler.step()
        now = np.array(model.weight.data)
        expected = now if expected is None else (expected + now) / 2
        np.testing.assert_allclose(mean.module.weight.data, expected, rtol=1e-5)
    assert len(traces) <= 2


def test_both_functions_are_refused():
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn should be provided"):
        AveragedModel(nn.Linear(1, 1), avg_fn=lambda a, b, n: a, multi_avg_fn=lambda a, b, n: None)


@pytest.mark.parametrize("make", [swa_utils.get_ema_avg_fn, swa_utils.get_ema_multi_avg_fn])
@pytest.mark.parametrize("decay", [-0.1, 1.5])
def test_a_decay_out_of_range(make, decay):
    with pytest.raises(ArgumentError, match=f"Invalid decay value {decay} provided. Please provide a value in"):
        make(decay)


@pytest.mark.parametrize("as_tuple", [False, True])
def test_update_bn(as_tuple):
    torch = pytest.importorskip("torch")
    theirs, ours = model_of(torch.nn), model_of(nn)
    load(torch, theirs, ours, draws(theirs.state_dict()))
    theirs.eval(), ours.eval()
    batches = [RNG.standard_normal((n, 3)).astype(np.float32) for n in (4, 6, 5)]
    update = torch.optim.swa_utils.update_bn
    update([(torch.tensor(b), 0) if as_tuple else torch.tensor(b) for b in batches], theirs)
    update_bn([(jnp.asarray(b), 0) if as_tuple else jnp.asarray(b) for b in batches], ours, device="cpu")
    assert_same(theirs, ours, rtol=1e-5)
    assert not ours.training and ours[1].momentum == 0.1
    assert int(ours[1].num_batches_tracked) == 3


def test_update_bn_leaves_a_model_without_batch_norms_alone():
    model = nn.Sequential(nn.Linear(2, 2))

    def never():
        raise AssertionError("the loader is not read")
        yield

    update_bn(never(), model)
    assert model.training


def test_half_and_integer_averages():
    mean = swa_utils.get_swa_multi_avg_fn()
    half, whole = nn.Parameter(jnp.ones(2, jnp.bfloat16)), nn.Buffer(jnp.asarray(4))
    mean([half], [jnp.full(2, 3, jnp.bfloat16)], jnp.asarray(1))
    mean([whole], [jnp.asarray(9)], jnp.asarray(1))
    assert half.dtype == jnp.bfloat16 and np.asarray(half.data, np.float32).tolist() == [2, 2]
    assert int(whole) == 6 and jnp.issubdtype(whole.dtype, jnp.integer)
    assert isinstance(whole.data, jax.Array)
