"""Results come back as they were returned: objects of any class concrete, dicts in their order."""

import dataclasses
import functools
import types
from collections import deque, namedtuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.testing import assert_close


@dataclasses.dataclass
class Output:
    loss: object
    parts: object
    name: str = "out"


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    value: object
    rest: object = None


class Plain:
    def __init__(self, **values):
        self.__dict__.update(values)


class Table(dict):
    pass


Pair = namedtuple("Pair", "first second")


def result(x):
    inner = Plain(y=x * 2, note={"b": [x + 1], "a": "text"}, empty=None, constant=np.ones(2))
    return {
        "z": Output(x.sum(), (x, Frozen(x * 3, Table(k=x)))),
        "a": inner,
        "list": [Pair(x, {"d": x, "c": 1})],
    }


def check(out, x):
    assert list(out) == ["z", "a", "list"]
    assert type(out["z"]) is Output and out["z"].name == "out"
    assert_close(out["z"].loss, x.sum())
    assert_close(out["z"].parts[0], x)
    assert type(out["z"].parts[1]) is Frozen and type(out["z"].parts[1].rest) is Table
    assert_close(out["z"].parts[1].value, x * 3)
    assert_close(out["z"].parts[1].rest["k"], x)
    assert_close(out["a"].y, x * 2)
    assert_close(out["a"].note["b"][0], x + 1)
    assert out["a"].note["a"] == "text" and out["a"].empty is None
    assert list(out["list"][0].second) == ["d", "c"]


