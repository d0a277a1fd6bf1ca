"""Data sets of picture files: torchvision's samples from the same files, downloads, and files not to be trusted."""

import bz2
import importlib
import inspect
import io
import json
import os
import pickle
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fnn.serialization import CorruptFileError
from fnn.vision import datasets, tv_tensors
from fnn.vision.datasets import _flows, _mat, utils
from fnn.vision.transforms import v2
from tests.vision.dataset_cases import MORE, NUMBERS, cells, imagenet, lsun, mat, md5, picture, png16, structures, text
from tests.vision.test_datasets_files import server  # noqa: F401

# -- what lies in the folder, for each: its arguments, and what torchvision's class must be told -------


def svhn(root):
    mat(
        root / "test_32x32.mat", X=NUMBERS.integers(0, 255, (32, 32, 3, 4), np.uint8), y=np.array([[1], [10], [3], [9]])
    )
    return {"split": "test"}, {"split_list": {"test": ["", "test_32x32.mat", md5(root / "test_32x32.mat")]}}


def stl10(root):
    folder = root / "stl10_binary"
    folder.mkdir()
    for name, count in (("train", 4), ("unlabeled", 2), ("test", 3)):
        NUMBERS.integers(0, 255, count * 3 * 96 * 96, np.uint8).tofile(folder / f"{name}_X.bin")
        (NUMBERS.integers(0, 10, count, np.uint8) + np.uint8(1)).tofile(folder / f"{name}_y.bin")
    text(folder / "class_names.txt", "airplane\nbird\n")
    text(folder / "fold_indices.txt", "0 2 \n3 1 \n")
    lists = {
        key: [[name, md5(folder / name)] for name, _ in getattr(datasets.STL10, key)]
        for key in ("train_list", "test_list")
    }
    return {"split": "train+unlabeled", "folds": 1}, lists


def voc(root):
    folder = root / "VOCdevkit" / "VOC2012"
    for name in ("2007_1", "2007_2"):
        picture(folder / "JPEGImages" / f"{name}.jpg")
        picture(folder / "SegmentationClass" / f"{name}.png", "L")
    thing = "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin></bndbox></object>"
    text(folder / "Annotations" / "2007_1.xml", f"<annotation>\n<filename>a</filename>{thing}</annotation>")
    text(folder / "Annotations" / "2007_2.xml", f"<annotation><size><w>3</w></size>{thing}{thing}</annotation>")
    for sets in ("Segmentation", "Main"):
        text(folder / "ImageSets" / sets / "val.txt", "2007_1\n2007_2\n")
    return {"year": "2012", "image_set": "val"}, {}


def pets(root):
    folder = root / "oxford-iiit-pet"
    names = ("Abyssinian_2", "great_pyrenees_10", "Abyssinian_11")
    for name in names:
        picture(folder / "images" / f"{name}.jpg")
        picture(folder / "annotations" / "trimaps" / f"{name}.png", "L")
    text(
        folder / "annotations" / "test.txt",
        "".join(f"{n} {i} {i} 1\n" for n, i in zip(names, (1, 2, 1), strict=True)),
    )
    return {"split": "test", "target_types": ["category", "binary-category", "segmentation"]}, {}


def flowers(root):
    folder = root / "flowers-102"
    for number in (1, 2, 3):
        picture(folder / "jpg" / f"image_{number:05d}.jpg")
    mat(folder / "imagelabels.mat", labels=np.array([[5, 102, 1]], np.uint8))
    mat(folder / "setid.mat", trnid=np.array([[2]], np.uint16), valid=np.array([[3, 1]]), tstid=np.array([[2]]))
    files = {"label": "imagelabels.mat", "setid": "setid.mat"}
    known = {key: (name, md5(folder / name)) for key, name in files.items()}
    return {"split": "val"}, {"_file_dict": {"image": ("102flowers.tgz", ""), **known}}


def food(root):
    for name in ("apple_pie/1", "apple_pie/2", "waffles/3"):
        picture(root / "food-101" / "images" / f"{name}.jpg")
    said = {"waffles": ["waffles/3"], "apple_pie": ["apple_pie/2", "apple_pie/1"]}
    text(root / "food-101" / "meta" / "test.json", json.dumps(said))
    return {"split": "test"}, {}


