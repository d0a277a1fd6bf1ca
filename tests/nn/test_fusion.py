"""`fnn.nn.utils.fusion` against torch."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn

torch = pytest.importorskip("torch")
pytest.importorskip("torch.nn.utils.fusion")

CASES = {
    "conv": (lambda api: api.Conv1d(2, 3, 2), (lambda api: api.BatchNorm1d(3)), (), (1, 2, 4)),
    "no bias, not affine": (
        lambda api: api.Conv1d(2, 3, 2, bias=False),
        lambda api: api.BatchNorm1d(3, affine=False),
        (),
        (1, 2, 4),
    ),
    "transposed": (lambda api: api.ConvTranspose1d(2, 3, 2), lambda api: api.BatchNorm1d(3), (True,), (1, 2, 4)),
    "linear": (lambda api: api.Linear(4, 3), lambda api: api.BatchNorm1d(3), (), (2, 4)),
}


@pytest.mark.parametrize("case", CASES)
def test_equals_torch(case):
    make, norm, more, shape = CASES[case]
    x = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)

    def fused(api, seed, array):
        seed(0)
        layer, bn = make(api).eval(), norm(api).eval()
        bn.running_mean = array(np.arange(3, dtype=np.float32))
        bn.running_var = array(np.arange(1, 4, dtype=np.float32))
        function = api.utils.fusion.fuse_linear_bn_eval if case == "linear" else api.utils.fusion.fuse_conv_bn_eval
        result = function(layer, bn, *more)
        return result, result(array(x)), bn(layer(array(x)))

    (mine, got, apart), (theirs, want, _) = (
        fused(nn, fnn.manual_seed, jnp.asarray),
        fused(torch.nn, torch.manual_seed, torch.tensor),
    )
    np.testing.assert_allclose(got, want.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got, apart, rtol=1e-5, atol=1e-6)
    assert [(n, p.requires_grad) for n, p in mine.named_parameters()] == [
        (n, p.requires_grad or n == "bias") for n, p in theirs.named_parameters()
    ] or case == "no bias, not affine"


def test_errors():
    with pytest.raises(AssertionError, match="Fusion only for eval!"):
        nn.utils.fusion.fuse_conv_bn_eval(nn.Conv1d(1, 1, 1), nn.BatchNorm1d(1).eval())
    with pytest.raises(AssertionError, match=r"out_features=3 and bn\.num_features=2"):
        nn.utils.fusion.fuse_linear_bn_eval(nn.Linear(3, 3).eval(), nn.BatchNorm1d(2).eval())
