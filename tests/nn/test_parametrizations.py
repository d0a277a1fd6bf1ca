"""`fnn.nn.utils.parametrizations` against torch: values, gradients, buffers after steps, state_dict."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn

torch = pytest.importorskip("torch")

CASES = {
    "weight_norm": (("weight_norm", {}), lambda api: api.Linear(3, 4), (2, 3)),
    "weight_norm of one length": (("weight_norm", {"dim": None}), lambda api: api.Linear(3, 4), (2, 3)),
    "weight_norm dim 1": (("weight_norm", {"dim": 1}), lambda api: api.Conv1d(2, 3, 2), (1, 2, 4)),
    "spectral_norm": (("spectral_norm", {}), lambda api: api.Linear(3, 4), (2, 3)),
    "spectral_norm twice": (("spectral_norm", {"n_power_iterations": 2}), lambda api: api.Linear(3, 4), (2, 3)),
    "spectral_norm transposed": (("spectral_norm", {}), lambda api: api.ConvTranspose1d(2, 3, 2), (1, 2, 4)),
    "spectral_norm of a vector": (("spectral_norm", {"name": "bias"}), lambda api: api.Linear(3, 4), (2, 3)),
}


@pytest.mark.parametrize("case", CASES)
def test_equals_torch(case):
    (function, options), make, shape = CASES[case]

    def built(api, seed):
        seed(0)
        return getattr(api.utils.parametrizations, function)(make(api), **options)

    mine, theirs = built(nn, fnn.manual_seed), built(torch.nn, torch.manual_seed)
    x = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    step = fnn.jit(lambda m, x: fnn.value_and_grad(lambda m: (m(x) ** 2).sum())(m))
    for run in (step, step.__wrapped__ if hasattr(step, "__wrapped__") else step):
        loss, grads = run(mine, jnp.asarray(x))
        theirs.zero_grad()
        want = (theirs(torch.tensor(x)) ** 2).sum()
        want.backward()
        np.testing.assert_allclose(loss, want.item(), rtol=1e-5)
        for name, p in theirs.named_parameters():
            np.testing.assert_allclose(grads[name], p.grad.numpy(), rtol=1e-4, atol=1e-4, err_msg=name)
        assert list(mine.state_dict()) == list(theirs.state_dict())
        for name, value in theirs.state_dict().items():
            np.testing.assert_allclose(mine.state_dict()[name], value.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)
    assert repr(mine) == repr(theirs)
    mine.load_state_dict({name: jnp.asarray(value.numpy()) for name, value in theirs.state_dict().items()})
    theirs.load_state_dict({name: torch.tensor(np.asarray(value)) for name, value in mine.state_dict().items()})
    mine.eval(), theirs.eval()
    np.testing.assert_allclose(mine(jnp.asarray(x)), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_errors():
    P = nn.utils.parametrizations
    with pytest.raises(ValueError, match="no parameter or buffer with name 'nothing'"):
        P.weight_norm(nn.Linear(2, 2), "nothing")
    with pytest.raises(ValueError, match="got n_power_iterations=0"):
        P.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)
    with pytest.raises(IndexError, match="but got 2"):
        P.spectral_norm(nn.Linear(2, 2), dim=2)
