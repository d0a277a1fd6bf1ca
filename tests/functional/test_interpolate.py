"""Interpolation against torch: all modes, up and down, whole and broken scales."""

import itertools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import functional as F

torch = pytest.importorskip("torch")
from tests import reference  # noqa: E402

TF = torch.nn.functional


def randn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def every(n):
    count = itertools.count()
    return lambda sample: None if next(count) % n == 0 else "thinned"


def test_op_db():
    assert reference.check_op("nn.functional.interpolate", F.interpolate, skip=every(3)) > 3


MODES = [
    ("nearest", None),
    ("nearest-exact", None),
    ("area", None),
    ("bilinear", False),
    ("bilinear", True),
    ("bicubic", False),
    ("bicubic", True),
]


@pytest.mark.parametrize(("mode", "align"), MODES)
@pytest.mark.parametrize("size", [(10, 14), (3, 4), (5, 19), (13, 1)])
def test_sizes(mode, align, size):
    reference.check_call(
        TF.interpolate, F.interpolate, (randn(2, 2, 5, 7), size), {"mode": mode, "align_corners": align}
    )


@pytest.mark.parametrize(("mode", "align"), MODES)
@pytest.mark.parametrize("scale", [(2.0, 3.0), (0.7, 1.3), (0.5, 2.4)])
@pytest.mark.parametrize("recompute", [None, True])
def test_scales(mode, align, scale, recompute):
    x = randn(1, 2, 6, 7)
    kwargs = {"scale_factor": scale, "mode": mode, "align_corners": align, "recompute_scale_factor": recompute}
    reference.assert_equal(F.interpolate(reference.to_jax(x), **kwargs), TF.interpolate(x, **kwargs))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(3, 20), (9, 4)])
def test_antialias(mode, size):
    x = randn(1, 2, 12, 11)
    reference.check_call(TF.interpolate, F.interpolate, (x, size), {"mode": mode, "antialias": True})
    if mode != "lanczos":
        kwargs = {"mode": mode, "antialias": True, "align_corners": True}
        reference.assert_equal(F.interpolate(reference.to_jax(x), size, **kwargs), TF.interpolate(x, size, **kwargs))


@pytest.mark.parametrize(("mode", "shape"), [("linear", (2, 2, 6)), ("trilinear", (1, 2, 3, 4, 5))])
def test_other_ranks(mode, shape):
    for align in (False, True):
        kwargs = {"scale_factor": 1.6, "mode": mode, "align_corners": align}
        reference.check_call(TF.interpolate, F.interpolate, (randn(*shape),), kwargs)


def test_nearest_places_of_many_sizes():
    """A place on the border of two elements falls to torch's side; host numbers only."""
    for size, out in itertools.product((1, 3, 7, 10, 31), (1, 2, 5, 9, 23, 41, 60)):
        for mode in ("nearest", "nearest-exact"):
            x = torch.arange(float(size)).reshape(1, 1, size)
            want = TF.interpolate(x, out, mode=mode)
            np.testing.assert_array_equal(F.interpolate(jnp.asarray(x.numpy()), out, mode=mode), want, f"{size} {out}")


@pytest.mark.parametrize(
    ("mode", "antialias"),
    [
        ("nearest", False),
        ("nearest-exact", False),
        ("bilinear", False),
        ("bicubic", False),
        ("bilinear", True),
        ("bicubic", True),
        ("lanczos", True),
    ],
)
def test_bytes_are_exact(mode, antialias):
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 7)).astype(np.uint8)
    for size in ((5, 5), (12, 9), (3, 20)):
        want = TF.interpolate(torch.from_numpy(x), size, mode=mode, antialias=antialias)
        np.testing.assert_array_equal(F.interpolate(jnp.asarray(x), size, mode=mode, antialias=antialias), want)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types(dtype):
    for mode in ("nearest", "bilinear", "bicubic", "area"):
        reference.check_call(TF.interpolate, F.interpolate, (randn(1, 2, 5, 5).to(dtype), (7, 8)), {"mode": mode})


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_derivatives_and_vmap(mode):
    x = jnp.asarray(randn(3, 1, 4, 5).numpy())
    fn = lambda x: F.interpolate(x, (7, 3), mode=mode)  # noqa: E731
    check_grads(lambda x: fn(x) ** 2, (x,), 2, ["fwd", "rev"], atol=3e-2, rtol=3e-2)
    np.testing.assert_allclose(jax.vmap(lambda x: fn(x[None])[0])(x), fn(x), rtol=1e-5)
    batched_last = jax.vmap(lambda x: fn(x[None])[0], in_axes=3, out_axes=3)(jnp.moveaxis(x, 0, 3))
    np.testing.assert_allclose(jnp.moveaxis(batched_last, 3, 0), fn(x), rtol=1e-5)
    gradients = jax.vmap(jax.grad(lambda x: (fn(x[None]) ** 2).sum()))(x)
    np.testing.assert_allclose(gradients, jax.grad(lambda x: (fn(x) ** 2).sum())(x), rtol=1e-5)


def test_infinity_stays_local():
    x = torch.zeros(1, 1, 9)
    x[0, 0, 4] = torch.inf
    got = F.interpolate(jnp.asarray(x.numpy()), 5, mode="area")
    reference.assert_equal(got, TF.interpolate(x, 5, mode="area"))


def test_deprecated_names():
    x = randn(1, 1, 3, 3)
    for name in ("upsample", "upsample_nearest", "upsample_bilinear"):
        with pytest.warns(UserWarning, match=f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate`"):
            got = getattr(F, name)(reference.to_jax(x), scale_factor=2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference.assert_equal(got, getattr(TF, name)(x, scale_factor=2))


x4 = jnp.ones((1, 1, 4, 4))


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((x4,), {}, "either size or scale_factor should be defined"),
        ((x4, 3, 2), {}, "only one of size or scale_factor should be defined, got size=3 and scale_factor=2"),
        ((x4, (3,)), {}, "must have the same number of spatial dimensions"),
        ((x4,), {"scale_factor": (2.0,)}, "must have the same number of spatial dimensions"),
        ((x4, 2.5), {}, "expected size to be one int or a tuple of ints, but got 2.5"),
        ((x4,), {"scale_factor": "2"}, "expected scale_factor to be one float"),
        ((x4, 2), {"mode": "foo"}, r"Only 3D, 4D and 5D input Tensors supported \(got 4D\).*\(got foo\)"),
        ((x4, 2), {"mode": "linear"}, "Got 4D input, but linear mode needs 3D input"),
        ((x4, 2), {"align_corners": True}, "align_corners option can only be set with the interpolating modes"),
        ((x4, 0), {}, "Input and output sizes should be greater than 0"),
        ((x4, 2), {"recompute_scale_factor": True}, "recompute_scale_factor is not meaningful with an explicit size"),
        ((x4, 2), {"antialias": True}, "Anti-alias option is restricted to bilinear, bicubic, and lanczos"),
        ((x4, 2), {"mode": "lanczos"}, "Lanczos mode requires antialias=True"),
        ((x4.astype(int), 2), {}, "is not implemented for input of dtype int32"),
        ((x4.astype(jnp.uint8), 2), {"mode": "area"}, "not implemented for input of dtype uint8"),
    ],
)
def test_errors(args, kwargs, text):
    with pytest.raises(ValueError, match=text):
        F.interpolate(*args, **kwargs)
