"""Never stale: whatever Python state a compiled step read is noticed when it changes."""

import array
import collections
import contextlib
import contextvars
import copy
import dataclasses
import functools
import os
import queue
import threading
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim

ONE = jnp.ones(3)
X = jnp.ones((3, 2))


class Agent:
    """A plain class with a jitted method, two networks and an optimizer."""

    def __init__(self):
        self.q = nn.Linear(2, 2)
        self.opt = optim.SGD(self.q.parameters(), lr=0.1)
        self.target = copy.deepcopy(self.q)
        self.count = 0

    def plain(self, x):
        y = self.target(x)
        loss, grads = fnn.value_and_grad(lambda q: ((q(x) - y - 1) ** 2).mean())(self.q)
        self.opt.step(grads)
        return loss

    learn = fnn.jit(plain)


def test_a_replaced_target_network():
    a, b = Agent(), Agent()
    b.q.load_state_dict(a.q.state_dict())
    b.target.load_state_dict(a.target.state_dict())
    for n in range(8):
        np.testing.assert_allclose(a.learn(X), b.plain(X), rtol=1e-5)
        if n % 2:
            a.target, b.target = copy.deepcopy(a.q), copy.deepcopy(b.q)


def test_a_replaced_model_and_optimizer():
    a = Agent()
    a.learn(X)
    a.q = nn.Linear(2, 2)
    a.opt = optim.SGD(a.q.parameters(), lr=0.5)
    before = jnp.array(a.q.weight.data)
    a.learn(X)
    assert not np.allclose(before, a.q.weight.data), "the new model is trained"


def traced(function):
    """The function and a list that grows when it is traced."""
    traces = []

    @functools.wraps(function)
    def counted(*args):
        traces.append(1)
        return function(*args)

    return counted, traces


def test_what_is_not_read_recompiles_nothing():
    a = Agent()
    function, traces = traced(lambda agent, x: agent.q(x))
    step = fnn.jit(function)
    for n in range(5):
        a.count = n
        a.q.global_step = n
        a.q.last = jnp.ones(n + 1)
        a.unrelated = object()
        step(a, X)
    assert len(traces) == 1


@dataclasses.dataclass
class Config:
    scale: float = 1.0
    other: int = 0


class Reads(nn.Module):
    """Reads plain state in all places."""

    def __init__(self):
        super().__init__()
        self.cfg = Config()
        self.ws = [1.0, 5.0]
        self.d = {"a": 1.0}
        self.arr = np.ones(2, np.float32)
        self.deep = {"list": [Config()], "space": types.SimpleNamespace(k=1.0)}
        self.queue = collections.deque([1.0])
        self.plain = 1.0

    def forward(self, x):
        return (
            x * self.cfg.scale * self.ws[0] * self.d["a"] * self.arr[0] * self.deep["list"][0].scale
            * self.deep["space"].k * self.queue[0] * self.plain
        )  # fmt: skip


