"""`DataLoader`: batches of a dataset, in PyTorch's order and with PyTorch's arguments, as JAX arrays.

Worker processes never meet JAX: they are forked from a clean helper process (`_zygote`), get the dataset by value
(`_pickling`), and hand batches over in shared memory (`_blocks`).  A loader's position can be saved and resumed exactly
(`_position`).
"""

import math
import multiprocessing
import multiprocessing.context
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import Generator
from fnn.utils.data import _processes
from fnn.utils.data._arguments import (
    UnusableError,
    check_stream,
    checked_prefetch_factor,
    pins_memory,
    warn_of_many_workers,
)
from fnn.utils.data._iterators import LoaderIterator, Plan, SingleProcessIterator
from fnn.utils.data._placement import HOST, check_prefetch, checked_device
from fnn.utils.data._position import Position, Sources
from fnn.utils.data._resumable import Resumable
from fnn.utils.data._shares import Replicas, Shares
from fnn.utils.data._worker_info import get_worker_info
from fnn.utils.data.collate import default_collate, default_convert
from fnn.utils.data.dataset import IterableDataset
from fnn.utils.data.distributed import DistributedSampler
from fnn.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader"]

T_co = TypeVar("T_co", covariant=True)

_FIXED: Final = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
_NESTED: Final = "DataLoader: daemonic processes are not allowed to have children: a worker loads with num_workers=0"


def _checked_mesh(mesh: Any, device: Any, sampler: Any) -> Any:
    """The mesh, if the other arguments allow one."""
    if mesh is None:
        return None
    from jax.sharding import Mesh

    if not isinstance(mesh, Mesh):
        raise ArgumentTypeError(f"DataLoader: mesh must be a mesh (fnn.distributed.mesh(data=-1)), got {mesh!r}")
    if device is not None:
        raise ArgumentError(f"DataLoader: mesh option is mutually exclusive with device, got device={device!r}")
    if isinstance(sampler, DistributedSampler) and sampler.num_replicas > 1:
        raise ArgumentError(
            "DataLoader: with a mesh the loader itself gives each process its rows; use shuffle=True in place of a "
            "DistributedSampler"
        )
    return mesh


