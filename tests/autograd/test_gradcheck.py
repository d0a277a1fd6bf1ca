"""`fnn.autograd.gradcheck`: it accepts right derivatives of every kind and finds wrong ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.autograd import GradcheckError, gradcheck, gradgradcheck


class Wrong(fnn.autograd.Function):
    """Twice its input, and a derivative of three."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 3 * g


class Shifted(fnn.autograd.Function):
    """A backward that is not linear: it adds a constant that finite differences show, too."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g + 1


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def x(*shape, dtype=np.float64):
    values = np.random.default_rng(0).standard_normal((2, *shape))
    return jnp.asarray(values[0] + 1j * values[1] if np.dtype(dtype).kind == "c" else values[0], dtype)


@pytest.mark.parametrize("fast", [False, True])
def test_right_derivatives(fast):
    assert gradcheck(lambda a, b: (a @ b, jnp.sin(a)), (x(2, 3), x(3, 2)), fast_mode=fast, check_batched_grad=True)
    assert gradcheck(lambda a, n: a * n, (x(2), jnp.arange(2)), fast_mode=fast, check_grad_dtypes=True)
    every = {"check_forward_ad": True, "check_batched_forward_grad": True}
    assert gradcheck(lambda z: (z**2 * z.conj(), abs(z)), (x(2, dtype=np.complex128),), fast_mode=fast, **every)
    assert gradgradcheck(lambda a: jnp.exp(a) * a, x(2), fast_mode=fast, check_fwd_over_rev=True)
    assert gradgradcheck(lambda a: a**3, [x(2)], jnp.ones(2), fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_wrong_derivatives(fast):
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradcheck(Wrong.apply, x(2), fast_mode=fast)
    assert gradcheck(Wrong.apply, x(2), fast_mode=fast, raise_exception=False) is False
    with pytest.raises(GradcheckError):
        gradcheck(Shifted.apply, x(2), fast_mode=fast, atol=10.0)
    with pytest.raises(GradcheckError, match="numerical"):
        gradgradcheck(lambda a: Wrong.apply(a) ** 2, x(2), fast_mode=fast)


def test_what_cannot_be_checked():
    with pytest.raises(fnn.ArgumentError, match="at least one input tensor to require gradient"):
        gradcheck(lambda n: n, jnp.arange(3))
    with pytest.raises(fnn.ArgumentError, match="none of the outputs"):
        gradcheck(lambda a: a > 0, x(2))
    with pytest.raises(fnn.ArgumentError, match="Expected at least one of check_forward_ad"):
        gradcheck(lambda a: a, x(2), check_backward_ad=False)
    with pytest.raises(fnn.ArgumentError, match="arrays have no strides"):
        gradgradcheck(lambda a: a, x(2), gen_non_contig_grad_outputs=True)
    with pytest.warns(UserWarning, match="is not a double precision"):
        assert gradcheck(lambda a: 2 * a, jnp.ones(2, jnp.float32), eps=1e-2, atol=1e-2)
