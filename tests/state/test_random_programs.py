"""Random programs: Modules in random containers, read and changed in random places between calls.

Each program is built twice and runs eagerly and under `fnn.jit`, with the same changes between the calls; both give the
same values at every call, or the jitted one refuses.  ``FNN_TEST_ALL=1`` runs a thousand of them.
"""

import collections
import dataclasses
import enum
import random as python_random
import types
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim
from tests.extent import ALL

CLOSE = {"rtol": 1e-8, "atol": 1e-10}


class Plain:
    """An object of a user's class."""


@dataclasses.dataclass
class Record:
    model: object = None
    scale: float = 1.0


class Slots:
    __slots__ = ("model", "scale")


class Holder(nn.Module):
    """A Module that holds anything in a plain attribute, and its model as a child or in a list."""

    def __init__(self):
        super().__init__()
        self.scale = 1.0

    def forward(self, x):
        return self.model(x) * self.scale


class Net(nn.Module):
    def __init__(self, rng):
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(2) if rng.random() < 0.4 else nn.Identity()
        self.factors = [rng.choice([0.5, 2.0]), 1.0]
        self.config = Record(scale=rng.choice([1.0, 3.0]))
        self.table = np.ones(2, np.float32)
        self.calls = 0
        self.last = None
        self.keeps, self.counts = rng.random() < 0.3, rng.random() < 0.2

    def forward(self, x):
        y = self.norm(self.linear(x)) * self.factors[0] * self.config.scale + self.table[1]
        if self.counts:
            self.calls += 1
            y = y + self.calls
        if self.keeps:
            self.last = y
        return jnp.tanh(y)


def fresh(kind):
    """An object of a class of its own, or a class, in which what it holds changes no other program."""
    if kind == "member":
        return enum.Enum("Place", ["HERE"]).HERE
    if kind == "module":
        return types.ModuleType("user_holder")
    if kind == "class":
        return type("Registry", (), {"__module__": __name__})

    class Meta(type):
        @property
        def model(cls):
            return cls.table["model"]

        @model.setter
        def model(cls, model):
            cls.table["model"] = model

    return Meta("Registry", (), {"table": {}, "__module__": __name__})


PLACES = [
    "plain", "record", "slots", "list", "dict", "deque", "namespace", "holder", "tuple", "none",
    "member", "module", "class", "metaclass", "vars", "weak", "objects", "computed",
]  # fmt: skip


def wrap(rng, model, depth=0):
    """A container with the model in it, and how to read it, get it and replace it."""
    kind = rng.choice(PLACES)
    scale = rng.choice([1.0, 2.0])
    if kind in ("member", "module", "class", "metaclass"):
        thing = fresh(kind)
        thing.model, thing.scale = model, scale
        read = lambda t, x: t.model(x) * t.scale  # noqa: E731
        get, put = (lambda t: t.model), (lambda t, m: setattr(t, "model", m))
    elif kind == "computed":
        thing = fresh(rng.choice(["member", "module", "class"]))
        thing.model, thing.scale = model, scale
        read = lambda t, x: getattr(t, "".join(["mo", "del"]))(x) * t.scale  # noqa: E731
        get, put = (lambda t: t.model), (lambda t, m: setattr(t, "model", m))
    elif kind == "vars":
        thing = rng.choice([Plain, lambda: fresh("module")])()
        thing.model, thing.scale = model, scale
        read = lambda t, x: vars(t)["model"](x) * t.__dict__["scale"]  # noqa: E731
        get, put = (lambda t: t.model), (lambda t, m: setattr(t, "model", m))
    elif kind == "weak":
        keys = [Plain(), Plain()]
        thing = (keys, weakref.WeakKeyDictionary({keys[0]: model, keys[1]: scale}))
        read = lambda t, x: t[1][t[0][0]](x) * t[1][t[0][1]]  # noqa: E731
        get, put = (lambda t: t[1][t[0][0]]), (lambda t, m: t[1].__setitem__(t[0][0], m))
    elif kind == "objects":
        thing = np.array([model, scale], object)
        read = lambda t, x: t[0](x) * t[1]  # noqa: E731
        get, put = (lambda t: t[0]), (lambda t, m: t.__setitem__(0, m))
    elif kind in ("plain", "slots", "record", "namespace", "holder"):
        thing = {
            "plain": Plain,
            "slots": Slots,
            "record": Record,
            "namespace": types.SimpleNamespace,
            "holder": Holder,
        }[kind]()
        thing.model, thing.scale = model, scale
        read = lambda t, x: t.model(x) * t.scale  # noqa: E731
        get, put = (lambda t: t.model), (lambda t, m: setattr(t, "model", m))
    elif kind in ("list", "deque"):
        thing = [scale, model] if kind == "list" else collections.deque([scale, model])
        read = lambda t, x: t[1](x) * t[0]  # noqa: E731
        get, put = (lambda t: t[1]), (lambda t, m: t.__setitem__(1, m))
    elif kind == "dict":
        thing = {"m": model, "s": scale}
        read = lambda t, x: t["m"](x) * t["s"]  # noqa: E731
        get, put = (lambda t: t["m"]), (lambda t, m: t.__setitem__("m", m))
    elif kind == "tuple":
        thing = ({"s": scale}, [model])
        read = lambda t, x: t[1][0](x) * t[0]["s"]  # noqa: E731
        get, put = (lambda t: t[1][0]), (lambda t, m: t[1].__setitem__(0, m))
    else:
        thing = [model]
        read = lambda t, x: t[0](x)  # noqa: E731
        get, put = (lambda t: t[0]), (lambda t, m: t.__setitem__(0, m))
    if depth == 0 and rng.random() < 0.4:
        inner_thing, inner_read, inner_get, inner_put = thing, read, get, put
        outer = {"inner": inner_thing, "unused": 0}
        return (
            outer,
            lambda t, x: inner_read(t["inner"], x),
            lambda t: inner_get(t["inner"]),
            lambda t, m: inner_put(t["inner"], m),
        )
    return thing, read, get, put


