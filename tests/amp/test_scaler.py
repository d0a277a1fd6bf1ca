"""`GradScaler` is torch's over many steps with forced overflows: eagerly, compiled, by gradients that are passed."""

import copy
import pickle
import warnings
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.nn import functional as F
from tests import reference

torch = reference.torch

STEPS = 30
OVERFLOWS = {3, 4, 11, 20}
OPTIONS = {"init_scale": 1024.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 4}
RNG = np.random.default_rng(0)
W, B = RNG.standard_normal((2, 3)).astype(np.float32), np.zeros(2, np.float32)
X, Y = RNG.standard_normal((STEPS, 4, 3)).astype(np.float32), RNG.standard_normal((STEPS, 4, 2)).astype(np.float32)
for n in OVERFLOWS:
    X[n, 0, 0] = np.inf
KINDS = {"sgd": ("SGD", {"lr": 0.1, "momentum": 0.9}), "adam": ("Adam", {"lr": 0.05})}


def torchs(kind: str):
    """Torch's scales and weights after each step."""
    name, options = KINDS[kind]
    model = torch.nn.Linear(3, 2)
    model.load_state_dict({"weight": torch.tensor(W), "bias": torch.tensor(B)})
    optimizer = getattr(torch.optim, name)(model.parameters(), **options)
    scaler = torch.amp.GradScaler("cpu", **OPTIONS)
    found = []
    for x, y in zip(X, Y, strict=True):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(torch.tensor(x)), torch.tensor(y))
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        found.append((scaler.get_scale(), model.weight.detach().numpy().copy()))
    return found, scaler, optimizer


def step_of(model, optimizer, scaler, form: str):
    def loss_of(model, x, y):
        return scaler.scale(F.mse_loss(model(x), y))

    def by_grad(x, y):
        optimizer.zero_grad()
        fnn.backward(loss_of)(model, x, y)
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()

    def passed(x, y):
        _, grads = fnn.value_and_grad(loss_of)(model, x, y)
        grads = scaler.unscale_(optimizer, grads)
        norm = jnp.sqrt(sum(jnp.sum(g**2) for g in grads.values()))
        grads = {name: g * jnp.minimum(1.0, 1.0 / (norm + 1e-6)) for name, g in grads.items()}
        scaler.step(optimizer, grads)
        scaler.update()

    return passed if form == "passed" else by_grad


def ours(kind: str):
    name, options = KINDS[kind]
    model = nn.Linear(3, 2)
    model.load_state_dict({"weight": W, "bias": B})
    optimizer = getattr(fnn.optim, name)(model.parameters(), **options)
    return model, optimizer, fnn.amp.GradScaler("cpu", **OPTIONS)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("kind", "form"), [("sgd", "grad"), ("sgd", "passed"), ("adam", "grad")])
def test_is_torchs(kind, form, compiled):
    want, their_scaler, their_optimizer = torchs(kind)
    model, optimizer, scaler = ours(kind)
    step = step_of(model, optimizer, scaler, form)
    step = fnn.jit(step) if compiled else step
    steps = STEPS if compiled else 13
    for n, (x, y) in enumerate(zip(X[:steps], Y[:steps], strict=True)):
        before = {k: np.asarray(v) for k, v in model.state_dict().items()}
        step(x, y)
        assert scaler.get_scale() == want[n][0], n
        np.testing.assert_allclose(np.asarray(model.weight), want[n][1], rtol=2e-4, atol=1e-5, err_msg=str(n))
        if n in OVERFLOWS:
            for name, value in model.state_dict().items():
                np.testing.assert_array_equal(np.asarray(value), before[name])
    if steps == STEPS:
        assert scaler.state_dict() == their_scaler.state_dict()
        mine, theirs = optimizer.state_dict()["state"][0], their_optimizer.state_dict()["state"][0]
        for name, value in theirs.items():
            np.testing.assert_allclose(np.asarray(mine[name]), value.numpy(), rtol=2e-4, atol=1e-6, err_msg=name)


def test_one_program_for_all_numbers():
    model, optimizer, scaler = ours("sgd")
    traces = []
    body = step_of(model, optimizer, scaler, "grad")

    @fnn.jit
    def step(x, y):
        traces.append(1)
        body(x, y)

    for _ in range(4):
        step(X[0], Y[0])
    made = len(traces)
    scaler.set_growth_factor(4.0)
    scaler.set_backoff_factor(0.25)
    scaler.set_growth_interval(2)
    scaler.load_state_dict({**scaler.state_dict(), "scale": 8.0, "_growth_tracker": 0})
    for n in (0, 1, 3):
        step(X[n], Y[n])
    assert len(traces) == made
    assert scaler.get_scale() == 8.0  # times 4 after two steps, times 1/4 after the overflow


