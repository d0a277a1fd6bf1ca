"""Dropout: masks equal to torch's under a Generator, statistics under a JAX key, gradients, layers."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import functional as F
from fnn import layers, random
from fnn.errors import MissingKeyError

torch = pytest.importorskip("torch")
from tests import reference  # noqa: E402

TF = torch.nn.functional

CASES = [
    ("dropout", (5,)),
    ("dropout", (4, 33)),
    ("dropout1d", (3, 5, 4)),
    ("dropout1d", (5, 4)),
    ("dropout2d", (3, 5, 4, 2)),
    ("dropout3d", (2, 7, 2, 2, 2)),
    ("dropout3d", (7, 2, 2, 2)),
    ("alpha_dropout", (4, 33)),
    ("feature_alpha_dropout", (3, 11, 4)),
]


@pytest.mark.parametrize(("name", "shape"), CASES)
@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 1.0])
def test_a_seed_gives_torchs_output_and_gradient(name, shape, p):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), requires_grad=True)
    torch.manual_seed(7)
    want = getattr(TF, name)(x, p, True)
    (gradient,) = torch.autograd.grad((want**2).sum(), x)
    y, pull = jax.vjp(
        lambda x: getattr(F, name)(x, p, True, key=random.Generator().manual_seed(7)), reference.to_jax(x)
    )
    reference.assert_equal(y, want, rtol=1e-6, atol=1e-7)
    reference.assert_equal(pull(2 * y)[0], gradient, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types(dtype):
    x = torch.randn(64, generator=torch.Generator().manual_seed(0)).to(dtype)
    torch.manual_seed(7)
    want = TF.dropout(x, 0.3)
    reference.assert_equal(F.dropout(reference.to_jax(x), 0.3, key=random.Generator().manual_seed(7)), want)


def test_statistics_under_a_key():
    y = F.dropout(jnp.ones((100, 100)), 0.3, key=jax.random.key(0))
    assert abs(float((y == 0).mean()) - 0.3) < 0.02
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
    x = jax.random.normal(jax.random.key(1), (100, 100))
    y = F.alpha_dropout(x, 0.3, True, key=jax.random.key(2))
    assert abs(float(y.mean())) < 0.05 and abs(float(y.std()) - 1) < 0.05


def test_channels_fall_as_a_whole_and_keys_decide():
    x = jnp.ones((4, 16, 3, 3))
    one = F.dropout2d(x, key=jax.random.key(0))
    np.testing.assert_array_equal(one, jnp.broadcast_to(one[..., :1, :1], x.shape))
    assert 0 < int((one[..., 0, 0] == 0).sum()) < 64
    np.testing.assert_array_equal(one, jax.jit(F.dropout2d)(x, key=jax.random.key(0)))
    assert (one != F.dropout2d(x, key=jax.random.key(1))).any()


def test_infinity_times_zero_is_nan_as_in_torch():
    assert np.isnan(F.dropout(jnp.array([jnp.inf]), 1.0)).all()


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))
def test_no_draw_without_need(name):
    x = jnp.ones((2, 3))
    for p, training in ((0.0, True), (0.5, False)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert getattr(F, name)(x, p, training) is x or getattr(F, name)(x, p, training).shape == x.shape
            with pytest.raises(MissingKeyError, match=f"{name} draws random numbers and got key=None"):
                getattr(F, name)(x, 0.5, True)


def test_errors_and_warnings():
    for p in (-0.1, 1.5):
        for fn in (F.dropout, F.dropout2d, layers.Dropout):
            with pytest.raises(ValueError, match=f"dropout probability has to be between 0 and 1, but got {p}"):
                fn(p) if fn is layers.Dropout else fn(jnp.ones((1, 1, 1, 1)), p)
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="dropout1d: Expected 2D or 3D input, but received a 4D input"):
        F.dropout1d(jnp.ones((1, 1, 1, 1)), key=key)
    with pytest.raises(TypeError, match="expected a floating dtype"):
        F.dropout(jnp.ones(2, int), key=key)
    with pytest.raises(ValueError, match="Feature dropout requires at least 2 dimensions"):
        F.feature_alpha_dropout(jnp.ones(2), 0.5, True, key=key)
    with pytest.warns(UserWarning, match="Received a 3D input to dropout2d and assuming that channel-wise 1D"):
        F.dropout2d(jnp.ones((2, 3, 4)), key=key)
    with pytest.warns(UserWarning, match="Received a 2-D input to dropout2d, which is deprecated"):
        F.dropout2d(jnp.ones((2, 3)), key=key)
    with pytest.warns(UserWarning, match="Received a 3-D input to dropout3d, which is deprecated"):
        F.dropout3d(jnp.ones((2, 3, 4)), key=key)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Dropout", (4, 9)),
        ("Dropout1d", (2, 9, 3)),
        ("Dropout2d", (2, 9, 3, 2)),
        ("Dropout3d", (2, 9, 3, 2, 1)),
        ("AlphaDropout", (4, 9)),
        ("FeatureAlphaDropout", (4, 9, 2)),
    ],
)
def test_layers(name, shape):
    theirs, layer = getattr(torch.nn, name)(0.3, True), getattr(layers, name)(0.3, True)
    assert layer.extra_repr() == theirs.extra_repr()
    x = torch.randn(shape)
    torch.manual_seed(1)
    want = theirs(x.clone())
    got, state = layer.apply({}, {}, reference.to_jax(x), training=True, key=random.Generator().manual_seed(1))
    reference.assert_equal(got, want)
    assert state == {}
    reference.assert_equal(layer.apply({}, {}, reference.to_jax(x))[0], x)
