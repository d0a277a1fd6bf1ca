"""Iterating over a loader with worker processes."""

import os
import pickle
import select
import sys
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

from fnn.utils.data import _errors
from fnn.utils.data._blocks import Leases
from fnn.utils.data._iterators import Item, LoaderIterator, Plan
from fnn.utils.data._payload import Payload
from fnn.utils.data._pickling import dump_inline, load
from fnn.utils.data._position import Order, Position, WorkerPosition
from fnn.utils.data._processes import Group, Worker, environment, want
from fnn.utils.data._wire import Channel
from fnn.utils.data.sampler import random_seed

__all__ = ["MultiProcessIterator"]

_END: Final = object()  # instead of a batch: the worker's stream has ended


class _Desk:
    """What is going on with one worker."""

    def __init__(self, worker: Worker) -> None:
        self.number = worker.number
        self.worker = worker
        self.channel = worker.channel
        self.leases = Leases()
        self.results: deque[Item] = deque()  # that nobody has taken
        self.outstanding = 0  # tasks it was given whose results nobody has taken
        self.ended = False
        self.start: dict[str, bytes] | None = None  # its generators when the epoch began, once it has said so


class MultiProcessIterator(LoaderIterator):
    """Asks worker processes for batches, ``prefetch_factor`` of each ahead."""

    def __init__(self, plan: Plan, position: Position | None, payload: Payload) -> None:
        super().__init__(plan, position)
        self._failure: str | None = None
        self._group: Group | None = None
        self._held = ExitStack()  # the workers, and the dataset's memory
        # Not `__del__`: at the interpreter's end it would meet modules without names.
        weakref.finalize(self, self._held.close)
        self._desks: list[_Desk] = []
        self._epoch = -1
        here = self.position
        if position is None:
            here.base_seed = random_seed(plan.generator)
        if not here.workers:
            here.workers = [WorkerPosition() for _ in range(plan.num_workers)]
        try:
            message, descriptor = payload.pack((plan.dataset, plan.collate_fn, plan.worker_init_fn))
            self._held.callback(payload.release)
            self._group = Group(plan.num_workers, plan.method)
            self._held.callback(self._group.close)
            self._desks = [_Desk(worker) for worker in self._group.workers]
            self._poll = _Poll([desk.channel for desk in self._desks])
            self._set_up(message, descriptor)
            self._begin(resumed=position is not None)
        except BaseException:
            self.close()
            raise

    def _set_up(self, payload: tuple[Any, ...], descriptor: int | None) -> None:
        plan = self._plan
        settings = {
            "num_workers": plan.num_workers,
            "base_seed": self.position.base_seed,
            "stream": plan.stream,
            "batched": plan.batched,
            "drop_last": plan.drop_last,
            "payload": payload,
            "environment": environment(),
            "path": [str(entry) for entry in sys.path],
            "directory": os.getcwd(),
        }
        for desk in self._desks:
            descriptors = () if descriptor is None else (descriptor,)
            desk.channel.send(("setup", {**settings, "id": desk.number}), descriptors)

    # -- epochs ---------------------------------------------------------------------------------------

    def reset(self, reported_length: int | None) -> None:
        """Begins another epoch with the same workers."""
        last, self._plan.reported_length = self.position, reported_length
        self._ready.clear()
        self.position = last.successor()
        self._begin(resumed=False)
        if not last.finished:  # what they were at has been drawn, too
            while any(desk.start is None for desk in self._desks):
                self._pump(None)
            for desk, worker in zip(self._desks, self.position.workers, strict=True):
                worker.rng_before = worker.rng = desk.start or {}

    def _begin(self, resumed: bool) -> None:
        plan, here = self._plan, self.position
        self._epoch += 1
        self._sequence: deque[int] = deque()  # of a map, in order: the workers whose batches are next
        self._arrivals: deque[int] = deque()  # out of order: workers, as their batches come
        self._turn = here.turn
        self._ends: list[tuple[int, dict[str, bytes]]] = []
        for desk, worker in zip(self._desks, here.workers, strict=True):
            desk.results.clear()
            desk.outstanding, desk.ended, desk.start = 0, worker.ended, None
            desk.channel.send(("epoch", self._epoch, self._resumption(worker) if resumed else None))
        if plan.stream:
            for desk in self._desks:
                for _ in range(0 if desk.ended else plan.prefetch_factor):
                    self._ask(desk, 0, plan.batch_size)
            return
        owners = {number: worker for number, (worker, _) in here.pending.items()}
        self._order = Order(plan.index_sampler, plan.sources, here, resumed and here.before_iter is not None)
        for number, index in sorted(self._order.again.items()):
            self._ask(self._desks[owners[number]], number, index)
        while sum(desk.outstanding for desk in self._desks) < plan.prefetch_factor * plan.num_workers:
            if not self._ask_next():
                break

    def _resumption(self, worker: WorkerPosition) -> bytes:
        """What a worker has to do before it goes on."""
        orders: dict[str, Any] = {"dataset": worker.dataset, "rng_before": worker.rng_before}
        if self._plan.stream and worker.dataset is None and not worker.ended:
            orders.update(skip=worker.yielded, size=self._plan.batch_size)  # which draws again what was drawn
        else:
            orders["rng"] = worker.rng
        return dump_inline(orders)

    # -- tasks ----------------------------------------------------------------------------------------

    def _ask(self, desk: _Desk, number: int, index: object) -> None:
        if not self._plan.stream:
            index = self._plan.cut(number, index)
        desk.channel.send(("task", self._epoch, number, dump_inline(index), desk.leases.take_released()))
        desk.outstanding += 1
        if not self._plan.stream:
            self._sequence.append(desk.number)
            self.position.pending[number] = (desk.number, {})

    def _ask_next(self) -> bool:
        """Gives the next batch of a map to a worker; False at the end of the order."""
        try:
            number, index = self._order.next()
        except StopIteration:
            return False
        if self._plan.in_order:
            desk = self._desks[number % len(self._desks)]
        else:
            desk = min(self._desks, key=lambda desk: desk.outstanding)
        self._ask(desk, number, index)
        return True

    # -- results --------------------------------------------------------------------------------------

    def _next_desk(self) -> _Desk | None:
        """The worker whose result is to be taken next, as far as that is decided."""
        if not self._plan.in_order:
            return self._desks[self._arrivals[0]] if self._arrivals else None
        if not self._plan.stream:
            return self._desks[self._sequence[0]] if self._sequence else None
        while self._desks[self._turn].ended:
            self._turn = (self._turn + 1) % len(self._desks)
        return self._desks[self._turn]

    def _over(self) -> bool:
        if self._plan.stream:
            return all(desk.ended for desk in self._desks)
        return not any(desk.outstanding for desk in self._desks)

    def _has_next(self) -> bool:
        if self._failure or self._over():
            return True
        desk = self._next_desk()
        if desk is None or not desk.results:
            self._pump(0)
            desk = self._next_desk()
        return desk is not None and bool(desk.results)

    def _fetch(self) -> Item | None:
        if self._failure is not None:
            raise RuntimeError(self._failure)
        while not self._over():
            desk = self._next_desk()
            if desk is None or not desk.results:
                self._pump(self._plan.timeout or None)
                continue
            item = desk.results.popleft()
            desk.outstanding -= 1
            if not self._plan.in_order:
                self._arrivals.popleft()
            if item.batch is _END:
                desk.ended = True
                self._ends.append((desk.number, item.rng))
                continue
            if self._plan.stream:
                self._turn = (desk.number + 1) % len(self._desks)
                self._ask(desk, 0, self._plan.batch_size)
            else:
                if self._plan.in_order:
                    self._sequence.popleft()
                self._ask_next()
            ends, self._ends = tuple(self._ends), []
            return item._replace(ends=ends)
        if not self._plan.persistent:
            self.close()
        return None

    def _commit(self, item: Item) -> None:
        super()._commit(item)
        here, worker = self.position, self.position.workers[item.worker]
        worker.yielded += 1
        worker.rng, worker.dataset = item.rng or worker.rng, item.dataset
        worker.ended = worker.ended or item.over
        here.turn = (item.worker + 1) % len(here.workers)
        self._note_ends(item.ends)

    def _finish(self) -> None:
        super()._finish()
        self._note_ends(self._ends)
        if not self._plan.persistent:
            self.close()

    def _note_ends(self, ends: Sequence[tuple[int, dict[str, bytes]]]) -> None:
        for number, rng in ends:
            worker = self.position.workers[number]
            worker.ended, worker.rng = True, rng or worker.rng

    def _pump(self, timeout: float | None) -> None:
        """Takes in what the workers have sent; waits for it for at most so many seconds (None: for ever)."""
        ready = self._poll.wait(timeout)
        if not ready and timeout:
            raise RuntimeError(f"DataLoader timed out after {self._plan.timeout} seconds")
        for desk in [self._desks[position] for position in ready]:
            desk.channel.flush()
            desk.channel.read()
            while message := desk.channel.next_message():
                self._take_in(desk, message)
            if desk.channel.closed:
                self._failure = desk.worker.obituary()
                self.close()
                raise RuntimeError(self._failure)

    def _take_in(self, desk: _Desk, message: tuple[Any, ...]) -> None:
        if message[0] == "modules":
            want(message[1])
            return
        if message[0] == "epoch":
            if message[1] == self._epoch:
                desk.start = message[2]
            return
        kind, epoch, number, packed, rng, state, over = message
        if epoch != self._epoch or desk.ended:
            if packed is not None:
                _open(desk, packed)  # and forgets it
            return
        if kind == "end":
            if not desk.results or desk.results[-1].batch is not _END:  # each task that is left ends so
                desk.results.append(Item(number, desk.number, _END, rng=rng))
                self._arrivals.append(desk.number)
            return
        batch, error = None, None
        try:
            batch = _open(desk, packed)
            if kind == "error":
                batch, error = None, _errors.rebuild(*batch)
        except Exception as failure:
            error = failure
        dataset = pickle.loads(state) if state else None
        desk.results.append(Item(number, desk.number, batch, error, rng, dataset, over))
        self._arrivals.append(desk.number)

    # -- the end --------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether it can begin another epoch."""
        return self._group is not None and self._owner == os.getpid()

    def close(self) -> None:
        """Lets go of the workers, which then end; takes no lock, since the garbage collector does the same."""
        self._group = None
        self._held.close()


