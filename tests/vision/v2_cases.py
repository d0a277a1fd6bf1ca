"""Samples for both libraries, and how their results are compared."""

import collections
import importlib
from typing import Any

import numpy as np
import pytest

from fnn.vision import tv_tensors as T
from tests.vision.oracle import torch  # which makes torchvision importable

Image = pytest.importorskip("PIL.Image")
TT = importlib.import_module("torchvision.tv_tensors")
H, W = 23, 30
FORMATS = {
    "XYXY": [[2, 3, 11, 9], [0, 0, 29, 22], [20, 15, 27, 22]],
    "XYWH": [[2, 3, 9, 6], [0, 0, 29, 22], [20, 15, 7, 7]],
    "CXCYWH": [[7, 6, 9, 5], [14, 11, 28, 22], [23, 18, 7, 7]],
    "XYWHR": [[2.5, 8, 9, 6, 20], [10, 4, 7, 12, -35], [20, 15, 5.5, 4, 100]],
    "CXCYWHR": [[9, 8, 9, 6, 20], [12, 11, 7, 12, -35], [22, 15, 5.5, 4, 100]],
    "XYXYXYXY": [[4, 3, 12, 5, 11, 9, 3, 7], [10, 4, 18, 4, 18, 12, 10, 12], [20, 12, 26, 9, 28, 13, 22, 16]],
}


def pixels(*shape: int, dtype: Any = np.uint8) -> np.ndarray:
    """A smooth ramp and noise, so that every change shows."""
    rng = np.random.default_rng(sum(shape))
    ramp = np.add.outer(np.arange(shape[-2]) * 3, np.arange(shape[-1]) * 4) % 200
    values = (ramp + rng.integers(0, 56, shape)).astype(np.uint8)
    if np.dtype(dtype).kind == "f":
        return (values / 255).astype(dtype)
    return values.astype(dtype) * (100 if dtype == np.int16 else 1)


def boxes(format: str, dtype: Any = np.float32, mode: str | None = "soft") -> T.BoundingBoxes:
    return T.BoundingBoxes(np.array(FORMATS[format], dtype), format=format, canvas_size=(H, W), clamping_mode=mode)


def points(dtype: Any = np.float32) -> T.KeyPoints:
    return T.KeyPoints(np.array([[[1, 2], [29, 22]], [[7.5, 3.25], [12, 20]]], dtype), canvas_size=(H, W))


def kinds() -> dict[str, Any]:
    """One input of each kind."""
    image = pixels(3, H, W)
    found = {
        "uint8": T.Image(image),
        "grey": T.Image(image[:1]),
        "int16": T.Image(pixels(3, H, W, dtype=np.int16)),
        "float32": T.Image(pixels(3, H, W, dtype=np.float32)),
        "float64": T.Image(pixels(2, 3, H, W, dtype=np.float64)),
        "bool": T.Image(image > 99),
        "negative": T.Image(pixels(3, H, W).astype(np.int32) - 99),
        "wild": T.Image((np.random.default_rng(1).normal(0, 2, (3, H, W))).astype(np.float32)),
        "flat": T.Image(np.full((2, 3, H, W), 7, np.uint8)),
        "plain": image,
        "video": T.Video(pixels(4, 3, H, W)),
        "pil": Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))),
        "mask": T.Mask(pixels(H, W) // 64),
        "masks": T.Mask(pixels(2, H, W) > 99),
        "points": points(),
        "points-int": points(np.int64),
    }
    found |= {format: boxes(format) for format in FORMATS}
    found |= {f"{format}-int": boxes(format, np.int64) for format in ("XYXY", "XYWH", "CXCYWH")}
    return found | {"hard": boxes("XYXYXYXY", mode="hard"), "free": boxes("XYWHR", np.float64, mode=None)}


def there(value: Any) -> Any:
    """The same for torchvision."""
    if isinstance(value, T.BoundingBoxes):
        format = TT.BoundingBoxFormat[value.format.name]
        known = {"format": format, "canvas_size": value.canvas_size, "clamping_mode": value.clamping_mode}
        return TT.BoundingBoxes(torch.tensor(np.asarray(value)), **known)
    if isinstance(value, T.KeyPoints):
        return TT.KeyPoints(torch.tensor(np.asarray(value)), canvas_size=value.canvas_size)
    if isinstance(value, T.TVTensor):
        return getattr(TT, type(value).__name__)(torch.tensor(np.asarray(value)))
    if isinstance(value, np.ndarray):
        return torch.tensor(value)
    if isinstance(value, (np.dtype, type)) and value in (np.float32, np.float64, np.uint8, np.int32, np.int64):
        return getattr(torch, np.dtype(value).name)
    if isinstance(value, dict):
        return type(value)((key, there(part)) for key, part in value.items())
    if isinstance(value, (tuple, list)):
        parts = [there(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def agree(ours: Any, theirs: Any, what: str, most: int = 0, share: float = 0.0, close: float = 1e-5) -> None:
    """Equal kinds and metadata, equal values: integers exactly, or for a ``share`` of them up to ``most`` apart."""
    if isinstance(theirs, (tuple, list)) and not isinstance(theirs, torch.Tensor):
        assert type(ours) is type(theirs) and len(ours) == len(theirs), what
        for a, b in zip(ours, theirs, strict=True):
            agree(a, b, what, most, share, close)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs), what
        for key in theirs:
            agree(ours[key], theirs[key], f"{what}[{key}]", most, share, close)
    elif isinstance(theirs, torch.Tensor):
        name = "ndarray" if type(theirs) is torch.Tensor else type(theirs).__name__
        assert type(ours).__name__ == name, what
        for field in ("canvas_size", "clamping_mode"):
            assert getattr(ours, field, None) == getattr(theirs, field, None), what
        if hasattr(theirs, "format"):
            assert ours.format.name == theirs.format.name, what
        close_arrays(np.asarray(ours), theirs.as_subclass(torch.Tensor).numpy(), what, most, share, close)
    elif isinstance(theirs, Image.Image):
        assert (ours.mode, ours.size) == (theirs.mode, theirs.size), what
        close_arrays(np.asarray(ours), np.asarray(theirs), what, most, share, close)
    else:
        assert ours == theirs, what


def close_arrays(ours: np.ndarray, theirs: np.ndarray, what: str, most: int, share: float, close: float) -> None:
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), f"{what}: {ours.dtype} {ours.shape}"
    if theirs.dtype.kind == "f":
        scale = max(1.0, float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0)))
        differ = ~np.isclose(ours, theirs, close, close * scale, equal_nan=True)
        assert not differ.any() or differ.mean() <= share, (
            f"{what}: {ours[differ][:5]} {theirs[differ][:5]} {differ.mean()}"
        )
        return
    difference = np.abs(ours.astype(np.int64) - theirs.astype(np.int64))
    assert difference.max(initial=0) <= most, f"{what}: {difference.max()} apart at {(difference > 0).mean()}"
    assert not difference.size or (difference > 0).mean() <= share, f"{what}: {(difference > 0).mean()}"


Pair = collections.namedtuple("Pair", ["first", "second"])
