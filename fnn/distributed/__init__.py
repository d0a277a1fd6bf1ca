"""Many devices and processes: meshes, rules, and a training step that stays as it is.

    fnn.distributed.init()                                     # nothing, for a process that is alone
    mesh = fnn.distributed.mesh(data=-1)
    model = fnn.distributed.distribute(Net(), mesh, "fsdp")
    loader = DataLoader(data, batch_size=256, shuffle=True, mesh=mesh)

``python -m fnn.distributed.launch -n 4 train.py`` starts several processes on this machine.
"""

from fnn.distributed import agreement as agreement  # `fnn.jit` asks it
from fnn.distributed import fsdp, tensor
from fnn.distributed.device_mesh import DeviceMesh, init_device_mesh
from fnn.distributed.distributing import distribute, mesh_of
from fnn.distributed.files import Saving, load_sharded, save_sharded
from fnn.distributed.meeting import barrier, gather
from fnn.distributed.meshes import batch_axes, batch_sharding, mesh
from fnn.distributed.orbax import load_orbax, save_orbax
from fnn.distributed.processes import init, is_initialized, process_count, process_index, shutdown
from fnn.distributed.table import Distribution, Row, distribution, plan
from fnn.distributed.torch_collectives import all_gather, all_gather_into_tensor, broadcast
from fnn.distributed.torch_names import (
    destroy_process_group,
    get_backend,
    get_rank,
    get_world_size,
    init_process_group,
    is_available,
)
from fnn.distributed.torch_reductions import ReduceOp, all_reduce, reduce_scatter, reduce_scatter_tensor

__all__ = [
    "DeviceMesh", "Distribution", "ReduceOp", "Row", "Saving", "all_gather", "all_gather_into_tensor", "all_reduce",
    "barrier", "batch_axes", "batch_sharding", "broadcast", "destroy_process_group", "distribute", "distribution",
    "fsdp", "gather", "get_backend", "get_rank", "get_world_size", "init", "init_device_mesh", "init_process_group",
    "is_available", "is_initialized", "load_orbax", "load_sharded", "mesh", "mesh_of", "plan", "process_count",
    "process_index", "reduce_scatter", "reduce_scatter_tensor", "save_orbax", "save_sharded", "shutdown", "tensor",
]  # fmt: skip
