"""``torch.distributed.checkpoint`` for ported scripts, on `fnn.distributed.save_sharded` and ``load_sharded``.

    dcp.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, checkpoint_id="run/step-100")

A folder is of safetensors files with an index, and not in PyTorch's format of the same purpose.
"""

from typing import Any

from fnn.distributed.absent import instead
from fnn.distributed.checkpoint import state_dict
from fnn.distributed.checkpoint.loading import load
from fnn.distributed.checkpoint.saving import async_save, save
from fnn.distributed.checkpoint.storage import FileSystemReader, FileSystemWriter

__all__ = ["FileSystemReader", "FileSystemWriter", "async_save", "load", "save", "state_dict"]


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'fnn.distributed.checkpoint' has no attribute {name!r}{instead(name, __all__)}")
