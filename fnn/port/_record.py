"""Runs a script and writes down the loss of every ``backward``; the process ends after enough of them.

``python -m fnn.port._record torch|fnn N SEED OUT script.py [arguments]``
"""

from __future__ import annotations

import inspect
import json
import math
import os
import random
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class _Losses:
    """The losses so far; after enough of them they are written and the process ends."""

    def __init__(self, count: int, out: Path) -> None:
        self.values: list[float] = []
        self._count, self._out = count, out

    def add(self, loss: Any) -> None:
        self.values.append(float(np.asarray(loss, np.float64).sum()))
        if len(self.values) >= self._count:
            self.write()
            sys.stdout.flush()
            os._exit(0)  # from the middle of a compiled step, with workers and threads about

    def write(self) -> None:
        text = [v if math.isfinite(v) else str(v) for v in self.values]
        self._out.write_text(json.dumps(text), encoding="utf-8")


def _torch(losses: _Losses, seed: int) -> None:
    import torch

    torch.manual_seed(seed)
    original = torch.Tensor.backward

    def backward(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        losses.add(self.detach().cpu().numpy())

    torch.Tensor.backward = backward  # type: ignore[method-assign]


def _fnn(losses: _Losses, seed: int) -> None:
    import jax

    import fnn

    fnn.manual_seed(seed)
    original: Callable[..., Any] = fnn.backward
    compiled: Callable[..., Any] = fnn.jit

    def backward(loss: Any, *args: Any, **kwargs: Any) -> Any:
        if not callable(loss):
            jax.debug.callback(losses.add, loss, ordered=True)
        return original(loss, *args, **kwargs)

    fnn.backward = backward
    if "random" in inspect.signature(compiled).parameters:

        def jit(fun: Any = None, **options: Any) -> Any:
            return compiled(fun, **{"random": "torch", **options})

        fnn.jit = jit


def main(framework: str, count: str, seed: str, out: str, script: str, *arguments: str) -> None:
    """Runs the script."""
    losses = _Losses(int(count), Path(out))
    random.seed(int(seed))
    np.random.seed(int(seed))
    (_torch if framework == "torch" else _fnn)(losses, int(seed))
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).resolve().parent)
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        losses.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
