"""How long a ResNet-50's layers take to construct, in torch and in fnn: ``python benchmarks/construct.py``.

The same class, written once, is built by turns from ``torch.nn`` and from ``fnn.nn``: 53 convolutions, 53 batch
norms, a linear layer; 25.6 million numbers drawn.  The weights are the same, bit for bit (checked).
"""

from __future__ import annotations

import argparse
import statistics
import time
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


def timed(nn: Any) -> float:
    """Milliseconds of one construction; what is made is freed outside of it."""
    start = time.perf_counter()
    model = resnet50(nn)
    values = [getattr(p, "_value", None) for p in model.parameters()]
    jax.block_until_ready([value for value in values if value is not None])
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    torch.manual_seed(0)
    fnn.manual_seed(0)
    theirs, ours = resnet50(torch.nn).state_dict(), resnet50(nn).state_dict()
    assert list(theirs) == list(ours)
    assert all(np.array_equal(np.asarray(ours[name]), value.numpy()) for name, value in theirs.items())
    del theirs, ours
    times: dict[str, list[float]] = {"torch": [], "fnn": []}
    for _ in range(runs):
        times["torch"].append(timed(torch.nn))
        times["fnn"].append(timed(nn))
    print(f"{'':8}{'best ms':>9}{'median ms':>11}{'ratio of medians':>18}")
    base = statistics.median(times["torch"])
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"{name:8}{min(values):9.1f}{middle:11.1f}{middle / base:18.2f}")


if __name__ == "__main__":
    main()