def signs(root):
    for name in ("00000/a", "00001/b"):
        picture(root / "gtsrb" / "GTSRB" / "Training" / f"{name}.ppm")
    return {"split": "train"}, {}


def signs_test(root):
    for name in ("00000", "00001"):
        picture(root / "gtsrb" / "GTSRB" / "Final_Test" / "Images" / f"{name}.ppm")
    text(root / "gtsrb" / "GT-final_test.csv", "Filename;Width;ClassId\n00001.ppm;5;16\n00000.ppm;5;1\n")
    return {"split": "test"}, {}


def textures(root):
    for name in ("banded/banded_1", "wavy/wavy_2"):
        picture(root / "dtd" / "dtd" / "images" / f"{name}.jpg")
    text(root / "dtd" / "dtd" / "labels" / "val3.txt", "wavy/wavy_2.jpg\nbanded/banded_1.jpg\n")
    return {"split": "val", "partition": 3}, {}


def usps(root):
    rows = NUMBERS.uniform(-1, 1, (3, 256))
    lines = [f"{i + 1} " + " ".join(f"{j}:{x:.4f}" for j, x in enumerate(row, 1)) for i, row in enumerate(rows)]
    (root / "usps.t.bz2").write_bytes(bz2.compress("\n".join(lines).encode()))
    return {"train": False}, {}


FILES = {
    "SVHN": svhn,
    "STL10": stl10,
    "VOCSegmentation": voc,
    "VOCDetection": voc,
    "OxfordIIITPet": pets,
    "Flowers102": flowers,
    "Food101": food,
    "GTSRB": signs,
    "GTSRB-test": signs_test,
    "DTD": textures,
    "USPS": usps,
}


def same(ours, theirs):
    """PIL images by mode and pixels, tensors as arrays of numpy of the same type, all else as it is."""
    if isinstance(theirs, Image.Image):
        return ours.mode == theirs.mode and np.array_equal(np.asarray(ours), np.asarray(theirs))
    if hasattr(theirs, "numpy"):
        theirs = theirs.numpy()
        return ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    if isinstance(theirs, np.ndarray):
        return ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    if isinstance(theirs, (tuple, list)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in theirs)
    return (isinstance(ours, type(theirs)) and ours == theirs) or (
        isinstance(theirs, np.integer) and ours == int(theirs)
    )


@pytest.fixture
def in_order(monkeypatch):
    """Names of files in alphabetical order for torchvision's classes, too, which take them as the disk gives them."""
    listed, found = os.listdir, Path.rglob
    monkeypatch.setattr(os, "listdir", lambda *args: sorted(listed(*args)))
    monkeypatch.setattr(Path, "rglob", lambda *args: sorted(found(*args)))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # its files
@pytest.mark.parametrize("case", [*FILES, *MORE])
def test_samples_are_torchvisions(case, tmp_path, monkeypatch, in_order):
    pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    name = case.partition("-")[0]
    monkeypatch.chdir(tmp_path)  # in which LSUN keeps its lists
    how, known = (FILES | MORE)[case](tmp_path)
    ours, theirs = getattr(datasets, name), getattr(torchvision.datasets, name)
    for cls in (ours, theirs):
        for key, value in known.items():
            monkeypatch.setattr(cls, key, value)
    parameters = inspect.signature(ours).parameters
    expected = inspect.signature(theirs).parameters
    assert list(parameters) == list(expected)
    for key, parameter in expected.items():
        if key != "loader":
            assert parameters[key].default == parameter.default, key
    ours, theirs = ours(str(tmp_path), **how), theirs(str(tmp_path), **how)
    assert repr(ours) == repr(theirs) and len(ours) == len(theirs) > 1
    for i in range(min(len(theirs), 12)):
        try:
            expected = theirs[i]
        except RuntimeError as error:  # its compiled part is missing
            pytest.skip(str(error))
        assert same(ours[i], expected), i
    for key in COMPARED:
        assert same(getattr(ours, key, None), getattr(theirs, key, None)), key


COMPARED = (
    "classes", "class_to_idx", "targets", "images", "bin_classes", "categories", "y", "index", "attr_names", "filename",
    "wnids", "wnid_to_idx", "annotations", "ids", "captions", "photos", "img_info", "labels", "matches", "mean", "std",
    "all_categories", "categories_index", "categories_map", "pair_names",
)  # fmt: skip


