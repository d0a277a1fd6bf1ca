"""Every function of `fnn.vision.transforms.v2.functional` against torchvision's, for each kind of input."""

import importlib
import inspect
import warnings

import numpy as np
import pytest

from fnn.vision import tv_tensors as T
from fnn.vision.transforms.v2 import functional as F
from tests.vision.oracle import torch
from tests.vision.test_transforms_functional import rounds_alike
from tests.vision.v2_cases import FORMATS, H, W, agree, boxes, kinds, there

TF = importlib.import_module("torchvision.transforms.v2.functional")

pytestmark = pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="PyTorch without AVX2")

FAR = [[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]]
MOVED = [[3, 2], [W - 5, 1], [W - 2, H - 4], [6, H - 1]]
MOVES = ((np.random.default_rng(3).random((1, H, W, 2)) - 0.5) * 0.2).astype(np.float32)
COEFFICIENTS = [1.1, 0.05, -2.0, 0.02, 0.95, 1.0, 0.001, -0.002]

# name: argument lists
CASES = {
    "horizontal_flip": [{}],
    "vertical_flip": [{}],
    "resize": [
        {"size": [11, 40]},
        {"size": 12, "max_size": 14, "antialias": False},
        {"size": None, "max_size": 20, "interpolation": "bicubic"},
        {"size": [40], "interpolation": "nearest"},
        {"size": (9, 8), "interpolation": "nearest-exact"},
        {"size": (9, 47), "interpolation": 3, "antialias": False},
        {"size": (12, 15), "interpolation": "lanczos"},
        {"size": (40, 9), "interpolation": "lanczos"},
        {"size": (31, 9), "interpolation": "bilinear", "antialias": False},
        {"size": (12, 46), "interpolation": "bicubic"},
        {"size": (12, 15), "interpolation": "lanczos", "antialias": None},
        {"size": [H, W]},
        {"size": 8, "interpolation": "best"},
    ],
    "affine": [
        {"angle": 25, "translate": [2, -1], "scale": 1.2, "shear": [5.0, -4.0], "fill": 3},
        {"angle": -10.5, "translate": (0, 3), "scale": 0.7, "shear": 8, "interpolation": "bilinear", "center": [3, 4]},
        {"angle": 0, "translate": [0, 0], "scale": 1.0, "shear": [0.0], "fill": [1.0, 2.0, 3.0]},
        {"angle": 0, "translate": [0, 0], "scale": 0.0, "shear": [0.0]},
        {"angle": 0, "translate": [0], "scale": 1.0, "shear": [0.0]},
    ],
    "rotate": [
        {"angle": 30},
        {"angle": -50.5, "expand": True, "interpolation": "bilinear", "fill": 9},
        {"angle": 90, "expand": True},
        {"angle": 180},
        {"angle": 270},
        {"angle": 360},
        {"angle": 45, "center": [0, 4.5], "fill": [1, 2, 3], "expand": True},
        {"angle": 45, "interpolation": "bicubic"},
    ],
    "pad": [
        {"padding": 2},
        {"padding": [1, 3], "fill": 7},
        {"padding": [1, 2, 3, 4], "fill": [1.0, 2.0, 3.0]},
        {"padding": (2, 0), "padding_mode": "reflect"},
        {"padding": [3], "padding_mode": "symmetric"},
        {"padding": 4, "padding_mode": "edge"},
        {"padding": [1, 2, 3]},
        {"padding": "1"},
        {"padding": 1, "padding_mode": "wrap"},
    ],
    "crop": [
        {"top": 2, "left": 3, "height": 10, "width": 12},
        {"top": -2, "left": 20, "height": 15, "width": 20},
        {"top": 15, "left": -4, "height": 20, "width": 9},
    ],
    "perspective": [
        {"startpoints": FAR, "endpoints": MOVED},
        {"startpoints": FAR, "endpoints": MOVED, "interpolation": "nearest", "fill": 5},
        {"startpoints": None, "endpoints": None, "coefficients": COEFFICIENTS, "fill": [1.0, 2.0, 3.0]},
        {"startpoints": FAR, "endpoints": None},
        {"startpoints": FAR, "endpoints": MOVED, "coefficients": COEFFICIENTS},
        {"startpoints": None, "endpoints": None, "coefficients": [1.0, 1, 0, 1, 1, 0, 0, 0]},
    ],
    "elastic": [
        {"displacement": MOVES},
        {"displacement": MOVES, "interpolation": "nearest", "fill": 4},
        {"displacement": MOVES[:, 1:]},
    ],
    "center_crop": [{"output_size": 10}, {"output_size": [9, 40]}, {"output_size": (40, 35)}, {"output_size": [7]}],
    "resized_crop": [
        {"top": 2, "left": 3, "height": 10, "width": 12, "size": [15, 17]},
        {"top": 0, "left": -3, "height": 20, "width": 12, "size": [8], "interpolation": "nearest", "antialias": False},
    ],
    "five_crop": [{"size": 9}, {"size": [7, 12]}, {"size": 50}],
    "ten_crop": [{"size": [9]}, {"size": [7, 12], "vertical_flip": True}],
    "rgb_to_grayscale": [{}, {"num_output_channels": 3}, {"num_output_channels": 2}],
    "grayscale_to_rgb": [{}],
    "adjust_brightness": [{"brightness_factor": 1.37}, {"brightness_factor": -1}],
    "adjust_contrast": [{"contrast_factor": 1.37}, {"contrast_factor": 0.21}, {"contrast_factor": -1}],
    "adjust_saturation": [{"saturation_factor": 1.73}, {"saturation_factor": 0.3}, {"saturation_factor": -1}],
    "adjust_sharpness": [{"sharpness_factor": 1.73}, {"sharpness_factor": 0.3}, {"sharpness_factor": -1}],
    "adjust_hue": [{"hue_factor": 0.21}, {"hue_factor": -0.5}, {"hue_factor": 0.51}],
    "adjust_gamma": [{"gamma": 0.7}, {"gamma": 2, "gain": 1.5}, {"gamma": -1}],
    "posterize": [{"bits": 3}, {"bits": 0}, {"bits": 8}, {"bits": 9}],
    "solarize": [{"threshold": 0.5}, {"threshold": 100}, {"threshold": 1e9}],
    "autocontrast": [{}],
    "equalize": [{}],
    "invert": [{}],
    "permute_channels": [{"permutation": [2, 0, 1]}, {"permutation": [0]}],
    "gaussian_blur": [
        {"kernel_size": [3, 5]},
        {"kernel_size": 7, "sigma": 1.3},
        {"kernel_size": [5, 5], "sigma": [0.7, 2.0]},
        {"kernel_size": 4},
        {"kernel_size": 3, "sigma": -1.0},
    ],
    "to_dtype": [
        {"dtype": dtype, "scale": s} for dtype in (np.uint8, np.float32, np.int64, np.float64) for s in (0, 1)
    ],
    "normalize": [{"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]}, {"mean": [0.5], "std": [0.0]}],
    "erase": [{"i": 2, "j": 3, "h": 5, "w": 6, "v": np.array([7], np.uint8)}],
    "uniform_temporal_subsample": [{"num_samples": 3}, {"num_samples": 7}, {"num_samples": 1}],
    "get_dimensions": [{}],
    "get_num_channels": [{}],
    "get_size": [{}],
    "get_num_frames": [{}],
}
# PyTorch sums the products of a filter in single precision: where the sum is nearly a half, it may go the other way
ROUNDED = {"gaussian_blur": 1}
WARPS = ("affine", "rotate", "perspective", "elastic")


def outcome(function, *args, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return function(*args, **kwargs), [str(w.message) for w in caught if "alias" in str(w.message)]
        except Exception as error:
            return error, []


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    compared = 0
    for kwargs in CASES[name]:
        for kind, inpt in kinds().items():
            what = f"{name} {kwargs} {kind}"
            theirs, said_there = outcome(getattr(TF, name), there(inpt), **there(kwargs))
            ours, said = outcome(getattr(F, name), inpt, **kwargs)
            if isinstance(theirs, Exception):
                assert isinstance(ours, Exception), f"{what}: {theirs!r}"
                assert isinstance(ours, type(theirs)) or not isinstance(theirs, (ValueError, TypeError)), what
                continue
            if isinstance(ours, Exception):
                raise AssertionError(what) from ours
            assert said == said_there, what
            most, share = ROUNDED.get(name, 0), 0.005
            if name in WARPS and not rounds_alike():  # points on the border of two pixels fall to the other
                most, share = 255, 0.2
            agree(ours, theirs, what, most, share if most else 0.0, close=1e-5)
            compared += 1
    assert compared


def test_every_name_and_signature():
    names = [name for name in dir(TF) if not name.startswith("_") and callable(getattr(TF, name))]
    assert len(names) > 150
    differ = []
    for name in names:
        ours, theirs = getattr(F, name), getattr(TF, name)
        if isinstance(theirs, type):
            continue
        here, then = (inspect.signature(f).parameters.values() for f in (ours, theirs))
        listed = [[(p.name, p.kind, _plain(p.default)) for p in side] for side in (here, then)]
        if listed[0] != listed[1]:
            differ.append((name, listed))
    assert not differ


def _plain(default):
    if isinstance(default, torch.dtype):
        return str(default).removeprefix("torch.")
    return default.__name__ if isinstance(default, type) else getattr(default, "name", default)


@pytest.mark.parametrize("old", FORMATS)
def test_box_formats(old):
    for dtype in (np.float32, np.float64, np.int64):
        if dtype == np.int64 and T.is_rotated_bounding_format(old):
            continue
        typed = boxes(old, dtype)
        for new in FORMATS:
            theirs, _ = outcome(TF.convert_bounding_box_format, there(typed), new_format=new)
            ours, _ = outcome(F.convert_bounding_box_format, typed, new_format=new)
            if isinstance(theirs, Exception):
                assert isinstance(ours, ValueError)
                continue
            agree(ours, theirs, f"{old} {new} {dtype}", close=1e-6)
            plain = np.array(typed)
            result = F.convert_bounding_box_format(plain, old, new.lower(), inplace=True)
            agree(result, theirs.as_subclass(torch.Tensor), f"{old} {new} in place", close=1e-6)
            assert (result is plain) == (result.shape == typed.shape)


@pytest.mark.parametrize("mode", ["soft", "hard", None, "auto"])
def test_clamping(mode):
    rng = np.random.default_rng(5)
    for format in FORMATS:
        for seed in range(6):
            base = np.array(FORMATS[format], np.float64) + rng.normal(0, 9 * (seed > 0), (3, len(FORMATS[format][0])))
            if format == "XYXYXYXY":  # rectangles
                base = F.convert_bounding_box_format(
                    np.array(FORMATS["CXCYWHR"]) + rng.normal(0, 9, (3, 5)), "CXCYWHR", "XYXYXYXY"
                )
            typed = T.BoundingBoxes(base, format=format, canvas_size=(H, W), clamping_mode="hard")
            theirs = TF.clamp_bounding_boxes(there(typed), clamping_mode=mode)
            agree(F.clamp_bounding_boxes(typed, clamping_mode=mode), theirs, f"{format} {mode} {base}", close=1e-8)
            valid, valid_there = F.sanitize_bounding_boxes(typed), TF.sanitize_bounding_boxes(there(typed))
            agree(valid, valid_there, f"sanitize {format}")


def test_points():
    for dtype in (np.float32, np.int64):
        typed = T.KeyPoints(np.array([[-1, 3], [30, 22], [29, 23], [5, 5]], dtype), canvas_size=(H, W))
        for name in ("clamp_keypoints", "sanitize_keypoints"):
            agree(getattr(F, name)(typed), getattr(TF, name)(there(typed)), name)
            plain = np.array(typed)
            agree(getattr(F, name)(plain, (H, W)), getattr(TF, name)(there(plain), (H, W)), name)
            for args in (((typed, (H, W))), (plain,), ("a",)):
                with pytest.raises(ValueError):
                    getattr(F, name)(*args)
