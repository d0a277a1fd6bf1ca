"""Data sets read the published formats as torchvision does: from files that the tests write."""

import gzip
import pickle
import struct
import warnings
from collections import OrderedDict

import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError
from fnn.serialization import CorruptFileError
from fnn.utils.data import DataLoader
from fnn.vision import datasets, transforms
from fnn.vision.datasets import _batches, _idx, folder
from tests.vision.oracle import torch, torchvision

Image = pytest.importorskip("PIL.Image")
TD = torchvision.datasets
RNG = np.random.default_rng(0)


def assert_same_samples(ours, theirs):
    assert len(ours) == len(theirs)
    for i in range(len(theirs)):
        (img, target), (img_there, target_there) = ours[i], theirs[i]
        assert (img.mode, img.size, img.tobytes()) == (img_there.mode, img_there.size, img_there.tobytes())
        assert type(target) is type(target_there) and target == target_there


def assert_same_repr(ours, theirs):
    """But for the name of the library in the transforms' own names there is none."""
    assert repr(ours) == repr(theirs)


# -- MNIST --------------------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    code = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}[array.dtype.name]
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def mnist_files() -> dict[str, bytes]:
    files = {}
    for prefix, n in (("train", 7), ("t10k", 3)):
        files[f"{prefix}-images-idx3-ubyte"] = idx(RNG.integers(0, 256, (n, 28, 28), np.uint8))
        files[f"{prefix}-labels-idx1-ubyte"] = idx(RNG.integers(0, 10, n, np.uint8))
    return files


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_mnist(name, tmp_path):
    write(tmp_path / name / "raw", mnist_files())
    ours_class, theirs_class = getattr(datasets, name), getattr(TD, name)
    assert (ours_class.mirrors, ours_class.resources) == (theirs_class.mirrors, theirs_class.resources)
    for train in (True, False):
        ours, theirs = ours_class(tmp_path, train), theirs_class(tmp_path, train)
        assert_same_samples(ours, theirs)
        np.testing.assert_array_equal(ours.data, theirs.data.numpy())
        np.testing.assert_array_equal(ours.targets, theirs.targets.numpy())
        assert (ours.data.dtype, ours.targets.dtype) == (np.uint8, np.int64)
        assert ours.classes == theirs.classes and ours.class_to_idx == theirs.class_to_idx
        assert_same_repr(ours, theirs)
        assert_same_repr(
            ours_class(str(tmp_path), train, transforms.Compose([transforms.ToTensor()]), transforms.Lambda(str)),
            theirs_class(
                str(tmp_path),
                train,
                torchvision.transforms.Compose([torchvision.transforms.ToTensor()]),
                torchvision.transforms.Lambda(str),
            ),
        )
    for old, new in (("train_labels", "targets"), ("test_data", "data")):
        with pytest.warns(UserWarning, match=f"{old} has been renamed {new}"):
            assert getattr(ours, old) is getattr(ours, new)


def test_mnist_as_published(tmp_path):
    """The compressed files alone are enough."""
    files = mnist_files()
    write(tmp_path / "MNIST" / "raw", {f"{name}.gz": gzip.compress(content) for name, content in files.items()})
    data = datasets.MNIST(tmp_path, train=False)
    assert idx(data.data) == files["t10k-images-idx3-ubyte"]


def test_mnist_as_torchvision_once_stored_it(tmp_path):
    processed = tmp_path / "MNIST" / "processed"
    processed.mkdir(parents=True)
    images, labels = torch.randint(0, 256, (4, 28, 28), dtype=torch.uint8), torch.tensor([3, 1, 4, 1])
    for name in ("training.pt", "test.pt"):
        torch.save((images, labels), processed / name)
    assert_same_samples(datasets.MNIST(tmp_path), TD.MNIST(tmp_path))