def test_iteration_in_two_programs():
    model, optimizer, scaler = ours("sgd")

    @fnn.jit
    def gradients(x, y):
        optimizer.zero_grad()
        fnn.backward(lambda model: scaler.scale(F.mse_loss(model(x), y)))(model)
        scaler.unscale_(optimizer)

    for n in (0, 1, 3):
        before = np.asarray(model.weight)
        gradients(X[n], Y[n])
        with pytest.raises(RuntimeError, match="already been called on this optimizer"):
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        assert (np.asarray(model.weight) == before).all() == (n in OVERFLOWS)
    assert scaler.get_scale() == 512.0


def test_two_optimizers_share_the_scale():
    a, b = nn.Parameter(jnp.ones(2)), nn.Parameter(jnp.ones(2))
    first, second = fnn.optim.SGD([a], lr=1.0), fnn.optim.SGD([b], lr=1.0)
    scaler = fnn.amp.GradScaler("cpu", init_scale=4.0)

    @fnn.jit
    def step(x):
        a.grad, b.grad = scaler.scale([x, jnp.ones(2)])
        scaler.step(first)
        scaler.step(second)
        scaler.update()

    step(jnp.array([1.0, jnp.nan]))
    assert (a.tolist(), b.tolist(), scaler.get_scale()) == ([1.0, 1.0], [0.0, 0.0], 2.0)
    step(jnp.ones(2))
    assert (a.tolist(), b.tolist(), scaler.get_scale()) == ([0.0, 0.0], [-1.0, -1.0], 2.0)


SEVERAL = {1: "first", 2: "second", 4: "both", 5: "both", 8: "first"}  # in which step whose input overflows


def several(api, unscaled):
    """Two models with an optimizer each, and a third optimizer for both, under one scaler: what is after each step."""
    ours = api is fnn
    array = jnp.asarray if ours else torch.tensor
    models = [api.nn.Linear(3, 2) for _ in range(2)]
    for model, sign in zip(models, (1, -1), strict=True):
        model.load_state_dict({"weight": array(sign * W), "bias": array(B)})
    first, second = (
        api.optim.SGD(models[0].parameters(), lr=0.1, momentum=0.9),
        api.optim.Adam(models[1].parameters(), lr=0.05),
    )
    optimizers = [first, second, api.optim.SGD([models[0].bias, models[1].bias], lr=0.01)]
    scaler = api.amp.GradScaler("cpu", init_scale=256.0, growth_interval=2)

    def step(a, b):
        for optimizer in optimizers:
            optimizer.zero_grad()
        for model, x in zip(models, (a, b), strict=True):
            loss_of = lambda model, x: scaler.scale((model(x) ** 2).mean())  # noqa: E731
            fnn.backward(loss_of)(model, x) if ours else loss_of(model, x).backward()
        for n in unscaled:
            scaler.unscale_(optimizers[n])
            (nn if ours else torch.nn).utils.clip_grad_norm_(models[n].parameters(), 0.5)
        for optimizer in optimizers:
            scaler.step(optimizer)
        scaler.update()

    return models, optimizers, scaler, step


def numbers(value):
    return np.array(value.detach().numpy() if isinstance(value, torch.Tensor) else value)


def state_of(models, optimizers, scaler):
    found = {"scale": np.float32(scaler.get_scale()), "tracker": np.int32(scaler.state_dict()["_growth_tracker"])}
    for n, model in enumerate(models):
        found |= {f"{n}.{name}": numbers(v) for name, v in model.state_dict().items()}
    for n, optimizer in enumerate(optimizers):
        for m, entries in optimizer.state_dict()["state"].items():
            found |= {f"optimizer {n}.{m}.{name}": numbers(v) for name, v in entries.items() if v is not None}
    return found


@pytest.mark.parametrize(
    ("unscaled", "compiled"), [((), True), ((0,), False), ((0, 1), True)], ids=["none", "one, eager", "two"]
)
def test_several_optimizers_are_torchs(unscaled, compiled):
    """Each optimizer skips for its own gradients only; the scale falls once, whichever it was."""
    theirs, mine = several(torch, unscaled), several(fnn, unscaled)
    program = fnn.jit(mine[-1])
    for n in range(10):
        a, b = X[0] * (1 + n / 10), X[1] * (1 - n / 20)
        a, b = (
            np.where(np.arange(3) == 0, np.inf, x).astype(np.float32) if SEVERAL.get(n) in (which, "both") else x
            for x, which in ((a, "first"), (b, "second"))
        )
        theirs[-1](torch.tensor(a), torch.tensor(b))
        (program if compiled and n else mine[-1])(a, b)  # the first step, which makes state, is no program that skips
        want, got = state_of(*theirs[:3]), state_of(*mine[:3])
        assert set(got) == set(want), n
        for name, value in want.items():
            np.testing.assert_allclose(got[name], value, rtol=2e-4, atol=1e-6, err_msg=f"step {n}: {name}")


def pair(grad=True):
    theirs = torch.nn.Parameter(torch.ones(2))
    mine = nn.Parameter(jnp.ones(2))
    if grad:
        theirs.grad, mine.grad = torch.ones(2), jnp.ones(2)
    return (
        (torch.amp.GradScaler("cpu"), torch.optim.SGD([theirs], lr=1.0), torch.ones(())),
        (fnn.amp.GradScaler("cpu"), fnn.optim.SGD([mine], lr=1.0), jnp.ones(())),
    )


