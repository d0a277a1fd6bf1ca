"""Whole training steps on the CPU, torch eager against `fnn.jit`: ``python benchmarks/train.py``.

Forward, loss, backward and optimizer, of models that are written once and built from ``torch.nn`` and from ``fnn.nn``
under the same seed; torchvision's own models stand beside `fnn.vision.models`. That the losses of the first two steps
agree is checked before anything is timed. Both use the threads that the machine has, in turn, in one process.

``python benchmarks/train.py [part of a name ...] [--seconds 4] [--lax]``. Columns: milliseconds a step (the least of
all steps), their ratio, the median over the rounds of the ratio of the rounds' means, and the seconds of fnn's first
call. With ``--lax`` also fnn with every convolution left to XLA, as a multiple of torch.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import jax.numpy as jnp
import numpy as np
import torch

import fnn
from fnn.kernels.cpu_convolution import _choice


class Kit(NamedTuple):
    """What a model is written with: modules, functionals, array functions and ready models of one framework."""

    nn: Any
    F: Any
    xp: Any
    models: Any


def torchvision_models() -> Any:
    """``torchvision.models``; None where torchvision is not installed."""
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A build whose compiled part does not fit torch imports all the same if these operators are declared.
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            with contextlib.suppress(RuntimeError):
                library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from torchvision import models

        models.library = library  # what it declares exists as long as it does
        return models
    return None


TORCH = Kit(torch.nn, torch.nn.functional, torch, torchvision_models())
FNN = Kit(fnn.nn, fnn.nn.functional, jnp, fnn.vision.models)


# -- models -------------------------------------------------------------------------------------------------


def mlp(k: Kit) -> Any:
    nn = k.nn
    hidden = (nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(256, 10))


def lenet(k: Kit) -> Any:
    nn = k.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def vgg(k: Kit) -> Any:
    nn, layers, channels = k.nn, [], 3
    for width in (32, 32, "pool", 64, 64, "pool", 128, 128, "pool"):
        if width == "pool":
            layers += [nn.MaxPool2d(2)]
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10))


def resnet18_cifar(k: Kit) -> Any:
    """ResNet-18 with the stem that small pictures get."""
    model = k.models.resnet18(num_classes=10)
    model.conv1 = k.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = k.nn.Identity()
    return model


def resnext_small(k: Kit) -> Any:
    """Three stages of two bottlenecks with 16 groups."""
    nn, F = k.nn, k.F

    class Block(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
                nn.Conv2d(width, width, 3, stride, padding=1, groups=16, bias=False),
                *(nn.BatchNorm2d(width), nn.ReLU()),
                *(nn.Conv2d(width, 2 * width, 1, bias=False), nn.BatchNorm2d(2 * width)),
            )
            self.shortcut = nn.Identity()
            if stride != 1 or inputs != 2 * width:
                convolution = nn.Conv2d(inputs, 2 * width, 1, stride, bias=False)
                self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(2 * width))

        def forward(self, x: Any) -> Any:
            return F.relu(self.body(x) + self.shortcut(x))

    layers, inputs = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for width, stride in ((64, 1), (128, 2), (256, 2)):
        layers += [Block(inputs, width, stride), Block(2 * width, width, 1)]
        inputs = 2 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


def convnext(k: Kit) -> Any:
    """A patch stem and three stages of blocks with depthwise 7x7 convolutions and layer scale."""
    nn, F, xp = k.nn, k.F, k.xp

    class ChannelNorm(nn.LayerNorm):
        def forward(self, x: Any) -> Any:
            return xp.moveaxis(super().forward(xp.moveaxis(x, 1, -1)), -1, 1)

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
            self.norm = nn.LayerNorm(width, eps=1e-6)
            self.expand, self.project = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.scale = nn.Parameter(1e-2 * xp.ones(width))

        def forward(self, x: Any) -> Any:
            y = self.norm(xp.moveaxis(self.depthwise(x), 1, -1))
            y = self.scale * self.project(F.gelu(self.expand(y)))
            return x + xp.moveaxis(y, -1, 1)

    layers = [nn.Conv2d(3, 48, 4, 4), ChannelNorm(48, eps=1e-6)]
    for width, depth in ((48, 2), (96, 2), (192, 2)):
        if width > 48:
            layers += [ChannelNorm(width // 2, eps=1e-6), nn.Conv2d(width // 2, width, 2, 2)]
        layers += [Block(width) for _ in range(depth)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(192), nn.Linear(192, 10))


def unet(k: Kit) -> Any:
    nn, F, xp = k.nn, k.F, k.xp

    def double(inputs: int, width: int) -> Any:
        first = (nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        return nn.Sequential(
            *first, nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )

    class UNet(nn.Module):
        def __init__(self, widths: tuple[int, ...]) -> None:
            super().__init__()
            self.down = nn.ModuleList(double(a, b) for a, b in zip((3, *widths), widths, strict=False))
            pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
            self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
            self.merge = nn.ModuleList(double(a, b) for a, b in pairs)
            self.head = nn.Conv2d(widths[0], 2, 1)

        def forward(self, x: Any) -> Any:
            skips = []
            for i, block in enumerate(self.down):
                x = block(x if i == 0 else F.max_pool2d(x, 2))
                skips.append(x)
            for up, merge, skip in zip(self.up, self.merge, skips[-2::-1], strict=True):
                x = merge(xp.concatenate((skip, up(x)), 1))
            return self.head(x)

    return UNet((16, 32, 64, 128))


def text_cnn(k: Kit) -> Any:
    """Kim's sentence classifier: arXiv:1408.5882."""
    nn, F, xp = k.nn, k.F, k.xp

    class TextCNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(2000, 128)
            self.convolutions = nn.ModuleList(nn.Conv1d(128, 100, size, padding=size // 2) for size in (3, 4, 5))
            self.classifier = nn.Linear(300, 4)

        def forward(self, tokens: Any) -> Any:
            x = xp.moveaxis(self.embedding(tokens), 1, 2)
            pooled = [xp.amax(F.relu(convolution(x)), 2) for convolution in self.convolutions]
            return self.classifier(xp.concatenate(pooled, 1))

    return TextCNN()


def conv3d(k: Kit) -> Any:
    nn, layers, channels = k.nn, [], 3
    for width in (16, 32, 64):
        layers += [nn.Conv3d(channels, width, 3, padding=1), nn.BatchNorm3d(width), nn.ReLU(), nn.MaxPool3d(2)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(64, 10))


def generator(k: Kit) -> Any:
    """DCGAN's, for 64x64: arXiv:1511.06434."""
    nn, layers, channels = k.nn, [], 64
    for i, width in enumerate((256, 128, 64, 32)):
        convolution = nn.ConvTranspose2d(channels, width, 4, 2 if i else 1, 1 if i else 0, bias=False)
        layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        channels = width
    return nn.Sequential(*layers, nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(k: Kit) -> Any:
    nn = k.nn
    layers, channels = [nn.Conv2d(3, 32, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)], 32
    for width in (64, 128, 256):
        layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
        channels = width
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, 1, 0, bias=False), nn.Flatten())


# -- steps --------------------------------------------------------------------------------------------------

Step = Callable[[], Any]  # makes a step and returns the loss, when it is ready
Optimizer = Callable[[Any, Any], Any]  # (torch.optim or fnn.optim, parameters)


def torch_step(build: Callable[[Kit], Any], make: Optimizer, x: np.ndarray, y: np.ndarray) -> Step:
    torch.manual_seed(0)
    model = build(TORCH)
    optimizer = make(torch.optim, model.parameters())
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def step() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def fnn_step(build: Callable[[Kit], Any], make: Optimizer, x: np.ndarray, y: np.ndarray) -> Step:
    fnn.manual_seed(0)
    model = build(FNN)
    optimizer = make(fnn.optim, model.parameters())
    x, y = jnp.asarray(x), jnp.asarray(y)

    @fnn.jit
    def train_step(model, optimizer, x, y):
        loss, grads = fnn.value_and_grad(lambda model: FNN.F.cross_entropy(model(x), y))(model)
        optimizer.step(grads)
        return loss

    return lambda: train_step(model, optimizer, x, y).block_until_ready()


def torch_gan_step(make: Optimizer, noise: np.ndarray, real: np.ndarray) -> Step:
    torch.manual_seed(0)
    g, d = generator(TORCH), discriminator(TORCH)
    of_g, of_d = make(torch.optim, g.parameters()), make(torch.optim, d.parameters())
    noise, real = torch.from_numpy(noise), torch.from_numpy(real)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    one, zero = torch.ones(len(real), 1), torch.zeros(len(real), 1)

    def step() -> torch.Tensor:
        of_g.zero_grad(set_to_none=True)
        of_d.zero_grad(set_to_none=True)
        fake = g(noise)
        fooled = bce(d(fake), one)
        fooled.backward(inputs=list(g.parameters()))
        told = bce(d(real), one) + bce(d(fake.detach()), zero)
        told.backward()
        of_g.step()
        of_d.step()
        return (fooled + told).detach()

    return step


def fnn_gan_step(make: Optimizer, noise: np.ndarray, real: np.ndarray) -> Step:
    fnn.manual_seed(0)
    g, d = generator(FNN), discriminator(FNN)
    of_g, of_d = make(fnn.optim, g.parameters()), make(fnn.optim, d.parameters())
    noise, real = jnp.asarray(noise), jnp.asarray(real)
    bce = FNN.F.binary_cross_entropy_with_logits
    one, zero = jnp.ones((len(real), 1)), jnp.zeros((len(real), 1))

    @fnn.jit
    def train_step(g, d, of_g, of_d, noise, real):
        def fool(g):
            fake = g(noise)
            return bce(d(fake), one), fake

        (fooled, fake), for_g = fnn.value_and_grad(fool, has_aux=True)(g)
        told, for_d = fnn.value_and_grad(lambda d: bce(d(real), one) + bce(d(fake), zero))(d)
        of_g.step(for_g)
        of_d.step(for_d)
        return fooled + told

    return lambda: train_step(g, d, of_g, of_d, noise, real).block_until_ready()


def sgd(optim: Any, parameters: Any) -> Any:
    return optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=5e-4)


