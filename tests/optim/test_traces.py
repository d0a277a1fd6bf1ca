"""Optimizers that are made, copied and changed inside traces."""

import copy

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn import nn, optim
from fnn.testing import assert_close
from tests.optim.published import Lion, NoisyAdam

CLOSE = {"rtol": 1e-4, "atol": 1e-6}
GRADS = [jnp.full((2, 2), 0.5), jnp.ones(2)]
XS = jnp.asarray(np.random.default_rng(0).standard_normal((4, 2)), jnp.float32)
MAKERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1),
    "Adam": lambda p: optim.Adam(p, lr=0.1),
    "Optax": lambda p: optim.Optax(p, optax.adam(0.1)),
    "Lion": lambda p: Lion(p, lr=0.1),
    "a subclass of Adam": lambda p: NoisyAdam(p, lr=0.1),
}


@pytest.mark.parametrize("name", MAKERS)
def test_made_inside_jit(name):
    def run(model):
        optimizer = MAKERS[name](model.parameters())
        for _ in range(2):
            optimizer.step(GRADS)

    traces = []

    @fnn.jit
    def jitted(model):
        traces.append(None)
        run(model)

    model = nn.Linear(2, 2)
    other = copy.deepcopy(model)
    run(model)
    jitted(other)
    assert len(traces) < 5
    assert_close(dict(other.named_parameters()), dict(model.named_parameters()), **CLOSE)
    count = len(traces)
    jitted(other)
    assert len(traces) == count


@pytest.mark.parametrize("name", MAKERS)
def test_inner_loops(name):
    """Training at test time: a copy of the model, an optimizer of its own, two steps, for each example."""
    model = nn.Linear(2, 2)

    def adapted(x, loop):
        mine = copy.deepcopy(model)
        optimizer = MAKERS[name](mine.parameters())

        def step(carry, _):
            loss, grads = fnn.value_and_grad(lambda mine: ((mine(x) - 1) ** 2).mean())(mine)
            optimizer.step(grads)
            return carry, loss

        if loop == "scan":
            fnn.scan(step, 0, None, length=2)
        else:
            for _ in range(2):
                step(0, None)
        return mine(x).sum()

    want = jnp.stack([adapted(x, "for") for x in XS])
    for_loop, scan = (lambda x, loop=loop: adapted(x, loop) for loop in ("for", "scan"))
    assert_close(fnn.vmap(for_loop)(XS), want, **CLOSE)
    assert_close(fnn.jit(fnn.vmap(for_loop))(XS), want, **CLOSE)
    assert_close(fnn.jit(for_loop)(XS[0]), want[0], **CLOSE)
    if name in ("SGD", "momentum", "Adam", "Optax"):  # what is born in a loop's body (Lion's state) dies with it
        assert_close(fnn.jit(scan)(XS[0]), want[0], **CLOSE)
        assert_close(fnn.vmap(scan)(XS), want, **CLOSE)


@pytest.mark.parametrize("name", MAKERS)
def test_copied_inside_jit(name):
    """The copy begins with the state and the hyper-parameters that the original has at each call."""
    model = nn.Linear(2, 2)
    optimizer = MAKERS[name](model.parameters())
    optimizer.step(GRADS)

    def stepped(model, optimizer):
        model, optimizer = copy.deepcopy((model, optimizer))
        optimizer.step(GRADS)
        return model.weight.data

    jitted = fnn.jit(stepped)
    for n in range(3):
        if name != "Optax":
            optimizer.param_groups[0]["lr"] = 0.1 / (n + 1)
        before = np.array(model.weight)
        assert_close(jitted(model, optimizer), stepped(model, optimizer), **CLOSE)
        np.testing.assert_array_equal(model.weight, before)
        optimizer.step(GRADS)


def test_differentiating_through_a_step():
    model = nn.Linear(2, 2)

    def after(lr):
        mine = copy.deepcopy(model)
        optim.SGD(mine.parameters(), lr=lr).step(GRADS)
        return mine(jnp.ones(2)).sum()

    assert_close(fnn.grad(after)(jnp.float32(0.1)), jnp.float32(-4.0), **CLOSE)


# -- hyper-parameters in a trace --------------------------------------------------------------------------------


