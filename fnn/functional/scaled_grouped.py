"""Products in groups of matrices of 8-bit floating numbers that carry scales: scaled_grouped_mm.

PyTorch has it on CUDA alone; the shapes of the scales are those of its kernels (``_scaled_grouped_mm_v2``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp

from fnn.arguments import listed
from fnn.dtypes import canonical, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.grouped import grouped_mm
from fnn.functional.scaled import ScalingType, SwizzleType
from fnn.typing import ArrayLike, DType

__all__ = ["scaled_grouped_mm"]

_WHERE = "scaled_grouped_mm: "
_T = TypeVar("_T")
_BLOCK = 32  # elements of the contracted axis under one scale of BlockWise1x32


def scaled_grouped_mm(
    mat_a: ArrayLike,
    mat_b: ArrayLike,
    scale_a: ArrayLike | list[ArrayLike],
    scale_recipe_a: ScalingType | list[ScalingType],
    scale_b: ArrayLike | list[ArrayLike],
    scale_recipe_b: ScalingType | list[ScalingType],
    swizzle_a: SwizzleType | list[SwizzleType] | None = None,
    swizzle_b: SwizzleType | list[SwizzleType] | None = None,
    bias: ArrayLike | None = None,
    offs: ArrayLike | None = None,
    output_dtype: DType | None = "bfloat16",
    contraction_dim: Sequence[int] = (),
    use_fast_accum: bool = False,
) -> jax.Array:
    """One product a group of matrices of small floating numbers, each times its scales.

    The groups are those of `grouped_mm`. With R rows of ``mat_a``, or columns of ``mat_b``, the scales are

    - RowWise: (R,) for a matrix of two dimensions, (G, R) for one of three; where the contracted axis is in groups,
      (G R,): all rows for the first group, then for the second;
    - BlockWise1x32: (R, K / 32), rounded up, or (G, R, K / 32), rows after rows. The contracted axis may not be in
      groups then.

    Args:
        mat_a: (M, K), or (G, M, K), of an 8-bit floating dtype.
        mat_b: (K, N), or (G, K, N), likewise.
        scale_a: the scales of ``mat_a``.
        scale_recipe_a: what they stand for: RowWise or BlockWise1x32.
        scale_b: the scales of ``mat_b``.
        scale_recipe_b: as ``scale_recipe_a``.
        swizzle_a: the order of the scales; NO_SWIZZLE, or None.
        swizzle_b: likewise.
        bias: None, as in PyTorch.
        offs: (G,) of int32, not decreasing; given exactly if an operand has two dimensions.
        output_dtype: of the result; None is bfloat16.
        contraction_dim: the contracted axes of both: the last and the one before it, or nothing.
        use_fast_accum: lets a Hopper GPU sum in fewer bits in PyTorch; XLA decides by itself, and both are right here.

    Returns:
        (M, N) if one operand has two dimensions, else (G, M, N).

    Raises:
        ArgumentError: shapes, recipes or orders that do not fit; a bias.
        ArgumentTypeError: operands of other dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> tokens, experts = jnp.ones((3, 2), "float8_e4m3fn"), jnp.ones((2, 2, 2), "float8_e4m3fn")
        >>> rows, ends = F.ScalingType.RowWise, jnp.array([1, 3], jnp.int32)
        >>> scale = jnp.array([[1.0, 1.0], [2.0, 4.0]])
        >>> F.scaled_grouped_mm(tokens, experts, jnp.ones(3), rows, scale, rows, offs=ends, output_dtype="float32")
        Array([[2., 2.],
               [4., 8.],
               [4., 8.]], dtype=float32)
    """
    del use_fast_accum
    a, b = to_array(mat_a, "mat_a", _WHERE), to_array(mat_b, "mat_b", _WHERE)
    for name, x in (("mat_a", a), ("mat_b", b)):
        if x.ndim not in (2, 3):
            raise ArgumentError(f"{_WHERE}Multiplicands must be 2D or 3D but got {name}.shape={listed(x.shape)}")
        if not jnp.issubdtype(x.dtype, jnp.floating) or jnp.finfo(x.dtype).bits != 8:
            raise ArgumentTypeError(f"{_WHERE}Expected inputs of E4M3 FP8 type but got {name}.dtype={x.dtype}")
    if bias is not None:
        raise ArgumentError(f"{_WHERE}Bias tensor provided, but it is not supported yet, in PyTorch neither.")
    if contraction_dim and tuple(contraction_dim) not in ((-1, -2), (a.ndim - 1, b.ndim - 2)):
        raise ArgumentError(
            f"{_WHERE}contraction_dim must be () or {(a.ndim - 1, b.ndim - 2)}, got {tuple(contraction_dim)}"
        )
    for name, order in (("swizzle_a", swizzle_a), ("swizzle_b", swizzle_b)):
        given = order if isinstance(order, list) else [] if order is None else [order]
        if any(SwizzleType(s) is not SwizzleType.NO_SWIZZLE for s in given):
            raise ArgumentError(f"{_WHERE}{name} must be NO_SWIZZLE, scales rows after rows, got {order}")
    recipe = ScalingType(_only(scale_recipe_a, "scale_recipe_a"))
    other = ScalingType(_only(scale_recipe_b, "scale_recipe_b"))
    if recipe is not other or recipe not in (ScalingType.RowWise, ScalingType.BlockWise1x32):
        raise ArgumentError(
            f"{_WHERE}Invalid scaling configuration: both recipes must be RowWise, or both BlockWise1x32, got "
            f"scale_recipe_a={recipe.name} and scale_recipe_b={other.name}"
        )
    dtype = jnp.bfloat16 if output_dtype is None else canonical(output_dtype, _WHERE)
    left, right = a.astype(jnp.float32), jnp.swapaxes(b, -1, -2).astype(jnp.float32)
    groups = None
    if offs is not None and a.ndim == b.ndim == 2:
        groups = to_array(offs, "offs", _WHERE)
    left = left * _factors(left, _only(scale_a, "scale_a"), "scale_a", recipe, groups)
    right = right * _factors(right, _only(scale_b, "scale_b"), "scale_b", recipe, groups)
    return grouped_mm(left, jnp.swapaxes(right, -1, -2), offs=offs).astype(dtype)


def _only(value: _T | list[_T], name: str) -> _T:
    if not isinstance(value, list):
        return value
    if len(value) != 1:
        raise ArgumentError(f"{_WHERE}{name} must be one, or a list of one, got {len(value)}")
    return value[0]


def _factors(x: jax.Array, scale: ArrayLike, name: str, recipe: ScalingType, groups: jax.Array | None) -> jax.Array:
    """What the operand (..., R, K) is multiplied by, with its shape; ``groups`` cuts K where it is in groups."""
    scale = to_array(scale, name, _WHERE).astype(jnp.float32)
    *front, k = x.shape
    if recipe is ScalingType.RowWise:
        shape = tuple(front) if groups is None else (groups.shape[0] * front[0],)
    elif groups is None:
        shape = (*front, -(-k // _BLOCK))
    else:
        raise ArgumentError(f"{_WHERE}BlockWise1x32 is not supported where the contracted axis is in groups")
    if scale.shape != shape:
        raise ArgumentError(f"{_WHERE}Expected {name} of shape {listed(shape)}, got {name}.shape={listed(scale.shape)}")
    if recipe is not ScalingType.RowWise:
        return jnp.repeat(scale, _BLOCK, -1)[..., :k]
    if groups is None:
        return jnp.broadcast_to(scale[..., None], x.shape)
    # beyond the last group lie numbers of none
    group = jnp.clip(jnp.searchsorted(groups, jnp.arange(k, dtype=groups.dtype), side="right"), 0, len(groups) - 1)
    return scale.reshape(groups.shape[0], -1).T[:, group]
