"""FER-2013: what a face expresses."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import pil_from_array
from fnn.vision.datasets.utils import check_integrity, corrupt, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["FER2013"]

_PAGE = "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"


class FER2013(VisionDataset):
    """Faces, 48x48, grey, and which of seven emotions they show (the page of Kaggle's competition has the files).

    A sample is (PIL image of mode L, int).  The files are ``fer2013.csv``, or else ``icml_face_data.csv``, or else
    ``train.csv`` and ``test.csv``: of the last one the targets are None, for they were not published in it.

    Args:
        root: the folder above ``fer2013``.
        split: ``"train"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.

    Raises:
        ArgumentError: the files are not there, or other ones than the published.
        fnn.serialization.CorruptFileError: a row cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> image, emotion = datasets.FER2013("data", split="test")[0]  # doctest: +SKIP
    """

    _RESOURCES = {  # noqa: RUF012
        "train": ("train.csv", "3f0dfb3d3fd99c811a1299cb947e3131"),
        "test": ("test.csv", "b02c2298636a634e8c2faabbf3ea9a23"),
        "fer": ("fer2013.csv", "f8428a1edbd21e88f42c73edd2a14f95"),
        "icml": ("icml_face_data.csv", "b114b9e04e6949e5fe8b6a98b3892b1d"),
    }

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "test"))
        super().__init__(root, transform=transform, target_transform=target_transform)
        folder = Path(self.root) / "fer2013"
        both = next((key for key in ("fer", "icml") if (folder / self._RESOURCES[key][0]).exists()), None)
        name, md5 = self._RESOURCES[both or split]
        if not check_integrity(folder / name, md5):
            raise ArgumentError(f"FER2013: {name} not found in {folder} or corrupted. You can download it from {_PAGE}")
        usages = None if both is None else ("Training",) if split == "train" else ("PublicTest", "PrivateTest")
        self._samples = _read(folder / name, usages, both is not None or split == "train")

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, idx: int) -> tuple[Any, Any]:
        pixels, target = self._samples[idx]
        return self._sample(pil_from_array(pixels, "L"), target)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"split={self._split}"


def _read(file: Path, usages: tuple[str, ...] | None, labelled: bool) -> list[tuple[np.ndarray, int | None]]:
    """The pictures of these usages, and their labels; None: of all."""
    found: list[tuple[np.ndarray, int | None]] = []
    with open(file, newline="") as opened:
        for number, row in enumerate(csv.DictReader(opened, skipinitialspace=True), 2):
            try:
                if usages is not None and row["Usage"] not in usages:
                    continue
                pixels = np.array(row["pixels"].split(), np.uint8).reshape(48, 48)
                found.append((pixels, int(row["emotion"]) if labelled else None))
            except (KeyError, ValueError, AttributeError, OverflowError) as error:
                raise corrupt(file, f"line {number} should have a number and 48 * 48 bytes ({error!r})") from error
    return found
