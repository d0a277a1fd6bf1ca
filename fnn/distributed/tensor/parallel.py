"""``torch.distributed.tensor.parallel`` for ported scripts: which matrices are spread, and how what goes in and out is.

PyTorch's modules see the part of an array that their process holds; here arrays are whole wherever Python sees them,
and a style says how the compiled program spreads them.  So a script does not divide its number of heads by the number
of devices, ``use_local_output`` makes no difference, and ``Partial()`` is not needed.  Values never depend on a style.
"""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Iterable

from jax.sharding import Mesh, PartitionSpec

from fnn.distributed.device_mesh import DeviceMesh, jax_mesh
from fnn.distributed.distributing import Spread, check_alike, spread_by, watch
from fnn.distributed.meshes import rule_axis
from fnn.distributed.rules import Placed, resolved
from fnn.distributed.tensor.preparing import PrepareModuleInput, PrepareModuleInputOutput, PrepareModuleOutput
from fnn.distributed.tensor.styles import (
    ColwiseParallel,
    ParallelStyle,
    RowwiseParallel,
    SequenceParallel,
)
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Module

__all__ = [
    "ColwiseParallel", "ParallelStyle", "PrepareModuleInput", "PrepareModuleInputOutput", "PrepareModuleOutput",
    "RowwiseParallel", "SequenceParallel", "parallelize_module",
]  # fmt: skip


def parallelize_module(
    module: Module,
    device_mesh: DeviceMesh | Mesh | None = None,
    parallelize_plan: ParallelStyle | dict[str, ParallelStyle] | None = None,
    *,
    src_data_rank: int | None = 0,
) -> Module:
    """Spreads the matrices of a module over the devices of one axis, in place; what no style names is whole on each.

    Args:
        module: the module.
        device_mesh: one axis of a mesh (``mesh["tp"]``); None is all devices.
        parallelize_plan: a style, or a dict from paths of modules below, with ``*``, to styles.
        src_data_rank: the process whose values they are; all must hold the same, which is checked. None: each process
            gives the values of its own devices.

    Returns:
        The module.

    Raises:
        ArgumentTypeError: a plan that is none, or a style for another kind of module.
        ArgumentError: a mesh of several axes, or processes that hold different values.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> from fnn.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> model = parallelize_module(model, None, {"0": ColwiseParallel(), "2": RowwiseParallel()})
        >>> tuple(model[0].weight.data.sharding.spec), tuple(model[2].weight.data.sharding.spec)
        (('tp', None), (None, 'tp'))
    """
    where = "parallelize_module"
    if parallelize_plan is None:
        warnings.warn(
            "No parallelize_plan is provided and auto-parallel is not supported at the moment, so this "
            "parallelize_module call will do nothing.",
            stacklevel=2,
        )
        return module
    if not isinstance(parallelize_plan, (ParallelStyle, dict)):
        raise ArgumentTypeError(
            "Expect Union[ParallelStyle, Dict[str, ParallelStyle]] for"
            f" parallelize_plan, {type(parallelize_plan)} found!"
        )
    mesh, axes = jax_mesh(device_mesh, ("tp",), where)
    if len(axes) != 1:
        raise ArgumentError(f'{where}: device_mesh must be one axis, such as mesh["tp"], got {axes}')
    axis = axes[0]
    if rule_axis(mesh, "column", where) != axis:
        raise ArgumentError(f"{where}: the axis of matrices is {rule_axis(mesh, 'column', where)!r}, got {axis!r}")
    if src_data_rank is not None and src_data_rank < 0:
        raise ArgumentError(f"{where}: src_data_rank must not be negative, got {src_data_rank}")
    styles = {"": parallelize_plan} if isinstance(parallelize_plan, ParallelStyle) else parallelize_plan
    plan: dict[int, Placed] = {}
    for path, style in styles.items():
        found = list(_below(module, path.split("."))) if path else [module]
        if not found:
            warnings.warn(
                f"Parallelize plan key '{path}' could not be resolved: no submodule matching it in module {module}, "
                "skipping this plan entry.",
                stacklevel=2,
            )
        for each in found:
            plan |= {id(entry.box): entry for entry in style.apply(each, mesh, axis)}
    for entry in resolved(module, mesh, None, where):
        layout = entry.box._layout
        held = PartitionSpec() if layout is None or layout.sharding.mesh != mesh else layout.sharding.spec
        plan.setdefault(id(entry.box), Placed(entry.names, entry.box, held, entry.rule))
    if src_data_rank is not None:
        check_alike(list(plan.values()))
    spread_by(list(plan.values()), mesh)
    watch(module, Spread(mesh, 0))
    return module


def _below(module: Module, path: list[str]) -> Iterable[Module]:
    """The modules that a path with wildcards leads to."""
    for name, child in module.named_children():
        if fnmatch.fnmatch(name, path[0]):
            yield from _below(child, path[1:]) if path[1:] else [child]
