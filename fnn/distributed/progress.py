"""How far each process of a job is, which a thread of each tells the others once a second.

Who waits for another's text looks at the other's *progress*: how many programs it has run, where its main thread waits,
whether it has ended.  So it notices a process that has gone on with a program which is compiled already, sits at a
barrier, or is gone, and need not wait for a time limit.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax

from fnn.distributed import store
from fnn.distributed.exchanging import Exchange
from fnn.errors import ArgumentError
from fnn.state.scope import epoch

__all__ = ["BEAT", "Progress", "awaited", "begin", "end", "exchanged", "gone", "own", "waiting"]

ALONE = """\
{where}: process {here} waits for process {there}, which {what}.
Every process runs the same lines: what concerns all of them must not stand in a branch on the rank."""

OTHER = """\
fnn.jit: the processes run different programs: as its run number {number} process {here} has begun {ours}, process \
{there} {theirs}.
Every process runs the same lines: a branch on the rank, or on values that differ, may print or write files, but not \
call a compiled function on arrays of all processes.  Process {here} ends, for it would wait for ever."""

LEFT = """\
fnn.jit: process {here} runs {name}, which process {there} does not: it {what}.
Every process makes the same number of steps: let DataLoader(..., mesh=mesh) share out the batches.  Process {here} \
ends, for it would wait for ever."""

SOLE = """\
fnn.distributed: outside of compiled steps process {here} computes on arrays that are spread over the processes \
({name}), which process {there} does not: it {what}.
Every process runs the same lines: a branch on the rank may print or write files, but not compute with such arrays.  \
Process {here} ends, for it would wait for ever."""

PATIENCE = 600.0  # seconds in which a process that is alive may come to where another waits
SILENCE = 30.0  # seconds without a sign of life after which a process counts as lost
BEAT = 1.0
_STILL = 3  # beats without any movement after which what a process waits for will not come


class _Own:
    """What this process tells of itself."""

    def __init__(self) -> None:
        self.programs = 0
        self.exchanges = 0
        self.where = ""
        self.ended = False
        self.names: dict[int, str] = {}  # of functions, by the number of their program
        self.thread: threading.Thread | None = None


own = _Own()
_leaving = threading.Lock()


class Progress(NamedTuple):
    """What another process has told."""

    runs: int
    programs: int
    where: str
    ended: bool
    beat: int
    trail: list[list[Any]]  # the last runs: number, mark, name


def begin() -> None:
    """Starts to tell the others of this process's progress; called when it has joined a job."""
    if own.thread is not None and own.thread.is_alive():
        if not own.ended:
            return
        own.thread.join()  # of a job that this process has left
    own.programs, own.exchanges, own.where, own.ended = 0, 0, "", False
    epoch.runs, epoch.mark = 0, 0
    epoch.trail.clear()
    own.thread = threading.Thread(target=_tell, daemon=True, name="fnn.distributed.progress")
    own.thread.start()
    atexit.register(end)


def _tell() -> None:
    beat, watch = 0, Watch()
    while not own.ended:
        try:
            _leave(beat)
            text = watch.look()
        except Exception:  # the service has ended, and with it the job
            return
        if text:
            # The main thread waits for a device that waits for another process: it cannot be told.
            print(text, file=sys.stderr, flush=True)
            os._exit(1)
        beat += 1
        time.sleep(BEAT)


def _leave(beat: int) -> None:
    with _leaving:  # the last word is that it has ended
        _put(-1 if own.ended else beat)


def _put(beat: int) -> None:
    trail = [[number, mark, own.names.get(program, "")] for number, mark, program in list(epoch.trail)]
    progress = Progress(epoch.runs, own.programs, own.where, own.ended, beat, trail)
    store.put(f"progress/{jax.process_index()}", json.dumps(progress))


def end() -> None:
    """Tells the others that this process leaves the job."""
    if not own.ended:
        own.ended = True
        try:
            _leave(-1)
        except Exception:  # whoever is left notices the silence
            return


