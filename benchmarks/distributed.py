"""What many devices cost: ``python benchmarks/distributed.py [step] [traffic] [memory]``, all three by default.

* ``step``: the time of a training step on one device, spread by `distribute` and not, interleaved, and their ratio.
* ``traffic``: the bytes that each device sends in a step, as the compiled program has it, beside the formulas.
* ``memory``: the bytes on each device for Llama-like models of 7 and 70 billion parameters, by rule and mesh; nothing
  is allocated.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "8")

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AbstractMesh

import fnn
from fnn import nn
from fnn.nn import functional as F

WIDTH, DEPTH, ROWS = 256, 4, 256


class Block(nn.Module):
    """Two matrices beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: jax.Array) -> jax.Array:
        return x + self.down(F.relu(self.up(x)))


class Llama(nn.Module):
    """The matrices of a Llama: attention with grouped keys, a gated perceptron, norms; untied embeddings."""

    def __init__(self, width: int, depth: int, hidden: int, heads: int, groups: int, words: int = 32_000) -> None:
        super().__init__()
        narrow = width // heads * groups
        self.embed = nn.Embedding(words, width)
        self.layers = nn.ModuleList()
        for _ in range(depth):
            layer = nn.Module()
            layer.input_norm, layer.post_norm = nn.RMSNorm(width), nn.RMSNorm(width)
            layer.q_proj, layer.o_proj = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
            layer.k_proj, layer.v_proj = nn.Linear(width, narrow, bias=False), nn.Linear(width, narrow, bias=False)
            layer.gate_proj, layer.up_proj = (nn.Linear(width, hidden, bias=False) for _ in range(2))
            layer.down_proj = nn.Linear(hidden, width, bias=False)
            self.layers.append(layer)
        self.norm, self.lm_head = nn.RMSNorm(width), nn.Linear(width, words, bias=False)


COLUMNS, ROWS_OF = "*.q_proj|*.k_proj|*.v_proj|*.gate_proj|*.up_proj|lm_head", "*.o_proj|*.down_proj"
TENSOR = {COLUMNS: "column", ROWS_OF: "row", "embed": "row"}
BOTH = {COLUMNS: ("column", "fsdp"), ROWS_OF: ("row", "fsdp"), "embed": ("row", "fsdp"), "*": "fsdp"}


def stepped(model: nn.Module, optimizer: Any) -> Callable[[Any], jax.Array]:
    """A training step."""

    @fnn.jit
    def step(x: Any) -> jax.Array:
        loss, grads = fnn.value_and_grad(lambda model: (model(x) ** 2).mean())(model)
        optimizer.step(grads)
        return loss

    return step


def blocks() -> nn.Module:
    return nn.Sequential(*(Block(WIDTH) for _ in range(DEPTH)))


def step() -> None:
    """The ratio of medians, interleaved, of 30 small layers, where dispatch is what is measured."""
    steps = []
    x = jnp.ones((8, 32))
    for spread in (False, True):
        model = nn.Sequential(*(nn.Linear(32, 32) for _ in range(30)))
        if spread:
            fnn.distributed.distribute(model, fnn.distributed.mesh(jax.devices()[:1], data=1))
        steps.append(stepped(model, fnn.optim.Adam(model.parameters())))
    times: list[list[float]] = [[], []]
    for n in range(400):
        for which, run in enumerate(steps):
            start = time.perf_counter()
            run(x).block_until_ready()
            if n >= 20:
                times[which].append(time.perf_counter() - start)
    alone, spread = (statistics.median(t) for t in times)
    print(f"step: {alone * 1e6:.0f} us alone, {spread * 1e6:.0f} us by distribute on one device: {spread / alone:.3f}")


def traffic() -> None:
    """The bytes that each device sends in a step, by the compiled program and by the formulas."""
    devices = len(jax.devices())
    ring = (devices - 1) / devices
    parameters = 4 * 8 * WIDTH * WIDTH * DEPTH  # bytes
    activations = 4 * ROWS * WIDTH * DEPTH
    matrices = {"*.up": "column", "*.down": "row"}
    cases = {
        "data parallel": ({"data": -1}, None, {"all-reduce": 2 * ring * parameters}),
        # Of the first matrix the backward pass needs none.
        "fsdp": (
            {"data": -1},
            "fsdp",
            {"all-gather": (2 - 1 / (2 * DEPTH)) * ring * parameters, "all-reduce": 2 * ring * parameters},
        ),
        "tensor": ({"model": -1}, matrices, {"all-reduce": 2 * ring * (2 * DEPTH - 1) / DEPTH * activations}),
    }
    print(f"traffic of {DEPTH} blocks of width {WIDTH}, {ROWS} rows, on {devices} devices, in MB sent by each")
    print(f"{'rule':14} {'kind':15} {'number':>6} {'compiled':>9} {'formula':>9}")
    for name, (axes, rule, wanted) in cases.items():
        fnn.manual_seed(0)
        model = fnn.distributed.distribute(blocks(), fnn.distributed.mesh(**axes), rule)
        run = stepped(model, fnn.optim.SGD(model.parameters(), lr=0.1))
        found = fnn.explain.transfers(run, np.ones((ROWS, WIDTH), np.float32))
        for kind in sorted({t.kind for t in found} | set(wanted)):
            these = [t for t in found if t.kind == kind]
            sent = sum(t.sent(devices) for t in these)
            print(f"{name:14} {kind:15} {len(these):6} {sent / 1e6:9.3f} {wanted.get(kind, 0) / 1e6:9.3f}")


def memory() -> None:
    """Parameters, gradients and Adam's moments in float32 on each device."""
    sizes = {"7B": (4096, 32, 11008, 32, 32), "70B": (8192, 80, 28672, 64, 8)}
    meshes: list[tuple[dict[str, int], Any, str]] = [
        ({"data": 8}, None, "replicate"), ({"data": 8}, "fsdp", "fsdp"), ({"data": 64}, "fsdp", "fsdp"),
        ({"data": 1024}, "fsdp", "fsdp"), ({"data": 8, "model": 8}, TENSOR, "column/row"),
        ({"data": 8, "model": 8}, BOTH, "column/row + fsdp"), ({"data": 512, "model": 8}, BOTH, "column/row + fsdp"),
    ]  # fmt: skip
    print(f"{'model':6} {'parameters':>14} {'mesh':22} {'rule':18} {'weights GB':>10} {'training GB':>11}")
    for name, size in sizes.items():
        for axes, rule, shown in meshes:
            mesh = AbstractMesh(tuple(axes.values()), tuple(axes))
            table = fnn.distributed.plan(lambda size=size: Llama(*size), mesh, rule)
            held, trained = table.bytes_per_device / 1e9, table.training_bytes_per_device() / 1e9
            text = " x ".join(f"{axis} {n}" for axis, n in axes.items())
            print(f"{name:6} {table.bytes // 4:14,} {text:22} {shown:18} {held:10.2f} {trained:11.2f}")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ("step", "traffic", "memory"):
        {"step": step, "traffic": traffic, "memory": memory}[chosen]()
