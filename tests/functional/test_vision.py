"""Pixel rearrangement and grid sampling against torch."""

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


@pytest.mark.parametrize("name", ["pixel_shuffle", "pixel_unshuffle", "channel_shuffle"])
def test_op_db(name):
    reference.check_op(f"nn.functional.{name}", getattr(F, name))


def test_shuffle_inverts_unshuffle():
    x = jnp.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    np.testing.assert_array_equal(F.pixel_shuffle(F.pixel_unshuffle(x, 2), 2), x)
    np.testing.assert_array_equal(F.native_channel_shuffle(x, 3), F.channel_shuffle(x, 3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: F.pixel_shuffle(x[0], 2), "expects input to have at least 3 dimensions, but got input with 2"),
        (lambda x: F.pixel_shuffle(x, 2), r"input.size\(-3\)=3 is not divisible by 4"),
        (lambda x: F.pixel_shuffle(x, 0), "expects a positive upscale_factor, but got 0"),
        (lambda x: F.pixel_shuffle(x, 2.0), "argument 'upscale_factor' must be"),
        (lambda x: F.pixel_unshuffle(x, 2), r"expects width to be divisible .* input.size\(-1\)=5"),
        (lambda x: F.pixel_unshuffle(x, -1), "expects a positive downscale_factor, but got -1"),
        (lambda x: F.channel_shuffle(x[0], 2), r"expects input with > 2 dims, but got input with sizes \[4, 5\]"),
        (lambda x: F.channel_shuffle(x, 3), "must be divisible by groups. Got 4 channels and 3 groups"),
        (lambda x: F.channel_shuffle(x, 0), "must be positive. Value of groups:0"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call(jnp.ones((3, 4, 5)))


# -- grids ------------------------------------------------------------------------------------------


def test_op_db_grid_sample():
    count = itertools.count()
    every_third = lambda sample: None if next(count) % 3 == 0 else "thinned"  # noqa: E731
    reference.check_op("nn.functional.grid_sample", F.grid_sample, skip=every_third, rtol=1e-3, atol=1e-4)


MODES = list(itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (False, True)))


@pytest.mark.parametrize(("mode", "padding", "align"), MODES)
def test_grid_sample(mode, padding, align):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((2, 2, 4, 5)).astype(np.float32))
    grid = torch.from_numpy(rng.uniform(-2.5, 2.5, (2, 6, 7, 2)).astype(np.float32))
    reference.check_call(TF.grid_sample, F.grid_sample, (x, grid, mode, padding, align), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [False, True])
