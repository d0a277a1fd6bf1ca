"""Evaluation of the vision models on the CPU: torch eager, `torch.compile` and `fnn.jit`, interleaved in one process.

``python benchmarks/inference.py [part of a name ...] [--batches 1 32] [--size 128] [--seconds 4] [--no-compile]``.

A row is a model at a batch size. Columns: milliseconds of torch eager, and as multiples of that `torch.compile` (a dash
where it does not work: it needs a C++ compiler), `fnn.jit`, and `fnn.jit` of the model with its batch norms folded into
the convolutions before them (`fnn.nn.utils.fusion`; a dash where there are none). The models have one state, and that
the outputs agree is checked. Times are the least of all rounds. The last lines are what a call costs
beyond its arithmetic: tiny layers through `fnn.jit`, and their function through `jax.jit`, one row each.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import shutil
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from conv import least  # these two beside this file
from train import FNN, TORCH

import fnn
from fnn.functional import linear
from fnn.nn.utils.fusion import fuse_conv_bn_eval

MODELS = {
    "resnet18": {},
    "resnet50": {},
    "mobilenet_v2": {},
    "efficientnet_b0": {},
    "convnext_tiny": {},
    "vit_b_32": {"image_size": 0},  # of the images
    "swin_t": {},
}


def folded(model: Any) -> Any:
    """A copy whose batch norms are part of the convolutions before them; None if it has none.

    A norm follows a convolution if it stands behind it in a Sequential, or is called ``bn1`` where that is ``conv1``.
    """
    model, found = copy.deepcopy(model), 0
    for module in model.modules():
        children = dict(module.named_children())
        names = list(children)
        followers = dict(itertools.pairwise(names)) if isinstance(module, fnn.nn.Sequential) else {}
        followers |= {name: name.replace("conv", "bn") for name in names if name.startswith("conv")}
        for name, follower in followers.items():
            pair = children[name], children.get(follower)
            if isinstance(pair[0], fnn.nn.Conv2d) and isinstance(pair[1], fnn.nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(*pair))
                setattr(module, follower, fnn.nn.Identity())
                found += 1
    return model if found else None


def compiled(model: Any, x: torch.Tensor) -> Callable[[], Any] | None:
    """A call of the model through `torch.compile`, if that works here."""
    if not any(map(shutil.which, ("g++", "clang++"))):
        return None
    run = torch.compile(model)
    try:
        run(x)
    except Exception as error:  # whatever its compiler says
        print(f"torch.compile: {str(error).splitlines()[0][:100]}")
        return None
    return lambda: run(x)


def row(name: str, batch: int, size: int, seconds: float, with_compile: bool) -> list[float | None]:
    """The milliseconds of torch and the multiples of it."""
    kwargs = {key: size for key in MODELS[name]}
    torch.manual_seed(0)
    theirs = getattr(TORCH.models, name)(num_classes=10, **kwargs).eval()
    ours = getattr(FNN.models, name)(num_classes=10, **kwargs).eval()
    ours.load_state_dict({key: jnp.asarray(value.numpy()) for key, value in theirs.state_dict().items()})
    image = np.random.default_rng(0).standard_normal((batch, 3, size, size), np.float32)
    x, given = torch.from_numpy(image), jnp.asarray(image)
    wanted = theirs(x).detach().numpy()
    calls: list[Callable[[], Any] | None] = [lambda: theirs(x), compiled(theirs, x) if with_compile else None]
    for model in (ours, folded(ours)):
        run = None if model is None else fnn.jit(model)
        if run is not None:
            np.testing.assert_allclose(run(given), wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max(), err_msg=name)
        calls.append(None if run is None else lambda run=run: jax.block_until_ready(run(given)))
    possible = [call for call in calls if call is not None]
    times = iter(least(possible, seconds))
    first, *rest = (None if call is None else next(times) for call in calls)
    assert first is not None
    return [first * 1e3, *(None if t is None else t / first for t in rest)]


def dispatch(layers: int, seconds: float) -> tuple[float, float]:
    """Microseconds of small layers through `fnn.jit`, and of their function through `jax.jit`."""
    model = fnn.nn.Sequential(*[fnn.nn.Linear(16, 16) for _ in range(layers)]).eval()
    weights = {f"layer{i}": {"weight": m.weight.data, "bias": m.bias.data} for i, m in enumerate(model)}

    def by_hand(weights: Any, x: jax.Array) -> jax.Array:
        for layer in weights.values():
            x = linear(x, layer["weight"], layer["bias"])
        return x

    x, run, raw = jnp.ones((1, 16)), fnn.jit(model), jax.jit(by_hand)
    calls = [lambda: jax.block_until_ready(run(x)), lambda: jax.block_until_ready(raw(weights, x))]
    ours, theirs = least(calls, seconds)
    return ours * 1e6, theirs * 1e6


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only the models with one of these in their name")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--size", type=int, default=128, help="of the images: a multiple of 32")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each row, once compiled")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    options = parser.parse_args()
    if TORCH.models is None:
        parser.error("torchvision is not installed")
    ratios: dict[int, list[list[float]]] = {1: [], 2: [], 3: []}
    print(f"{'':24}{'torch ms':>10}{'compile':>10}{'fnn':>8}{'folded':>8}")
    for name in MODELS:
        for batch in options.batches if not options.names or any(n in name for n in options.names) else ():
            with torch.no_grad():
                first, *rest = row(name, batch, options.size, options.seconds, not options.no_compile)
            columns = ["-" if r is None else f"{r:.2f}" for r in rest]
            print(f"{name + f' b{batch}':24}{first:10.2f}{columns[0]:>10}{columns[1]:>8}{columns[2]:>8}", flush=True)
            for i, ratio in enumerate(rest, 1):
                ratios[i] += [] if ratio is None else [ratio]
    means = ["-" if not r else f"{np.exp(np.log(r).mean()):.2f}" for r in ratios.values()]
    print(f"{'geometric mean':34}{means[0]:>10}{means[1]:>8}{means[2]:>8}")
    for layers in (2, 20, 50):
        ours, theirs = dispatch(layers, options.seconds / 2)
        print(f"dispatch of {layers} layers at batch 1: fnn.jit {ours:.1f} µs, jax.jit {theirs:.1f} µs")


if __name__ == "__main__":
    main()
