"""`fnn.nn.utils.prune` against torch: masks, iterated, and what training sees."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn

torch = pytest.importorskip("torch")
pytest.importorskip("torch.nn.utils.prune")

CASES = {
    "identity": [("identity", {})],
    "l1": [("l1_unstructured", {"amount": 0.3})],
    "l1 of bias": [("l1_unstructured", {"name": "bias", "amount": 2})],
    "random": [("random_unstructured", {"amount": 7})],
    "random channels": [("random_structured", {"amount": 0.5, "dim": 0})],
    "norms": [("ln_structured", {"amount": 1, "n": 2, "dim": -1})],
    "iterated": [
        ("l1_unstructured", {"amount": 0.3}),
        ("random_unstructured", {"amount": 0.25}),
        ("ln_structured", {"amount": 1, "n": 1, "dim": 0}),
        ("random_structured", {"amount": 1, "dim": 1}),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_equals_torch(case):
    def pruned(api, seed):
        seed(1)
        model = api.Linear(6, 5)
        for function, options in CASES[case]:
            getattr(api.utils.prune, function)(model, **{"name": "weight", **options})
        return model

    mine, theirs = pruned(nn, fnn.manual_seed), pruned(torch.nn, torch.manual_seed)
    assert nn.utils.prune.is_pruned(mine)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(mine.state_dict()[name], value.numpy(), err_msg=name)
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)
    (theirs(torch.tensor(x)) ** 2).sum().backward()
    gradient = fnn.jit(lambda m, x: fnn.grad(lambda m: (m(x) ** 2).sum())(m))
    for grads in (gradient(mine, jnp.asarray(x)), gradient(mine, jnp.asarray(x))):
        for name, p in theirs.named_parameters():
            np.testing.assert_allclose(grads[name], p.grad.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(mine(jnp.asarray(x)), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6)
    name = CASES[case][0][1].get("name", "weight")
    nn.utils.prune.remove(mine, name), torch.nn.utils.prune.remove(theirs, name)
    assert list(mine.state_dict()) == list(theirs.state_dict()) and not nn.utils.prune.is_pruned(mine)
    np.testing.assert_array_equal(getattr(mine, name).data, getattr(theirs, name).detach().numpy())
    with pytest.raises(ValueError, match="has to be pruned before"):
        nn.utils.prune.remove(mine, name)


def test_global_and_errors():
    def pruned(api, seed):
        seed(1)
        model = api.Sequential(api.Linear(3, 4), api.Linear(4, 2))
        prune = api.utils.prune
        prune.global_unstructured([(m, "weight") for m in model], prune.L1Unstructured, amount=0.4)
        return [m.weight_mask for m in model]

    for mask, want in zip(pruned(nn, fnn.manual_seed), pruned(torch.nn, torch.manual_seed), strict=True):
        np.testing.assert_array_equal(mask.data, want.numpy())
    prune, linear = nn.utils.prune, nn.Linear(2, 2)
    for amount, error in ((1.5, "amount=1.5"), (-1, "amount=-1"), (9, "amount=9"), ("a", "Invalid type for amount: a")):
        with pytest.raises((ValueError, TypeError), match=error):
            prune.l1_unstructured(linear, "weight", amount)
    with pytest.raises(ValueError, match="multidimensional"):
        prune.ln_structured(linear, "bias", 1, 2, 0)
    assert list(linear.state_dict()) == ["weight", "bias"]
