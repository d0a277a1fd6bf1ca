"""What goes wrong in a job of two processes says so.

``python -m fnn.distributed.launch -n 2 --devices-per-process 2 -m tests.distributed.failures`` runs it.  Each process
prints "refused" behind what it was refused; the last one ends a process while the other computes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np

import fnn
from fnn import nn

SECONDS = 20.0  # in which each must be noticed on a busy machine; they take one or two on a quiet one


def refused(text: str, call: Callable[[], object]) -> None:
    """Calls, and expects an error with this text."""
    start = time.monotonic()
    try:
        call()
    except ValueError as error:
        assert text in str(error), f"expected {text!r} in {error}"
        assert time.monotonic() - start < SECONDS, f"{text!r} took {time.monotonic() - start:.0f} s"
        print("refused", text, flush=True)
    else:
        raise AssertionError(f"expected {text!r}")


def _layers(count: int) -> list[nn.Module]:
    return [nn.Linear(4, 4) for _ in range(count)]


def order() -> None:
    """Programs that have run before, in another order in each process: a device would wait for ever."""
    fnn.distributed.init()
    fnn.manual_seed(0)
    model = fnn.distributed.distribute(nn.Linear(4, 4), fnn.distributed.mesh())
    programs = [fnn.jit(lambda x: model(x).sum()), fnn.jit(lambda x: (model(x) ** 2).sum(0))]
    x = np.ones((8, 4), np.float32)
    for program in programs:
        jax.block_until_ready(program(x))
    for program in programs[:: -1 if fnn.distributed.get_rank() else 1]:
        jax.block_until_ready(program(x))
    time.sleep(600)


def sole() -> None:
    """An operation outside of compiled steps that one process runs alone, on a weight that is spread."""
    fnn.distributed.init()
    fnn.manual_seed(0)
    model = fnn.distributed.distribute(nn.Linear(4, 4), fnn.distributed.mesh(), "fsdp")
    if fnn.distributed.get_rank() == 0:
        float((model.weight**2).sum())
    fnn.distributed.barrier("after it")


def main() -> None:
    """Runs them all."""
    fnn.distributed.init()
    rank = fnn.distributed.get_rank()
    fnn.manual_seed(0)
    model = fnn.distributed.distribute(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), fnn.distributed.mesh(), "fsdp")

    @fnn.jit
    def train(x: np.ndarray) -> jax.Array:
        return model(x).sum()

    @fnn.jit
    def evaluate(x: np.ndarray) -> jax.Array:
        return (model(x) ** 2).sum()

    x = np.ones((8, 4), np.float32)
    for rows in (8, 7):  # a batch that does not divide is computed whole by each
        assert np.isfinite(float(train(x[:rows])))

    refused("are about to run different programs, as their number 3", lambda: evaluate(x) if rank else train(x[:4]))
    refused("different values of an argument of shape (8, 4)", lambda: evaluate(x * rank))
    fnn.manual_seed(rank)
    refused("with different random numbers", lambda: evaluate(x))
    fnn.manual_seed(0)
    float(evaluate(x))
    if rank:  # on its own devices a process may compute what it likes
        fnn.jit(lambda y: y * 2)(np.ones(3))

    dist = fnn.distributed
    refused("must give arrays of one type, got float32[2]", lambda: dist.all_reduce(np.ones(2 + rank)))
    refused("(1.weight is not in both)", lambda: dist.distribute(nn.Sequential(*_layers(1 + rank)), dist.mesh()))
    fnn.manual_seed(0)
    if rank == 0:
        refused(
            "gather: process 0 waits for process 1, which waits at the barrier 'off'",
            lambda: dist.gather(model[0].weight),
        )
    fnn.distributed.barrier("off")

    here, there = ("evening", "morning") if rank else ("morning", "evening")
    if rank == 0:
        refused("it waits at the barrier 'evening'", lambda: train(x[:2]))
    refused(f"waits at {here!r}, process {1 - rank} at {there!r}", lambda: fnn.distributed.barrier(here))
    fnn.distributed.barrier("both")
    if rank:
        late = "process 0 has not come to 'late' within 0.5 seconds, where process 1 waits"
        refused(late, lambda: fnn.distributed.barrier("late", timeout=0.5))
    if rank == 0:
        refused("it has gone on with a program that it has run before", lambda: train(x[:6]))
        os.kill(os.getpid(), signal.SIGKILL)  # a process that dies: the other one ends, too
    float(train(x))
    time.sleep(600)


if __name__ == "__main__":
    {"order": order, "sole": sole}[sys.argv[1]]() if sys.argv[1:] else main()
