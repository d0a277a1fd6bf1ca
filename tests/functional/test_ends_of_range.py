"""Norms and what is divided by them where squares leave the dtype's range, against torch in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import functional as F
from fnn.kernels.squares import scaled_squares
from fnn.kernels.sums import SMALL
from tests import reference

torch = pytest.importorskip("torch")
TF = torch.nn.functional

VALUES, OTHERS = np.random.default_rng(0).standard_normal((2, 4, 6, 8))

# name: (the call, what replaces the usual epsilon beside small numbers)
UNITS = {
    "layer_norm": (lambda f, x, **k: f.layer_norm(x, (8,), **k), 0.0),
    "rms_norm": (lambda f, x, **k: f.rms_norm(x, (8,), **k), 0.0),
    "group_norm": (lambda f, x, **k: f.group_norm(x, 3, **k), 0.0),
    "instance_norm": (lambda f, x, **k: f.instance_norm(x, **k), 0.0),
    "batch_norm": (lambda f, x, **k: f.batch_norm(x, None, None, training=True, **k), 1e-36),
    "normalize": (lambda f, x, **k: f.normalize(x, dim=-1, **k), 0.0),
    "normalize, 3": (lambda f, x, **k: f.normalize(x, p=3.0, dim=-1, **k), 0.0),
    "normalize, -2": (lambda f, x, **k: f.normalize(x, p=-2.0, dim=-1, **k), 0.0),
    "cosine_similarity": (lambda f, x, **k: f.cosine_similarity(x, x[..., ::1] + x[:1], dim=-1, **k), 0.0),
}
SIZES = {
    "pairwise_distance": lambda f, x: f.pairwise_distance(x, x[:1] * 2, eps=0.0),
    "pairwise_distance, 3": lambda f, x: f.pairwise_distance(x, x[:1] * 2, p=3.0, eps=0.0),
    "pdist": lambda f, x: f.pdist(x[0]),
}


def _check(call, scale, dtype):
    """Values and gradients, each beside its largest."""
    x = jnp.asarray(VALUES * scale, dtype)
    theirs = torch.tensor(np.asarray(x, np.float64), requires_grad=True)
    want = call(TF, theirs)
    factors = np.resize(OTHERS, tuple(want.shape))
    (slope,) = torch.autograd.grad((want * torch.from_numpy(factors)).sum(), theirs)
    got = call(F, x)
    gradient = jax.grad(lambda x: (call(F, x).astype(jnp.float32) * jnp.asarray(factors, jnp.float32)).sum())(x)
    tolerance = 1e-5 if dtype == "float32" else 2e-2
    for ours, reference_values in ((got, want.detach()), (gradient, slope)):
        ours, right = np.asarray(ours, np.float64), reference_values.numpy()
        np.testing.assert_allclose(ours, right, rtol=0, atol=tolerance * np.abs(right).max())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("scale", [1e30, 1e-30, 1.0])
@pytest.mark.parametrize("name", UNITS)
def test_units(name, scale, dtype):
    call, eps = UNITS[name]
    if dtype == "bfloat16" and name == "cosine_similarity":
        pytest.skip("the sum in the call is rounded")
    kwargs = {"eps": eps} if scale < 1 else {}
    _check(lambda f, x: call(f, x, **kwargs), scale, dtype)


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm", "group_norm", "batch_norm"])
def test_units_where_one_by_the_deviation_is_subnormal(name):
    x = np.array([[[1.0, -1.0, 0.5, -0.25]]])
    calls = {
        "layer_norm": lambda x: F.layer_norm(x, (4,)),
        "rms_norm": lambda x: F.rms_norm(x, (4,)),
        "group_norm": lambda x: F.group_norm(x, 1),
        "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    }
    want = calls[name](jnp.asarray(x, jnp.float32) * 1e30)
    np.testing.assert_allclose(calls[name](jnp.asarray(x, jnp.float32) * 3e38), want, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e30, 1e-30, 1.0])
@pytest.mark.parametrize("name", SIZES)
def test_sizes(name, scale):
    _check(SIZES[name], scale, "float32")


def test_float16_is_computed_in_float32():
    x = jnp.asarray([[60000.0, -60000.0, 1000.0, 0.0]], jnp.float16)
    want = TF.layer_norm(torch.tensor(np.asarray(x, np.float64)), (4,))
    np.testing.assert_allclose(F.layer_norm(x, (4,)).astype(jnp.float32), want, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(F.normalize(x)[0, :2].astype(jnp.float32), [0.7071, -0.7071], rtol=1e-3)


@pytest.mark.parametrize("scale", [1e30, 1e-30])
@pytest.mark.parametrize("name", ["layer_norm", "rms_norm", "normalize"])
def test_large_arrays_take_the_other_sums_if_one_is_out_of_range(name, scale):
    calls = {
        "layer_norm": lambda x: F.layer_norm(x, (1024,), eps=0.0),
        "rms_norm": lambda x: F.rms_norm(x, (1024,), eps=0.0),
        "normalize": lambda x: F.normalize(x, dim=-1, eps=0.0),
    }
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2 * SMALL // 1024, 1024)), jnp.float32)
    mixed = x.at[1::2].multiply(scale)
    np.testing.assert_allclose(calls[name](mixed), calls[name](x), rtol=1e-5, atol=1e-6)
    weights = jnp.cos(jnp.arange(1024.0))[None]
    slope, usual = (jax.grad(lambda x: (calls[name](x) * weights).sum())(y) for y in (mixed, x))
    np.testing.assert_allclose(slope[::2], usual[::2], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(slope[1::2] * scale, usual[1::2], rtol=1e-4, atol=1e-6)


def test_one_large_sample_does_not_disturb_the_others():
    x = jnp.asarray(VALUES, jnp.float32).at[1].multiply(1e30)
    np.testing.assert_allclose(F.layer_norm(x, (8,))[0], F.layer_norm(x[0], (8,)), rtol=1e-5, atol=1e-6)
    under_vmap = jax.vmap(lambda x: F.layer_norm(x, (8,)))(x)
    np.testing.assert_allclose(under_vmap, F.layer_norm(x, (8,)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_vector(bad):
    x = jnp.asarray(VALUES[0], jnp.float32).at[0, 0].set(bad)
    for name in ("layer_norm", "normalize"):
        call = UNITS[name][0] if name == "layer_norm" else lambda f, x: f.normalize(x)
        got, want = np.asarray(call(F, x)), call(TF, torch.from_numpy(np.array(x))).numpy()
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_second_derivatives():
    """Of the primitive sum of squares: the mean takes part in the second derivative, though not in the first."""
    x = jnp.asarray(VALUES[0, :2], jnp.float32)

    def loss(x):
        return (F.layer_norm(x, (8,)) ** 3).sum()

    def theirs(x):
        return (TF.layer_norm(x, (8,)) ** 3).sum()

    want = torch.autograd.functional.hessian(theirs, torch.from_numpy(np.array(x)))
    np.testing.assert_allclose(jax.hessian(loss)(x), want, rtol=1e-3, atol=1e-3)


def test_local_response_norm():
    x = jnp.asarray(VALUES * 1e30, jnp.float32).at[:, :, 4:].multiply(1e-30)
    got = F.local_response_norm(x, 3)
    want = TF.local_response_norm(torch.tensor(np.asarray(x, np.float64)), 3)
    np.testing.assert_allclose(got, want, rtol=3e-4)


def test_cosine_embedding_loss():
    x, y = (jnp.asarray(v[0] * 1e30, jnp.float32) for v in (VALUES, OTHERS))
    target = [1, -1, 1, -1, 1, 1]
    want = TF.cosine_embedding_loss(*(torch.tensor(np.asarray(v, np.float64)) for v in (x, y)), torch.tensor(target))
    np.testing.assert_allclose(F.cosine_embedding_loss(x, y, jnp.array(target)), want, rtol=1e-5)


def test_results_are_those_of_the_reference_in_the_usual_range():
    x = torch.from_numpy(VALUES.astype(np.float32))
    reference.assert_equal(F.layer_norm(jnp.asarray(x.numpy()), (8,)), TF.layer_norm(x, (8,)), rtol=1e-5, atol=1e-6)


def test_norms_of_single_elements():
    """Of a scalar XLA takes (c x)^2 for c^2 x^2, which must not be asked of it."""
    for value in (0.0, 1e-30, -1e30):
        for shape in ((), (1,)):
            x = jnp.full(shape, value)
            assert jax.jit(lambda x: F.normalize(x.reshape(1, 1))[0, 0])(x) == jnp.clip(value * 1e12, -1, 1)
            assert jax.jit(lambda x: jnp.sqrt(scaled_squares(x, tuple(range(x.ndim)))[0]))(x) >= 0
