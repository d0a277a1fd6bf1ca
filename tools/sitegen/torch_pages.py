"""PyTorch's documentation of a name, where there is one.

``torch_names.json`` lists the names that PyTorch documents, by package; `record_torch_names.py` writes it.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

from sitegen.names import Name

_FILE = Path(__file__).parent / "torch_names.json"
_STABLE = "https://docs.pytorch.org/docs/stable"
_VISION = "https://docs.pytorch.org/vision/stable"

# fnn's package: PyTorch's that have its names, the first that has it counts.
TWINS = {
    "fnn": ("torch", "torch.Tensor", "torch.func"),
    "fnn.ops": ("torch", "torch.Tensor"),
    "fnn.ops.fft": ("torch.fft",),
    "fnn.ops.linalg": ("torch.linalg",),
    "fnn.ops.special": ("torch.special",),
    "fnn.layers": ("torch.nn",),
    "fnn.functional": ("torch.nn.functional",),
    "fnn.func": ("torch.func",),
    "fnn.random": ("torch",),
    "fnn.creation": ("torch",),
    "fnn.serialization": ("torch",),
    "fnn.vision.models": ("torchvision.models",),
    "fnn.vision.transforms": ("torchvision.transforms",),
    "fnn.vision.transforms.functional": ("torchvision.transforms.functional",),
    "fnn.vision.datasets": ("torchvision.datasets",),
    "fnn.vision.ops": ("torchvision.ops",),
    "fnn.vision.utils": ("torchvision.utils",),
}
# Packages whose names share a page.
_SHARED = {
    "torch.nn.init": "nn.init",
    "torch.distributions": "distributions",
    "torch.special": "special",
    "torch.utils.data": "data",
    "torch.amp": "amp",
    "torch.distributed": "distributed",
    "torch.optim.swa_utils": "optim",
    "torch.utils.tensorboard": "tensorboard",
}
# Names that PyTorch has and does not document.
_WITHOUT = ("torch.nn.common_types", "torch.nn.grad", "torch.nn.parallel", "torch.nn.utils.stateless", "torch.testing")


@functools.cache
def _documented() -> dict[str, frozenset[str]]:
    return {package: frozenset(names) for package, names in json.loads(_FILE.read_text()).items()}


def twins(package: str) -> tuple[str, ...]:
    """PyTorch's packages with the names of one of fnn's."""
    return TWINS.get(package) or ("torch" + package.removeprefix("fnn"),)


def address(name: Name) -> tuple[str, str] | None:
    """PyTorch's name, ``torch.nn.Conv2d``, and the address of its page."""
    for package in twins(name.package):
        if package in _WITHOUT or name.name not in _documented().get(package, ()):
            continue
        path = f"{package}.{name.name}"
        if package == "torchvision.models":
            return path, f"{_VISION}/models.html"
        if package.startswith("torchvision"):
            return path, f"{_VISION}/generated/{path}.html"
        if package in _SHARED:
            home = getattr(name.value, "__module__", "").replace("fnn.", "torch.")
            anchor = f"#{home}.{name.name}" if package == "torch.distributions" else f"#{path}"
            return path, f"{_STABLE}/{_SHARED[package]}.html" + ("" if package == "torch.optim.swa_utils" else anchor)
        return path, f"{_STABLE}/generated/{path}.html"
    return None
