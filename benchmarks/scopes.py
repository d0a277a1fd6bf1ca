"""What the names of operations cost: a training step with `jax.named_scope` around each Module's call, and without.

``python benchmarks/scopes.py [--rounds 7] [--blocks 12]``. The step is that of a Transformer encoder with Adam. Without
scopes means that `fnn.state.paths` opens none (its context is replaced here by one that does nothing), as if the
feature did not exist. Printed are the ratios with / without, by turns, of tracing (least and median of the rounds) and
of a compiled call, and whether the compiled programs are the same once the names are taken out of their text.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

import fnn
from fnn import nn, optim
from fnn.state import paths

WIDTH, CLASSES = 64, 10
_NAMES = re.compile(r", metadata=\{[^{}]*\}")
_TABLES = re.compile(r"^(FileNames|FunctionNames|FileLocations|StackFrames)\n(?:\d+ .*\n)*", re.M)


def made(blocks: int) -> tuple[Any, tuple[jax.Array, ...]]:
    """A step and its arguments."""
    layer = nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, dropout=0.0, batch_first=True)
    model = nn.Sequential(nn.TransformerEncoder(layer, blocks), nn.Flatten(1), nn.Linear(8 * WIDTH, CLASSES))
    optimizer = optim.Adam(model.parameters())
    criterion = nn.CrossEntropyLoss()

    @fnn.jit
    def step(x: jax.Array, y: jax.Array) -> jax.Array:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        fnn.backward(loss)
        optimizer.step()
        return loss

    return step, (jnp.ones((16, 8, WIDTH)), jnp.zeros(16, jnp.int32))


@contextlib.contextmanager
def without_scopes() -> Iterator[None]:
    """Calls of Modules open no scope."""
    named = paths.jax.named_scope
    paths.jax.named_scope = lambda name: contextlib.nullcontext()  # type: ignore[assignment]
    try:
        yield
    finally:
        paths.jax.named_scope = named


def bare(text: str) -> str:
    """A compiled program's text without names and places."""
    return _TABLES.sub("", _NAMES.sub("", text))


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - begin


def ratios(on: list[float], off: list[float]) -> str:
    return f"least {min(on) / min(off):.3f}, median {statistics.median(on) / statistics.median(off):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--blocks", type=int, default=12)
    options = parser.parse_args()
    traced: dict[bool, list[float]] = {True: [], False: []}
    for n in range(2 * options.rounds + 2):
        on = n % 2 == 0
        with contextlib.nullcontext() if on else without_scopes():
            step, arguments = made(options.blocks)
            seconds = timed(lambda step=step, arguments=arguments: step.lower(*arguments) and None)
        if n > 1:  # the first of each fills caches
            traced[on].append(seconds)
    programs, texts = {}, {}
    for on in (True, False):
        with contextlib.nullcontext() if on else without_scopes():
            programs[on], arguments = made(options.blocks)
            programs[on](*arguments)
            texts[on] = bare(programs[on].lower(*arguments).compile().as_text())
    called: dict[bool, list[float]] = {True: [], False: []}
    for n in range(300):
        called[n % 2 == 0].append(timed(lambda n=n: programs[n % 2 == 0](*arguments)))
    print("trace, with / without scopes:", ratios(traced[True], traced[False]))
    print("compiled call:               ", ratios(called[True], called[False]))
    print("the compiled programs are", "the same" if texts[True] == texts[False] else "different")


if __name__ == "__main__":
    main()