def test_rooms(tmp_path, monkeypatch):
    """LSUN's databases, of which a process opens each once."""
    pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    monkeypatch.chdir(tmp_path)  # in which torchvision keeps lists of keys
    how, _ = lsun(tmp_path)
    ours = datasets.LSUN(str(tmp_path), **how)
    copied = pickle.loads(pickle.dumps(ours.dbs[0]))
    samples, printed = list(ours), repr(ours)
    for database in ours.dbs:
        database.env.close()
    assert copied[1][0].size == (6, 5)
    copied.env.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torchvision.datasets.LSUN(str(tmp_path), **how)
    assert printed == repr(theirs) and len(samples) == len(theirs) == 6
    assert all(same(sample, theirs[i]) for i, sample in enumerate(samples))
    for database in theirs.dbs:
        database.env.close()
    for classes, words in (
        ("all", "Unknown value 'all'"),
        (["cave_val"], "'cave' for argument LSUN class"),
        (3, "int"),
    ):
        with pytest.raises(ValueError, match=words):
            datasets.LSUN(tmp_path, classes)


def test_pictures_of_imagenet(tmp_path, monkeypatch):
    """From the archives; what is made of them torchvision reads, and the other way round."""
    pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    theirs = importlib.import_module("torchvision.datasets.imagenet")
    found = {}
    for name, package in (("ours", datasets.imagenet), ("theirs", theirs)):
        _, archives = imagenet(tmp_path / name)
        monkeypatch.setattr(package, "ARCHIVE_META", archives)
        for split in ("val", "train"):
            found[name, split] = package.ImageNet(str(tmp_path / name), split)
    for split, count in (("val", 4), ("train", 3)):
        ours = found["ours", split]
        for other, root in ((datasets.ImageNet, "theirs"), (torchvision.datasets.ImageNet, "ours")):
            again = other(str(tmp_path / root), split)
            assert len(again) == len(ours) == count and again.classes == ours.classes
        theirs = found["theirs", split]
        for key in ("classes", "class_to_idx", "wnids", "wnid_to_idx", "targets"):
            assert getattr(ours, key) == getattr(theirs, key), key
        assert [os.path.basename(path) for path, _ in ours.imgs] == [os.path.basename(path) for path, _ in theirs.imgs]
        assert repr(ours).replace("/ours", "") == repr(theirs).replace("/theirs", "")
    (tmp_path / "x").mkdir()
    with pytest.raises(ValueError, match=r"The archive ILSVRC2012_devkit_t12.tar.gz is not present in the root"):
        datasets.ImageNet(tmp_path / "x")


def test_all_of_torchvisions_names_are_there():
    pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    films = {"HMDB51", "Kinetics", "UCF101"}
    assert set(torchvision.datasets.__all__) - set(datasets.__all__) == films
    for name in films:
        with pytest.raises(AttributeError, match=f"has no {name}: its files are films(.|\n)*class {name}"):
            getattr(datasets, name)


@pytest.mark.parametrize("case", FILES)
def test_what_is_not_there(case, tmp_path):
    name = case.partition("-")[0]
    with pytest.raises(ValueError, match=rf"{name}: dataset not found or corrupted. You can use download=True"):
        getattr(datasets, name)(tmp_path)


@pytest.mark.parametrize("case", sorted({case.partition("-")[0] for case in MORE} - {"Flickr8k", "Flickr30k"}))
def test_what_is_not_there_either(case, tmp_path):
    how, _ = MORE[case](tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"(?i)(not found|could not find|does not exist)"):
        getattr(datasets, case)(tmp_path / "here", **how)


def test_transforms_of_both(tmp_path):
    how, _ = pets(tmp_path)
    both = datasets.OxfordIIITPet(tmp_path, **how, transforms=lambda image, target: (target[2], image.size))
    assert both[0][1] == (6, 5) and both[0][0].mode == "L"
    nothing = datasets.OxfordIIITPet(tmp_path, split="test", target_types=[])
    assert nothing[0][1] is None
    separate = datasets.VOCDetection(
        tmp_path / "v", **voc(tmp_path / "v")[0], transform=lambda image: image.size, target_transform=list
    )
    assert separate[1] == ((6, 5), ["annotation"])


