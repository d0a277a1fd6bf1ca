"""Numbers that change between calls: the right value at every call, and few programs."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.nn import functional as F

ONE = jnp.ones(3)


def counted(model):
    traces = []

    def run(m, x):
        traces.append(1)
        return m(x)

    return fnn.jit(run), traces


class Scaled(nn.Module):
    def __init__(self, rule, value):
        super().__init__()
        self.t, self.rule = value, rule

    def forward(self, x):
        return self.rule(self, x)


RULES = {
    "times": lambda m, x: x * m.t,
    "divided": lambda m, x: x / m.t,
    "reflected": lambda m, x: m.t - x,
    "arithmetic": lambda m, x: x * (0.5 * m.t**2 + 1 - m.t // 3),
    "jnp": lambda m, x: jnp.where(x > 0, m.t, 0.0) + jnp.maximum(x, m.t),
    "softmax": lambda m, x: F.softmax(x / m.t, -1),
    "branch": lambda m, x: x * m.t if m.t > 4 else x,
    "int of it": lambda m, x: x * int(m.t),
    "math": lambda m, x: x * math.exp(-m.t),
    "dropout": lambda m, x: F.dropout(x, min(0.5, m.t * 0), training=True),
    "range": lambda m, x: sum((x for _ in range(int(m.t))), x),
    "text": lambda m, x: x * len(f"{m.t}"),
    "instance": lambda m, x: x * m.t if isinstance(m.t, (int, float)) else x * 0,
    "linspace": lambda m, x: x + jnp.linspace(0.0, 1.0, 3) * m.t,
}
# jnp's functions take a number that is no constant from the JAX version on that converts objects for its primitives.
FEW = {"times", "divided", "reflected", "arithmetic", "jnp", "softmax", "branch", "instance", "linspace"}
if jax.__version_info__ < (0, 10, 1):
    FEW -= {"jnp"}


@pytest.mark.parametrize("value", [1.0, 1], ids=["float", "int"])
@pytest.mark.parametrize("name", RULES)
def test_annealed(name, value):
    model = Scaled(RULES[name], value)
    step, traces = counted(model)
    for n in range(8):
        model.t = type(value)(value + n)
        np.testing.assert_allclose(step(model, ONE), model(ONE), rtol=1e-6)
    if name in FEW:
        # The first value; the second, found to be a number that changes, with its place among the inputs; a branch.
        assert len(traces) <= (8 if name == "branch" else 6), len(traces)
    before = len(traces)
    for n in range(5):
        model.t = type(value)(value + 7 + n)
        np.testing.assert_allclose(step(model, ONE), model(ONE), rtol=1e-6)
    if name in FEW:
        assert len(traces) == before


class Schedule(nn.Module):
    def __init__(self):
        super().__init__()
        self.step = 0

    def forward(self, x):
        self.step += 1
        return x * (2.0 if self.step > 6 else 1.0) / self.step


def test_a_counter_with_a_schedule():
    model, twin = Schedule(), Schedule()
    step, traces = counted(model)
    for n in range(12):
        np.testing.assert_allclose(step(model, ONE), twin(ONE), rtol=1e-6)
        assert type(model.step) is int and model.step == twin.step == n + 1
    assert len(traces) < 11
    seen = len(traces)
    for _ in range(12):
        np.testing.assert_allclose(step(model, ONE), twin(ONE), rtol=1e-6)
    assert len(traces) == seen


def test_a_plain_object_that_counts():
    class Trainer:
        def __init__(self):
            self.model, self.n, self.rate = nn.Linear(3, 1), 0, 1.0

        def plain(self, x):
            self.n += 1
            self.rate *= 0.5
            return self.model(x).sum() * self.rate + self.n

        step = fnn.jit(plain)

    a, b = Trainer(), Trainer()
    b.model.load_state_dict(a.model.state_dict())
    for n in range(8):
        np.testing.assert_allclose(a.step(ONE), b.plain(ONE), rtol=1e-5)
        assert (a.n, a.rate) == (b.n, b.rate) == (n + 1, 0.5 ** (n + 1))


def test_a_rate_computed_of_a_counter():
    class Warm:
        def __init__(self, optimizer):
            self.optimizer, self.n = optimizer, 0

        def step(self):
            self.n += 1
            for group in self.optimizer.param_groups:
                group["lr"] = min(self.n**-0.5, self.n * 4**-1.5)
            self.optimizer.step()

    traces = []

    def plain(model, warm):
        traces.append(1)
        warm.optimizer.zero_grad()
        fnn.backward(model(ONE).sum())
        warm.step()

    model = nn.Linear(3, 1, bias=False)
    weight, warm, step = model.weight.data, Warm(fnn.optim.SGD(model.parameters(), lr=0)), fnn.jit(plain)
    for n in range(1, 13):
        step(model, warm)
        rate = min(n**-0.5, n * 4**-1.5)
        weight = weight - rate * ONE[None]
        np.testing.assert_allclose(model.weight.data, weight, rtol=1e-5)
        assert warm.optimizer.param_groups[0]["lr"] == pytest.approx(rate)
    programs = len(traces)
    for _ in range(3):
        step(model, warm)
    assert len(traces) == programs, "a program for each branch of min, none for each rate"


def test_two_programs_see_each_others_numbers():
    model = Schedule()
    a, b = fnn.jit(lambda m, x: m(x)), fnn.jit(lambda m, x: x * m.step)
    for n in range(6):
        a(model, ONE)
        np.testing.assert_array_equal(b(model, ONE), ONE * (n + 1))


def test_strings_that_nobody_reads():
    traces = []

    @fnn.jit
    def step(batch, mode):
        traces.append(1)
        return batch["x"] * (2 if mode == "double" else 1)

    for n in range(8):
        np.testing.assert_array_equal(step({"x": ONE, "name": f"file{n}"}, "double"), 2 * ONE)
    assert len(traces) <= 4
    for n in range(8):
        np.testing.assert_array_equal(
            step({"x": ONE, "name": f"other{n}"}, "single" if n % 2 else "double"), ONE * (2 - n % 2)
        )
    assert len(traces) <= 8


def test_strings_that_are_read_or_returned():
    @fnn.jit
    def step(x, name):
        return x * len(name), name.upper(), {"name": name}[next(iter(["name"]))]

    for name in ("a", "bb", "ccc", "bb"):
        y, upper, same = step(ONE, name)
        np.testing.assert_array_equal(y, ONE * len(name))
        assert (upper, same) == (name.upper(), name)
    returns = fnn.jit(lambda x, name: (x, name))
    for name in ("a", "bb", "ccc"):
        assert returns(ONE, name)[1] == name


def test_numpys_strings_are_strings():
    step = fnn.jit(lambda x, name: x * len(name))
    for name in (np.str_("abc"), np.str_("ab"), np.bytes_(b"abcd")):
        np.testing.assert_array_equal(step(ONE, name), ONE * len(name))
    batch = {"x": ONE, "name": np.str_("file")}
    np.testing.assert_array_equal(fnn.checkpoint(lambda batch: batch["x"] * 2)(batch), 2 * ONE)
