"""Saving and loading a loader's position: ``state_dict`` and ``load_state_dict``, as torchdata has them."""

from collections.abc import Mapping
from typing import Any, Final

from fnn.errors import ArgumentError
from fnn.utils.data._payload import Payload
from fnn.utils.data._position import WHERE, Position, Sources, saved

__all__ = ["Resumable"]

_VERSION: Final = 1


class Resumable:
    """The part of a loader that knows where it is."""

    batch_size: int | None
    num_workers: int
    drop_last: bool
    persistent_workers: bool
    _stream: bool

    @property
    def _index_sampler(self) -> Any:
        raise NotImplementedError

    @property
    def _persisting(self) -> bool:
        """Whether there are workers that wait for the next epoch."""
        raise NotImplementedError

    def _sources(self) -> Sources:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is: the epoch's order, the batches that were handed out, every generator.

        It may be taken between any two batches, with workers and with batches loaded ahead. A loader of the same
        construction that gets it by `load_state_dict` goes on with exactly the batches, and the random numbers, that
        this one goes on with. It holds numbers, strings and uint8 arrays only, so that `fnn.serialization` can save
        it; what a dataset's or a sampler's own ``state_dict()`` reports is included as it is.

        Returns:
            nested dicts and lists.
        """
        position = self._resume or self._position
        if position is not None and position.finished and not self._persisting:
            position = None
        return {
            "version": _VERSION,
            "loader": self._signature(),
            "now": saved(self._sources().capture()),
            "epoch": None if position is None else position.saved(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes where another loader was: sets the generators now, and continues its epoch at the next ``iter()``.

        The samples of a map that were handed out before are not loaded again. A stream is run through up to where it
        was, unless it (or its iterator) has ``state_dict`` and ``load_state_dict`` of its own, which are then used.

        What cannot be repeated exactly: numbers that a sampler of the user's draws in the course of an epoch from a
        generator which the training loop draws from as well; the order of batches with ``in_order=False``.

        Args:
            state_dict: from `state_dict`, of a loader with an equal dataset and equal arguments.

        Raises:
            ArgumentError: for a state that does not fit; nothing has been changed then.
        """
        sources = self._sources()
        try:
            if state_dict["version"] != _VERSION:
                raise ArgumentError(f"{WHERE}: cannot read version {state_dict['version']!r}, only {_VERSION}")
            ours = self._signature()
            for name, theirs in state_dict["loader"].items():
                if ours[name] != theirs:
                    raise ArgumentError(
                        f"{WHERE}: the state was saved with {name}={theirs}, this loader has {ours[name]}"
                    )
            now = sources.parse(state_dict["now"], "now")
            epoch = state_dict["epoch"]
            position = None if epoch is None else Position.parse(epoch, sources)
        except ArgumentError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArgumentError(f"{WHERE}: the state is damaged: {error!r}") from error
        self._forget()
        sources.restore(now)
        if position is not None and position.finished:
            position = position.successor() if self.persistent_workers else None
        self._resume = position

    def _signature(self) -> dict[str, Any]:
        try:
            batches = None if self._stream else len(self._index_sampler)
        except (TypeError, NotImplementedError):
            batches = None
        return {
            "stream": self._stream,
            "num_workers": self.num_workers,
            "batch_size": self.batch_size,
            "drop_last": self.drop_last,
            "batches": batches,
        }

    def _forget(self) -> None:
        """As if nothing had been iterated over."""
        iterator = self.__dict__.get("_iterator")
        if iterator is not None:
            iterator.close()
        self._iterator: Any = None  # that of persistent workers
        self._position: Position | None = None  # of the latest epoch
        self._resume: Position | None = None  # where the next one goes on
        self._payload = Payload()

    def __getstate__(self) -> dict[str, Any]:
        return {
            **self.__dict__,
            "_iterator": None,
            "_position": None,
            "_resume": None,
            "_payload": None,
            "_context": None,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()
