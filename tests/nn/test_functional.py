"""`fnn.nn.functional`: what it adds to `fnn.functional`."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import functional as pure
from fnn import nn, random
from fnn.errors import MissingKeyError
from fnn.nn import functional as F
from tests.nn.both import same, torch


def random_keys(function):
    """The keyword for the random key, if the function has one (the attentions call an input ``key``)."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name in ("key", "dropout_key")]


RANDOM = [name for name in pure.__all__ if inspect.isfunction(f := getattr(pure, name)) and random_keys(f)]


@pytest.mark.parametrize("name", pure.__all__)
def test_every_function_is_there(name):
    ours, theirs = getattr(F, name), getattr(pure, name)
    if name not in (*RANDOM, "batch_norm", "instance_norm"):
        assert ours is theirs
    elif inspect.isfunction(theirs):
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)


@pytest.mark.parametrize("name", RANDOM)
def test_random_functions_draw_from_the_scope(name):
    ours = getattr(F, name)
    (key,) = random_keys(ours)
    assert inspect.signature(ours).parameters[key].default is random.AMBIENT
    assert ours.__name__ == name and ours.__doc__ == getattr(pure, name).__doc__


def test_dropout_draws_torchs_mask_and_a_fresh_one_under_jit():
    fnn.manual_seed(0), torch.manual_seed(0)
    x = jnp.ones((4, 5))
    np.testing.assert_array_equal(F.dropout(x), torch.nn.functional.dropout(torch.ones(4, 5)).numpy())
    step = fnn.jit(lambda x: F.dropout(x))
    assert not np.array_equal(step(x), step(x))
    key = jax.random.key(0)
    np.testing.assert_array_equal(F.dropout(x, key=key), pure.dropout(x, key=key))
    with pytest.raises(MissingKeyError, match="a draw here would be made once and baked in"):
        jax.jit(lambda x: F.dropout(x))(x)


NORMS = {
    "batch_norm": lambda api, f, m, v: f.batch_norm(api.array(4, 3), m, v, training=True, momentum=0.3),
    "batch_norm in eval": lambda api, f, m, v: f.batch_norm(api.array(4, 3), m, v),
    "instance_norm": lambda api, f, m, v: f.instance_norm(api.array(2, 3, 4), m, v),
    "instance_norm in eval": lambda api, f, m, v: f.instance_norm(api.array(2, 3, 4), m, v, use_input_stats=False),
    "weight": lambda api, f, m, v: f.batch_norm(api.array(4, 3), m, v, api.array(3), api.array(3), True),
}


@pytest.mark.parametrize("name", NORMS)
def test_running_statistics_are_updated_in_place(name):
    def act(api):
        mean, var = api.nn.Buffer(api.array(3)), api.nn.Buffer(abs(api.array(3)))
        return [NORMS[name](api, api.nn.functional, mean, var), mean, var]

    same(act)


def test_bare_arrays_are_left_alone():
    mean, var = jnp.zeros(1), jnp.ones(1)
    F.batch_norm(jnp.asarray([[1.0], [3.0]]), mean, var, training=True)
    assert mean[0] == 0 and var[0] == 1


def test_under_jit_they_are_carried_out():
    norm = nn.Module()
    norm.mean, norm.var = nn.Buffer(jnp.zeros(1)), nn.Buffer(jnp.ones(1))
    fnn.jit(lambda m, x: F.batch_norm(x, m.mean, m.var, training=True))(norm, jnp.asarray([[1.0], [3.0]]))
    np.testing.assert_allclose(norm.mean, [0.2], rtol=1e-6)