def adam(optim: Any, parameters: Any) -> Any:
    return optim.Adam(parameters, lr=1e-4, betas=(0.5, 0.999))


def adamw(optim: Any, parameters: Any) -> Any:
    return optim.AdamW(parameters, lr=1e-4)


def classifier(build: Callable[[Kit], Any], make: Optimizer, *shape: int, tokens: bool = False, classes: int = 10):
    """The two steps of a model with cross-entropy on labels, (N,) or as many as its pictures have pixels."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2000, shape) if tokens else rng.standard_normal(shape, np.float32)
    pixels = shape[2:] if build is unet else ()
    y = rng.integers(0, 2 if build is unet else classes, (shape[0], *pixels))
    return lambda: torch_step(build, make, x, y), lambda: fnn_step(build, make, x.astype(np.int32) if tokens else x, y)


def gan(make: Optimizer, batch: int):
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((batch, 64, 1, 1), np.float32)
    real = np.tanh(rng.standard_normal((batch, 3, 64, 64), np.float32))
    return lambda: torch_gan_step(make, noise, real), lambda: fnn_gan_step(make, noise, real)


def ready(name: str, **kwargs: Any) -> Callable[[Kit], Any]:
    """A model of ``torchvision.models`` and `fnn.vision.models`."""
    return lambda k: getattr(k.models, name)(num_classes=10, **kwargs)


# name: (whether it needs torchvision, the makers of torch's and of fnn's step)
WORKLOADS = {
    "MLP 784-256-256-10 b64, SGD": (False, classifier(mlp, sgd, 64, 784)),
    "MLP 784-256-256-10 b64, Adam": (False, classifier(mlp, adam, 64, 784)),
    "LeNet-5 28 b64, Adam": (False, classifier(lenet, adam, 64, 1, 28, 28)),
    "VGG small 32 b32, AdamW": (False, classifier(vgg, adamw, 32, 3, 32, 32)),
    "ResNet-18 32 b16, SGD": (True, classifier(ready("resnet18"), sgd, 16, 3, 32, 32)),
    "ResNet-18 CIFAR 32 b16, SGD": (True, classifier(resnet18_cifar, sgd, 16, 3, 32, 32)),
    "MobileNetV2 64 b16, SGD": (True, classifier(ready("mobilenet_v2", dropout=0.0), sgd, 16, 3, 64, 64)),
    "ResNeXt small 32 b16, SGD": (False, classifier(resnext_small, sgd, 16, 3, 32, 32)),
    "ResNeXt-50 32x4d 64 b4, SGD": (
        True,
        classifier(ready("resnext50_32x4d", zero_init_residual=True), sgd, 4, 3, 64, 64),
    ),
    "ConvNeXt small 64 b16, AdamW": (False, classifier(convnext, adamw, 16, 3, 64, 64)),
    "DCGAN 64 b16, Adam twice": (False, gan(adam, 16)),
    "U-Net 64 b4, Adam": (False, classifier(unet, adam, 4, 3, 64, 64)),
    "Text CNN 128 tokens b32, Adam": (False, classifier(text_cnn, adam, 32, 128, tokens=True, classes=4)),
    "Conv3d net 8x32x32 b8, SGD": (False, classifier(conv3d, sgd, 8, 3, 8, 32, 32)),
}


# -- measuring ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def plain_convolutions() -> Iterator[None]:
    """Programs compiled within leave their convolutions to `jax.lax.conv_general_dilated`."""
    operations = ("forward", "input_gradient", "weight_gradient")
    with mock.patch.multiple(_choice, **dict.fromkeys(operations, lambda problem: "definition")):
        yield


def started(make: Callable[[], Step]) -> tuple[Step, list[float], float]:
    """The step, the losses of its first two calls, and the seconds that the first took."""
    step = make()
    start = time.perf_counter()
    losses = [float(step())]
    first = time.perf_counter() - start
    return step, [*losses, float(step())], first


def rounds(steps: list[Step], seconds: float) -> list[list[list[float]]]:
    """Times of single steps, by round and step: a run of each in turn, long enough that the other's threads sleep."""
    found: list[list[list[float]]] = []
    end = time.perf_counter() + seconds
    while len(found) < 3 or time.perf_counter() < end:
        found.append([])
        for step in steps:
            times, until = [], time.perf_counter() + seconds / 10 / len(steps)
            while len(times) < 2 or time.perf_counter() < until:
                start = time.perf_counter()
                step()
                times.append(time.perf_counter() - start)
            found[-1].append(times)
    return found


