"""`nn.AdaptiveLogSoftmaxWithLoss` against torch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from tests import reference
from tests.nn.both import same_error

torch = reference.torch

FEATURES, C = 8, 20
CONSTRUCTIONS = {
    "two clusters": (FEATURES, C, [4, 10], 2.0),
    "one cluster": (FEATURES, C, (19,)),
    "bias": (FEATURES, C, [1, 2, 12], 1.5, True),
    "small": (16, C, [4, 10]),
}


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng([*shape]).standard_normal(shape).astype(np.float32)


def made(name: str):
    """torch's and fnn's, of one seed."""
    torch.manual_seed(1), fnn.manual_seed(1)
    args = CONSTRUCTIONS[name]
    return torch.nn.AdaptiveLogSoftmaxWithLoss(*args), nn.AdaptiveLogSoftmaxWithLoss(*args)


@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_construction(name):
    theirs, ours = made(name)
    assert repr(ours) == repr(theirs) and list(ours.state_dict()) == list(theirs.state_dict())
    for attribute in (
        *("in_features", "n_classes", "cutoffs", "div_value", "head_bias", "shortlist_size", "n_clusters"),
        "head_size",
    ):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    for _ in range(2):
        for key, value in theirs.state_dict().items():
            np.testing.assert_array_equal(ours.state_dict()[key], value, err_msg=key)
        theirs.reset_parameters(), ours.reset_parameters()


TARGETS = {"all": np.arange(C), "head": np.array([0, 0]), "tail": np.array([19, 15, 19]), "one": np.array([5])}


@pytest.mark.parametrize("name", CONSTRUCTIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_output_loss_and_gradients(name, target):
    theirs, ours = made(name)
    y = TARGETS[target]
    x = normal(len(y), theirs.in_features)
    cotangent = normal(len(y))
    tx = torch.from_numpy(x).requires_grad_()
    want = theirs(tx, torch.from_numpy(y))
    got = ours(x, y)
    assert type(got).__name__ == "_ASMoutput" and got._fields == want._fields
    reference.assert_equal(tuple(got), tuple(want))
    total = (want.output * torch.from_numpy(cotangent)).sum() + 3 * want.loss
    wanted = torch.autograd.grad(total, [tx, *theirs.parameters()], allow_unused=True)

    @fnn.jit
    def gradients(model, x):
        def loss(model, x):
            output, loss = model(x, y)
            return (output * cotangent).sum() + 3 * loss

        return fnn.grad(loss)(model, x), jax.grad(lambda x: loss(model, x))(x)

    by_params, by_x = gradients(ours, jnp.asarray(x))
    reference.assert_equal(by_x, wanted[0], "input")
    for (key, parameter), gradient in zip(theirs.named_parameters(), wanted[1:], strict=True):
        # torch never calls a cluster without targets; its gradient is then zero here
        reference.assert_equal(by_params[key], torch.zeros_like(parameter) if gradient is None else gradient, key)


@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_all_classes(name):
    theirs, ours = made(name)
    x = 3 * normal(30, theirs.in_features)
    reference.assert_equal(ours.log_prob(x), theirs.log_prob(torch.from_numpy(x)))
    np.testing.assert_allclose(jnp.exp(ours.log_prob(x)).sum(1), 1, rtol=1e-5)
    for rows in (x, x[:1], x[:0]):
        np.testing.assert_array_equal(ours.predict(rows), theirs.predict(torch.from_numpy(rows)))
    y = np.arange(30) % C
    np.testing.assert_allclose(ours(x, y).output, ours.log_prob(x)[np.arange(30), y], rtol=1e-4, atol=1e-5)


def test_unbatched_and_empty():
    theirs, ours = made("two clusters")
    x = normal(FEATURES)
    for y in (2, 7, 19):
        reference.assert_equal(tuple(ours(x, np.int64(y))), tuple(theirs(torch.from_numpy(x), torch.tensor(y))))
    output, loss = ours(np.zeros((0, FEATURES), np.float32), np.zeros(0, int))
    assert output.shape == (0,) and np.isnan(loss)


def test_jit_vmap_and_the_pair():
    layer = fnn.pure(nn.AdaptiveLogSoftmaxWithLoss)(FEATURES, C, (4, 10), div_value=2.0)
    params, state = jax.jit(layer.init)(jax.random.key(0))
    x, y = jnp.asarray(normal(5, FEATURES)), jnp.arange(0, 20, 4)
    want = layer.apply(params, state, x, y)[0]
    np.testing.assert_allclose(jax.jit(lambda *a: layer.apply(*a)[0].loss)(params, state, x, y), want.loss, rtol=1e-5)
    rows = jax.vmap(lambda x, y: layer.apply(params, state, x, y)[0].output)(x, y)
    np.testing.assert_allclose(rows, want.output, rtol=1e-5, atol=1e-6)


def test_a_target_out_of_range_is_nan_where_it_is_traced():
    _, ours = made("two clusters")
    output, loss = fnn.jit(lambda m, x, y: m(x, y))(ours, normal(3, FEATURES), np.array([1, C, -1]))
    np.testing.assert_array_equal(np.isnan(output), [False, True, True])
    assert np.isnan(loss)


def test_bfloat16():
    theirs, ours = made("two clusters")
    x, y = torch.from_numpy(normal(6, FEATURES)).bfloat16(), torch.tensor([0, 3, 4, 9, 10, 19])
    got = ours.bfloat16()(reference.to_jax(x), y.numpy())
    reference.assert_equal(tuple(got), tuple(theirs.bfloat16()(x, y)))


def call(x: tuple, y: tuple, *args):
    return lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(*(args or (FEATURES, C, [4, 10])))(
        api.array(*x), abs(api.array(*y)).astype(int) if api.name == "fnn" else abs(api.array(*y)).long()
    )


ERRORS = {
    "no cutoffs": lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, C, []),
    "order": lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, C, [5, 4]),
    "zero": lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, C, [0, 4]),
    "twice": lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, C, [4, 4]),
    "last": lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, C, [4, C]),
    "fraction": lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, C, [4.5]),
    "batch": call((3, FEATURES), (2,)),
    "rank 2": call((2, FEATURES), (2, 1)),
    "log_prob": lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, C, [4]).log_prob(api.array(FEATURES)),
    "predict": lambda api: api.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, C, [4]).predict(api.array(FEATURES)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name])


def test_targets_are_checked():
    _, ours = made("two clusters")
    with pytest.raises(RuntimeError, match="1D target tensor expects 2D input tensors, but found inputs"):
        ours(jnp.ones((2, 3, FEATURES)), np.array([1, 2]))
    with pytest.raises(RuntimeError, match="0D target tensor expects 1D input tensors, but found inputs"):
        ours(jnp.ones((1, FEATURES)), np.array(1))
    with pytest.raises(RuntimeError, match=r"Target values should be in \[0, 19\], but values in range \[1, 20\] were"):
        ours(jnp.ones((2, FEATURES)), np.array([1, 20]))
    with pytest.raises(TypeError, match="expected an integer dtype for index, got target_ of float32"):
        ours(jnp.ones((2, FEATURES)), jnp.ones(2))
    with pytest.raises(ValueError, match=r"expected an input \(N, in_features\), got shape \[2, 2, 8\]"):
        ours.log_prob(jnp.ones((2, 2, FEATURES)))
