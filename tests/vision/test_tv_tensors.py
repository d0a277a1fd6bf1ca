"""Typed arrays: what they hold, keep and lose."""

import copy
import importlib
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError
from fnn.vision import tv_tensors as T
from tests.vision.oracle import torch
from tests.vision.v2_cases import Image, boxes, points

TT = importlib.import_module("torchvision.tv_tensors")


def of_each():
    return [
        T.Image(np.arange(12, dtype=np.uint8).reshape(3, 2, 2)),
        T.Video(np.ones((2, 3, 4, 4), np.float32)),
        T.Mask([[True, False]]),
        boxes("XYXY"),
        boxes("CXCYWHR", np.float64, mode=None),
        points(),
    ]


def known(array):
    return {name: getattr(array, name) for name in ("format", "canvas_size", "clamping_mode") if hasattr(array, name)}


@pytest.mark.parametrize("array", of_each(), ids=lambda array: type(array).__name__)
def test_copies_keep_the_class_and_computing_loses_it(array):
    plain = np.asarray(array)
    kept = [array.copy(), copy.copy(array), copy.deepcopy(array), T.wrap(plain * 1, like=array)]
    kept += [pickle.loads(pickle.dumps(array, protocol)) for protocol in (2, 5)]
    for same in kept:
        assert type(same) is type(array) and known(same) == known(array)
        np.testing.assert_array_equal(np.asarray(same), plain)
    assert type(array.astype(np.float64)) is type(array) and known(array.astype(np.float64)) == known(array)
    lost = [array == 1, array[0], array[..., :1], array.reshape(-1), np.stack([array, array]), array.T, np.sort(array)]
    lost += [array.transpose(), np.where(plain, array, 0), np.concatenate((array, array))]
    lost += [np.asarray(part) if isinstance(part, np.generic) else part for part in array]
    assert known(array.real) == known(array)
    for result in lost:
        assert type(result) is np.ndarray
    assert isinstance(array.sum(), np.generic)
    with T.set_return_type("TVTensor"):
        for result in (array == 1, array[:1], np.stack([array])):
            assert type(result) is type(array) and known(result) == known(array)
    assert type(array == 1) is np.ndarray


def test_in_place():
    image = of_each()[0]
    before = image
    image += 1
    assert type(image) is np.ndarray and np.shares_memory(image, before) and before[0, 0, 0] == 1
    before[0] = 9
    assert isinstance(before, T.Image) and (np.asarray(before)[0] == 9).all()


def test_a_leaf_and_an_argument():
    for array in of_each():
        assert jax.tree.leaves({"a": array})[0] is array
        np.testing.assert_allclose(fnn.jit(lambda x: x * 2)(array), np.asarray(array) * 2)
        assert isinstance(jnp.asarray(array), jax.Array)


def test_buffers_of_pickles_are_not_copied():
    buffers = []
    pickle.dumps(T.Image(np.zeros((3, 64, 64), np.uint8)), protocol=5, buffer_callback=buffers.append)
    assert [buffer.raw().nbytes for buffer in buffers] == [3 * 64 * 64]


NEW = [
    lambda X, a: X.Image(a([[1, 2]])),
    lambda X, a: X.Image([[1.5]]),
    lambda X, a: X.Image(Image.new("RGB", (3, 2), (1, 2, 3))),
    lambda X, a: X.Mask(Image.new("L", (3, 2), 7)),
    lambda X, a: X.Mask([True, False]),
    lambda X, a: X.Video(a(np.ones((1, 3, 2, 2)))),
    lambda X, a: X.BoundingBoxes([1, 2, 3, 4], format="xywh", canvas_size=(5, 6)),
    lambda X, a: X.BoundingBoxes([[1.0, 2, 3, 4]], format="CXCYWH", canvas_size=(5, 6), clamping_mode=None),
    lambda X, a: X.BoundingBoxes(
        a(np.float32([[1, 2, 3, 4, 5]])), format="XYWHR", canvas_size=(5, 6), clamping_mode="hard"
    ),
    lambda X, a: X.KeyPoints([1, 2], canvas_size=(5, 6)),
    lambda X, a: X.KeyPoints([[[1.0, 2], [3, 4]]], canvas_size=(5, 6)),
    lambda X, a: X.Image([1, 2]),
    lambda X, a: X.Video(a(np.ones((3, 2, 2)))),
    lambda X, a: X.BoundingBoxes([[1, 2, 3, 4, 5]], format="XYWHR", canvas_size=(5, 6)),
    lambda X, a: X.BoundingBoxes([[[1, 2, 3, 4]]], format="XYXY", canvas_size=(5, 6)),
    lambda X, a: X.BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(5, 6), clamping_mode="auto"),
    lambda X, a: X.KeyPoints([[1, 2, 3]], canvas_size=(5, 6)),
    lambda X, a: X.set_return_type("array"),
    lambda X, a: X.is_rotated_bounding_format(3),
]


@pytest.mark.parametrize("make", NEW)
def test_made_and_refused_as_torchvisions(make):
    try:
        theirs = make(TT, torch.tensor)
    except ValueError:
        with pytest.raises(ArgumentError):
            make(T, np.array)
        return
    ours = make(T, np.array)
    assert (type(ours).__name__, ours.shape) == (type(theirs).__name__, tuple(theirs.shape))
    assert f"torch.{ours.dtype}" == str(theirs.dtype)
    np.testing.assert_array_equal(np.asarray(ours), theirs.as_subclass(torch.Tensor).numpy())
    assert {k: getattr(v, "name", v) for k, v in known(ours).items()} == {
        k: getattr(v, "name", v) for k, v in known(theirs).items()
    }


def test_arguments_of_devices():
    image = T.Image(jnp.ones((3, 2, 2)), dtype=np.uint8, device="cpu", requires_grad=False)
    assert isinstance(image, np.ndarray) and image.dtype == np.uint8
    for kwargs in ({"device": "cuda"}, {"requires_grad": True}):
        with pytest.raises(ArgumentError, match=next(iter(kwargs))):
            T.Image(np.ones((3, 2, 2)), **kwargs)
    with pytest.raises(ArgumentError, match="format should be one of"):
        T.BoundingBoxes([[1, 2, 3, 4]], format="XY", canvas_size=(5, 6))
    with pytest.raises(ArgumentError, match="like must be a TVTensor"):
        T.wrap(np.ones(3), like=np.ones(3))


def test_every_public_name_is_there():
    names = {name for name, value in vars(TT).items() if not name.startswith("_") and callable(value)}
    assert names <= set(dir(T))
    assert repr(boxes("XYXY")[:1]).startswith("array") and "canvas_size=(23, 30)" in repr(boxes("XYXY"))
