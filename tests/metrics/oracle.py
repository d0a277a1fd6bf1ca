"""torchmetrics as the oracle; tests that need it skip where it or torch is missing."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import pytest

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("torchmetrics") is None:
    pytest.skip("could not import 'torchmetrics'", allow_module_level=True)

from tests.vision.oracle import torch  # it mends torchvision, which torchmetrics imports

_PLACES = ("classification", "regression", "image", "segmentation", "text")


def _import(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


# A package's own names come before the whole's, some of which are deprecated.
_CLASSES = [_import(f"torchmetrics.{place}") for place in _PLACES] + [_import("torchmetrics")]
_FUNCTIONS = [_import(f"torchmetrics.functional.{place}") for place in _PLACES]


def find(name: str) -> Any:
    """torchmetrics' class of this name."""
    return next(getattr(place, name) for place in _CLASSES if hasattr(place, name))


def find_function(name: str) -> Any:
    """torchmetrics' function of this name, or None."""
    return next((getattr(place, name) for place in _FUNCTIONS if callable(getattr(place, name, None))), None)


__all__ = ["find", "find_function", "torch"]
