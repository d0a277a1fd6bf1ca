"""What an array's type says about a mesh of devices: the one place that knows where JAX keeps it."""

from __future__ import annotations

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
    """Whether the type speaks of a mesh at all, split or not."""
    mesh = getattr(_sharding(a), "mesh", None)
    return mesh is not None and not mesh.empty


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
