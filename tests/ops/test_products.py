"""Products of vectors and matrices against torch's op_db, and equations."""

import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import ArgumentError
from fnn.ops import added_products, contractions, products
from tests.ops.families import Row, reference, run

torch = reference.torch
ROWS = {
    "einsum": Row(call=lambda f: lambda operands, equation: f(equation, *operands)),
    "cdist": Row(tolerance=(2e-3, 1e-4)),
}
EXACT = ("int64", "complex64")  # torch rounds bfloat16 sums in another order
BY_HAND = {"chain_matmul"}
FUNCTIONS = {
    name: getattr(module, name) for module in (products, added_products, contractions) for name in module.__all__
}


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - BY_HAND))
def test_database(name):
    run(name, FUNCTIONS[name], ROWS.get(name, Row(others=EXACT)))


def test_chain_matmul():
    rng = np.random.default_rng(0)
    arrays = [torch.from_numpy(rng.standard_normal(s).astype(np.float32)) for s in ((2, 3), (3, 4), (4, 5))]
    reference.check_call(torch.chain_matmul, contractions.chain_matmul, tuple(arrays))


def test_einsum_says_what_is_wrong():
    with pytest.raises(ArgumentError, match=r"einsum\(\): .*equation='ij,jk->ik', \[\[2, 3\], \[4, 5\]\]"):
        contractions.einsum("ij,jk->ik", jnp.ones((2, 3)), jnp.ones((4, 5)))


def test_einsum_with_numbers_for_letters():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3), np.float32), rng.standard_normal((3, 4), np.float32)
    for more in ([[0, 2]], [[2, 0]], [[]], []):
        want = torch.einsum(torch.tensor(a), [0, 1], torch.tensor(b), [1, 2], *more)
        reference.assert_equal(contractions.einsum(a, [0, 1], b, [1, 2], *more), want, str(more))
    reference.assert_equal(contractions.einsum(a, [..., 1], b, [1, 30], [..., 30]), torch.tensor(a) @ torch.tensor(b))
    with pytest.raises(TypeError, match=r"subscript in subscript list is not within the valid range \[0, 52\), got 52"):
        contractions.einsum(a, [0, 52], b, [52, 1])
    with pytest.raises(TypeError, match="argument 'equation' must be str, not ndarray"):
        contractions.einsum(a, b)
