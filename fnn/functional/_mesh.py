"""What an array's type says about a mesh of devices: the one place that knows where JAX keeps it."""

from typing import Any

import jax


def partitioned(a: Any) -> bool:
    """Whether the type says how the array is split over devices (explicit meshes): JAX's own rules know what then."""
    spec = getattr(getattr(jax.typeof(a), "sharding", None), "spec", ())
    return any(axis is not None for axis in spec)


def on_mesh(a: Any) -> bool:
    """Whether the type speaks of a mesh at all, split or not."""
    mesh = getattr(getattr(jax.typeof(a), "sharding", None), "mesh", None)
    return mesh is not None and not mesh.empty


def agree(a: Any, b: Any) -> tuple[Any, Any]:
    """Inside `jax.shard_map`: both operands vary over the same axes of the mesh."""
    every = varying(a) | varying(b)
    return vary(a, every), vary(b, every)


def varying(a: Any) -> frozenset[str]:
    """The axes of the mesh that the array differs over."""
    kind = jax.typeof(a)
    if hasattr(kind, "vma"):
        return kind.vma
    return getattr(getattr(kind, "manual_axis_type", None), "varying", frozenset())  # from jax 0.10 on


def vary(a: Any, axes: frozenset[str]) -> Any:
    """The array as one that varies over ``axes``, too; the adjoint sums over them."""
    missing = tuple(sorted(axes - varying(a)))
    if not missing:
        return a
    if hasattr(jax.lax, "pcast"):
        return jax.lax.pcast(a, missing, to="varying")
    return getattr(jax.lax, "pvary")(a, missing)  # noqa: B009  before jax 0.9
