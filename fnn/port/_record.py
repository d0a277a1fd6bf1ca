"""Runs a script and writes down the loss of every ``backward``; the process ends after enough of them.

``python -m fnn.port._record torch|fnn N SEED OUT losses|layers script.py [arguments]``; with ``layers`` also the
size of what every call of a Module gave, in order.
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
    """The losses so far, and the calls of layers; after enough losses they are written and the process ends."""

    def __init__(self, count: int, out: Path) -> None:
        self.values: list[float] = []
        self.layers: list[tuple[str, float]] = []
        self._paths: dict[int, str] = {}
        self._depth = 0
        self._count, self._out = count, out

    def add(self, loss: Any) -> None:
        self.values.append(float(np.asarray(loss, np.float64).sum()))
        if len(self.values) >= self._count:
            self.write()
            sys.stdout.flush()
            os._exit(0)  # from the middle of a compiled step, with workers and threads about

    def write(self) -> None:
        losses = [v if math.isfinite(v) else str(v) for v in self.values]
        layers = [(name, size if math.isfinite(size) else str(size)) for name, size in self.layers]
        self._out.write_text(json.dumps({"losses": losses, "layers": layers}), encoding="utf-8")

    def watch(
        self, module: Any, is_array: Callable[[Any], bool], later: Callable[..., None], without: tuple[str, ...] = ()
    ) -> None:
        """Notes what every Module of a framework gives when it is called, those of the modules ``without`` left out."""
        original = module.__call__

        def called(this: Any, *args: Any, **kwargs: Any) -> Any:
            if type(this).__module__.startswith(without):
                return original(this, *args, **kwargs)
            if not self._depth:
                self._paths |= {id(part): name for name, part in this.named_modules()}
            self._depth += 1
            try:
                result = original(this, *args, **kwargs)
            finally:
                self._depth -= 1
            name = f"{self._paths.get(id(this), '')} ({type(this).__name__})".strip()
            first = result
            while isinstance(first, tuple | list) and first:
                first = first[0]
            if is_array(first):
                later(
                    lambda value: self.layers.append((name, float(np.abs(np.asarray(value, np.float64)).sum()))), first
                )
            return result

        module.__call__ = called


def _torch(losses: _Losses, seed: int, layers: bool) -> None:
    import torch

    if layers:
        transforms = ("torchvision.transforms.",)  # Modules in torchvision, none in fnn
        losses.watch(
            torch.nn.Module,
            torch.is_tensor,
            lambda note, value: note(value.detach().cpu().float().numpy()),
            without=transforms,
        )

    torch.manual_seed(seed)
    original = torch.Tensor.backward

    def backward(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        losses.add(self.detach().cpu().numpy())

    torch.Tensor.backward = backward  # type: ignore[method-assign]


def _fnn(losses: _Losses, seed: int, layers: bool) -> None:
    import jax

    import fnn

    if layers:
        losses.watch(
            fnn.nn.Module,
            lambda value: isinstance(value, jax.Array),
            lambda note, value: jax.debug.callback(note, value, ordered=True),
        )

    fnn.manual_seed(seed)
    original: Callable[..., Any] = fnn.backward
    compiled: Callable[..., Any] = fnn.jit

    def backward(loss: Any, *args: Any, **kwargs: Any) -> Any:
        if not callable(loss):
            jax.debug.callback(losses.add, loss, ordered=True)
            return original(loss, *args, **kwargs)
        made = original(loss, *args, **kwargs)

        def differentiated(*given: Any, **named: Any) -> Any:
            result = made(*given, **named)
            value = result[0] if kwargs.get("has_aux") else result
            jax.debug.callback(losses.add, value, ordered=True)
            return result

        return differentiated

    fnn.backward = backward
    if "random" in inspect.signature(compiled).parameters:

        def jit(fun: Any = None, **options: Any) -> Any:
            return compiled(fun, **{"random": "torch", **options})

        fnn.jit = jit


def main(framework: str, count: str, seed: str, out: str, what: str, script: str, *arguments: str) -> None:
    """Runs the script."""
    losses = _Losses(int(count), Path(out))
    (_torch if framework == "torch" else _fnn)(losses, int(seed), what == "layers")
    random.seed(int(seed))  # after the imports, for JAX's asks numpy for numbers
    np.random.seed(int(seed))
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).resolve().parent)
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        losses.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
