"""`fnn.utils.checkpoint` gives the values and gradients of the plain call, and says what it cannot do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.utils.checkpoint import checkpoint, checkpoint_sequential


def test_values_and_gradients_with_dropout():
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Tanh(), nn.Linear(4, 2), nn.BatchNorm1d(2))
    x = jnp.asarray(np.random.default_rng(0).standard_normal((5, 3)), jnp.float32)

    def gradients(call):
        fnn.manual_seed(1)
        return fnn.jit(fnn.grad(lambda model: (call(model) ** 3).sum()), random="torch")(model)

    want = gradients(lambda model: model(x))
    for call in (
        lambda model: checkpoint(model, x, use_reentrant=False),
        lambda model: checkpoint(lambda x, scale: model(x) * scale, x, scale=1.0),
        lambda model: checkpoint_sequential(model, 2, x, use_reentrant=True, preserve_rng_state=True),
        lambda model: checkpoint_sequential([model[:2], model[2:]], 2, x),
    ):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), gradients(call), want)


def test_refusals():
    with pytest.raises(fnn.ArgumentError, match=r"say what is kept by fnn\.checkpoint"):
        checkpoint(jnp.sin, 1.0, context_fn=lambda: None)
    with pytest.raises(fnn.ArgumentError, match="determinism_check should be one of"):
        checkpoint(jnp.sin, 1.0, determinism_check="strict")
    with pytest.raises(fnn.ArgumentError, match="debug=True"):
        checkpoint(jnp.sin, 1.0, debug=True)
    with pytest.raises(fnn.ArgumentError, match="Unexpected keyword arguments: scale"):
        checkpoint_sequential([jnp.sin], 1, 1.0, scale=2)
