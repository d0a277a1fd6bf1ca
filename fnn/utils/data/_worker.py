"""A worker process: seeds its generators, unpacks the dataset, and makes the batches that it is asked for.

Messages to it: ``("setup", {...})`` first; then ``("epoch", number, resume)`` and ``("task", epoch, number, index,
released)``; the end of the stream.  Messages from it: ``("epoch", number, rng)``, ``("modules", names)`` and
``("batch" | "end" | "error", epoch, number, packed, rng, dataset_state, over)``.  JAX is not imported here.
"""

import contextlib
import gc
import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
import traceback
from typing import Any, Final

import numpy as np

from fnn.utils.data import _errors, _rng
from fnn.utils.data._blocks import SMALLEST, Pool, layout, map_block
from fnn.utils.data._fetch import MapFetcher, StreamFetcher
from fnn.utils.data._pickling import dump_batch, load
from fnn.utils.data._wire import Channel
from fnn.utils.data._worker_info import WorkerInfo, preloadable, set_worker_info

__all__ = ["run", "run_spawned"]

_GRACE: Final = 3.0  # seconds to finish a batch that nobody wants any more


def run_spawned(source: int | None) -> None:
    """The main function of a worker that was started without a zygote.

    Args:
        source: the descriptor of its socket; None: standard input says how to share that of the parent (Windows).
    """
    if source is None:
        share: Any = vars(socket)["fromshare"]  # of Windows alone
        sock = share(sys.stdin.buffer.read())
    else:
        sock = socket.socket(fileno=source)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = 1
    try:
        status = run(sock, alone=True)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def run(sock: socket.socket, alone: bool = False) -> int:
    """Serves one loader; returns the exit status.

    Args:
        sock: connects to the loader, blocking.
        alone: whether there is no zygote to see to it that the process ends.
    """
    channel = Channel(sock)
    try:
        with sock:
            message = channel.receive()
            if message is not None:
                settings = message[1]
                if alone:
                    threading.Thread(target=_watch, args=(sock,), daemon=True).start()
                _enter(settings)
                _Worker(channel, settings).serve()
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else int(exit.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _watch(sock: socket.socket) -> None:
    """Ends the process soon after the loader has hung up, whatever it is busy with."""
    if not hasattr(select, "poll"):
        return  # Windows: a worker sees the end of the stream when it comes to its next message
    poll = select.poll()
    poll.register(sock, 0)  # reports a hang-up even when there are messages that the worker has not come to yet
    poll.poll()
    time.sleep(_GRACE)
    os._exit(0)


def _enter(settings: dict[str, Any]) -> None:
    """Puts the process where the loader's is: environment, import path, working directory."""
    os.environ.clear()
    os.environ.update(settings["environment"])
    sys.path[:] = settings["path"]
    with contextlib.suppress(OSError):
        os.chdir(settings["directory"])


class _Worker:
    def __init__(self, channel: Channel, settings: dict[str, Any]) -> None:
        self._channel = channel
        self._id: int = settings["id"]
        self._batched: bool = settings["batched"]
        self._drop_last: bool = settings["drop_last"]
        self._stream: bool = settings["stream"]
        self._pool = Pool()
        self._failure: Exception | None = None  # in setting up
        self._known_modules = preloadable()
        self._error: Exception | None = None  # that each task of this epoch is answered with
        self._fetcher: Any = None
        self._dataset: Any = None
        self._epoch = -1
        self._ended = False
        _rng.seed_worker(settings["base_seed"], self._id)
        try:
            self._dataset, self._collate, init = self._unpack(settings)
            seed = settings["base_seed"] + self._id
            set_worker_info(WorkerInfo(self._id, settings["num_workers"], seed, self._dataset))
            if init is not None:
                init(self._id)
        except Exception as error:
            self._failure = error
        gc.freeze()  # what lives as long as the worker need not be looked at again
        self._watch = _rng.Watch()

    def _unpack(self, settings: dict[str, Any]) -> Any:
        body, spans, size, inline = settings["payload"]
        if size is None:
            return load(body, [bytearray(data) for data in inline])
        memory = map_block(self._channel.take_descriptor(), size, private=True).data
        return load(body, [memory[start : start + length] for start, length in spans])

    def serve(self) -> None:
        """Until the loader hangs up."""
        while (message := self._channel.receive()) is not None:
            if message[0] == "epoch":
                _, self._epoch, resume = message
                self._begin(resume)
            else:
                _, epoch, number, index, released = message
                self._pool.give_back(released)
                if epoch == self._epoch:
                    self._work(number, index)
            if self._channel.closed:
                return

    def _begin(self, resume: bytes | None) -> None:
        self._channel.send(("epoch", self._epoch, self._watch.states()))
        self._ended, self._fetcher, self._error = False, None, self._failure
        if self._error is None:
            try:
                self._open(pickle.loads(resume) if resume else {})
            except Exception as error:
                self._error = error

    def _open(self, resume: dict[str, Any]) -> None:
        """Makes the fetcher, where an earlier run of the epoch has left off."""
        state, skip = resume.get("dataset"), resume.get("skip", 0)
        if state is not None and "iterator" not in state:
            self._dataset.load_state_dict(state["dataset"])
        if not self._stream:
            self._fetcher = MapFetcher(self._dataset, self._batched, self._collate)
        else:
            if "rng_before" in resume:
                self._set_rng(resume["rng_before"])
            self._fetcher = StreamFetcher(self._dataset, self._batched, self._collate, self._drop_last)
            if state is not None and "iterator" in state:
                self._fetcher.samples.load_state_dict(state["iterator"])
            elif state is None and skip:
                self._fetcher.skip(resume["size"], skip)
        if "rng" in resume:
            self._set_rng(resume["rng"])

    def _set_rng(self, states: dict[str, bytes]) -> None:
        _rng.restore(states)
        self._watch.assume(states)

    def _work(self, number: int, index: bytes) -> None:
        kind, payload, batch = "batch", None, None
        if self._ended:
            kind = "end"
        elif self._error is not None:
            kind, batch = "error", _errors.describe(self._error, self._id)
        else:
            try:
                batch = self._fetcher.fetch(pickle.loads(index))
                payload = dump_batch(batch)
            except Exception as error:
                if isinstance(error, StopIteration) and self._stream:
                    kind, self._ended = "end", True
                else:
                    kind, batch = "error", _errors.describe(error, self._id)
        if kind == "error":
            try:
                payload = dump_batch(batch)
            except Exception:  # the exception's class cannot be sent
                payload = dump_batch((None, batch[1] if batch else ""))
        moved = self._watch.states() if self._error is None and self._fetcher.runs_users_code else {}
        state = None
        try:
            state = pickle.dumps(found) if (found := state_of(self._dataset, self._fetcher)) else None
        except Exception as error:
            if kind == "batch":
                kind, payload = "error", dump_batch(_errors.describe(error, self._id))
        if new := preloadable() - self._known_modules:
            self._known_modules |= new
            self._channel.send(("modules", sorted(new)))
        self._send((kind, self._epoch, number), payload, (moved, state, self._error is None and self._fetcher.ended))

    def _send(self, head: tuple[Any, ...], payload: Any, tail: tuple[Any, ...]) -> None:
        if payload is None:
            self._channel.send((*head, None, *tail))
            return
        body, buffers = payload
        raws = [buffer.raw() for buffer in buffers]
        starts, size = layout([raw.nbytes for raw in raws])
        block = self._pool.take(size) if size >= SMALLEST else None
        if block is None:
            packed = (body, None, None, [bytes(raw) for raw in raws])
            self._channel.send((*head, packed, *tail))
            return
        name, memory, descriptor, replaced = block
        for start, raw in zip(starts, raws, strict=True):
            memory[start : start + raw.nbytes] = np.frombuffer(raw, np.uint8)
        spans = [(start, raw.nbytes) for start, raw in zip(starts, raws, strict=True)]
        new = None if descriptor is None else (len(memory), replaced)
        packed = (body, spans, (name, new), None)
        self._channel.send((*head, packed, *tail), () if descriptor is None else (descriptor,))
        if descriptor is not None:
            os.close(descriptor)


def state_of(dataset: Any, fetcher: Any) -> dict[str, Any] | None:
    """The state of a dataset, or of the iterator over it, that keeps one (``state_dict``); None for others."""
    samples: Any = getattr(fetcher, "samples", None)
    if hasattr(samples, "state_dict") and hasattr(samples, "load_state_dict"):
        return {"iterator": samples.state_dict()}
    if hasattr(dataset, "state_dict") and hasattr(dataset, "load_state_dict"):
        return {"dataset": dataset.state_dict()}
    return None
