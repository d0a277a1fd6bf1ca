"""Meshes: the devices of all processes in an array whose axes have names.

The names say what an axis is for; those that scripts for PyTorch use mean the same:

* a batch is split over ``"replica"``, ``"data"`` and ``"fsdp"`` (``"dp_replicate"``, ``"replicate"``; ``"dp"``;
  ``"dp_shard"``, ``"shard"``),
* a matrix over ``"model"`` (``"tensor"``, ``"tp"``),
* the steps of long inputs over ``"sequence"`` (``"context"``, ``"cp"``),
* experts over ``"expert"`` (``"ep"``).

Other axes are for rules of one's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["batch_axes", "batch_sharding", "mesh", "rule_axis", "size_of"]

BATCH = ("replica", "data", "fsdp", "dp_replicate", "replicate", "dp", "dp_shard", "shard")
SEQUENCE = ("sequence", "context", "cp")
MODEL = ("model", "tensor", "tp")
# over which axis a rule spreads a parameter: the first of these that the mesh has
OF_RULE = {
    "fsdp": ("fsdp", "dp_shard", "shard", "data", "dp"),
    "column": MODEL,
    "row": MODEL,
    "expert": ("expert", "ep"),
}


def mesh(devices: Sequence[Any] | None = None, /, **axes: int) -> Mesh:
    """A mesh of devices, by the names and sizes of its axes.

    Args:
        devices: which; None is all devices of all processes.
        **axes: the size of each axis; one may be -1, which is what the others leave. None given is ``data=-1``.

    Returns:
        A `jax.sharding.Mesh` with Auto axes: XLA divides ordinary code, and no function needs to know of it.

    Raises:
        ArgumentError: the sizes do not make the number of devices.

    Example:
        >>> import fnn
        >>> dict(fnn.distributed.mesh(data=-1, model=1).shape)
        {'data': 1, 'model': 1}
    """
    chosen = list(jax.devices() if devices is None else devices)
    sizes = dict(axes) or {"data": -1}
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool):
            raise ArgumentTypeError(f"mesh: the size of an axis is an int, got {name}={size!r}")
        if size < 1 and size != -1:
            raise ArgumentError(f"mesh: the size of an axis is positive, or -1 for what is left, got {name}={size}")
    open_ = [name for name, size in sizes.items() if size == -1]
    if len(open_) > 1:
        raise ArgumentError(f"mesh: only one axis can be -1, got {' and '.join(open_)}")
    fixed = math.prod(size for size in sizes.values() if size != -1)
    if open_ and len(chosen) % fixed == 0:
        sizes[open_[0]] = len(chosen) // fixed
    if math.prod(sizes.values()) != len(chosen):
        given = ", ".join(f"{name}={size}" for name, size in axes.items())
        raise ArgumentError(f"mesh: {len(chosen)} devices cannot be arranged as ({given})")
    names = tuple(sizes)
    types = (AxisType.Auto,) * len(names)
    return jax.make_mesh(tuple(sizes.values()), names, axis_types=types, devices=chosen)


def checked(value: object, where: str) -> Mesh:
    """The mesh, if it is one that ordinary code runs on.

    Raises:
        ArgumentTypeError: it is no mesh.
        ArgumentError: an axis is not Auto.
    """
    if not isinstance(value, Mesh):
        raise ArgumentTypeError(f"{where}: mesh must be a mesh (fnn.distributed.mesh(data=-1)), got {value!r}")
    other = [name for name, kind in zip(value.axis_names, value.axis_types, strict=True) if kind != AxisType.Auto]
    if other:
        raise ArgumentError(f"{where}: the axes of mesh must be of type Auto, got others: {other}")
    return value


def batch_axes(of: Mesh) -> tuple[str, ...]:
    """The axes over which a batch is split.

    Args:
        of: the mesh.

    Example:
        >>> import fnn
        >>> fnn.distributed.batch_axes(fnn.distributed.mesh(data=1, model=1))
        ('data',)
    """
    return tuple(name for name in of.axis_names if name in BATCH)


def size_of(of: Mesh | AbstractMesh, axes: str | Sequence[str] | None) -> int:
    """How many parts a dimension over these axes has."""
    names = () if axes is None else (axes,) if isinstance(axes, str) else axes
    return math.prod(of.shape[name] for name in names)


def batch_sharding(of: Mesh, shape: Sequence[int], dim: int = 0, sequence_dim: int = 1) -> NamedSharding:
    """How an array of a batch is spread: its rows over the axes of the batch, its steps over that of sequences.

    A dimension that the devices do not divide is whole on each of them.

    Args:
        of: the mesh.
        shape: of the array.
        dim: which dimension the rows are.
        sequence_dim: which dimension the steps are, on a mesh that has an axis for them.

    Example:
        >>> import fnn
        >>> mesh = fnn.distributed.mesh(data=1)
        >>> tuple(fnn.distributed.batch_sharding(mesh, (8, 3)).spec)
        ('data',)
    """
    parts: list[Any] = [None] * len(shape)
    for at, axes in ((dim, batch_axes(of)), (sequence_dim, tuple(a for a in of.axis_names if a in SEQUENCE))):
        if axes and at < len(shape) and parts[at] is None and shape[at] % size_of(of, axes) == 0:
            parts[at] = axes[0] if len(axes) == 1 else axes
    while parts and parts[-1] is None:
        parts.pop()
    return NamedSharding(of, PartitionSpec(*parts))


def rule_axis(of: Mesh | AbstractMesh, rule: str, where: str) -> str:
    """The axis over which a rule spreads parameters."""
    for name in OF_RULE[rule]:
        if name in of.axis_names:
            return name
    known = " or ".join(f'"{name}"' for name in OF_RULE[rule])
    raise ArgumentError(f'{where}: the rule "{rule}" needs an axis {known}; the mesh has {of.axis_names}')