class _InfiniteConstantSampler(Sampler[None]):
    """What stands in for a sampler of a stream: a stream has no indices."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Resumable, Generic[T_co]):
    """Batches of a dataset.

    Everything that draws random numbers does so as in PyTorch: for the same seed the shuffled order, the seeds of the
    workers and what is left in the generators are equal.

    Batches are `jax.Array`s: after ``collate_fn``, every numeric numpy array in a batch is put on ``device`` (without
    x64 JAX makes float32 of float64 and int32 of int64; integers that do not fit are refused). Strings and other
    objects stay as they are.

    With ``num_workers > 0`` the samples are loaded in processes of their own. They never import JAX (unless the
    dataset's own code does; it then gets the CPU only) and never inherit from this process, so they cannot hang with
    it. Dataset, ``collate_fn`` and ``worker_init_fn`` are sent to them by cloudpickle (``pip install fnn[data]``), by
    value where they are defined in the main script, a notebook or a module that is not installed; JAX arrays become
    numpy arrays on the way; numpy arrays are copied once into memory that all workers share, memory maps not at all. A
    worker that dies is an error at once; when this process dies, the workers do, too.

    Args:
        dataset: a map (`Dataset`, or anything with ``__getitem__`` and ``__len__``) or a stream (`IterableDataset`).
        batch_size: samples to a batch; None: no batches, each sample goes through ``collate_fn`` by itself.
        shuffle: whether each epoch has a random order.
        sampler: the order of the indices, instead of ``shuffle``.
        batch_sampler: lists of indices, instead of ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``.
        num_workers: how many worker processes; 0: loads in this process.
        collate_fn: from a list of samples to a batch; None: `default_collate`, without batches `default_convert`.
        pin_memory: accepted. Arrays need no pinning by hand, JAX stages transfers itself; where there is an
            accelerator, a batch of a class of its own has its ``pin_memory()`` called, and where there is none the
            warning is PyTorch's.
        drop_last: whether to leave out a last batch that is smaller.
        timeout: seconds to wait for a batch from the workers; 0: for ever.
        worker_init_fn: called as ``worker_init_fn(id)`` in each worker, after seeding and before loading.
        multiprocessing_context: None or ``"forkserver"``: workers are forked, in milliseconds, from a clean helper
            process; ``"spawn"``: each is a new interpreter. ``"fork"`` is refused: JAX's threads do not survive it.
        generator: draws the order and the workers' base seed; None: the global one, see `fnn.manual_seed`.
        prefetch_factor: batches that each worker loads ahead; None: 2 with workers.
        persistent_workers: whether the workers stay from one epoch to the next.
        pin_memory_device: deprecated in PyTorch and without effect here, as its warning says.
        in_order: whether batches come in the order of the sampler, or as they are ready (with workers).
        device: where batches go: None: JAX's default device; a `jax.Device` or its name; a `jax.sharding.Sharding`
            (in a job of several processes each gives its own share); ``"host"``: they stay numpy arrays.
        prefetch_to_device: batches that are put on the device ahead of the one that is asked for. Without workers the
            loading itself is then ahead, too, and draws its random numbers earlier.
        mesh: of `fnn.distributed.mesh`: ``batch_size`` is then that of all its devices in all processes together, each
            process loads the contiguous rows of its own devices, and batches are arrays over the mesh. Order, batches
            and numbers drawn from generators are the same for any number of processes, which must be seeded alike. A
            batch whose samples the axes of the batch do not divide, a ragged last one, goes to each device whole.
            Samples must be the first dimension of every array. Without a mesh, in a job that `fnn.distributed.init` has
            joined, the shares of a `DistributedSampler` make one batch over the devices of all processes, too.

    Raises:
        ArgumentError: for arguments that contradict each other or are out of range.

    >>> import fnn
    >>> import numpy as np
    >>> from fnn.utils.data import TensorDataset
    >>> data = TensorDataset(np.arange(10.0, dtype=np.float32).reshape(5, 2), np.arange(5))
    >>> _ = fnn.manual_seed(0)
    >>> for x, y in DataLoader(data, batch_size=2, shuffle=True):
    ...     print(x.shape, y)
    (2, 2) [1 4]
    (2, 2) [2 3]
    (1, 2) [0]
    """

    dataset: Any
    batch_size: int | None
    num_workers: int
    pin_memory: bool
    drop_last: bool
    timeout: float
    sampler: Any
    batch_sampler: Any
    pin_memory_device: str
    prefetch_factor: int | None
    __initialized = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: str | multiprocessing.context.BaseContext | None = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        device: Any = None,
        prefetch_to_device: int = 0,
        mesh: Any = None,
    ) -> None:
        self.num_workers = num_workers
        self.prefetch_factor = checked_prefetch_factor(num_workers, timeout, prefetch_factor, persistent_workers)
        if generator is not None and not isinstance(generator, Generator):
            raise ArgumentTypeError(f"DataLoader: expected generator to be a fnn.Generator or None, got {generator=}")
        self.dataset = dataset
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.mesh = _checked_mesh(mesh, device, sampler)
        self.device = device if isinstance(device, str) and device == HOST else checked_device(device)
        self.prefetch_to_device = check_prefetch(prefetch_to_device)

        self._stream = isinstance(dataset, IterableDataset)
        if self._stream:
            check_stream(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ArgumentError("DataLoader: sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ArgumentError(
                    "DataLoader: batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                    "drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ArgumentError(
                "DataLoader: batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
            )
        if sampler is None:
            if self._stream:
                sampler = _InfiniteConstantSampler()
            else:
                sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)
        self.persistent_workers = persistent_workers
        self.__initialized = True
        self._reported_length: int | None = None
        self._forget()
        self.check_worker_number_rationality()
        if num_workers > 0 and get_worker_info() is None and self._start_method != "spawn":
            _processes.warm_up()  # it is ready by the time that the first batch is asked for

    # -- attributes -----------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: object) -> None:
        if self.__initialized and name in _FIXED:
            raise ArgumentError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> multiprocessing.context.BaseContext | None:
        """How worker processes are started; see the class."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: str | multiprocessing.context.BaseContext | None) -> None:
        if context is not None:
            if self.num_workers <= 0:
                raise ArgumentError(
                    "DataLoader: multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            if isinstance(context, str):
                valid = multiprocessing.get_all_start_methods()
                if context not in valid:
                    raise ArgumentError(
                        f"DataLoader: multiprocessing_context option should specify a valid start method in {valid!r}, "
                        f"but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, multiprocessing.context.BaseContext):
                raise ArgumentTypeError(
                    "DataLoader: multiprocessing_context option should be a valid context object or a string "
                    f"specifying the start method, but got multiprocessing_context={context}"
                )
        self._start_method = _processes.start_method(context)
        self._context = context

    @property
    def _persisting(self) -> bool:
        return self.persistent_workers and self._iterator is not None and self._iterator.usable

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def __len__(self) -> int:
        """The number of batches; of a stream an estimate from its own length."""
        if not self._stream:
            return len(self._index_sampler)
        length = self._reported_length = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)

    def check_worker_number_rationality(self) -> None:
        """Warns of more workers than the machine has processors for this process."""
        warn_of_many_workers(self.num_workers, stacklevel=4)

    # -- iteration ------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        resumed, self._resume = self._resume, None
        if self.num_workers == 0:
            iterator: LoaderIterator = SingleProcessIterator(self._plan(), resumed)
        else:
            iterator = self._with_workers(resumed)
        self._position = iterator.position
        return iterator

    def _with_workers(self, resumed: Position | None) -> LoaderIterator:
        from fnn.utils.data._multi import MultiProcessIterator

        if get_worker_info() is not None:
            raise UnusableError(_NESTED)
        if not self.persistent_workers:
            return MultiProcessIterator(self._plan(), resumed, self._payload)
        if self._iterator is None or not self._iterator.usable:
            self._iterator = MultiProcessIterator(self._plan(), resumed, self._payload)
        else:
            self._iterator.reset(self._reported_length)
        return self._iterator

    def _plan(self) -> Plan:
        if self.num_workers > 0 and self.prefetch_factor == 0:
            raise UnusableError("DataLoader: prefetch_factor must be greater than 0 for worker processes, got 0")
        if self.num_workers == 0 and self.timeout != 0:
            raise UnusableError(f"DataLoader: without workers timeout == 0 is required, got timeout={self.timeout}")
        return Plan(
            dataset=self.dataset,
            stream=self._stream,
            batched=self._auto_collation,
            batch_size=self.batch_size,
            drop_last=self.drop_last,
            collate_fn=self.collate_fn,
            index_sampler=self._index_sampler,
            num_workers=self.num_workers,
            generator=self.generator,
            sources=self._sources(),
            timeout=self.timeout,
            worker_init_fn=self.worker_init_fn,
            prefetch_factor=self.prefetch_factor or 0,
            persistent=self.persistent_workers,
            in_order=self.in_order,
            method=self._start_method,
            device=self.device,
            prefetch_to_device=self.prefetch_to_device,
            pin_memory=self.pin_memory and pins_memory(self.pin_memory_device, stacklevel=5),
            reported_length=self._reported_length,
            shares=self._shares(),
        )

    def _shares(self) -> Shares | None:
        if self.mesh is not None:
            return Shares(self.mesh, self._auto_collation and not self._stream)
        sampler = getattr(self.batch_sampler, "sampler", self.sampler)
        if self.device is None and isinstance(sampler, DistributedSampler) and sampler.num_replicas > 1:
            from fnn.distributed import is_initialized, process_count

            if is_initialized() and sampler.num_replicas == process_count():
                return Replicas()
        return None

    def _sources(self) -> Sources:
        return Sources(self.generator, self.batch_sampler, self.sampler)
