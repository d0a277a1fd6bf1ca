"""``torch.distributed.tensor`` for ported scripts: placements, and tensor parallelism in `parallel`."""

from fnn.distributed.placements import Partial, Placement, Replicate, Shard

__all__ = ["Partial", "Placement", "Replicate", "Shard"]
