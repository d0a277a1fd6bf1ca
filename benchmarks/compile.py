"""Trace and compile time of training steps: `fnn.jit` on Modules, `jax.jit` on arrays written by hand, by turns.

``python benchmarks/compile.py [part of a name ...] [--rounds 3]``. A ResNet-18 on 32 x 32 pixels and a vision
transformer of width 192 and depth 12, each with cross-entropy and SGD with momentum. The hand-written step is what a
JAX user has: dicts of arrays, `lax.conv_general_dilated`, formulas of norms and attention. A column is the seconds of
the first call. The second table is a process that finds
the programs of the first on disk (`fnn.utils.compilation_cache`). `train_step.py` does the same for 50 small blocks.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import fnn
from fnn import nn
from fnn.nn import functional as F

IMAGES, CLASSES, LR, MOMENTUM = 8, 10, 0.01, 0.9
WIDTHS = (64, 128, 256, 512)
VIT = {"patch": 4, "width": 192, "heads": 3, "depth": 12}
Tree = dict[str, Any]
rng = np.random.default_rng(0)


# -- by hand ------------------------------------------------------------------------------------------------


def random(*shape: int) -> jax.Array:
    return jnp.asarray(rng.standard_normal(shape, np.float32) / 20)


def normed(p: Tree, x: jax.Array, stride: int) -> tuple[jax.Array, jax.Array]:
    """A convolution and batch norm; also the statistics."""
    k = p["w"].shape[2]
    numbers = ("NCHW", "OIHW", "NCHW")
    x = lax.conv_general_dilated(x, p["w"], (stride, stride), [(k // 2, k // 2)] * 2, dimension_numbers=numbers)
    mean = x.mean((0, 2, 3))
    var = ((x - mean[:, None, None]) ** 2).mean((0, 2, 3))
    y = (x - mean[:, None, None]) * (lax.rsqrt(var + 1e-5) * p["scale"])[:, None, None] + p["shift"][:, None, None]
    return y, jnp.stack([mean, var])


def unit(inputs: int, outputs: int, kernel: int) -> Tree:
    return {"w": random(outputs, inputs, kernel, kernel), "scale": jnp.ones(outputs), "shift": jnp.zeros(outputs)}


def resnet_parameters() -> Tree:
    p, inputs = {"stem": unit(3, 64, 3)}, 64
    for n, width in enumerate(WIDTHS):
        for i in range(2):
            p[f"{n}{i}"] = {"a": unit(inputs, width, 3), "b": unit(width, width, 3)}
            if inputs != width:
                p[f"{n}{i}"]["short"] = unit(inputs, width, 1)
            inputs = width
    return p | {"head": random(CLASSES, inputs)}


def resnet_forward(p: Tree, x: jax.Array) -> tuple[jax.Array, Tree]:
    moments: Tree = {}
    x, moments["stem"] = normed(p["stem"], x, 1)
    x = jax.nn.relu(x)
    for n in range(len(WIDTHS)):
        for i in range(2):
            block, name, stride = p[f"{n}{i}"], f"{n}{i}", 2 if n and not i else 1
            y, moments[name + "a"] = normed(block["a"], x, stride)
            y, moments[name + "b"] = normed(block["b"], jax.nn.relu(y), 1)
            if "short" in block:
                x, moments[name + "s"] = normed(block["short"], x, stride)
            x = jax.nn.relu(x + y)
    return x.mean((2, 3)) @ p["head"].T, moments


def dense(inputs: int, outputs: int) -> Tree:
    return {"w": random(inputs, outputs), "b": jnp.zeros(outputs)}


def vit_parameters(size: int) -> Tree:
    width, patch = VIT["width"], VIT["patch"]
    norm = {"scale": jnp.ones(width), "shift": jnp.zeros(width)}
    blocks = [
        {
            "one": dict(norm),
            "two": dict(norm),
            "qkv": dense(width, 3 * width),
            "out": dense(width, width),
            "up": dense(width, 4 * width),
            "down": dense(4 * width, width),
        }
        for _ in range(VIT["depth"])
    ]
    tokens = (size // patch) ** 2
    return {
        "embed": dense(3 * patch * patch, width),
        "position": random(tokens, width),
        "blocks": blocks,
        "norm": norm,
        "head": dense(width, CLASSES),
    }


def layer_norm(p: Tree, x: jax.Array) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-5) * p["scale"] + p["shift"]


def affine(p: Tree, x: jax.Array) -> jax.Array:
    return x @ p["w"] + p["b"]


def vit_forward(p: Tree, x: jax.Array) -> tuple[jax.Array, Tree]:
    n, _, size, _ = x.shape
    patch, heads, width = VIT["patch"], VIT["heads"], VIT["width"]
    side = size // patch
    x = x.reshape(n, 3, side, patch, side, patch).transpose(0, 2, 4, 1, 3, 5).reshape(n, side * side, -1)
    x = affine(p["embed"], x) + p["position"]
    for block in p["blocks"]:
        qkv = affine(block["qkv"], layer_norm(block["one"], x)).reshape(n, -1, 3, heads, width // heads)
        q, k, v = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
        scores = jax.nn.softmax(jnp.einsum("nqhe,nkhe->nhqk", q, k) * (width // heads) ** -0.5, -1)
        x = x + affine(block["out"], jnp.einsum("nhqk,nkhe->nqhe", scores, v).reshape(n, -1, width))
        x = x + affine(block["down"], jax.nn.gelu(affine(block["up"], layer_norm(block["two"], x)), approximate=False))
    return affine(p["head"], layer_norm(p["norm"], x).mean(1)), {}


def hand(forward: Callable, params: Tree, x: jax.Array, y: jax.Array) -> tuple[Any, tuple]:
    """The jitted step, and its operands."""

    def loss(params: Tree, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Tree]:
        logits, moments = forward(params, x)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean(), moments

    def step(params: Tree, momenta: Tree, running: Tree, x: jax.Array, y: jax.Array) -> tuple:
        (value, moments), grads = jax.value_and_grad(loss, has_aux=True)(params, x, y)
        momenta = jax.tree.map(lambda m, g: MOMENTUM * m + g, momenta, grads)
        params = jax.tree.map(lambda p, m: p - LR * m, params, momenta)
        return params, momenta, jax.tree.map(lambda r, m: 0.9 * r + 0.1 * m, running, moments), value

    params = jax.tree.map(jnp.copy, params)  # each a buffer of its own, to be donated
    running = jax.tree.map(lambda m: jnp.zeros(m.shape), jax.eval_shape(lambda p: forward(p, x)[1], params))
    return jax.jit(step, donate_argnums=(0, 1, 2)), (params, jax.tree.map(jnp.zeros_like, params), running, x, y)


# -- with Modules -------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        short = [nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)] if inputs != width else []
        self.short = nn.Sequential(*short)

    def forward(self, x: jax.Array) -> jax.Array:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.short(x))


def resnet() -> nn.Module:
    layers, inputs = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for n, width in enumerate(WIDTHS):
        layers += [Residual(inputs, width, 2 if n else 1), Residual(width, width, 1)]
        inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES, bias=False))


class Transformer(nn.Module):
    """The vision transformer, of torch.nn's encoder."""

    def __init__(self, size: int) -> None:
        super().__init__()
        width, patch = VIT["width"], VIT["patch"]
        self.embed = nn.Conv2d(3, width, patch, patch)
        self.position = nn.Parameter(jnp.zeros(((size // patch) ** 2, width)))
        layer = nn.TransformerEncoderLayer(
            width, VIT["heads"], 4 * width, 0.0, "gelu", norm_first=True, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, VIT["depth"], nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.embed(x)
        return self.head(self.encoder(x.reshape(*x.shape[:2], -1).swapaxes(1, 2) + self.position).mean(1))


def modules(model: nn.Module, x: jax.Array, y: jax.Array) -> Callable[[], Any]:
    optimizer = fnn.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)

    @fnn.jit
    def step(model: nn.Module, optimizer: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        loss, grads = fnn.value_and_grad(lambda model: F.cross_entropy(model(x), y))(model)
        optimizer.step(grads)
        return loss

    return lambda: step(model, optimizer, x, y)


# -- the tables ---------------------------------------------------------------------------------------------

SIZE = 32
MAKERS: dict[str, tuple[Callable, Callable]] = {
    "ResNet-18": (resnet, lambda x, y: hand(resnet_forward, resnet_parameters(), x, y)),
    "ViT": (lambda: Transformer(SIZE), lambda x, y: hand(vit_forward, vit_parameters(SIZE), x, y)),
}


def operands() -> tuple[jax.Array, jax.Array]:
    return random(IMAGES, 3, SIZE, SIZE), jnp.arange(IMAGES) % CLASSES


def first_calls(name: str) -> tuple[float, float]:
    """Seconds of the first step of fnn, and of the one by hand; everything that was compiled is forgotten before."""
    (x, y), found = operands(), []
    model_of, by_hand = MAKERS[name]
    for make in (lambda: modules(model_of(), x, y), lambda: (lambda f, args: lambda: f(*args)[-1])(*by_hand(x, y))):
        step = make()
        jax.clear_caches()
        start = time.perf_counter()
        jax.block_until_ready(step())
        found.append(time.perf_counter() - start)
    return found[0], found[1]


CHILD = """
import sys, time
sys.path.insert(0, "benchmarks")
import compile
from fnn.utils import compilation_cache
compilation_cache.enable(sys.argv[1])
step = compile.modules(compile.MAKERS[sys.argv[2]][0](), *compile.operands())
start = time.perf_counter()
step().block_until_ready()
print(time.perf_counter() - start)
"""


def second_process(name: str) -> list[float]:
    """Seconds of the first step in a process without programs on disk, and in one with them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", CHILD, folder, name]
        return [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(2)]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only the models with one of these in their name")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    chosen = [name for name in MAKERS if not options.names or any(part in name for part in options.names)]
    print(f"{'first call, s':16}{'fnn':>8}{'by hand':>9}{'ratio':>7}")
    for name in chosen:
        times = [first_calls(name) for _ in range(options.rounds)]
        ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(a / b for a, b in times)
        print(f"{name:16}{ours:8.2f}{theirs:9.2f}{ratio:7.2f}", flush=True)
    print(f"{'processes, s':16}{'first':>8}{'second':>9}")
    for name in chosen:
        first, second = second_process(name)
        print(f"{name:16}{first:8.2f}{second:9.2f}", flush=True)


if __name__ == "__main__":
    main()
