"""Products of matrices in groups of unequal sizes: grouped_mm.

Legend: G groups, (M, K) and (K, N) the operands.  What a 2-dimensional operand has no group axis for is cut at the
offsets.  That makes four cases, of which the three with cuts are each other's derivatives::

    (M, K), (G, K, N) -> (M, N)       rows of the left operand in groups
    (G, M, K), (K, N) -> (M, N)       columns of the right operand in groups
    (M, K), (K, N)    -> (G, M, N)    the contracted axis in groups
    (G, M, K), (G, K, N) -> (G, M, N)
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import listed
from fnn.dtypes import canonical, is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.grouped import grouped_contraction, grouped_rows
from fnn.typing import ArrayLike, DType

__all__ = ["grouped_mm"]

_WHERE = "grouped_mm: "


def grouped_mm(
    mat_a: ArrayLike,
    mat_b: ArrayLike,
    *,
    offs: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    out_dtype: DType | None = None,
) -> jax.Array:
    """One matrix product a group, as experts with tokens of their own need it.

    Group g of a cut axis goes from ``offs[g - 1]`` (0 for the first) up to ``offs[g]``. What stands beyond
    ``offs[-1]`` belongs to no group: those rows or columns of the result are 0 (PyTorch leaves them unset). Half types
    are accumulated in float32. The sizes of the groups may be traced; G is static.

    Args:
        mat_a: (M, K), or (G, M, K).
        mat_b: (K, N), or (G, K, N).
        offs: (G,) of int32, not decreasing; given exactly if an operand has two dimensions.
        bias: added to every group's result, to whose shape it broadcasts: (N,) or (1, N) where rows are in groups,
            (M, 1) where columns are, else (N,) or (M, N).
        out_dtype: of the result; None is that of ``mat_a``.

    Returns:
        (M, N) if one operand has two dimensions, else (G, M, N).

    Raises:
        ArgumentError: shapes that do not fit, offsets missing or not wanted.
        ArgumentTypeError: operands that are not floating or differ in dtype, offsets that are not int32.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> tokens, experts = jnp.ones((3, 2)), jnp.stack([jnp.eye(2), 2 * jnp.eye(2)])
        >>> F.grouped_mm(tokens, experts, offs=jnp.array([1, 3], jnp.int32))
        Array([[1., 1.],
               [2., 2.],
               [2., 2.]], dtype=float32)
    """
    a, b = to_array(mat_a, "mat_a", _WHERE), to_array(mat_b, "mat_b", _WHERE)
    groups = _checked(a, b, offs)
    dtype = a.dtype if out_dtype is None else canonical(out_dtype, _WHERE)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ArgumentTypeError(f"{_WHERE}out_dtype must be a floating dtype, got out_dtype={dtype}")
    if jnp.finfo(dtype).bits > jnp.finfo(a.dtype).bits:
        a, b = a.astype(dtype), b.astype(dtype)
    if groups is None:
        wide = jnp.promote_types(a.dtype, jnp.float32)
        y = lax.dot_general(a, b, (((2,), (1,)), ((0,), (0,))), preferred_element_type=wide)
    elif a.ndim == b.ndim:
        y = grouped_contraction(a, b, groups)
    elif a.ndim == 2:
        y = grouped_rows(a, b, groups)
    else:
        y = grouped_rows(b.T, lax.transpose(a, (0, 2, 1)), groups).T
    if bias is not None:
        y = y + _spread_bias(to_array(bias, "bias", _WHERE), y, a.ndim, b.ndim, groups)
    return y.astype(dtype)


def _checked(a: jax.Array, b: jax.Array, offs: ArrayLike | None) -> jax.Array | None:
    """The offsets, within the cut axis; None if both operands have a group axis."""
    for name, x in (("mat_a", a), ("mat_b", b)):
        if not is_floating(x):
            raise ArgumentTypeError(f"{_WHERE}Expected {name} to be a floating matrix, got {name}.dtype={x.dtype}")
        if x.ndim not in (2, 3):
            raise ArgumentError(f"{_WHERE}{name} has to be 2 or 3d, got {name}.shape={listed(x.shape)}")
    shapes = f"got mat_a.shape={listed(a.shape)} and mat_b.shape={listed(b.shape)}"
    if a.dtype != b.dtype:
        raise ArgumentTypeError(
            f"{_WHERE}expected mat_a and mat_b to have the same dtype, got mat_a.dtype={a.dtype} and "
            f"mat_b.dtype={b.dtype}"
        )
    if a.shape[-1] != b.shape[-2]:
        raise ArgumentError(f"{_WHERE}contraction dimension of mat_a and mat_b must match, {shapes}")
    both = a.ndim == 3 and b.ndim == 3
    if (offs is None) != both:
        raise ArgumentError(
            f"{_WHERE}Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d, {shapes} "
            f"and offs={'None' if offs is None else 'an array'}"
        )
    if offs is None:
        if a.shape[0] != b.shape[0]:
            raise ArgumentError(f"{_WHERE}batched dimension has to match, {shapes}")
        return None
    ends = to_array(offs, "offs", _WHERE)
    if ends.ndim != 1:
        raise ArgumentError(f"{_WHERE}offs has to be 1D, got offs.shape={listed(ends.shape)}")
    if ends.dtype != jnp.int32:
        raise ArgumentTypeError(f"{_WHERE}Offsets have to be int32, got offs.dtype={ends.dtype}")
    of_groups = a if a.ndim == 3 else b
    if of_groups.ndim == 3 and of_groups.shape[0] != ends.shape[0]:
        raise ArgumentError(f"{_WHERE}matrix batch sizes have to match, {shapes} and offs.shape={listed(ends.shape)}")
    if ends.shape[0] == 0:
        raise ArgumentError(f"{_WHERE}expected at least one group, got offs.shape=[0]")
    length = a.shape[0] if b.ndim == 3 else b.shape[1] if a.ndim == 3 else a.shape[1]
    return lax.clamp(jnp.int32(0), ends, jnp.int32(length))


def _spread_bias(bias: jax.Array, y: jax.Array, a_ndim: int, b_ndim: int, groups: jax.Array | None) -> jax.Array:
    """The bias with the shape of ``y``; along an axis in groups it must be constant, and 0 beyond the last."""
    group = list(y.shape[-2:])
    cut = None if groups is None or a_ndim == b_ndim else 0 if a_ndim == 2 else 1
    if cut is not None:
        group[cut] = 1
    if bias.ndim > 2 or any(n not in (1, m) for n, m in zip(bias.shape[::-1], group[::-1], strict=False)):
        raise ArgumentError(
            f"{_WHERE}bias must broadcast to the result of every group, expected up to shape {listed(group)}, got "
            f"bias.shape={listed(bias.shape)}"
        )
    whole = jnp.broadcast_to(bias.astype(y.dtype), y.shape)
    if groups is None or cut is None:
        return whole
    inside = lax.broadcasted_iota(jnp.int32, y.shape, cut) < groups[-1]
    return jnp.where(inside, whole, jnp.zeros_like(whole))
