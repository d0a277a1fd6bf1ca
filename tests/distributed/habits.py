"""What scripts for several processes do between their steps: ``python -m tests.distributed.habits FOLDER``.

A job prints the same losses as one process that is alone; a difference in it is an ordinary exception.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np

import fnn
import fnn.distributed as dist
from fnn import nn
from fnn.nn import functional as F
from fnn.nn.parallel import DistributedDataParallel
from fnn.serialization import save_file
from fnn.state.hints import hint_on
from fnn.utils.data import DataLoader, DistributedSampler, TensorDataset
from tests.distributed.failures import refused

RNG = np.random.default_rng(0)
X = RNG.standard_normal((48, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
DATA = TensorDataset(X, Y)


def net() -> nn.Module:
    fnn.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def step_of(model: Any, optimizer: Any) -> Any:
    @fnn.jit
    def step(x: Any, y: Any) -> jax.Array:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        fnn.backward(loss)
        optimizer.step()
        return loss

    return step


def told(name: str, *losses: Any) -> None:
    """Every process must print the same."""
    print("loss", name, *(f"{float(loss):.5f}" for loss in losses), flush=True)


def parallel(folder: Path) -> None:
    """DistributedDataParallel with a sampler, a checkpoint that process 0 writes, and a job that goes on from it."""
    count, losses = dist.get_world_size(), []
    for part in range(2):
        model = DistributedDataParallel(net())
        optimizer = fnn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        if part:
            saved = fnn.load(folder / "last.pt", map_location="cpu")
            model.module.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
        sampler: Any = DistributedSampler(DATA, shuffle=True, seed=3)
        loader, step = DataLoader(DATA, 16 // count, sampler=sampler), step_of(model, optimizer)
        sampler.set_epoch(part)
        batches = list(loader)
        for batch in batches:
            loss = step(*batch)
            assert not dist.all_reduce(loss, dist.ReduceOp.AVG) - loss and not dist.broadcast(loss, 0) - loss
            losses.append(loss)
        if dist.get_rank() == 0:  # what every device has whole may be written, and computed with, by one process
            fnn.save({"model": model.module.state_dict(), "optimizer": optimizer.state_dict()}, folder / "last.pt")
            model.eval()
            assert np.isfinite(float(F.cross_entropy(model.module(X), Y)))
        dist.barrier()
        x, y = batches[-1]  # labels that are elsewhere are not looked at
        model.eval()
        losses.append(F.cross_entropy(model(x), y, reduction="sum"))
    told("parallel", *losses)


def accumulated() -> None:
    """Gradients of several parts, without and with an exchange in torch's words; rows that each process cuts out."""
    model, rank = DistributedDataParallel(net()), dist.get_rank()
    optimizer, losses = fnn.optim.Adam(model.parameters(), lr=0.01), []

    @fnn.jit
    def add(context: Any, x: Any, y: Any) -> jax.Array:
        with context:
            loss = F.cross_entropy(model(x), y) / 3
            fnn.backward(loss)
        return loss

    share = 16 // dist.get_world_size()
    for _ in range(2):
        for part in range(3):
            mine = slice(16 * part + rank * share, 16 * part + (rank + 1) * share)
            batch = dist.global_batch((X[mine], Y[mine]))
            losses.append(add(model.no_sync() if part < 2 else contextlib.nullcontext(), *batch))
        optimizer.step()
        optimizer.zero_grad()
    told("accumulated", *losses)


def early() -> None:
    """Training of all that process 0 ends, on batches of which the last is smaller, under FSDP by blocks."""
    model: Any = net()
    for block in model:
        if list(block.parameters()):
            dist.fsdp.fully_shard(block)
    dist.fsdp.fully_shard(model)
    optimizer, best, losses = fnn.optim.SGD(model.parameters(), lr=0.5), float("inf"), []
    step = step_of(model, optimizer)
    for _ in range(20):
        for x, y in DataLoader(DATA, 20, mesh=dist.mesh()):
            losses.append(step(x, y))
        stop = np.zeros(1, np.int32)
        if dist.get_rank() == 0:  # a loss is the same number in every process
            stop[0] = float(losses[-1]) > best - 0.01
            best = min(best, float(losses[-1]))
        if dist.broadcast(stop, src=0)[0]:
            break
    told("early", *losses)
    correct = (model(X).argmax(1) == Y).sum()
    every: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(every, {"rank": dist.get_rank(), "correct": int(correct)})
    assert [one["rank"] for one in every] == list(range(len(every)))
    told("early correct", *{one["correct"] for one in every})


