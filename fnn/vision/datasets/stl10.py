"""STL-10."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import pil_from_array
from fnn.vision.datasets._pictures import not_found
from fnn.vision.datasets.utils import check_integrity, corrupt, download_and_extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["STL10"]

_SHAPE = (3, 96, 96)


class STL10(VisionDataset):
    """Ten classes with few labels and many pictures without one (https://cs.stanford.edu/~acoates/stl10/), 96x96.

    A sample is (PIL image of mode RGB, int), with -1 for a picture without label.

    Args:
        root: the folder above ``stl10_binary``.
        split: ``"train"``, ``"test"``, ``"unlabeled"`` or ``"train+unlabeled"``.
        folds: which of the ten published folds of 1,000 pictures to train on; None: all 5,000.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.

    Attributes:
        data: the pictures, (N, 3, 96, 96), uint8.
        labels: the targets, (N,).
        classes: the names of the targets.

    Raises:
        ArgumentError: the files are not there, or not the published ones; ``folds`` is out of range.
        fnn.serialization.CorruptFileError: a file cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> pictures = datasets.STL10("data", split="unlabeled", download=True)  # doctest: +SKIP
        >>> datasets.STL10.splits
        ('train', 'train+unlabeled', 'unlabeled', 'test')
    """

    base_folder = "stl10_binary"
    url = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    filename = "stl10_binary.tar.gz"
    tgz_md5 = "91f7769df0f17e558f3565bffb0c7dfb"
    class_names_file = "class_names.txt"
    folds_list_file = "fold_indices.txt"
    train_list: ClassVar[list[list[str]]] = [
        ["train_X.bin", "918c2871b30a85fa023e0c44e0bee87f"],
        ["train_y.bin", "5a34089d4802c674881badbb80307741"],
        ["unlabeled_X.bin", "5242ba1fed5e4be9e1e742405eb56ca4"],
    ]
    test_list: ClassVar[list[list[str]]] = [
        ["test_X.bin", "7f263ba9f9e0b06b93213547f721ac82"],
        ["test_y.bin", "36f9794fa4beb8a2c72628de14fa638e"],
    ]
    splits = ("train", "train+unlabeled", "unlabeled", "test")

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        folds: int | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", self.splits)
        if folds is not None and (not isinstance(folds, int) or not 0 <= folds < 10):
            raise ArgumentError(f"STL10: argument 'folds' (={folds!r}) must be None or an int from 0 to 9")
        self.folds = folds
        self._folder = Path(self.root) / self.base_folder
        if download:
            self.download()
        elif not self._check_integrity():
            raise not_found("STL10", self._folder)
        images, labels = [], []
        if split in ("train", "train+unlabeled"):
            x, y = self._images(self.train_list[0][0]), self._targets(self.train_list[1][0])
            chosen = slice(None) if folds is None else self._fold(folds, len(x))
            images, labels = [x[chosen]], [y[chosen]]
        if split in ("unlabeled", "train+unlabeled"):
            images.append(self._images(self.train_list[2][0]))
            labels.append(np.full(len(images[-1]), -1, np.int64))
        if split == "test":
            images, labels = [self._images(self.test_list[0][0])], [self._targets(self.test_list[1][0])]
        self.data, self.labels = np.concatenate(images), np.concatenate(labels)
        if len(self.data) != len(self.labels):
            raise corrupt(self._folder, f"{len(self.data)} pictures, but {len(self.labels)} labels")
        names = self._folder / self.class_names_file
        self.classes = names.read_text().splitlines() if names.is_file() else []

    def _images(self, name: str) -> np.ndarray:
        numbers = np.fromfile(self._folder / name, np.uint8)
        if numbers.size % np.prod(_SHAPE):
            raise corrupt(self._folder / name, f"{numbers.size} bytes are not whole pictures of shape {_SHAPE}")
        return numbers.reshape(-1, *_SHAPE).transpose(0, 1, 3, 2)  # column by column in the file

    def _targets(self, name: str) -> np.ndarray:
        return np.fromfile(self._folder / name, np.uint8).astype(np.int64) - 1

    def _fold(self, folds: int, count: int) -> np.ndarray:
        path = self._folder / self.folds_list_file
        lines = path.read_text().splitlines()
        try:
            chosen = np.array([int(i) for i in lines[folds].split()])
        except (IndexError, ValueError) as error:
            raise corrupt(path, f"line {folds + 1} should list the numbers of pictures") from error
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < count):
            raise corrupt(path, f"line {folds + 1} lists pictures that there are not")
        return chosen

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(pil_from_array(self.data[index].transpose(1, 2, 0), "RGB"), int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)

    def _check_integrity(self) -> bool:
        return all(check_integrity(self._folder / name, md5) for name, md5 in self.train_list + self.test_list)

    def download(self) -> None:
        """Downloads and unpacks the archive, unless all files are there."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {self.split}"
