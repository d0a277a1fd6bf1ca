"""Products of matrices of 8-bit (or 4-bit) floating numbers that carry scales: scaled_mm.

A scale stands for a block of the operand, and the number meant is the stored one times its scale.  The product is the
one of these numbers, summed in float32.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import listed
from fnn.dtypes import canonical, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike, DType

__all__ = ["ScalingType", "SwizzleType", "scaled_mm"]

_WHERE = "scaled_mm: "


class ScalingType(enum.IntEnum):
    """What one scale stands for: the whole matrix, a row, or a block of rows x contracted elements.

    Example:
        >>> from fnn import functional as F
        >>> F.ScalingType.RowWise.name
        'RowWise'
    """

    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5


class SwizzleType(enum.IntEnum):
    """The order of the scales of blocks: rows after rows, or in tiles of 128 x 4 as NVIDIA's tensor cores read them.

    Example:
        >>> from fnn import functional as F
        >>> F.SwizzleType.NO_SWIZZLE.name
        'NO_SWIZZLE'
    """

    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1


_T = ScalingType
# The recipes of both operands that go together.
_PAIRS = {
    *(((r,), (r,)) for r in _T if r is not _T.BlockWise128x128),
    ((_T.BlockWise1x128,), (_T.BlockWise128x128,)),
    ((_T.BlockWise128x128,), (_T.BlockWise1x128,)),
    ((_T.BlockWise1x16, _T.TensorWise), (_T.BlockWise1x16, _T.TensorWise)),
}
_WIDTH = {_T.BlockWise1x16: 16, _T.BlockWise1x32: 32, _T.BlockWise1x128: 128}


def scaled_mm(
    mat_a: ArrayLike,
    mat_b: ArrayLike,
    scale_a: ArrayLike | list[ArrayLike],
    scale_recipe_a: ScalingType | list[ScalingType],
    scale_b: ArrayLike | list[ArrayLike],
    scale_recipe_b: ScalingType | list[ScalingType],
    swizzle_a: SwizzleType | list[SwizzleType] | None = None,
    swizzle_b: SwizzleType | list[SwizzleType] | None = None,
    bias: ArrayLike | None = None,
    output_dtype: DType | None = "bfloat16",
    contraction_dim: Sequence[int] = (),
    use_fast_accum: bool = False,
) -> jax.Array:
    """The product of two matrices of small floating numbers, each times its scales.

    With R rows of ``mat_a`` or R columns of ``mat_b``, the scales of a recipe have the shape

    - TensorWise: one element;
    - RowWise: (M, 1) for ``mat_a``, R elements for ``mat_b``;
    - BlockWise1x16, 1x32, 1x128: (R, K / width), rounded up;
    - BlockWise128x128: (L, R / 128), both rounded up, where L >= K / 128 counts the blocks of the contracted axis.

    Several recipes for one operand, of lists of scales, multiply each other: the scales of blocks and one of all.

    Args:
        mat_a: (M, K), of an 8-bit or 4-bit floating dtype.
        mat_b: (K, N), likewise.
        scale_a: the scales of ``mat_a``.
        scale_recipe_a: what they stand for.
        scale_b: the scales of ``mat_b``.
        scale_recipe_b: what they stand for.
        swizzle_a: the order of the scales of 1x16 and 1x32 blocks; None is rows after rows.
        swizzle_b: likewise.
        bias: (N,), added to every row.
        output_dtype: of the result; None is that of ``mat_a``.
        contraction_dim: the contracted axes of both: (1, 0), or nothing.
        use_fast_accum: lets a Hopper GPU sum in fewer bits in PyTorch; XLA decides by itself, and both are right here.

    Returns:
        (M, N).

    Raises:
        ArgumentError: shapes or recipes that do not fit.
        ArgumentTypeError: operands of other dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x = jnp.eye(2, dtype=jnp.float8_e4m3fn)
        >>> whole = F.ScalingType.TensorWise
        >>> F.scaled_mm(x, x, jnp.float32(2), whole, jnp.float32(3), whole, output_dtype=jnp.float32)
        Array([[6., 0.],
               [0., 6.]], dtype=float32)
    """
    del use_fast_accum
    a, b = to_array(mat_a, "mat_a", _WHERE), to_array(mat_b, "mat_b", _WHERE)
    if a.ndim != 2 or b.ndim != 2:
        raise ArgumentError(f"{_WHERE}Inputs must be 2D but got mat_a.ndim={a.ndim} and mat_b.ndim={b.ndim}")
    for name, x in (("mat_a", a), ("mat_b", b)):
        if not jnp.issubdtype(x.dtype, jnp.floating) or jnp.finfo(x.dtype).bits > 8:
            raise ArgumentTypeError(f"{_WHERE}Expected both inputs to be fp8 or fp4 types but got {name} of {x.dtype}")
    if a.shape[1] != b.shape[0]:
        raise ArgumentError(
            f"{_WHERE}mat_a and mat_b shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and "
            f"{b.shape[0]}x{b.shape[1]})"
        )
    if tuple(d % 2 for d in contraction_dim) not in ((), (1, 0)):
        raise ArgumentError(f"{_WHERE}contraction_dim must be () or (1, 0), got {tuple(contraction_dim)}")
    recipes = tuple(tuple(map(ScalingType, _listed(r))) for r in (scale_recipe_a, scale_recipe_b))
    if recipes not in _PAIRS:
        shown = [[r.name for r in recipe] for recipe in recipes]
        raise ArgumentError(f"{_WHERE}Invalid scaling configuration: scale_recipe_a={shown[0]}, _b={shown[1]}")
    dtype = a.dtype if output_dtype is None else canonical(output_dtype, _WHERE)
    left, rows = _times(a, "a", scale_a, recipes[0], swizzle_a)
    right, columns = _times(b.T, "b", scale_b, recipes[1], swizzle_b)
    y = lax.dot_general(left, right, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)
    y = y * jnp.broadcast_to(rows, y.shape) * jnp.broadcast_to(columns.T, y.shape)
    if bias is not None:
        added = to_array(bias, "bias", _WHERE)
        if added.shape != (b.shape[1],):
            raise ArgumentError(f"{_WHERE}Bias must be size {b.shape[1]} but got bias.shape={listed(added.shape)}")
        y = y + jnp.broadcast_to(added.astype(jnp.float32), y.shape)
    return y.astype(dtype)


def _listed(value: object) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _times(
    x: jax.Array,
    name: str,
    scales: ArrayLike | list[ArrayLike],
    recipes: tuple[ScalingType, ...],
    swizzles: SwizzleType | list[SwizzleType] | None,
) -> tuple[jax.Array, jax.Array]:
    """The operand (R, K) in float32, times the scales of its blocks, and those of its rows (R, 1) or of all (1, 1)."""
    given = [to_array(s, f"scale_{name}", _WHERE).astype(jnp.float32) for s in _listed(scales)]
    order = [SwizzleType(s) for s in _listed(swizzles)] or [SwizzleType.NO_SWIZZLE]
    if len(given) != len(recipes):
        raise ArgumentError(f"{_WHERE}expected {len(recipes)} scales in scale_{name}, got {len(given)}")
    order += [SwizzleType.NO_SWIZZLE] * (len(recipes) - len(order))
    wide, outer = x.astype(jnp.float32), jnp.ones((1, 1), jnp.float32)
    r, k = x.shape
    for scale, recipe, swizzle in zip(given, recipes, order, strict=True):
        if swizzle is not SwizzleType.NO_SWIZZLE and recipe not in (_T.BlockWise1x16, _T.BlockWise1x32):
            raise ArgumentError(f"{_WHERE}swizzle_{name}={swizzle.name} has no meaning for {recipe.name}")
        if recipe is _T.TensorWise:
            _require(scale.size == 1, name, "1 Float element", scale)
            outer = outer * scale.reshape(1, 1)
        elif recipe is _T.RowWise:
            fits = scale.shape == (r, 1) if name == "a" else scale.size == r
            _require(fits, name, f"shape [{r}, 1]" if name == "a" else f"{r} Float elements", scale)
            outer = outer * scale.reshape(r, 1)
        elif recipe is _T.BlockWise128x128:
            blocks = -(-k // 128), -(-r // 128)
            fits = scale.ndim == 2 and scale.shape[0] >= blocks[0] and scale.shape[1] == blocks[1]
            _require(fits, name, f"shape {listed(blocks)}, or more rows", scale)
            whole = jnp.repeat(jnp.repeat(scale[: blocks[0]].T, 128, 0), 128, 1)
            wide = wide * whole[:r, :k]
        else:
            columns = -(-k // _WIDTH[recipe])
            if swizzle is SwizzleType.SWIZZLE_32_4_4:
                tiles = -(-r // 128), -(-columns // 4)
                _require(scale.size == tiles[0] * tiles[1] * 512, name, f"{tiles[0] * tiles[1] * 512} elements", scale)
                # tile by tile, 32 lines of 4 rows that are 32 apart, 4 scales each
                scale = scale.reshape(*tiles, 32, 4, 4).transpose(0, 3, 2, 1, 4)
                scale = scale.reshape(tiles[0] * 128, tiles[1] * 4)[:r, :columns]
            _require(scale.shape == (r, columns), name, f"shape {listed((r, columns))}", scale)
            wide = wide * jnp.repeat(scale, _WIDTH[recipe], 1)[:, :k]
    return wide, outer


def _require(fits: bool, name: str, expected: str, scale: jax.Array) -> None:
    if not fits:
        raise ArgumentError(f"{_WHERE}scale_{name} must have {expected}, got scale_{name}.shape={listed(scale.shape)}")
