"""`make_grid` and `save_image`: torchvision's pixels."""

import io
import os
import re
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn
from fnn.vision.utils import make_grid, save_image

NUMBERS = np.random.default_rng(0)
BATCH = NUMBERS.standard_normal((7, 3, 5, 4)).astype(np.float32)
GREY = NUMBERS.random((5, 1, 3, 6)).astype(np.float32)

CASES = [
    (BATCH, {}),
    (BATCH, {"nrow": 3}),
    (BATCH, {"nrow": 7, "padding": 0}),
    (BATCH, {"nrow": 100, "padding": 5, "pad_value": 0.7}),
    (BATCH, {"normalize": True}),
    (BATCH, {"normalize": True, "scale_each": True, "nrow": 2, "pad_value": 1}),
    (BATCH, {"normalize": True, "value_range": (-1, 1)}),
    (BATCH, {"normalize": True, "value_range": (-0.3, 0.4), "scale_each": True}),
    (BATCH, {"value_range": (-1, 1)}),
    (np.ones((2, 3, 2, 2), np.float32), {"normalize": True}),
    (BATCH.astype(np.float16), {"normalize": True, "scale_each": True}),
    ((BATCH * 50).astype(np.int32), {"pad_value": 3.9}),
    ((GREY * 255).astype(np.uint8), {}),
    (GREY, {"nrow": 2}),
    (GREY, {"nrow": 2, "normalize": True}),
    (BATCH[:, :2], {}),
    (BATCH[:1], {"padding": 4}),
    (GREY[:1], {}),
    (BATCH[0], {"normalize": True}),
    (GREY[0], {}),
    (GREY[0, 0], {}),
    (list(BATCH), {"nrow": 3}),
    (list(GREY[:, 0]), {}),
    ([GREY[0]], {}),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_grid(case):
    pytest.importorskip("torch")
    from tests.vision.oracle import torch, torchvision

    value, kwargs = CASES[case]
    before = [np.array(v) for v in value]
    theirs = [torch.tensor(v) for v in value] if isinstance(value, list) else torch.tensor(value)
    ours = [jnp.asarray(v) for v in value] if isinstance(value, list) else jnp.asarray(value)
    expected = torchvision.utils.make_grid(theirs, **kwargs).numpy()
    for given in (ours, value):
        grid = make_grid(given, **kwargs)
        assert grid.dtype == expected.dtype
        np.testing.assert_array_equal(np.asarray(grid), expected)
    assert all(np.array_equal(a, b) for a, b in zip(before, value, strict=True))


def test_the_layout():
    images = jnp.arange(1, 4, dtype=jnp.float32).reshape(3, 1, 1, 1)
    row = [[0, 0, 0, 0, 0], [0, 1, 0, 2, 0], [0, 0, 0, 0, 0], [0, 3, 0, 0, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(np.asarray(make_grid(images, nrow=2, padding=1)), [row] * 3)
    assert make_grid(nn.Parameter(images)).shape == (3, 5, 11)
    assert make_grid(images.astype(jnp.bfloat16), normalize=True).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("value", "kwargs", "error", "text"),
    [
        ("x", {}, TypeError, "tensor or list of tensors expected, got <class 'str'>"),
        ((BATCH[0],), {}, TypeError, "tensor or list of tensors expected, got <class 'tuple'>"),
        ([BATCH[0], 1], {}, TypeError, "got a list containing <class 'int'>"),
        ([], {}, ValueError, "at least one image"),
        ([BATCH[0], GREY[0]], {}, ValueError, "all of one shape, got shapes [(3, 5, 4), (1, 3, 6)]"),
        (BATCH[None], {}, ValueError, "got shape (1, 7, 3, 5, 4)"),
        (BATCH[:0], {}, ValueError, "got shape (0, 3, 5, 4)"),
        (BATCH, {"nrow": 0}, ValueError, "nrow must be at least 1, got nrow=0"),
        (BATCH, {"padding": -1}, ValueError, "padding must be at least 0, got padding=-1"),
        (BATCH, {"normalize": True, "value_range": [0, 1]}, TypeError, "value_range has to be a tuple (min, max)"),
        (BATCH.astype(np.int32), {"normalize": True}, TypeError, "normalize=True needs a floating dtype, got int32"),
    ],
)
def test_what_is_refused(value, kwargs, error, text):
    with pytest.raises(error, match=re.escape(text)):
        make_grid(value, **kwargs)


@pytest.mark.parametrize("value", [GREY, BATCH, BATCH[0], NUMBERS.random((2, 4, 3, 3)).astype(np.float16)])
@pytest.mark.parametrize("kwargs", [{}, {"normalize": True, "nrow": 2}])
def test_saved_pixels(value, kwargs, tmp_path):
    pytest.importorskip("torch")
    from PIL import Image

    from tests.vision.oracle import torch, torchvision

    torchvision.utils.save_image(torch.tensor(value), tmp_path / "theirs.png", **kwargs)
    save_image(jnp.asarray(value), tmp_path / "ours.png", **kwargs)
    with Image.open(tmp_path / "theirs.png") as theirs, Image.open(tmp_path / "ours.png") as ours:
        assert ours.mode == theirs.mode
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_where_pictures_go(tmp_path):
    from PIL import Image

    picture = jnp.ones((3, 2, 2)) * 0.5
    save_image(picture, str(tmp_path / "a.JPG"))
    save_image(picture, tmp_path / "no_suffix", format="bmp")
    file = io.BytesIO()
    save_image(picture, file, format="png")
    formats = {}
    for name in ("a.JPG", "no_suffix"):
        with Image.open(tmp_path / name) as image:
            formats[name] = image.format
    assert formats == {"a.JPG": "JPEG", "no_suffix": "BMP"} and file.getvalue().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"unknown file extension: '.xyz'"):
        save_image(picture, tmp_path / "a.xyz")
    with pytest.raises(TypeError, match=r"save_image: expected floating values from 0 to 1, got dtype=uint8"):
        save_image(picture.astype(jnp.uint8), tmp_path / "a.png")
    assert sorted(os.listdir(tmp_path)) == ["a.JPG", "no_suffix"]


def test_without_pillow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"pip install \"fnn\[vision\]\""):
        save_image(jnp.ones((3, 2, 2)), tmp_path / "a.png")
