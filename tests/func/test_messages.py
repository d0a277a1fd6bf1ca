"""JAX's errors about the value of a traced array name what the user calls the array."""

import functools

import jax
import jax.numpy as jnp
import pytest

import fnn
from fnn import nn

MODEL = nn.Linear(2, 2)


def flag(x, flag):
    return x if flag else -x


def integer(model, x):
    return model, int(x[0])


def weight(model, x):
    return x if model.weight.sum() > 0 else -x


def in_a_dict(batch):
    return 0 if batch["y"].any() else 1


def several(x, y):
    return 1 if (x > y) else 0


def drawn():
    return 1 if nn.Dropout(0.5)(jnp.ones(3)).sum() > 0 else 0


ONE = jnp.ones(())
CASES = [
    (flag, (ONE, True), "the argument flag."),
    (integer, (MODEL, jnp.ones(3)), "the argument x."),
    (weight, (MODEL, ONE), "of model.weight."),
    (in_a_dict, ({"x": ONE, "y": jnp.ones(2)},), "the argument batch['y']."),
    (several, (ONE, ONE), "the arguments x and y."),
    (drawn, (), "of the random numbers of this call."),
]


@pytest.mark.parametrize(("function", "args", "words"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_arguments_are_named(function, args, words):
    with pytest.raises(jax.errors.ConcretizationTypeError) as caught:
        fnn.jit(function)(*args)
    message = str(caught.value)
    assert words in message
    assert not any(word in message for word in ("dynamic[", "kept[", "donated["))


def test_static_arguments_are_left_out():
    @functools.partial(fnn.jit, static_argnums=0, static_argnames="mode")
    def step(n, x, *rest, mode):
        return n if rest[0] > 0 else mode

    with pytest.raises(jax.errors.TracerBoolConversionError, match=r"argument rest\[0\]\."):
        step(3, ONE, ONE, mode="a")


@pytest.mark.parametrize("name", ["Conv2d", "MaxPool3d", "Linear", "ReplicationPad1d"])
def test_a_missing_argument_is_one_of_the_class(name):
    for face in (nn, fnn.layers):
        with pytest.raises(TypeError, match=rf"^{name}\.__init__\(\) missing"):
            getattr(face, name)()
