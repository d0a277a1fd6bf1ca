"""Iterating over a loader: what is common, and the case without worker processes."""

import os
import warnings
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fnn.utils.data import _rng
from fnn.utils.data._fetch import MapFetcher, StreamFetcher
from fnn.utils.data._placement import Placement
from fnn.utils.data._position import Order, Position, Sources
from fnn.utils.data._shares import Shares
from fnn.utils.data._worker import state_of
from fnn.utils.data.collate import default_collate
from fnn.utils.data.sampler import random_seed

__all__ = ["Item", "LoaderIterator", "Plan", "SingleProcessIterator"]

TOO_LONG: Final = (
    "Length of IterableDataset {dataset} was reported to be {length}(when accessing len(dataloader)), but {count} "
    "samples have been fetched. "
)
TOO_LONG_WORKERS: Final = (
    "For multiprocessing data-loading, this could be caused by not properly configuring the IterableDataset replica "
    "at each worker. Please see get_worker_info() for how each of them learns which samples are its own."
)


@dataclass
class Plan:
    """What an iterator has to know of its loader."""

    dataset: Any
    stream: bool
    batched: bool
    batch_size: int | None
    drop_last: bool
    collate_fn: Any
    index_sampler: Any
    num_workers: int
    generator: Any
    sources: Sources
    timeout: float
    worker_init_fn: Any
    prefetch_factor: int
    persistent: bool
    in_order: bool
    method: str | None
    device: Any
    prefetch_to_device: int
    pin_memory: bool
    reported_length: int | None  # of a stream
    shares: Shares | None = None  # of a loader with a mesh

    def cut(self, number: int, index: Any) -> Any:
        """What this process loads of batch ``number``."""
        return index if self.shares is None else self.shares.cut(number, index)


class Item(NamedTuple):
    """A batch that has been loaded, or what went wrong with it."""

    number: int
    worker: int
    batch: Any
    error: BaseException | None = None
    rng: dict[str, bytes] = {}  # noqa: RUF012 (never written to)
    dataset: Any = None
    over: bool = False  # whether its stream is known to end with it
    ends: tuple[Any, ...] = ()  # workers whose streams have ended before it


