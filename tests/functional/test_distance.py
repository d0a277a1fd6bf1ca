import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import functional as F
from fnn.errors import ArgumentError
from tests import reference

torch = pytest.importorskip("torch")
ORDERS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, float("inf")]


@pytest.mark.parametrize("name", ["cosine_similarity", "pairwise_distance", "pdist"])
def test_op_db(name):
    reference.check_op(f"nn.functional.{name}", getattr(F, name))
    reference.check_op_errors(f"nn.functional.{name}", getattr(F, name))


@pytest.mark.parametrize("p", [*ORDERS, -1.0, float("-inf")])
def test_kinks_of_pairwise_distance(p):
    x = torch.tensor([[1.0, 1.0, -1.0], [0.0, 2.0, 0.0]])
    y = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # ties of the maximum; zeros in the difference
    if p >= 0 or p == float("-inf"):
        reference.check_call(torch.nn.functional.pairwise_distance, F.pairwise_distance, (x, y, p, 0.0))
    reference.check_call(torch.nn.functional.pairwise_distance, F.pairwise_distance, (x, y + 0.3, p))


@pytest.mark.parametrize("p", ORDERS)
def test_pdist_at_coinciding_points_and_ties(p):
    x = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 2.0], [3.0, 1.0]])
    reference.check_call(torch.nn.functional.pdist, F.pdist, (x, p))


def test_cosine_of_zero_vectors():
    x, y = torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    reference.check_call(torch.nn.functional.cosine_similarity, F.cosine_similarity, (x, y))
    reference.check_call(torch.nn.functional.cosine_similarity, F.cosine_similarity, (x, y), {"dim": -1, "eps": 3.0})


def test_gradients_and_vmap():
    rng = np.random.default_rng(0)
    x, y = (jnp.asarray(rng.standard_normal((3, 4)), jnp.float32) for _ in range(2))
    for f in (F.cosine_similarity, F.pairwise_distance, lambda x, y: F.pdist(x * y, 3.0)):
        check_grads(f, (x, y), order=2, modes=["fwd", "rev"], rtol=5e-2, atol=5e-2)
    np.testing.assert_allclose(jax.vmap(F.pairwise_distance)(x, y), F.pairwise_distance(x, y), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: F.cosine_similarity(jnp.ones((2, 3)), jnp.ones((2, 4))),
            ArgumentError,
            "must match or be broadcastable",
        ),
        (lambda: F.cosine_similarity(jnp.ones(3), jnp.ones(3)), IndexError, "Dimension out of range"),
        (lambda: F.pdist(jnp.ones(3)), ArgumentError, "only supports 2D tensors, got: 1D"),
        (lambda: F.pdist(jnp.ones((3, 2)), -1), ArgumentError, "only supports non-negative p values"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