def _open(desk: _Desk, packed: tuple[Any, ...]) -> Any:
    """What a worker has packed."""
    body, spans, block, inline = packed
    if block is None:
        return load(body, [bytearray(data) for data in inline])
    name, new = block
    if new is not None:
        size, replaced = new
        desk.leases.add(name, size, desk.channel.take_descriptor())
        if replaced is not None:
            desk.leases.remove(replaced)
    view = desk.leases.lease(name)
    return load(body, [view[start : start + length] for start, length in spans])


class _Poll:
    """Waits for several channels."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self._by_descriptor = {channel.fileno(): position for position, channel in enumerate(channels)}
        self._poll: Any = select.poll() if hasattr(select, "poll") else None

    def wait(self, timeout: float | None) -> list[int]:
        """The positions of those that can be read, have been hung up, or can take more of a backlog."""
        if self._poll is None:
            writers = [channel for channel in self._channels if channel.backlog]
            readable, writable, _ = select.select(self._channels, writers, [], timeout)
            return [position for position, c in enumerate(self._channels) if c in readable or c in writable]
        for descriptor, position in self._by_descriptor.items():
            backlog = self._channels[position].backlog
            self._poll.register(descriptor, select.POLLIN | (select.POLLOUT if backlog else 0))
        milliseconds = None if timeout is None else timeout * 1000
        return [self._by_descriptor[descriptor] for descriptor, _ in self._poll.poll(milliseconds)]
