"""scaled_mm, scaled_grouped_mm: against PyTorch where its CPU has them, else what scales and operands stand for."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from fnn import functional as F
from tests import reference

torch = reference.torch
TF = torch.nn.functional
RNG = np.random.default_rng(0)
T, SWIZZLED = F.ScalingType, F.SwizzleType.SWIZZLE_32_4_4


def small(*shape, dtype=ml_dtypes.float8_e4m3fn):
    return RNG.standard_normal(shape).astype(np.float32).astype(dtype)


def scales(*shape):
    return RNG.uniform(0.5, 2, shape).astype(np.float32)


def tensor(x):
    if x.dtype == ml_dtypes.float8_e4m3fn:
        return torch.from_numpy(x.view(np.uint8)).view(torch.float8_e4m3fn)
    return torch.from_numpy(x)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("recipe, shapes", [("TensorWise", ((1,), ())), ("RowWise", ((6, 1), (1, 5)))])
def test_against_torch(recipe, shapes, dtype):
    a, b, sa, sb, bias = small(6, 32), small(32, 5), scales(*shapes[0]), np.asarray(scales(*shapes[1])), scales(5)
    theirs = TF.scaled_mm(
        tensor(a), tensor(b), tensor(sa), getattr(TF.ScalingType, recipe), tensor(sb), getattr(TF.ScalingType, recipe),
        bias=tensor(bias).to(getattr(torch, dtype)), output_dtype=getattr(torch, dtype),
    )  # fmt: skip
    ours = jax.jit(lambda *x: F.scaled_mm(x[0], x[1], x[2], T[recipe], x[3], T[recipe], bias=x[4], output_dtype=dtype))
    got = ours(a, b, sa, sb, jnp.asarray(bias).astype(dtype))
    assert got.dtype == dtype
    np.testing.assert_allclose(got.astype(jnp.float32), theirs.float(), rtol=2e-2 if dtype == "bfloat16" else 1e-5)


def blocked(scale):
    """The scales in tiles of 128 x 4, element by element as NVIDIA's documentation of cuBLAS has their offsets."""
    across = -(-scale.shape[1] // 4)
    out = np.zeros(-(-scale.shape[0] // 128) * across * 512, np.float32)
    for (r, c), value in np.ndenumerate(scale):
        out[(r // 128 * across + c // 4) * 512 + r % 32 * 16 + r % 128 // 32 * 4 + c % 4] = value
    return out


def meant(x, scale, rows, width):
    return x.astype(np.float32) * np.repeat(np.repeat(scale, rows, 0), width, 1)[: x.shape[0], : x.shape[1]]


@pytest.mark.parametrize("swizzle", [None, SWIZZLED])
@pytest.mark.parametrize("recipe, width", [("BlockWise1x16", 16), ("BlockWise1x32", 32)])
def test_narrow_blocks(recipe, width, swizzle):
    a, b = small(130, 96), small(96, 33)
    sa, sb = scales(130, 96 // width), scales(33, 96 // width)
    want = meant(a, sa, 1, width) @ meant(b.T, sb, 1, width).T
    given = [s if swizzle is None else blocked(s) for s in (sa, sb)]
    got = F.scaled_mm(a, b, given[0], T[recipe], given[1], T[recipe], swizzle, swizzle, output_dtype="float32")
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    if width == 16:  # of two levels
        recipes, one = [T.BlockWise1x16, T.TensorWise], np.float32(3)
        both = [[s, one] for s in given]
        order = None if swizzle is None else [swizzle, F.SwizzleType.NO_SWIZZLE]
        got = F.scaled_mm(a, b, both[0], recipes, both[1], recipes, order, order, output_dtype="float32")
        np.testing.assert_allclose(got, 9 * want, rtol=1e-4, atol=1e-3)


def test_wide_blocks():
    a, b = small(130, 300), small(300, 140)
    sa, sb = scales(130, 3), scales(140, 3)
    la, lb = scales(4, 2), scales(4, 2)
    rows = meant(a, sa, 1, 128), meant(b.T, sb, 1, 128).T
    squares = meant(a, la[:3].T, 128, 128), meant(b.T, lb[:3].T, 128, 128).T
    one, square = T.BlockWise1x128, T.BlockWise128x128
    for got, want in (
        (F.scaled_mm(a, b, sa, one, sb, one, output_dtype="float32"), rows[0] @ rows[1]),
        (F.scaled_mm(a, b, la, square, sb, one, output_dtype="float32"), squares[0] @ rows[1]),
        (F.scaled_mm(a, b, sa, one, lb, square, output_dtype="float32"), rows[0] @ squares[1]),
    ):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)


def test_dtypes():
    a, b, one = small(4, 16), small(16, 3), np.float32(1)
    assert F.scaled_mm(a, b, one, T.TensorWise, one, T.TensorWise).dtype == jnp.bfloat16
    assert F.scaled_mm(a, b, one, T.TensorWise, one, T.TensorWise, output_dtype=None).dtype == jnp.float8_e4m3fn


ONE, A, B = np.float32(1), small(4, 16), small(16, 3)
TENSOR, ROW = T.TensorWise, T.RowWise
BAD = {
    "Inputs must be 2D": (A[0], B, ONE, TENSOR, ONE, TENSOR),
    "fp8 or fp4 types but got mat_b of float32": (A, B.astype("f"), ONE, TENSOR, ONE, TENSOR),
    "cannot be multiplied (4x16 and 15x3)": (A, B[1:], ONE, TENSOR, ONE, TENSOR),
    "Invalid scaling configuration": (A, B, ONE, TENSOR, scales(1, 3), ROW),
    "scale_a must have 1 Float element": (A, B, scales(2), TENSOR, ONE, TENSOR),
    "scale_a must have shape [4, 1]": (A, B, scales(3, 1), ROW, scales(1, 3), ROW),
    "scale_b must have 3 Float elements": (A, B, scales(4, 1), ROW, scales(1, 4), ROW),
    "got scale_a.shape=[4, 2]": (A, B, scales(4, 2), T.BlockWise1x16, ONE, T.BlockWise1x16),
    "expected 1 scales in scale_a, got 2": (A, B, [ONE, ONE], TENSOR, ONE, TENSOR),
    "SWIZZLE_32_4_4 has no meaning for TensorWise": (A, B, ONE, TENSOR, ONE, TENSOR, SWIZZLED),
    "Bias must be size 3": (A, B, ONE, TENSOR, ONE, TENSOR, None, None, scales(4)),
    "contraction_dim must be () or (1, 0), got (0, 1)": (
        *(A, B, ONE, TENSOR, ONE, TENSOR, None, None, None, "float32", (0, 1)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_errors(text):
    with pytest.raises(RuntimeError) as error:
        F.scaled_mm(*BAD[text])
    assert text in str(error.value)


ENDS = np.array([3, 3, 8], np.int32)
# the operands, the axes of each that scales of rows stand for, and of which axes the groups are
GROUPED = {
    "rows": ((8, 40), (3, 40, 5), ENDS),
    "columns": ((3, 6, 40), (40, 8), ENDS),
    "contracted": ((6, 8), (8, 5), ENDS),
    "none": ((3, 6, 40), (3, 40, 5), None),
}


@pytest.mark.parametrize("recipe", ["RowWise", "BlockWise1x32"])
@pytest.mark.parametrize("case", GROUPED)
def test_groups(case, recipe):
    shape_a, shape_b, ends = GROUPED[case]
    a, b = small(*shape_a), small(*shape_b)
    cut = case == "contracted"
    left, right = a.astype("f"), np.swapaxes(b.astype("f"), -1, -2)
    lead = [(3, x.shape[0]) if cut else x.shape[:-1] for x in (left, right)]
    if recipe == "RowWise":
        sa, sb = (scales(*shape) for shape in lead)
        if cut:
            group = np.repeat(np.arange(3), np.diff(ENDS, prepend=0))
            left, right = left * sa.T[:, group], right * sb.T[:, group]
            sa, sb = sa.reshape(-1), sb.reshape(-1)
        else:
            left, right = left * sa[..., None], right * sb[..., None]
    else:
        sa, sb = scales(*shape_a[:-1], 2), scales(*right.shape[:-1], 2)
        if cut:
            with pytest.raises(RuntimeError, match="where the contracted axis is in groups"):
                F.scaled_grouped_mm(a, b, sa, T[recipe], sb, T[recipe], offs=ends)
            return
        left, right = (x * np.repeat(s, 32, -1)[..., :40] for x, s in ((left, sa), (right, sb)))
    want = F.grouped_mm(left, np.swapaxes(right, -1, -2), offs=ends)
    got = F.scaled_grouped_mm(a, b, sa, T[recipe], sb, [T[recipe]], offs=ends, output_dtype="float32")
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    assert F.scaled_grouped_mm(a, b, sa, T[recipe], sb, T[recipe], offs=ends).dtype == jnp.bfloat16


A3, B3 = small(2, 4, 16), small(2, 16, 3)
BAD_GROUPED = {
    "Multiplicands must be 2D or 3D but got mat_a.shape=[16]": (A[0], B3, ONE, ROW, ONE, ROW),
    "got mat_b.dtype=float32": (A3, B3.astype("f"), ONE, ROW, ONE, ROW),
    "Expected scale_a of shape [2, 4], got scale_a.shape=[4]": (A3, B3, scales(4), ROW, scales(2, 3), ROW),
    "Expected scale_b of shape [2, 3]": (A3, B3, scales(2, 4), ROW, scales(2, 4), ROW),
    "got scale_recipe_a=RowWise and scale_recipe_b=TensorWise": (A3, B3, scales(2, 4), ROW, ONE, TENSOR),
    "swizzle_b must be NO_SWIZZLE": (A3, B3, scales(2, 4), ROW, scales(2, 3), ROW, None, SWIZZLED),
    "it is not supported yet": (A3, B3, scales(2, 4), ROW, scales(2, 3), ROW, None, None, scales(3)),
    "contraction_dim must be () or (2, 1)": (
        *(A3, B3, scales(2, 4), ROW, scales(2, 3), ROW, None, None, None, None, "float32", (1, 2)),
    ),
    "scale_a must be one, or a list of one, got 2": (A3, B3, [ONE, ONE], ROW, ONE, ROW),
}  # fmt: skip


@pytest.mark.parametrize("text", BAD_GROUPED)
def test_errors_of_groups(text):
    with pytest.raises((RuntimeError, TypeError)) as error:
        F.scaled_grouped_mm(*BAD_GROUPED[text])
    assert text in str(error.value)