def test_a_group_is_a_value_in_a_trace():
    optimizer = optim.SGD([nn.Parameter(jnp.ones(2))], lr=0.5)
    traces = []

    @fnn.jit
    def rate(optimizer):
        traces.append(None)
        return optimizer.param_groups[0]["lr"] * 2

    for lr in (0.5, 0.25, 0.125):
        optimizer.param_groups[0]["lr"] = lr
        assert rate(optimizer) == 2 * lr
    assert len(traces) == 1
    other = optim.SGD([nn.Parameter(jnp.ones(2))], lr=3.0)
    assert rate(other) == 6.0 and len(traces) == 1


def test_a_rate_that_a_trace_sets():
    def step(optimizer, t):
        optimizer.param_groups[0]["lr"] = 0.5**t
        optimizer.step([jnp.ones(2)])

    p, q = nn.Parameter(jnp.ones(2)), nn.Parameter(jnp.ones(2))
    eager, compiled = optim.Adam([p]), optim.Adam([q])
    jitted = fnn.jit(step)
    for t in range(4):
        step(eager, jnp.float32(t))
        jitted(compiled, jnp.float32(t))
        assert_close(q.data, p.data, **CLOSE)
        assert float(compiled.param_groups[0]["lr"]) == 0.5**t
    compiled.param_groups[0]["lr"] = 2.0
    assert compiled.param_groups[0]["lr"] == 2.0
    optim.lr_scheduler.StepLR(compiled, 1)
    assert compiled.state_dict()["param_groups"][0]["initial_lr"] == 2.0


class Counting(optim.Optimizer):
    """Everything that a step may write."""

    def __init__(self, params):
        super().__init__(params, {"lr": 1.0})
        self.calls = 0
        self.flag = "fixed"

    def step(self, closure=None):
        self.calls += 1
        self.last = self.param_groups[0]["params"][0].grad * 2
        for group in self.param_groups:
            group["t"] = group.get("t", 10) + 1
            for p in group["params"]:
                state = self.state[p]
                state["seen"] = True
                state["previous"] = None if "norm" not in state else "norm"
                state["norm"] = jnp.linalg.norm(p.grad.reshape(-1)) + state.get("norm", 0.0)
                if "gone" in state:
                    del state["gone"]
                else:
                    state["gone"] = 1.5
                p.sub_(p.grad, alpha=group["lr"] * self.calls)


@pytest.mark.parametrize("through", ["argument", "closure"])
def test_all_that_a_step_writes_is_carried_out(through):
    runs = []
    for jitted in (False, True):
        p = nn.Parameter(jnp.ones(2))
        optimizer = Counting([p])
        if through == "argument":
            step = fnn.jit(lambda o, g: o.step([g])) if jitted else lambda o, g: o.step([g])
            run = lambda g, step=step, optimizer=optimizer: step(optimizer, g)  # noqa: E731
        else:
            run = lambda g, optimizer=optimizer: optimizer.step([g])  # noqa: E731
            run = fnn.jit(run) if jitted else run
        log = []
        for n in range(5):
            run(jnp.full(2, n + 1.0))
            state = dict(optimizer.state[p])
            gone = state.pop("gone", None)
            log.append((
                optimizer.calls, optimizer.param_groups[0]["t"], gone, state["seen"], state["previous"],
                float(state["norm"]), np.array(optimizer.last).tolist(), np.array(p).tolist(), p.grad is None,
            ))  # fmt: skip
        runs.append(log)
    for eager, compiled in zip(*runs, strict=True):
        assert compiled[:5] == eager[:5]
        assert type(compiled[0]) is int and type(compiled[1]) is int
        assert_close(list(map(jnp.asarray, compiled[5:8])), list(map(jnp.asarray, eager[5:8])), **CLOSE)
        assert compiled[8] == eager[8]


def test_a_list_of_arrays_in_the_state_is_refused():
    class Listing(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def step(self, closure=None):
            for p in self.param_groups[0]["params"]:
                self.state[p].setdefault("history", []).append(p.grad)

    p = nn.Parameter(jnp.ones(2))
    optimizer = Listing([p])
    optimizer.step([jnp.ones(2)])
    assert len(optimizer.state[p]["history"]) == 1
    with pytest.raises(ValueError, match="history: an optimizer's state holds the list under this name, whose arrays"):
        fnn.jit(lambda o: o.step([jnp.ones(2)]))(optimizer)
