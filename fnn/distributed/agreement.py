"""Processes of a job run the same programs on the same values; one that does not is named, before anything waits.

Before a program of several processes runs for the first time, each process leaves a note with what it is about to run:
a digest of the lowered program, of the values that it takes from the host, of its seed.  The notes are compared, so
that a branch on the rank or a generator of its own is an error in words instead of devices that wait for each other.

While a process waits for another's note it looks at the other's *progress*, which a thread of each process leaves once
a second: how many programs it has run, where its main thread waits, whether it has ended.  So it also notices a process
that has gone on with a program which is compiled already, sits at a barrier, or is gone.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.tree_util import tree_leaves

from fnn.distributed import store
from fnn.errors import ArgumentError
from fnn.state.scope import epoch

__all__ = ["agreed", "begin", "end", "waiting"]

DIFFERENT = """\
fnn.jit: the processes are about to run different programs, as their number {number}.
{ours}
{theirs}
Every process runs the same lines: a branch on the rank may print or write files, but not call a compiled function on
arrays of all processes."""

ELSEWHERE = """\
fnn.jit: process {here} is about to run {name}, which process {there} has not come to: it {what}.
Every process runs the same lines: a branch on the rank may print or write files, but not call a compiled function on
arrays of all processes."""

VALUES = """\
fnn.jit: the processes call {name} with different {what}: process {there} has others than process {here}.
{advice}"""
SEEDS = "Seed each process alike, fnn.manual_seed(0), and let each draw the same numbers on the host."
BATCHES = "Give each process the same arrays, or let DataLoader(..., mesh=mesh) share out the batch."

PATIENCE = 600.0  # seconds in which a process that is alive may come to the program that another waits at
SILENCE = 30.0  # seconds without a sign of life after which a process counts as lost
BEAT = 1.0


class _Job:
    """What this process tells of itself."""

    def __init__(self) -> None:
        self.programs = 0
        self.where = ""
        self.ended = False
        self.thread: threading.Thread | None = None


_job = _Job()


class _Progress(NamedTuple):
    """What another process has told."""

    runs: int
    programs: int
    where: str
    ended: bool
    beat: int


def begin() -> None:
    """Starts to tell the others of this process's progress; called when it has joined a job."""
    if _job.thread is not None and _job.thread.is_alive():
        if not _job.ended:
            return
        _job.thread.join()  # of a job that this process has left
    _job.programs, _job.where, _job.ended, epoch.runs = 0, "", False, 0
    _job.thread = threading.Thread(target=_tell, daemon=True, name="fnn.distributed.agreement")
    _job.thread.start()
    atexit.register(end)


def _tell() -> None:
    beat = 0
    while not _job.ended:
        try:
            _leave(beat)
        except Exception:  # the service has ended, and with it the job
            return
        beat += 1
        time.sleep(BEAT)


def _leave(beat: int) -> None:
    progress = _Progress(epoch.runs, _job.programs, _job.where, _job.ended, beat)
    store.put(f"progress/{jax.process_index()}", json.dumps(progress))


def end() -> None:
    """Tells the others that this process leaves the job."""
    if not _job.ended:
        _job.ended = True
        try:
            _leave(-1)
        except Exception:  # whoever is left notices the silence
            return


@contextmanager
def waiting(where: str) -> Iterator[None]:
    """Tells the others where the main thread waits."""
    _job.where = where
    try:
        yield
    finally:
        _job.where = ""


