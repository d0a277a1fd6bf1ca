"""torch's contract for subclasses of Optimizer: published ones, beside the same for torch, eagerly and in fnn.jit."""

import copy
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim
from fnn.testing import assert_close
from tests import extent, reference
from tests.optim import published
from tests.optim.published import Lion, Lookahead, PlainRAdam

torch = reference.torch

CLOSE = {"rtol": 2e-4, "atol": 1e-5}
X = np.random.default_rng(1).standard_normal((5, 2)).astype(np.float32)
CASES = {
    "Lion": (published.TorchLion, published.Lion, {"lr": 0.01, "weight_decay": 0.1}),
    "LAMB": (published.TorchLamb, published.Lamb, {"lr": 0.05, "weight_decay": 0.1}),
    "AdaBelief": (published.TorchAdaBelief, published.AdaBelief, {"lr": 0.05, "weight_decay": 0.01}),
    "AdaBelief amsgrad": (published.TorchAdaBelief, published.AdaBelief, {"lr": 0.05, "amsgrad": True}),
    "AdaBelief as published": (published.TorchAdaBelief, published.AdaBeliefAsPublished, {"lr": 0.05}),
    "RAdam": (published.TorchPlainRAdam, published.PlainRAdam, {"lr": 0.05, "betas": (0.9, 0.9)}),
    "a subclass of Adam": (published.TorchNoisyAdam, published.NoisyAdam, {"lr": 0.05}),
    "Lookahead": (
        lambda p: published.TorchLookahead(torch.optim.SGD(p, lr=0.1, momentum=0.9), k=3),
        lambda p: published.Lookahead(optim.SGD(p, lr=0.1, momentum=0.9), k=3),
        {},
    ),
    "Ranger": (
        lambda p: published.TorchLookahead(published.TorchPlainRAdam(p, lr=0.05, betas=(0.9, 0.9)), k=2),
        lambda p: published.Lookahead(published.PlainRAdam(p, lr=0.05, betas=(0.9, 0.9)), k=2),
        {},
    ),
}


def models():
    ours = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    theirs.load_state_dict({k: torch.tensor(np.asarray(v)) for k, v in ours.state_dict().items()})
    return theirs, ours


def loss_of(model):
    return ((model(jnp.asarray(X)) - 1) ** 2).mean()


def torch_loss(model):
    return ((model(torch.tensor(X)) - 1) ** 2).mean()


def plain_step(model, optimizer):
    optimizer.zero_grad()
    loss = fnn.backward(loss_of)(model)
    optimizer.step()
    return loss


def closure_step(model, optimizer):
    def closure():
        optimizer.zero_grad()
        return fnn.backward(loss_of)(model)

    return optimizer.step(closure)


def grads_step(model, optimizer):
    loss, grads = fnn.value_and_grad(loss_of)(model)
    optimizer.step(grads)
    return loss


def torch_step(model, optimizer):
    optimizer.zero_grad()
    loss = torch_loss(model)
    loss.backward()
    optimizer.step()
    return loss


def as_numpy(value):
    return np.array(value.detach().numpy() if isinstance(value, torch.Tensor) else value, np.float32)


def same_state(ours, theirs):
    got, want = ours.state_dict(), theirs.state_dict()
    assert set(got["state"]) == set(want["state"])
    for i, entries in want["state"].items():
        assert set(got["state"][i]) == set(entries)
        for name, value in entries.items():
            if isinstance(value, (int, float)):
                assert type(got["state"][i][name]) is type(value), name
            assert_close(as_numpy(got["state"][i][name]), as_numpy(value), **CLOSE)
    for mine, their in zip(got["param_groups"], want["param_groups"], strict=True):
        for name in ("lr", "betas", "counter", "t", "params"):
            assert mine.get(name) == pytest.approx(their.get(name)), name


@pytest.mark.parametrize("step", [plain_step, closure_step, grads_step])
@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("case", CASES)
def test_published_optimizers_as_torch(case, jitted, step):
    if case != "Lion" and step is not plain_step:
        pytest.skip("one will do")
    if not (jitted or extent.ALL or case in ("Lion", "Lookahead")):
        pytest.skip("eagerly two will do")
    make_theirs, make_ours, options = CASES[case]
    theirs, ours = models()
    torch_optimizer = make_theirs(theirs.parameters(), **options)
    optimizer = make_ours(ours.parameters(), **options)
    schedulers = [
        library.StepLR(o, 2, gamma=0.5)
        for library, o in ((torch.optim.lr_scheduler, torch_optimizer), (optim.lr_scheduler, optimizer))
    ]
    run = fnn.jit(step) if jitted else step
    for n in range(7):
        want = torch_step(theirs, torch_optimizer)
        got = run(ours, optimizer)
        assert_close(got, want, **CLOSE, msg=lambda text, n=n: f"step {n}: {text}") if got is not None else None
        for scheduler in schedulers:
            scheduler.step()
        assert_close(
            dict(ours.named_parameters()),
            dict(theirs.named_parameters()),
            **CLOSE,
            msg=lambda text, n=n: f"step {n}: {text}",
        )
    same_state(optimizer, torch_optimizer)


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("base", ["SGD", "Adam"])
def test_sam_as_torch(base, adaptive, jitted):
    theirs, ours = models()
    options = {"lr": 0.1, "rho": 0.5, "adaptive": adaptive}
    torch_optimizer = published.TorchSAM(theirs.parameters(), getattr(torch.optim, base), **options)
    optimizer = published.SAM(ours.parameters(), getattr(optim, base), **options)
    assert optimizer.param_groups is optimizer.base_optimizer.param_groups
    schedulers = [
        library.ExponentialLR(o, 0.7)
        for library, o in ((torch.optim.lr_scheduler, torch_optimizer), (optim.lr_scheduler, optimizer))
    ]

    def two_steps(model, optimizer):
        loss = fnn.backward(loss_of)(model)
        optimizer.first_step(zero_grad=True)
        fnn.backward(loss_of)(model)
        optimizer.second_step(zero_grad=True)
        return loss

    def with_closure(model, optimizer):
        fnn.backward(loss_of)(model)
        optimizer.step(lambda: fnn.backward(loss_of)(model))
        optimizer.zero_grad()

    two_steps, with_closure = (fnn.jit(f) if jitted else f for f in (two_steps, with_closure))
    for n in range(6):
        torch_loss(theirs).backward()
        torch_optimizer.first_step(zero_grad=True)
        torch_loss(theirs).backward()
        torch_optimizer.second_step(zero_grad=True)
        (two_steps if n < 3 else with_closure)(ours, optimizer)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SAM is stepped in two steps of other names
            for scheduler in schedulers:
                scheduler.step()
        assert_close(dict(ours.named_parameters()), dict(theirs.named_parameters()), **CLOSE)
    assert optimizer.base_optimizer.param_groups[0]["lr"] == torch_optimizer.base_optimizer.param_groups[0]["lr"]


