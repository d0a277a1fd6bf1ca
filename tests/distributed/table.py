"""Models of `models.py` on one device and over many: ``python -m tests.distributed.table FOLDER STEPS CELLS...``.

A cell is ``model:placement``.  The process that is alone writes what one device comes to into the folder, and both it
and the processes of a job compare with that.  A difference is an ordinary exception, when all cells have been run.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, cast

os.environ["JAX_NUM_CPU_DEVICES"] = os.environ.get("JAX_NUM_CPU_DEVICES", "8")
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np

import fnn
from tests.distributed.models import MODELS, Entry

ROWS = 16
TOLERANCE = 1e-5


def placements(entry: Entry) -> dict[str, tuple[dict[str, int], Any]]:
    """Meshes and rules by name."""
    return {
        "dp": ({"data": -1}, None),
        "fsdp": ({"data": -1}, "fsdp"),
        "columns": ({"data": 1, "model": -1}, entry.matrices),
        "2d": ({"data": -1, "model": 2}, entry.matrices),
        "hybrid": ({"replica": 2, "fsdp": -1}, "fsdp"),
        "sequence": ({"data": 2, "sequence": 4}, None),
        "expert": ({"data": 2, "expert": 4}, {"up|down": ("expert", "fsdp"), "*": "fsdp"}),
    }


def trained(entry: Entry, steps: int, how: str = "") -> dict[str, np.ndarray]:
    """The losses and the state after some steps.

    Where parameters are spread the optimizer is made before they are, and gradients come from `fnn.value_and_grad`;
    else it is made afterwards, and the step is PyTorch's.
    """
    fnn.manual_seed(0)
    model = entry.make()
    if entry.double:
        model.double()
    early = how in ("fsdp", "2d")
    optimizer = fnn.optim.SGD(model.parameters(), lr=entry.lr, momentum=0.9) if early else None
    if how:
        axes, rule = placements(entry)[how]
        fnn.distributed.distribute(model, fnn.distributed.mesh(**axes), rule)
    optimizer = optimizer or fnn.optim.SGD(model.parameters(), lr=entry.lr, momentum=0.9)

    @fnn.jit
    def step(*batch: Any) -> jax.Array:
        if early:
            loss, grads = fnn.value_and_grad(lambda model: entry.loss(model, *batch))(model)
            optimizer.step(grads)
            return loss
        optimizer.zero_grad()
        loss = entry.loss(model, *batch)
        fnn.backward(loss)
        optimizer.step()
        return loss

    random = np.random.default_rng(0)
    batches = [entry.draw(random, ROWS) for _ in range(steps)]
    if entry.double:
        batches = [tuple(x.astype(np.float64) if x.dtype == np.float32 else x for x in batch) for batch in batches]
    losses = [float(step(*batch)) for batch in batches]
    for p in model.parameters() if how else ():  # the optimizer's state follows its parameter, and both stay
        moment = optimizer.state[p]["momentum_buffer"].data
        assert moment.sharding.is_equivalent_to(p.data.sharding, p.ndim), (how, p.data.sharding, moment.sharding)
    state = dict(fnn.distributed.gather(model.state_dict()))
    return {"losses": np.asarray(losses), **{f"state {name}": value for name, value in state.items()}}


def departure(got: dict[str, np.ndarray], want: dict[str, np.ndarray]) -> tuple[float, str]:
    """The largest difference and where it is: of a loss relative to it, of an array relative to its largest number."""
    worst = (0.0, "")
    for name, value in want.items():
        scale = np.abs(value) if name == "losses" else max(float(np.abs(value).max()), 1e-3)
        worst = max(worst, (float(np.max(np.abs(got[name] - value) / scale)), name))
    return worst


def main(folder: str, steps: str, *cells: str) -> None:
    """Runs the cells."""
    fnn.distributed.init()
    wrong = []
    for cell in cells:
        name, how = cell.split(":")
        entry, file = MODELS[name], Path(folder) / f"{name}.npz"
        jax.config.update("jax_enable_x64", entry.double)
        if not file.exists():
            np.savez(file, allow_pickle=False, **cast(dict[str, Any], trained(entry, int(steps))))
        start = time.monotonic()
        got = trained(entry, int(steps), how)
        with np.load(file) as want:
            far, where = departure(got, dict(want))
        print(f"{cell} x {fnn.distributed.process_count()}: {far:.1e} {where} ({time.monotonic() - start:.0f} s)")
        sys.stdout.flush()
        if far > TOLERANCE:
            wrong.append(f"{cell} departs by {far:.1e} at {where}")
    if wrong:
        raise AssertionError("; ".join(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