def agreed(name: str, lowered: Any, args: tuple, seed: object) -> bool:
    """Compares a program that is about to run for the first time with those of the other processes.

    Args:
        name: of the function.
        lowered: the program, lowered.
        args: its arguments.
        seed: the one among them that random numbers come from; None if it draws none.

    Returns:
        Whether it is a program of several processes; one of this process's own devices concerns nobody else.

    Raises:
        ArgumentError: another process runs something else, has other values, or does not come.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import fnn
        >>> x = jnp.ones(3)
        >>> fnn.distributed.agreement.agreed("double", jax.jit(lambda x: 2 * x).lower(x), (x,), None)
        False
    """
    leaves = tree_leaves(args)
    if all(leaf.is_fully_addressable for leaf in leaves if isinstance(leaf, jax.Array)):
        return False
    number, here = _job.programs, jax.process_index()
    held = [np.asarray(x) for x in leaves if not isinstance(x, jax.Array) or x.is_fully_addressable]
    note = {
        "name": name,
        "runs": epoch.runs,
        "program": hashlib.sha256(lowered.as_text().encode()).hexdigest(),
        "shapes": _summary(leaves),
        "seed": None if seed is None else _digest(np.asarray(seed)),
        "values": [(str(value.dtype), list(value.shape), _digest(value)) for value in held],
    }
    store.put(f"program/{number}/{here}", json.dumps(note))
    _job.programs += 1
    note = json.loads(json.dumps(note))
    for there in range(jax.process_count()):
        if there != here:
            _compare(number, note, _note(number, there, name), here, there)
    return True


def _digest(value: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]


def _summary(leaves: list[Any]) -> str:
    """The largest arrays of a program, for a person who is to tell it from another one."""
    shapes = sorted({tuple(np.shape(leaf)) for leaf in leaves}, key=lambda shape: -int(np.prod(shape)))
    return f"{len(leaves)} arrays, of shapes {', '.join(map(str, shapes[:4]))}{', ...' * (len(shapes) > 4)}"


def _compare(number: int, ours: dict[str, Any], theirs: dict[str, Any], here: int, there: int) -> None:
    if ours["program"] != theirs["program"]:
        said = [f"process {n}: {note['name']}, of {note['shapes']}" for n, note in ((here, ours), (there, theirs))]
        raise ArgumentError(DIFFERENT.format(number=number + 1, ours=said[0], theirs=said[1]))
    names = {"name": ours["name"], "here": here, "there": there}
    if ours["seed"] != theirs["seed"]:
        raise ArgumentError(VALUES.format(what="random numbers", advice=SEEDS, **names))
    for mine, other in zip(ours["values"], theirs["values"], strict=True):
        if mine != other:
            what = f"values of an argument of shape {tuple(mine[1])} and dtype {mine[0]}"
            raise ArgumentError(VALUES.format(what=what, advice=BATCHES, **names))


def _note(number: int, there: int, name: str) -> dict[str, Any]:
    """What another process says of its program of this number, when it comes to it."""
    start = heard = time.monotonic()
    beat = None
    while True:
        text = store.take(f"program/{number}/{there}", BEAT)
        if text is not None:
            return json.loads(text)
        told = store.peek(f"progress/{there}")
        progress = None if told is None else _Progress(*json.loads(told))
        now = time.monotonic()
        if progress is not None and progress.beat != beat:
            beat, heard = progress.beat, now
        what = _elsewhere(progress, number, now - heard, now - start)
        if what and store.peek(f"program/{number}/{there}") is None:
            store.drop(f"program/{number}/{jax.process_index()}")  # nobody is to meet it later
            _job.programs = number
            raise ArgumentError(ELSEWHERE.format(here=jax.process_index(), there=there, name=name, what=what))


def _elsewhere(progress: _Progress | None, number: int, silent: float, waited: float) -> str:
    """Why a process will not come, in words; empty while it still may."""
    if progress is not None and progress.programs <= number:
        if progress.ended:
            return "has ended"
        if progress.runs > epoch.runs:
            return "has gone on with a program that it has run before"
        if progress.where and waited > 2 * BEAT:
            return f"waits at {progress.where}"
    if silent > SILENCE:
        return f"has given no sign of life for {SILENCE:.0f} seconds"
    return f"has not come within {PATIENCE:.0f} seconds" if waited > PATIENCE else ""
