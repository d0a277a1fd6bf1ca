"""Recurrent networks on the CPU: torch eager and jitted fnn, interleaved in one process.

Run with ``taskset -c 0 python benchmarks/recurrent.py [part of a name ...] [--seconds 1]``: on one core, for
where the threads of the two share few cores, torch's wait for hundreds of milliseconds. A column is a time in
milliseconds: forward, then forward and the gradients of the input and all weights. Times are the least of all rounds,
which is what a busy machine spoils least.
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from conv import least  # beside this file

from fnn import layers

# name: (class, I, H, K, bidirectional, T, N)
ROWS = {
    f"{name} {i}->{h} {k} layers{' both ways' if both else ''} T={t} N={n}": (name, i, h, k, both, t, n)
    for name in ("RNN", "LSTM", "GRU")
    for i, h, k, both, t, n in (
        (32, 64, 1, False, 20, 8),
        (128, 256, 1, False, 35, 20),
        (200, 200, 2, False, 35, 20),
        (128, 128, 1, True, 50, 32),
        (256, 512, 1, False, 30, 64),
        (64, 128, 1, False, 100, 1),
    )
}


def calls(row: tuple[str, int, int, int, bool, int, int]) -> dict[str, Any]:
    """The four calls of a row, by name."""
    name, i, h, k, both, t, n = row
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(i, h, k, bidirectional=both)
    x = torch.randn(t, n, i)
    wanted = [x.clone().requires_grad_(), *theirs.parameters()]
    layer = getattr(layers, name)(i, h, k, bidirectional=both)
    params = {key: jnp.asarray(value.numpy()) for key, value in theirs.state_dict().items()}
    ours = jnp.asarray(x.numpy())

    def run(params: Any, x: jax.Array) -> jax.Array:
        return layer.apply(params, {}, x)[0][0]

    forward, both_ways = jax.jit(run), jax.jit(jax.grad(lambda p, x: jnp.sum(run(p, x)), (0, 1)))

    def torch_forward() -> None:
        with torch.no_grad():
            theirs(x)

    return {
        "torch forward": torch_forward,
        "fnn forward": lambda: jax.block_until_ready(forward(params, ours)),
        "torch both": lambda: torch.autograd.grad(theirs(wanted[0])[0].sum(), wanted),
        "fnn both": lambda: jax.block_until_ready(both_ways(params, ours)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    ratios = []
    print(f"{'':44} {'torch':>8} {'fnn':>8} {'ratio':>6}   {'torch':>8} {'fnn':>8} {'ratio':>6}")
    for name, row in ROWS.items():
        if options.names and not any(part in name for part in options.names):
            continue
        a, b, c, d = least(list(calls(row).values()), options.seconds)
        ratios.append((b / a, d / c))
        print(
            f"{name:44} {a * 1e3:8.3f} {b * 1e3:8.3f} {b / a:6.2f}   {c * 1e3:8.3f} {d * 1e3:8.3f} {d / c:6.2f}",
            flush=True,
        )
    means = np.exp(np.log(ratios).mean(0))
    print(f"geometric means of fnn / torch: forward {means[0]:.2f}, forward and gradients {means[1]:.2f}")


if __name__ == "__main__":
    main()
