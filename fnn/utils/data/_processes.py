"""Starting worker processes, and finding out what became of them."""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from multiprocessing import spawn
from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined] (as multiprocessing itself does)
from typing import Any, Final

from fnn.errors import ArgumentError
from fnn.utils.data._wire import PASSES_DESCRIPTORS, Channel
from fnn.utils.data._worker_info import preloadable

__all__ = ["Group", "Worker", "environment", "start_method", "want", "warm_up"]

HAS_ZYGOTE: Final = hasattr(os, "fork") and PASSES_DESCRIPTORS
NO_FORK: Final = """DataLoader: multiprocessing_context="fork" would fork this process, in which JAX runs threads.
Wrong: a forked child inherits locks that no thread of its own will ever release; it hangs at the first use of one.
Right: leave multiprocessing_context=None (or "forkserver"): workers are forked from a clean process, as fast."""

_DIED_WITHIN: Final = 1.0  # seconds until the zygote has reaped a worker that hung up


class StartError(RuntimeError):
    """A worker process could not be started."""


def environment() -> dict[str, str]:
    """The environment of a worker: the caller's, with JAX kept off the accelerator and one thread to a library."""
    variables = dict(os.environ)
    variables["JAX_PLATFORMS"] = "cpu"
    variables.setdefault("OMP_NUM_THREADS", "1")
    return variables


class _Zygote:
    """The connection to the process that forks workers."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._serial = 0
        self._channel = Channel(ours)
        self._preloaded = preloadable() | _wanted
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from fnn.utils.data import _zygote; "
            f"_zygote.main({theirs.fileno()}, {self.owner}, {sorted(self._preloaded)!r})"
        )
        # one thread: the zygote forks, and numpy's linear algebra would start others
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        with theirs:
            self.process = _popen(code, {**environment(), **threads}, (theirs.fileno(),))

    def _ask(self, request: tuple[Any, ...], descriptors: tuple[int, ...] = ()) -> tuple[Any, ...] | None:
        with self._lock:
            self._serial = serial = self._serial + 1
            self._channel.send((serial, *request), descriptors)
            while (answer := self._channel.receive()) is not None and answer[0] != serial:
                pass  # to a question that was interrupted, by Ctrl-C say
            return answer and answer[1:]

    def preload(self) -> None:
        """Has it import what workers of earlier epochs have imported."""
        new = _wanted - self._preloaded
        if new:
            self._preloaded |= new
            self._ask(("preload", sorted(new)))

    def fork(self, sock: socket.socket, leash: int, leash_id: int) -> tuple[int, int]:
        """A new worker's process id, and the name of its leash."""
        descriptors = (sock.fileno(),) if leash_id >= 0 else (sock.fileno(), leash)
        answer = self._ask(("fork", leash_id), descriptors)
        if answer is None:
            raise StartError("the process that starts workers has ended")
        if answer[0] < 0:
            raise StartError(f"DataLoader: cannot start a worker process: {answer[1]}")
        return answer[0], answer[1]

    def status(self, pid: int) -> int | None:
        """The exit status of a worker, negative for a signal; None while it runs or if nothing is known."""
        answer = self._ask(("status", pid))
        return answer[0] if answer else None

    @property
    def alive(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None and not self._channel.closed

    def close(self) -> None:
        """Tells it to end, and waits for that."""
        self._channel.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def disown(self) -> None:
        """In a forked child, which shares the connection but must not use it."""
        self._channel.close()
        self.process.returncode = 0  # it is no child of this process


_wanted: set[str] = set()  # modules that workers have imported


def want(names: Sequence[str]) -> None:
    """Workers import these; the next ones are to find them imported."""
    _wanted.update(names)


_zygote: _Zygote | None = None
_zygote_lock = threading.Lock()


def _get_zygote() -> _Zygote:
    global _zygote
    with _zygote_lock:
        if _zygote is not None and not _zygote.alive:
            _zygote.close()
            _zygote = None
        if _zygote is None:
            _zygote = _Zygote()
        return _zygote


def warm_up() -> None:
    """Starts the zygote without waiting for it; the first worker then finds it ready."""
    if HAS_ZYGOTE:
        _get_zygote()


@atexit.register
def _end_zygote() -> None:
    global _zygote
    if _zygote is not None and _zygote.owner == os.getpid():
        _zygote.close()
    _zygote = None


def _forget_zygote() -> None:
    global _zygote, _zygote_lock
    _zygote_lock = threading.Lock()
    if _zygote is not None:
        _zygote.disown()
    _zygote = None
    _orphans.clear()
    for group in list(_groups):  # so that a worker's loader alone decides when it hangs up
        group.close()


_groups: "weakref.WeakSet[Group]" = weakref.WeakSet()
_orphans: list[subprocess.Popen[bytes]] = []  # spawned workers that were told to end
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_zygote)


def _popen(code: str, variables: dict[str, str], descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    executable = os.fsdecode(spawn.get_executable())
    command = [executable, *_args_from_interpreter_flags(), "-c", code]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=variables, pass_fds=descriptors)


