"""Street View House Numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fnn.vision._images import pil_from_array
from fnn.vision.datasets._mat import read_mat
from fnn.vision.datasets._pictures import not_found
from fnn.vision.datasets.utils import check_integrity, corrupt, download_url, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["SVHN"]

_SERVER = "http://ufldl.stanford.edu/housenumbers/"


def _part(name: str, md5: str) -> list[str]:
    return [f"{_SERVER}{name}_32x32.mat", f"{name}_32x32.mat", md5]


class SVHN(VisionDataset):
    """Digits of house numbers (http://ufldl.stanford.edu/housenumbers/), 32x32, in colour.

    A sample is (PIL image of mode RGB, int).  The digit 0, which the files call 10, is 0.

    Args:
        root: the folder of the file.
        split: ``"train"``, ``"test"`` or ``"extra"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download the file if it is not there.

    Attributes:
        data: the pictures, (N, 3, 32, 32), uint8.
        labels: the digits, (N,), int64.

    Raises:
        ArgumentError: the file is not there, or not the one that was published.
        fnn.serialization.CorruptFileError: it cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> numbers = datasets.SVHN("data", split="test", download=True)  # doctest: +SKIP
        >>> list(datasets.SVHN.split_list)
        ['train', 'test', 'extra']
    """

    split_list: ClassVar[dict[str, list[str]]] = {
        "train": _part("train", "e26dedcc434d2e4c54c9b2d4a06d8373"),
        "test": _part("test", "eb5a983be6a315427106f1b164d9cef3"),
        "extra": _part("extra", "a93ce644f1a588dc4d68dda5feec44a7"),
    }

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", self.split_list)
        self.url, self.filename, self.file_md5 = self.split_list[split]
        if download:
            self.download()
        path = Path(self.root) / self.filename
        if not check_integrity(path, self.file_md5):
            raise not_found("SVHN", path.parent)
        arrays = read_mat(path)
        images, labels = arrays.get("X"), arrays.get("y")
        if images is None or labels is None or images.shape != (32, 32, 3, labels.size) or images.dtype != np.uint8:
            raise corrupt(path, "should hold pictures X (32, 32, 3, N), uint8, and N labels y")
        self.data = images.transpose(3, 2, 0, 1)
        self.labels = labels.reshape(-1).astype(np.int64) % 10

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(pil_from_array(self.data[index].transpose(1, 2, 0), "RGB"), int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)

    def download(self) -> None:
        """Downloads the file, unless it is there."""
        download_url(self.url, self.root, self.filename, self.file_md5)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {self.split}"
