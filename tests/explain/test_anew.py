"""`fnn.jit` applied again and again to the same code: what warns, and what is meant."""

import functools
import re
import warnings

import jax.numpy as jnp
import pytest

import fnn
from fnn import nn
from fnn.errors import RecompileWarning

X = jnp.ones((3, 2))


class Scale:
    """An object with a method that is put under `fnn.jit` for each object anew."""

    def __init__(self, width=2):
        self.model = nn.Linear(2, width)
        self.step = fnn.jit(self.apply)

    def apply(self, x):
        return self.model(x)


def a_lambda_in_a_loop(count):
    model = nn.Linear(2, 2)
    for _ in range(count):
        step = fnn.jit(lambda x: model(x))
        step(X), step(X)
    return step, "<lambda>"


def a_function_in_the_body(count):
    def double(x):
        return 2 * x

    for _ in range(count):
        step = fnn.jit(double)
        step(X)
    return step, "double"


def a_decorator_with_helpers(count):
    model = nn.Linear(2, 2)
    for _ in range(count):

        def loss(model):
            return model(X).sum()

        @fnn.jit
        def step():
            return fnn.value_and_grad(loss)(model)

        step()
    return step, "step"


def a_method_of_each_object(count):
    class Own(Scale):
        def apply(self, x):
            return self.model(x)

    for _ in range(count):
        own = Own()  # a cycle: own.step holds own
        own.step(X)
    return own.step, "apply"


def a_module(count):
    model = nn.Sequential(nn.Linear(2, 2))
    for _ in range(count):
        step = fnn.jit(model)
        step(X)
    return step, "Sequential"


def a_partial(count):
    def power(n, x):
        return x**n

    for _ in range(count):
        step = fnn.jit(functools.partial(power, 2))
        step(X)
    return step, "partial"


ANEW = [
    a_lambda_in_a_loop, a_function_in_the_body, a_decorator_with_helpers, a_method_of_each_object, a_module, a_partial,
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """The first trace of a process reads more of the libraries than later ones, which find JAX's caches filled."""
    model = nn.Linear(2, 2)
    fnn.jit(lambda: fnn.value_and_grad(lambda model: model(X).sum())(model))()


@pytest.mark.parametrize("fault", ANEW, ids=lambda fault: fault.__name__)
def test_the_fourth_object_of_one_code_warns_once(fault):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        step, name = fault(6)
    assert [entry.category for entry in told] == [RecompileWarning]
    assert str(told[0].message).startswith(f"fnn.jit has been applied anew to {name} 4 times")
    assert "the 3 objects that it returned before are gone" in str(told[0].message)
    assert told[0].filename == __file__
    (finding,) = fnn.explain.recompiles(step).findings
    gone = "[345]" if fault is a_method_of_each_object else "5"  # of cycles those that have been collected
    assert finding.where == "fnn.jit"
    assert re.fullmatch(f"the {gone} objects that it returned before are gone, and .*", finding.what)


def three_objects():
    for _ in range(3):
        fnn.jit(lambda x: x + 1)(X)


def objects_side_by_side():
    every = [Scale() for _ in range(5)]
    return [own.step(X) for own in every]


def other_shapes():
    for n in range(1, 6):
        fnn.jit(lambda x: x + 2)(jnp.ones(n))


def other_models():
    class Own(Scale):
        def apply(self, x):
            return self.model(x)

    for width in range(1, 6):
        Own(width).step(X)


def other_constants():
    for n in range(5):
        fnn.jit(lambda x: x**n)(X)  # noqa: B023 called in this pass
        fnn.jit(lambda n, x: x**n, static_argnums=0)(n, X)


def programs_that_are_explained():
    for _ in range(5):
        fnn.explain.recompiles(fnn.jit(lambda x: x + 3))
        fnn.jit(lambda x: x + 4).lower(X)


MEANT = [
    three_objects, objects_side_by_side, other_shapes, other_models, other_constants, programs_that_are_explained,
]  # fmt: skip


@pytest.mark.parametrize("meant", MEANT, ids=lambda meant: meant.__name__)
def test_what_is_meant_does_not_warn(meant):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        meant()