def test_grid_sample_on_the_elements(padding, align):
    """Whole places, edges and corners: where floor, the cut and the reflection have their kinks."""
    x = torch.arange(1.0, 21.0).reshape(1, 1, 4, 5) ** 1.5
    ys, xs = torch.meshgrid(torch.linspace(-1.5, 1.5, 13), torch.linspace(-1.5, 1.5, 13), indexing="ij")
    grid = torch.stack([xs, ys], -1)[None]
    reference.check_call(TF.grid_sample, F.grid_sample, (x, grid, "bilinear", padding, align), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_grid_sample_volume(mode):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((1, 2, 3, 4, 5)).astype(np.float32))
    grid = torch.from_numpy(rng.uniform(-1.3, 1.3, (1, 2, 3, 4, 3)).astype(np.float32))
    reference.check_call(TF.grid_sample, F.grid_sample, (x, grid, mode, "border", False), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_grid_sample_of_many_elements(mode):
    """From some size on a CPU has loops of its own; nine channels are two turns of one of them, and a rest."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((2, 9, 16, 16)).astype(np.float32))
    grid = torch.from_numpy(rng.uniform(-1.2, 1.2, (2, 17, 16, 2)).astype(np.float32))
    reference.check_call(TF.grid_sample, F.grid_sample, (x, grid, mode, "zeros", False), rtol=1e-3, atol=1e-3)


def test_grid_sample_far_and_nan_places():
    x = torch.arange(1.0, 17.0).reshape(1, 1, 4, 4)
    for padding, far in itertools.product(("zeros", "border"), (torch.nan, 1e20, -1e20)):
        grid = torch.tensor([[[[far, 0.1]]]])
        want = TF.grid_sample(x, grid, "nearest", padding, False)
        reference.assert_equal(
            F.grid_sample(reference.to_jax(x), reference.to_jax(grid), "nearest", padding, False), want
        )


def test_grid_sample_derivatives_vmap_and_half():
    rng = np.random.default_rng(1)
    x, grid = jnp.asarray(rng.standard_normal((2, 1, 3, 3))), jnp.asarray(rng.uniform(-0.9, 0.9, (2, 2, 2, 2)))
    check_grads(lambda x, g: F.grid_sample(x, g, "bilinear", align_corners=False), (x, grid), 2, atol=3e-2, rtol=3e-2)
    both = jax.vmap(lambda x, g: F.grid_sample(x[None], g[None], align_corners=False)[0])(x, grid)
    np.testing.assert_allclose(both, F.grid_sample(x, grid, align_corners=False), rtol=1e-5)
    half = [torch.from_numpy(np.array(a)).half() for a in (x, grid)]
    reference.check_call(TF.grid_sample, F.grid_sample, (*half, "bilinear", "zeros", True), atol=2e-2)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("size", [(2, 1, 3, 4), (2, 1, 2, 3, 4)])
def test_affine_grid(align, size):
    rank = len(size) - 2
    theta = torch.randn(2, rank, rank + 1, generator=torch.Generator().manual_seed(0))
    reference.check_call(lambda t: TF.affine_grid(t, size, align), lambda t: F.affine_grid(t, size, align), (theta,))


def test_grid_warnings_and_errors():
    x, grid, theta = jnp.ones((1, 1, 4, 4)), jnp.zeros((1, 2, 2, 2)), jnp.ones((1, 2, 3))
    for call in (lambda: F.grid_sample(x, grid), lambda: F.affine_grid(theta, (1, 1, 2, 2))):
        with pytest.warns(UserWarning, match="behavior has changed to align_corners=False since 1.3.0"):
            call()
    with pytest.warns(UserWarning, match="behavior has changed for unit-size grids when align_corners=True"):
        F.affine_grid(theta, (1, 1, 1, 2), True)
    for call, text in (
        (lambda: F.grid_sample(x, grid, "foo"), "expected mode to be 'bilinear', 'nearest' or 'bicubic'"),
        (lambda: F.grid_sample(x, grid, padding_mode="foo"), "expected padding_mode to be"),
        (lambda: F.grid_sample(x, grid[..., :1], align_corners=False), "expected grid to have size 2 in last"),
        (lambda: F.grid_sample(x, grid[None], align_corners=False), "same number of dimensions"),
        (lambda: F.grid_sample(x[:, :, :0], grid, align_corners=False), "non-empty spatial dimensions"),
        (lambda: F.grid_sample(x, jnp.zeros((2, 2, 2, 2)), align_corners=False), "same batch size"),
        (lambda: F.grid_sample(x, grid.astype(jnp.float16), align_corners=False), "same floating dtype"),
        (lambda: F.affine_grid(theta, (1, 1, 2), False), "only supports 4D and 5D sizes"),
        (lambda: F.affine_grid(theta, (1, 1, 0, 2), False), "Expected non-zero, positive output size"),
        (lambda: F.affine_grid(theta, (2, 1, 2, 2), False), "Expected a batch of 2D affine matrices of shape Nx2x3"),
        (lambda: F.affine_grid(theta.astype(int), (1, 1, 2, 2), False), "to have floating point type"),
    ):
        with pytest.raises(ValueError, match=text):
            call()


def test_grid_sample_of_volumes_at_full_optimisation():
    """The shapes at which the compiled gradient of one gather for all taps ended the process."""
    x, grid = (
        torch.randn(*s, generator=torch.Generator().manual_seed(0)) for s in ((2, 2, 4, 4, 4), (2, 12, 12, 12, 3))
    )
    options = {"xla_backend_optimization_level": 3, "xla_llvm_disable_expensive_passes": False}
    fn = jax.grad(lambda x, g: F.grid_sample(x, g, align_corners=False).sum(), (0, 1))
    args = [jnp.asarray(a.numpy()) for a in (x, grid)]
    got = jax.jit(fn).lower(*args).compile(options)(*args)
    leaves = [a.clone().requires_grad_() for a in (x, grid)]
    want = torch.autograd.grad(TF.grid_sample(*leaves, align_corners=False).sum(), leaves)
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
