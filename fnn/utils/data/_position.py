"""Where a loader is: what it takes to go on exactly from there.

The order of an epoch is not stored but drawn again: from the state that every generator had when the sampler was
asked for it.  Batches count as passed when the consumer gets them, not when they are loaded ahead.  What worker
processes draw is recorded with every batch that draws.  All of it is plain values and uint8 arrays.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from fnn.errors import ArgumentError
from fnn.host_random import Generator, default_generator
from fnn.utils.data import _rng

__all__ = ["Order", "Position", "Sources", "WorkerPosition"]

WHERE: Final = "DataLoader.load_state_dict"

Snapshot = dict[str, Any]  # of Sources: {"rng": {name: bytes}, "generators": [bytes], "samplers": [state or None]}


class Sources:
    """All that the order of a loader's samples is drawn from: the global generators, given ones, samplers' states."""

    def __init__(self, generator: Generator | None, *samplers: object) -> None:
        self._samplers = []
        for sampler in samplers:
            for candidate in (sampler, getattr(sampler, "sampler", None)):
                if candidate is not None and not any(candidate is known for known in self._samplers):
                    self._samplers.append(candidate)
        self._generators: list[Generator] = []
        for candidate in (generator, *(getattr(sampler, "generator", None) for sampler in self._samplers)):
            if isinstance(candidate, Generator) and candidate is not default_generator:
                if not any(candidate is known for known in self._generators):
                    self._generators.append(candidate)

    def capture(self) -> Snapshot:
        """The states now."""
        return {
            "rng": _rng.capture(),
            "generators": [generator.get_state().tobytes() for generator in self._generators],
            "samplers": [_sampler_state(sampler) for sampler in self._samplers],
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Sets them."""
        _rng.restore(snapshot["rng"])
        for generator, state in zip(self._generators, snapshot["generators"], strict=True):
            generator.set_state(np.frombuffer(state, np.uint8))
        for sampler, state in zip(self._samplers, snapshot["samplers"], strict=True):
            if state is None:
                continue
            if hasattr(sampler, "load_state_dict"):
                sampler.load_state_dict(state)
            else:
                sampler.set_epoch(int(state["epoch"]))

    def parse(self, saved: object, what: str) -> Snapshot:
        """A snapshot from a saved one; refuses what does not fit this loader."""
        if not isinstance(saved, Mapping) or set(saved) != {"rng", "generators", "samplers"}:
            raise ArgumentError(f"{WHERE}: {what} is damaged: {saved!r:.200}")
        _rng.check(saved["rng"], f"{WHERE}: {what}")
        for name, count in (("generators", len(self._generators)), ("samplers", len(self._samplers))):
            if len(saved[name]) != count:
                raise ArgumentError(
                    f"{WHERE}: the state was saved with {len(saved[name])} {name}, this loader has {count}"
                )
        for state in saved["generators"]:
            Generator().set_state(np.asarray(state))
        return {
            "rng": {name: _rng.to_bytes(state) for name, state in saved["rng"].items()},
            "generators": [_rng.to_bytes(state) for state in saved["generators"]],
            "samplers": list(saved["samplers"]),
        }


def _sampler_state(sampler: Any) -> Any:
    if hasattr(sampler, "state_dict") and hasattr(sampler, "load_state_dict"):
        return sampler.state_dict()
    if hasattr(sampler, "set_epoch") and isinstance(getattr(sampler, "epoch", None), int):
        return {"epoch": sampler.epoch}  # DistributedSampler
    return None


def saved(snapshot: Snapshot | None) -> dict[str, Any] | None:
    """A snapshot as a checkpoint holds it."""
    if snapshot is None:
        return None
    return {
        "rng": saved_rng(snapshot["rng"]),
        "generators": [_rng.from_bytes(state) for state in snapshot["generators"]],
        "samplers": list(snapshot["samplers"]),
    }


