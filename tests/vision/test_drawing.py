"""Boxes, masks, points and flows on pictures: torchvision's pixels."""

import re
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from fnn.vision import utils

NUMBERS = np.random.default_rng(0)
BYTES = NUMBERS.integers(0, 256, (3, 40, 50), np.uint8)
FLOATS = NUMBERS.random((3, 40, 50)).astype(np.float32)
GREY = BYTES[:1]
BOXES = np.array([[3, 4, 30, 20], [10.7, 8.2, 45, 39], [0, 0, 5, 5]])
ROTATED = np.array([[10, 5, 30, 12, 25, 30, 5, 22], [20, 20, 40, 20, 40, 35, 20, 35]])
MASKS = NUMBERS.random((3, 40, 50)) > 0.7
POINTS = NUMBERS.integers(3, 36, (2, 4, 2)).astype(np.float32)
SEEN = np.array([[True, False, True, True], [True, True, True, False]])
LINES = [(0, 1), (1, 2), (0, 3)]
FLOW = NUMBERS.standard_normal((2, 2, 6, 7)).astype(np.float32)

CASES = [
    ("draw_bounding_boxes", (BYTES, BOXES), {}),
    ("draw_bounding_boxes", (FLOATS, BOXES), {"colors": "red", "width": 3, "fill": True}),
    ("draw_bounding_boxes", (FLOATS.astype(np.float64), BOXES), {"colors": ["red", (1, 2, 3), "#ff00ff", "blue"]}),
    ("draw_bounding_boxes", (GREY, BOXES), {"labels": ["a cat", None, "dog"], "colors": (9, 200, 30)}),
    ("draw_bounding_boxes", (BYTES, BOXES), {"labels": ["a", "b", "c"], "fill_labels": True, "width": 2}),
    (
        "draw_bounding_boxes",
        (BYTES, BOXES),
        {"labels": ["a", "b", "c"], "label_colors": "white", "label_background_colors": "red", "fill_labels": True},
    ),
    ("draw_bounding_boxes", (BYTES, BOXES), {"labels": ["a", "b", "c"], "label_colors": ["red", "lime", "blue"]}),
    ("draw_bounding_boxes", (BYTES, ROTATED), {"colors": "lime", "width": 2}),
    ("draw_bounding_boxes", (BYTES, ROTATED), {"fill": True, "labels": ["a", "b"]}),
    ("draw_bounding_boxes", (BYTES, BOXES[:0]), {}),
    ("draw_segmentation_masks", (BYTES, MASKS), {}),
    ("draw_segmentation_masks", (BYTES, MASKS[0]), {"alpha": 0.3, "colors": "orange"}),
    ("draw_segmentation_masks", (FLOATS, MASKS), {"colors": [(255, 0, 9), "blue", "lime"], "alpha": 0.55}),
    ("draw_segmentation_masks", (FLOATS.astype(np.float64), MASKS), {"alpha": 1.0}),
    ("draw_segmentation_masks", (BYTES, MASKS[:0]), {}),
    ("draw_keypoints", (BYTES, POINTS), {}),
    ("draw_keypoints", (FLOATS, POINTS), {"connectivity": LINES, "colors": "red", "radius": 3, "width": 1}),
    ("draw_keypoints", (BYTES, POINTS), {"connectivity": LINES, "visibility": SEEN, "colors": (1, 2, 200)}),
    ("draw_keypoints", (BYTES, POINTS), {"visibility": SEEN[..., None]}),
    ("flow_to_image", (FLOW,), {}),
    ("flow_to_image", (FLOW[0],), {}),
    ("flow_to_image", (np.zeros((2, 3, 3), np.float32),), {}),
    ("flow_to_image", (np.array([[[-1.0, 0, 1, 0, -1]], [[0.0, 1, 0, -1, -0.0]]], np.float32),), {}),
]


