"""SEMEION: handwritten digits."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fnn.vision._images import pil_from_array
from fnn.vision.datasets._pictures import not_found
from fnn.vision.datasets.utils import check_integrity, corrupt, download_url
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["SEMEION"]


class SEMEION(VisionDataset):
    """1,593 handwritten digits, 16x16, black or white (http://archive.ics.uci.edu/ml/datasets/semeion+handwritten+digit).

    A sample is (PIL image of mode L, int).

    Args:
        root: the folder of ``semeion.data``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download the file, unless it is there.

    Attributes:
        data: the pictures, (N, 16, 16), uint8.
        labels: the digits, (N,), int64.

    Raises:
        ArgumentError: the file is not there.
        fnn.serialization.CorruptFileError: it cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> image, digit = datasets.SEMEION("data", download=True)[0]  # doctest: +SKIP
    """

    url = "http://archive.ics.uci.edu/ml/machine-learning-databases/semeion/semeion.data"
    filename = "semeion.data"
    md5_checksum = "cb545d371d2ce14ec121470795a77432"

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = True,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        path = os.path.join(self.root, self.filename)
        if download:
            self.download()
        if not self._check_integrity():
            raise not_found("SEMEION", self.root)
        try:
            rows = np.loadtxt(path, ndmin=2)
        except ValueError as error:
            raise corrupt(path, str(error)) from error
        if rows.shape[1] != 266 or not ((rows[:, 256:] != 0).sum(1) == 1).all():
            raise corrupt(path, f"should have lines of 256 pixels and a digit as ten numbers, found shape {rows.shape}")
        self.data = (rows[:, :256] * 255).astype(np.uint8).reshape(-1, 16, 16)
        self.labels = np.nonzero(rows[:, 256:])[1]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(pil_from_array(self.data[index], "L"), int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, self.filename), self.md5_checksum)

    def download(self) -> None:
        """Downloads the file, unless it is there."""
        download_url(self.url, self.root, self.filename, self.md5_checksum)
