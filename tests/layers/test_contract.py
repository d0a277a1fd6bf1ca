"""A layer class is held to its contract when it is made, its results when it is called; a Module can be made of it."""

import inspect
import pickle
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, nn
from fnn.errors import ArgumentError, ArgumentTypeError

KEY = jax.random.key(0)
X = jnp.arange(3.0)


def applied(self, params, state, input, *, training=False, key=None):
    return input, state


def made(**members):
    """A layer class ``Mine``."""
    return type("Mine", (layers.Layer,), {"apply": applied, **members})


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"PARAMS": "weight"}, r"^Mine.PARAMS: expected a tuple of names, got 'weight'"),
        ({"STATE": ["count"]}, r"^Mine.STATE: expected a tuple of names, got \['count'\]"),
        ({"PARAMS": ("a.b",)}, r"^Mine.PARAMS: expected a tuple of names, got \('a.b',\)"),
        ({"PARAMS": ("a", "b"), "STATE": ("b",)}, r"^Mine.PARAMS and STATE: the names \['b'\] are given twice"),
        ({"PARAMS": ("a",), "__annotations__": {"PARAMS": tuple}}, r"^Mine.PARAMS: it is no field, .* with ClassVar"),
        ({"init": 3, "__annotations__": {"init": int}}, r"^Mine.init: it is no field, .* another name"),
        ({"init": 3}, r"^Mine.init: expected a method init\(self, key\), got 3"),
        ({"init": lambda self: ({}, {})}, r"^Mine.init\(self\): too many positional .* as init\(self, key\)"),
        (
            {"apply": lambda self, x: x},
            r"^Mine.apply\(self, x\): .* as apply\(self, params, state, \*inputs, training=",
        ),
        (
            {"apply": lambda self, params, state, x, key=None: (x, state)},
            r"^Mine.apply\(self, params, state, x, key=None\): .* 'training'",
        ),
    ],
)
def test_a_class_that_breaks_the_contract_is_refused(members, text):
    with pytest.raises(ArgumentError, match=text):
        made(**members)


def test_annotated_names_are_the_classes():
    class Right(layers.Layer):
        PARAMS: ClassVar[tuple[str, ...]] = ("weight",)
        size: int

        def apply(self, params, state, input, **options):
            return input, state

    assert list(inspect.signature(Right).parameters) == ["size"]


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"init": lambda self, key: {}}, r"^Mine.init: expected it to return \(params, state\), two dicts, got {}"),
        ({"init": lambda self, key: (X, {})}, r"^Mine.init: expected it to return \(params, state\), two dicts, got 2"),
        (
            {"PARAMS": ("weight",), "init": lambda self, key: ({"wieght": X}, {})},
            r"^Mine: init returns \['wieght'\], of which PARAMS=\('weight',\) declares only a part",
        ),
        (
            {"STATE": ("count",), "init": lambda self, key: ({}, {"sum": X})},
            r"^Mine: init returns \['sum'\], of which STATE=\('count',\) declares only a part",
        ),
        (
            {"apply": lambda self, params, state, x, **options: x},
            r"^Mine.apply: expected it to return \(output, state\), got an array of shape \(3,\)",
        ),
    ],
)
def test_results_that_break_the_contract_are_refused(members, text):
    layer = made(**members)()
    with pytest.raises(ArgumentError, match=text):
        layer.apply(*layer.init(KEY), X)


def test_a_field_that_does_not_hash_is_named():
    layer = made(__annotations__={"sizes": object})([1, 2])
    with pytest.raises(ArgumentTypeError, match=r"^Mine.sizes: a layer is a value.*type: 'list': set a tuple"):
        hash(layer)


@pytest.mark.parametrize("name", ["PARAMS", "STATE", "init", "apply", "extra_repr", "replace"])
def test_the_contract_stands_on_the_base(name):
    assert name in vars(layers.Layer)
    assert name.isupper() or inspect.getdoc(getattr(layers.Layer, name))


# -- a layer of one's own as a Module ----------------------------------------------------------------------


class Scale(layers.Layer):
    """Multiplies by a number per feature, and counts."""

    PARAMS = ("weight",)
    STATE = ("count",)
    size: int

    def init(self, key):
        return {"weight": fnn.random.normal(key, (self.size,))}, {"count": jnp.zeros((), jnp.int32)}

    def apply(self, params, state, input, *, training=False, key=None):
        return input * params["weight"], {"count": state["count"] + training}

    def extra_repr(self):
        return str(self.size)


class ScaleModule(nn.LayerModule, layer=Scale): ...


def test_a_module_of_it():
    module = ScaleModule(3)
    assert repr(module) == "ScaleModule(3)" and module.size == 3 and ScaleModule.__doc__ == Scale.__doc__
    assert list(module.state_dict()) == ["weight", "count"]
    np.testing.assert_array_equal(module(X), X * module.weight.data)
    assert int(module.count) == 1 and int(module.eval().count) == 1
    net = nn.Sequential(nn.Linear(3, 3), ScaleModule(size=3))
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_allclose(fnn.jit(lambda m, x: m(x))(again, X), net(X), rtol=1e-6)
    grads = fnn.grad(lambda m: m(X).sum())(module)
    np.testing.assert_allclose(grads["weight"], X)