# -- compiling ------------------------------------------------------------------------------------------------


def counted(step):
    """A jitted step, and a list that grows when it is traced."""
    traces = []

    def run(model, optimizer):
        traces.append(None)
        return step(model, optimizer)

    return fnn.jit(run), traces


def test_counters_and_schedules_compile_nothing():
    _, ours = models()
    optimizer = published.AdaBelief(ours.parameters(), lr=0.05)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    step, traces = counted(plain_step)
    counts = []
    for _ in range(6):
        step(ours, optimizer)
        scheduler.step()
        counts.append(len(traces))
    assert counts[-1] == counts[1], "the first call, and the second with a state"
    assert optimizer.state[ours[0].weight]["step"] == 6


def test_a_changed_constant_becomes_a_value():
    """``betas`` is a constant at first (the step may compute with it in double precision); from its first change on
    it is a value."""
    _, ours = models()
    optimizer = Lion(ours.parameters(), lr=0.01)
    step, traces = counted(plain_step)
    counts = []
    for n in range(6):
        optimizer.param_groups[0]["betas"] = (0.9 - 0.1 * max(n - 2, 0), 0.99)
        step(ours, optimizer)
        counts.append(len(traces))
    assert counts[1] == counts[2] < counts[3] == counts[5]


def test_what_python_is_asked_for_compiles_and_warns():
    _, ours = models()
    lookahead = Lookahead(optim.SGD(ours.parameters(), lr=0.1), k=3)
    step, traces = counted(plain_step)
    counts = []
    for _ in range(12):
        step(ours, lookahead)
        counts.append(len(traces))
    assert counts[5] == counts[-1], "one program for each value of the counter"
    optimizer = PlainRAdam(ours.parameters())
    with pytest.warns(UserWarning, match="more than 16 values of a number that the step asks Python for") as caught:
        for _ in range(30):
            step(ours, optimizer)
    assert len([w for w in caught if "more than 16" in str(w.message)]) == 1


# -- state ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_state_moves_between_torch_and_fnn(jitted):
    theirs, ours = models()
    torch_optimizer, optimizer = (
        cls(m.parameters(), lr=0.05, weight_decay=0.1)
        for cls, m in ((published.TorchLamb, theirs), (published.Lamb, ours))
    )
    run = fnn.jit(plain_step) if jitted else plain_step
    for _ in range(3):
        torch_step(theirs, torch_optimizer)
        run(ours, optimizer)
    fresh = published.Lamb(ours.parameters())
    fresh.load_state_dict(torch_optimizer.state_dict())
    same_state(fresh, torch_optimizer)
    own = optimizer.state_dict()
    again = published.Lamb(ours.parameters())
    again.load_state_dict(own)
    for _ in range(3):
        torch_step(theirs, torch_optimizer)
        run(ours, again)
    assert_close(dict(ours.named_parameters()), dict(theirs.named_parameters()), **CLOSE)
    same_state(again, torch_optimizer)


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
@pytest.mark.parametrize("case", ["Lion", "a subclass of Adam", "Ranger", "SAM"])
def test_copies_go_on_alone(case, how):
    _, ours = models()
    if case == "SAM":
        optimizer = published.SAM(ours.parameters(), optim.Adam, lr=0.1)
        step = lambda m, o: (fnn.backward(loss_of)(m), o.step(lambda: fnn.backward(loss_of)(m)), o.zero_grad())[0]  # noqa: E731
    else:
        optimizer, step = CASES[case][1](ours.parameters(), **CASES[case][2]), plain_step
    run = fnn.jit(step)
    for _ in range(2):
        run(ours, optimizer)
    both = (ours, optimizer)
    model, copied = copy.deepcopy(both) if how == "deepcopy" else pickle.loads(pickle.dumps(both))
    for _ in range(3):
        run(model, copied)
    before = jax.tree.map(np.array, dict(model.named_parameters()))
    for _ in range(3):
        run(ours, optimizer)
    assert_close(dict(model.named_parameters()), before, rtol=0, atol=0)
    assert_close(dict(ours.named_parameters()), before, **CLOSE)
    if case == "SAM":
        assert copied.param_groups is copied.base_optimizer.param_groups