class Group:
    """The workers of one loader; they end when it is closed.

    Args:
        count: how many.
        method: ``"spawn"``: processes of their own; else forks of the zygote.
    """

    def __init__(self, count: int, method: str | None) -> None:
        self.workers: list[Worker] = []
        self._leash: int | None = None
        _groups.add(self)
        try:
            if method == "spawn" or not HAS_ZYGOTE:
                for number in range(count):
                    self.workers.append(_spawn(number))
            else:
                self._fork(count)
        except BaseException:
            self.close()
            raise

    def _fork(self, count: int) -> None:
        for attempt in range(2):
            zygote = _get_zygote()
            zygote.preload()
            theirs, self._leash = os.pipe()
            try:
                leash_id = -1
                for number in range(count):
                    ours, end = socket.socketpair()
                    with end:
                        try:
                            pid, leash_id = zygote.fork(end, theirs, leash_id)
                        except BaseException:
                            ours.close()
                            raise
                    self.workers.append(Worker(number, pid, ours, zygote))
                return
            except StartError:
                if zygote.alive or attempt == 1:
                    raise
                self.close()  # it died before or meanwhile: once more, with a new one
                self.workers.clear()
            finally:
                os.close(theirs)

    def close(self) -> None:
        """Hangs up; does not wait. Safe at any moment: takes no lock."""
        if self._leash is not None:
            leash, self._leash = self._leash, None
            with contextlib.suppress(OSError):
                os.close(leash)
        for worker in self.workers:
            worker.close()


class Worker:
    """One worker process.

    Attributes:
        number: 0 to the number of workers - 1.
        pid: its process id.
        channel: the connection to it, non-blocking.
    """

    def __init__(self, number: int, pid: int, sock: socket.socket, parent: "_Zygote | subprocess.Popen[bytes]") -> None:
        sock.setblocking(False)
        self.number = number
        self.pid = pid
        self.channel = Channel(sock)
        self._parent = parent

    def close(self) -> None:
        """Hangs up; the worker then ends."""
        self.channel.close()
        if isinstance(self._parent, subprocess.Popen) and self._parent not in _orphans:
            _orphans.append(self._parent)

    def obituary(self) -> str:
        """What is known about the end of a worker that has hung up."""
        status = self._exit_status()
        who = f"DataLoader worker (pid(s) {self.pid}) exited unexpectedly: worker {self.number} (pid {self.pid}) "
        if status is None:
            if isinstance(self._parent, _Zygote) and not self._parent.alive:
                code = self._parent.process.poll()
                return f"{who}ended with the process that starts workers, which {_ending(code or 0)}"
            return f"{who}hung up"
        hint = ""
        if status == -signal.SIGTERM:
            hint = "; somebody stopped it"
        elif status < 0:
            hint = _HINTS.get(signal.Signals(-status).name, "")
        return f"{who}{_ending(status)}{hint}"

    def _exit_status(self) -> int | None:
        deadline = time.monotonic() + _DIED_WITHIN
        while True:
            if isinstance(self._parent, subprocess.Popen):
                status = self._parent.poll()
            else:
                status = self._parent.status(self.pid) if self._parent.alive else None
                if status is None and not self._parent.alive:
                    return None
            if status is not None or time.monotonic() > deadline:
                return status
            time.sleep(0.01)


_HINTS: Final = {
    "SIGKILL": "; somebody killed it or, most often, the machine ran out of memory: use fewer workers, smaller "
    "batches or a smaller prefetch_factor",
    "SIGSEGV": "; a library that it uses crashed: run with num_workers=0 to see where",
    "SIGBUS": "; shared memory or a mapped file could not be read, mostly for lack of memory",
    "SIGABRT": "; a library that it uses gave up: run with num_workers=0 to see where",
}


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit code {status}"
    name = signal.Signals(-status).name
    return f"is killed by signal: {signal.strsignal(-status)} ({name})"


def _spawn(number: int) -> Worker:
    _orphans[:] = [process for process in _orphans if process.poll() is None]
    ours, theirs = socket.socketpair()
    start = f"import sys; sys.path[:] = {sys.path!r}; from fnn.utils.data import _worker; _worker.run_spawned"
    with theirs:
        if PASSES_DESCRIPTORS:
            process = _popen(f"{start}({theirs.fileno()})", environment(), (theirs.fileno(),))
        else:
            executable = os.fsdecode(spawn.get_executable())
            command = [executable, *_args_from_interpreter_flags(), "-c", f"{start}(None)"]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment())
            share: Any = vars(socket.socket)["share"]  # of Windows alone
            pipe: Any = process.stdin
            with pipe:
                pipe.write(share(theirs, process.pid))
    return Worker(number, process.pid, ours, process)


def start_method(context: Any) -> str | None:
    """The start method that a multiprocessing context stands for; None for the default.

    Raises:
        ArgumentError: for ``fork``.
    """
    method = None if context is None else context.get_start_method(allow_none=True)
    if method == "fork":
        raise ArgumentError(NO_FORK)
    return method
