"""The loop body as torch writes it (`fnn.backward(loss)`) against `fnn.value_and_grad`, in one step that trains.

    python benchmarks/backward.py

For each model: trace and compile (the first call, in fresh models), and the time of a step, interleaved; ratios
backward / value_and_grad.  The losses of the first steps are asserted equal.
"""

import argparse
import time

import jax
import numpy as np

import fnn
from fnn import nn, optim
from fnn.nn import functional as F
from fnn.vision import models


def perceptron():
    return nn.Sequential(*(layer for _ in range(6) for layer in (nn.Linear(256, 256), nn.ReLU())), nn.Linear(256, 10))


def encoder():
    layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, batch_first=True)
    return nn.Sequential(nn.TransformerEncoder(layer, 4), nn.Flatten(), nn.Linear(64 * 16, 10))


MODELS = {
    "perceptron": (perceptron, (64, 256)),
    "encoder": (encoder, (8, 16, 64)),
    "resnet18": (lambda: models.resnet18(num_classes=10), (4, 3, 32, 32)),
}


def make(name, form):
    fnn.manual_seed(0)
    build, shape = MODELS[name]
    model = build()
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = jax.random.normal(jax.random.key(0), shape)
    y = jax.random.randint(jax.random.key(1), shape[:1], 0, 10)

    @fnn.jit
    def by_backward(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        fnn.backward(loss)
        optimizer.step()
        return loss

    @fnn.jit
    def by_value_and_grad(x, y):
        loss, grads = fnn.value_and_grad(lambda model: F.cross_entropy(model(x), y))(model)
        optimizer.step(grads)
        return loss

    step = by_backward if form == "backward" else by_value_and_grad
    return lambda: step(x, y)


def first_call(name, form):
    step = make(name, form)
    jax.clear_caches()
    begin = time.perf_counter()
    loss = jax.block_until_ready(step())
    return time.perf_counter() - begin, step, loss


def timed(step, seconds):
    count, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        jax.block_until_ready(step())
        count += 1
    return spent / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement of a step")
    arguments = parser.parse_args()
    for name in MODELS:
        compiles, steps = {"backward": [], "value_and_grad": []}, {}
        for _ in range(arguments.rounds):
            for form, found in compiles.items():
                spent, steps[form], loss = first_call(name, form)
                found.append(spent)
                steps[form, "loss"] = float(loss)
        assert steps["backward", "loss"] == steps["value_and_grad", "loss"]
        times = {form: [] for form in compiles}
        for _ in range(arguments.rounds):
            for form in times:
                times[form].append(timed(steps[form], arguments.seconds))
        compile_ratio = np.median(compiles["backward"]) / np.median(compiles["value_and_grad"])
        step_ratio = min(times["backward"]) / min(times["value_and_grad"])
        print(
            f"{name:12} first call {compile_ratio:.2f} ({np.median(compiles['backward']):.2f} s)   "
            f"step {step_ratio:.3f} ({1e3 * min(times['backward']):.2f} ms)",
            flush=True,
        )


if __name__ == "__main__":
    main()