TRANSFORMS = {
    "value_and_grad": lambda f, x: fnn.value_and_grad(lambda x: (x.sum(), f(x)), has_aux=True)(x)[0][1],
    "grad": lambda f, x: fnn.grad(lambda x: (x.sum(), f(x)), has_aux=True)(x)[1],
    "backward": lambda f, x: fnn.backward(lambda p: (p.sum(), f(p.data)), has_aux=True)(nn.Parameter(x))[1],
    "vjp": lambda f, x: fnn.func.vjp(lambda x: (x, f(x)), x, has_aux=True)[2],
    "jvp": lambda f, x: fnn.func.jvp(lambda x: (x, f(x)), (x,), (x,), has_aux=True)[2],
    "checkpoint": lambda f, x: fnn.checkpoint(f)(x),
    "cond": lambda f, x: fnn.cond(x.sum() > 0, f, f, x),
    "switch": lambda f, x: fnn.switch(0, [f, f], x),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_objects_come_back_concrete_and_dicts_in_order(name):
    x = jnp.arange(1.0, 4.0)
    check(TRANSFORMS[name](result, x), x)


@pytest.mark.parametrize(
    "loop",
    [
        lambda f, xs: fnn.vmap(f)(xs),
        lambda f, xs: fnn.vmap(f, chunk_size=2)(xs),
        lambda f, xs: fnn.map(f, xs),
        lambda f, xs: fnn.map(f, xs, batch_size=2),
        lambda f, xs: fnn.scan(lambda c, x: (c, f(x)), 0, xs)[1],
    ],
    ids=["vmap", "vmap in chunks", "map", "map in batches", "scan"],
)
def test_stacked_results_too(loop):
    xs = jnp.arange(6.0).reshape(3, 2)
    out = loop(lambda x: {"z": Output(x.sum(), Plain(y=x)), "a": x}, xs)
    assert list(out) == ["z", "a"]
    assert_close(out["z"].loss, xs.sum(1))
    assert_close(out["z"].parts.y, xs)


class Slots:
    __slots__ = ("empty", "value")

    def __init__(self, value):
        self.value = value


class MoreSlots(Slots):
    """With a ``__dict__``, too."""


OBJECTS = {
    "slots": (lambda x: Slots(x), lambda out: out.value),
    "slots and more": (lambda x: MoreSlots(x), lambda out: out.value),
    "frozen": (lambda x: Frozen(1, Frozen(x)), lambda out: out.rest.value),
    "namespace": (lambda x: types.SimpleNamespace(y=[x]), lambda out: out.y[0]),
    "deque": (lambda x: deque([None, {"a": x}], maxlen=2), lambda out: out[1]["a"]),
    "partial": (lambda x: functools.partial(jnp.add, x), lambda out: out(0)),
    "partial of a lambda": (lambda x: functools.partial(lambda a, b: a + b, b=x), lambda out: out(0)),
    "a function of JAX's": (lambda x: (jnp.tanh, x), lambda out: out[0](0) + out[1]),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_more_kinds_of_objects(name):
    make, read = OBJECTS[name]
    x = jnp.arange(3.0)

    def aux(x):
        return fnn.value_and_grad(lambda x: (x.sum(), make(x)), has_aux=True)(x)[0][1]

    for run in (aux, fnn.jit(make), fnn.jit(aux)):
        for n in range(2):
            assert_close(read(run(x + n)), x + n)


def test_what_hides_a_traced_value_is_refused():
    x = jnp.ones(2)
    for run in (
        fnn.jit(lambda x: lambda: x),
        fnn.jit(lambda x: iter([x])),
        fnn.grad(lambda x: (x.sum(), lambda: x), has_aux=True),
    ):
        with pytest.raises(fnn.TracerEscapeError, match=r"would outlive its trace inside (the closure of|a list_it)"):
            run(x)
    kept = fnn.jit(lambda x: fnn.grad(lambda y: (y.sum(), lambda: x), has_aux=True)(x)[0])(x)  # x is none of grad's
    assert_close(kept, x)


def test_an_object_without_arrays_is_itself():
    plain = Plain(a=1, b=[jnp.ones(2)])
    assert fnn.grad(lambda x: (x.sum(), plain), has_aux=True)(jnp.ones(2))[1] is plain


def test_cycles_and_shared_objects():
    def f(x):
        parent = Plain(x=x)
        parent.child = Plain(parent=parent, x=x * 2)
        return x.sum(), parent

    _, parent = fnn.grad(f, has_aux=True)(jnp.ones(2))
    assert parent.child.parent is parent
    assert_close(parent.child.x, 2 * jnp.ones(2))


class Uncopied:
    def __init__(self, x):
        self.inner = {"x": x}

    def __deepcopy__(self, memo):
        raise TypeError("of one kind")


def test_what_cannot_be_copied_is_named():
    text = r"an object of class Uncopied, which holds a traced array in Uncopied\.inner\['x'\] and cannot be copied"
    with pytest.raises(TypeError, match=text):
        fnn.grad(lambda x: (x.sum(), Uncopied(x)), has_aux=True)(jnp.ones(2))


def test_branches_must_return_alike_objects():
    x = jnp.ones(2)
    one, other = (lambda x, n=n: Output(x, x, n) for n in ("one", "other"))
    with pytest.raises(TypeError, match=r"true_fun|branch"):
        fnn.cond(True, one, other, x)


def test_gradients_keep_the_order_of_dicts():
    x = {"b": jnp.ones(2), "a": [{"d": jnp.ones(1), "c": jnp.ones(1)}]}
    loss = lambda x: (x["b"] ** 2).sum() + (x["a"][0]["d"] * x["a"][0]["c"]).sum()  # noqa: E731
    assert [name for name in fnn.grad(lambda x: list(x) == ["b", "a"] and loss(x))(x)] == ["b", "a"]
    for got in (
        fnn.grad(loss)(x),
        fnn.value_and_grad(loss)(x)[1],
        fnn.func.vjp(loss, x)[1](jnp.ones(()))[0],
        fnn.func.jacrev(loss)(x),
        fnn.func.jacfwd(loss)(x),
    ):
        assert list(got) == ["b", "a"] and list(got["a"][0]) == ["d", "c"]
    out, pull = fnn.func.vjp(lambda x: {"z": x["b"], "y": x["b"] * 2}, x)
    assert list(out) == ["z", "y"]
    assert_close(pull(out)[0]["b"], 5 * jnp.ones(2))
    assert [*fnn.func.jvp(lambda x: {"z": x["b"], "y": x["b"]}, (x,), (x,))[1]] == ["z", "y"]
    carry, _ = fnn.scan(lambda c, x: ({"z": c["z"] + x, "a": c["a"]}, None), {"z": 0.0, "a": 1.0}, jnp.ones(3))
    assert list(carry) == ["z", "a"] and carry["z"] == 3.0
    carry = fnn.fori_loop(0, 3, lambda i, c: {name: value + 1 for name, value in c.items()}, {"z": 0.0, "a": 1.0})
    assert list(carry) == ["z", "a"] and carry["a"] == 4.0
    carry = fnn.while_loop(lambda c: c["z"] < 3, lambda c: {n: v + 1 for n, v in c.items()}, {"z": 0.0, "a": 1.0})
    assert list(carry) == ["z", "a"] and carry["a"] == 4.0


@pytest.mark.parametrize(
    "transform",
    [fnn.checkpoint, fnn.vmap, fnn.jit, lambda f: functools.partial(fnn.cond, True, f, f)],
    ids=["checkpoint", "vmap", "jit", "cond"],
)
def test_dicts_arrive_in_their_order(transform):
    x = {"b": jnp.ones(2), "a": {"d": jnp.ones(2), "c": jnp.ones(2)}}
    seen = []
    transform(lambda x: (seen.append([*x, *x["a"]]), x["b"])[1])(x)
    assert seen and all(names == ["b", "a", "d", "c"] for names in seen)


def test_two_orders_are_two_programs():
    step, x = fnn.jit(lambda d, **k: (list(d), list(k))), jnp.ones(2)
    for _ in range(2):
        assert step({"b": x, "a": x}, z=x, y=x) == (["b", "a"], ["z", "y"])
        assert step({"a": x, "b": x}, y=x, z=x) == (["a", "b"], ["y", "z"])
    models = {"b": nn.Linear(2, 1), "a": nn.Linear(2, 1)}
    loss = fnn.value_and_grad(lambda models: models["a"](x).sum() + models["b"](x).sum())
    assert list(fnn.jit(loss)(models)[1]) == list(loss(models)[1]) == ["b", "a"]


def test_nothing_keeps_tracers_alive():
    """Through what JAX holds while it transforms: neither arguments, nor boxes, nor the anchor of backward hooks."""
    norm, other = nn.BatchNorm1d(2), nn.Identity()
    other.register_full_backward_hook(lambda *_: None)
    with jax.checking_leaks():
        out = fnn.grad(lambda x: (x.sum(), Output(x, [x])), has_aux=True)(jnp.ones(2))[1]
        fnn.grad(lambda norm: norm(jnp.ones((2, 2))).sum())(norm)
        fnn.vmap(lambda x: x * 2)(jnp.ones(2))
        fnn.checkpoint(norm)(jnp.ones((2, 2)))
    assert_close(out.parts[0], jnp.ones(2))


MIXED = {
    "value_and_grad": lambda f: fnn.value_and_grad(lambda x: (x.sum(), f(x)), has_aux=True)(jnp.ones(3))[0][1],
    "checkpoint": lambda f: fnn.checkpoint(f)(jnp.ones(3)),
    "vmap": lambda f: fnn.vmap(f)(jnp.ones(3)),
    "scan": lambda f: fnn.scan(lambda c, x: (c, f(x)), 0, jnp.ones(3))[1],
    "jit": lambda f: fnn.jit(f)(jnp.ones(3)),
}


@pytest.mark.parametrize("transform", MIXED.values(), ids=MIXED)
def test_dicts_whose_keys_jax_cannot_sort(transform):
    out = transform(lambda x: [{1: x * 2, "b": {(0, 1): x * 3, None: "text"}, "a": x}])[0]
    assert list(out) == [1, "b", "a"] and list(out["b"]) == [(0, 1), None] and out["b"][None] == "text"
    for value, factor in ((out[1], 2), (out["b"][0, 1], 3), (out["a"], 1)):
        np.testing.assert_array_equal(value, jnp.full(3, float(factor)))
