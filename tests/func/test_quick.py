"""The short way through a call like the one before: taken where it is right, and nowhere else."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.func._quick import MISSED


def network():
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)).eval()


def by_hand(model, x):
    w1, b1, w2, b2 = (np.asarray(p.data, np.float32) for p in (*model[0].parameters(), *model[2].parameters()))
    return np.tanh(np.asarray(x, np.float32) @ w1.T + b1) @ w2.T + b2


X = jnp.array([[0.5, -1.0]])


def warm(run, *args):
    for _ in range(3):  # compiled, looked up, remembered
        run(*args)
    return run._quick


def test_the_second_call_like_it_goes_the_short_way():
    model = network()
    for run, args in ((fnn.jit(model), (X,)), (fnn.jit(lambda m, x: (m(x), x)), (model, X))):
        short = warm(run, *args)
        assert short.run(args) is not MISSED
        got = run(*args)
        np.testing.assert_allclose(got[0] if type(got) is tuple else got, by_hand(model, X), rtol=1e-6)


def replace(model):
    model[0].weight.data = model[0].weight.data * 2


def assign(model):
    model[2].bias = nn.Parameter(jnp.array([5.0, 6.0]))


def exchange(model):
    model[2] = nn.Linear(3, 2)


@pytest.mark.parametrize("change", [replace, assign, exchange])
def test_what_the_model_holds_now_counts(change):
    model = network()
    run = fnn.jit(model)
    warm(run, X)
    change(model)
    np.testing.assert_allclose(run(X), by_hand(model, X), rtol=1e-6)


@pytest.mark.parametrize(
    "x",
    [jnp.ones((3, 2)), np.array([[2.0, 3.0]], np.float32), X[0], jnp.asarray(1.0) * X, X.astype(jnp.float32) + 1],
    ids=["more rows", "numpy", "a vector", "product", "other values"],
)
def test_other_arguments(x):
    model = network()
    run = fnn.jit(model)
    warm(run, X)
    np.testing.assert_allclose(run(x), by_hand(model, x), rtol=1e-5)


def test_another_dtype_and_another_model():
    run = fnn.jit(lambda model, x: model(x))
    first, second = network(), network()
    warm(run, first, X)
    np.testing.assert_allclose(run(second, X), by_hand(second, X), rtol=1e-6)
    half = run(first.half(), X.astype(jnp.float16))
    assert half.dtype == jnp.float16
    np.testing.assert_allclose(half, by_hand(first, X.astype(jnp.float16)), rtol=1e-2)


def test_modes_hooks_and_globals_are_seen():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(1.0)).eval()
    run = fnn.jit(model)
    assert warm(run, X).run((X,)) is not MISSED
    assert np.asarray(run(X)).any()
    model.train()
    assert not np.asarray(run(X)).any()
    model.eval()
    warm(run, X)
    model[0].register_forward_hook(lambda module, args, output: output * 0)
    assert not np.asarray(run(X)).any()


def test_a_step_that_writes_or_draws_goes_the_long_way():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).train()
    x = jnp.array([[1.0, 2.0], [3.0, 5.0]])
    run = fnn.jit(model)
    assert warm(run, x) is None
    assert int(model[1].num_batches_tracked.data) == 3
    draws = fnn.jit(nn.Dropout(0.5).train())
    assert warm(draws, jnp.ones(64)) is None
    assert not np.array_equal(draws(jnp.ones(64)), draws(jnp.ones(64)))


def test_inside_of_other_functions():
    model = network()
    run = fnn.jit(model)
    warm(run, X)
    outer = fnn.jit(lambda x: run(x) * 2)
    np.testing.assert_allclose(outer(X), by_hand(model, X) * 2, rtol=1e-6)
    raw = jax.jit(lambda x: run(x) + run(X))
    np.testing.assert_allclose(raw(X), by_hand(model, X) * 2, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(run)(X[None])[0], by_hand(model, X), rtol=1e-6)
    fnn.backward(lambda model: run(X).sum())(model)
    np.testing.assert_allclose(model[2].bias.grad, [1.0, 1.0])


def test_nan_checks_count():
    run = fnn.jit(lambda x: jnp.log(x))
    warm(run, X)
    with jax.debug_nans(True), pytest.raises(FloatingPointError):
        run(-jnp.abs(X))


def test_precision_of_jax_counts():
    model = network()
    run = fnn.jit(model)
    warm(run, X)
    with jax.default_matmul_precision("float32"):
        np.testing.assert_allclose(run(X), by_hand(model, X), rtol=1e-6)


def test_keeps_nothing_alive():
    model = network()
    run = fnn.jit(lambda model, x: model(x))
    warm(run, model, X)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
