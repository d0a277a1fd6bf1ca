"""torchmetrics as the oracle; tests that need it skip where it or torch is missing."""

import importlib.util
import warnings

import pytest

pytest.importorskip("torch")
if importlib.util.find_spec("torchmetrics") is None:  # importing it before torchvision is mended would fail
    pytest.skip("could not import 'torchmetrics'", allow_module_level=True)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torchmetrics
    import torchmetrics.classification
    import torchmetrics.functional.classification
    import torchmetrics.functional.image
    import torchmetrics.functional.regression
    import torchmetrics.functional.segmentation
    import torchmetrics.functional.text
    import torchmetrics.image
    import torchmetrics.segmentation
    import torchmetrics.text

    from tests.vision.oracle import torch, torchvision  # before torchmetrics, which imports torchvision too

__all__ = ["find", "find_function", "torch", "torchmetrics", "torchvision"]


def find(name: str) -> type:
    """torchmetrics' class of this name."""
    tm = torchmetrics
    places = (tm.classification, tm.image, tm.segmentation, tm.text, tm)
    return next(getattr(place, name) for place in places if hasattr(place, name))


def find_function(name: str):
    """torchmetrics' function of this name, or None."""
    f = torchmetrics.functional
    for place in (f.classification, f.regression, f.segmentation, f.text, f.image):
        if callable(getattr(place, name, None)):
            return getattr(place, name)
    return None
