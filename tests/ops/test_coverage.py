"""Every name of ``torch`` and of its Tensors is one of fnn's, or says what to write instead."""

import pytest

import fnn
from fnn import functional as F
from fnn import nn
from fnn._torch_names import instead
from tests import reference

torch = reference.torch

# Names that are still to come: those of the families that are not written yet.  It may only shrink.
PENDING: set[str] = set(
    """
    abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr all allclose amax amin aminmax angle any
    arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort asin asinh atan atan2 atanh baddbmm
    bincount binomial bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm
    bucketize cdist ceil chain_matmul cholesky cholesky_inverse cholesky_solve clamp clamp_max clamp_min clip conj
    conj_physical copysign corrcoef cos cosh count_nonzero cov cross cummax cummin cumprod cumsum
    cumulative_trapezoid deg2rad det diff digamma dist div divide dot eig einsum eq equal erf erfc erfinv exp exp2
    expm1 fft fix float_power floor floor_divide fmax fmin fmod frac frexp frobenius_norm gcd ge geqrf ger gradient
    greater greater_equal gt heaviside histc histogram histogramdd hypot i0 igamma igammac imag inner inverse
    isclose isfinite isin isinf isnan isneginf isposinf isreal istft kron kthvalue lcm ldexp le lerp less less_equal
    lgamma linalg lobpcg log log10 log1p log2 logaddexp logaddexp2 logcumsumexp logdet logical_and logical_not
    logical_or logical_xor logit logsumexp lstsq lt lu lu_solve lu_unpack matmul matrix_exp matrix_power matrix_rank
    max maximum mean median min minimum mm mode msort mul multiply mv mvlgamma nan_to_num nanmean nanmedian
    nanquantile nansum ne neg negative nextafter norm not_equal nuclear_norm orgqr ormqr outer pca_lowrank pinverse
    poisson polygamma positive pow prod qr quantile rad2deg real reciprocal remainder renorm resolve_conj
    resolve_neg round rsqrt rsub searchsorted sgn sign signbit sin sinc sinh slogdet solve sort special sqrt square
    std std_mean stft sub subtract sum svd svd_lowrank tan tensordot topk trace trapezoid trapz triangular_solve
    true_divide trunc unique unique_consecutive vander var var_mean vdot xlogy
    """.split()
)


PROPERTIES = ("real", "imag", "device", "dtype")  # of a tensor


def names(of):
    return [name for name in dir(of) if not name.startswith("_")]


def in_place(name):
    """Whether it is the form in place of a name that is still to come."""
    return name.endswith("_") and name[:-1] in PENDING


@pytest.mark.parametrize("of", [torch, torch.Tensor], ids=["torch", "Tensor"])
def test_every_name_is_there_or_says_what_to_write(of):
    silent = [
        name
        for name in names(of)
        if name not in fnn.__all__ and not instead(name) and name not in PENDING and not in_place(name)
    ]
    assert silent == []


def test_what_is_pending_shrinks():
    assert {name for name in PENDING if name in fnn.__all__} == set(), "strike them from PENDING"
    assert len(PENDING) <= 243


def test_every_name_can_be_had():
    for name in fnn.ops.__all__:
        assert getattr(fnn, name) is not None or name == "newaxis"
        assert not instead(name) or hasattr(F, name), f"fnn.{name} is there, and has a hint"


def test_functions_of_tensors_are_methods_of_a_box():
    box = nn.Buffer(fnn.ones(2, 2))
    own = set(dir(torch.Tensor)) & set(fnn.ops.__all__)
    assert len(own) > 100
    assert {name for name in own if not callable(getattr(box, name)) and name not in PROPERTIES} == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no_grad", "leave it out"),
        ("compile", "use fnn.jit"),
        ("mul_" if hasattr(fnn, "mul") else "put_", "write x = fnn.*: arrays do not change"),
        ("stride", "no strides"),
        ("kl_div", "use fnn.functional.kl_div, whose reduction is a word"),
        ("sparse_coo_tensor", "BCOO"),
        ("FloatTensor", "fnn.tensor"),
    ],
)
def test_a_hint(name, text):
    with pytest.raises(AttributeError, match=f"module 'fnn' has no attribute '{name}'; .*{text}"):
        getattr(fnn, name)
