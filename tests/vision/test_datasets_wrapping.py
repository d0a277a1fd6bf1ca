"""Data sets wrapped for `fnn.vision.transforms.v2` give torchvision's samples."""

import importlib
import os
import pickle
import types

import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError
from fnn.vision import datasets
from fnn.vision import tv_tensors as T
from fnn.vision.datasets._runs import decoded
from fnn.vision.transforms import v2
from tests.vision.dataset_cases import MORE
from tests.vision.oracle import torch, torchvision
from tests.vision.v2_cases import Image, agree, pixels

V = importlib.import_module("torchvision.transforms.v2")
IMAGE = Image.fromarray(pixels(20, 24))
MASK = Image.fromarray((pixels(20, 24) // 60).astype(np.uint8))
ROWS = [
    {"bbox": [1.5, 2, 8, 9], "category_id": 3, "area": 7.0, "iscrowd": 0, "image_id": 5, "segmentation": [[]]},
    {"bbox": [3, 4, 5, 6], "category_id": 1, "area": 9.0, "iscrowd": 1, "image_id": 5, "segmentation": [[]]},
]
BOX = {"xmin": "1", "ymin": "2", "xmax": "9", "ymax": "8"}
OBJECTS = {"annotation": {"folder": "x", "object": [{"name": "cat", "bndbox": BOX}, {"name": "sofa", "bndbox": BOX}]}}
KITTI = [
    {"type": "Van", "bbox": [1.0, 2, 3, 4], "alpha": 0.5},
    {"type": "DontCare", "bbox": [0.0, 0, 9, 9], "alpha": 1},
]
FACES = {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "blur": [0, 1]}
INSTANCES = Image.fromarray(np.array([[7, 7, 26001], [26001, 24000, 0]], np.int32))
CLIPS = types.SimpleNamespace(output_format="TCHW")

# (class, attributes, sample, target_keys)
CASES = [
    ("CIFAR10", {}, (IMAGE, 3), None),
    ("ImageFolder", {}, (IMAGE, 3), None),
    ("CocoCaptions", {}, (IMAGE, ["a cat"]), None),
    ("CocoDetection", {"ids": [5]}, (IMAGE, ROWS), None),
    ("CocoDetection", {"ids": [5]}, (IMAGE, []), None),
    ("CocoDetection", {"ids": [5]}, (IMAGE, ROWS), ["boxes", "area", "iscrowd", "category_id"]),
    ("CocoDetection", {"ids": [5]}, (IMAGE, ROWS), ["other"]),
    ("VOCDetection", {}, (IMAGE, OBJECTS), None),
    ("VOCDetection", {}, (IMAGE, OBJECTS), "all"),
    ("VOCSegmentation", {}, (IMAGE, MASK), None),
    ("VOCSegmentation", {}, (IMAGE, MASK), ["boxes"]),
    ("SBDataset", {"mode": "segmentation"}, (IMAGE, MASK), None),
    ("SBDataset", {"mode": "boundaries"}, (IMAGE, MASK), None),
    ("Kitti", {}, (IMAGE, KITTI), None),
    ("Kitti", {}, (IMAGE, KITTI), ("labels", "alpha")),
    ("Kitti", {}, (IMAGE, None), None),
    ("WIDERFace", {}, (IMAGE, FACES), ["bbox", "blur"]),
    ("CelebA", {"target_type": ["bbox", "identity"]}, (IMAGE, (np.array([1, 2, 3, 4]), 9)), None),
    ("CelebA", {"target_type": ["attr"]}, (IMAGE, 0), None),
    ("OxfordIIITPet", {"_target_types": ["segmentation", "category"]}, (IMAGE, (MASK, 3)), None),
    ("OxfordIIITPet", {"_target_types": ["category"]}, (IMAGE, 3), None),
    ("Cityscapes", {"target_type": ["semantic"]}, (IMAGE, MASK), None),
    ("Cityscapes", {"target_type": ["instance", "semantic"]}, (IMAGE, (INSTANCES, MASK)), None),
    ("Cityscapes", {"target_type": ["polygon"]}, (IMAGE, {}), None),
    ("Kinetics", {"video_clips": CLIPS}, (pixels(2, 3, 4, 5), np.zeros((1, 3)), 2), None),
    ("UCF101", {"video_clips": types.SimpleNamespace(output_format="THWC")}, (None, None, 2), None),
    ("Caltech101", {"target_type": ["annotation"]}, (IMAGE, 3), None),
    ("Caltech101", {"target_type": ["category"]}, (IMAGE, 3), None),
    ("FakeData", {}, (IMAGE, 3), None),
    ("CIFAR10", {}, (IMAGE, 3), 3),
]


def stand_in(base, attributes, sample, transforms=None):
    """A data set of a class derived from ``base`` that reads no file."""

    class Own(base):
        def __init__(self):
            vars(self).update(attributes, transforms=transforms, transform=None, target_transform=None)

        def __getitem__(self, index):
            return sample

        def __len__(self):
            return 1

    return Own()


@pytest.mark.parametrize(
    ("name", "attributes", "sample", "keys"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)]
)
def test_samples(name, attributes, sample, keys, monkeypatch):
    if not hasattr(datasets, name):
        monkeypatch.setattr(datasets, name, type(name, (datasets.VisionDataset,), {}), raising=False)
    base, base_there = getattr(datasets, name), getattr(torchvision.datasets, name)
    sample_there = (torch.tensor(sample[0]), *sample[1:]) if isinstance(sample[0], np.ndarray) else sample
    if name == "CelebA" and isinstance(sample[1], tuple):
        sample_there = (IMAGE, (torch.tensor(sample[1][0]), 9))
    try:
        theirs = torchvision.datasets.wrap_dataset_for_transforms_v2(
            stand_in(base_there, attributes, sample_there), keys
        )
        theirs = theirs[0]
    except (ValueError, RuntimeError, TypeError) as error:
        with pytest.raises(type(error)):
            datasets.wrap_dataset_for_transforms_v2(stand_in(base, attributes, sample), keys)
        return
    wrapped = datasets.wrap_dataset_for_transforms_v2(stand_in(base, attributes, sample), keys)
    assert isinstance(wrapped, base) and len(wrapped) == 1
    ours = wrapped[0]
    if isinstance(ours[1], dict):
        assert list(map(type, sorted(ours[1]))) and set(ours[1]) == set(theirs[1])
        ours = (ours[0], {key: ours[1][key] for key in theirs[1]})
    same_but_plain(ours, theirs)


def same_but_plain(ours, theirs):
    """As `agree`; arrays that are no tensors there stay arrays here."""
    if isinstance(theirs, np.ndarray):
        np.testing.assert_array_equal(ours, theirs)
    elif isinstance(theirs, (tuple, list)) and not isinstance(theirs, torch.Tensor):
        for a, b in zip(ours, theirs, strict=True):
            same_but_plain(a, b)
    else:
        agree(ours, theirs, "sample")


@pytest.mark.parametrize(
    "case", ["Kitti", "Kitti-test", "Cityscapes", "WIDERFace", "CelebA-all", "SBDataset", "Caltech256", "Imagenette"]
)
def test_samples_from_files(case, tmp_path, monkeypatch):
    """Of the data sets that have readers, wrapped: what torchvision makes of the same files."""
    name, listed = case.partition("-")[0], os.listdir
    monkeypatch.setattr(os, "listdir", lambda *args: sorted(listed(*args)))
    how, known = MORE[case](tmp_path)
    if name == "Cityscapes":
        how["target_type"] = ["instance", "semantic"]
    for package in (datasets, torchvision.datasets):
        for key, value in known.items():
            monkeypatch.setattr(getattr(package, name), key, value)
    ours, theirs = (
        package.wrap_dataset_for_transforms_v2(getattr(package, name)(str(tmp_path), **how))
        for package in (datasets, torchvision.datasets)
    )
    assert len(ours) == len(theirs) > 1
    for i in range(len(theirs)):
        image, target = ours[i]
        if case == "Kitti" and i == 0:  # nothing is in it, of which torchvision's wrapper knows no box
            assert target["boxes"].shape == (0, 4) and target["labels"].shape == (0,)
            continue
        picture, expected = theirs[i]
        np.testing.assert_array_equal(np.asarray(image), np.asarray(picture))
        if isinstance(expected, dict):
            assert set(target) == set(expected)
            target = {key: target[key] for key in expected}
        same_but_plain(target, expected)


class Pictures(datasets.ImageFolder):
    """Of a module, so that it pickles."""

    def __init__(self):
        transforms = v2.Compose([v2.ToImage(), v2.RandomHorizontalFlip(1.0)])
        vars(self).update(transforms=transforms, transform=None, target_transform=None, classes=["a"])

    def __getitem__(self, index):
        assert self.transforms is None
        return IMAGE, index

    def __len__(self):
        return 3


def test_transforms_and_workers():
    wrapped = datasets.wrap_dataset_for_transforms_v2(Pictures())
    assert type(wrapped).__name__ == "WrappedPictures" and wrapped.classes == ["a"]
    expected = np.asarray(IMAGE)[None, :, ::-1]
    for dataset in (wrapped, pickle.loads(pickle.dumps(wrapped))):
        image, target = dataset[2]
        assert isinstance(image, T.Image) and target == 2
        np.testing.assert_array_equal(np.asarray(image), expected)
    assert not hasattr(wrapped, "missing")
    batch, _ = next(iter(fnn.utils.data.DataLoader(wrapped, batch_size=3)))
    np.testing.assert_array_equal(np.asarray(batch)[1], expected)


def test_masks_of_coco():
    """Recorded from pycocotools."""
    triangle = decoded([[1, 1, 6, 1, 1, 6]], (7, 8))
    assert triangle.tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
    runs = [8, 4, 3, 3, 4, 2, 5, 1, 26]
    for counts in (runs, "843O1O1Oe0"):
        np.testing.assert_array_equal(decoded({"size": [7, 8], "counts": counts}, (7, 8)), triangle)
    two = decoded([[0, 0, 2, 0, 2, 2, 0, 2], [5, 5, 8, 5, 8, 7, 5, 7]], (7, 8))
    assert two.sum() == 4 + 6 and two[6, 7] == 1
    bad = [
        3,
        [[1, 2, 3, 4]],
        [[1, 2, 3]],
        {"size": [7, 8], "counts": [3]},
        {"counts": runs},
        {"size": 3, "counts": runs},
    ]
    bad += [{"size": [7, 8], "counts": c} for c in ("~", "ooooooooooooo", None, [-1, 57], 5)] + [
        [[0, 0, float("nan")] * 2]
    ]
    for segmentation in bad:
        with pytest.raises(ArgumentError, match="COCO segmentation"):
            decoded(segmentation, (7, 8))
