"""Feeding data to a training loop: `torch.utils.data`, name for name.

Names are imported when they are first used, and none of them imports JAX: worker processes come here as well.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fnn.utils.data import distributed
    from fnn.utils.data._worker_info import get_worker_info
    from fnn.utils.data.collate import default_collate, default_convert
    from fnn.utils.data.dataloader import DataLoader
    from fnn.utils.data.dataset import (
        ChainDataset,
        ConcatDataset,
        Dataset,
        IterableDataset,
        StackDataset,
        Subset,
        TensorDataset,
        random_split,
    )
    from fnn.utils.data.distributed import DistributedSampler
    from fnn.utils.data.sampler import (
        BatchSampler,
        RandomSampler,
        Sampler,
        SequentialSampler,
        SubsetRandomSampler,
        WeightedRandomSampler,
    )

_NAMES = {
    "_worker_info": ("get_worker_info",),
    "collate": ("default_collate", "default_convert"),
    "dataloader": ("DataLoader",),
    "dataset": (
        "ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
        "random_split",
    ),
    "distributed": ("DistributedSampler",),
    "sampler": (
        "BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler",
        "WeightedRandomSampler",
    ),
}  # fmt: skip
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler",
    "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
    "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate", "default_convert",
    "distributed", "get_worker_info", "random_split",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"fnn.utils.data.{_HOME[name]}"), name)
    elif name == "distributed":
        value = import_module("fnn.utils.data.distributed")
    else:
        raise AttributeError(f"module 'fnn.utils.data' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
