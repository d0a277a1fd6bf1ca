"""``torch.distributed.tensor`` for ported scripts: placements, and tensor parallelism in `parallel`."""

from typing import Any

from fnn.distributed.absent import instead
from fnn.distributed.placements import Partial, Placement, Replicate, Shard

__all__ = ["Partial", "Placement", "Replicate", "Shard"]


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'fnn.distributed.tensor' has no attribute {name!r}{instead(name, __all__)}")
