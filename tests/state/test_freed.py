"""Never hung, never leaked; interrupted and failed calls lose nothing."""

import copy
import gc
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim

X = jnp.ones((3, 2))


def step_of(model, optimizer):
    def run(x):
        loss, grads = fnn.value_and_grad(lambda model: (model(x) ** 2).mean())(model)
        optimizer.step(grads)
        return loss

    return run


def made_closure():
    model = nn.Linear(2, 2)
    fnn.jit(lambda x: model(x))(X)
    return [model, model.weight]


def made_method():
    class Trainer:
        def __init__(self):
            self.model = nn.Linear(2, 2)
            self.optimizer = optim.Adam(self.model.parameters())

        @fnn.jit
        def step(self, x):
            return step_of(self.model, self.optimizer)(x)

    trainer = Trainer()
    trainer.step(X)
    made_method.keep = Trainer  # the class, and so the jitted function, lives on
    return [trainer, trainer.model, trainer.optimizer, trainer.model.weight]


def made_compile():
    model = nn.Linear(2, 2)
    model.compile()
    model(X)
    return [model, model.weight]


def made_hook():
    model = nn.Linear(2, 2)
    model.register_forward_hook(lambda m, args, out: out + model.bias.data.sum())
    SHARED(model, X)
    return [model, model.weight]


def made_backward_hook():
    model = nn.Sequential(nn.Linear(2, 2))
    model.register_full_backward_hook(lambda m, grad_in, grad_out: model and None)
    model[0].register_full_backward_pre_hook(lambda m, grad_out: None)
    SHARED(model, X)
    TRAIN(model, X)
    return [model, model[0].weight]


def made_parameter_hook():
    model = nn.Linear(2, 2)
    model.weight.register_hook(lambda g: g + model.weight.data.sum() * 0)
    TRAIN(model, X)
    return [model, model.weight]


def made_attribute():
    model = nn.Linear(2, 2)
    model.config = type("Config", (), {})()
    model.config.owner = model
    model.function = lambda: model
    model.mask = jnp.ones(3)
    SHARED(model, X)
    return [model, model.weight, model.config]


def made_pure():
    layer = fnn.pure(lambda: nn.Linear(2, 2))()
    params, state = layer.init(jax.random.key(0))
    layer.apply(params, state, X)
    return [layer]


def made_sweep():
    model = nn.Sequential(nn.Linear(2, made_sweep.size), nn.Linear(made_sweep.size, 2))
    made_sweep.size += 1
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    OPTIMIZE(model, optimizer, X)
    return [model, optimizer, model[0].weight]


made_sweep.size = 2


@fnn.jit
def SHARED(model, x):
    return model(x)


@fnn.jit
def TRAIN(model, x):
    return fnn.value_and_grad(lambda m: m(x).sum())(model)


@fnn.jit
def OPTIMIZE(model, optimizer, x):
    return step_of(model, optimizer)(x)