def coco(root, name="a/1.jpg"):
    picture(root / "a" / "1.jpg")
    picture(root / "b.png", "L")
    said = {
        "images": [{"id": 9, "file_name": "b.png"}, {"id": 2, "file_name": name}],
        "annotations": [
            {"id": 1, "image_id": 2, "bbox": [1, 2, 3, 4], "category_id": 5, "caption": "one"},
            {"id": 2, "image_id": 2, "bbox": [0, 0, 1, 1], "category_id": 6, "caption": "two"},
        ],
        "categories": [{"id": 5, "name": "cat"}],
    }
    text(root / "said.json", json.dumps(said))
    return said


def test_coco(tmp_path):
    said = coco(tmp_path)
    objects = datasets.CocoDetection(tmp_path, tmp_path / "said.json")
    assert objects.ids == [2, 9] and len(objects) == 2 and objects.categories[5]["name"] == "cat"
    image, target = objects[0]
    assert image.mode == "RGB" and target == said["annotations"] and objects[1][1] == []
    captions = datasets.CocoCaptions(tmp_path, str(tmp_path / "said.json"), target_transform=tuple)
    assert captions[0][1] == ("one", "two") and captions[1][0].mode == "RGB"
    with pytest.raises(ValueError, match="Index must be of type integer, got <class 'str'> instead"):
        objects["a"]


def test_samples_for_transforms_v2(tmp_path):
    """From the files through the second version's transforms: boxes and masks follow the picture."""
    coco(tmp_path)
    flip = v2.Compose([v2.ToImage(), v2.RandomHorizontalFlip(p=1.0)])
    wrapped = datasets.wrap_dataset_for_transforms_v2(
        datasets.CocoDetection(tmp_path, tmp_path / "said.json", transforms=flip)
    )
    image, target = wrapped[0]
    before = np.asarray(Image.open(tmp_path / "a" / "1.jpg")).transpose(2, 0, 1)
    np.testing.assert_array_equal(image, before[:, :, ::-1])
    np.testing.assert_array_equal(target["boxes"], [[2, 2, 5, 6], [5, 0, 6, 1]])
    assert target["boxes"].canvas_size == (5, 6) and target["image_id"] == 2 and list(target["labels"]) == [5, 6]
    assert wrapped[1][1] == {"image_id": 9}
    how, _ = pets(tmp_path / "p")
    image, target = datasets.wrap_dataset_for_transforms_v2(datasets.OxfordIIITPet(tmp_path / "p", **how))[0]
    assert type(target[2]) is tv_tensors.Mask and target[:2] == datasets.OxfordIIITPet(tmp_path / "p", **how)[0][1][:2]
    how, _ = voc(tmp_path / "v")
    masks = datasets.VOCSegmentation(tmp_path / "v", **how)
    np.testing.assert_array_equal(datasets.wrap_dataset_for_transforms_v2(masks)[1][1][0], np.asarray(masks[1][1]))
    found = datasets.wrap_dataset_for_transforms_v2(
        datasets.VOCDetection(tmp_path / "v", **how), target_keys=["labels"]
    )
    assert list(found[1][1]["labels"]) == [8, 8]


# -- files that nobody should trust -------------------------------------------------------------------