def test_emnist(tmp_path):
    files = {}
    for split in ("letters", "balanced"):
        files[f"emnist-{split}-train-images-idx3-ubyte"] = idx(RNG.integers(0, 256, (5, 28, 28), np.uint8))
        files[f"emnist-{split}-train-labels-idx1-ubyte"] = idx(RNG.integers(0, 10, 5, np.uint8))
    write(tmp_path / "EMNIST" / "raw", files)
    for split in ("letters", "balanced"):
        ours, theirs = datasets.EMNIST(tmp_path, split), TD.EMNIST(tmp_path, split)
        assert_same_samples(ours, theirs)
        assert ours.classes == theirs.classes
    assert datasets.EMNIST.classes_split_dict == TD.EMNIST.classes_split_dict
    with pytest.raises(ValueError, match="Unknown value 'all' for argument split"):
        datasets.EMNIST(tmp_path, "all")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
def test_idx(dtype, tmp_path):
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    array = (RNG.standard_normal((3, 4)) * 50).astype(dtype)
    (tmp_path / "x").write_bytes(idx(array))
    result = _idx.read_idx(tmp_path / "x")
    assert result.dtype == array.dtype and (result == array).all()
    np.testing.assert_array_equal(result, read_sn3_pascalvincent_tensor(str(tmp_path / "x")).numpy())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no IDX file"),
        (b"\x1f\x8b\x08\x00", "no IDX file"),
        (idx(np.zeros((2, 2), np.uint8))[:7], "cut short in its header"),
        (idx(np.zeros((2, 2), np.uint8))[:-1], "cut short or too long"),
        (idx(np.zeros((2, 2), np.uint8)) + b"0", "cut short or too long"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "cut short or too long"),
        (idx(np.zeros((2, 2), np.float32)), "pictures should be uint8 with 3 axes"),
    ],
)
def test_damaged_idx(content, text, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(CorruptFileError, match=f"x: .*{text}"):
        _idx.read_images(tmp_path / "x")


def test_not_there(tmp_path):
    for ours, theirs in ((datasets.MNIST, TD.MNIST), (datasets.CIFAR10, TD.CIFAR10)):
        for dataset in (ours, theirs):
            with pytest.raises(RuntimeError, match="You can use download=True to download it"):
                dataset(tmp_path)


# -- CIFAR --------------------------------------------------------------------------------------------


def python2_array(data: np.ndarray) -> bytes:
    """The opcodes by which Python 2 and numpy of 2009 wrote the published files."""
    shape = b"".join(b"M" + struct.pack("<H", n) for n in data.shape)
    raw = data.tobytes()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01("
        + shape
        + b"tcnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + b"T"
        + struct.pack("<i", len(raw))
        + raw
        + b"tb"
    )


def python2_batch(data: np.ndarray, labels: list[int], key: str) -> bytes:
    def text(s: str) -> bytes:
        return b"U" + bytes([len(s)]) + s.encode()

    listed = b"(" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    return (
        b"\x80\x02}("
        + text("data")
        + python2_array(data)
        + text(key)
        + b"]"
        + listed
        + text("note")
        + text("x")
        + b"u."
    )


def cifar_files(dataset, monkeypatch, protocol):
    """Small batches under the names of the published ones, whose hashes are then the right ones."""
    import hashlib

    files = {}
    key = "labels" if "batches" in dataset.base_folder else "fine_labels"

    def listed(names):
        entries = []
        for name, _ in names:
            data, labels = RNG.integers(0, 256, (4, 3072), np.uint8), RNG.integers(0, 10, 4).tolist()
            batch = {"data": data, key: labels, "filenames": ["a"] * 4, "batch_label": "one"}
            files[name] = python2_batch(data, labels, key) if protocol is None else pickle.dumps(batch, protocol)
            entries.append([name, hashlib.md5(files[name]).hexdigest()])
        return entries

    lists = {"train_list": listed(dataset.train_list), "test_list": listed(dataset.test_list)}
    meta = dict(dataset.meta)
    files[meta["filename"]] = pickle.dumps({meta["key"]: [f"class {i}" for i in range(10)]}, 2)
    lists["meta"] = meta | {"md5": hashlib.md5(files[meta["filename"]]).hexdigest()}
    for name, value in lists.items():
        for library in (datasets, TD):
            monkeypatch.setattr(getattr(library, dataset.__name__), name, value)
    return files


@pytest.mark.parametrize("protocol", [None, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100"])
def test_cifar(name, protocol, tmp_path, monkeypatch):
    ours_class, theirs_class = getattr(datasets, name), getattr(TD, name)
    for attribute in ("base_folder", "url", "filename", "tgz_md5", "train_list", "test_list", "meta"):
        assert getattr(ours_class, attribute) == getattr(theirs_class, attribute)
    write(tmp_path / ours_class.base_folder, cifar_files(ours_class, monkeypatch, protocol))
    for train in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numpy's, about pickles of old versions
            theirs = theirs_class(tmp_path, train)
        ours = ours_class(tmp_path, train)
        assert_same_samples(ours, theirs)
        np.testing.assert_array_equal(ours.data, theirs.data)
        assert ours.data.dtype == np.uint8 and ours.targets == theirs.targets
        assert ours.classes == theirs.classes and ours.class_to_idx == theirs.class_to_idx
        assert_same_repr(ours, theirs)


def test_cifar_of_another_hash(tmp_path, monkeypatch):
    files = cifar_files(datasets.CIFAR10, monkeypatch, 2)
    write(tmp_path / "cifar-10-batches-py", files | {"data_batch_3": b"other"})
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted"):
        datasets.CIFAR10(tmp_path)
    write(tmp_path / "cifar-10-batches-py", files | {"batches.meta": b"other"})
    with pytest.raises(RuntimeError, match="metadata file not found or corrupted"):
        datasets.CIFAR10(tmp_path)


class Evil:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def test_pickles_execute_nothing(tmp_path):
    import builtins
    import os

    marker = tmp_path / "marker"
    attacks = [
        pickle.dumps({"data": Evil(os.mkdir, str(marker))}, 2),
        pickle.dumps({"data": Evil(builtins.eval, f"open({str(marker)!r}, 'w')")}, 4),
        pickle.dumps({"data": Evil(np.save, str(marker), 1)}, 2),
        pickle.dumps(OrderedDict(data=1), 2),
        pickle.dumps({"data": np.array([print], object)}, 2),
        b"\x80\x02}(U\x04datacnumpy\nndarray\n(K\x05\x85tRu.",  # np.ndarray((5,)) itself
        b"\x80\x02cnumpy\ndtype\n}U\x05_callU\x01xsb.",  # attributes of what is called
        b"\x80\x02cnumpy\ndtype\nN}U\x05_callU\x01xs\x86b.",
        b"\x80\x02]q\x00.",
        b"\x80\x02K\x01.",
        b"not a pickle",
        b"",
    ]
    for attack in attacks:
        (tmp_path / "batch").write_bytes(attack)
        with pytest.raises(CorruptFileError, match="batch: "):
            _batches.read_batch(tmp_path / "batch")
        assert not marker.exists()
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": np.eye(2)}, 2))
    assert (_batches.read_batch(tmp_path / "batch")["data"] == np.eye(2)).all()


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=">i2").reshape(2, 3),
        np.asfortranarray(RNG.random((3, 4))),
        RNG.random((2, 3, 4)).astype(np.float32),
        np.zeros((0, 3), np.uint8),
        [np.int64(3), np.float32(0.5), True, None, b"bytes", b""],
    ],
)
def test_pickled_values(value, tmp_path):
    for protocol in range(6):
        (tmp_path / "batch").write_bytes(pickle.dumps({"x": value}, protocol))
        try:
            result = _batches.read_batch(tmp_path / "batch")["x"]
        except CorruptFileError as error:
            assert (protocol < 2 and "copyreg" in str(error)) or "copy_reg" in str(error)
            continue
        if isinstance(value, np.ndarray):
            assert result.dtype == value.dtype.newbyteorder("=") and result.shape == value.shape
            np.testing.assert_array_equal(result, value)
        else:
            assert result == [3, 0.5, True, None, b"bytes", b""]


