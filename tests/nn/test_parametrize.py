"""`fnn.nn.utils.parametrize` against torch."""

import copy
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn

torch = pytest.importorskip("torch")
P = nn.utils.parametrize
TP = torch.nn.utils.parametrize


def _classes(api):
    class Symmetric(api.Module):
        def forward(self, x):
            return x + x.T

    class Scaled(api.Module):
        def forward(self, g, v):
            return g * v

        def right_inverse(self, w):
            return w * 0 + 2.0, w / 2.0

    return Symmetric, Scaled


@pytest.mark.parametrize("which", [0, 1])
def test_equals_torch(which):
    fnn.manual_seed(0), torch.manual_seed(0)
    mine = P.register_parametrization(nn.Linear(3, 3), "weight", _classes(nn)[which]())
    theirs = TP.register_parametrization(torch.nn.Linear(3, 3), "weight", _classes(torch.nn)[which]())
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    grads = fnn.grad(lambda m: (m(jnp.asarray(x)) ** 2).sum())(mine)
    (theirs(torch.tensor(x)) ** 2).sum().backward()
    for name, p in theirs.named_parameters():
        np.testing.assert_allclose(grads[name], p.grad.numpy(), rtol=1e-5, atol=1e-5)
    want = fnn.jit(lambda m, x: m(x))(mine, jnp.asarray(x))
    np.testing.assert_allclose(want, theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6)
    twin = copy.deepcopy(mine)
    twin.parametrizations.weight[0].extra = 1
    np.testing.assert_array_equal(twin.weight, mine.weight)
    assert twin.parametrizations is not mine.parametrizations
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(mine)
    P.remove_parametrizations(mine, "weight")
    TP.remove_parametrizations(theirs, "weight")
    assert type(mine) is nn.Linear and list(mine.state_dict()) == list(theirs.state_dict())
    np.testing.assert_allclose(mine.weight.data, theirs.weight.detach().numpy(), rtol=1e-6)


def test_jit_follows_registration_and_steps():
    linear = nn.Linear(3, 3)
    x = jnp.ones((1, 3))
    run = fnn.jit(lambda m, x: m(x))
    plain = run(linear, x)
    P.register_parametrization(linear, "weight", _classes(nn)[0]())
    np.testing.assert_allclose(run(linear, x), linear(x), rtol=1e-6)
    assert not np.allclose(run(linear, x), plain)
    linear.parametrizations.weight.original.data = jnp.zeros((3, 3))
    np.testing.assert_allclose(run(linear, x)[0], linear.bias.data, rtol=1e-6)
    P.remove_parametrizations(linear, "weight", leave_parametrized=False)
    np.testing.assert_allclose(run(linear, x)[0], linear.bias.data, rtol=1e-6)


def test_assignment_chain_and_errors():
    Symmetric, Scaled = _classes(nn)
    linear = P.register_parametrization(nn.Linear(2, 2), "weight", Scaled())
    linear.weight = jnp.full((2, 2), 6.0)
    np.testing.assert_array_equal(linear.parametrizations.weight.original1.data, np.full((2, 2), 3.0))
    with pytest.raises(ValueError, match="sequence of tensors"):
        P.remove_parametrizations(linear, "weight", leave_parametrized=False)
    P.register_parametrization(linear, "weight", Symmetric())
    np.testing.assert_array_equal(linear.weight, np.full((2, 2), 12.0))
    with pytest.raises(RuntimeError, match="Symmetric does not implement right_inverse"):
        linear.weight = jnp.ones((2, 2))
    with pytest.raises(ValueError, match="parametrized element with name 'nothing'"):
        P.register_parametrization(linear, "nothing", Symmetric())
    with pytest.raises(ValueError, match="may not change the shape"):
        P.register_parametrization(nn.Linear(2, 3), "weight", nn.Flatten(0))
    with pytest.raises(ValueError, match="does not have a parametrization on bias"):
        P.remove_parametrizations(linear, "bias")
    with P.cached():
        assert linear.weight is linear.weight
    assert linear.weight is not linear.weight
