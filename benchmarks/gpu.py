"""Training steps of ResNet-50, ViT-B/16, GPT-2 (124M) and an LSTM on an accelerator: fnn, torch eager, `torch.compile`.

``python benchmarks/gpu.py [part of a name ...] [--seconds 5] [--float32] [--no-compile] [--tiny]``.

Forward, loss, backward and AdamW, the products in bfloat16 by each framework's autocast (``--float32``: none). A column
is milliseconds a step and, behind a stroke, the share of the device's peak that the model's arithmetic makes of it
(MFU: products of forward and backward as `torch.utils.flop_counter` counts them, by time and peak). Where torch has no
such device its columns are empty. fnn's step is one program with donated buffers: convolutions lie as XLA's layout
assignment wants them for cuDNN (channels last in half precision), attention and recurrence are cuDNN's.

``--tiny`` takes a few layers and small images, so that the script itself is tried on a CPU in a minute.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from train import FNN, TORCH, Kit  # beside this file

import fnn

# Peak TFLOP/s of dense products in bfloat16 with float32 sums, and of float32 as TF32, from the cards' data sheets.
PEAKS = {
    "H200": (989, 494),
    "H100": (989, 494),
    "A100": (312, 156),
    "L40": (181, 90),
    "L4": (121, 60),
    "A10": (125, 62),
}


class Work(NamedTuple):
    """A model for each framework, its input and classes to guess, and the operations of its recurrence, if any."""

    build: Callable[[Kit], Any]
    x: np.ndarray
    y: np.ndarray
    uncounted: float = 0.0


class Sizes(NamedTuple):
    """What ``--tiny`` makes small."""

    images: int
    pixels: int
    depth: int
    width: int
    sequences: int
    tokens: int
    words: int


FULL, TINY = Sizes(128, 224, 12, 768, 16, 1024, 50257), Sizes(2, 32, 1, 32, 2, 16, 64)


# -- models -------------------------------------------------------------------------------------------------


def bottlenecks(k: Kit, stages: tuple[int, ...]) -> Any:
    """ResNet of bottleneck blocks: arXiv:1512.03385, the stride in the middle convolution."""
    nn = k.nn

    def normed(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[Any]:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        return [conv, nn.BatchNorm2d(outputs)]

    class Block(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            outputs = 4 * width
            first, second = normed(inputs, width, 1), normed(width, width, 3, stride)
            self.branch = nn.Sequential(*first, nn.ReLU(), *second, nn.ReLU(), *normed(width, outputs, 1))
            alike = stride == 1 and inputs == outputs
            self.trunk = nn.Identity() if alike else nn.Sequential(*normed(inputs, outputs, 1, stride))

        def forward(self, x: Any) -> Any:
            return k.F.relu(self.branch(x) + self.trunk(x))

    layers, inputs = [*normed(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for n, depth in enumerate(stages):
        for i in range(depth):
            layers.append(Block(inputs, 64 << n, 2 if n and not i else 1))
            inputs = 256 << n
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


def transformer(k: Kit, s: Sizes, words: int, causal: bool, positions: int) -> Any:
    """ViT (``words`` 0: patches of 16) or GPT-2, blocks that normalise first; logits of the image or of each token."""
    nn, F = k.nn, k.F

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(s.width), nn.LayerNorm(s.width)
            self.qkv, self.out = nn.Linear(s.width, 3 * s.width), nn.Linear(s.width, s.width)
            self.up, self.down = nn.Linear(s.width, 4 * s.width), nn.Linear(4 * s.width, s.width)

        def forward(self, x: Any) -> Any:
            n, t, _ = x.shape
            heads = self.qkv(self.norm1(x)).reshape(n, t, 3, s.width // min(64, s.width), -1)
            q, key, v = (heads[:, :, i].swapaxes(1, 2) for i in range(3))  # (N, heads, T, E)
            mixed = F.scaled_dot_product_attention(q, key, v, is_causal=causal)
            x = x + self.out(mixed.swapaxes(1, 2).reshape(n, t, s.width))
            return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(words, s.width) if words else nn.Conv2d(3, s.width, 16, 16)
            self.position = nn.Embedding(positions, s.width)
            self.blocks = nn.Sequential(*(Block() for _ in range(s.depth)))
            self.norm, self.head = nn.LayerNorm(s.width), nn.Linear(s.width, words or 1000, bias=False)

        def forward(self, x: Any) -> Any:
            x = self.embed(x)
            if not words:
                x = x.reshape(x.shape[0], s.width, -1).swapaxes(1, 2)
            x = self.norm(self.blocks(x + self.position.weight[: x.shape[1]]))
            return self.head(x).reshape(-1, words) if words else self.head(x.mean(1))

    return Model()


def lstm(k: Kit, s: Sizes) -> Any:
    """A language model of two layers."""
    nn, width = k.nn, 2 * s.width

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(s.words // 5, width), nn.Linear(width, s.words // 5)
            self.rnn = nn.LSTM(width, width, 2, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.head(self.rnn(self.embed(x))[0]).reshape(-1, s.words // 5)

    return Model()


def works(s: Sizes, tiny: bool) -> dict[str, Work]:
    """By name, with the numbers that they are given."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((s.images, 3, s.pixels, s.pixels), np.float32)
    classes = rng.integers(0, 1000, s.images)
    tokens = rng.integers(0, s.words, (s.sequences, s.tokens + 1))
    short = rng.integers(0, s.words // 5, (4 * s.sequences, s.tokens // 8 + 1))
    width = 2 * s.width
    recurrence = 3 * 2 * (short.size - len(short)) * 2 * (8 * width * width)  # forward, then twice that backward
    stages = (1, 1, 1, 1) if tiny else (3, 4, 6, 3)
    return {
        "ResNet-50": Work(lambda k: bottlenecks(k, stages), images, classes),
        "ViT-B/16": Work(lambda k: transformer(k, s, 0, False, (s.pixels // 16) ** 2), images, classes),
        "GPT-2 124M": Work(
            lambda k: transformer(k, s, s.words, True, s.tokens), tokens[:, :-1], tokens[:, 1:].reshape(-1)
        ),
        "LSTM": Work(lambda k: lstm(k, s), short[:, :-1], short[:, 1:].reshape(-1), recurrence),
    }


# -- steps --------------------------------------------------------------------------------------------------


def fnn_step(work: Work, half: bool) -> Callable[[], Any]:
    """A step of fnn on JAX's first device; returns the loss, ready."""
    fnn.manual_seed(0)
    model = work.build(FNN)
    optimizer = fnn.optim.AdamW(model.parameters(), lr=1e-4)
    x, y = jnp.asarray(work.x), jnp.asarray(work.y)
    kind = "cpu" if jax.default_backend() == "cpu" else "cuda"

    @fnn.jit
    def step(model: Any, optimizer: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        def loss(model: Any) -> jax.Array:
            with fnn.autocast(kind, dtype=jnp.bfloat16, enabled=half):
                return FNN.F.cross_entropy(model(x), y)

        value, gradients = fnn.value_and_grad(loss)(model)
        optimizer.step(gradients)
        return value

    return lambda: step(model, optimizer, x, y).block_until_ready()


def torch_step(work: Work, half: bool, device: str, through_compiler: bool) -> Callable[[], Any]:
    """A step of torch; returns the loss, when it is ready."""
    torch.manual_seed(0)
    model = work.build(TORCH).to(device)
    x, y = torch.from_numpy(work.x).to(device), torch.from_numpy(work.y).to(device)
    if x.ndim == 4 and device != "cpu":
        model, x = (a.to(memory_format=torch.channels_last) for a in (model, x))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=device != "cpu")
    run = torch.compile(model) if through_compiler else model

    def step() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=half):
            loss = torch.nn.functional.cross_entropy(run(x), y)
        loss.backward()
        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()
        return loss.detach()

    return step


def operations(work: Work) -> float:
    """Of forward and backward: two for each multiplication of a product; counted on shapes alone."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = work.build(TORCH)
        x = torch.from_numpy(work.x)
        y = model(x.to("meta"))
        y.backward(torch.empty_like(y))
    return counter.get_total_flops() + work.uncounted


def median(step: Callable[[], Any], seconds: float) -> float:
    """Seconds of a step, after three that warm up."""
    for _ in range(3):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only the models with one of these in their name")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each column")
    parser.add_argument("--float32", action="store_true", help="without autocast; products in TF32 where there is that")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--tiny", action="store_true", help="small enough for a CPU")
    options = parser.parse_args()
    card, half = jax.devices()[0].device_kind, not options.float32
    if options.float32:
        torch.set_float32_matmul_precision("high")
        jax.config.update("jax_default_matmul_precision", "tensorfloat32")
    peak = next((peaks[options.float32] * 1e12 for name, peaks in PEAKS.items() if name in card), None)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    same = (device == "cpu") == (jax.default_backend() == "cpu")
    print(f"{card}, jax {jax.__version__}, torch {torch.__version__}, {'bfloat16' if half else 'float32'}")
    print(f"{'ms / MFU':14}{'TFLOP':>8}{'fnn':>18}{'torch':>18}{'torch.compile':>18}")
    for name, work in works(TINY if options.tiny else FULL, options.tiny).items():
        if options.names and not any(part in name for part in options.names):
            continue
        work_done = operations(work)
        columns = []
        for kind in ("fnn", "torch", "torch.compile"):
            if (kind != "fnn" and not same) or (kind == "torch.compile" and options.no_compile):
                columns.append("-")
                continue
            step = fnn_step(work, half) if kind == "fnn" else torch_step(work, half, device, kind != "torch")
            seconds = median(step, options.seconds)
            columns.append(f"{seconds * 1e3:.2f} / {'-' if peak is None else f'{work_done / seconds / peak:.0%}'}")
            del step
        print(f"{name:14}{work_done / 1e12:8.3f}{columns[0]:>18}{columns[1]:>18}{columns[2]:>18}", flush=True)


if __name__ == "__main__":
    main()
