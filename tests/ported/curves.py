"""The losses that the scripts print, by name."""

from importlib import import_module
from typing import Any

STEPS = 100  # unless the arguments say otherwise
# name: (script, arguments)
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": ("mlp", {}),
    "mlp without dropout": ("mlp", {"p": 0.0, "seed": 2**31 + 5}),
    "lenet": ("lenet", {}),
    "resnet": ("resnet", {}),
    "resnet, nesterov": (
        "resnet",
        {"seed": 1234, "optimizer": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4})},
    ),
    "language": ("language", {"steps": 50}),
    "language with dropout": ("language", {"steps": 50, "dropout": 0.2, "seed": 7}),
    "translation": ("translation", {"steps": 50}),
}


def losses(framework: str, name: str, **more: Any) -> list[float]:
    """The losses of a run, by the script written for ``framework``."""
    script, arguments = RUNS[name]
    return import_module(f"tests.ported.{script}_{framework}").train(**arguments, **more)


def record() -> dict[str, Any]:
    """What PyTorch gives."""
    import torch

    torch.set_num_threads(1)
    return {name: [float(f"{loss:.7g}") for loss in losses("torch", name)] for name in RUNS}