def own_numbers() -> None:
    """Numbers that each process draws for itself are rows of one batch."""
    count, rank = dist.get_world_size(), dist.get_rank()
    rows = np.concatenate([np.random.default_rng(seed).standard_normal((4, 4)) for seed in range(2)])
    x = rows.astype(np.float32)[rank * (8 // count) : (rank + 1) * (8 // count)]
    model = dist.distribute(net(), dist.mesh(), "fsdp")
    batch = dist.global_batch({"x": x, "name": "rows"})
    assert batch["name"] == "rows" and batch["x"].shape == (8, 4)
    np.testing.assert_array_equal(dist.gather(batch["x"]), rows.astype(np.float32))
    uneven = dist.global_batch(np.full((1, 3), rank, np.int32))  # fewer rows than devices
    np.testing.assert_array_equal(dist.gather(uneven)[:, 0], np.arange(count))
    told("own numbers", (model(batch["x"]) ** 2).sum())
    refused("must have rows, got one of shape () with 3.0", lambda: dist.global_batch(np.full((), 3.0)))


def one_asks(name: str, make: Callable[[Any], Any], folder: Path) -> None:
    """State that is spread: one process may ask for it, and is told what it cannot have; all get the values."""
    model, rank = dist.distribute(net(), dist.mesh(), "fsdp"), dist.get_rank()
    optimizer = make(model.parameters())
    step_of(model, optimizer)(X[:16], Y[:16])
    if rank == 1:
        entry = optimizer.state_dict()["state"][0]
        moments = {key: value for key, value in entry.items() if key != "step"}
        assert moments and all(value.shape == (8, 4) for value in moments.values())
        assert "step" not in entry or float(entry["step"]) == 1
        refused("spread over several processes; gather it first", lambda: fnn.save(entry, folder / "no.pt"))
        refused("spread over several processes; gather it first", lambda: save_file(moments, folder / "no.safetensors"))
        assert not (folder / "no.pt").exists() and not (folder / "no.safetensors").exists()
        refused(
            "gather: process 1 waits for process 0, which waits at the barrier 'asked'",
            lambda: dist.gather(optimizer.state_dict()),
        )
    dist.barrier("asked")
    state = dist.gather(optimizer.state_dict())["state"]
    told(f"one asks {name}", *(np.abs(np.asarray(value)).sum() for entry in state.values() for value in entry.values()))


def refusals() -> None:
    """What would wait for ever, or mix up the rows of the processes, in a job of two."""
    rank = dist.get_rank()
    model = dist.distribute(net(), dist.mesh(), "fsdp")
    if rank == 0:
        refused("the call of Sequential: process 0 waits for process 1, which waits at", lambda: model(X))
    dist.barrier("alone")
    refused("distribute: the processes call Sequential with different values of an argument", lambda: model(X + rank))
    weight = model[0].weight.data  # which of JAX's errors say how to get values
    for kind, read in ((RuntimeError, np.asarray), (AssertionError, list)):
        try:
            read(weight)
        except kind as error:
            hint_on(error)
            assert ["fnn.distributed.gather(x)" in note for note in error.__notes__] == [True], error
        else:
            raise AssertionError(f"{read} of a part")
    loss = step_of(model, fnn.optim.SGD(model.parameters(), lr=0.1))(X, Y)
    refused("all_reduce: the array is of all processes already", lambda: dist.all_reduce(loss))
    refused("leave out reduce, and a division", lambda: dist.reduce(loss, dst=0))
    refused("op AVG needs a floating dtype", lambda: dist.all_reduce((model(X) > 0).sum(), dist.ReduceOp.AVG))
    refused("of shape (8, 4) is of all processes already", lambda: dist.global_batch(model[0].weight))
    refused("must give arrays of the same shapes, got float32[", lambda: dist.global_batch(X[: 2 + rank]))


def main(folder: Path) -> None:
    """Runs them all."""
    dist.init()
    parallel(folder)
    accumulated()
    early()
    own_numbers()
    one_asks("sgd", lambda p: fnn.optim.SGD(p, lr=0.1, momentum=0.9), folder)
    one_asks("adam", fnn.optim.Adam, folder)
    if dist.get_world_size() > 1:
        refusals()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
