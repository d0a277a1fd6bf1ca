"""CIFAR-10 and CIFAR-100 in their version for Python."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import pil_from_array
from fnn.vision.datasets._batches import read_batch
from fnn.vision.datasets.utils import check_integrity, corrupt, download_and_extract_archive
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["CIFAR10", "CIFAR100"]


class CIFAR10(VisionDataset):
    """Photographs of ten classes (https://www.cs.toronto.edu/~kriz/cifar.html): 50,000 and 10,000, 32x32, RGB.

    A sample is (PIL image of mode RGB, int).  The files are looked for in ``root/cifar-10-batches-py``; they are
    pickles, of which nothing is executed.

    Args:
        root: the folder above ``cifar-10-batches-py``.
        train: the pictures to train on, or those to test.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.

    Attributes:
        data: the pictures, (N, 32, 32, 3), uint8.
        targets: the classes, a list of N int.
        classes: the names of the targets.
        class_to_idx: from name to target.

    Raises:
        ArgumentError: the files are not there, or not the published ones.
        fnn.serialization.CorruptFileError: a file holds something else than pictures.

    Example:
        >>> from fnn.vision import datasets
        >>> photographs = datasets.CIFAR10("data", train=False, download=True)  # doctest: +SKIP
        >>> photographs.classes[:3], photographs[0][0].size  # doctest: +SKIP
        (['airplane', 'automobile', 'bird'], (32, 32))
        >>> datasets.CIFAR10.base_folder
        'cifar-10-batches-py'
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list: ClassVar[list[list[str]]] = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list: ClassVar[list[list[str]]] = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta: ClassVar[dict[str, str]] = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "5ff9c542aee3614f3951f8cda6e48888",
    }

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
        if download:
            self.download()
        if not self._check_integrity():
            raise ArgumentError(
                "Dataset not found or corrupted. You can use download=True to download it, or put its files into "
                f"{self._path('')}"
            )
        self.targets: list[int] = []
        pictures = []
        for name, _ in self.train_list if self.train else self.test_list:
            data, labels = self._read(name)
            pictures.append(data)
            self.targets += labels
        self.data = np.concatenate(pictures).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        self._load_meta()

    def _path(self, name: str) -> str:
        return os.path.join(self.root, self.base_folder, name)

    def _read(self, name: str) -> tuple[np.ndarray, list[int]]:
        batch = read_batch(self._path(name))
        data, labels = batch.get("data"), batch.get("labels", batch.get("fine_labels"))
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
            raise corrupt(self._path(name), "'data' should be an array (N, 3072) of uint8")
        if not isinstance(labels, list) or len(labels) != len(data) or not all(isinstance(x, int) for x in labels):
            raise corrupt(self._path(name), f"there should be a list of {len(data)} integers as labels")
        return data, labels

    def _load_meta(self) -> None:
        path = self._path(self.meta["filename"])
        if not check_integrity(path, self.meta["md5"]):
            raise ArgumentError(
                f"Dataset metadata file not found or corrupted: {path}. You can use download=True to download it"
            )
        names = read_batch(path).get(self.meta["key"])
        if not isinstance(names, list):
            raise corrupt(path, f"there should be a list {self.meta['key']!r}")
        self.classes = names
        self.class_to_idx = {name: i for i, name in enumerate(names)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(pil_from_array(self.data[index], "RGB"), self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def _check_integrity(self) -> bool:
        return all(check_integrity(self._path(name), md5) for name, md5 in self.train_list + self.test_list)

    def download(self) -> None:
        """Downloads and unpacks the archive, unless the files are there and whole."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {'Train' if self.train is True else 'Test'}"


class CIFAR100(CIFAR10):
    """Photographs of a hundred classes (https://www.cs.toronto.edu/~kriz/cifar.html), otherwise as `CIFAR10`.

    Args:
        root: the folder above ``cifar-100-python``.
        train: the pictures to train on, or those to test.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.

    Example:
        >>> from fnn.vision import datasets
        >>> photographs = datasets.CIFAR100("data", download=True)  # doctest: +SKIP
        >>> datasets.CIFAR100.base_folder
        'cifar-100-python'
    """

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list: ClassVar[list[list[str]]] = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list: ClassVar[list[list[str]]] = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta: ClassVar[dict[str, str]] = {
        "filename": "meta",
        "key": "fine_label_names",
        "md5": "7973b15100ade9c7d40fb424638fde48",
    }
