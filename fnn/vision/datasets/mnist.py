"""MNIST and the data sets that were published in its format: IDX files, compressed."""

import os
import shutil
import string
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import pil_from_array
from fnn.vision.datasets._idx import read_images, read_labels, read_rows
from fnn.vision.datasets.utils import (
    check_integrity,
    download_and_extract_archive,
    extract_archive,
    verify_str_arg,
)
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["EMNIST", "KMNIST", "MNIST", "QMNIST", "FashionMNIST"]

_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _resources(*md5: str) -> list[tuple[str, str]]:
    return [(f"{name}.gz", digest) for name, digest in zip(_FILES, md5, strict=True)]


def _names(*names: str) -> list[str]:
    return list(names)


def _renamed(old: str, new: str) -> property:
    def get(self: "MNIST") -> np.ndarray:
        warnings.warn(f"{old} has been renamed {new}", stacklevel=2)
        return getattr(self, new)

    return property(get, doc=f"`{new}`, under its old name.")


def _readable(path: str) -> bool:
    return os.path.isfile(path) or os.path.isfile(path + ".gz")


class MNIST(VisionDataset):
    """Handwritten digits (http://yann.lecun.com/exdb/mnist/): 60,000 to train on and 10,000 to test, 28x28, grey.

    A sample is (PIL image of mode L, int).  The files are looked for in ``root/MNIST/raw``, unpacked or as they were
    published.

    Args:
        root: the folder above ``MNIST/raw``.
        train: the digits to train on, or those to test.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.

    Attributes:
        data: the pictures, (N, 28, 28), uint8.
        targets: the digits, (N,), int64.
        classes: the names of the targets.
        class_to_idx: from name to target.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a file is damaged.

    Example:
        >>> from fnn.vision import datasets, transforms
        >>> to_array = transforms.ToTensor()
        >>> digits = datasets.MNIST("data", train=False, transform=to_array, download=True)  # doctest: +SKIP
        >>> len(digits), digits[0][0].shape  # doctest: +SKIP
        (10000, (1, 28, 28))
        >>> datasets.MNIST.classes[:2]
        ['0 - zero', '1 - one']
    """

    mirrors: ClassVar[list[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources: ClassVar[list[tuple[str, str]]] = _resources(
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    )
    training_file = "training.pt"
    test_file = "test.pt"
    classes = _names(
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven", "8 - eight",
        "9 - nine",
    )  # fmt: skip

    train_labels = _renamed("train_labels", "targets")
    test_labels = _renamed("test_labels", "targets")
    train_data = _renamed("train_data", "data")
    test_data = _renamed("test_data", "data")

    def __init__(
        self,
        root: str | Path,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if self._processed():
            self.data, self.targets = self._load_processed()
            return
        if download:
            self.download()
        if not self._check_exists():
            raise ArgumentError(
                f"Dataset not found. You can use download=True to download it, or put its files into {self.raw_folder}"
            )
        self.data, self.targets = self._read()

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        return read_images(self.images_file), read_labels(self.labels_file)

    def _processed(self) -> bool:
        """Whether there are the files that torchvision made of the data set before 2020."""
        return all(
            check_integrity(os.path.join(self.processed_folder, f)) for f in (self.training_file, self.test_file)
        )

    def _load_processed(self) -> tuple[np.ndarray, np.ndarray]:
        from fnn.serialization import load

        images, targets = load(
            os.path.join(self.processed_folder, self.training_file if self.train else self.test_file),
            weights_only=True,
        )
        return np.asarray(images), np.asarray(targets).astype(np.int64)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(pil_from_array(self.data[index], "L"), int(self.targets[index]))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def raw_folder(self) -> str:
        """Where the IDX files are."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        """Where torchvision once put its own files."""
        return os.path.join(self.root, type(self).__name__, "processed")

    @property
    def images_file(self) -> str:
        """The IDX file of the pictures."""
        return os.path.join(self.raw_folder, f"{'train' if self.train else 't10k'}-images-idx3-ubyte")

    @property
    def labels_file(self) -> str:
        """The IDX file of the targets."""
        return os.path.join(self.raw_folder, f"{'train' if self.train else 't10k'}-labels-idx1-ubyte")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """From the name of a class to its target."""
        return {name: i for i, name in enumerate(self.classes)}

    def _check_exists(self) -> bool:
        return all(_readable(os.path.join(self.raw_folder, Path(name).stem)) for name, _ in self.resources)

    def _unpacked(self) -> bool:
        return all(os.path.isfile(os.path.join(self.raw_folder, Path(name).stem)) for name, _ in self.resources)

    def download(self) -> None:
        """Downloads what is not there, from the first mirror that has it.

        Raises:
            fnn.utils.hub.DownloadError: no mirror has it; the message says what each answered.
        """
        if self._unpacked():
            return
        for filename, md5 in self.resources:
            failures = []
            for mirror in self.mirrors:
                try:
                    download_and_extract_archive(mirror + filename, self.raw_folder, filename=filename, md5=md5)
                except (RuntimeError, OSError) as error:
                    failures.append(f"Tried {mirror}, got:\n{error}\n")
                else:
                    break
            else:
                from fnn.utils.hub import DownloadError

                raise DownloadError(f"Error downloading {filename}:\n" + "".join(failures))

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {'Train' if self.train is True else 'Test'}"


class FashionMNIST(MNIST):
    """Zalando's articles (https://github.com/zalandoresearch/fashion-mnist), in the format and numbers of `MNIST`.

    Args:
        root: the folder above ``FashionMNIST/raw``.
        train: the pictures to train on, or those to test.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.

    Example:
        >>> from fnn.vision import datasets
        >>> clothes = datasets.FashionMNIST("data", download=True)  # doctest: +SKIP
        >>> datasets.FashionMNIST.classes[:2]
        ['T-shirt/top', 'Trouser']
    """

    mirrors: ClassVar[list[str]] = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = _resources(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )
    classes = _names(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    )  # fmt: skip


class KMNIST(MNIST):
    """Cursive Japanese characters (http://codh.rois.ac.jp/kmnist/), in the format and numbers of `MNIST`.

    Args:
        root: the folder above ``KMNIST/raw``.
        train: the pictures to train on, or those to test.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.

    Example:
        >>> from fnn.vision import datasets
        >>> characters = datasets.KMNIST("data", download=True)  # doctest: +SKIP
        >>> datasets.KMNIST.classes[:2]
        ['o', 'ki']
    """

    mirrors: ClassVar[list[str]] = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = _resources(
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    )
    classes = _names("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


_MERGED = set("cijklmopsuvwxyz")  # small letters that look like their capitals
_CHARACTERS = set(string.digits + string.ascii_letters)


class EMNIST(MNIST):
    """Handwritten letters and digits (https://www.nist.gov/itl/products-and-services/emnist-dataset), 28x28, grey.

    Args:
        root: the folder above ``EMNIST/raw``.
        split: ``"byclass"``, ``"bymerge"``, ``"balanced"``, ``"letters"``, ``"digits"`` or ``"mnist"``.
        **kwargs: those of `MNIST`.

    Example:
        >>> from fnn.vision import datasets
        >>> letters = datasets.EMNIST("data", split="letters", download=True)  # doctest: +SKIP
        >>> datasets.EMNIST.splits
        ('byclass', 'bymerge', 'balanced', 'letters', 'digits', 'mnist')
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    classes_split_dict: ClassVar[dict[str, list[str]]] = {
        "byclass": sorted(_CHARACTERS),
        "bymerge": sorted(_CHARACTERS - _MERGED),
        "balanced": sorted(_CHARACTERS - _MERGED),
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }

    def __init__(self, root: str | Path, split: str, **kwargs: Any) -> None:
        self.split = verify_str_arg(split, "split", self.splits)
        self.training_file = f"training_{split}.pt"
        self.test_file = f"test_{split}.pt"
        super().__init__(root, **kwargs)
        self.classes = self.classes_split_dict[self.split]

    def _file(self, kind: str) -> str:
        return os.path.join(self.raw_folder, f"emnist-{self.split}-{'train' if self.train else 'test'}-{kind}-ubyte")

    @property
    def images_file(self) -> str:
        """The IDX file of the pictures."""
        return self._file("images-idx3")

    @property
    def labels_file(self) -> str:
        """The IDX file of the targets."""
        return self._file("labels-idx1")

    def _check_exists(self) -> bool:
        return _readable(self.images_file) and _readable(self.labels_file)

    def download(self) -> None:
        """Downloads all splits, unless the one asked for is there."""
        if self._check_exists():
            return
        download_and_extract_archive(self.url, self.raw_folder, md5=self.md5)
        folder = os.path.join(self.raw_folder, "gzip")
        for name in os.listdir(folder):
            if name.endswith(".gz"):
                extract_archive(os.path.join(folder, name), self.raw_folder)
        shutil.rmtree(folder)


_QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"


class QMNIST(MNIST):
    """`MNIST` with what is known of each digit, and with 50,000 lost ones (https://github.com/facebookresearch/qmnist).

    A sample is (PIL image of mode L, int), or with ``compat=False`` all eight numbers: the digit, the kind and the
    number of its writer, the number of the digit, the class and two more of NIST's numbers, and where it is in MNIST.

    Args:
        root: the folder above ``QMNIST/raw``.
        what: ``"train"``; ``"test"``, 60,000; ``"test10k"``, those of MNIST; ``"test50k"``, the others; ``"nist"``,
            all. Default: what ``train`` says.
        compat: the target is the digit, as of MNIST.
        train: if ``what`` is None: ``"train"`` or ``"test"``.
        **kwargs: those of `MNIST`.

    Attributes:
        data: the pictures, (N, 28, 28), uint8.
        targets: what is known of them, (N, 8), int64.

    Example:
        >>> from fnn.vision import datasets
        >>> digits = datasets.QMNIST("data", what="test50k", compat=False, download=True)  # doctest: +SKIP
        >>> sorted(datasets.QMNIST.subsets)
        ['nist', 'test', 'test10k', 'test50k', 'train']
    """

    subsets: ClassVar[dict[str, str]] = {
        "train": "train",
        "test": "test",
        "test10k": "test",
        "test50k": "test",
        "nist": "nist",
    }
    resources: ClassVar[dict[str, list[tuple[str, str]]]] = {  # pyright: ignore[reportIncompatibleVariableOverride]
        "train": [
            (f"{_QMNIST}qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
            (f"{_QMNIST}qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
        ],
        "test": [
            (f"{_QMNIST}qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
            (f"{_QMNIST}qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
        ],
        "nist": [
            (f"{_QMNIST}xnist-images-idx3-ubyte.xz", "7f124b3b8ab81486c9d8c2749c17f834"),
            (f"{_QMNIST}xnist-labels-idx2-int.xz", "5ed0e788978e45d4a8bd4b7caec3d79d"),
        ],
    }
    classes = MNIST.classes

    def __init__(
        self, root: str | Path, what: str | None = None, compat: bool = True, train: bool = True, **kwargs: Any
    ) -> None:
        what = ("train" if train else "test") if what is None else what
        self.what = verify_str_arg(what, "what", self.subsets)
        self.compat = compat
        self.data_file = self.training_file = self.test_file = f"{what}.pt"
        super().__init__(root, train, **kwargs)
        if what in ("test10k", "test50k") and not self._processed():
            kept = slice(10000) if what == "test10k" else slice(10000, None)
            self.data, self.targets = self.data[kept], self.targets[kept]

    def _file(self, place: int) -> str:
        url, _ = self.resources[self.subsets[self.what]][place]
        return os.path.join(self.raw_folder, os.path.splitext(os.path.basename(url))[0])

    @property
    def images_file(self) -> str:
        """The IDX file of the pictures."""
        return self._file(0)

    @property
    def labels_file(self) -> str:
        """The IDX file of what is known of them."""
        return self._file(1)

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        return read_images(self.images_file), read_rows(self.labels_file)

    def _check_exists(self) -> bool:
        return _readable(self.images_file) and _readable(self.labels_file)

    def download(self) -> None:
        """Downloads and unpacks what was asked for, unless that has been done."""
        if os.path.isfile(self.images_file) and os.path.isfile(self.labels_file):
            return
        for url, md5 in self.resources[self.subsets[self.what]]:
            download_and_extract_archive(url, self.raw_folder, md5=md5)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        known = self.targets[index]
        return self._sample(pil_from_array(self.data[index], "L"), int(known[0]) if self.compat else known)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {self.what}"