def saved_rng(states: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """States as a checkpoint holds them."""
    return {name: _rng.from_bytes(state) for name, state in states.items()}


@dataclass
class WorkerPosition:
    """Where a worker is, as far as the consumer has seen."""

    yielded: int = 0
    ended: bool = False
    rng_before: dict[str, bytes] = field(default_factory=dict)  # when the epoch began; empty: as the seed left it
    rng: dict[str, bytes] = field(default_factory=dict)  # after the last batch that the consumer got
    dataset: Any = None  # the state that the dataset reported with that batch

    def saved(self) -> dict[str, Any]:
        """As a checkpoint holds it."""
        plain = {"yielded": self.yielded, "ended": self.ended, "dataset": self.dataset}
        return {**plain, "rng_before": saved_rng(self.rng_before), "rng": saved_rng(self.rng)}

    @classmethod
    def parse(cls, state: Mapping[str, Any]) -> "WorkerPosition":
        """From `saved`."""
        for name in ("rng_before", "rng"):
            _rng.check(state[name], f"{WHERE}: {name}")
        before, now = ({k: _rng.to_bytes(v) for k, v in state[name].items()} for name in ("rng_before", "rng"))
        return cls(int(state["yielded"]), bool(state["ended"]), before, now, state["dataset"])


@dataclass
class Position:
    """Where an epoch is.

    Attributes:
        base_seed: that of the epoch's workers.
        before_iter: the sources before the sampler (or a stream, without workers) was iterated over.
        before_draw: the sources before its first item was asked for.
        pulled: how many batches of indices have been asked for.
        exhausted: whether the sampler has said that there are no more.
        yielded: how many batches the consumer got.
        pending: batches that were asked for and that the consumer did not get: number, worker, state to load it in.
        turn: of a stream, the worker whose batch is next.
        finished: whether the consumer was told that the epoch is over.
        dataset: without workers, the state that the dataset reported.
        workers: one for each worker.
    """

    base_seed: int
    before_iter: Snapshot | None = None
    before_draw: Snapshot | None = None
    pulled: int = 0
    exhausted: bool = False
    yielded: int = 0
    pending: dict[int, tuple[int, dict[str, bytes]]] = field(default_factory=dict)
    turn: int = 0
    finished: bool = False
    dataset: Any = None
    workers: list[WorkerPosition] = field(default_factory=list)

    def successor(self) -> "Position":
        """The beginning of the next epoch, for workers that go on."""
        workers = [WorkerPosition(rng_before=last.rng, rng=last.rng, dataset=last.dataset) for last in self.workers]
        return Position(self.base_seed, workers=workers)

    def saved(self) -> dict[str, Any]:
        """As a checkpoint holds it."""
        return {
            "base_seed": self.base_seed,
            "before_iter": saved(self.before_iter),
            "before_draw": saved(self.before_draw),
            "pulled": self.pulled,
            "exhausted": self.exhausted,
            "yielded": self.yielded,
            "pending": [[number, worker, saved_rng(rng)] for number, (worker, rng) in self.pending.items()],
            "turn": self.turn,
            "finished": self.finished,
            "dataset": self.dataset,
            "workers": [worker.saved() for worker in self.workers],
        }

    @classmethod
    def parse(cls, state: Mapping[str, Any], sources: Sources) -> "Position":
        """From `saved`; refuses what is damaged or does not fit."""
        snapshots = {
            name: None if state[name] is None else sources.parse(state[name], name)
            for name in ("before_iter", "before_draw")
        }
        pending = {}
        for number, worker, rng in state["pending"]:
            _rng.check(rng, f"{WHERE}: pending")
            pending[int(number)] = int(worker), {name: _rng.to_bytes(value) for name, value in rng.items()}
        return cls(
            base_seed=int(state["base_seed"]),
            pulled=int(state["pulled"]),
            exhausted=bool(state["exhausted"]),
            yielded=int(state["yielded"]),
            pending=pending,
            turn=int(state["turn"]),
            finished=bool(state["finished"]),
            dataset=state["dataset"],
            workers=[WorkerPosition.parse(worker) for worker in state["workers"]],
            **snapshots,
        )


class Order:
    """The batches of indices of one epoch; keeps the position's account of them.

    Attributes:
        again: those that a resumed epoch has to load first, by number.
    """

    def __init__(self, sampler: Any, sources: Sources, position: Position, resumed: bool) -> None:
        self._sources = sources
        self._position = position
        self.again: dict[int, Any] = {}
        if resumed:
            self._indices = self._replay(sampler)
        else:
            position.before_iter = sources.capture()
            self._indices: Iterator[Any] = iter(sampler)

    def _replay(self, sampler: Any) -> Iterator[Any]:
        position, present = self._position, self._sources.capture()
        if position.before_iter is None:
            raise ArgumentError(f"{WHERE}: the state does not say how the epoch began")
        try:
            self._sources.restore(position.before_iter)
            indices = iter(sampler)
            if position.before_draw is not None:
                self._sources.restore(position.before_draw)
            for number in range(position.pulled):
                index = next(indices, self)
                if index is self:
                    raise ArgumentError(
                        f"{WHERE}: {position.pulled} batches had been drawn, the sampler now gives only {number}"
                    )
                if number in position.pending:
                    self.again[number] = index
            if position.exhausted:
                next(indices, None)  # draws what the end of the order draws
        finally:
            self._sources.restore(present)
        return indices

    def next(self) -> tuple[int, Any]:
        """The number of the next batch, and its indices; raises StopIteration at the end."""
        position = self._position
        if position.exhausted:
            raise StopIteration
        if position.before_draw is None:
            position.before_draw = self._sources.capture()
        try:
            index = next(self._indices)
        except StopIteration:
            position.exhausted = True
            raise
        number = position.pulled
        position.pulled += 1
        return number, index
