"""WIDER FACE: where faces are."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fnn.vision.datasets._pictures import as_it_is, below, not_found
from fnn.vision.datasets.utils import (
    corrupt,
    download_and_extract_archive,
    download_file_from_google_drive,
    extract_archive,
    verify_str_arg,
)
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["WIDERFace"]

_COLUMNS = ("blur", "expression", "illumination", "occlusion", "pose", "invalid")


class WIDERFace(VisionDataset):
    """Pictures with many faces, and their boxes (http://shuoyang1213.me/WIDERFACE/).

    A sample is (PIL image in the mode of its file, dict of arrays of numpy, int64): ``"bbox"``, (N, 4), left, top,
    width, height of each face; ``"blur"``, ``"expression"``, ``"illumination"``, ``"occlusion"``, ``"pose"`` and
    ``"invalid"``, (N,).  Of the part to test the target is None.

    Args:
        root: the folder above ``widerface``.
        split: ``"train"``, ``"val"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archives, unless they have been.

    Attributes:
        img_info: for each picture a dict with its path, ``"img_path"``, and its ``"annotations"``.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: the list of faces cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> image, faces = datasets.WIDERFace("data", split="val", download=True)[0]  # doctest: +SKIP
        >>> faces["bbox"].shape  # doctest: +SKIP
        (1, 4)
    """

    BASE_FOLDER = "widerface"
    FILE_LIST: ClassVar[list[tuple[str, str, str]]] = [
        ("15hGDLhsx8bLgLcIRD5DhYt5iBxnjNF1M", "3fedf70df600953d25982bcd13d91ba2", "WIDER_train.zip"),
        ("1GUCogbp16PMGa39thoMMeWxp7Rp5oM8Q", "dfa7d7e790efa35df3788964cf0bbaea", "WIDER_val.zip"),
        ("1HIfDbVEWKmsYKJZm4lchTBDLW5N7dY5T", "e5d8f4248ed24c334bbd12f49c29dd40", "WIDER_test.zip"),
    ]
    ANNOTATIONS_FILE = (
        "http://shuoyang1213.me/WIDERFACE/support/bbx_annotation/wider_face_split.zip",
        "0e3767bcf0e326556d407bf5bff5d27c",
        "wider_face_split.zip",
    )

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(os.path.join(root, self.BASE_FOLDER), transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", ("train", "val", "test"))
        if download:
            self.download()
        if not self._check_integrity():
            raise not_found("WIDERFace", self.root)
        self.img_info: list[dict[str, Any]] = []
        lists = Path(self.root).absolute() / "wider_face_split"
        self._images = Path(self.root).absolute() / f"WIDER_{split}" / "images"
        if split == "test":
            listed = lists / "wider_face_test_filelist.txt"
            names = listed.read_text().splitlines()
            self.img_info = [{"img_path": str(below(self._images, name.rstrip(), listed))} for name in names]
        else:
            self._read_faces(lists / f"wider_face_{split}_bbx_gt.txt")

    def _read_faces(self, listed: Path) -> None:
        """Of each picture the name, the number of faces, and a line for each; one of zeros if there is none."""
        lines = [line.rstrip() for line in listed.read_text().splitlines()]
        at = 0
        while at < len(lines):
            try:
                count = max(1, int(lines[at + 1]))
                rows = [[int(cell) for cell in line.split(" ")] for line in lines[at + 2 : at + 2 + count]]
                numbers = np.array(rows, np.int64).reshape(count, 10)
            except (ValueError, IndexError) as error:
                raise corrupt(listed, f"after line {at + 1} should be faces of ten integers each ({error})") from error
            faces = {"bbox": numbers[:, :4].copy()}
            faces |= {name: numbers[:, 4 + i].copy() for i, name in enumerate(_COLUMNS)}
            self.img_info.append({"img_path": str(below(self._images, lines[at], listed)), "annotations": faces})
            at += 2 + count

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        found = self.img_info[index]
        return self._sample(as_it_is(found["img_path"]), found.get("annotations"))

    def __len__(self) -> int:
        return len(self.img_info)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {self.split}"

    def _check_integrity(self) -> bool:
        archives = [name for _, _, name in self.FILE_LIST] + [self.ANNOTATIONS_FILE[2]]
        return all(os.path.exists(os.path.join(self.root, name.removesuffix(".zip"))) for name in archives)

    def download(self) -> None:
        """Downloads and unpacks the archives, unless that has been done."""
        if self._check_integrity():
            return
        for file_id, md5, name in self.FILE_LIST:
            download_file_from_google_drive(file_id, self.root, name, md5)
            extract_archive(os.path.join(self.root, name))
        url, md5, _ = self.ANNOTATIONS_FILE
        download_and_extract_archive(url, self.root, md5=md5)
