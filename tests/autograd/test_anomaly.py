"""`fnn.autograd.detect_anomaly`: a NaN in a backward pass is an error that names where it comes from."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import autograd, nn, optim
from tests import reference

torch = reference.torch


class Rooted(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(jnp.ones(2))

    def forward(self, x):
        return jnp.where(x > 0, jnp.sqrt(x * self.scale), 0.0)


def step_of(model):
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @fnn.jit
    def step(x):
        optimizer.zero_grad()
        loss = model(x).sum()
        fnn.backward(loss)
        optimizer.step()
        return loss

    return step


def test_a_compiled_step_says_where_and_stores_nothing():
    model = nn.Sequential(nn.Identity(), Rooted())
    step = step_of(model)
    with autograd.set_detect_anomaly(True):
        assert step(jnp.ones(2)) == 2
        before = np.asarray(model[1].scale)
        with pytest.raises(RuntimeError, match="the backward pass returned nan values") as caught:
            step(jnp.array([0.0, 1.0]))
        np.testing.assert_array_equal(model[1].scale, before)
    text = str(caught.value)
    assert "Sequential/1" in text and "test_anomaly.py" in text
    step(jnp.array([0.0, 1.0]))
    assert np.isnan(model[1].scale.data[0])


def test_a_nan_that_reaches_no_result_counts_as_in_pytorch():
    def loss(t, where):
        return lambda x: where(x > 0, t.sqrt(x), t.zeros_like(x)).sum()

    x = np.array([0.0, 1.0], np.float32)
    with torch.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="returned nan values"):
        z = torch.from_numpy(x).requires_grad_()
        (loss(torch, torch.where)(z * 0)).backward()
    ours = loss(jnp, jnp.where)
    for derive in (fnn.grad, fnn.value_and_grad, fnn.func.grad_and_value, lambda f: fnn.jit(fnn.grad(f))):
        with autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="returned nan values"):
            derive(ours)(jnp.asarray(x) * 0)


def test_modes():
    assert not autograd.is_anomaly_enabled() and autograd.is_anomaly_check_nan_enabled()
    bad = fnn.grad(lambda x: jnp.sqrt(x).sum() * 0)
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        mode = autograd.detect_anomaly(check_nan=False)
    with mode:
        assert autograd.is_anomaly_enabled() and not autograd.is_anomaly_check_nan_enabled()
        assert np.isnan(bad(jnp.zeros(1)))
        with autograd.set_detect_anomaly(False):
            assert not autograd.is_anomaly_enabled()
        assert autograd.is_anomaly_enabled()
    assert not autograd.is_anomaly_enabled() and autograd.is_anomaly_check_nan_enabled()
    assert np.isnan(bad(jnp.zeros(1)))
