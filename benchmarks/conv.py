"""Convolutions on the CPU: torch eager, plain `lax.conv_general_dilated` and fnn, interleaved in one process.

Run with ``python benchmarks/conv.py [part of a name ...] [--seconds 2] [--no-lax] [--write]``. A column is a time in
milliseconds for torch and a multiple of torch's for the others: forward, then forward and both gradients. Times are
the least of all rounds, which is what a busy machine spoils least. ``--write`` puts fnn's two multiples into the
table of the README of `fnn.kernels.cpu_convolution`, in this setting's column: the number of threads (``taskset``),
the instructions (``XLA_FLAGS=--xla_cpu_max_isa=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2``), and whether
oneDNN serves fnn (``FNN_ONEDNN=0``).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import torch

from fnn import functional as F
from fnn.kernels import cpu_convolution
from fnn.kernels.cpu_convolution import _definition, _library, geometry


def case(rank, channels, out, size, batch, kernel=3, stride=1, padding=0, dilation=1, groups=1, **transposed):
    """One row: the shapes of x and w, and torch's keyword arguments."""
    weight = (channels, out // groups) if transposed else (out, channels // groups)
    kwargs = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
    if transposed:
        kwargs["output_padding"] = transposed["output_padding"]
    return rank, (batch, channels, *(size,) * rank), (*weight, *(kernel,) * rank), kwargs


T = dict(output_padding=0)
CASES = {
    "1d k3 64-64 L256 b16": case(1, 64, 64, 256, 16, padding=1),
    "1d k5 s2 32-64 L1024 b8": case(1, 32, 64, 1024, 8, 5, 2, 2),
    "1d k3 d4 64-64 L256 b16": case(1, 64, 64, 256, 16, padding=4, dilation=4),
    "1x1 256-64 s28 b8": case(2, 256, 64, 28, 8, 1),
    "1x1 64-256 s14 b1": case(2, 64, 256, 14, 1, 1),
    "1x1 s2 64-128 s28 b16": case(2, 64, 128, 28, 16, 1, 2),
    "3x3 64-64 s28 b16": case(2, 64, 64, 28, 16, padding=1),
    "3x3 3-64 s32 b32": case(2, 3, 64, 32, 32, padding=1),
    "3x3 256-256 s7 b8": case(2, 256, 256, 7, 8, padding=1),
    "3x3 64-64 s56 b1": case(2, 64, 64, 56, 1, padding=1),
    "3x3 s2 64-128 s28 b16": case(2, 64, 128, 28, 16, 3, 2, 1),
    "3x3 d2 64-64 s28 b8": case(2, 64, 64, 28, 8, padding=2, dilation=2),
    "5x5 1-32 s28 b64": case(2, 1, 32, 28, 64, 5, padding=2),
    "5x5 32-64 s14 b32": case(2, 32, 64, 14, 32, 5, padding=2),
    "7x7 s2 3-64 s112 b4": case(2, 3, 64, 112, 4, 7, 2, 3),
    "3d k3 16-32 s16 b4": case(3, 16, 32, 16, 4, padding=1),
    "3d k3 s2 3-16 s24 b4": case(3, 3, 16, 24, 4, 3, 2, 1),
    "3x3 g2 64-64 s28 b8": case(2, 64, 64, 28, 8, padding=1, groups=2),
    "3x3 g32 128-128 s14 b8": case(2, 128, 128, 14, 8, padding=1, groups=32),
    "3x3 s2 g32 256-256 s14 b8": case(2, 256, 256, 14, 8, 3, 2, 1, groups=32),
    "1x1 g4 64-64 s28 b8": case(2, 64, 64, 28, 8, 1, groups=4),
    "dw 3x3 128 s28 b8": case(2, 128, 128, 28, 8, padding=1, groups=128),
    "dw 3x3 s2 96 s56 b2": case(2, 96, 96, 56, 2, 3, 2, 1, groups=96),
    "dw 5x5 d2 64 s28 b8": case(2, 64, 64, 28, 8, 5, 1, 4, 2, groups=64),
    "dw 7x7 96 s28 b4": case(2, 96, 96, 28, 4, 7, 1, 3, groups=96),
    "dw 3x3 x2 64-128 s28 b8": case(2, 64, 128, 28, 8, padding=1, groups=64),
    "dw 1d k5 128 L256 b16": case(1, 128, 128, 256, 16, 5, padding=2, groups=128),
    "dw 3d k3 32 s12 b4": case(3, 32, 32, 12, 4, padding=1, groups=32),
    "T k4s2p1 64-32 s16 b8": case(2, 64, 32, 16, 8, 4, 2, 1, **T),
    "T k4s1p0 64-256 s1 b16": case(2, 64, 256, 1, 16, 4, **T),
    "T k3s2p1 op1 64-32 s16 b8": case(2, 64, 32, 16, 8, 3, 2, 1, output_padding=1),
    "T k2s2 64-32 s16 b8": case(2, 64, 32, 16, 8, 2, 2, **T),
    "T k3s1p1 64-64 s14 b8": case(2, 64, 64, 14, 8, padding=1, **T),
    "T k4s2p1 g4 64-64 s14 b8": case(2, 64, 64, 14, 8, 4, 2, 1, groups=4, **T),
    "T k3s1 d2 32-32 s14 b8": case(2, 32, 32, 14, 8, dilation=2, **T),
    "T 1d k4s2p1 64-32 L128 b8": case(1, 64, 32, 128, 8, 4, 2, 1, **T),
    "T 3d k2s2 16-16 s8 b4": case(3, 16, 16, 8, 4, 2, 2, **T),
}


def plain(rank: int, transposed: bool, stride, padding, dilation, groups, output_padding=0) -> Callable:
    """The definition, as a user of plain JAX would have it."""
    each = (1,) * rank

    def run(x, w):
        if not transposed:
            pads = [(padding, padding)] * rank
            s, d = (stride,) * rank, (dilation,) * rank
            return jax.lax.conv_general_dilated(x, w, s, pads, rhs_dilation=d, feature_group_count=groups)
        sizes = zip(x.shape[2:], w.shape[2:], strict=True)
        size = [(n - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1 for n, k in sizes]
        pads = [(padding, padding - output_padding) for _ in each]
        g = geometry(size, w.shape[2:], [stride] * rank, pads, [dilation] * rank, groups)
        return _definition.input_gradient(x, w, g)

    return run


def runners(row, with_lax: bool) -> list[tuple[Callable, Callable]]:
    """(forward, forward and both gradients) for torch, fnn and perhaps lax."""
    rank, x_shape, w_shape, kwargs = row
    transposed = "output_padding" in kwargs
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(x_shape, np.float32), rng.standard_normal(w_shape, np.float32)
    name = f"conv_transpose{rank}d" if transposed else f"conv{rank}d"
    theirs = getattr(torch.nn.functional, name)
    tx, tw = torch.from_numpy(x), torch.from_numpy(w)
    tx_, tw_ = (torch.from_numpy(a).requires_grad_() for a in (x, w))
    y = theirs(tx, tw, **kwargs)
    ct = torch.ones_like(y)

    def torch_forward():
        with torch.no_grad():
            theirs(tx, tw, **kwargs)

    def torch_both():
        torch.autograd.grad(theirs(tx_, tw_, **kwargs), (tx_, tw_), ct)

    jx, jw, jct = jnp.asarray(x), jnp.asarray(w), jnp.ones(y.shape)
    found = [(torch_forward, torch_both)]
    ways = [lambda x, w: getattr(F, name)(x, w, **kwargs)]
    ways += [plain(rank, transposed, **kwargs)] if with_lax else []
    for way in ways:
        forward = jax.jit(way)
        both = jax.jit(lambda x, w, ct, way=way: (lambda y, pull: (y, pull(ct)))(*jax.vjp(way, x, w)))
        np.testing.assert_allclose(forward(jx, jw), y.numpy(), rtol=1e-3, atol=1e-3 * float(y.abs().max()))
        found.append(
            (lambda f=forward: jax.block_until_ready(f(jx, jw)), lambda f=both: jax.block_until_ready(f(jx, jw, jct)))
        )
    return found


ROUND = 0.01  # seconds of one after the other


def least(functions: list[Callable], seconds: float) -> list[float]:
    """The least time of each, measured in turn."""
    best = [math.inf] * len(functions)
    for f in functions:
        f()
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < 3 or time.perf_counter() < end:
        rounds += 1
        for i, f in enumerate(functions):
            until, calls = time.perf_counter() + ROUND, 0
            while calls < 2 or time.perf_counter() < until:  # long enough that the other's threads have gone to sleep
                calls += 1
                start = time.perf_counter()
                f()
                best[i] = min(best[i], time.perf_counter() - start)
    return best


BEGIN, END = "<!-- benchmarks/conv.py --write -->", "<!-- end -->"
MEAN = "geometric mean"


def setting() -> str:
    """The title of this process's column."""
    threads = torch.get_num_threads()
    title = f"{threads} {'thread' if threads == 1 else 'threads'}, {torch.backends.cpu.get_cpu_capability()}"
    return title if _library.HERE else title + ", no oneDNN"


def write(name: str, cell: str) -> None:
    """Puts ``forward / with gradients`` of one configuration into its column of the README's table."""
    path = Path(cpu_convolution.__file__).with_name("README.md")
    before, rest = path.read_text().split(BEGIN)
    old, after = rest.split(END)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in old.splitlines() if line.startswith("|")]
    head = lines[0][1:] if lines else []
    table = {name: dict(zip(head, cells, strict=True)) for name, *cells in lines[2:]}
    titles = [*head, setting()] if setting() not in head else head
    table.setdefault(name, {})[setting()] = cell
    table[MEAN] = {title: mean([table[n][title] for n in CASES if title in table.get(n, {})]) for title in titles}
    rows = [["fnn / torch", *titles], ["---"] * (len(titles) + 1)]
    rows += [[name, *(table[name].get(title, "") for title in titles)] for name in (*CASES, MEAN) if name in table]
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def mean(cells: list[str]) -> str:
    """The geometric means of cells."""
    pairs = np.array([[float(part) for part in cell.split(" / ")] for cell in cells if cell])
    return " / ".join(f"{m:.2f}" for m in np.exp(np.log(pairs).mean(0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only the configurations with one of these in their name")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each configuration")
    parser.add_argument("--no-lax", action="store_true", help="leave plain XLA out")
    parser.add_argument("--write", action="store_true", help="fnn's multiples into the README's table")
    options = parser.parse_args()
    ratios = []
    print(f"{'configuration':28}{'torch f':>9}{'fnn f':>7}{'lax f':>7}{'torch fb':>10}{'fnn fb':>8}{'lax fb':>8}")
    for name, row in CASES.items():
        if options.names and not any(part in name for part in options.names):
            continue
        found = runners(row, not options.no_lax)
        columns = []
        for which in (0, 1):
            best = least([f[which] for f in found], options.seconds / 2)
            columns.append([best[0] * 1e3, *(b / best[0] for b in best[1:])])
        ratios.append([c[1:] for c in columns])
        if options.write:
            write(name, f"{columns[0][1]:.2f} / {columns[1][1]:.2f}")
        forward, both = (c + [math.nan] * (3 - len(c)) for c in columns)
        print(
            f"{name:28}{forward[0]:9.3f}{forward[1]:7.2f}{forward[2]:7.2f}{both[0]:10.3f}{both[1]:8.2f}{both[2]:8.2f}",
            flush=True,
        )
    if ratios:
        means = np.exp(np.log(np.array(ratios)).mean(0))
        for title, mean in zip(("forward", "forward + backward"), means, strict=True):
            print(f"geometric mean, {title}: fnn {mean[0]:.2f}" + (f", lax {mean[1]:.2f}" if len(mean) > 1 else ""))


if __name__ == "__main__":
    main()
