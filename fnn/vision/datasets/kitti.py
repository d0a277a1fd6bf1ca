"""KITTI's benchmark of detection."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from fnn.vision.datasets._pictures import as_it_is, not_found
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["Kitti"]


class Kitti(VisionDataset):
    """Street scenes and the boxes of what is in them (https://www.cvlibs.net/datasets/kitti/eval_object.php).

    A sample is (PIL image in the mode of its file, list of dict) with ``"type"``, ``"truncated"``, ``"occluded"``,
    ``"alpha"``, ``"bbox"`` (left, top, right, bottom), ``"dimensions"``, ``"location"`` and ``"rotation_y"`` of each
    thing; of the part to test the target is None.

    Args:
        root: the folder above ``Kitti/raw``.
        train: the part to train on, or that to test.
        transform: a function of the picture.
        target_transform: a function of the target.
        transforms: a function of picture and target that returns both.
        download: download and unpack the archives, unless they have been.

    Attributes:
        images: the paths of the pictures, sorted.
        targets: those of the annotations.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: an annotation cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> image, things = datasets.Kitti("data", download=True)[0]  # doctest: +SKIP
        >>> things[0]["type"], things[0]["bbox"]  # doctest: +SKIP
        ('Pedestrian', [712.4, 143.0, 810.73, 307.92])
    """

    data_url = "https://s3.eu-central-1.amazonaws.com/avg-kitti/"
    resources: ClassVar[list[str]] = ["data_object_image_2.zip", "data_object_label_2.zip"]
    image_dir_name = "image_2"
    labels_dir_name = "label_2"

    def __init__(
        self,
        root: str | Path,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.train = train
        self._location = "training" if train else "testing"
        if download:
            self.download()
        if not self._check_exists():
            raise not_found("Kitti", self._raw_folder)
        folder = os.path.join(self._raw_folder, self._location)
        names = sorted(os.listdir(os.path.join(folder, self.image_dir_name)))
        self.images = [os.path.join(folder, self.image_dir_name, name) for name in names]
        labelled = [f"{name.split('.')[0]}.txt" for name in names] if train else []
        self.targets = [os.path.join(folder, self.labels_dir_name, name) for name in labelled]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = as_it_is(self.images[index])
        target = self._parse_target(index) if self.train else None
        return (image, target) if self.transforms is None else self.transforms(image, target)

    def _parse_target(self, index: int) -> list[dict[str, Any]]:
        path, found = self.targets[index], []
        with open(path, newline="") as file:
            for number, row in enumerate(csv.reader(file, delimiter=" "), 1):
                try:
                    numbers = [float(cell) for cell in row[3:15]]
                    found.append(
                        {
                            "type": row[0],
                            "truncated": float(row[1]),
                            "occluded": int(row[2]),
                            "alpha": numbers[0],
                            "bbox": numbers[1:5],
                            "dimensions": numbers[5:8],
                            "location": numbers[8:11],
                            "rotation_y": numbers[11],
                        }
                    )
                except (ValueError, IndexError) as error:
                    raise corrupt(path, f"line {number} should be a name and 14 numbers, found {row}") from error
        return found

    def __len__(self) -> int:
        return len(self.images)

    @property
    def _raw_folder(self) -> str:
        return os.path.join(self.root, type(self).__name__, "raw")

    def _check_exists(self) -> bool:
        folders = [self.image_dir_name, *([self.labels_dir_name] if self.train else [])]
        return all(os.path.isdir(os.path.join(self._raw_folder, self._location, name)) for name in folders)

    def download(self) -> None:
        """Downloads and unpacks the archives, unless that has been done."""
        if not self._check_exists():
            for name in self.resources:
                download_and_extract_archive(f"{self.data_url}{name}", self._raw_folder, filename=name)