def _twice(scaler, optimizer, one):
    scaler.scale(one)
    scaler.unscale_(optimizer)
    scaler.unscale_(optimizer)


def _after_step(scaler, optimizer, one):
    scaler.scale(one)
    scaler.step(optimizer)
    scaler.unscale_(optimizer)


def _two_steps(scaler, optimizer, one):
    scaler.scale(one)
    scaler.step(optimizer)
    scaler.step(optimizer)


def _nothing_checked(scaler, optimizer, one):
    scaler.scale(one)
    scaler.update()


def _closure(scaler, optimizer, one):
    scaler.scale(one)
    scaler.step(optimizer, closure=lambda: one)


def _pickled(scaler, optimizer, one):
    scaler.scale(one)
    scaler.unscale_(optimizer)
    pickle.dumps(scaler)


MISUSES = {
    "unscale before scale": lambda scaler, optimizer, one: scaler.unscale_(optimizer),
    "step before scale": lambda scaler, optimizer, one: scaler.step(optimizer),
    "update before scale": lambda scaler, optimizer, one: scaler.update(),
    "unscale twice": _twice, "unscale after step": _after_step, "step twice": _two_steps,
    "update without checks": _nothing_checked, "closure": _closure, "pickled in the middle": _pickled,
    "empty state dict": lambda scaler, optimizer, one: scaler.load_state_dict({}),
}  # fmt: skip


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_has_torchs_text(name):
    theirs, mine = pair()
    with pytest.raises((RuntimeError, AssertionError)) as wanted:
        MISUSES[name](*theirs)
    with pytest.raises(wanted.type) as got:
        MISUSES[name](*mine)
    assert str(got.value) == str(wanted.value)


def test_other_refusals():
    _, (scaler, optimizer, one) = pair(grad=False)
    scaler.scale(one)
    with warnings.catch_warnings(), pytest.raises(AssertionError, match="No inf checks were recorded for this opt"):
        warnings.simplefilter("ignore")
        scaler.step(optimizer)
    bad: Any = (({"growth_factor": 1.0}, "must be > 1.0"), ({"backoff_factor": 1.0}, "must be < 1.0"))
    for options, text in bad:
        with pytest.raises(AssertionError, match=text):
            fnn.amp.GradScaler("cpu", **options)
    half = nn.Parameter(jnp.ones(2, jnp.float16))
    half.grad = jnp.ones(2, jnp.float16)
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.unscale_(fnn.optim.SGD([half], lr=1.0))
    with pytest.raises(ValueError, match="outputs must be an array or an iterable of arrays, got str"):
        scaler.scale("loss")
    with pytest.raises(RuntimeError, match="one of cuda, gpu, cpu, tpu, got 'mps'"):
        fnn.amp.GradScaler("mps")


def test_disabled():
    with pytest.warns(UserWarning, match="CUDA is not available"):
        scaler = fnn.amp.GradScaler()
    p = nn.Parameter(jnp.ones(2))
    p.grad = jnp.ones(2)
    optimizer = fnn.optim.SGD([p], lr=1.0)
    one = jnp.ones(())
    assert scaler.scale(one) is one
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert (p.tolist(), scaler.get_scale(), scaler.is_enabled(), scaler.state_dict()) == ([0.0, 0.0], 1.0, False, {})


def test_scaled_outputs():
    scaler, theirs = fnn.amp.GradScaler("cpu", init_scale=65536.0), torch.amp.GradScaler("cpu", init_scale=65536.0)
    for shape in ((), (2,)):
        for dtype in ("float16", "bfloat16", "float32"):
            x = torch.full(shape, 0.25, dtype=getattr(torch, dtype))
            reference.assert_equal(scaler.scale(reference.to_jax(x)), theirs.scale(x), f"{shape} {dtype}")
    nest = [jnp.ones(2), (jnp.ones(1), [jnp.ones(())])]
    got = scaler.scale(nest)
    assert (type(got), type(got[1]), float(got[1][1][0])) == (list, tuple, 65536.0)
    assert [float(x) for x in scaler.scale(iter([jnp.ones(())]))] == [65536.0]


def test_copies_and_new_scales():
    scaler, theirs = fnn.amp.GradScaler("cpu", init_scale=8.0), torch.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale(jnp.ones(()))
    theirs.scale(torch.ones(()))
    for value in (3.0, 0.1):
        scaler.update(value)
        theirs.update(value)
        assert scaler.get_scale() == theirs.get_scale()
    scaler.update(jnp.array([5.0]))
    for other in (copy.deepcopy(scaler), pickle.loads(pickle.dumps(scaler))):
        assert other.state_dict() == scaler.state_dict()
    scaler.load_state_dict(theirs.state_dict())
    assert scaler.state_dict() == theirs.state_dict()
    with pytest.raises(AssertionError, match="new_scale should be"):
        scaler.update(cast(Any, "2"))
