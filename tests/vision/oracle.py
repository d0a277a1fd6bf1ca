"""torchvision as the oracle: ``pytest.importorskip("torch")`` first, then import `torchvision` from here."""

import sys
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
_declared: list[Any] = []  # operators exist as long as the library that declares them


def _load() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pytest.importorskip("torchvision")
        except RuntimeError:
            # Its compiled part does not fit this build of torch. What its Python part needs of it is two names.
            library = torch.library.Library("torchvision", "DEF")
            for name in ("nms", "qnms"):
                library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _declared.append(library)
            for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[module]
            return pytest.importorskip("torchvision")


torchvision = _load()
