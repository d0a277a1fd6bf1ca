"""Validation and its messages, subclasses, programs, and where samples come from."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import distributions as ours
from fnn import nn
from tests.distributions.both import same_error, theirs
from tests.reference import torch

array = lambda v: jnp.asarray(v, jnp.float32)  # noqa: E731
tensor = lambda v: torch.tensor(v, dtype=torch.float32)  # noqa: E731


@pytest.mark.parametrize(
    "make",
    [
        lambda d, a: d.Normal(a([0.0, 1.0]), a([1.0, -1.0])),
        lambda d, a: d.Normal(a(0.0), a(-1.0)),
        lambda d, a: d.Normal(0.0, float("nan")),
        lambda d, a: d.Uniform(a([0.0, 2.0]), a([1.0, 1.0])),
        lambda d, a: d.Bernoulli(a([0.5, 1.5])),
        lambda d, a: d.Bernoulli(),
        lambda d, a: d.Bernoulli(a(0.5), a(0.5)),
        lambda d, a: d.Geometric(a([0.0, 0.5])),
        lambda d, a: d.Categorical(a([-1.0, 3.0])),
        lambda d, a: d.Categorical(a(1.0)),
        lambda d, a: d.Dirichlet(a([1.0, -1.0])),
        lambda d, a: d.Poisson(a(-1.0)),
        lambda d, a: d.Independent(d.Normal(a(0.0), a(1.0)), 1),
        lambda d, a: d.MultivariateNormal(a(0.0), a([[1.0]])),
        lambda d, a: d.MultivariateNormal(a([0.0, 0.0]), a([[1.0, 0.0], [0.0, -1.0]])),
        lambda d, a: d.LKJCholesky(1),
        lambda d, a: d.Multinomial(a(3.0), a([0.5, 0.5])),
        lambda d, a: d.Normal(a([0.0, 1.0]), a([1.0, 1.0])).log_prob(a([0.0, 1.0, 2.0])),
        lambda d, a: d.Exponential(a([1.0])).log_prob(a([-1.0])),
        lambda d, a: d.Categorical(a([0.5, 0.5])).log_prob(a(2.0)),
        lambda d, a: d.Dirichlet(a([1.0, 1.0])).log_prob(a([0.5, 0.6])),
        lambda d, a: d.Dirichlet(a([1.0, 1.0])).log_prob(a([0.5, 0.2, 0.3])),
        lambda d, a: d.Poisson(a(1.0)).rsample(),
        lambda d, a: d.VonMises(a(1.0), a(1.0)).cdf(a(1.0)),
        lambda d, a: d.TransformedDistribution(d.Normal(a(0.0), a(1.0)), 3),
        lambda d, a: d.TransformedDistribution(d.Normal(a(0.0), a(1.0)), d.StickBreakingTransform()),
    ],
)
def test_refusals(make):
    expected = pytest.raises(Exception)
    with expected as error:
        make(theirs, tensor)
    # NotImplementedError's texts, those of torch's own that name no argument, and torch's names of things
    exactly = str(error.value).startswith(("Expected", "Either", "The right", "Value is not", "`"))
    same_error(lambda: make(ours, array), lambda: make(theirs, tensor), exactly and "LKJ" not in str(error.value))


def test_value_must_be_an_array():
    with pytest.raises(ValueError, match=r"The value argument to log_prob must be an array, got value=0.5"):
        ours.Normal(0.0, 1.0).log_prob(0.5)
    assert abs(float(ours.Gamma(1.0, 1.0).log_prob(0.5)) + 0.5) < 1e-6  # as in torch
    assert ours.Normal(0.0, 1.0, validate_args=False).log_prob(0.5).shape == ()
    with pytest.raises(ValueError, match="Input arguments must all be instances of Number"):
        ours.Normal([0.0], 1.0)


def test_validation_can_be_turned_off():
    assert ours.Normal(0.0, -1.0, validate_args=False).scale == -1
    ours.Distribution.set_default_validate_args(False)
    try:
        assert ours.Normal(0.0, -1.0).scale == -1
    finally:
        ours.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        ours.Distribution.set_default_validate_args(2)
    # traced values cannot be looked at, shapes can
    assert jax.jit(lambda s: ours.Normal(0.0, s).scale)(-1.0) == -1
    with pytest.raises(ValueError, match="not broadcastable"):
        jax.jit(lambda s: ours.Normal(jnp.zeros(2), s).log_prob(jnp.zeros(3)))(1.0)


def test_classes_of_users():
    class Shifted(ours.Normal):
        def __init__(self, loc):
            super().__init__(loc + 1, 1.0)

    class Plain(ours.Normal):
        pass

    with pytest.raises(NotImplementedError, match=r"must also define a custom \.expand"):
        Shifted(0.0).expand((2,))
    assert type(Plain(0.0, 1.0).expand((2,))) is Plain

    class Odd(ours.Distribution):
        arg_constraints = {}  # noqa: RUF012
        support = ours.constraints.real

        def __init__(self, x):
            self.x = x
            super().__init__(x.shape)

        def rsample(self, sample_shape=()):
            return jnp.broadcast_to(self.x, (*sample_shape, *self.batch_shape))

    assert Odd(jnp.ones(2)).sample((3,)).shape == (3, 2)
    assert jax.vmap(lambda d: d.x * len(d.batch_shape))(Odd(jnp.ones((2, 3)))).tolist() == [[1] * 3] * 2
    with pytest.raises(NotImplementedError):
        Odd(jnp.ones(2)).expand((3, 2))
    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        ours.Distribution()


def test_pytrees():
    d = ours.Independent(ours.Normal(jnp.zeros((4, 3)), jnp.ones(3)), 1)
    for again in (copy.deepcopy(d), pickle.loads(pickle.dumps(d)), jax.tree.map(lambda x: x, d)):
        assert repr(again) == repr(d) and (again.batch_shape, again.event_shape) == ((4,), (3,))
    rows = jax.vmap(lambda d: d.log_prob(jnp.zeros(3)))(d)
    np.testing.assert_allclose(rows, d.log_prob(jnp.zeros((4, 3))), rtol=1e-6)
    made = jax.vmap(lambda loc: ours.Normal(loc, 2.0))(jnp.zeros((5, 2)))
    assert (made.batch_shape, made.scale.shape) == ((5, 2), (5, 2))
    carry, out = jax.lax.scan(lambda c, x: (ours.Normal(c.loc + x, c.scale), c), ours.Normal(0.0, 1.0), jnp.ones(3))
    assert float(carry.loc) == 3 and out.batch_shape == (3,) and out.loc.tolist() == [0, 1, 2]
    slope = jax.grad(lambda d: d.log_prob(jnp.ones(())))(ours.Normal(0.0, 1.0))
    assert isinstance(slope, ours.Normal) and (float(slope.loc), float(slope.scale)) == (1, 0)
    # what was computed from another parameter is no leaf, and a traced one is not kept
    b = ours.Bernoulli(jnp.array([0.5]))
    jax.jit(lambda: b.logits)()
    assert "logits" not in vars(b)
    tree = jax.tree.structure(b)
    assert b.logits.shape == (1,) and "logits" in vars(b) and jax.tree.structure(b) == tree
    mixture = ours.MixtureSameFamily(ours.Categorical(jnp.ones((4, 2))), ours.Normal(jnp.zeros((4, 2)), 1.0))
    assert jax.vmap(lambda m: m.log_prob(jnp.zeros(())))(mixture).shape == (4,)


def test_programs_draw_anew_and_differentiate():
    """Inside fnn.jit samples come from the program's key; Parameters are parameters."""

    class Policy(nn.Module):
        def __init__(self):
            super().__init__()
            self.logits = nn.Parameter(jnp.zeros(3))
            self.scale = nn.Parameter(jnp.ones(()))

        def forward(self):
            action = ours.Categorical(logits=self.logits).sample((8,))
            noise = ours.Normal(0.0, self.scale).rsample((8,))
            return action, noise

    model = Policy()

    @fnn.jit
    def step(model):
        def loss(model):
            action, noise = model()
            return (noise**2).mean() - ours.Categorical(logits=model.logits).log_prob(action).mean(), (action, noise)

        return fnn.value_and_grad(loss, has_aux=True)(model)

    (_, (_, first)), grads = step(model)
    (_, (_, second)), _ = step(model)
    assert not np.array_equal(first, second)
    np.testing.assert_allclose(grads["scale"], 2 * (first**2).mean(), rtol=1e-5)
    assert grads["logits"].shape == (3,)
    # a distribution as argument and result of a program
    moved = fnn.jit(lambda d: ours.Normal(d.loc + 1, d.scale))(ours.Normal(jnp.zeros(2), 1.0))
    assert repr(moved) == "Normal(loc: (2,), scale: (2,))" and moved.loc.tolist() == [1, 1]


def test_keys():
    d = ours.Gamma(jnp.ones(3), 1.0)
    key = jax.random.key(0)
    np.testing.assert_array_equal(d.sample(generator=key), d.sample(generator=key))
    np.testing.assert_array_equal(jax.jit(lambda k: d.sample(generator=k))(key), d.sample(generator=key))
    with pytest.raises(fnn.MissingKeyError):
        jax.jit(d.sample)()
    with pytest.raises(ValueError, match="Gamma: the host generator needs the numbers of concentration"):
        jax.jit(lambda c: ours.Gamma(c, 1.0).sample(generator=fnn.Generator()))(jnp.ones(3))
    with pytest.warns(FutureWarning):
        assert d.sample_n(2).shape == (2, 3)
    assert (d.perplexity() == jnp.exp(d.entropy())).all()