def measure(name: str, makers: tuple, seconds: float, with_lax: bool, same_losses: bool = True) -> list[float]:
    """Prints a row; returns the ratios.  Without dropout the losses must be the same."""
    steps, all_losses, firsts = [], [], []
    for i, make in enumerate((*makers, makers[1]) if with_lax else makers):
        with plain_convolutions() if i == 2 else contextlib.nullcontext():
            step, losses, first = started(make)
        steps.append(step)
        all_losses.append(losses)
        firsts.append(first)
    for losses in all_losses[1:] if same_losses else ():
        np.testing.assert_allclose(losses, all_losses[0], rtol=1e-3, err_msg=name)
    found = rounds(steps, seconds)
    best = [min(min(r[i]) for r in found) for i in range(len(steps))]
    median = statistics.median(statistics.mean(r[1]) / statistics.mean(r[0]) for r in found)
    ratios = [b / best[0] for b in best[1:]]
    row = f"{name:32}{best[0] * 1e3:10.2f}{best[1] * 1e3:10.2f}{ratios[0]:8.2f}{median:8.2f}{firsts[1]:10.1f}"
    print(row + "".join(f"{r:8.2f}" for r in ratios[1:]), flush=True)
    return ratios


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="only the workloads with one of these in their name")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each workload, once compiled")
    parser.add_argument("--lax", action="store_true", help="a column for fnn with XLA's convolutions")
    options = parser.parse_args()
    heads = f"{'':32}{'torch ms':>10}{'fnn ms':>10}{'ratio':>8}{'median':>8}{'compile s':>10}"
    print(heads + f"{'lax':>8}" * options.lax, flush=True)
    found = []
    for name, (ready_made, makers) in WORKLOADS.items():
        if options.names and not any(part in name for part in options.names):
            continue
        if ready_made and TORCH.models is None:
            print(f"{name:32}left out: torchvision is not installed")
            continue
        found.append(measure(name, makers, options.seconds, options.lax))
    if found:
        means = np.exp(np.log(np.array(found)).mean(0))
        print(f"geometric mean: fnn {means[0]:.2f}" + "".join(f", lax {m:.2f}" for m in means[1:]))


if __name__ == "__main__":
    main()
