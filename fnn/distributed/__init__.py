"""Many devices and processes: meshes, rules, and a training step that stays as it is.

    fnn.distributed.init()                                     # nothing, for a process that is alone
    mesh = fnn.distributed.mesh(data=-1)
    model = fnn.distributed.distribute(Net(), mesh, "fsdp")
    loader = DataLoader(data, batch_size=256, shuffle=True, mesh=mesh)

``python -m fnn.distributed.launch -n 4 train.py`` starts several processes on this machine.
"""

from typing import Any

from fnn.distributed import agreement as agreement  # `fnn.jit` asks it
from fnn.distributed import checkpoint, fsdp, tensor
from fnn.distributed.absent import instead
from fnn.distributed.device_mesh import DeviceMesh, init_device_mesh
from fnn.distributed.distributing import distribute, mesh_of
from fnn.distributed.files import Saving, load_sharded, save_sharded
from fnn.distributed.meeting import barrier, gather
from fnn.distributed.meshes import batch_axes, batch_sharding, mesh
from fnn.distributed.orbax import load_orbax, save_orbax
from fnn.distributed.processes import init, is_initialized, process_count, process_index, shutdown
from fnn.distributed.sharing import global_batch
from fnn.distributed.table import Distribution, Row, distribution, plan
from fnn.distributed.torch_collectives import all_gather, all_gather_into_tensor, broadcast
from fnn.distributed.torch_exchanges import all_to_all, all_to_all_single, reduce, scatter
from fnn.distributed.torch_groups import (
    GroupMember,
    ProcessGroup,
    get_global_rank,
    get_group_rank,
    get_node_local_rank,
    get_process_group_ranks,
    group,
    is_gloo_available,
    is_mpi_available,
    is_nccl_available,
    is_torchelastic_launched,
    is_ucc_available,
    new_group,
)
from fnn.distributed.torch_names import (
    destroy_process_group,
    get_backend,
    get_rank,
    get_world_size,
    init_process_group,
    is_available,
    monitored_barrier,
)
from fnn.distributed.torch_objects import (
    all_gather_object,
    broadcast_object_list,
    gather_object,
    scatter_object_list,
)
from fnn.distributed.torch_reductions import ReduceOp, all_reduce, reduce_scatter, reduce_scatter_tensor

__all__ = [
    "DeviceMesh", "Distribution", "GroupMember", "ProcessGroup", "ReduceOp", "Row", "Saving", "all_gather",
    "all_gather_into_tensor", "all_gather_object", "all_reduce", "all_to_all", "all_to_all_single", "barrier",
    "batch_axes", "batch_sharding", "broadcast", "broadcast_object_list", "checkpoint", "destroy_process_group",
    "distribute", "distribution", "fsdp", "gather", "gather_object", "get_backend", "get_global_rank", "get_group_rank",
    "get_node_local_rank", "get_process_group_ranks", "get_rank", "get_world_size", "global_batch", "group", "init",
    "init_device_mesh", "init_process_group", "is_available", "is_gloo_available", "is_initialized",
    "is_mpi_available", "is_nccl_available", "is_torchelastic_launched", "is_ucc_available", "load_orbax",
    "load_sharded", "mesh", "mesh_of", "monitored_barrier", "new_group", "plan", "process_count", "process_index",
    "reduce", "reduce_scatter", "reduce_scatter_tensor", "save_orbax", "save_sharded", "scatter",
    "scatter_object_list", "shutdown", "tensor",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'fnn.distributed' has no attribute {name!r}{instead(name, __all__)}")