class LoaderIterator:
    """One pass over the data; made by ``iter(loader)``.

    Args:
        plan: what to do.
        position: where to go on; None: at the beginning of a new epoch.
    """

    def __init__(self, plan: Plan, position: Position | None) -> None:
        self._plan = plan
        self._owner = os.getpid()
        self._ready: deque[Item | None] = deque()  # None: the end
        owned = plan.num_workers > 0 or plan.collate_fn is default_collate
        self._place = Placement(plan.device, owned, plan.pin_memory, plan.shares)
        if position is None and plan.num_workers > 0:
            iter(plan.index_sampler)  # PyTorch makes one more, which a sampler that draws at once would notice
        self.position = position or Position(0)

    def __iter__(self) -> "LoaderIterator":
        return self

    def __len__(self) -> int:
        return len(self._plan.index_sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled; its loader can, and has a state_dict()")

    def _fetch(self) -> Item | None:
        """Loads the next batch; None at the end."""
        raise NotImplementedError

    def _has_next(self) -> bool:
        """Whether `_fetch` would not wait for others."""
        return True

    def _commit(self, item: Item) -> None:
        """The consumer gets this one."""
        self.position.yielded += 1
        self.position.pending.pop(item.number, None)

    def _finish(self) -> None:
        """The consumer is told that there is no more."""
        self.position.finished = True

    def _load(self) -> None:
        item = self._fetch()
        if item is not None and item.error is None:
            try:
                item = item._replace(batch=self._place(item.batch, item.number))
            except Exception as error:
                item = item._replace(batch=None, error=error)
        self._ready.append(item)

    def __next__(self) -> Any:
        if self._owner != os.getpid():
            raise RuntimeError("DataLoader: an iterator cannot be used in a forked process; make a new one there")
        ready = self._ready
        if not ready:
            self._load()
        item = ready[0]
        if item is None:  # stays, for whoever asks again
            self._finish()
            raise StopIteration
        ready.popleft()
        self._commit(item)
        while len(ready) < self._plan.prefetch_to_device and None not in ready and self._has_next():
            self._load()
        if item.error is not None:
            raise item.error
        reported = self._plan.reported_length
        if self._plan.stream and reported is not None and self.position.yielded > reported:
            text = TOO_LONG.format(dataset=self._plan.dataset, length=reported, count=self.position.yielded)
            warnings.warn(text + (TOO_LONG_WORKERS if self._plan.num_workers else ""), stacklevel=2)
        return item.batch


class SingleProcessIterator(LoaderIterator):
    """Loads in the process that asks."""

    def __init__(self, plan: Plan, position: Position | None) -> None:
        super().__init__(plan, position)
        here = self.position
        resumed = position is not None
        self._keeps_rng = plan.prefetch_to_device > 0  # a batch that is loaded ahead may have to be loaded again
        if not plan.stream:
            self._order = Order(plan.index_sampler, plan.sources, here, resumed)
            self._again = deque(sorted(self._order.again.items()))
        if not resumed:
            here.base_seed = random_seed(plan.generator)
        if plan.stream:
            self._fetcher: Any = self._open_stream(resumed)
        else:
            if here.dataset is not None:
                plan.dataset.load_state_dict(here.dataset["dataset"])
            on_device = not plan.pin_memory and plan.device != "host"
            self._fetcher = MapFetcher(plan.dataset, plan.batched, plan.collate_fn, on_device)

    def _open_stream(self, resumed: bool) -> StreamFetcher:
        plan, here = self._plan, self.position
        present = plan.sources.capture()
        state = here.dataset if resumed else None
        if state is not None and "dataset" in state:
            plan.dataset.load_state_dict(state["dataset"])
        if not resumed:
            here.before_iter = present
        elif here.before_iter is not None:
            plan.sources.restore(here.before_iter)
        fetcher = StreamFetcher(plan.dataset, plan.batched, plan.collate_fn, plan.drop_last)
        if resumed:
            if state is not None and "iterator" in state:
                fetcher.samples.load_state_dict(state["iterator"])  # type: ignore[attr-defined] (it said it has one)
            elif state is None:
                if here.before_draw is not None:
                    plan.sources.restore(here.before_draw)
                fetcher.skip(plan.batch_size, here.yielded)
            fetcher.ended = fetcher.ended or here.exhausted
            here.pulled = here.yielded
            plan.sources.restore(present)
        return fetcher

    def _fetch(self) -> Item | None:
        here, plan = self.position, self._plan
        if plan.stream:
            if here.before_draw is None:
                here.before_draw = plan.sources.capture()
            number, index = here.pulled, plan.batch_size
            here.pulled += 1
        elif self._again:
            number, index = self._again.popleft()
        else:
            try:
                number, index = self._order.next()
            except StopIteration:
                return None
        present: dict[str, bytes] | None = None
        if self._keeps_rng and self._fetcher.runs_users_code:
            present = _rng.capture()
            if here.pending.get(number, (0, {}))[1]:
                _rng.restore(here.pending[number][1])
            else:
                here.pending[number] = (0, present)
                present = None
        else:
            here.pending[number] = (0, {})
        try:
            batch, error = self._fetcher.fetch(index if plan.stream else plan.cut(number, index)), None
        except StopIteration as stop:
            if plan.stream:
                return None
            batch, error = None, RuntimeError(f"DataLoader: the dataset raised StopIteration for {index!r}")
            error.__cause__ = stop
        except Exception as failure:
            batch, error = None, failure
        finally:
            if present is not None:
                _rng.restore(present)
        state = state_of(plan.dataset, self._fetcher)
        return Item(number, 0, batch, error, dataset=state, over=self._fetcher.ended)

    def _commit(self, item: Item) -> None:
        super()._commit(item)
        self.position.dataset = item.dataset
        if item.over:
            self.position.exhausted = True