def changes(rng, seed):
    """Random changes to make between two calls: functions of ``(thing, get, put)``."""

    def replace(thing, get, put):
        fnn.manual_seed(seed)
        put(thing, Net(python_random.Random(seed)))

    def weights(thing, get, put):
        box = get(thing).linear.weight
        box.data = box.data * 0.5

    def factor(thing, get, put):
        get(thing).factors[0] += 1.0

    def config(thing, get, put):
        get(thing).config.scale += 1.0

    def new_config(thing, get, put):
        get(thing).config = Record(scale=7.0)

    def table(thing, get, put):
        get(thing).table[1] += 1

    def child(thing, get, put):
        fnn.manual_seed(seed + 1)
        get(thing).linear = nn.Linear(2, 2)

    def mode(thing, get, put):
        model = get(thing)
        model.train(not model.training)

    def hook(thing, get, put):
        get(thing).register_forward_hook(lambda m, a, out: out * 1.5)

    def unread(thing, get, put):
        get(thing).note = seed

    def attribute(thing, get, put):
        if hasattr(thing, "scale"):
            thing.scale = thing.scale + 1.0

    def freeze(thing, get, put):
        get(thing).linear.weight.requires_grad = not get(thing).linear.weight.requires_grad

    def tie(thing, get, put):
        get(thing).norm = get(thing).linear

    def nothing(thing, get, put):
        pass

    pool = [
        replace,
        weights,
        factor,
        config,
        new_config,
        table,
        child,
        mode,
        hook,
        unread,
        attribute,
        freeze,
        tie,
        nothing,
    ]
    return [rng.choice(pool) for _ in range(rng.choice([0, 1, 1, 2]))]


def build(seed):
    """One program: the thing, a step function over it and its kind of reach (argument, closure, method)."""
    rng = python_random.Random(seed)
    fnn.manual_seed(seed)
    thing, read, get, put = wrap(rng, Net(rng))
    trains = rng.random() < 0.4
    reach = rng.choice([
        "argument", "closure", "method", "global", "default", "by name", "in a module", "through the metaclass",
    ])  # fmt: skip

    def run(thing, x):
        if not trains:
            return read(thing, x)
        model = get(thing)

        def loss(model):
            return ((read(thing, x) - 1) ** 2).mean()

        value, grads = fnn.value_and_grad(loss)(model)
        optim.SGD(model.parameters(), lr=0.1).step(grads)
        return value

    def stepper(thing, jit):
        held = thing["inner"] if isinstance(thing, dict) and "inner" in thing else thing
        if reach == "argument" and not isinstance(held, (collections.deque, np.ndarray)):
            step = jit(run)
            return lambda x: step(thing, x)
        if reach == "method":

            class Trainer:
                def __init__(self):
                    self.thing = thing

                def step(self, x):
                    return run(self.thing, x)

            return jit(Trainer().step)
        if reach == "global":
            namespace = {"thing": thing, "run": run}
            exec("def step(x):\n    return run(thing, x)\n", namespace)
            return jit(namespace["step"])
        if reach == "by name":
            namespace = {"thing": thing, "run": run}
            exec("def step(x):\n    return run(globals()['thing'], x)\n", namespace)
            return jit(namespace["step"])
        if reach == "in a module":
            module = types.ModuleType("user_module")
            module.thing = thing
            return jit(lambda x: run(module.thing, x))
        if reach == "through the metaclass":

            class Meta(type):
                held = thing

                def __getitem__(cls, name):
                    return cls.held

            class Lookup(metaclass=Meta):
                pass

            return jit(lambda x: run(Lookup["thing"], x))
        if reach == "default":

            def with_default(x, thing=thing):
                return run(thing, x)

            return jit(with_default)
        return jit(lambda x: run(thing, x))

    return rng, thing, get, put, stepper


@pytest.fixture(autouse=True)
def _double():
    """Rounding grows from step to step; in double precision what differs is wrong."""
    with jax.enable_x64(True):
        fnn.set_default_dtype(jnp.float64)
        yield
        fnn.set_default_dtype(jnp.float32)


def check(seed):
    x = jnp.linspace(-1, 1, 6).reshape(3, 2)
    rng, thing, get, put, stepper = build(seed)
    _, twin, _, _, stepper_of_twin = build(seed)
    step, eager = stepper(thing, fnn.jit), stepper_of_twin(twin, lambda f: f)
    for call in range(rng.choice([3, 4, 5])):
        for change in changes(rng, seed * 100 + call):
            change(thing, get, put)
            change(twin, get, put)
        try:
            out = step(x)
        except (fnn.TracerEscapeError, fnn.ArgumentError):
            return "refused"
        expected = eager(x)
        np.testing.assert_allclose(out, expected, **CLOSE, err_msg=f"seed {seed}, call {call}")
        a, b = get(thing), get(twin)
        assert a.calls == b.calls, f"seed {seed}, call {call}"
        if b.last is not None:
            np.testing.assert_allclose(a.last, b.last, **CLOSE, err_msg=f"seed {seed}, call {call}")
        for (name, p), (_, q) in zip(a.state_dict().items(), b.state_dict().items(), strict=True):
            np.testing.assert_allclose(p, q, **CLOSE, err_msg=f"seed {seed}, call {call}: {name}")
    return "equal"


SEEDS = range(1000) if ALL else range(24)


@pytest.mark.parametrize("seed", SEEDS)
def test_eager_and_jitted_agree_or_refuse(seed):
    assert check(seed) == "equal"