CHANGES = {
    "dataclass": lambda m: setattr(m.cfg, "scale", 2.0),
    "dataclass replaced": lambda m: setattr(m, "cfg", Config(2.0)),
    "list": lambda m: m.ws.__setitem__(0, 2.0),
    "list replaced": lambda m: setattr(m, "ws", [2.0]),
    "dict": lambda m: m.d.__setitem__("a", 2.0),
    "numpy": lambda m: m.arr.__setitem__(0, 2.0),
    "deep": lambda m: setattr(m.deep["list"][0], "scale", 2.0),
    "namespace": lambda m: setattr(m.deep["space"], "k", 2.0),
    "deque": lambda m: m.queue.__setitem__(0, 2.0),
    "attribute": lambda m: setattr(m, "plain", 2.0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_attributes_changed_in_place(change):
    model = Reads()
    forward = fnn.jit(lambda m, x: m(x))
    np.testing.assert_array_equal(forward(model, ONE), ONE)
    change(model)
    np.testing.assert_array_equal(forward(model, ONE), 2 * ONE)
    np.testing.assert_array_equal(forward(model, ONE), 2 * ONE)


def holder_global(make):
    namespace = {"model": None, "fnn": fnn}
    exec("def helper(x):\n    return model(x)\n@fnn.jit\ndef step(x):\n    return helper(x)\n", namespace)
    return (lambda m: namespace.__setitem__("model", m)), namespace["step"]


def holder_list(make):
    nets = [None]
    return (lambda m: nets.__setitem__(0, m)), fnn.jit(lambda x: nets[0](x))


def holder_dict(make):
    nets = {}
    return (lambda m: nets.__setitem__("b", m)), fnn.jit(lambda x: nets["b"](x))


def holder_module_attribute(make):
    other = types.ModuleType("user_models")
    return (lambda m: setattr(other, "model", m)), fnn.jit(lambda x: other.model(x))


def holder_object_argument(make):
    thing = types.SimpleNamespace()
    step = fnn.jit(lambda t, x: t.model(x))
    return (lambda m: setattr(thing, "model", m)), lambda x: step(thing, x)


class Box:
    """A plain object."""


def holder_plain_argument(make):
    thing = Box()
    step = fnn.jit(lambda t, x: t.model(x))
    return (lambda m: setattr(thing, "model", m)), lambda x: step(thing, x)


def holder_bound_method(make):
    class Trainer:
        def __init__(self):
            self.step = fnn.jit(self.forward)

        def forward(self, x):
            return self.model(x)

    trainer = Trainer()
    return (lambda m: setattr(trainer, "model", m)), trainer.step


def holder_class_attribute(make):
    class Registry:
        model = None

    return (lambda m: setattr(Registry, "model", m)), fnn.jit(lambda x: Registry.model(x))


def holder_property(make):
    class Wrapper:
        @property
        def model(self):
            return self._model

    thing = Wrapper()
    return (lambda m: setattr(thing, "_model", m)), fnn.jit(lambda x: thing.model(x))


def holder_slots(make):
    class Slots:
        __slots__ = ("model",)

    thing = Slots()
    return (lambda m: setattr(thing, "model", m)), fnn.jit(lambda x: thing.model(x))


def holder_getattr(make):
    class Proxy:
        def __init__(self):
            self.inner = {}

        def __getattr__(self, name):
            return self.inner[name]

    thing = Proxy()
    return (lambda m: thing.inner.__setitem__("model", m)), fnn.jit(lambda x: thing.model(x))


def holder_partial(make):
    nets = {}
    return (lambda m: nets.__setitem__("m", m)), fnn.jit(functools.partial(lambda nets, x: nets["m"](x), nets))


def holder_vars(make):
    thing = Box()
    return (lambda m: setattr(thing, "model", m)), fnn.jit(lambda x: vars(thing)["model"](x))


HOLDERS = {name[7:]: f for name, f in list(globals().items()) if name.startswith("holder_")}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_a_replaced_model(holder):
    put, step = holder(None)
    for seed in range(3):
        fnn.manual_seed(seed)
        model = nn.Linear(2, 2)
        put(model)
        np.testing.assert_allclose(step(X), model(X), rtol=1e-6)
        model.weight.data = model.weight.data + 1
        np.testing.assert_allclose(step(X), model(X), rtol=1e-6)


SCALE = 1.0


def helper(x):
    return x * SCALE


def test_a_helpers_global_and_the_helper_itself(monkeypatch):
    step = fnn.jit(lambda x: helper(x))
    np.testing.assert_array_equal(step(ONE), ONE)
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    np.testing.assert_array_equal(step(ONE), 3 * ONE)
    monkeypatch.setitem(globals(), "helper", lambda x: x * 7)
    np.testing.assert_array_equal(step(ONE), 7 * ONE)


ARRAY = jnp.zeros(3)


def test_arrays_of_globals_closures_and_attributes_are_inputs(monkeypatch):
    thing = Box()
    local = jnp.zeros(3)
    function, traces = traced(lambda: (ARRAY * 2, local * 2, thing.x * 2))
    step = fnn.jit(function)
    for k in range(4):
        monkeypatch.setitem(globals(), "ARRAY", jnp.full(3, float(k)))
        local = jnp.full(3, 10.0 + k)
        thing.x = jnp.full(3, 20.0 + k)
        a, b, c = step()
        np.testing.assert_array_equal(np.stack([a, b, c])[:, 0], [2.0 * k, 20 + 2.0 * k, 40 + 2.0 * k])
    assert len(traces) == 1


def test_an_array_of_which_python_asks_the_number_is_a_constant():
    thing = Box()
    step = fnn.jit(lambda x: x * float(thing.k) + thing.k)
    for k in (1.0, 2.0, 2.0, 3.0):
        thing.k = jnp.asarray(k)
        np.testing.assert_array_equal(step(ONE), ONE * 2 * k)


def test_a_loop_whose_body_was_wrapped():
    model = nn.Linear(2, 1)
    twin = copy.deepcopy(model)
    rng = np.random.default_rng(0)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    other = optim.SGD(twin.parameters(), lr=0.1)

    def body(model, optimizer, x, y):
        loss, grads = fnn.value_and_grad(lambda m: ((m(x) - y) ** 2).mean())(model)
        optimizer.step(grads)
        return loss

    @fnn.jit
    def step():
        return body(model, optimizer, x, y)

    for _ in range(4):
        x = jnp.asarray(rng.standard_normal((4, 2)), jnp.float32)
        y = jnp.asarray(rng.standard_normal((4, 1)), jnp.float32)
        np.testing.assert_allclose(step(), body(twin, other, x, y), rtol=1e-5)


def test_a_class_and_its_methods():
    class Net(nn.Module):
        factor = 2.0

        def forward(self, x):
            return x * self.factor

    model = Net()
    forward = fnn.jit(lambda m, x: m(x))
    np.testing.assert_array_equal(forward(model, ONE), 2 * ONE)
    Net.factor = 3.0
    np.testing.assert_array_equal(forward(model, ONE), 3 * ONE)
    Net.forward = lambda self, x: x * 5
    np.testing.assert_array_equal(forward(model, ONE), 5 * ONE)
    model.forward = lambda x: x * 7
    np.testing.assert_array_equal(forward(model, ONE), 7 * ONE)


def test_tables_and_hooks_changed_by_hand():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    forward = fnn.jit(lambda m, x: m(x))
    forward(model, X)
    model._modules["1"] = nn.Identity()
    np.testing.assert_allclose(forward(model, X), model(X), rtol=1e-6)
    model.register_forward_hook(lambda m, a, out: out * 2)
    np.testing.assert_allclose(forward(model, X), model(X), rtol=1e-6)
    model._forward_hooks.clear()
    np.testing.assert_allclose(forward(model, X), model(X), rtol=1e-6)


def test_a_module_that_nothing_leads_to_is_refused():
    models = iter([nn.Linear(2, 2) for _ in range(8)])
    step = fnn.jit(lambda x: next(models)(x))
    with pytest.raises(fnn.TracerEscapeError, match=r"<lambda> takes something out of a list_iterator from outside"):
        step(X)
    assert len(list(models)) == 8, "refused before anything was taken"


def test_strings_in_place_of_shapes():
    a = Agent()
    step = fnn.jit(lambda agent, x, mode: agent.q(x) if mode == "q" else agent.target(x))
    a.target = nn.Linear(2, 2)
    np.testing.assert_allclose(step(a, X, "q"), a.q(X), rtol=1e-6)
    np.testing.assert_allclose(step(a, X, "t"), a.target(X), rtol=1e-6)


def test_eval_inside_a_jitted_function():
    model = nn.Sequential(nn.Dropout(0.5))
    step = fnn.jit(lambda m, x: m.eval()(x))
    for _ in range(3):
        np.testing.assert_array_equal(step(model, ONE), ONE)
        assert not model.training
        model.train()


def test_jax_arrays_in_a_list_of_a_module():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.masks = [jnp.ones(3), jnp.zeros(3)]

        def forward(self, x):
            return x * self.masks[0] + self.masks[1]

    model = Net()
    forward = fnn.jit(lambda m, x: m(x))
    np.testing.assert_array_equal(forward(model, ONE), ONE)
    model.masks[1] = jnp.full(3, 4.0)
    np.testing.assert_array_equal(forward(model, ONE), 5 * ONE)
    model.masks.reverse()
    np.testing.assert_array_equal(forward(model, ONE), 5 * ONE)
    jax.block_until_ready(forward(model, ONE))


def of_its_class(base):
    return lambda x: x * base.scale


def by_type(base):
    thing = base()
    return lambda x: x * type(thing).scale


def by_dunder_class(base):
    class Thing(base):
        def run(self, x):
            return x * self.__class__.scale

    return Thing().run


def by_class_method(base):
    class Thing(base):
        @classmethod
        def factor(cls):
            return cls.scale

    thing = Thing()
    return lambda x: x * thing.factor()


def by_instance(base):
    thing = base()
    return lambda x: x * thing.scale


def by_list(base):
    settings = [base]
    return lambda x: x * settings[0].scale


def by_attribute(base):
    thing = types.SimpleNamespace(settings=base)
    return lambda x: x * thing.settings.scale


def by_another_name(base):
    def run(x):
        settings = base
        return x * settings.scale

    return run


def by_getattr(base):
    return lambda x: x * getattr(base, "scale")  # noqa: B009


def by_vars(base):
    return lambda x: x * vars(base)["scale"]


@pytest.mark.parametrize("value", [float, lambda k: jnp.full(3, float(k))], ids=["number", "array"])
@pytest.mark.parametrize(
    "make", [of_its_class, by_type, by_dunder_class, by_class_method, by_instance, by_list, by_attribute,
             by_another_name, by_getattr, by_vars],
)  # fmt: skip
def test_data_of_a_class(make, value):
    base = type("Settings", (), {"scale": value(0)})
    base.__module__ = __name__
    step = fnn.jit(make(base))
    for k in range(4):
        base.scale = value(k)
        np.testing.assert_array_equal(step(ONE), ONE * k)


def test_data_of_python_modules_and_functions():
    other = types.ModuleType("user_settings")

    def helper(x):
        return x * helper.scale

    def alias(x):
        settings = other
        return x * settings.scale

    steps = [fnn.jit(lambda x: x * other.scale), fnn.jit(alias), fnn.jit(lambda x: x * getattr(other, "scale"))]  # noqa: B009
    for k in range(6):
        other.scale = helper.scale = float(k)
        for step in [*steps, fnn.jit(helper)]:
            np.testing.assert_array_equal(step(ONE), ONE * k)


def test_a_model_in_an_attribute_of_a_class_above():
    class Base:
        model = None

    thing = type("Thing", (Base,), {})()
    step = fnn.jit(lambda x: thing.model(x))
    for _ in range(3):
        Base.model = nn.Linear(2, 2)
        np.testing.assert_allclose(step(X), Base.model(X), rtol=1e-6)


def test_a_copy_of_an_object():
    thing = Box()
    step = fnn.jit(lambda x: x * copy.copy(thing).k * copy.deepcopy(thing).inner[0])
    for k in range(4):
        thing.k, thing.inner = float(k), [2.0]
        np.testing.assert_array_equal(step(ONE), ONE * k * 2)


class Reading:
    """Attributes by a method of its own."""

    def __init__(self):
        self.__dict__["held"] = {"value": 1.0}

    def __getattribute__(self, name):
        held = object.__getattribute__(self, "__dict__").get("held", {})
        return held[name] if name in held else object.__getattribute__(self, name)


def set_environ(holder, value):
    holder["FNN_TEST_STALE"] = str(value)


# name: (make, how a value is put in, how it is read)
HOLDERS = {
    "ChainMap": (lambda: collections.ChainMap({}, {"v": 1.0}), lambda h, v: h.update(v=v), lambda h: h["v"]),
    "UserDict": (lambda: collections.UserDict(v=1.0), lambda h, v: h.update(v=v), lambda h: h["v"]),
    "nullcontext": (
        lambda: contextlib.nullcontext(1.0),
        lambda h, v: setattr(h, "enter_result", v),
        lambda h: h.enter_result,
    ),
    "UserList": (lambda: collections.UserList([1.0]), lambda h, v: h.__setitem__(0, v), lambda h: h[0]),
    "Queue": (lambda: queue.Queue(), lambda h, v: h.queue.appendleft(v), lambda h: h.queue[0]),
    "ContextVar": (lambda: contextvars.ContextVar("v", default=1.0), lambda h, v: h.set(v), lambda h: h.get()),
    "local": (threading.local, lambda h, v: setattr(h, "v", v), lambda h: h.v),
    "__getattribute__": (Reading, lambda h, v: h.held.update(value=v), lambda h: h.value),
}
NUMBERS = {
    "array": (lambda: array.array("d", [1.0]), lambda h, v: h.__setitem__(0, v), lambda h: h[0]),
    "bytearray": (lambda: bytearray(1), lambda h, v: h.__setitem__(0, int(v)), lambda h: h[0]),
    "memoryview": (lambda: memoryview(bytearray(1)), lambda h, v: h.__setitem__(0, int(v)), lambda h: h[0]),
    "environ": (lambda: os.environ, set_environ, lambda h: float(h["FNN_TEST_STALE"])),
}


@pytest.mark.parametrize("name", [*HOLDERS, *NUMBERS])
def test_numbers_in_objects_of_the_standard_library(name, monkeypatch):
    monkeypatch.setenv("FNN_TEST_STALE", "1")
    make, put, read = (HOLDERS | NUMBERS)[name]
    holder = make()
    step = fnn.jit(lambda x: x * read(holder))
    for value in (1.0, 2.0, 3.0, 5.0, 7.0, 2.0):
        put(holder, value)
        np.testing.assert_array_equal(step(ONE), value)


@pytest.mark.parametrize("name", HOLDERS)
def test_models_in_objects_of_the_standard_library(name):
    make, put, read = HOLDERS[name]
    holder = make()
    step = fnn.jit(lambda x: read(holder)(x))
    for _ in range(3):
        model = nn.Linear(2, 2)
        put(holder, model)
        np.testing.assert_allclose(step(X), model(X), rtol=1e-6)
        model.weight.data = model.weight.data + 1
        np.testing.assert_allclose(step(X), model(X), rtol=1e-6)
