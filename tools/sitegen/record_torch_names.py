"""Writes torch_names.json: which of fnn's names PyTorch documents.  Needs torch and torchvision.

python tools/sitegen/record_torch_names.py
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sitegen.names import Catalogue
from sitegen.torch_pages import twins


def documented(package: str, names: set[str]) -> list[str]:
    """Those of the names that the package has with a text of its own."""
    import torch

    if package == "torch.Tensor":
        source = inspect.getsource(importlib.import_module("torch._tensor_docs"))
        return sorted(names & set(re.findall(r'add_docstr_all\(\s*"(\w+)"', source)))
    if package.startswith("torchvision"):
        with torch.library._scoped_library("torchvision", "DEF") as library:
            for operator in ("nms", "qnms"):  # a torchvision for another build of torch has no operators
                library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
            module = importlib.import_module(package)
    else:
        try:
            module = importlib.import_module(package)
        except ImportError:
            return []
    listed = getattr(module, "__all__", None)
    known = set(dir(module)) if package != "torch" else set(torch.functional.__all__)
    if package == "torch":
        source = inspect.getsource(importlib.import_module("torch._torch_docs"))
        known |= set(re.findall(r"add_docstr\(\s*torch\.(\w+)", source))
        known |= {"Generator", "manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state", "save", "load",
                  "compile", "vmap", "cond", "is_grad_enabled", "no_grad", "enable_grad", "set_grad_enabled",
                  "is_tensor", "is_storage", "set_default_dtype", "get_default_dtype"} & set(dir(torch))  # fmt: skip
    elif listed is not None and package not in ("torch.linalg", "torch.nn.functional", "torch.special", "torch.fft"):
        known &= set(listed)
    return sorted(name for name in names & known if getattr(getattr(module, name), "__doc__", None))


def main() -> None:
    names: dict[str, set[str]] = {}
    for package, found in Catalogue().packages.items():
        for twin in twins(package):
            names.setdefault(twin, set()).update(name.name for name in found)
    table = {package: kept for package in sorted(names) if (kept := documented(package, names[package]))}
    path = Path(__file__).parent / "torch_names.json"
    path.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in table.items()) + "\n}\n")
    print({package: len(kept) for package, kept in table.items()})


if __name__ == "__main__":
    main()
