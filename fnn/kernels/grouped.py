"""Matrix products whose rows, or whose contracted axis, are in groups: two bilinear primitives.

`lax.ragged_dot_general` has no derivative where the contracted axis is in groups, none of second order at all, and no
`jax.vmap` over one operand.  The two products are each other's derivatives, so that as primitives they have all of
them, and each lowers to it.  Group g goes from ``ends[g - 1]`` (0 for the first) to ``ends[g]``::

    rows(a, b)[i] = a[i] @ b[group of i]                (M, K), (G, K, N) -> (M, N), 0 beyond the last group
    contracted(a, b)[g] = a[:, group g] @ b[group g]    (M, K), (K, N) -> (G, M, N)
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels.mesh import agree
from fnn.kernels.portable import Own

_CONTRACTED = lax.RaggedDotDimensionNumbers(
    (((1,), (0,)), ((), ())), lhs_ragged_dimensions=[1], rhs_group_dimensions=[]
)


def grouped_rows(a: jax.Array, b: jax.Array, ends: jax.Array) -> jax.Array:
    """``rows(a, b)``: (M, K), (G, K, N) and int32 ends (G,) to (M, N), all of one floating dtype."""
    return rows_p.bind(*agree(a, b), ends)


def grouped_contraction(a: jax.Array, b: jax.Array, ends: jax.Array) -> jax.Array:
    """``contracted(a, b)``: (M, K), (K, N) and int32 ends (G,) to (G, M, N), all of one floating dtype."""
    return contracted_p.bind(*agree(a, b), ends)


def _sizes(ends: jax.Array) -> jax.Array:
    return ends - lax.concatenate([jnp.zeros(1, ends.dtype), ends[:-1]], 0)


def _rows(a: jax.Array, b: jax.Array, ends: jax.Array) -> jax.Array:
    y = lax.ragged_dot(a, b, _sizes(ends), preferred_element_type=jnp.promote_types(a.dtype, jnp.float32))
    # what ragged_dot has beyond the last group depends on the backend
    inside = lax.broadcasted_iota(ends.dtype, y.shape, 0) < ends[-1]
    return jnp.where(inside, y, jnp.zeros_like(y)).astype(a.dtype)


def _contracted(a: jax.Array, b: jax.Array, ends: jax.Array) -> jax.Array:
    wide = jnp.promote_types(a.dtype, jnp.float32)
    return lax.ragged_dot_general(a, b, _sizes(ends), _CONTRACTED, preferred_element_type=wide).astype(a.dtype)


def _turned(b: jax.Array) -> jax.Array:
    return lax.transpose(b, (*range(b.ndim - 2), b.ndim - 1, b.ndim - 2))


def _rows_transposed(ct: Any, a: Any, b: Any, ends: jax.Array) -> list[Any]:
    if ad.is_undefined_primal(a):
        return [ad.Zero(a.aval) if isinstance(ct, ad.Zero) else grouped_rows(ct, _turned(b), ends), None, None]
    return [None, ad.Zero(b.aval) if isinstance(ct, ad.Zero) else grouped_contraction(_turned(a), ct, ends), None]


def _contracted_transposed(ct: Any, a: Any, b: Any, ends: jax.Array) -> list[Any]:
    if ad.is_undefined_primal(a):
        if isinstance(ct, ad.Zero):
            return [ad.Zero(a.aval), None, None]
        return [_turned(grouped_rows(b, _turned(ct), ends)), None, None]
    return [None, ad.Zero(b.aval) if isinstance(ct, ad.Zero) else grouped_rows(_turned(a), ct, ends), None]


# -- under vmap: the new axis joins one that is not in groups, or the rows of one group -------------------


def _rows_batched(args: tuple, dims: tuple) -> tuple[jax.Array, int]:
    a, b, ends = _moved(args, dims)
    if dims[2] is None and dims[1] is None:
        n = a.shape[0]
        together = lax.transpose(a, (1, 0, 2)).reshape(-1, a.shape[2])
        return grouped_rows(together, b, ends * n).reshape(a.shape[1], n, b.shape[2]), 1
    if dims[2] is None and dims[0] is None:
        n = b.shape[0]
        together = lax.transpose(b, (1, 2, 0, 3)).reshape(b.shape[1], b.shape[2], -1)
        return grouped_rows(a, together, ends).reshape(a.shape[0], n, b.shape[3]), 1
    return _one_by_one(grouped_rows, (a, b, ends), dims), 0


def _contracted_batched(args: tuple, dims: tuple) -> tuple[jax.Array, int]:
    a, b, ends = _moved(args, dims)
    if dims[2] is None and dims[1] is None:
        together = grouped_contraction(a.reshape(-1, a.shape[2]), b, ends)
        return together.reshape(ends.shape[0], *a.shape[:2], b.shape[1]), 1
    if dims[2] is None and dims[0] is None:
        together = grouped_contraction(a, lax.transpose(b, (1, 0, 2)).reshape(b.shape[1], -1), ends)
        return together.reshape(ends.shape[0], a.shape[0], b.shape[0], b.shape[2]), 2
    return _one_by_one(grouped_contraction, (a, b, ends), dims), 0


def _moved(args: tuple, dims: tuple) -> list[jax.Array]:
    return [x if d is None else jnp.moveaxis(x, d, 0) for x, d in zip(args, dims, strict=True)]


def _one_by_one(function: Any, args: tuple, dims: tuple) -> jax.Array:
    mapped = [x for x, d in zip(args, dims, strict=True) if d is not None]

    def one(parts: list[jax.Array]) -> jax.Array:
        left = iter(parts)
        return function(*(x if d is None else next(left) for x, d in zip(args, dims, strict=True)))

    return lax.map(one, mapped)


def _jvp(primitive: Any) -> Any:
    def rule(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
        a, b, ends = primals
        out = primitive.bind(a, b, ends)
        parts = []
        if not isinstance(tangents[0], ad.Zero):
            parts.append(primitive.bind(tangents[0], b, ends))
        if not isinstance(tangents[1], ad.Zero):
            parts.append(primitive.bind(a, tangents[1], ends))
        return out, sum(parts[1:], parts[0]) if parts else ad.Zero(jax.typeof(out))

    return rule


rows_p, contracted_p = Own("fnn_grouped_rows"), Own("fnn_grouped_contraction")


@rows_p.def_abstract_eval
def _rows_shape(a: ShapedArray, b: ShapedArray, ends: ShapedArray) -> ShapedArray:
    del ends
    return a.update(shape=(a.shape[0], b.shape[2]), weak_type=False)


@contracted_p.def_abstract_eval
def _contracted_shape(a: ShapedArray, b: ShapedArray, ends: ShapedArray) -> ShapedArray:
    return a.update(shape=(ends.shape[0], a.shape[0], b.shape[1]), weak_type=False)


for primitive, formula, transposed, batched in (
    (rows_p, _rows, _rows_transposed, _rows_batched),
    (contracted_p, _contracted, _contracted_transposed, _contracted_batched),
):
    primitive.formula = formula
    primitive.def_impl(jax.jit(formula))
    mlir.register_lowering(primitive, mlir.lower_fun(formula, multiple_results=False))
    ad.primitive_jvps[primitive], ad.primitive_transposes[primitive] = _jvp(primitive), transposed
    batching.primitive_batchers[primitive] = batched
