"""grouped_mm and conv_tbc against PyTorch: values, gradients, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import functional as F
from tests import reference

torch = reference.torch
TF = torch.nn.functional

# shapes of the operands, offsets that cover the whole axis, or not (G = 3)
CASES = {
    "rows": ((8, 8), (3, 8, 16), (2, 2, 8)),
    "columns": ((3, 5, 8), (8, 8), (1, 7, 8)),
    "contracted": ((8, 8), (8, 8), (3, 8, 8)),
    "batched": ((3, 5, 8), (3, 8, 8), None),
}


def operands(name, dtype=torch.float32):
    a, b, offs = CASES[name]
    rng = torch.Generator().manual_seed(0)
    ours = [torch.randn(shape, generator=rng).to(dtype) for shape in (a, b)]
    return *ours, None if offs is None else torch.tensor(offs, dtype=torch.int32)


def as_jax(x):
    return None if x is None else jnp.asarray(x.detach().float().numpy() if x.is_floating_point() else x.numpy())


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name):
    a, b, offs = operands(name)
    a, b = a.requires_grad_(), b.requires_grad_()
    want = TF.grouped_mm(a, b, offs=offs)
    cotangent = torch.randn(want.shape, generator=torch.Generator().manual_seed(1))
    want.backward(cotangent)
    got, pull = jax.vjp(jax.jit(lambda a, b: F.grouped_mm(a, b, offs=as_jax(offs))), as_jax(a), as_jax(b))
    reference.assert_equal(got, want.detach())
    for ours, theirs in zip(pull(as_jax(cotangent)), (a.grad, b.grad), strict=True):
        reference.assert_equal(ours, theirs)


@pytest.mark.parametrize("name", CASES)
def test_derivatives(name):
    a, b, offs = map(as_jax, operands(name))
    check_grads(lambda a, b: F.grouped_mm(a, b, offs=offs), (a, b), 2, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["rows", "contracted"])
def test_half(name, dtype):
    a, b, offs = operands(name, getattr(torch, dtype))
    ours = F.grouped_mm(as_jax(a).astype(dtype), as_jax(b).astype(dtype), offs=as_jax(offs))
    assert ours.dtype == dtype
    want = TF.grouped_mm(a, b, offs=offs).float()
    np.testing.assert_allclose(ours.astype(jnp.float32), want, rtol=2e-2, atol=2e-2)


def naive(a, b, offs):
    """Group by group, in numpy."""
    starts, pieces = [0, *offs[:-1]], []
    for g, (i, j) in enumerate(zip(starts, offs, strict=True)):
        if a.ndim == b.ndim == 2:
            pieces.append(a[:, i:j] @ b[i:j])
        else:
            pieces.append(a[i:j] @ b[g] if a.ndim == 2 else a[g] @ b[:, i:j])
    if a.ndim == b.ndim:
        return np.stack(pieces)
    return np.concatenate(pieces, 0 if a.ndim == 2 else 1)


@pytest.mark.parametrize("name", ["rows", "columns", "contracted"])
def test_what_no_group_has(name):
    """Torch leaves it unset; here it is 0, bias or not, and has no gradient. Offsets are traced."""
    a, b, _ = map(as_jax, operands(name))
    offs = jnp.array([2, 2, 5], jnp.int32)
    y = jax.jit(lambda offs: F.grouped_mm(a, b, offs=offs, bias=jnp.ones((1, 1)), out_dtype="float32"))(offs)
    want = naive(np.asarray(a), np.asarray(b), offs.tolist()) + 1
    if name != "contracted":
        axis = 0 if name == "rows" else 1
        y, rest = jnp.split(y, [5], axis)
        assert not rest.any() and rest.size
    np.testing.assert_allclose(y, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["rows", "columns", "contracted"])
def test_vmap(name):
    """Over one operand, both, or the offsets: as one after the other."""
    a, b, offs = map(as_jax, operands(name))
    for mapped in ((0,), (1,), (2,), (0, 1, 2)):
        axes = tuple(1 if i in mapped and i < 2 else 0 if i in mapped else None for i in range(3))
        stacked = [
            x if axis is None else jnp.stack([x, x + 1 if i < 2 else jnp.array([0, 4, 8], jnp.int32)], axis)
            for i, (x, axis) in enumerate(zip((a, b, offs), axes, strict=True))
        ]
        got = jax.jit(jax.vmap(lambda a, b, offs: F.grouped_mm(a, b, offs=offs), in_axes=axes))(*stacked)
        for k in range(2):
            one = [x if axis is None else jnp.take(x, k, axis) for x, axis in zip(stacked, axes, strict=True)]
            np.testing.assert_allclose(got[k], F.grouped_mm(one[0], one[1], offs=one[2]), rtol=1e-4, atol=1e-4)


def test_out_dtype_and_bias():
    a, b, _ = map(as_jax, operands("batched"))
    half = F.grouped_mm(a.astype("bfloat16"), b.astype("bfloat16"), out_dtype=jnp.float32)
    assert half.dtype == jnp.float32 and F.grouped_mm(a, b, out_dtype=jnp.bfloat16).dtype == jnp.bfloat16
    for shape in ((8,), (1, 8), (5, 8), (5, 1), ()):
        bias = jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)
        np.testing.assert_allclose(
            F.grouped_mm(a, b, bias=bias), np.asarray(a) @ np.asarray(b) + np.asarray(bias), rtol=1e-4, atol=1e-5
        )


def rand(*shape, dtype="float32"):
    return np.ones(shape, dtype)


OFFS = np.array([2, 8], np.int32)
BAD = {
    "no offsets": ((rand(8, 4), rand(2, 4, 8)), {}),
    "offsets too many": ((rand(2, 8, 4), rand(2, 4, 8)), {"offs": OFFS}),
    "long offsets": ((rand(8, 4), rand(2, 4, 8)), {"offs": OFFS.astype(np.float32)}),
    "offsets in a matrix": ((rand(8, 4), rand(2, 4, 8)), {"offs": OFFS[None]}),
    "offsets of three": ((rand(8, 4), rand(2, 4, 8)), {"offs": np.array([1, 2, 8], np.int32)}),
    "contraction": ((rand(8, 4), rand(2, 8, 8)), {"offs": OFFS}),
    "a vector": ((rand(8), rand(2, 4, 8)), {"offs": OFFS}),
    "batches": ((rand(3, 8, 4), rand(2, 4, 8)), {}),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name):
    args, kwargs = BAD[name]
    with pytest.raises(RuntimeError) as theirs:
        TF.grouped_mm(*map(torch.from_numpy, args), **{k: torch.from_numpy(v) for k, v in kwargs.items()})
    with pytest.raises(RuntimeError) as ours:
        F.grouped_mm(*args, **kwargs)
    assert str(theirs.value).splitlines()[0] in str(ours.value)


def test_errors_of_our_own():
    with pytest.raises(TypeError, match=r"Expected mat_a to be a floating matrix, got mat_a.dtype=int32"):
        F.grouped_mm(rand(8, 4, dtype="int32"), rand(2, 4, 8), offs=OFFS)
    with pytest.raises(TypeError, match=r"mat_a.dtype=float32 and mat_b.dtype=float16"):
        F.grouped_mm(rand(8, 4), rand(2, 4, 8, dtype="float16"), offs=OFFS)
    with pytest.raises(ValueError, match=r"expected up to shape \[1, 8\], got bias.shape=\[2, 8\]"):
        F.grouped_mm(rand(8, 4), rand(2, 4, 8), offs=OFFS, bias=rand(2, 8))
    with pytest.raises(TypeError, match="out_dtype=int32"):
        F.grouped_mm(rand(2, 8, 4), rand(2, 4, 8), out_dtype="int32")


# -- conv_tbc --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pad, length", [(0, 5), (2, 3)])
def test_conv_tbc(pad, length):
    rng = torch.Generator().manual_seed(0)
    arrays = [torch.randn(s, generator=rng).requires_grad_() for s in ((length, 2, 3), (3, 3, 4), (4,))]
    want = TF.conv_tbc(*arrays, pad)
    cotangent = torch.randn(want.shape, generator=rng)
    want.backward(cotangent)
    got, pull = jax.vjp(lambda *a: F.conv_tbc(*a, pad), *map(as_jax, arrays))
    reference.assert_equal(got, want.detach())
    for ours, theirs in zip(pull(as_jax(cotangent)), arrays, strict=True):
        reference.assert_equal(ours, theirs.grad)
    assert F.conv_tbc(rand(2, 2, 3), rand(3, 3, 4), rand(4)).shape == (0, 2, 4)


@pytest.mark.parametrize(
    "shapes",
    [
        ((5, 2), (2, 3, 4), (4,)),
        ((5, 2, 3), (2, 3), (4,)),
        ((5, 2, 3), (2, 3, 4), (4, 1)),
        ((5, 2, 3), (2, 4, 4), (4,)),
        ((5, 2, 3), (2, 3, 4), (5,)),
        ((5, 2, 3), (7, 3, 4), (4,)),
    ],
)
def test_conv_tbc_errors(shapes):
    with pytest.raises(RuntimeError) as theirs:
        TF.conv_tbc(*map(torch.ones, shapes))
    with pytest.raises(RuntimeError) as ours:
        F.conv_tbc(*map(jnp.ones, shapes))
    assert str(theirs.value).splitlines()[0].rstrip(".").partition(": [")[0] in str(ours.value)
