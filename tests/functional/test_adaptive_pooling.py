"""Adaptive, fractional and inverse pooling against torch."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import functional as F
from fnn import random

torch = pytest.importorskip("torch")
from tests import reference  # noqa: E402

TF = torch.nn.functional


def randn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_op_db_adaptive(kind, rank):
    name = f"adaptive_{kind}_pool{rank}d"
    reference.check_op(f"nn.functional.{name}", getattr(F, name))
    reference.check_op_errors(f"nn.functional.{name}", getattr(F, name))


SIZES = [(3, 5), (6, 1), (None, 4), (13, 17), 1, 4, (0, 2)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bins(size):
    x = torch.round(randn(2, 2, 12, 11))  # with ties
    grad = size != (0, 2)  # torch has none of an empty output
    reference.check_call(TF.adaptive_avg_pool2d, F.adaptive_avg_pool2d, (x, size), grad=grad)
    reference.check_call(TF.adaptive_max_pool2d, F.adaptive_max_pool2d, (x, size, True), rtol=0, grad=grad)


@pytest.mark.parametrize("out", [7, 23, 29, 57])
def test_long_axes(out):
    x = randn(3, 58)
    reference.check_call(TF.adaptive_avg_pool1d, F.adaptive_avg_pool1d, (x, out))
    reference.check_call(TF.adaptive_max_pool1d, F.adaptive_max_pool1d, (x, out, True))


def test_infinity_and_nan_stay_in_their_bins():
    x = randn(1, 1, 13)
    x[0, 0, 6], x[0, 0, 1], x[0, 0, 2] = torch.inf, torch.nan, torch.nan
    y = jnp.asarray(x.numpy())
    for out in (4, 5, 12):
        reference.assert_equal(F.adaptive_avg_pool1d(y, out), TF.adaptive_avg_pool1d(x, out))
        want = TF.adaptive_max_pool1d(x, out, return_indices=True)
        reference.assert_equal(F.adaptive_max_pool1d(y, out, return_indices=True), want)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types(dtype):
    x = randn(2, 2, 8, 9).to(dtype)
    reference.check_call(TF.adaptive_avg_pool2d, F.adaptive_avg_pool2d, (x, (4, 4)))
    reference.check_call(TF.adaptive_max_pool2d, F.adaptive_max_pool2d, (x, (4, 4)))


@pytest.mark.parametrize("fn", [F.adaptive_avg_pool2d, F.adaptive_max_pool2d])
@pytest.mark.parametrize("size", [(2, 3), (3, 4)])
def test_adaptive_derivatives_and_vmap(fn, size):
    x = jax.random.permutation(jax.random.key(0), jnp.arange(108.0).reshape(3, 6, 6) / 36, independent=True)
    check_grads(lambda x: fn(x, size), (x,), 2, ["fwd", "rev"], atol=2e-2, rtol=2e-2)
    np.testing.assert_allclose(jax.vmap(lambda x: fn(x[None], size)[0])(x), fn(x, size), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: F.adaptive_avg_pool1d(x, None), "argument 'output_size' must be tuple of ints, not NoneType"),
        (lambda x: F.adaptive_avg_pool1d(x, (2, 2)), "'output_size' should contain one int"),
        (lambda x: F.adaptive_avg_pool2d(x, (2,)), "output_size must be 2"),
        (lambda x: F.adaptive_avg_pool2d(x, -1), "elements of output_size must be greater than or equal to 0"),
        (lambda x: F.adaptive_avg_pool2d(x[0], 2), r"Expected 3D or 4D tensor, but got \[3, 4\]"),
        (lambda x: F.adaptive_max_pool2d(x[:, :0], 2), "Expected input to have non-zero size for non-batch dimensions"),
        (lambda x: F.adaptive_max_pool2d(x.astype(int), 2), "not implemented for input of dtype int32"),
    ],
)
def test_adaptive_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call(jnp.ones((2, 3, 4)))


# -- unpooling --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rank", "n"), [(1, 19), (2, 37), (3, 37)])
def test_op_db_unpool(rank, n):
    count = itertools.count()
    name, fn = f"nn.functional.max_unpool{rank}d", getattr(F, f"max_unpool{rank}d")
    reference.check_op(name, fn, skip=lambda sample: None if next(count) % n == 0 else "thinned")
    reference.check_op_errors(name, fn)


def test_unpool_reaches_all_elements_of_an_index():
    x, index = randn(1, 1, 2, 3), torch.tensor([[[[5, 5, 0], [7, 5, 0]]]])
    reference.check_call(TF.max_unpool2d, F.max_unpool2d, (x, index, 2), {"output_size": (4, 5)})


def test_unpool_drops_bad_indices_under_jit_only():
    x = jnp.ones((1, 1, 2))
    for bad in (4, -1):
        index = jnp.array([[[0, bad]]])
        with pytest.raises(ValueError, match=f"Found an invalid max index: {bad} .output volumes are of size 4"):
            F.max_unpool1d(x, index, 2)
        out = jax.jit(lambda x, i: F.max_unpool1d(x, i, 2))(x, index)
        np.testing.assert_array_equal(out, [[[1, 0, 0, 0]]])


def test_unpool_vmap_and_second_order():
    x, index = jnp.asarray(randn(3, 2, 2, 2).numpy()), jnp.arange(8).reshape(2, 2, 2) % 4 * 3
    both = jax.vmap(lambda x: F.max_unpool2d(x, index, 2))(x)
    for one, row in zip(both, x, strict=True):
        np.testing.assert_array_equal(one, F.max_unpool2d(row, index, 2))
    check_grads(lambda x: F.max_unpool2d(x, index, 2) ** 2, (x[0],), 2, ["fwd", "rev"], atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        (dict(output_size=(7, 7)), "dim 0 must be between 2 and 6"),
        (dict(output_size=(5,)), "but it has a length of '1'"),
        (dict(padding=3), r"output_size must contain non-negative .* output_size\[0\]=-2"),
        (dict(stride=0), "strides should be greater than zero"),
    ],
)
def test_unpool_errors(kwargs, text):
    with pytest.raises(ValueError, match=text):
        F.max_unpool2d(jnp.ones((1, 2, 2)), jnp.zeros((1, 2, 2), jnp.int32), 2, **kwargs)


# -- fractional -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(3, 5), (4, 1), 5, (9, 10)], ids=str)
def test_fractional_2d(size):
    x, u = torch.round(2 * randn(2, 3, 10, 11)), torch.rand(2, 3, 2)
    kwargs = dict(output_size=size, return_indices=True, _random_samples=u)
    want, where = TF.fractional_max_pool2d(x, (2, 2), **kwargs)
    got = jax.jit(lambda x, u: F.fractional_max_pool2d(x, (2, 2), size, return_indices=True, _random_samples=u))(
        jnp.asarray(x.numpy()), jnp.asarray(u.numpy())
    )
    reference.assert_equal(got, (want, where))


def test_fractional_3d_and_gradient():
    x, u = torch.round(2 * randn(2, 2, 7, 8, 6)), torch.rand(2, 2, 3)
    y = x.clone().requires_grad_()
    want = TF.fractional_max_pool3d(y, (2, 3, 1), output_ratio=(0.5, 0.7, 0.4), _random_samples=u)
    (gradient,) = torch.autograd.grad((want**2).sum(), y)
    fn = lambda x: F.fractional_max_pool3d(  # noqa: E731
        x, (2, 3, 1), output_ratio=(0.5, 0.7, 0.4), _random_samples=jnp.asarray(u.numpy())
    )
    got, mine = jax.jit(lambda x: (fn(x), jax.grad(lambda x: (fn(x) ** 2).sum())(x)))(jnp.asarray(x.numpy()))
    reference.assert_equal((got, mine), (want, gradient))


def test_fractional_draws_torchs_places():
    x = randn(3, 12, 12)
    torch.manual_seed(3)
    want = TF.fractional_max_pool2d(x, 3, 5)
    got = F.fractional_max_pool2d(jnp.asarray(x.numpy()), 3, 5, key=random.Generator().manual_seed(3))
    reference.assert_equal(got, want)
    with pytest.raises(ValueError, match="fractional_max_pool2d draws random numbers and got key=None"):
        F.fractional_max_pool2d(jnp.ones((1, 6, 6)), 2, 3)


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((2,), {}, "requires specifying either an output_size or an output_ratio"),
        ((2, 7), {}, "pool size too large relative to input size"),
        ((2, (3, 3, 3)), {}, "output_size must either be a single Int or tuple of Ints"),
        ((2, 3), {"_random_samples": jnp.ones((1, 1, 3))}, r"Expect _random_samples of shape \[1, 1, 2\]"),
        ((2, 3), {"_random_samples": jnp.ones((1, 1, 2), jnp.float16)}, "to have the same dtype as input"),
    ],
)
def test_fractional_errors(args, kwargs, text):
    with pytest.raises(ValueError, match=text):
        F.fractional_max_pool2d(jnp.ones((1, 1, 6, 6)), *args, **kwargs, key=jax.random.key(0))


def test_maxima_of_neighbouring_blocks():
    """Windows that do not overlap, ties and NaN among them; then every derivative."""
    x = torch.round(randn(2, 3, 11, 12))
    x[0, 0, 3, 5], x[0, 0, 4, 1], x[1, 2, 2:4, 2:9] = torch.nan, torch.nan, -torch.inf
    calls = [(TF.max_pool2d, F.max_pool2d, (x, 5)), (TF.max_pool2d, F.max_pool2d, (x, (4, 12), 9))]
    calls += [(TF.max_pool1d, F.max_pool1d, (x[0], 4)), (TF.max_pool3d, F.max_pool3d, (x[None], (2, 4, 4)))]
    calls += [(TF.adaptive_max_pool2d, F.adaptive_max_pool2d, (x, size)) for size in (1, (1, 2), (11, 3))]
    calls += [(TF.adaptive_max_pool3d, F.adaptive_max_pool3d, (x, 1))]
    for theirs, ours, args in calls:
        reference.check_call(theirs, ours, args, rtol=0)
        want = theirs(*args, return_indices=True)
        reference.assert_equal(ours(jnp.asarray(args[0].numpy()), *args[1:], return_indices=True), want)
    y = jnp.asarray(randn(2, 6, 5).numpy())
    apart = jax.random.permutation(jax.random.key(0), 60.0 + jnp.arange(60)).reshape(2, 6, 5)
    check_grads(lambda y: F.adaptive_max_pool2d(y * apart, 1) ** 2, (jnp.ones_like(y),), 2, rtol=0.05, eps=1e-3)
    batched = jax.vmap(jax.grad(lambda y: F.max_pool1d(y, 4).sum()), 1, 1)(y.transpose(0, 2, 1)[..., None, :])
    single = jax.grad(lambda y: F.max_pool1d(y, 4).sum())(y.transpose(0, 2, 1))
    np.testing.assert_array_equal(batched[..., 0, :], single)
    assert F.max_pool2d(jnp.arange(32).reshape(1, 4, 8), 4).tolist() == [[[27, 31]]]
