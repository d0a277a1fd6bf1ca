"""What to write in place of a name that ``torch.distributed`` has and `fnn.distributed` means not to have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["instead"]

_POINTS = (
    "nothing is sent from one process to another by hand: a compiled step moves what a device needs; between the parts "
    "of an array jax.lax.ppermute does, under jax.shard_map"
)
_GROUPS = "groups of devices are axes of a mesh: fnn.distributed.mesh(data=-1, model=2)"

# Names, or patterns of names, that one text answers.
_TABLE = {
    "send recv isend irecv batch_isend_irecv P2POp send_object_list recv_object_list Work": _POINTS,
    "Store TCPStore FileStore HashStore PrefixStore rendezvous": "processes tell each other by all_gather_object, "
    "broadcast_object_list",
    "split_group shrink_group new_subgroups new_subgroups_by_enumeration": _GROUPS,
    "rpc": "there is no RPC: every process runs the same program",
    "StorageReader StorageWriter HuggingFaceStorageReader HuggingFaceStorageWriter LoadPlanner SavePlanner "
    "DefaultLoadPlanner DefaultSavePlanner load_state_dict save_state_dict load_sharded_optimizer_state_dict": (
        "folders are Hugging Face's; use save, load, async_save, or fnn.distributed.save_sharded and load_sharded"
    ),
    "register_fsdp_forward_method UnshardHandle share_comm_ctx register_forward_method": (
        "leave it out: a method of a fully sharded module reads whole weights, as forward does"
    ),
    "optim ZeroRedundancyOptimizer": 'distribute(model, mesh, "fsdp") spreads the state of an optimizer, too',
    "algorithms Join": "processes make the same number of steps: DataLoader(..., mesh=mesh) shares out the batches",
    "elastic run launcher": "python -m fnn.distributed.launch -n 4 train.py, or torchrun",
    "pipelining pipeline": 'use rules: distribute(model, mesh, ("column", "fsdp"))',
    "DistributedDataParallel": "it is fnn.nn.parallel.DistributedDataParallel",
    "DistributedSampler": "it is fnn.utils.data.DistributedSampler",
    "FullyShardedDataParallel FSDP ShardingStrategy CPUOffload MixedPrecision BackwardPrefetch StateDictType "
    "FullStateDictConfig wrap": 'use fnn.distributed.fsdp.fully_shard(model), or distribute(model, mesh, "fsdp"); half '
    "precision is fnn.amp.autocast",
    "DTensor distribute_tensor distribute_module": "arrays know their devices: jax.device_put(x, "
    "NamedSharding(mesh, P(...))); a model's are spread by fnn.distributed.distribute",
    "Backend BackendConfig": "JAX chooses how its devices exchange data; see get_backend()",
    "all_reduce_coalesced all_gather_coalesced reduce_scatter_multigpu broadcast_multigpu all_reduce_multigpu "
    "all_gather_multigpu reduce_multigpu": "call the one without the suffix for each array",
}


def instead(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not there.

    Args:
        name: the name.
        known: the names that are.
    """
    for names, text in _TABLE.items():
        if any(re.fullmatch(pattern, name) for pattern in names.split()):
            return f": {text}"
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
