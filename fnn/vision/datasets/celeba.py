"""CelebA: faces of the famous."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision.datasets._pictures import as_it_is, below, lone, not_found
from fnn.vision.datasets.utils import (
    check_integrity,
    corrupt,
    download_file_from_google_drive,
    extract_archive,
    verify_str_arg,
)
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["CelebA"]

_PARTS = {"train": 0, "valid": 1, "test": 2, "all": None}


@dataclass(frozen=True)
class CSV:
    """A table: the names of its columns, of its rows, and its numbers (rows, columns)."""

    header: list[str]
    index: list[str]
    data: np.ndarray


class CelebA(VisionDataset):
    """Faces, 178x218, and what is to be seen in them (http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html).

    A sample is (PIL image in the mode of its file, target): for ``"attr"`` 40 zeros and ones, for ``"identity"`` the
    number of the person, for ``"bbox"`` the box (x, y, width, height) in the picture that the face was cut from, for
    ``"landmarks"`` ten coordinates; arrays of numpy, int64. For several types it is a tuple, for none of them None.

    Args:
        root: the folder above ``celeba``.
        split: ``"train"``, ``"valid"``, ``"test"`` or ``"all"``.
        target_type: one of the types above, or a list of these.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the files, unless they have been.

    Attributes:
        attr_names: what the 40 attributes say, and an empty name.
        filename: the names of the pictures.

    Raises:
        ArgumentError: the files are not there; a ``target_transform`` of nothing.
        fnn.serialization.CorruptFileError: a list cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> faces = datasets.CelebA("data", split="valid", target_type=["attr", "identity"])  # doctest: +SKIP
        >>> image, (attributes, person) = faces[0]  # doctest: +SKIP
    """

    base_folder = "celeba"
    file_list = (
        ("0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb", "img_align_celeba.zip"),
        ("0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c", "list_attr_celeba.txt"),
        ("1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS", "32bd1bd63d3c78cd57e08160ec5ed1e2", "identity_CelebA.txt"),
        ("0B7EVK8r0v71pbThiMVRxWXZ4dU0", "00566efa6fedff7a56946cd1c10f1c16", "list_bbox_celeba.txt"),
        ("0B7EVK8r0v71pd0FJY3Blby1HUTQ", "cc24ecafdb5b50baae59b03474781f8c", "list_landmarks_align_celeba.txt"),
        ("0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668", "list_eval_partition.txt"),
    )

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        target_type: list[str] | str = "attr",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = split
        self.target_type = target_type if isinstance(target_type, list) else [target_type]
        for kind in self.target_type:
            verify_str_arg(kind, "target_type", ("attr", "identity", "bbox", "landmarks"))
        if not self.target_type and target_transform is not None:
            raise ArgumentError("target_transform is specified but target_type is empty")
        part = _PARTS[verify_str_arg(split.lower() if isinstance(split, str) else split, "split", _PARTS)]
        self._folder = Path(self.root) / self.base_folder
        if download:
            self.download()
        if not self._check_integrity():
            raise not_found("CelebA", self._folder)
        parts = self._load_csv("list_eval_partition.txt")
        tables = [self._load_csv("identity_CelebA.txt")]
        for name in ("list_bbox_celeba.txt", "list_landmarks_align_celeba.txt", "list_attr_celeba.txt"):
            tables.append(self._load_csv(name, header=1))
        if len({len(table.data) for table in (parts, *tables)}) > 1:
            raise corrupt(self._folder, "its lists are not of one length")
        kept = np.arange(len(parts.data)) if part is None else np.flatnonzero(parts.data[:, 0] == part)
        self.filename = [parts.index[i] for i in kept]
        self.identity, self.bbox, self.landmarks_align, signs = (table.data[kept] for table in tables)
        self.attr = (signs + 1) // 2  # from -1 and 1
        self.attr_names = tables[-1].header

    def _load_csv(self, filename: str, header: int | None = None) -> CSV:
        file = self._folder / filename
        with open(file, newline="") as opened:
            rows = list(csv.reader(opened, delimiter=" ", skipinitialspace=True))
        names = [] if header is None else rows[header] if len(rows) > header else []
        rows = rows if header is None else rows[header + 1 :]
        try:
            numbers = np.array([[int(cell) for cell in row[1:]] for row in rows], np.int64)
            return CSV(names, [row[0] for row in rows], numbers)
        except (ValueError, IndexError) as error:
            raise corrupt(file, f"should be a table of names and integers ({error})") from error

    def _check_integrity(self) -> bool:
        lists = all(check_integrity(self._folder / n, md5) for _, md5, n in self.file_list if not n.endswith(".zip"))
        return lists and (self._folder / "img_align_celeba").is_dir()

    def download(self) -> None:
        """Downloads the files and unpacks the pictures, unless that has been done."""
        if self._check_integrity():
            return
        for file_id, md5, filename in self.file_list:
            download_file_from_google_drive(file_id, self._folder, filename, md5)
        extract_archive(self._folder / "img_align_celeba.zip")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        folder = self._folder / "img_align_celeba"
        image = as_it_is(below(folder, self.filename[index], self._folder / "list_eval_partition.txt"))
        kinds = {
            "attr": lambda: self.attr[index],
            "identity": lambda: self.identity[index, 0],
            "bbox": lambda: self.bbox[index],
            "landmarks": lambda: self.landmarks_align[index],
        }
        found = [kinds[kind]() for kind in self.target_type]
        if found:
            return self._sample(image, lone(found))
        return (image if self.transform is None else self.transform(image)), None

    def __len__(self) -> int:
        return len(self.attr)

    def extra_repr(self) -> str:
        """What a target is, and which part it is."""
        return f"Target type: {self.target_type}\nSplit: {self.split}"
