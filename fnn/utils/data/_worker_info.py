"""What code that runs in a worker process can learn about it."""

import sys
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["WorkerInfo", "get_worker_info", "preloadable", "set_worker_info"]


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """The worker process that the code runs in.

    Attributes:
        id: its number, 0 to num_workers - 1.
        num_workers: how many workers the loader has.
        seed: the seed of this worker's generators: the loader's base seed plus ``id``.
        dataset: this worker's copy of the dataset.
        rng: None; in PyTorch the generators of a worker that is a thread.
        worker_method: ``"multiprocessing"``: workers are processes.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


_PRELOADED_PACKAGES: Final = frozenset({"PIL"})  # safe to fork with, slow to import, wanted by most who load images


def preloadable() -> set[str]:
    """The modules of this process that workers may as well be forked with."""
    return {name for name in list(sys.modules) if name.partition(".")[0] in _PRELOADED_PACKAGES}


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The worker process that the caller runs in; None outside of worker processes.

    An `IterableDataset` shares its samples out with it; a ``worker_init_fn`` sets up a worker's copy of the dataset.

    >>> get_worker_info() is None
    True
    """
    return _worker_info


def set_worker_info(info: WorkerInfo) -> None:
    """Says that this process is a worker."""
    global _worker_info
    _worker_info = info
