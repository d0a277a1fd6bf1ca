"""Caltech 101 and Caltech 256."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._mat import read_mat
from fnn.vision.datasets._pictures import as_it_is, lone, not_found
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["Caltech101", "Caltech256"]

# The folders of outlines that are named otherwise than those of pictures.
_OUTLINES = {
    "Faces": "Faces_2",
    "Faces_easy": "Faces_3",
    "Motorbikes": "Motorbikes_16",
    "airplanes": "Airplanes_Side_2",
}


class _Caltech(VisionDataset):
    """Folders of numbered pictures."""

    _FOLDER: str

    def __init__(
        self,
        root: str | Path,
        name: str,
        transform: Callable[[Any], Any] | None,
        target_transform: Callable[[Any], Any] | None,
        download: bool,
    ) -> None:
        super().__init__(os.path.join(root, name), transform=transform, target_transform=target_transform)
        self._folder = Path(self.root) / self._FOLDER
        if download:
            self.download()
        if not self._folder.exists():
            raise not_found(type(self).__name__, self._folder)
        self.categories = sorted(os.listdir(self._folder))

    def _number(self, end: str) -> None:
        """Lists the pictures: the files of a category are numbered from 1 without a gap."""
        counts = [sum(name.endswith(end) for name in os.listdir(self._folder / c)) for c in self.categories]
        self.index = [i for count in counts for i in range(1, count + 1)]
        self.y = [label for label, count in enumerate(counts) for _ in range(count)]

    def __len__(self) -> int:
        return len(self.index)

    def download(self) -> None:
        """Downloads and unpacks the archive, unless that has been done."""
        raise NotImplementedError


class Caltech101(_Caltech):
    """Pictures of things of 101 kinds, and outlines of these (https://data.caltech.edu/records/20086).

    A sample is (PIL image in the mode of its file, target): for ``"category"`` an int, for ``"annotation"`` the
    corners of the outline, an array (2, N) of numpy; for several types a tuple.

    Args:
        root: the folder above ``caltech101``.
        target_type: ``"category"``, ``"annotation"``, or a list of these.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.

    Attributes:
        categories: the names of the kinds, sorted.
        y: the targets.
        index: the number of each picture within its kind.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: an outline cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> things = datasets.Caltech101("data", target_type="annotation", download=True)  # doctest: +SKIP
        >>> image, outline = things[0]  # doctest: +SKIP
    """

    _FOLDER = "101_ObjectCategories"

    def __init__(
        self,
        root: str | Path,
        target_type: list[str] | str = "category",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        types = [target_type] if isinstance(target_type, str) else target_type
        self.target_type = [verify_str_arg(kind, "target_type", ("category", "annotation")) for kind in types]
        super().__init__(root, "caltech101", transform, target_transform, download)
        self.categories = [name for name in self.categories if name != "BACKGROUND_Google"]  # no kind of thing
        self.annotation_categories = [_OUTLINES.get(name, name) for name in self.categories]
        self._number("")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        label, number = self.y[index], self.index[index]
        image = as_it_is(self._folder / self.categories[label] / f"image_{number:04d}.jpg")
        target = [label if kind == "category" else self._outline(label, number) for kind in self.target_type]
        return self._sample(image, lone(target))

    def _outline(self, label: int, number: int) -> Any:
        file = Path(self.root) / "Annotations" / self.annotation_categories[label] / f"annotation_{number:04d}.mat"
        try:
            return read_mat(file)["obj_contour"]
        except KeyError as error:
            raise corrupt(file, "there is no array obj_contour") from error

    def download(self) -> None:
        """Downloads and unpacks the archives, unless that has been done."""
        if self._folder.exists():
            return
        download_and_extract_archive(
            "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
            self.root,
            filename="caltech-101.zip",
            md5="3138e1922a9193bfa496528edbbc45d0",
            remove_finished=True,
        )
        inside = Path(self.root) / "caltech-101"
        for file in sorted(inside.glob("*.gz")):
            extract_archive(file, self.root)
        shutil.rmtree(inside)

    def extra_repr(self) -> str:
        """What a target is."""
        return f"Target type: {self.target_type}"


class Caltech256(_Caltech):
    """Pictures of things of 256 kinds, and of others (https://data.caltech.edu/records/20087).

    A sample is (PIL image in the mode of its file, int).

    Args:
        root: the folder above ``caltech256``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.

    Attributes:
        categories: the names of the kinds, sorted.
        y: the targets.
        index: the number of each picture within its kind.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> image, target = datasets.Caltech256("data", download=True)[0]  # doctest: +SKIP
    """

    _FOLDER = "256_ObjectCategories"

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, "caltech256", transform, target_transform, download)
        self._number(".jpg")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        label = self.y[index]
        file = self._folder / self.categories[label] / f"{label + 1:03d}_{self.index[index]:04d}.jpg"
        return self._sample(as_it_is(file), label)

    def download(self) -> None:
        """Downloads and unpacks the archive, unless that has been done."""
        if self._folder.exists():
            return
        download_and_extract_archive(
            "https://data.caltech.edu/records/nyy15-4j048/files/256_ObjectCategories.tar",
            self.root,
            filename="256_ObjectCategories.tar",
            md5="67b4f42ca05d46448c6bb8ecd2220f6d",
        )
