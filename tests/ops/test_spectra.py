"""fnn.fft, fnn.special, windows and short-time transforms against torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import ArgumentError
from fnn.ops import fft, special, spectral, windows
from tests.ops.families import Row, reference, run

torch = reference.torch
TORCH_ONLY = {"Tensor", "torch", "common_args", "factory_common_args", "multi_dim_common"}  # what its modules import
FREQUENCIES = {"fftfreq", "rfftfreq"}


def test_every_name_is_there():
    for theirs, ours in ((torch.fft, fft), (torch.special, special)):
        assert {n for n in dir(theirs) if not n.startswith("_")} - TORCH_ONLY == set(ours.__all__)


@pytest.mark.parametrize("name", sorted(set(fft.__all__) - FREQUENCIES))
def test_fft(name):
    run(name, getattr(fft, name), Row(others=("int64", "complex64"), tolerance=(1e-3, 1e-3)), "fft.")


@pytest.mark.parametrize("name", sorted(FREQUENCIES))
def test_frequencies(name):
    for n, d in ((1, 1.0), (4, 0.5), (7, 2.0)):
        reference.assert_equal(getattr(fft, name)(n, d), getattr(torch.fft, name)(n, d))
    with pytest.raises(ArgumentError, match=rf"fft\.{name}"):
        getattr(fft, name)(0)


ELSEWHERE = {"gammainc": "igamma", "gammaincc": "igammac", "multigammaln": "mvlgamma", "modified_bessel_i0": None}
WITHOUT_GRADIENT = {n for n in special.__all__ if "polynomial" in n or "bessel_" in n or n == "airy_ai"}
WITHOUT_GRADIENT -= {"modified_bessel_i0", "modified_bessel_i1", "spherical_bessel_j0"}
ROWS = {
    "polygamma": Row(call=lambda f: lambda x, n: f(n, x)),
    "gammainc": Row(entry="igamma"), "gammaincc": Row(entry="igammac"),
    "zeta": Row(marked=True, grad=False), "i1": Row(tolerance=(1e-3, 1e-4)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(special.__all__)))
def test_special(name):
    row = ROWS.get(name, Row(grad=name not in WITHOUT_GRADIENT, tolerance=(1e-3, 1e-4)))
    run(name, getattr(special, name), row._replace(others=("int64",)), "special.")


@pytest.mark.parametrize(
    "name", ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]
)
def test_windows(name):
    ours, theirs = getattr(windows, name), getattr(torch, name)
    for size in (0, 1, 2, 7):
        for periodic in (True, False):
            reference.assert_equal(ours(size, periodic), theirs(size, periodic), f"{size}, {periodic}")
    reference.assert_equal(ours(5, dtype=jnp.bfloat16), theirs(5, dtype=torch.bfloat16))
    with pytest.raises(ArgumentError, match=f"{name}"):
        ours(-1)


@pytest.mark.parametrize("name", ["stft", "istft"])
def test_short_time_transforms(name):
    run(name, getattr(spectral, name), Row(others=("complex64",), tolerance=(1e-3, 1e-3), grad=name == "stft"))


@pytest.mark.parametrize("call", [fft.rfft, fft.irfft, special.erfcx, special.log_ndtr])
def test_transforms(call):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((3, 8)), jnp.float32)
    looped = jnp.stack([call(v) for v in x])
    np.testing.assert_allclose(jax.vmap(call)(x), looped, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.jit(call)(x), looped, rtol=1e-5, atol=1e-6)
