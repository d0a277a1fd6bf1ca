"""`fnn.accumulate`: the gradient of a batch from its parts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError, TracerEscapeError
from fnn.nn import functional as F


@pytest.fixture(autouse=True)
def _ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def language_model():
    fnn.manual_seed(0)
    return nn.Sequential(nn.Embedding(11, 8), nn.LayerNorm(8), nn.Linear(8, 11))


def loss(model, words, targets):
    mean = F.cross_entropy(model(words).reshape(-1, 11), targets.reshape(-1), ignore_index=-1)
    return mean, (targets != -1).sum()


def batch(rows, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 11, (rows, 6))
    targets[np.arange(6) >= rng.integers(0, 7, (rows, 1))] = -1  # rows of different lengths, some empty
    targets[0] = -1
    targets[1, 0] = 3
    return jnp.asarray(rng.integers(0, 11, (rows, 6))), jnp.asarray(targets)


@pytest.mark.parametrize("size", [1, 3, 4, 7, 9])
@pytest.mark.parametrize("before", [False, True], ids=["alone", "added"])
def test_the_gradient_is_the_batchs(size, before):
    model, other = language_model(), language_model()
    unused = nn.Parameter(jnp.ones(2))
    words, targets = batch(7)
    for m in (model, other) if before else ():
        for p in m.parameters():
            p.grad = jnp.full(p.shape, 0.5)

    @fnn.jit
    def in_parts(words, targets):
        assert unused.shape == (2,)
        return fnn.accumulate(lambda w, t: loss(model, w, t), words, targets, size=size)

    @fnn.jit
    def whole(words, targets):
        value, _ = loss(other, words, targets)
        fnn.backward(value)
        return value

    np.testing.assert_allclose(in_parts(words, targets), whole(words, targets), rtol=1e-6)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-6, atol=1e-6)
    assert unused.grad is None


def test_rows_are_counted_where_the_function_counts_nothing():
    w = nn.Parameter(jnp.array([1.0, 2.0]))
    x = jnp.arange(10.0).reshape(5, 2)

    @fnn.jit
    def step(x):
        w.grad = None
        return fnn.accumulate(lambda x: ((x * w) ** 2).sum(1).mean(), x, size=2)

    value = step(x)
    want = jax.value_and_grad(lambda w: ((x * w) ** 2).sum(1).mean())(w.data)
    np.testing.assert_allclose(value, want[0], rtol=1e-6)
    np.testing.assert_allclose(w.grad, want[1], rtol=1e-6)


def test_a_list_of_parts_of_any_shape():
    w = nn.Parameter(jnp.array([1.0, 2.0]))
    parts = [(jnp.ones((2, 3, 2)), jnp.array(2.0)), (jnp.full((1, 2), 5.0), jnp.array(0.5))]

    @fnn.jit
    def step(parts):
        w.grad = None
        return fnn.accumulate(lambda x, k: (k * (x * w).mean(), x.size), parts)

    step(parts)
    np.testing.assert_allclose(w.grad, (2 * 12 * 0.5 + 0.5 * 2 * 2.5) / 14 * np.ones(2), rtol=1e-6)


def test_batch_norm_and_dropout_go_on_from_part_to_part():
    fnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    x = jax.random.normal(jax.random.key(0), (8, 3))

    @fnn.jit
    def step(x):
        model.zero_grad()
        return fnn.accumulate(lambda x: (model(x) ** 2).mean(), x, size=4)

    first, second = step(x), step(x)
    assert first != second
    assert int(model[1].num_batches_tracked.data) == 4


def test_refusals():
    w = nn.Parameter(jnp.ones(2))
    f = lambda x: (x * w).mean()  # noqa: E731
    with pytest.raises(TracerEscapeError, match=r"fnn\.accumulate: a loss can be differentiated where"):
        fnn.accumulate(f, jnp.ones((4, 2)), size=2)
    for arguments, message in [
        (((jnp.ones((4, 2)),), 0), "size must be positive, got size=0"),
        (((jnp.ones((4, 2)), jnp.ones(3)), 2), "one first axis in common"),
        (((jnp.ones((4, 2)),), None), "one list of parts, got 1 arguments"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            fnn.jit(lambda arguments=arguments: fnn.accumulate(f, *arguments[0], size=arguments[1]))()
    with pytest.raises(ArgumentError, match="must be scalars, got shapes"):
        fnn.jit(lambda x: fnn.accumulate(lambda x: x * w, x, size=2))(jnp.ones((4, 2)))