@pytest.fixture(scope="module", autouse=True)
def _collections_are_quick():
    """What stands now is left out: a collection takes seconds in a process that has run thousands of tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


MAKERS = {name[5:]: f for name, f in list(globals().items()) if name.startswith("made_")}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_freed(make):
    refs = [weakref.ref(thing) for _ in range(3) for thing in make()]
    gc.collect()
    assert [r() for r in refs if r() is not None] == []


def test_programs_of_a_sweep_are_bounded():
    @fnn.jit
    def step(model, x):
        return model(x)

    for size in range(2, 20):
        model = nn.Linear(2, size)
        model.__dict__["itself"] = model  # so that only the garbage collector frees it
        step(model, X)
    del model
    gc.collect()
    step(nn.Linear(2, 2), X)
    assert sum(map(len, step._programs.values())) <= 10


class Net(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(6))
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x):
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return self.norm(x)


def interrupted_steps():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a process of a background job ignores it
    model = Net()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x = jnp.ones((4, 64))
    step = fnn.jit(lambda x: step_of(model, optimizer)(x))
    step(x)
    armed, rng = threading.Event(), np.random.default_rng(0)
    sent, rounds, caught = threading.Event(), 30, 0

    def interrupt():
        for _ in range(rounds):
            armed.wait()
            armed.clear()
            time.sleep(float(rng.uniform(0.001, 0.02)))
            signal.raise_signal(signal.SIGINT)
            sent.set()

    threading.Thread(target=interrupt, daemon=True).start()
    for _ in range(rounds):
        sent.clear()
        try:
            armed.set()
            while not sent.is_set():
                step(x)
            for _ in range(500):  # the interrupt is on its way; one that comes in a finalizer is lost
                time.sleep(0.001)
        except KeyboardInterrupt:
            caught += 1
        for box in [*model.parameters(), *model.buffers()]:
            assert not box.data.is_deleted()
    assert caught > rounds // 2
    for value in optimizer.state_dict()["state"].values():
        assert not value["exp_avg"].is_deleted()
    counts = {int(v["step"]) for v in optimizer.state_dict()["state"].values()}
    assert counts == {int(model.norm.num_batches_tracked)}, "all of one step"


def test_interrupts_leave_every_box_whole():
    # In a process of its own: an interrupt may come anywhere, in pytest too.
    code = "from tests.state.test_freed import interrupted_steps; interrupted_steps(); print('whole', flush=True)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300
    )
    assert "whole" in result.stdout, result.stderr[-2000:]


def test_a_callback_that_raises():
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    fail = [False]

    def host(v):
        if fail[0]:
            raise ValueError("from the host")
        return v

    @fnn.jit
    def step(x):
        def loss(model):
            y = model(x).sum()
            y0 = jax.lax.stop_gradient(y)
            return y + jax.pure_callback(host, jax.ShapeDtypeStruct((), jnp.float32), y0)

        value, grads = fnn.value_and_grad(loss)(model)
        optimizer.step(grads)
        return value

    step(X)
    kept = np.asarray(model.weight.data)
    fail[0] = True
    with pytest.raises(Exception, match="from the host"):
        jax.block_until_ready(step(X))
    np.testing.assert_array_equal(model.weight.data, kept)
    fail[0] = False
    step(X)
    assert not np.array_equal(model.weight.data, kept)


@pytest.mark.parametrize("flag", ["jax_debug_nans", "jax_debug_infs"])
def test_checked_numbers(flag):
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @fnn.jit
    def step(x):
        loss, grads = fnn.value_and_grad(lambda model: (model(x) / x).mean())(model)
        optimizer.step(grads)
        return loss

    step(X)
    kept = np.asarray(model.weight.data)
    jax.config.update(flag, True)
    try:
        step(X)
        second = np.asarray(model.weight.data)
        with pytest.raises(FloatingPointError):
            step(X * 0)
    finally:
        jax.config.update(flag, False)
    assert not np.array_equal(kept, second)
    np.testing.assert_array_equal(model.weight.data, second)
    step(X)


def test_an_endless_trace_is_refused():
    model = nn.Linear(2, 2)
    holder = []

    def grows(x):
        holder.append(nn.Linear(2, 2))
        return sum(m(x) for m in holder) + model(x)

    step = fnn.jit(grows)
    for _ in range(2):
        try:
            step(X)
        except (fnn.ArgumentError, fnn.TracerEscapeError):
            break
    assert len(holder) < 40


def test_tracing_raises_no_warning_of_donation(recwarn):
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    step = fnn.jit(lambda o: (o.step([jnp.ones((2, 2)), jnp.ones(2)]), o.zero_grad()) and None)
    step(optimizer)
    step(optimizer)
    fnn.backward(lambda m: m(X).sum())(model)
    fnn.jit(lambda o: (o.step(), o.zero_grad()) and None)(optimizer)  # gradients that were there, and then are None
    assert model.weight.grad is None
    assert not [w for w in recwarn if "donated" in str(w.message)]


def test_a_copied_model_and_optimizer_inside():
    model = nn.Linear(2, 2)
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    def adapt(x):
        inner = copy.deepcopy(model)
        tuned = optim.SGD(inner.parameters(), lr=0.1)
        for _ in range(2):
            _, grads = fnn.value_and_grad(lambda m: (m(x) ** 2).mean())(inner)
            tuned.step(grads)
        return inner(x)

    before = np.asarray(model.weight.data)
    np.testing.assert_allclose(fnn.jit(adapt)(X), adapt(X), rtol=1e-5)
    np.testing.assert_array_equal(model.weight.data, before)
    assert optimizer.state_dict()["state"] == {}
