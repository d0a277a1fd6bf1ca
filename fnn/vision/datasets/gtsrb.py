"""The German Traffic Sign Recognition Benchmark."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import LabelledFiles, below, not_found
from fnn.vision.datasets.folder import make_dataset
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, verify_str_arg

__all__ = ["GTSRB"]


class GTSRB(LabelledFiles):
    """Traffic signs of 43 kinds (https://benchmark.ini.rub.de).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``gtsrb``.
        split: ``"train"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: the list of pictures cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> signs = datasets.GTSRB("data", split="test", download=True)  # doctest: +SKIP
        >>> image, target = signs[0]  # doctest: +SKIP
    """

    _URL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
    _RESOURCES = {  # noqa: RUF012  by which tests replace it
        "train": (("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478"),),
        "test": (
            ("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
            ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
        ),
    }

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform, target_transform)
        self._split = verify_str_arg(split, "split", self._RESOURCES)
        self._folder = Path(self.root) / "gtsrb"
        self._pictures = self._folder / "GTSRB" / ("Training" if split == "train" else "Final_Test/Images")
        if download:
            self.download()
        if not self._pictures.is_dir():
            raise not_found("GTSRB", self._folder)
        if split == "train":
            samples = [(Path(path), label) for path, label in make_dataset(str(self._pictures), extensions=(".ppm",))]
        else:
            samples = self._listed(self._folder / "GT-final_test.csv")
        self._samples = [(str(path), label) for path, label in samples]
        self._image_files, self._labels = [path for path, _ in samples], [label for _, label in samples]

    def _listed(self, path: Path) -> list[tuple[Path, int]]:
        try:
            with open(path, newline="", encoding="utf-8") as file:
                said = list(csv.DictReader(file, delimiter=";", skipinitialspace=True))
            return [(below(self._pictures, row["Filename"], path), int(row["ClassId"])) for row in said]
        except (KeyError, ValueError, TypeError, csv.Error) as error:
            if type(error).__module__.startswith("fnn"):
                raise
            raise corrupt(path, f"should have columns 'Filename' and 'ClassId' ({error!r})") from error

    def download(self) -> None:
        """Downloads and unpacks the archives, unless the pictures are there."""
        if not self._pictures.is_dir():
            for name, md5 in self._RESOURCES[self._split]:
                download_and_extract_archive(self._URL + name, self._folder, md5=md5)
