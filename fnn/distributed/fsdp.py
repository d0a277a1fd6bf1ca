"""``torch.distributed.fsdp`` for ported scripts: `fully_shard`, on the rule ``"fsdp"`` of `fnn.distributed.distribute`.

    for block in model.blocks:
        fully_shard(block)
    fully_shard(model)

Parameters keep their names and their whole shapes; each device holds its part of them, of their gradients and of the
optimizer's state.  A part is a dimension's even share: one that the devices do not divide is not spread (PyTorch pads
dimension 0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from fnn.distributed.absent import instead
from fnn.distributed.device_mesh import DeviceMesh, jax_mesh
from fnn.distributed.distributing import Spread, check_alike, spread_by, watch
from fnn.distributed.fsdp_module import FSDPModule, settle
from fnn.distributed.meshes import batch_axes, rule_axis, size_of
from fnn.distributed.placements import Shard
from fnn.distributed.policies import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy
from fnn.distributed.rules import Placed, extended, resolved
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Module, Parameter

__all__ = ["CPUOffloadPolicy", "FSDPModule", "MixedPrecisionPolicy", "OffloadPolicy", "fully_shard"]

_WHERE = "fully_shard"
_PRECISION, _OFFLOAD = MixedPrecisionPolicy(), OffloadPolicy()
_classes: dict[type, type] = {}


@overload
def fully_shard(
    module: Module,
    *,
    mesh: DeviceMesh | Mesh | None = ...,
    reshard_after_forward: bool | int | None = ...,
    shard_placement_fn: Callable[[Parameter], Shard | None] | None = ...,
    mp_policy: MixedPrecisionPolicy = ...,
    offload_policy: OffloadPolicy = ...,
    ignored_params: set[Parameter] | None = ...,
    dp_mesh_dims: None = ...,
) -> Any: ...
@overload
def fully_shard(
    module: list[Module],
    *,
    mesh: DeviceMesh | Mesh | None = ...,
    reshard_after_forward: bool | int | None = ...,
    shard_placement_fn: Callable[[Parameter], Shard | None] | None = ...,
    mp_policy: MixedPrecisionPolicy = ...,
    offload_policy: OffloadPolicy = ...,
    ignored_params: set[Parameter] | None = ...,
    dp_mesh_dims: None = ...,
) -> list[Any]: ...
def fully_shard(
    module: Module | list[Module],
    *,
    mesh: DeviceMesh | Mesh | None = None,
    reshard_after_forward: bool | int | None = None,
    shard_placement_fn: Callable[[Parameter], Shard | None] | None = None,
    mp_policy: MixedPrecisionPolicy = _PRECISION,
    offload_policy: OffloadPolicy = _OFFLOAD,
    ignored_params: set[Parameter] | None = None,
    dp_mesh_dims: None = None,
) -> Any:
    """Spreads the parameters of a module over the devices among which its batches are shared out, in place.

    What a call for a module below has spread stays as it is, and so does what `parallelize_module` has: a matrix that
    is spread over ``"tp"`` is spread over the mesh of this call by another dimension.

    Args:
        module: the module, or a list of modules.
        mesh: one axis, or two, over the second of which parameters are spread while the first holds copies; None is all
            devices.
        reshard_after_forward: True: a weight is gathered again in the backward pass, and not kept; False: it is kept
            from the forward pass on; None: True for modules below one that is fully sharded, False for the uppermost.
        shard_placement_fn: of a parameter, returns which dimension is spread, ``Shard(dim)``; None for its largest one.
        mp_policy: the default; see `fnn.amp.autocast`.
        offload_policy: the default.
        ignored_params: parameters that are not spread.
        dp_mesh_dims: None.

    Returns:
        The module (or the list), whose class is now one of `FSDPModule` as well.

    Raises:
        ArgumentError: an axis over which batches are not split, a dimension that the devices do not divide, or an
            argument that asks for what there is not.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
        >>> for layer in model:
        ...     layer = fnn.distributed.fsdp.fully_shard(layer)
        >>> model = fnn.distributed.fsdp.fully_shard(model)
        >>> tuple(model[0].weight.data.sharding.spec)
        ('dp_shard', None)
    """
    if isinstance(module, (list, tuple)):
        for one in module:
            fully_shard(
                one, mesh=mesh, reshard_after_forward=reshard_after_forward, shard_placement_fn=shard_placement_fn,
                mp_policy=mp_policy, offload_policy=offload_policy, ignored_params=ignored_params,
                dp_mesh_dims=dp_mesh_dims,
            )  # fmt: skip
        return module
    if not isinstance(module, Module):
        raise ArgumentTypeError(f"{_WHERE}: module must be a Module, got {type(module).__name__}")
    for name, value, default in (
        ("mp_policy", mp_policy, MixedPrecisionPolicy()),
        ("offload_policy", offload_policy, OffloadPolicy()),
        ("dp_mesh_dims", dp_mesh_dims, None),
    ):
        if value != default:
            raise ArgumentError(f"{_WHERE}: {name} must be {default!r}, got {value!r}{_instead(value)}")
    if reshard_after_forward is not None and not isinstance(reshard_after_forward, bool):
        raise ArgumentError(
            f"{_WHERE}: reshard_after_forward must be True, False or None, got {reshard_after_forward!r}: weights are "
            "gathered again over the whole axis or not at all"
        )
    whole, axes = jax_mesh(mesh, ("dp_replicate", "dp_shard"), _WHERE)
    wrong = [axis for axis in axes if axis not in batch_axes(whole)]
    if wrong or len(axes) > 2:
        raise ArgumentError(f"{_WHERE}: mesh must have one or two axes of the batch, got {axes}")
    ignored = {id(p) for p in ignored_params or ()}
    taken = {id(b) for m in module.modules() if isinstance(m, FSDPModule) for b in m.parameters()}
    plan = _plan(module, whole, shard_placement_fn, taken, ignored)
    check_alike(plan)
    spread_by(plan, whole)
    watch(module, Spread(whole, 0, 1, tuple((e.names[0], e.word) for e in plan if e.word)))
    for below in module.modules():
        if isinstance(below, FSDPModule) and below is not module:
            below.__dict__["_inner"] = True
    if not isinstance(module, FSDPModule):
        cls = type(module)
        if cls not in _classes:
            _classes[cls] = type(f"FSDP{cls.__name__}", (FSDPModule, cls), {"__module__": cls.__module__})
        module.__class__ = _classes[cls]
        module.__dict__["_inner"] = False
    module.__dict__["_reshards"] = reshard_after_forward
    settle(module)
    return module


def _instead(value: Any) -> str:
    """What to write in place of a policy."""
    if isinstance(value, MixedPrecisionPolicy):
        half = np.dtype(jnp.bfloat16 if value.param_dtype is None else value.param_dtype).name
        device = "cuda" if jax.default_backend() == "gpu" else jax.default_backend()
        return (
            ": parameters stay as they are, and a step computes in another precision where its forward pass and loss "
            f"stand in `with fnn.autocast({device!r}, dtype=fnn.{half}):`"
        )
    if isinstance(value, OffloadPolicy):
        return ": each device keeps its part; more devices on the mesh make it smaller"
    return ""


def _plan(
    module: Module,
    mesh: Mesh,
    place: Callable[[Parameter], Shard | None] | None,
    taken: Iterable[int],
    ignored: Iterable[int],
) -> list[Placed]:
    plan = []
    for entry in resolved(module, mesh, None, _WHERE):
        if id(entry.box) in taken:
            continue
        layout = entry.box._layout
        base = PartitionSpec() if layout is None or layout.sharding.mesh != mesh else layout.sharding.spec
        entry = replace(entry, spec=base)
        if isinstance(entry.box, Parameter) and id(entry.box) not in ignored:
            chosen = place(entry.box) if place is not None else None
            entry = _by_dim(entry, mesh, chosen) if chosen is not None else extended(entry, mesh, "fsdp", _WHERE)
        plan.append(entry)
    return plan


def _by_dim(entry: Placed, mesh: Mesh, chosen: Shard) -> Placed:
    shape, axis = tuple(entry.box.shape), rule_axis(mesh, "fsdp", _WHERE)
    where = f"{_WHERE}: shard_placement_fn: {entry.names[0]} of shape {shape}"
    if not isinstance(chosen, Shard):
        raise ArgumentTypeError(f"{where}: expected Shard(dim) or None, got {chosen!r}")
    if not -len(shape) <= chosen.dim < len(shape):
        raise ArgumentError(f"{where} has no dimension {chosen.dim}")
    dim = chosen.dim % len(shape)
    parts: list[Any] = [*entry.spec, *(None,) * (len(shape) - len(entry.spec))]
    if parts[dim] is not None or shape[dim] % size_of(mesh, axis):
        raise ArgumentError(f"{where}: {size_of(mesh, axis)} devices cannot share dimension {dim}")
    parts[dim] = axis
    return replace(entry, spec=PartitionSpec(*parts))


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'fnn.distributed.fsdp' has no attribute {name!r}{instead(name, __all__)}")