def test_cut_pickles(tmp_path):
    whole = python2_batch(RNG.integers(0, 256, (2, 3072), np.uint8), [1, 2], "labels")
    for end in range(0, len(whole), 97):
        (tmp_path / "batch").write_bytes(whole[:end])
        with pytest.raises(CorruptFileError):
            _batches.read_batch(tmp_path / "batch")


# -- folders ------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    for path, mode in {
        "cat/a.PNG": "RGB", "cat/deep/er/b.jpg": "L", "cat/notes.txt": None, "dog/c.bmp": "RGB", "dog/d.webp": "RGBA",
        "ant/e.png": "P", "ant/f.tiff": "L",
    }.items():  # fmt: skip
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if mode is None:
            file.write_text("no picture")
            continue
        channels = {"L": 1, "P": 1, "RGB": 3, "RGBA": 4}[mode]
        pixels = RNG.integers(0, 256, (9, 7, channels), np.uint8)
        img = Image.frombytes(mode, (7, 9), pixels.tobytes())
        if mode == "P":
            img.putpalette(list(range(256)) * 3)
        img.save(file)
    (tmp_path / "stray.png").write_bytes(b"")
    return tmp_path


def test_image_folder(pictures):
    ours, theirs = datasets.ImageFolder(pictures), TD.ImageFolder(pictures)
    assert_same_samples(ours, theirs)
    for attribute in ("classes", "class_to_idx", "samples", "imgs", "targets", "extensions"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert_same_repr(ours, theirs)
    only = {"is_valid_file": lambda path: path.endswith(("a.PNG", "c.bmp", "f.tiff"))}
    assert datasets.ImageFolder(pictures, **only).samples == TD.ImageFolder(pictures, **only).samples


def test_dataset_folder(pictures):
    def length(path):
        return len(path)

    args = (length, (".png", ".txt"))
    ours, theirs = (d.DatasetFolder(str(pictures), *args, allow_empty=True) for d in (datasets, TD))
    assert ours.samples == theirs.samples and [*ours] == [*theirs]
    for d in (datasets, TD):
        with pytest.raises(FileNotFoundError, match=r"Found no valid file for the classes dog. Supported extensions"):
            d.DatasetFolder(pictures, *args)
        with pytest.raises(ValueError, match="Both extensions and is_valid_file"):
            d.DatasetFolder(pictures, length)
        with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
            d.ImageFolder(pictures / "dog")
    with pytest.raises(ArgumentError, match="at least one entry"):
        folder.make_dataset(pictures, {}, extensions=".png")


def test_dataset_folder_with_own_classes(pictures):
    def two(dataset):
        class Two(dataset):
            def find_classes(self, directory):
                return ["cat", "dog"], {"cat": 7, "dog": 3}

        return Two(pictures)

    ours, theirs = two(datasets.ImageFolder), two(TD.ImageFolder)
    assert ours.samples == theirs.samples and ours.targets == theirs.targets


# -- FakeData and the base ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(3, 5, 6), (1, 9, 4), (3, 2, 2)])
def test_fake_data(size):
    args = {"size": 6, "image_size": size, "num_classes": 13, "random_offset": 100}
    fnn.manual_seed(0)
    before = fnn.get_rng_state()
    assert_same_samples(datasets.FakeData(**args), TD.FakeData(**args))
    assert (np.asarray(before) == np.asarray(fnn.get_rng_state())).all()
    with pytest.raises(IndexError, match="FakeData index out of range"):
        datasets.FakeData(**args)[6]
    assert_same_repr(datasets.FakeData(**args), TD.FakeData(**args))


def test_transforms_of_both():
    class Both(datasets.VisionDataset):
        def __getitem__(self, index):
            return self.transforms(index, -index)

        def __len__(self):
            return 3

    assert Both("~/x", transforms=lambda a, b: (a + 1, b))[2] == (3, -2)
    assert Both(transform=str, target_transform=abs)[2] == ("2", 2)
    assert "~" not in Both("~/x").root
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform"):
        Both(transforms=max, transform=str)
    with pytest.raises(NotImplementedError):
        datasets.VisionDataset("x")[0]


def test_in_a_loader(tmp_path):
    write(tmp_path / "MNIST" / "raw", mnist_files())
    data = datasets.MNIST(tmp_path, transform=transforms.ToTensor())
    images, targets = next(iter(DataLoader(data, batch_size=4)))
    np.testing.assert_array_equal(np.asarray(images)[:, 0], data.data[:4] / np.float32(255))
    assert np.asarray(targets).tolist() == data.targets[:4].tolist()
    copy = pickle.loads(pickle.dumps(data))
    assert (copy[2][0] == data[2][0]).all()
