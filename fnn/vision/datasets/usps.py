"""USPS."""

import bz2
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fnn.vision._images import pil_from_array
from fnn.vision.datasets._pictures import not_found
from fnn.vision.datasets.utils import corrupt, download_url
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["USPS"]

_SERVER = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"


class USPS(VisionDataset):
    """Digits from envelopes, 16x16, grey (https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps).

    A sample is (PIL image of mode L, int).

    Args:
        root: the folder of the file.
        train: the digits to train on, or those to test.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download the file if it is not there.

    Attributes:
        data: the pictures, (N, 16, 16), uint8.
        targets: the digits.

    Raises:
        ArgumentError: the file is not there.
        fnn.serialization.CorruptFileError: it cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> digits = datasets.USPS("data", train=False, download=True)  # doctest: +SKIP
        >>> datasets.USPS.split_list["test"][1]
        'usps.t.bz2'
    """

    split_list: ClassVar[dict[str, list[str]]] = {
        "train": [f"{_SERVER}usps.bz2", "usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"],
        "test": [f"{_SERVER}usps.t.bz2", "usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"],
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
        url, name, md5 = self.split_list["train" if train else "test"]
        path = Path(self.root) / name
        if download and not path.exists():
            download_url(url, self.root, name, md5)
        if not path.is_file():
            raise not_found("USPS", path)
        try:
            with bz2.open(path, "rt", encoding="ascii") as file:
                lines = [line.split() for line in file]
            pixels = np.array([[float(x.rpartition(":")[2]) for x in line[1:]] for line in lines], np.float32)
            self.data = ((pixels.reshape(-1, 16, 16) + 1) / 2 * 255).astype(np.uint8)
            self.targets = [int(line[0]) - 1 for line in lines]
        except (OSError, EOFError, ValueError, IndexError) as error:
            raise corrupt(path, f"should have lines of a label and 256 numbers ({error})") from error

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(pil_from_array(self.data[index], "L"), int(self.targets[index]))

    def __len__(self) -> int:
        return len(self.data)
