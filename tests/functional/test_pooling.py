"""Max, average and power-average pooling against torch."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import functional as F

torch = pytest.importorskip("torch")
from tests import reference  # noqa: E402

TF = torch.nn.functional


def every(n):
    """Keeps one sample in n: op_db has a thousand for max_pool2d alone."""
    count = itertools.count()
    return lambda sample: None if next(count) % n == 0 else "thinned"


@pytest.mark.parametrize(("name", "n"), [("max_pool1d", 43), ("max_pool2d", 71), ("max_pool3d", 47)])
def test_op_db_max(name, n):
    assert reference.check_op(f"nn.functional.{name}", getattr(F, name), skip=every(n)) > 2
    reference.check_op_errors(f"nn.functional.{name}", getattr(F, name))


@pytest.mark.parametrize("name", ["avg_pool1d", "avg_pool2d", "avg_pool3d"])
def test_op_db_avg(name):
    reference.check_op(f"nn.functional.{name}", getattr(F, name))
    reference.check_op_errors(f"nn.functional.{name}", getattr(F, name))


def tied(shape, dtype=torch.float32):
    """Few distinct values, so that most windows have several maxima."""
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 3, shape).astype(np.float32)).to(dtype)


WINDOWS = [
    dict(kernel_size=2),
    dict(kernel_size=3, stride=1, padding=1),
    dict(kernel_size=3, stride=2, padding=1, dilation=2, ceil_mode=True),
    dict(kernel_size=(5, 2), stride=(1, 3), padding=(2, 0), ceil_mode=True),
    dict(kernel_size=7, stride=3, padding=3),
    dict(kernel_size=(4, 1), stride=5, dilation=(2, 3), ceil_mode=True),
]


@pytest.mark.parametrize("kwargs", WINDOWS, ids=str)
def test_ties_give_index_and_gradient_to_the_first(kwargs):
    reference.check_call(TF.max_pool2d, F.max_pool2d, (tied((2, 2, 9, 11)),), {**kwargs, "return_indices": True})


def test_nan_wins_and_minus_inf_stays():
    x = tied((1, 1, 8, 8))
    x[0, 0, 1, 2] = x[0, 0, 2, 1] = x[0, 0, 6, 6] = torch.nan
    x[0, 0, :, 4:6] = -torch.inf
    for kwargs in (dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=6, stride=1, padding=3)):
        reference.check_call(TF.max_pool2d, F.max_pool2d, (x,), {**kwargs, "return_indices": True})


def test_window_of_minus_inf_belongs_to_its_first_element():
    x = torch.full((1, 1, 5, 5), -torch.inf)
    reference.check_call(TF.max_pool2d, F.max_pool2d, (x, 3, 2, 1, 1, False, True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types(dtype):
    x = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    reference.check_call(TF.max_pool2d, F.max_pool2d, (x, 3, 2, 1))
    reference.check_call(TF.avg_pool2d, F.avg_pool2d, (x, 3, 2, 1))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32"])
def test_integers(dtype):
    x = np.random.default_rng(0).integers(0, 100, (1, 2, 6, 6)).astype(dtype)
    want = TF.max_pool2d(torch.from_numpy(x), 3, 2, 1, return_indices=True)
    reference.assert_equal(F.max_pool2d(jnp.asarray(x), 3, 2, 1, return_indices=True), want)


def test_integer_average_is_cut():
    x = np.random.default_rng(0).integers(-100, 100, (1, 2, 6, 6))
    want = TF.avg_pool2d(torch.from_numpy(x), 3, 2, 1)
    np.testing.assert_array_equal(F.avg_pool2d(jnp.asarray(x, jnp.int32), 3, 2, 1), want)
    with pytest.raises(TypeError, match="not implemented for input of dtype int8"):
        F.avg_pool2d(jnp.asarray(x, jnp.int8), 3)


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(kernel_size=3, stride=2, padding=1, ceil_mode=True),
        dict(kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        dict(kernel_size=(2, 5), stride=(1, 4), padding=(1, 2), divisor_override=7),
        dict(kernel_size=(7, 6), stride=3, count_include_pad=False),
        dict(kernel_size=2, stride=5, ceil_mode=True),
    ],
    ids=str,
)
def test_average(kwargs):
    x = torch.randn(2, 2, 8, 11, generator=torch.Generator().manual_seed(0))
    reference.check_call(TF.avg_pool2d, F.avg_pool2d, (x,), kwargs)


def test_average_keeps_infinity_to_its_windows():
    x = torch.zeros(1, 1, 9)
    x[0, 0, 4] = torch.inf
    reference.assert_equal(F.avg_pool1d(jnp.asarray(x.numpy()), 2, 1), TF.avg_pool1d(x, 2, 1))


@pytest.mark.parametrize("p", [1, 2, 3.0, 2.5, float("inf"), -float("inf")])
def test_power_average(p):
    x = torch.rand(2, 2, 7, generator=torch.Generator().manual_seed(0)) + 0.1
    x[0, 0, :4] = 0.0 if p in (1, 2) else 0.5
    reference.check_call(TF.lp_pool1d, F.lp_pool1d, (x, p, 3), {"stride": 2, "ceil_mode": True})


def test_power_average_of_negative_numbers():
    x = np.array([[0.0, 0.0, -1.0, -3.0, 2.0, -1.0]], np.float32)
    for p in (1, 2, 3):
        reference.assert_equal(F.lp_pool1d(jnp.asarray(x), p, 2), TF.lp_pool1d(torch.from_numpy(x), p, 2))
    x = torch.rand(1, 4, 5, 6)
    reference.check_call(TF.lp_pool2d, F.lp_pool2d, (x, 2, (2, 3)))
    reference.check_call(TF.lp_pool3d, F.lp_pool3d, (x, 2, (2, 3, 1)), {"stride": 2})


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: F.max_pool2d(x, 3, 2, 1),
        lambda x: F.max_pool2d(x, 5, 1, 2),
        lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
        lambda x: F.lp_pool2d(x + 4, 3, 2),
    ],
)
def test_derivatives_of_both_modes_and_orders(fn):
    x = jax.random.permutation(jax.random.key(0), jnp.arange(72.0).reshape(2, 6, 6) / 36, independent=True)
    check_grads(fn, (x,), 2, ["fwd", "rev"], atol=2e-2, rtol=2e-2)


def test_vmap_is_the_batch():
    x = jnp.asarray(tied((3, 2, 6, 6)).numpy())
    for fn in (lambda x: F.max_pool2d(x, 4, 1, 1, 1, False, True), lambda x: (F.avg_pool2d(x, 3, 2, 1),)):
        for one, all_ in zip(jax.vmap(fn)(x), fn(x), strict=True):
            np.testing.assert_array_equal(one, all_)


def test_empty_batch():
    for fn in (F.max_pool2d, F.avg_pool2d):
        assert fn(jnp.zeros((0, 2, 4, 4)), 2).shape == (0, 2, 2, 2)


x4 = jnp.ones((2, 4, 4))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: F.max_pool2d(x4, (1, 2, 3)), "kernel_size must either be a single int, or a tuple of two ints"),
        (lambda: F.max_pool2d(x4, 2.0), "argument 'kernel_size' must be tuple of ints, not float"),
        (lambda: F.max_pool2d(x4, 2, 0), "stride should not be zero"),
        (lambda: F.max_pool2d(x4, 2, dilation=0), "dilation must be greater than zero, but got dilation=0"),
        (lambda: F.max_pool2d(x4, 2, 2, 2), "pad should be at most half of effective kernel size, but got pad=2"),
        (lambda: F.max_pool2d(x4, 7), r"Given input size: \(2x4x4\). Calculated output size: \(2x0x0\)"),
        (lambda: F.max_pool2d(x4[0], 2), "Expected 3D or 4D .batch mode. tensor .* but got: .4, 4."),
        (lambda: F.max_pool2d(x4 > 0, 2), "max_pool2d: not implemented for input of dtype bool"),
        (lambda: F.max_pool1d(x4.astype(int), 2), "max_pool1d: expected a floating dtype"),
        (lambda: F.avg_pool2d(x4, 2, divisor_override=0), "divisor must be not zero, but got divisor_override=0"),
        (lambda: F.lp_pool2d(x4, 0, 2), "norm_type must not be zero"),
        (lambda: F.lp_pool2d(x4, 2, (2,)), "kernel_size must be 2 ints"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_with_indices_variants():
    for n, x in ((1, x4), (2, x4), (3, x4[None])):
        values, indices = getattr(F, f"max_pool{n}d_with_indices")(x, 2)
        want = getattr(TF, f"max_pool{n}d")(torch.ones(x.shape), 2, return_indices=True)
        reference.assert_equal((values, indices), want)
