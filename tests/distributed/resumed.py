"""A job that is stopped in the middle of an epoch, and jobs of other sizes that go on.

``python -m tests.distributed.resumed write FOLDER`` trains, saves, notes what it holds and goes on; ``read FOLDER
RULE`` loads, compares that bit by bit, and goes on, too.  A difference is an ordinary exception.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np

import fnn
from fnn import nn
from fnn.nn import functional as F
from fnn.utils.data import DataLoader, TensorDataset

RULES: dict[str, tuple[dict[str, int], Any]] = {
    "replicate": ({"data": -1}, None),
    "fsdp": ({"data": -1}, "fsdp"),
    "matrices": ({"data": -1, "model": 2}, {"0": ("column", "fsdp"), "4": "row", "*": "fsdp"}),
}


class Job:
    """A model with state of several dtypes, its optimizer, and a loader of 40 rows in batches of 8."""

    def __init__(self, rule: str, seed: int) -> None:
        fnn.manual_seed(seed)
        axes, self.rule = RULES[rule]
        mesh = fnn.distributed.mesh(**axes)
        self.model: Any = nn.Sequential(
            nn.Linear(16, 24), nn.BatchNorm1d(24), nn.Dropout(0.2), nn.ReLU(), nn.Linear(24, 8), nn.LayerNorm(8)
        )
        self.model[5].weight.requires_grad_(False)
        self.model.register_buffer("scale", (fnn.arange(8) / 3 + seed).astype(fnn.bfloat16))
        fnn.distributed.distribute(self.model, mesh, self.rule)
        self.optimizer = fnn.optim.AdamW([p for p in self.model.parameters() if p.requires_grad], lr=0.01)
        random = np.random.default_rng(0)
        data = TensorDataset(random.standard_normal((40, 16)).astype(np.float32), np.arange(40, dtype=np.int32) % 8)
        self.loader = DataLoader(data, 8, shuffle=True, mesh=mesh)

        @fnn.jit
        def step(x: Any, y: Any) -> jax.Array:
            loss, grads = fnn.value_and_grad(lambda model: F.cross_entropy(model(x), y))(self.model)
            self.optimizer.step(grads)
            return loss

        self.step = step

    def state(self) -> dict[str, Any]:
        """What is saved."""
        random = fnn.random.get_rng_state()
        parts = {"model": self.model, "optimizer": self.optimizer, "loader": self.loader}
        return {**{name: part.state_dict() for name, part in parts.items()}, "random": random, "epoch": 3}

    def load(self, state: dict[str, Any]) -> None:
        """Takes the state of another job."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.loader.load_state_dict(state["loader"])
        fnn.random.set_rng_state(state["random"])

    def rest(self, batches: Iterable[Any]) -> dict[str, np.ndarray]:
        """The batches that are left of the epoch, whole, with their losses."""
        found = {}
        for n, (x, y) in enumerate(batches):
            found |= {f"x{n}": fnn.distributed.gather(x), f"y{n}": fnn.distributed.gather(y)}
            found[f"loss{n}"] = np.asarray(float(self.step(x, y)))
        return found


def flat(tree: Any) -> dict[str, np.ndarray]:
    """Arrays and numbers by their paths, whole."""
    leaves = jax.tree_util.tree_flatten_with_path(fnn.distributed.gather(tree))[0]
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def same(got: dict[str, np.ndarray], want: dict[str, np.ndarray], where: str) -> None:
    """Bit by bit."""
    assert list(got) == list(want), (where, set(got) ^ set(want))
    for name, value in want.items():
        assert got[name].dtype == value.dtype and got[name].tobytes() == value.tobytes(), (where, name)


def write(folder: Path) -> None:
    """Trains some steps of an epoch, saves, and notes what it holds and what it goes on with."""
    job = Job("fsdp", 0)
    batches = iter(job.loader)
    for _ in range(2):
        job.step(*next(batches))
    state = job.state()
    fnn.distributed.save_sharded(state, folder / "whole", 700)
    fnn.distributed.save_sharded(job.model.state_dict(), folder / "model", 700)
    held = flat(state)
    rest = job.rest(batches)
    if fnn.distributed.process_index() == 0:
        fnn.save({"held": held, "rest": rest}, folder / "truth.pt")
        assert len(list((folder / "model").glob("*.safetensors"))) > 1
    fnn.distributed.barrier()


def read(folder: Path, rule: str) -> None:
    """Holds what was saved, and goes on with the same batches to the same losses."""
    truth = fnn.load(folder / "truth.pt", map_location="cpu")
    want = {name: np.asarray(value) for name, value in truth["held"].items()}
    job = Job(rule, 1)
    job.load(fnn.distributed.load_sharded(folder / "whole"))
    same(flat(job.state()), want, rule)
    got = job.rest(job.loader)
    assert sum(name.startswith("x") for name in got) == 3
    for name, value in truth["rest"].items():
        if name.startswith("loss"):
            np.testing.assert_allclose(got[name], np.asarray(value), rtol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(got[name], np.asarray(value), err_msg=name)
    print("same", rule, flush=True)


if __name__ == "__main__":
    fnn.distributed.init()
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        read(Path(sys.argv[2]), sys.argv[3])
