"""What the thresholds of `fnn.kernels` were measured by: one table a threshold, both ways on either side of it.

Run with ``python benchmarks/kernels.py [name ...] [--seconds 1]``, names of `TABLES`; without names, all. Times are in
microseconds, the least of all rounds, all ways in turn. The threshold is where the columns cross.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import functional as F
from fnn import layers
from fnn.kernels import attention, lines, recurrence, resample, sums, tiles, windows
from fnn.kernels.cpu_convolution import Geometry, _choice, _formulations, _library, geometry


@contextlib.contextmanager
def setting(module: ModuleType, **values: object) -> Iterator[None]:
    """These names of a module have other values for a while."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def compiled(function: Callable, *arguments: jax.Array) -> tuple[Callable[[], object], float]:
    """The function as a program of its own, traced now, and the milliseconds that compiling it took."""
    lowered = jax.jit(lambda *a: function(*a)).lower(*arguments)
    start = time.perf_counter()
    program = lowered.compile()
    return lambda: jax.block_until_ready(program(*arguments)), (time.perf_counter() - start) * 1e3


def least(functions: list[Callable[[], object]], seconds: float) -> list[float]:
    """The least time of each in microseconds, measured in turn."""
    best = [math.inf] * len(functions)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for i, f in enumerate(functions):
            start = time.perf_counter()
            f()
            best[i] = min(best[i], (time.perf_counter() - start) * 1e6)
    return best


def head(label: str, *ways: str) -> None:
    print(f"{label:>28}" + "".join(f"{way:>14}" for way in ways) + "".join(f"{'compile':>9}" for _ in ways))


def row(label: object, ways: list[tuple[Callable[[], object], float]], seconds: float) -> None:
    times = "".join(f"{t:14.1f}" for t in least([f for f, _ in ways], seconds))
    print(f"{label!s:>28}{times}" + "".join(f"{ms:9.0f}" for _, ms in ways), flush=True)


