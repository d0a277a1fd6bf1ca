"""`check_grads`: passes right derivatives, and names what a wrong one belongs to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn
from fnn.testing import check_grads

X = jnp.asarray(np.random.default_rng(0).standard_normal((4, 3)), jnp.float32)


@jax.custom_jvp
def wrong_square(x):
    return x**2


wrong_square.defjvp(lambda primals, tangents: (primals[0] ** 2, 3 * primals[0] * tangents[0]))


def test_functions():
    check_grads(jnp.sin, X, order=2)
    check_grads(lambda tree, n: [tree["a"] ** n, jnp.argmax(tree["a"])], {"a": X}, 3)
    with pytest.raises(AssertionError, match="derivatives of <lambda> are wrong with respect to input 1\n"):
        check_grads(lambda x, y: jnp.sin(x) + wrong_square(y), X, X, modes=["rev"])
    with pytest.raises(AssertionError, match="with respect to input 0"):
        check_grads(wrong_square, X, modes=["fwd"])
    with pytest.raises(ValueError, match="nothing to differentiate"):
        check_grads(lambda n: n, 3)


def test_modules_and_their_parameters():
    class Scale(nn.Module):
        def __init__(self, square):
            super().__init__()
            self.square = square
            self.good = nn.Parameter(jnp.ones(3))
            self.bad = nn.Parameter(jnp.ones(3))

        def forward(self, x):
            return x * self.good[None] + self.square(self.bad.data)[None]

    check_grads(Scale(jnp.square), X, order=2)
    with pytest.raises(AssertionError, match="derivatives of Scale are wrong with respect to bad\n"):
        check_grads(Scale(wrong_square), X)
    frozen = Scale(wrong_square)
    frozen.bad.requires_grad = False
    check_grads(frozen, X)
    with pytest.raises(AssertionError, match="with respect to input 0: bad\n"):
        function = lambda model, p: model(X) * p.data[None]  # noqa: E731
        check_grads(function, Scale(wrong_square), nn.Parameter(jnp.ones(3)), modes=["rev"])


def test_state_and_random_numbers_stand_still():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    check_grads(model, X, rtol=3e-2, atol=3e-2)
    np.testing.assert_array_equal(model[1].running_mean, 0)
    assert int(model[1].num_batches_tracked) == 0


def test_torch_tensors_as_inputs():
    torch = pytest.importorskip("torch")
    check_grads(nn.Linear(3, 2), torch.ones(2, 3))