@pytest.mark.parametrize(("name", "arrays", "how"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)])
def test_pixels(name, arrays, how):
    pytest.importorskip("torch")
    from tests.vision.oracle import torch, torchvision

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = {key: torch.tensor(v) if isinstance(v, np.ndarray) else v for key, v in how.items()}
        expected = getattr(torchvision.utils, name)(*map(torch.tensor, arrays), **given).numpy()
    before = [array.copy() for array in arrays]
    empty = len(arrays) == 2 and len(arrays[1]) == 0
    for convert in (np.asarray, jnp.asarray):
        if convert is jnp.asarray and arrays[0].dtype == np.float64:
            continue
        if empty:
            with pytest.warns(UserWarning, match="doesn't contain any"):
                found = getattr(utils, name)(*map(convert, arrays), **how)
        else:
            found = getattr(utils, name)(*map(convert, arrays), **how)
        if name == "flow_to_image":  # arcus tangents of other libraries
            assert np.abs(np.asarray(found, int) - expected).max() <= 1
            assert (np.asarray(found) != expected).mean() < 0.02
        elif expected.dtype == np.float64:
            np.testing.assert_allclose(np.asarray(found), expected, atol=1e-6)
        elif name == "draw_segmentation_masks":
            np.testing.assert_allclose(np.asarray(found), expected, atol=1e-6)
        else:
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(np.asarray(found), expected)
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays, strict=True))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: utils.draw_bounding_boxes("x", BOXES), TypeError, "image must be an array, got <class 'str'>"),
        (lambda: utils.draw_bounding_boxes(BYTES.astype(int), BOXES), ValueError, "uint8 or float, got int64"),
        (lambda: utils.draw_bounding_boxes(BYTES[None], BOXES), ValueError, "not batches; got shape (1, 3, 40, 50)"),
        (lambda: utils.draw_bounding_boxes(BYTES[:2], BOXES), ValueError, "Only grayscale and RGB images"),
        (lambda: utils.draw_bounding_boxes(BYTES, BOXES[:, ::-1]), ValueError, "(xmin, ymin, xmax, ymax) format"),
        (lambda: utils.draw_bounding_boxes(BYTES, BOXES, ["a"]), ValueError, "boxes (3) and labels (1) mismatch"),
        (lambda: utils.draw_bounding_boxes(BYTES, BOXES, colors=["red"]), ValueError, "but got 1 < 3"),
        (lambda: utils.draw_bounding_boxes(BYTES, BOXES, colors=3), ValueError, "must be a tuple or a string"),
        (lambda: utils.draw_bounding_boxes(BYTES, BOXES, colors=(1, 2)), ValueError, "should be an RGB triplet"),
        (lambda: utils.draw_segmentation_masks(GREY, MASKS), ValueError, "Only RGB images are supported"),
        (lambda: utils.draw_segmentation_masks(BYTES, MASKS[None]), ValueError, "masks must be of shape"),
        (lambda: utils.draw_segmentation_masks(BYTES, MASKS * 1), ValueError, "must be of dtype bool. Got int64"),
        (lambda: utils.draw_segmentation_masks(BYTES, MASKS[:, 1:]), ValueError, "got (40, 50) and (39, 50)"),
        (lambda: utils.draw_keypoints(BYTES, POINTS[0]), ValueError, "must be of shape (num_instances, K, 2)"),
        (lambda: utils.draw_keypoints(BYTES, POINTS, visibility=SEEN[0]), ValueError, "Got ndim=1"),
        (lambda: utils.draw_keypoints(BYTES, POINTS, visibility=SEEN[:, 1:]), ValueError, "visibility.shape=(2, 3)"),
        (lambda: utils.flow_to_image(FLOW.astype(np.float64)), ValueError, "should be of dtype float32, got float64"),
        (lambda: utils.flow_to_image(FLOW[:, :1]), ValueError, "got (2, 1, 6, 7)"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=re.escape(words)):
        call()
