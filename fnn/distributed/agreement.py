"""Processes of a job run the same programs on the same values; one that does not is named, before anything waits.

Before a program of several processes runs for the first time, each process leaves a note with what it is about to run:
a digest of the lowered program, of the values that it takes from the host, of its seed.  The notes are compared, so
that a branch on the rank or a generator of its own is an error in words instead of devices that wait for each other.

Who waits for another's note looks at how far the other is (`progress.py`).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jax
import numpy as np
from jax.tree_util import tree_leaves

from fnn.distributed import store
from fnn.distributed.progress import BEAT, Progress, awaited, exchanged, own
from fnn.errors import ArgumentError
from fnn.state.scope import epoch

__all__ = ["agreed", "called_alike"]

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
{where}: the processes call {name} with different {what}: process {there} has others than process {here}.
{advice}"""
SEEDS = "Seed each process alike, fnn.manual_seed(0), and let each draw the same numbers on the host."
BATCHES = """\
Give each process the same arrays, or let DataLoader(..., mesh=mesh) share out the batch.  What each process has for
itself, its rows, fnn.distributed.global_batch((x, y)) makes one batch of."""


def agreed(name: str, lowered: Any, args: tuple, seed: object) -> int:
    """Compares a program that is about to run for the first time with those of the other processes.

    Args:
        name: of the function.
        lowered: the program, lowered.
        args: its arguments.
        seed: the one among them that random numbers come from; None if it draws none.

    Returns:
        A number that tells it from others, the same in each process; 0 for a program of this process's own devices,
        which concerns nobody else.

    Raises:
        ArgumentError: another process runs something else, has other values, or does not come.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import fnn
        >>> x = jnp.ones(3)
        >>> fnn.distributed.agreement.agreed("double", jax.jit(lambda x: 2 * x).lower(x), (x,), None)
        0
    """
    leaves = tree_leaves(args)
    if all(leaf.is_fully_addressable for leaf in leaves if isinstance(leaf, jax.Array)):
        return 0
    number, here = own.programs, jax.process_index()
    held = [np.asarray(x) for x in leaves if not isinstance(x, jax.Array) or x.is_fully_addressable]
    note = {
        "name": name,
        "runs": epoch.runs,
        "program": hashlib.sha256(lowered.as_text().encode()).hexdigest(),
        "shapes": _summary(leaves),
        "seed": None if seed is None else _digest(np.asarray(seed)),
        "values": [_told(value) for value in held],
    }
    store.put(f"program/{number}/{here}", json.dumps(note))
    own.programs += 1
    note = json.loads(json.dumps(note))
    for there in range(jax.process_count()):
        if there != here:
            _compare(number, note, _note(number, there, name), here, there)
    told = int(note["program"][:8], 16) | 1
    own.names[told] = name
    return told


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
    names = {"where": "fnn.jit", "name": ours["name"], "here": here, "there": there}
    if ours["seed"] != theirs["seed"]:
        raise ArgumentError(VALUES.format(what="random numbers", advice=SEEDS, **names))
    for mine, other in zip(ours["values"], theirs["values"], strict=True):
        if mine != other:
            raise ArgumentError(VALUES.format(what=_argument(mine), advice=BATCHES, **names))


def _argument(told: list[Any]) -> str:
    return f"values of an argument of shape {tuple(told[1])} and dtype {told[0]}"


def _told(value: Any) -> list[Any]:
    value = np.asarray(value)
    return [str(value.dtype), list(value.shape), _digest(value)]


def called_alike(name: str, args: tuple) -> None:
    """Compares what the processes call a model of all of them with outside of compiled code, where nothing else does.

    An operation on arrays of all processes that one of them runs alone waits for ever, and one on rows that differ
    makes an array of which nobody knows whose they are.

    Args:
        name: of the model's class.
        args: what it is called with.

    Raises:
        ArgumentError: a process has other values, or does not come.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.agreement.called_alike("Linear", (jnp.ones((2, 3)),))
    """
    if jax.process_count() == 1:
        return
    leaves = tree_leaves(args)
    held = [x for x in leaves if isinstance(x, np.ndarray) or (isinstance(x, jax.Array) and x.is_fully_addressable)]
    ours, here = [_told(x) for x in held], jax.process_index()
    for there, text in enumerate(exchanged(f"the call of {name}", json.dumps(ours))):
        theirs = json.loads(text)
        if ours != theirs:
            pairs = zip(ours, theirs, strict=False)
            what = next((_argument(mine) for mine, other in pairs if mine != other), "numbers of arrays")
            raise ArgumentError(
                VALUES.format(where="distribute", what=what, advice=BATCHES, name=name, here=here, there=there)
            )


def _note(number: int, there: int, name: str) -> dict[str, Any]:
    """What another process says of its program of this number, when it comes to it."""

    def elsewhere(progress: Progress, waited: float) -> str:
        if progress.programs > number:
            return ""
        if progress.ended:
            return "has ended"
        if progress.runs > epoch.runs:
            return "has gone on with a program that it has run before"
        return f"waits at {progress.where}" if progress.where and waited > 2 * BEAT else ""

    text, what = awaited(f"program/{number}/{there}", there, elsewhere)
    if text is None:
        store.drop(f"program/{number}/{jax.process_index()}")  # nobody is to meet it later
        own.programs = number
        raise ArgumentError(ELSEWHERE.format(here=jax.process_index(), there=there, name=name, what=what))
    return json.loads(text)
