"""What an array's type says about a mesh of devices: the one place that knows where JAX keeps it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
from jax.core import ShapedArray
from jax.interpreters import mlir
from jax.sharding import PartitionSpec


def partitioned(a: jax.Array | ShapedArray) -> bool:
    """Whether the type says how the array (or the type) is split over devices, which is so on explicit meshes."""
    spec = getattr(_sharding(a), "spec", ())
    return any(axis is not None for axis in spec)


def on_mesh(a: jax.Array | ShapedArray) -> bool:
    """Whether the type speaks of a mesh of several devices, split or not; or of one whose types are explicit."""
    mesh = getattr(_sharding(a), "mesh", None)
    return mesh is not None and not mesh.empty and (mesh.size > 1 or not mesh.are_all_axes_auto)


def summed(*operands: jax.Array) -> dict[str, Any]:
    """The argument that tells a contraction over split axes to add up what the devices have; none where none are."""
    return {"out_sharding": PartitionSpec()} if any(map(partitioned, operands)) else {}


def gathered(a: jax.Array) -> jax.Array:
    """The whole array on every device."""
    return jax.sharding.reshard(a, PartitionSpec()) if partitioned(a) else a


def select(which: jax.Array, yes: jax.Array, no: jax.Array) -> jax.Array:
    """`lax.select` of arrays of one shape; on an explicit mesh all are split as the first of them that is.

    JAX wants them alike there, and constants, masks and indices are made whole.
    """
    operands = which, yes, no
    split = next((a for a in (yes, no, which) if partitioned(a)), None)
    if split is None:
        return jax.lax.select(*operands)
    spec = _sharding(split).spec
    return jax.lax.select(*(a if _sharding(a).spec == spec else jax.sharding.reshard(a, spec) for a in operands))


def reshape(x: jax.Array, shape: Sequence[int]) -> jax.Array:
    """`lax.reshape`; on an explicit mesh axes that stay are split as before, merged ones as the first of them.

    JAX itself merges or splits one axis at a time there.
    """
    shape = tuple(shape)
    if not partitioned(x) or 0 in shape:
        return jax.lax.reshape(x, shape)
    before, after = _specs(x.shape, tuple(_sharding(x).spec), _sharding(x).mesh.shape, shape)
    if before != tuple(_sharding(x).spec):
        x = jax.sharding.reshard(x, PartitionSpec(*before))
    return jax.lax.reshape(x, shape, out_sharding=PartitionSpec(*after))


def _specs(old: tuple[int, ...], spec: tuple[Any, ...], sizes: Any, new: tuple[int, ...]) -> tuple[tuple, tuple]:
    """How an array is to be split before and after a reshape: group by group of axes with one product."""
    before: list[Any] = []
    after: list[Any] = []
    i = j = 0
    while i < len(old) or j < len(new):
        first, start, m, n = i, j, 1, 1
        while i == first or j == start or m != n:
            if i < len(old) and (m <= n or j == len(new)):
                m, i = m * old[i], i + 1
            elif j < len(new):
                n, j = n * new[j], j + 1
            else:
                break  # axes of size 1 at an end
        axes = spec[first:i]
        named = axes[0] if axes else None
        count = math.prod(sizes[name] for name in ((named,) if isinstance(named, str) else named or ()))
        kept = named is not None and j > start and not any(axes[1:]) and new[start] % count == 0
        before += [named if kept else None, *[None] * (i - first - 1)][: i - first]
        after += [named if kept else None, *[None] * (j - start - 1)][: j - start]
    return tuple(before), tuple(after)


def like_rows(a: jax.Array, x: jax.Array) -> jax.Array:
    """``a`` with its first axis split as that of ``x``, and no other one, on an explicit mesh."""
    if not partitioned(x) and not partitioned(a):
        return a
    return jax.sharding.reshard(a, PartitionSpec(_sharding(x).spec[0]))


def devices(ctx: mlir.LoweringRuleContext) -> int:
    """How many devices the program runs on that a lowering rule with this context is part of."""
    on: Any = ctx.module_context.axis_context
    return on.mesh.size if hasattr(on, "mesh") else getattr(on, "num_devices", 2)


def _sharding(a: jax.Array | ShapedArray) -> Any:
    return getattr(a if isinstance(a, ShapedArray) else jax.typeof(a), "sharding", None)


def agree(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Inside `jax.shard_map`: both operands vary over the same axes of the mesh."""
    every = varying(a) | varying(b)
    return vary(a, every), vary(b, every)


def varying(a: jax.Array) -> frozenset[str]:
    """The axes of the mesh that the array differs over."""
    kind = jax.typeof(a)
    if hasattr(kind, "vma"):
        return kind.vma
    return getattr(getattr(kind, "manual_axis_type", None), "varying", frozenset())  # from jax 0.10 on


def vary(a: jax.Array, axes: frozenset[str]) -> jax.Array:
    """The array as one that varies over ``axes``, too; the adjoint sums over them."""
    missing = tuple(sorted(axes - varying(a)))
    if not missing:
        return a
    if hasattr(jax.lax, "pcast"):
        return jax.lax.pcast(a, missing, to="varying")
    return getattr(jax.lax, "pvary")(a, missing)  # noqa: B009  before jax 0.9
