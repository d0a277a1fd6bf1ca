"""How long models take to construct, layer by layer, in torch and in fnn.

``python benchmarks/construct.py [part of a name ...] [--seconds 10]``. The same class, written once, is built by turns
from ``torch.nn`` and from ``fnn.nn``: ResNet-50 (53 convolutions, 53 batch norms, a linear layer; 25.6 million numbers
drawn), GPT-2 small (124 million, of which 39 normal ones) and ViT-B/16 (86 million). The weights are the same
(checked): bit for bit but for normal numbers, which agree to rounding.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch

import fnn
from fnn import nn


def resnet50(nn: Any) -> Any:
    """The model, of the modules in ``nn``."""

    class Bottleneck(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(4 * width)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or inputs != 4 * width:
                shortcut = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False)
                self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(4 * width))

    class ResNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, 2, padding=1)
            inputs = 64
            for n, (width, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
                blocks = []
                for i in range(depth):
                    blocks.append(Bottleneck(inputs, width, 2 if n > 1 and i == 0 else 1))
                    inputs = 4 * width
                setattr(self, f"layer{n}", nn.Sequential(*blocks))
            self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
            self.fc = nn.Linear(2048, 1000)

    return ResNet()


def gpt2(nn: Any) -> Any:
    """GPT-2 small, its head tied to its embedding."""
    width = 768

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attention, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    class GPT2(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wte, self.wpe = nn.Embedding(50257, width), nn.Embedding(1024, width)
            self.h = nn.ModuleList([Block() for _ in range(12)])
            self.ln_f = nn.LayerNorm(width)

    return GPT2()


def vit_b(nn: Any) -> Any:
    """ViT-B/16."""
    width = 768

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attention = nn.MultiheadAttention(width, 12, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    class ViT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv_proj = nn.Conv2d(3, width, 16, 16)
            self.layers = nn.Sequential(*(Block() for _ in range(12)))
            self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, 1000)

    return ViT()


MODELS: dict[str, Callable[[Any], Any]] = {"ResNet-50": resnet50, "GPT-2 small": gpt2, "ViT-B/16": vit_b}


def timed(build: Callable[[Any], Any], nn: Any) -> float:
    """Milliseconds of one construction; what is made is freed outside of it."""
    start = time.perf_counter()
    model = build(nn)
    values = [getattr(p, "_value", None) for p in model.parameters()]
    jax.block_until_ready([value for value in values if value is not None])
    return (time.perf_counter() - start) * 1e3


def check(build: Callable[[Any], Any]) -> None:
    """That both have the same weights."""
    torch.manual_seed(0)
    fnn.manual_seed(0)
    theirs, ours = build(torch.nn).state_dict(), build(nn).state_dict()
    assert list(theirs) == list(ours)
    for name, value in theirs.items():
        same = np.allclose(ours[name], value, 1e-4, 1e-6) if "wte" in name or "wpe" in name else None
        assert np.array_equal(np.asarray(ours[name]), value.numpy()) if same is None else same, name


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only the models with one of these in their name")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each model")
    options = parser.parse_args()
    print(f"{'':14}{'torch: best, median ms':>24}{'fnn: best, median ms':>24}{'of bests':>10}{'of medians':>12}")
    for name, build in MODELS.items():
        if options.names and not any(part in name for part in options.names):
            continue
        check(build)
        rows: list[tuple[float, float]] = []
        end = time.perf_counter() + options.seconds
        while len(rows) < 3 or time.perf_counter() < end:
            rows.append((timed(build, torch.nn), timed(build, nn)))
        columns = [(min(column), statistics.median(column)) for column in zip(*rows, strict=True)]
        (t_best, t_median), (f_best, f_median) = columns
        times = "".join(f"{best:12.1f}{median:12.1f}" for best, median in columns)
        print(f"{name:14}{times}{f_best / t_best:10.2f}{f_median / t_median:12.2f}", flush=True)


if __name__ == "__main__":
    main()
