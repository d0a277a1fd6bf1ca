"""The sampler of a training job with several processes."""

import math
from collections.abc import Iterator, Sized

from fnn.errors import ArgumentError
from fnn.host_random import Generator
from fnn.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """The share of one process in the indices: every n-th of an order that all processes agree on.

    Args:
        dataset: what is sampled; of the same length in each process.
        num_replicas: the number of processes; None: that of the JAX job, ``jax.process_count()``.
        rank: which of them this is, from 0; None: ``jax.process_index()``.
        shuffle: whether the order is random, drawn from ``seed + epoch``; else it is 0, 1, ..., N-1.
        seed: the same number in all processes.
        drop_last: whether to leave out indices that cannot be shared out evenly, instead of repeating the first ones.

    Raises:
        ArgumentError: for a rank outside of [0, num_replicas).

    >>> [list(DistributedSampler(range(5), num_replicas=2, rank=rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            import jax  # only a process that trains takes part in a job; worker processes get both numbers

            num_replicas = jax.process_count() if num_replicas is None else num_replicas
            rank = jax.process_index() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ArgumentError(
                f"DistributedSampler: Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        size = len(dataset)
        self.num_samples = size // num_replicas if drop_last else math.ceil(size / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        size = len(self.dataset)
        if self.shuffle:
            order = Generator().manual_seed(self.seed + self.epoch).randperm(size).tolist()
        else:
            order = list(range(size))
        if self.total_size > size > 0:
            order *= math.ceil(self.total_size / size)
        order = order[: self.total_size]
        if len(order) != self.total_size:
            raise ArgumentError(
                f"DistributedSampler: Number of indices ({len(order)}) does not match total_size ({self.total_size}); "
                "the dataset has become shorter"
            )
        return iter(order[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, before each of which a shuffling sampler needs it: each has an order of its own.

        Args:
            epoch: the number of the epoch.
        """
        self.epoch = epoch
