"""The zygote: a clean process, without JAX and without threads, whose only work is to fork worker processes.

A process that has used JAX must not be forked: its threads hold locks that the child would wait for forever.  Python's
own ``spawn`` and ``forkserver`` import the user's main script again, which runs it where it has no main guard, fails
in a notebook, and imports JAX.  So the first loader that needs workers starts this process, once; a worker then costs
a fork of a small process, some milliseconds.

It ends when its parent does (its control socket reports that), and takes the workers with it.  A worker whose loader
has let go of it and that does not end by itself is killed after a grace period.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Final

from fnn.utils.data import _worker
from fnn.utils.data._wire import Channel

__all__ = ["main"]

_GRACE: Final = 5.0  # seconds that a worker has to finish the batch that it is at
_GRACE_AT_EXIT: Final = 1.0
_KEPT_STATUSES: Final = 4096
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)


def main(control: int, parent: int, preload: list[str]) -> None:
    """Serves requests until the parent is gone.

    Args:
        control: the descriptor of the socket that requests come by.
        parent: the parent's process id.
        preload: modules that workers will need, installed ones that are safe to fork with.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides what it means
    _import(preload)
    _Zygote(control, parent).serve()


def _import(names: list[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the collector leaves shared pages alone


class _Zygote:
    def __init__(self, control: int, parent: int) -> None:
        self._channel = Channel(socket.socket(fileno=control))
        self._parent = parent
        self._groups: dict[int, int] = {}  # worker -> the leash of its loader's iteration
        self._deadlines: dict[int, float] = {}
        self._statuses: dict[int, int] = {}
        self._wakeup, wake = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._descriptors = (self._wakeup, wake)

    def serve(self) -> None:
        poll = select.poll()
        poll.register(self._channel.fileno(), select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while not self._channel.closed and os.getppid() == self._parent:
            for descriptor, _ in poll.poll(self._patience() * 1000):
                if descriptor == self._wakeup:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wakeup, 4096)
                elif descriptor == self._channel.fileno():
                    self._channel.read()
                    while request := self._channel.next_message():
                        self._answer(request, poll)
                else:  # the other end of a leash has been closed
                    poll.unregister(descriptor)
                    self._let_go(descriptor)
            self._reap()
            self._enforce()
        self._end()

    def _patience(self) -> float:
        now = time.monotonic()
        return max(0.0, min([2.0, *(deadline - now for deadline in self._deadlines.values())]))

    def _answer(self, request: tuple[Any, ...], poll: Any) -> None:
        match request:
            case (serial, "fork", leash_id):
                sock = self._channel.take_descriptor()
                leash = leash_id if leash_id >= 0 else self._channel.take_descriptor()
                if leash_id < 0:
                    poll.register(leash, select.POLLIN)
                try:
                    answer = self._fork(sock, leash), leash
                except OSError as error:  # too many processes, no memory
                    answer = -1, str(error)
                os.close(sock)
                self._channel.send((serial, *answer))
            case (serial, "preload", names):
                _import(names)
                self._channel.send((serial, True))
            case (serial, "status", pid):
                self._reap()
                self._channel.send((serial, self._statuses.get(pid)))

    def _fork(self, sock: int, leash: int) -> int:
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                self._channel.close()
                for descriptor in (*self._descriptors, *({leash, *self._groups.values()} - {-1})):
                    os.close(descriptor)
                _die_with_parent(zygote)
                status = _worker.run(socket.socket(fileno=sock))
            finally:
                _leave(status)
        self._groups[pid] = leash
        return pid

    def _let_go(self, leash: int) -> None:
        for pid, held_by in self._groups.items():
            if held_by == leash:
                self._deadlines[pid] = time.monotonic() + _GRACE
                self._groups[pid] = -1
        os.close(leash)

    def _enforce(self) -> None:
        now = time.monotonic()
        for pid, deadline in list(self._deadlines.items()):
            if deadline <= now:
                del self._deadlines[pid]
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._groups:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._groups.pop(pid, None)
            self._deadlines.pop(pid, None)
            self._statuses[pid] = os.waitstatus_to_exitcode(status)
            if len(self._statuses) > _KEPT_STATUSES:
                del self._statuses[next(iter(self._statuses))]

    def _end(self) -> None:
        """The parent is gone: workers notice it, too; those that do not are killed."""
        deadline = time.monotonic() + _GRACE_AT_EXIT
        while self._groups and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.005)
        for pid in self._groups:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)


def _die_with_parent(zygote: int) -> None:
    """Linux kills the worker when the zygote dies, however that comes about."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != zygote:
        os._exit(1)


def _leave(status: int) -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