def of_sums(seconds: float) -> None:
    """`sums.SMALL`: the gradient of a batch's norm, whose sums are broadcast back, ended by a selection or not."""
    head("sums: elements", "together", "apart")

    def normalised(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
        kept, n = (1,), x.size // x.shape[1]
        centred = x - sums.spread(sums.total(x, axes) / n, x.shape, kept)
        return centred * sums.spread(lax.rsqrt(sums.total(centred * centred, axes) / n + 1e-5), x.shape, kept)

    def gradient(x: jax.Array, ct: jax.Array) -> jax.Array:
        return jax.vjp(functools.partial(normalised, axes=(0, 2)), x)[1](ct)[0]

    for exponent in range(10, 23, 2):
        x, ways = jnp.ones((8, 1 << (exponent - 6) // 2, 1 << exponent - 3 - (exponent - 6) // 2)), []
        for small in (1 << 62, 0):
            with setting(sums, SMALL=small):
                jax.clear_caches()
                ways.append(compiled(gradient, x, x))
        row(f"2**{exponent}", ways, seconds)


def of_lines(seconds: float) -> None:
    """`lines.SHORT`: a scale and a shift of each channel in loops over rows of an image, or over all of it."""
    head("lines: elements of a row", "rows", "images")

    def scaled(x: jax.Array, w: jax.Array) -> jax.Array:
        flat = x.reshape(*x.shape[:2], -1)
        found = lines.lines(x.shape, (0, 2, 3), (1,)).loop(lambda x, w: x * w[:, None] + w[:, None], flat, w)
        return found.reshape(x.shape)

    for width in (7, 8, 14, 16, 28, 32, 48, 56, 64, 112):
        x, ways = jnp.ones((16, max(1, (1 << 15) // width**2), width, width)), []
        w = jnp.ones(x.shape[1])
        for short in (0, 1 << 30):
            with setting(lines, SHORT=short):
                jax.clear_caches()
                ways.append(compiled(scaled, x, w))
        row(width, ways, seconds)


def of_resample(seconds: float) -> None:
    """`resample._UNROLLED`: terms written out, which run faster and compile more slowly, or one gather and a sum."""
    head("resample: terms", "written out", "summed")
    x = jnp.ones((16, 64, 256))
    for terms in (2, 4, 8, 16, 32):
        index = np.minimum(np.arange(128)[:, None] * 2 + np.arange(terms), 255)
        table = resample.table(index, np.full(index.shape, 1 / terms, np.float32), 256)
        ways = []
        for unrolled in (1 << 30, 0):
            with setting(resample, _UNROLLED=unrolled):
                jax.clear_caches()
                ways.append(compiled(functools.partial(resample.resample, axis=2, table=table), x))
        row(terms, ways, seconds)


def of_tiles(seconds: float) -> None:
    """`tiles.LONG`: the gradient of maxima over windows side by side, by folds or by reductions."""
    head("tiles: kernel", "folds", "tiles")
    for kernel in (2, 3, 4, 7, 8, 16, 32):
        x, ways = jnp.ones((16, 64, kernel, kernel)), []

        def pooled(x: jax.Array, kernel: int = kernel) -> jax.Array:
            for axis in (3, 2):
                x, _ = windows.largest(x, axis, None, kernel, kernel, 0, 1, 1)
            return x.sum()

        for long in (1 << 30, 1):
            with setting(tiles, LONG=long):
                ways.append(compiled(jax.grad(pooled), x))
        row(kernel, ways, seconds)


def of_memory(seconds: float) -> None:
    """`memory`: a program that needs 64 MB for a moment, with the C library as it is and with what it keeps."""
    source = (
        "import time, jax, jax.numpy as jnp, fnn.functional\n"
        "f = jax.jit(lambda x: jnp.tanh(x @ x.T) @ x); x = jnp.ones((4096, 16)); f(x)\n"
        f"best, end = 9e9, time.perf_counter() + {seconds}\n"
        "while time.perf_counter() < end:\n"
        "    t = time.perf_counter(); f(x).block_until_ready(); best = min(best, time.perf_counter() - t)\n"
        "print(best * 1e6)"
    )
    print(f"{'memory: FNN_RETAIN_MEMORY':>28}{'microseconds':>14}")
    for retain in "01":
        environment = os.environ | {"FNN_RETAIN_MEMORY": retain}
        found = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, check=True)
        print(f"{retain:>28}{float(found.stdout):14.1f}", flush=True)


CONVOLUTIONS = {  # channels in and out, size, kernel, stride, groups, images
    "3x3 64-64 s28": (64, 64, (28, 28), 3, 1, 1, 8),
    "3x3 3-64 s32": (3, 64, (32, 32), 3, 1, 1, 16),
    "3x3 256-256 s4": (256, 256, (4, 4), 3, 1, 1, 8),
    "3x3 s2 64-128 s28": (64, 128, (28, 28), 3, 2, 1, 8),
    "3x3 g32 128-128 s14": (128, 128, (14, 14), 3, 1, 32, 8),
    "dw 7x7 96 s28": (96, 96, (28, 28), 7, 1, 96, 4),
    "1d k5 32-64 s512": (32, 64, (512,), 5, 1, 1, 8),
    "3d k3 16-32 s12": (16, 32, (12, 12, 12), 3, 1, 1, 2),
}


def of_conv(seconds: float) -> None:
    """The constants of `cpu_convolution`: every possible formulation of a problem; a star marks the rule's choice."""
    for label, (into, out, size, k, stride, groups, images) in CONVOLUTIONS.items():
        rank = len(size)
        g = geometry(size, (k,) * rank, (stride,) * rank, [(k // 2, k // 2)] * rank, (1,) * rank, groups)
        x, y = jnp.ones((images, into, *size)), jnp.ones((images, out, *g.out))
        w = jnp.ones((out, into // groups, *g.kernel))
        problem = _choice.Problem(images, into // groups, out // groups, 4, g, _library.HERE)
        operands = {"forward": (x, w), "input_gradient": (y, w), "weight_gradient": (x, y)}
        for operation, formulations in _formulations.FORMULATIONS.items():
            chosen = getattr(_choice, operation)(problem)
            named = {n: with_geometry(f, g) for n, f in formulations.items() if usable(operation, n, g, into // groups)}
            ways = [compiled(f, *operands[operation])[0] for f in named.values()]
            found = sorted(zip(least(ways, seconds), named, strict=True))
            text = ", ".join(f"{'*' * (name == chosen)}{name} {t:.0f}" for t, name in found)
            print(f"{label}, {operation}: {text}", flush=True)


def usable(operation: _formulations.Operation, name: str, g: Geometry, channels: int) -> bool:
    """Whether it is possible and compiles in seconds: not a sum of very many shifts."""
    short = "shifts" not in name or channels * len(g.taps) <= 2 * _choice.TERMS
    return short and _formulations.possible(operation, name, g)


def with_geometry(formulation: Callable, g: Geometry) -> Callable:
    return lambda a, b: formulation(a, b, g)


def of_attention(seconds: float) -> None:
    """`attention.LONG`, `SCORES`, `BLOCK`: the gradient of attention, by the formula or by rows of 2**20 or 2**22."""
    head("attention: N H L, E = 64", "whole", "2**20", "2**22")

    def loss(x: jax.Array) -> jax.Array:
        return F.scaled_dot_product_attention(x, x, x, is_causal=True).sum()

    backend = attention.SDPBackend
    for n, h, length in ((8, 8, 512), (4, 8, 1024), (1, 1, 4096), (1, 8, 2048), (4, 4, 2048), (1, 4, 4096)):
        x, ways = jnp.ones((n, h, length, 64)) * jnp.arange(64) / 64, []
        for way, block in ((backend.MATH, 1), (backend.FLASH_ATTENTION, 1 << 20), (backend.FLASH_ATTENTION, 1 << 22)):
            with setting(attention, BLOCK=block), attention.backends(attention.Backends(frozenset([way]))):
                jax.clear_caches()
                ways.append(compiled(jax.grad(loss), x))
        row(f"{n} {h} {length}", ways, seconds)


def of_recurrence(seconds: float) -> None:
    """`recurrence._UNROLL`: a recurrent layer and its gradient, with so many steps in one turn of the loop."""
    turns = (1, 2, 4, 8)
    head("recurrence: cell H N", *map(str, turns))
    for cell, hidden, n in (("RNN", 64, 8), ("LSTM", 64, 8), ("GRU", 64, 8), ("LSTM", 256, 20), ("GRU", 128, 1)):
        layer = getattr(layers, cell)(hidden, hidden)
        params, state = layer.init(jax.random.key(0))

        def loss(params: layers.Params, x: jax.Array, layer: layers.Layer = layer, state: object = state) -> jax.Array:
            return layer.apply(params, state, x)[0][0].sum()

        x = jnp.ones((48, n, hidden))
        for name, function in (("", loss), ("gradient", jax.grad(loss, (0, 1)))):
            ways = []
            for unroll in turns:
                with setting(recurrence, _UNROLL=unroll):
                    jax.clear_caches()
                    ways.append(compiled(function, params, x))
            row(f"{cell} {hidden} {n} {name}".rstrip(), ways, seconds)


TABLES = {
    "sums": of_sums,
    "lines": of_lines,
    "resample": of_resample,
    "tiles": of_tiles,
    "memory": of_memory,
    "conv": of_conv,
    "attention": of_attention,
    "recurrence": of_recurrence,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*TABLES, []], help="only these tables")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row")
    options = parser.parse_args()
    for name in options.names or TABLES:
        TABLES[name](options.seconds)


if __name__ == "__main__":
    main()
