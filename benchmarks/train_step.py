"""The train step of 50 small blocks: `fnn.jit` on a Module against `jax.jit` on dict pytrees, written by hand.

Run with ``python benchmarks/train_step.py``. Blocks are Linear, Tanh, LayerNorm of width 8; SGD with momentum. The work
is tiny on purpose: what is measured is dispatch. Both are timed in turn, in one process; so are trace + compile, each
time from a cold start of the same process.
"""

from __future__ import annotations

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import nn
from fnn.nn import functional as F
from fnn.state.names import nest

WIDTH, BLOCKS, BATCH, LR, MOMENTUM = 8, 50, 4, 0.01, 0.9


class Block(nn.Module):
    """Linear, Tanh, LayerNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.tanh = nn.Tanh()
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.norm(self.tanh(self.linear(x)))


def fnn_step():
    """The step with fnn, as a function of the batch."""
    fnn.manual_seed(0)
    model = nn.Sequential(*(Block() for _ in range(BLOCKS)))
    optimizer = fnn.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)

    @fnn.jit
    def train_step(model, optimizer, x, y):
        loss, grads = fnn.value_and_grad(lambda model: F.mse_loss(model(x), y))(model)
        optimizer.step(grads)
        return loss

    return lambda x, y: train_step(model, optimizer, x, y)


def hand_step(donate: bool):
    """The same step with jax alone."""
    fnn.manual_seed(0)
    model = nn.Sequential(*(Block() for _ in range(BLOCKS)))
    params = jax.tree.map(jnp.copy, nest(fnn.split(model)[0]))
    momenta = jax.tree.map(jnp.zeros_like, params)

    def forward(params, x):
        for i in range(BLOCKS):
            p = params[str(i)]
            x = jnp.tanh(x @ p["linear"]["weight"].T + p["linear"]["bias"])
            mean = x.mean(-1, keepdims=True)
            variance = ((x - mean) ** 2).mean(-1, keepdims=True)
            x = (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p["norm"]["weight"] + p["norm"]["bias"]
        return x

    def train_step(params, momenta, x, y):
        loss, grads = jax.value_and_grad(lambda params: ((forward(params, x) - y) ** 2).mean())(params)
        momenta = jax.tree.map(lambda m, g: MOMENTUM * m + g, momenta, grads)
        params = jax.tree.map(lambda p, m: p - LR * m, params, momenta)
        return params, momenta, loss

    compiled = jax.jit(train_step, donate_argnums=(0, 1) if donate else ())
    state = [params, momenta]

    def step(x, y):
        state[0], state[1], loss = compiled(state[0], state[1], x, y)
        return loss

    return step


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=50, help="steps in a round")
    parser.add_argument("--compiles", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((BATCH, WIDTH), np.float32))
    y = jnp.asarray(rng.standard_normal((BATCH, WIDTH), np.float32))
    makers = {
        "fnn.jit": fnn_step,
        "jax.jit by hand": lambda: hand_step(donate=False),
        "jax.jit by hand, donating": lambda: hand_step(donate=True),
    }

    compiles: dict[str, list[float]] = {name: [] for name in makers}
    steps = {}
    for _ in range(args.compiles):
        for name, make in makers.items():
            step = make()
            start = time.perf_counter()
            step(x, y).block_until_ready()
            compiles[name].append(time.perf_counter() - start)
            steps[name] = step
    losses = {name: [float(step(x, y)) for _ in range(3)] for name, step in steps.items()}
    for name, values in losses.items():
        np.testing.assert_allclose(values, losses["fnn.jit"], rtol=1e-4, err_msg=name)

    times: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(args.rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(args.steps):
                loss = step(x, y)
            loss.block_until_ready()
            times[name].append((time.perf_counter() - start) / args.steps)
    reference = "jax.jit by hand"
    print(f"{'':28}{'step µs':>10}{'ratio':>8}{'compile s':>12}{'ratio':>8}")
    for name in makers:
        t, c = statistics.median(times[name]), statistics.median(compiles[name])
        ratio = statistics.median(a / b for a, b in zip(times[name], times[reference], strict=True))
        compile_ratio = statistics.median(a / b for a, b in zip(compiles[name], compiles[reference], strict=True))
        print(f"{name:28}{t * 1e6:10.0f}{ratio:8.2f}{c:12.2f}{compile_ratio:8.2f}")


if __name__ == "__main__":
    main()