class Watch:
    """Looks at the next process: whether programs that have run before run in the same order there, and at all.

    These are not compared before they run, for that would cost every step.
    """

    def __init__(self) -> None:
        self._before: tuple[int, int] = (0, 0)
        self._still = 0  # how often nothing has moved
        self._exchange = Exchange()

    def look(self) -> str:
        """What is wrong, in words; empty if nothing is."""
        here, count = jax.process_index(), jax.process_count()
        there = (here + 1) % count
        told = store.peek(f"progress/{there}")
        if told is None:
            return ""
        other, runs = Progress(*json.loads(told)), epoch.runs
        theirs = {number: (mark, name) for number, mark, name in other.trail}
        for number, mark, program in list(epoch.trail):
            if number in theirs and theirs[number][0] != mark:
                name = own.names.get(program, "")
                return OTHER.format(number=number, here=here, there=there, ours=name, theirs=theirs[number][1])
        elsewhere = "has ended" if other.ended else f"waits at {other.where}" if other.where else ""
        if elsewhere and (name := self._exchange.lasts(there, not own.where)):
            return SOLE.format(here=here, there=there, name=name, what=elsewhere)
        now = (runs, other.runs)
        self._still = self._still + 1 if now == self._before else 0
        self._before = now
        if runs <= other.runs or own.where or self._still < _STILL:
            return ""
        last = own.names.get(epoch.trail[-1][2], "a program") if epoch.trail else "a program"
        return LEFT.format(here=here, there=there, name=last, what=elsewhere) if elsewhere else ""


@contextmanager
def waiting(where: str) -> Iterator[None]:
    """Tells the others where the main thread waits."""
    own.where = where
    try:
        yield
    finally:
        own.where = ""


def gone(progress: Progress, waited: float) -> str:
    """Why a process will not come, if only its end can tell."""
    del waited
    return "has ended" if progress.ended else ""


def _passed(progress: Progress, waited: float) -> str:
    """Why a process will not come to an exchange of the main threads."""
    if progress.runs > epoch.runs and not progress.ended:
        return "has gone on with a program that it has run before"
    if progress.where and progress.where != own.where and waited > 2 * BEAT:
        return f"waits at {progress.where}"
    return gone(progress, waited)


def awaited(
    key: str, there: int, judged: Callable[[Progress, float], str], patience: float = PATIENCE
) -> tuple[str | None, str]:
    """The text that another process leaves in the store, or None and why it never will.

    Args:
        key: of the text.
        there: the number of the process.
        judged: of its progress and the seconds that were waited, returns why it will not come; empty if it may.
        patience: seconds after which one that may come counts as one that will not.
    """
    start = heard = time.monotonic()
    beat = None
    while True:
        text = store.take(key, min(BEAT, max(patience, 0.001)))
        if text is not None:
            return text, ""
        told = store.peek(f"progress/{there}")
        progress = None if told is None else Progress(*json.loads(told))
        now = time.monotonic()
        if progress is not None and progress.beat != beat:
            beat, heard = progress.beat, now
        what = "" if progress is None else judged(progress, now - start)
        if not what and now - heard > SILENCE:
            what = f"has given no sign of life for {SILENCE:.0f} seconds"
        if not what and now - start > patience:
            what = f"has not come within {patience:g} seconds"
        if what and store.peek(key) is None:
            return None, what


def exchanged(where: str, text: str) -> list[str]:
    """The texts of all processes, in their order; all must call it from their main threads.

    Args:
        where: the caller, for messages.
        text: of this process.

    Raises:
        ArgumentError: a process does not come.
    """
    number, here = own.exchanges, jax.process_index()
    own.exchanges += 1
    store.put(f"exchange/{number}/{here}", json.dumps([where, text]))
    texts = []
    with waiting(where):
        for there in range(jax.process_count()):
            found, what = awaited(f"exchange/{number}/{there}", there, _passed)
            if found is None:
                store.drop(f"exchange/{number}/{here}")  # nobody is to meet it later
                own.exchanges = number
                raise ArgumentError(ALONE.format(where=where, here=here, there=there, what=what))
            other, told = json.loads(found)
            if other != where:
                raise ArgumentError(ALONE.format(where=where, here=here, there=there, what=f"is at {other}"))
            texts.append(told)
    return texts