def test_names_that_lead_outside(tmp_path):
    coco(tmp_path / "coco", "../secret.jpg")
    food(tmp_path)
    text(tmp_path / "food-101" / "meta" / "train.json", json.dumps({"a": ["../../x"]}))
    voc(tmp_path)
    text(tmp_path / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main" / "train.txt", "/etc/x\n")
    signs_test(tmp_path)
    text(tmp_path / "gtsrb" / "GT-final_test.csv", "Filename;ClassId\n..\\x.ppm;1\n")
    for read in (
        lambda: datasets.CocoDetection(tmp_path / "coco", tmp_path / "coco" / "said.json"),
        lambda: datasets.Food101(tmp_path),
        lambda: datasets.VOCDetection(tmp_path),
        lambda: datasets.GTSRB(tmp_path, "test"),
    ):
        with pytest.raises(CorruptFileError, match=r"refused: .* would lie outside of"):
            read()


def test_damaged_lists(tmp_path, monkeypatch):
    voc(tmp_path)
    pets(tmp_path)
    textures(tmp_path)
    folder = tmp_path / "VOCdevkit" / "VOC2012" / "Annotations"
    boxes = datasets.VOCDetection(tmp_path, image_set="val")
    text(folder / "2007_1.xml", '<!DOCTYPE x [<!ENTITY a "b">]><annotation>&a;</annotation>')
    text(folder / "2007_2.xml", "<annotation>")
    text(tmp_path / "oxford-iiit-pet" / "annotations" / "trainval.txt", "# a comment\n")
    text(tmp_path / "dtd" / "dtd" / "labels" / "train1.txt", "banded\n")
    text(tmp_path / "list.json", "[]")
    (tmp_path / "usps.bz2").write_bytes(bz2.compress(b"1 1:0.5\n"))
    stl10(tmp_path)
    monkeypatch.setattr(datasets.STL10, "_check_integrity", lambda self: True)
    text(tmp_path / "stl10_binary" / "fold_indices.txt", "0 9\n")
    for read, words in (
        (lambda: boxes[0], "refused: it has declarations"),
        (lambda: boxes[1], "no XML"),
        (lambda: datasets.OxfordIIITPet(tmp_path), r"line 1 should have 4 fields, found '# a comment'"),
        (lambda: datasets.DTD(tmp_path), "line 1 should have 2 fields, found 'banded'"),
        (lambda: datasets.CocoDetection(tmp_path, tmp_path / "list.json"), "should be JSON with 'images'"),
        (lambda: datasets.USPS(tmp_path), "should have lines of a label and 256 numbers"),
        (lambda: datasets.STL10(tmp_path, folds=0), "line 1 lists pictures that there are not"),
    ):
        with pytest.raises(CorruptFileError, match=words):
            read()
    for call, words in (
        (lambda: datasets.DTD(tmp_path, partition=11), "'partition' should be an integer"),
        (lambda: datasets.STL10(tmp_path, folds=10), r"'folds' \(=10\) must be None or an int from 0 to 9"),
        (lambda: datasets.VOCDetection(tmp_path, "2012", "test"), "Unknown value 'test' for argument image_set"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


@pytest.mark.parametrize("compressed", [False, True])
def test_matlabs_arrays(tmp_path, compressed):
    savemat = pytest.importorskip("scipy.io").savemat
    arrays = {
        "a": NUMBERS.integers(0, 255, (2, 3, 4), np.uint8),
        "tiny": np.array([[7]], np.uint8),
        "d": NUMBERS.standard_normal((3, 1)),
        "i": np.array([[-5, 300]], np.int16),
        "empty": np.zeros((0, 3)),
    }
    path = tmp_path / "x.mat"
    savemat(path, {**arrays, "z": np.array([1j])}, do_compression=compressed)
    found = _mat.read_mat(path)
    assert set(found) == set(arrays)
    for name, value in arrays.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)
    content = path.read_bytes()
    for bad in (content[:100], content[:-9], content[:128] + b"\x0f\0\0\0\x04\0\0\0\1\2\3\4", b"x" * 300):
        path.write_bytes(bad)
        with pytest.raises(CorruptFileError):
            _mat.read_mat(path)
    huge = (
        b"\x0e\0\0\0\x30\0\0\0"
        + b"\6\0\0\0\x08\0\0\0\x09\0\0\0\0\0\0\0"
        + b"\5\0\0\0\x08\0\0\0"
        + b"\xff\xff\xff\x7f" * 2
    )
    path.write_bytes(content[:128] + huge + b"\1\0\1\0a\0\0\0" + b"\2\0\1\0\7\0\0\0")
    with pytest.raises(CorruptFileError, match="with 1 numbers"):
        _mat.read_mat(path)
    path.write_bytes(
        content[:128] + b"\x0f\0\0\0" + bytes([len(zlib.compress(huge)), 0, 0, 0]) + zlib.compress(huge)[:-3]
    )
    with pytest.raises(CorruptFileError):
        _mat.read_mat(path)


# -- downloads ----------------------------------------------------------------------------------------


def test_downloads(server, tmp_path, monkeypatch):  # noqa: F811
    url, there = server
    made = tmp_path / "made"
    made.mkdir()
    _, known = svhn(made)
    (there / "test_32x32.mat").write_bytes((made / "test_32x32.mat").read_bytes())
    entry = [url + "test_32x32.mat", *known["split_list"]["test"][1:]]
    monkeypatch.setattr(datasets.SVHN, "split_list", {"test": entry})
    assert len(datasets.SVHN(tmp_path / "svhn", "test", download=True)) == 4

    signs_test(made)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in (made / "gtsrb").rglob("*.*"):
            archive.write(path, path.relative_to(made / "gtsrb"))
    (there / "signs.zip").write_bytes(content.getvalue())
    monkeypatch.setattr(datasets.GTSRB, "_URL", url)
    files = {"test": (("signs.zip", md5(there / "signs.zip")),)}
    monkeypatch.setattr(datasets.GTSRB, "_RESOURCES", files)
    assert [label for _, label in datasets.GTSRB(tmp_path / "signs", "test", download=True)] == [16, 1]
    monkeypatch.setattr(datasets.GTSRB, "_RESOURCES", {"test": (("signs.zip", "0" * 32),)})
    with pytest.raises(RuntimeError, match=r"sent a file with MD5 .*, expected 0{32}"):
        datasets.GTSRB(tmp_path / "again", "test", download=True)


def test_files_at_google_drive(server, tmp_path, monkeypatch):  # noqa: F811
    url, there = server
    (there / "file").write_bytes(b"content")
    monkeypatch.setattr(utils, "_DRIVE", f"{url}file")
    utils.download_file_from_google_drive("0B7EVK", tmp_path, "a.txt", md5(there / "file"))
    assert (tmp_path / "a.txt").read_bytes() == b"content"
    with pytest.raises(RuntimeError, match=r"id=0B7EVK&export=download&confirm=t sent a file with MD5"):
        utils.download_file_from_google_drive("0B7EVK", tmp_path, md5="0" * 32)


# -- fields of numbers --------------------------------------------------------------------------------


def test_flows(tmp_path):
    pixels = NUMBERS.integers(0, 65536, (5, 6, 3))
    pixels[..., 2] = pixels[..., 2] > 30000
    png16(tmp_path / "a.png", pixels)
    flow, known = _flows.read_flow_png(tmp_path / "a.png")
    np.testing.assert_array_equal(flow, ((pixels[..., :2] - 32768) / 64).transpose(2, 0, 1).astype(np.float32))
    np.testing.assert_array_equal(known, pixels[..., 2] == 1)
    content = {
        "grey.png": None,
        "a.flo": b"PIEG" + b"\0" * 90,
        "b.flo": b"PIEH\5\0\0\0\5\0\0\0" + b"\0" * 90,
        "a.pfm": b"P5\n2 2\n-1.0\n" + b"\0" * 16,
        "b.pfm": b"Pf\n2 2\n-1.0\n" + b"\0" * 15,
        "c.pfm": b"Pf\n2 2",
    }
    for name, data in content.items():
        if data is None:
            picture(tmp_path / name, "L")
        else:
            (tmp_path / name).write_bytes(data)
        read = {".png": _flows.read_flow_png, ".flo": _flows.read_flo, ".pfm": _flows.read_pfm}[Path(name).suffix]
        with pytest.raises(CorruptFileError, match=name):
            read(tmp_path / name)


def test_what_else_matlab_writes(tmp_path):
    savemat = pytest.importorskip("scipy.io").savemat
    from scipy.sparse import csc_matrix

    sparse = csc_matrix(np.arange(12.0).reshape(3, 4) % 5)
    boxes = structures(
        {"name": "a.jpg", "box": np.arange(4.0), "kinds": cells("x", 3.0)}, {"name": "ß", "box": 1, "kinds": 2}
    )
    for compressed in (False, True):
        savemat(
            tmp_path / "x.mat",
            {"s": sparse, "none": csc_matrix((2, 3)), "boxes": boxes, "lines": np.array(["ab", "cd"]), "empty": ""},
            do_compression=compressed,
        )
        found = _mat.read_mat(tmp_path / "x.mat")
        np.testing.assert_array_equal(found["s"], sparse.toarray())
        np.testing.assert_array_equal(found["none"], np.zeros((2, 3)))
        first, second = found["boxes"].ravel()
        assert (first["name"], second["name"], second["box"].item()) == ("a.jpg", "ß", 1)
        assert first["box"].tolist() == [[0, 1, 2, 3]] and first["kinds"].shape == (1, 2)
        assert first["kinds"][0, 0] == "x" and first["kinds"][0, 1].item() == 3
        assert found["lines"].tolist() == ["ab", "cd"] and found["empty"] == ""
    content = (tmp_path / "x.mat").read_bytes()
    for end in range(140, len(content), 97):
        (tmp_path / "x.mat").write_bytes(content[:end])
        try:
            _mat.read_mat(tmp_path / "x.mat")
        except CorruptFileError:
            continue


@pytest.mark.parametrize(
    ("case", "file", "content", "words"),
    [
        ("CLEVRClassification", "clevr/CLEVR_v1.0/scenes/CLEVR_val_scenes.json", '{"scenes": []}', "every picture"),
        ("CelebA", "celeba/list_bbox_celeba.txt", "4\nimage_id\n000001.jpg  1 x\n", "table of names and integers"),
        ("CelebA", "celeba/list_eval_partition.txt", "000001.jpg 0\n", "not of one length"),
        ("FER2013", "fer2013/fer2013.csv", "emotion,pixels,Usage\n1,3 4,PublicTest\n", "48 \\* 48 bytes"),
        ("FGVCAircraft", "fgvc-aircraft-2013b/data/images_family_val.txt", "001 Zeppelin\n", "'Zeppelin' is none"),
        ("FGVCAircraft", "fgvc-aircraft-2013b/data/images_family_val.txt", "../../1 DC-3\n", "would lie outside"),
        ("Flickr8k", "page.html", "<table><a>x/9/</a></table>", "no picture 9_"),
        ("Flickr30k", "said.token", "a.jpg#0 no tab\n", "a name, a tab and a caption"),
        ("LFWPeople", "lfw-py/people.txt", "1\n2\nAnn_A\t2\n", "numbers of people"),
        ("LFWPeople", "lfw-py/people.txt", "1\n1\nDora\t2\n", "numbers of people"),
        ("LFWPairs", "lfw-py/pairs.txt", "1\t1\nAnn_A\t1\t2\nAnn_A\t1\n", "a number of pairs"),
        ("LFWPairs", "lfw-py/pairs.txt", "1\t1\n..\t1\t2\nAnn_A\t1\tCid\t1\n", "would lie outside"),
        ("PhotoTour", "liberty/info.txt", "one\n", "integers in columns"),
        ("Places365", "places365_val.txt", "a.jpg x\n", "a path and a number"),
        ("Places365", "categories_places365.txt", "/a/alley\n", "a name and a number"),
        ("Places365", "places365_val.txt", "../a.jpg 1\n", "would lie outside"),
        ("SBDataset", "val.txt", "../../x\n", "would lie outside"),
        ("SEMEION", "semeion.data", "1 0 1\n", "256 pixels and a digit"),
        ("SUN397", "SUN397/ClassName.txt", "/a/abbey\n", "does not name the scene"),
        ("WIDERFace", "widerface/wider_face_split/wider_face_val_bbx_gt.txt", "a.jpg\n1\n1 2\n", "ten integers"),
        ("Cityscapes", "gtFine/val/aachen/aachen_000000_000019_gtFine_polygons.json", "{", "no JSON"),
        ("Kitti", "Kitti/raw/training/label_2/000000.txt", "Car 1\n", "a name and 14 numbers"),
        ("FallingThingsStereo", "FallingThings/single/a/0/_camera_settings.json", "{}", "how long the focus is"),
        ("Sintel", "Sintel/training/flow/alley/frame_3.flo", "", "pictures in a row have 2 flows"),
        ("FlyingChairs", "FlyingChairs/FlyingChairs_train_val.txt", "1\n", "3 flows have 1 entries"),
        ("CREStereo", "CREStereo/hole/2_left.jpg", "", "2 left files .* but 1 right"),
    ],
)
def test_files_that_are_damaged(case, file, content, words, tmp_path, monkeypatch):
    how, known = MORE[case](tmp_path)
    text(tmp_path / file, content)
    for key, value in known.items():
        monkeypatch.setattr(getattr(datasets, case), key, value)
    # an MD5 that is known is that of the damaged file
    for module in ("celeba", "fer2013", "lfw", "places365", "semeion"):
        monkeypatch.setattr(f"fnn.vision.datasets.{module}.check_integrity", lambda path, md5=None: Path(path).exists())
    with pytest.raises(CorruptFileError, match=words):
        getattr(datasets, case)(tmp_path, **how)[0]
